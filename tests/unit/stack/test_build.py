"""tools/build.py, with a stand-in for Go."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from otel_recmon.stack import binaries
from tests.speed import scaled

BUILD = Path(__file__).parents[3] / "tools" / "build.py"
GO = """#!{python}
import json, os, pathlib, sys
record = pathlib.Path({record!r})
with record.open("a") as file:
    print(json.dumps([sys.argv[1:], os.getcwd(), os.environ["GOWORK"]]), file=file)
out = pathlib.Path(sys.argv[sys.argv.index("-o") + 1])
print("some/package", file=sys.stderr)
for package in sys.argv[sys.argv.index("-o") + 2:]:
    program = out / pathlib.Path.cwd().joinpath(package).name
    program.write_text("built")
    program.chmod(0o755)
sys.exit({exit})
"""


class Workplace:
    """A cache and a PATH of its own, and what was asked of the Go on it."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.path = folder / "path"
        self.record = folder / "record"
        self.path.mkdir()

    def install_go(self, *, exit_code: int = 0) -> None:
        """Put a Go on PATH that builds at once."""
        go = self.path / "go"
        go.write_text(GO.format(python=sys.executable, record=str(self.record), exit=exit_code), encoding="utf-8")
        go.chmod(0o755)

    def start(self, *arguments: str, build: Path = BUILD) -> subprocess.Popen[str]:
        """Run tools/build.py."""
        environment = os.environ | {"PATH": str(self.path), "XDG_CACHE_HOME": str(self.cache)}
        return subprocess.Popen(
            [sys.executable, "-I", "-S", build, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, build: Path = BUILD) -> tuple[int, str, str]:
        """Its exit code, what it printed, and what it said."""
        process = self.start(*arguments, build=build)
        output, error = process.communicate(timeout=scaled(60))
        return process.returncode, output, error

    def calls(self) -> list[tuple[list[str], str, str]]:
        """The arguments, folder and GOWORK of each call of Go."""
        return [json.loads(line) for line in self.record.read_text().splitlines()] if self.record.exists() else []


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    """A workplace with nothing in it."""
    return Workplace(tmp_path)


def test_everything_is_built_where_the_stack_looks_for_it(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.install_go()

    code, output, _ = workplace.run()

    monkeypatch.setenv("XDG_CACHE_HOME", str(workplace.cache))
    assert (code, output) == (0, "")
    assert all(binaries.module_of(name).directory / name == binaries.find(name) for name in binaries.names())


def test_go_verifies_and_changes_nothing(workplace: Workplace) -> None:
    workplace.install_go()

    workplace.run()

    assert [Path(folder) for _, folder, _ in workplace.calls()] == [
        BUILD.parent / module.name for module in binaries.MODULES
    ]
    for arguments, _, work in workplace.calls():
        assert {"-mod=readonly", "-trimpath", "-buildvcs=false"} <= set(arguments)
        assert work == "off"


def test_what_is_there_is_not_built_again(workplace: Workplace) -> None:
    workplace.install_go()
    workplace.run()
    built = len(workplace.calls())

    code, _, error = workplace.run()

    assert (code, len(workplace.calls())) == (0, built)
    assert error.count(": ready in ") == len(binaries.MODULES)


def test_only_what_is_named_is_built(workplace: Workplace) -> None:
    workplace.install_go()

    workplace.run("amtool", "alertmanager")

    assert [Path(folder).name for _, folder, _ in workplace.calls()] == ["alertmanager"]


def test_a_make_target_builds_its_own_and_no_other(workplace: Workplace) -> None:
    workplace.install_go()

    workplace.run("--target", "tools-scale")

    assert [Path(folder).name for _, folder, _ in workplace.calls()] == ["thanos", "victoriametrics"]
    assert "-tags=netgo,slicelabels" in workplace.calls()[0][0]
    assert set(binaries.names("tools")).isdisjoint(binaries.names("tools-scale"))


def test_a_target_that_is_none_is_refused(workplace: Workplace) -> None:
    code, _, error = workplace.run("--target", "tool")

    assert code == 2
    assert "choose from" in error


def test_two_builds_at_once_are_one(workplace: Workplace) -> None:
    workplace.install_go()

    both = [workplace.start("otelcol") for _ in range(2)]

    assert [process.wait(scaled(60)) for process in both] == [0, 0]
    assert len(workplace.calls()) == 1
    for process in both:
        process.communicate()


def test_a_build_that_fails_is_quoted_and_leaves_nothing(workplace: Workplace) -> None:
    workplace.install_go(exit_code=1)

    code, _, error = workplace.run("otelcol")

    assert code == 2
    assert error.endswith("tools/build.py: collector 0.155.0 was not built:\nsome/package\n")
    assert [path.suffix for path in (workplace.cache / "otel-recmon" / "tools").iterdir()] == [".lock"]


def test_without_go_and_without_programs_it_names_what_to_install(workplace: Workplace) -> None:
    code, _, error = workplace.run("prometheus")

    assert code == 2
    assert error == ("tools/build.py: install Go 1.26.7 or later, or put on PATH: prometheus 3.16.0, promtool 3.16.0\n")


def test_print_tells_where_a_program_is(workplace: Workplace) -> None:
    workplace.install_go()
    workplace.run("promtool")

    folder = next(workplace.cache.rglob("prometheus-3.16.0-*"))
    assert workplace.run("--print", "promtool") == (0, f"{folder}/promtool\n", "")


def test_print_of_what_is_not_there_says_so(workplace: Workplace) -> None:
    workplace.install_go()

    code, output, error = workplace.run("--print", "promtool")

    assert (code, output) == (2, "")
    assert error.startswith("tools/build.py: promtool 3.16.0 is not there")
    assert workplace.calls() == []


def test_sources_that_changed_are_not_built_under_the_old_name(workplace: Workplace, tmp_path: Path) -> None:
    workplace.install_go()
    checkout = tmp_path / "checkout"
    shutil.copytree(BUILD.parent, checkout / "tools")
    (checkout / "otel_recmon" / "stack").mkdir(parents=True)
    shutil.copy(str(binaries.__file__), checkout / "otel_recmon" / "stack")
    with (checkout / "tools" / "collector" / "go.sum").open("a") as file:
        file.write("more\n")

    code, _, error = workplace.run("otelcol", build=checkout / "tools" / "build.py")

    assert code == 2
    assert error.startswith("tools/build.py: tools/collector has changed: in otel_recmon/stack/binaries.py")
    assert workplace.calls() == []
