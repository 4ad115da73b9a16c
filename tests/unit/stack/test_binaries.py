"""Where the programs of the pipeline are looked for."""

from pathlib import Path

import pytest

from otel_recmon.stack import binaries

COMPONENTS = "\n".join(f"  - name: {name}" for name in binaries.module_of("otelcol").commands[0].needs)


@pytest.fixture(autouse=True)
def nothing_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and nothing on PATH but what a test puts in the folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/bin:/usr/bin")
    return tmp_path / "path"


def program(path: Path, says: str) -> Path:
    """A program that says the same whatever it is asked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{says}\nEND\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_what_was_built_is_found_without_asking_its_version() -> None:
    built = program(binaries.module_of("promtool").directory / "promtool", "no version")

    assert binaries.find("promtool") == built


def test_the_pinned_version_on_path_is_found(nothing_there: Path) -> None:
    there = program(nothing_there / "amtool", "amtool, version 0.31.0 (branch: HEAD)")

    assert binaries.find("amtool") == there


@pytest.mark.parametrize("version", ["0.30.9", "0.31.01", "10.31.0", "0.31.0-rc.1", "unknown"])
def test_another_version_on_path_is_not(nothing_there: Path, version: str) -> None:
    program(nothing_there / "amtool", f"amtool, version {version} (branch: HEAD)")

    assert binaries.find("amtool") is None


@pytest.mark.parametrize(("tag", "found"), [("v1.140.0", True), ("v1.140.1", False), ("v1.140.0-enterprise", False)])
def test_victoriametrics_tells_its_version_as_a_tag(nothing_there: Path, tag: str, found: bool) -> None:
    program(nothing_there / "victoria-metrics", f"victoria-metrics-20260410-101010-tags-{tag}-0-gabcdef")

    assert (binaries.find("victoria-metrics") is not None) == found


def test_a_collector_with_all_components_is_found_under_its_other_name(nothing_there: Path) -> None:
    there = program(nothing_there / "otelcol-contrib", f"otelcol-contrib version 0.155.0\n{COMPONENTS}")

    assert binaries.find("otelcol") == there


def test_a_collector_that_lacks_a_component_is_not(nothing_there: Path) -> None:
    lacking = COMPONENTS.replace("file_storage", "files")
    program(nothing_there / "otelcol", f"otelcol version 0.155.0\n{lacking}")

    assert binaries.find("otelcol") is None


def test_a_program_that_cannot_run_is_not_there(nothing_there: Path) -> None:
    program(nothing_there / "amtool", "").write_bytes(b"\x7fELF")

    assert binaries.find("amtool") is None


@pytest.mark.parametrize(
    ("name", "version", "target"), [("prometheus", "3.16.0", "tools"), ("thanos", "0.42.0", "tools-scale")]
)
def test_who_lacks_a_program_is_told_what_to_do(name: str, version: str, target: str) -> None:
    assert binaries.missing(name) == (
        f"{name} {version} is not there: run `make {target}`, or put {name} of exactly that version on PATH"
    )
