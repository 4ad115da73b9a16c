"""Figures of the imports inside the package, and the picture of them in docs/architecture.svg.

`make artifacts` prints the figures and writes the picture; `make check` fails when the picture is out of date.
"""

import argparse
import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

import grimp  # import-linter reads imports with it, and installs it
from layered_drawing import Box, Graph, draw

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = "otel_recmon"
PICTURE: Final = "docs/architecture.svg"
CAPTION: Final = (
    "An arrow points from the importer to the imported module or package.",
    "An arrow is left out if a longer path of arrows leads to the same box.",
)


def read_imports() -> Graph:
    """Return the modules of the package and their imports of each other, including imports inside functions."""
    found = grimp.build_graph(PACKAGE, cache_dir=None)
    return {name: frozenset(found.find_modules_directly_imported_by(name)) for name in sorted(found.modules)}


def packages(modules: Graph) -> list[str]:
    """Return the packages that contain the modules."""
    return sorted({name.rpartition(".")[0] for name in modules} - {""})


def units(modules: Graph, package: str) -> Graph:
    """Return the imports between the modules and packages directly inside a package.

    The `__init__` module has the name of the package.
    """
    depth = package.count(".") + 2
    unit = {name: ".".join(name.split(".")[:depth]) for name in modules if f"{name}.".startswith(f"{package}.")}
    found: dict[str, set[str]] = {one: set() for one in sorted(unit.values())}
    for name, one in unit.items():
        found[one] |= {unit[other] for other in modules[name] if other in unit} - {one}
    return {one: frozenset(others) for one, others in found.items()}


def cycle(graph: Graph) -> list[str]:
    """Return one cycle of imports, from an importer back to itself; an empty list without a cycle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def cycles(modules: Graph) -> list[list[str]]:
    """Return the cycles found: at most one between modules, and at most one between the units of each package."""
    graphs = [modules, *(units(modules, package) for package in packages(modules))]
    return [found for graph in graphs if (found := cycle(graph))]


def longest_chain(graph: Graph) -> list[str]:
    """Return the longest chain of imports, importers first. Its length is the number of floors in the figures."""
    chains: dict[str, list[str]] = {}
    for name in TopologicalSorter(graph).static_order():
        chains[name] = [name, *max((chains[other] for other in sorted(graph[name])), key=len, default=[])]
    return max((chains[name] for name in sorted(chains)), key=len, default=[])


def inner_chains(modules: Graph) -> dict[str, list[str]]:
    """Return, for each package inside the top-level package, the longest chain of imports between its units."""
    return {name: longest_chain(units(modules, name)) for name in packages(modules) if name != PACKAGE}


def figures(modules: Graph) -> str:
    """Return the figures as text: the numbers of units and imports, and the longest chains with their lengths."""
    graph = units(modules, PACKAGE)
    count = sum(map(len, graph.values()))
    chain = longest_chain(graph)
    inner = sorted(inner_chains(modules).items(), key=lambda item: (-len(item[1]), item[0]))
    return "\n".join(
        [
            f"{len(graph)} top-level modules and packages, {count} imports between them, no cycle",
            f"{len(chain)} floors: {_arrows(chain, PACKAGE)}",
            "longest chain of imports inside each package:",
            *(f"{len(inside):4} {_short(name)}: {_arrows(inside, name)}" for name, inside in inner),
        ]
    )


def _arrows(chain: list[str], package: str) -> str:
    return " > ".join(name.removeprefix(f"{package}.") if name != package else "__init__" for name in chain)


def _short(name: str) -> str:
    return name.removeprefix(f"{PACKAGE}.")


def boxes(graph: Graph) -> dict[str, Box]:
    """Return the box of each unit. The label is the file or folder; the tooltip has the summary and the imports."""
    return {
        name: Box(_label(name), "\n".join(filter(None, [_summary(name), _imported(graph[name])]))) for name in graph
    }


def _label(name: str) -> str:
    if name == PACKAGE:
        return "__init__.py"
    return _short(name) + ("/" if _file(name).name == "__init__.py" else ".py")


def _imported(names: frozenset[str]) -> str:
    return f"Imports {', '.join(_label(name) for name in sorted(names))}" if names else "Imports nothing of the package"


def _summary(name: str) -> str:
    docstring = ast.get_docstring(ast.parse(_file(name).read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def _file(name: str) -> Path:
    path = ROOT.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def main(arguments: list[str] | None = None) -> int:
    """Write the picture and print the figures, or check the picture; return 1 for a cycle or a stale picture."""
    parser = argparse.ArgumentParser(prog="tools/import_map.py", description=__doc__)
    parser.add_argument("--check", action="store_true", help="do not write the picture, check that it is up to date")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder to write to (default: the checkout)")
    options = parser.parse_args(arguments)
    modules = read_imports()
    if found := cycles(modules):
        print("imports form a cycle:", *(" > ".join(one) for one in found), sep="\n", file=sys.stderr)
        return 1
    graph = units(modules, PACKAGE)
    path, new = options.root / PICTURE, draw(graph, boxes(graph), CAPTION)
    stale = not path.exists() or path.read_text(encoding="utf-8") != new
    if options.check:
        return _refuse() if stale else 0
    print(figures(modules))
    return _write(path, new) if stale else 0


def _refuse() -> int:
    print(f"{PICTURE} is out of date; repair it with: make artifacts", file=sys.stderr)
    return 1


def _write(path: Path, new: str) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(new, encoding="utf-8")
    print(f"wrote {PICTURE}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
