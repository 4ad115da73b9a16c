"""The search for the programs of the pipeline."""

from pathlib import Path

import pytest

from otel_recmon.stack import binaries

COMPONENTS = "\n".join(f"  - name: {name}" for name in binaries.module_of("otelcol").commands[0].needs)


@pytest.fixture(autouse=True)
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set an empty cache, and return an empty folder on PATH."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/bin:/usr/bin")
    return tmp_path / "path"


def program(path: Path, output: str) -> Path:
    """Create a program that prints the same output for all arguments."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_a_built_program_is_found_without_a_check_of_its_version() -> None:
    built = program(binaries.module_of("promtool").directory / "promtool", "no version")

    assert binaries.find("promtool") == built


def test_the_pinned_version_on_path_is_found(empty_path: Path) -> None:
    there = program(empty_path / "amtool", "amtool, version 0.31.0 (branch: HEAD)")

    assert binaries.find("amtool") == there


@pytest.mark.parametrize("version", ["0.30.9", "0.31.01", "10.31.0", "0.31.0-rc.1", "unknown"])
def test_another_version_on_path_is_not_found(empty_path: Path, version: str) -> None:
    program(empty_path / "amtool", f"amtool, version {version} (branch: HEAD)")

    assert binaries.find("amtool") is None


@pytest.mark.parametrize(("tag", "found"), [("v1.140.0", True), ("v1.140.1", False), ("v1.140.0-enterprise", False)])
def test_the_version_tag_of_victoriametrics_is_recognised(empty_path: Path, tag: str, found: bool) -> None:
    program(empty_path / "victoria-metrics", f"victoria-metrics-20260410-101010-tags-{tag}-0-gabcdef")

    assert (binaries.find("victoria-metrics") is not None) == found


def test_a_complete_collector_is_found_under_its_other_name(empty_path: Path) -> None:
    there = program(empty_path / "otelcol-contrib", f"otelcol-contrib version 0.155.0\n{COMPONENTS}")

    assert binaries.find("otelcol") == there


def test_a_collector_without_a_required_component_is_not_found(empty_path: Path) -> None:
    incomplete = COMPONENTS.replace("file_storage", "files")
    program(empty_path / "otelcol", f"otelcol version 0.155.0\n{incomplete}")

    assert binaries.find("otelcol") is None


def test_a_program_that_cannot_run_is_not_found(empty_path: Path) -> None:
    program(empty_path / "amtool", "").write_bytes(b"\x7fELF")

    assert binaries.find("amtool") is None


@pytest.mark.parametrize(
    ("name", "version", "target"), [("prometheus", "3.16.0", "tools"), ("thanos", "0.42.0", "tools-scale")]
)
def test_the_install_hint_names_the_make_target(name: str, version: str, target: str) -> None:
    assert binaries.install_hint(name) == (
        f"{name} {version} is not installed: run `make {target}`, or put {name} of exactly this version on PATH"
    )
