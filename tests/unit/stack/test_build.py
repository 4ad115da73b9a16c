"""tools/build.py with a fake Go."""

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


class Sandbox:
    """A cache and a PATH of its own, and a record of the calls of its fake Go."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.path = folder / "path"
        self.record = folder / "record"
        self.path.mkdir()

    def install_go(self, *, exit_code: int = 0) -> None:
        """Put a fake Go on PATH that builds at once."""
        go = self.path / "go"
        go.write_text(GO.format(python=sys.executable, record=str(self.record), exit=exit_code), encoding="utf-8")
        go.chmod(0o755)

    def start(self, *arguments: str, build: Path = BUILD) -> subprocess.Popen[str]:
        """Start tools/build.py."""
        environment = os.environ | {"PATH": str(self.path), "XDG_CACHE_HOME": str(self.cache)}
        return subprocess.Popen(
            [sys.executable, "-I", "-S", build, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, build: Path = BUILD) -> tuple[int, str, str]:
        """Run tools/build.py and return its exit code, stdout and stderr."""
        process = self.start(*arguments, build=build)
        output, error = process.communicate(timeout=scaled(60))
        return process.returncode, output, error

    def calls(self) -> list[tuple[list[str], str, str]]:
        """Return the arguments, folder and GOWORK of each call of Go."""
        return [json.loads(line) for line in self.record.read_text().splitlines()] if self.record.exists() else []


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """An empty sandbox."""
    return Sandbox(tmp_path)


class TestBuild:
    def test_all_programs_are_built_where_the_stack_finds_them(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sandbox.install_go()

        code, output, _ = sandbox.run()

        monkeypatch.setenv("XDG_CACHE_HOME", str(sandbox.cache))
        assert (code, output) == (0, "")
        assert all(binaries.module_of(name).directory / name == binaries.find(name) for name in binaries.names())

    def test_go_runs_with_readonly_modules(self, sandbox: Sandbox) -> None:
        sandbox.install_go()

        sandbox.run()

        assert [Path(folder) for _, folder, _ in sandbox.calls()] == [
            BUILD.parent / module.name for module in binaries.MODULES
        ]
        for arguments, _, work in sandbox.calls():
            assert {"-mod=readonly", "-trimpath", "-buildvcs=false"} <= set(arguments)
            assert work == "off"

    def test_two_concurrent_builds_run_go_once(self, sandbox: Sandbox) -> None:
        sandbox.install_go()

        both = [sandbox.start("otelcol") for _ in range(2)]

        assert [process.wait(scaled(60)) for process in both] == [0, 0]
        assert len(sandbox.calls()) == 1
        for process in both:
            process.communicate()

    def test_a_failed_build_is_quoted_and_leaves_no_files(self, sandbox: Sandbox) -> None:
        sandbox.install_go(exit_code=1)

        code, _, error = sandbox.run("otelcol")

        assert code == 2
        assert error.endswith("tools/build.py: collector 0.155.0 was not built:\nsome/package\n")
        assert [path.suffix for path in (sandbox.cache / "otel-recmon" / "tools").iterdir()] == [".lock"]

    def test_without_go_the_missing_versions_are_named(self, sandbox: Sandbox) -> None:
        code, _, error = sandbox.run("prometheus")

        assert code == 2
        assert error == (
            "tools/build.py: install Go 1.26.7 or later, or put these programs on PATH: "
            "prometheus 3.16.0, promtool 3.16.0\n"
        )

    def test_changed_sources_need_a_new_digest(self, sandbox: Sandbox, tmp_path: Path) -> None:
        sandbox.install_go()
        checkout = tmp_path / "checkout"
        shutil.copytree(BUILD.parent, checkout / "tools")
        (checkout / "otel_recmon" / "stack").mkdir(parents=True)
        shutil.copy(str(binaries.__file__), checkout / "otel_recmon" / "stack")
        with (checkout / "tools" / "collector" / "go.sum").open("a") as file:
            file.write("more\n")

        code, _, error = sandbox.run("otelcol", build=checkout / "tools" / "build.py")

        assert code == 2
        assert error.startswith("tools/build.py: tools/collector has changed: set its digest in ")
        assert sandbox.calls() == []


class TestSelection:
    def test_built_programs_are_not_built_again(self, sandbox: Sandbox) -> None:
        sandbox.install_go()
        sandbox.run()
        built = len(sandbox.calls())

        code, _, error = sandbox.run()

        assert (code, len(sandbox.calls())) == (0, built)
        assert error.count(": ready in ") == len(binaries.MODULES)

    def test_only_the_named_programs_are_built(self, sandbox: Sandbox) -> None:
        sandbox.install_go()

        sandbox.run("amtool", "alertmanager")

        assert [Path(folder).name for _, folder, _ in sandbox.calls()] == ["alertmanager"]

    def test_a_make_target_builds_only_its_modules(self, sandbox: Sandbox) -> None:
        sandbox.install_go()

        sandbox.run("--target", "tools-scale")

        assert [Path(folder).name for _, folder, _ in sandbox.calls()] == ["thanos", "victoriametrics"]
        assert "-tags=netgo,slicelabels" in sandbox.calls()[0][0]
        assert set(binaries.names("tools")).isdisjoint(binaries.names("tools-scale"))

    def test_an_unknown_target_is_refused(self, sandbox: Sandbox) -> None:
        code, _, error = sandbox.run("--target", "tool")

        assert code == 2
        assert "choose from" in error


class TestPrint:
    def test_the_path_of_a_program_is_printed(self, sandbox: Sandbox) -> None:
        sandbox.install_go()
        sandbox.run("promtool")

        folder = next(sandbox.cache.rglob("prometheus-3.16.0-*"))
        assert sandbox.run("--print", "promtool") == (0, f"{folder}/promtool\n", "")

    def test_a_missing_program_is_reported_and_not_built(self, sandbox: Sandbox) -> None:
        sandbox.install_go()

        code, output, error = sandbox.run("--print", "promtool")

        assert (code, output) == (2, "")
        assert error.startswith("tools/build.py: promtool 3.16.0 is not installed")
        assert sandbox.calls() == []
