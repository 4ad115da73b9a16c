"""tools/import_map.py: its figures of this package, and how it counts."""

from pathlib import Path

import import_map
import pytest
from import_map import cycle, cycles, figures, inner_chains, longest_chain, packages, read_imports, units
from layered_drawing import Graph


def graph(**imports: str) -> Graph:
    """Return a graph: each name with the names it imports, separated by blanks; `__` stands for a dot."""
    return {name.replace("__", "."): frozenset(imports[name].split()) for name in imports}


SHOP = graph(
    shop="shop.api.app",
    shop__api="",
    shop__api__app="shop.api.routes shop.store",
    shop__api__routes="shop.facts",
    shop__facts="",
    shop__store="shop.facts shop.store.rows",
    shop__store__rows="",
)


@pytest.fixture(scope="module")
def modules() -> Graph:
    """The modules of this package."""
    return read_imports()


class TestThisPackage:
    def test_no_imports_form_a_cycle(self, modules: Graph) -> None:
        assert cycles(modules) == []

    def test_at_most_30_modules_and_packages_at_the_top(self, modules: Graph) -> None:
        assert len(units(modules, "otel_recmon")) <= 30

    def test_at_most_11_floors(self, modules: Graph) -> None:
        assert len(longest_chain(units(modules, "otel_recmon"))) <= 11

    def test_at_most_8_floors_inside_each_package(self, modules: Graph) -> None:
        chains = inner_chains(modules)

        assert {name: chain for name, chain in chains.items() if len(chain) > 8} == {}

    def test_imports_inside_functions_count(self, modules: Graph) -> None:
        assert "otel_recmon.integrations.activation" in modules["otel_recmon.plugin"]


class TestCounting:
    def test_packages_are_found_from_the_names_of_modules(self) -> None:
        assert packages(SHOP) == ["shop", "shop.api", "shop.store"]

    def test_units_of_the_top_package_hide_what_is_inside_packages(self) -> None:
        assert units(SHOP, "shop") == {
            "shop": {"shop.api"},
            "shop.api": {"shop.facts", "shop.store"},
            "shop.facts": set(),
            "shop.store": {"shop.facts"},
        }

    def test_units_of_a_package_leave_out_the_rest(self) -> None:
        assert units(SHOP, "shop.api") == {
            "shop.api": set(),
            "shop.api.app": {"shop.api.routes"},
            "shop.api.routes": set(),
        }

    def test_the_longest_chain_goes_from_importer_to_imported(self) -> None:
        assert longest_chain(graph(a="b d", b="c", c="d", d="", e="c")) == ["a", "b", "c", "d"]

    def test_of_chains_of_one_length_the_first_by_name_is_taken(self) -> None:
        assert longest_chain(graph(b="c", a="d c", c="", d="")) == ["a", "c"]

    def test_without_imports_a_chain_is_one_long(self) -> None:
        assert longest_chain(graph(a="", b="")) == ["a"]

    def test_without_modules_there_is_no_chain(self) -> None:
        assert longest_chain({}) == []

    def test_a_cycle_goes_back_to_its_first_name(self) -> None:
        assert cycle(graph(a="b", b="c", c="d", d="b")) in (list("bcdb"), list("cdbc"), list("dbcd"))

    def test_a_graph_without_a_cycle_has_none(self) -> None:
        assert cycle(graph(a="b c", b="c", c="")) == []

    def test_packages_can_form_a_cycle_where_modules_do_not(self) -> None:
        modules = graph(
            shop="",
            shop__api="",
            shop__api__app="shop.store.rows",
            shop__api__types="",
            shop__store="",
            shop__store__rows="shop.api.types",
        )

        (found,) = cycles(modules)
        assert (cycle(modules), set(found)) == ([], {"shop.api", "shop.store"})


class TestCommand:
    @pytest.fixture(autouse=True)
    def shop(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A package instead of this one."""
        for name in ("api", "store"):
            (tmp_path / "shop" / name).mkdir(parents=True)
            (tmp_path / "shop" / name / "__init__.py").write_text("", encoding="utf-8")
        (tmp_path / "shop" / "__init__.py").write_text('"""A <small> shop.\n\nMore on it.\n"""\n', encoding="utf-8")
        (tmp_path / "shop" / "facts.py").write_text('"""Facts of the shop."""\n', encoding="utf-8")
        monkeypatch.setattr(import_map, "ROOT", tmp_path)
        monkeypatch.setattr(import_map, "PACKAGE", "shop")
        monkeypatch.setattr(import_map, "read_imports", lambda: SHOP)

    def test_the_figures_name_the_longest_chains(self) -> None:
        assert figures(SHOP).splitlines() == [
            "4 top-level modules and packages, 4 imports between them, no cycle",
            "4 floors: __init__ > api > store > facts",
            "longest chain of imports inside each package:",
            "   2 api: app > routes",
            "   2 store: __init__ > rows",
        ]

    def test_a_box_names_its_file_and_says_what_it_is_and_imports(self) -> None:
        boxes = import_map.boxes(units(SHOP, "shop"))

        assert boxes == {
            "shop": ("__init__.py", "A <small> shop.\nImports api/"),
            "shop.api": ("api/", "Imports facts.py, store/"),
            "shop.facts": ("facts.py", "Facts of the shop.\nImports nothing of the package"),
            "shop.store": ("store/", "Imports facts.py"),
        }

    def test_a_check_writes_nothing_and_says_what_to_do(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert import_map.main(["--check", "--root", str(tmp_path)]) == 1
        assert capsys.readouterr() == (
            "",
            "docs/architecture.svg is out of date; repair it with: make artifacts\n",
        )
        assert not (tmp_path / "docs").exists()

    def test_the_picture_is_written_once(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert import_map.main(["--root", str(tmp_path)]) == 0
        assert capsys.readouterr().out == f"{figures(SHOP)}\nwrote docs/architecture.svg\n"
        assert import_map.main(["--root", str(tmp_path)]) == 0
        assert capsys.readouterr().out == f"{figures(SHOP)}\n"
        assert import_map.main(["--check", "--root", str(tmp_path)]) == 0

    def test_a_cycle_is_an_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(import_map, "read_imports", lambda: graph(a="a"))

        assert import_map.main(["--root", str(tmp_path)]) == 1
        assert capsys.readouterr() == ("", "imports form a cycle:\na > a\n")
