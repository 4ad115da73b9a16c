"""What GitHub, pre-commit, packagers and readers of the changelog are given agrees with the project's own commands."""

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from otel_recmon import __version__

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CHANGES = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()


def parsed(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


class TestWorkflow:
    JOB = parsed(".github/workflows/check.yml")["jobs"]["check"]

    def test_its_one_command_is_that_of_ci(self) -> None:
        assert [step["run"] for step in self.JOB["steps"] if "run" in step] == [".ci/run"]

    def test_it_runs_on_every_python_that_the_package_names(self) -> None:
        named = [one.rpartition(" :: ")[2] for one in PROJECT["project"]["classifiers"] if ":: 3." in one]

        assert self.JOB["strategy"]["matrix"]["python"] == named
        assert PROJECT["project"]["requires-python"] == f">={named[0]},<3.{int(named[-1][2:]) + 1}"

    def test_its_actions_are_pinned_to_a_commit(self) -> None:
        used = [step["uses"] for step in self.JOB["steps"] if "uses" in step]

        assert [one for one in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", one)] == []


def test_the_hooks_before_a_commit_are_the_commands_of_make_check() -> None:
    target = re.search(r"(?m)^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert target is not None
    commands = re.findall(r"\$\(BIN\)/(.*)", target[1])
    (local,) = parsed(".pre-commit-config.yaml")["repos"]

    assert [hook["entry"] for hook in local["hooks"]] == [f".venv/bin/{command}" for command in commands]


def test_the_source_distribution_holds_every_tracked_file(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("needs a checkout: what is tracked is known to git alone")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    build = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    name = f"otel_recmon-{__version__}"

    with tarfile.open(tmp_path / f"{name}.tar.gz") as packed:
        assert {f"{name}/{file}" for file in tracked.splitlines()} - set(packed.getnames()) == set()


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 200


class TestChangelog:
    def test_its_newest_version_is_that_of_the_package(self) -> None:
        newest = next(line for line in CHANGES if line.startswith("## "))

        assert re.fullmatch(rf"## {re.escape(__version__)} - (Unreleased|\d{{4}}-\d\d-\d\d)", newest)

    def test_an_entry_is_one_line(self) -> None:
        body = CHANGES[next(number for number, line in enumerate(CHANGES) if line.startswith("## ")) :]

        assert [line for line in body if line and not re.match(r"## \d|### [A-Z][a-z]+$|- .*\.$", line)] == []
        assert [line for line in body if len(line) > 120] == []
