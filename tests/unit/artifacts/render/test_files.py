"""The export: the shipped files by default, other files for each setting, and the same bytes in every process."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.docs.settings_reference import sections
from otel_recmon.artifacts.render.files import Files, exported, parts_of
from otel_recmon.artifacts.render.folder import digest
from otel_recmon.artifacts.render.grafana_rules import rules_file
from otel_recmon.artifacts.render.prometheus_rules import alerting_file, recording_file
from otel_recmon.artifacts.settings.deployment import FORMATS, PARTS
from otel_recmon.artifacts.settings.schema import TuningError
from otel_recmon.artifacts.settings.thresholds import configured
from tests.speed import scaled
from tests.unit.artifacts.exports import CHANGED, DEFAULT, EVERY_KNOB

ROOT = Path(__file__).parents[4]
Key = tuple[str, ...]
NOT_IN_FILES = {("export", "parts"), ("export", "format")}
"""Settings that select parts and change no file."""
DIGESTS = """
import hashlib
from tests.unit.artifacts.exports import CHANGED
for name, text in {**CHANGED.files, **CHANGED.objects}.items():
    print(hashlib.sha256(text.encode()).hexdigest(), name)
"""


def tables(settings: Mapping[str, Any]) -> Iterator[tuple[Key, Any]]:
    """Each setting with its keys; the labels are one setting."""
    for table, values in settings.items():
        if table in ("alerts", "pace"):
            yield from (((table, name, key), value) for name, own in values.items() for key, value in own.items())
        elif table == "labels":
            yield (table,), values
        else:
            yield from (((table, key), value) for key, value in values.items())


def defaults() -> dict[Key, Any]:
    known = {
        (*name.split("."), key): value
        for section in sections().values()
        for name, values in section.tables.items()
        for key, value in values.items()
    }
    floors = {(*name.split("."), "threshold"): None for name in sections()["alerts.NAME"].tables}
    return {("labels",): {}, **floors, **known}


def single(key: Key, value: Any) -> dict[str, Any]:
    """Settings with a single key."""
    for name in reversed(key):
        value = {name: value}
    return dict(value)


@cache
def part(name: str, form: str) -> Files:
    return exported(DEFAULT.config, [name], form)


def matters(settings: Mapping[str, Any]) -> bool:
    """True if these settings change a file. The slow parts, dashboards and alerts, are compared last."""
    config = configured(settings)
    parts = [(name, form) for form in FORMATS for name in parts_of(form)]
    slow = ["dashboards", "alerts"]
    ordered = sorted(parts, key=lambda one: (slow.count(one[0]), FORMATS.index(one[1])))
    return any(exported(config, [name], form) != part(name, form) for name, form in ordered)


def test_the_default_export_is_what_the_repository_ships() -> None:
    assert DEFAULT.files == {name: (ROOT / name).read_text(encoding="utf-8") for name in DEFAULT.files}


def test_every_configuration_file_of_the_repository_is_exported() -> None:
    folders = ("grafana", "prometheus")
    shipped = {str(path.relative_to(ROOT)) for name in folders for path in (ROOT / name).rglob("*.*") if path.suffix}

    assert {name for name in DEFAULT.files if name != "collector-config.yaml"} == shipped


def test_the_changed_export_changes_every_setting() -> None:
    changed = dict(tables(EVERY_KNOB))

    assert changed.keys() == defaults().keys()
    assert [key for key, value in defaults().items() if _plain(value) == changed[key]] == []


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


ELSEWHERE = [
    pytest.param(key, value, id=".".join(key))
    for key, value in tables(EVERY_KNOB)
    if key[0] != "alerts" and key not in NOT_IN_FILES
]


@pytest.mark.parametrize(("key", "value"), ELSEWHERE)
def test_every_setting_changes_a_file(key: Key, value: Any) -> None:
    assert matters(single(key, value))


@pytest.mark.parametrize("name", EVERY_KNOB["alerts"])
def test_every_setting_of_an_alert_changes_a_rule(name: str) -> None:
    on = {"enabled": True, "threshold": 0.2}
    own = {**EVERY_KNOB["alerts"][name], "enabled": False, "threshold": 0.3}

    for key, value in own.items():
        assert rendered(name, {**on, key: value}) != rendered(name, on)


def rendered(name: str, tuning: Mapping[str, Any]) -> tuple[str, ...]:
    """The rules of one alert in all files."""
    (rule,) = (rule for rule in rules(configured({"alerts": {name: tuning}})) if rule.name == name)
    return rules_file([rule]), recording_file([rule]), alerting_file([rule])


def test_the_bytes_are_the_same_in_every_process() -> None:
    environments = [{**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": "C", "PYTHONUTF8": "0"} for seed in ("1", "2")]
    command = [sys.executable, "-c", DIGESTS]
    started = [subprocess.Popen(command, env=one, cwd=ROOT, stdout=subprocess.PIPE) for one in environments]
    outputs = [process.communicate(timeout=scaled(120))[0].decode() for process in started]

    files = {**CHANGED.files, **CHANGED.objects}
    assert outputs == ["".join(f"{digest(text.encode())} {name}\n" for name, text in files.items())] * 2


def test_only_the_chosen_parts_are_made() -> None:
    assert set(exported(CHANGED.config, ["rules", "collector"])) == {
        "collector-config.yaml",
        "prometheus/rules/alerts/recmon.yml",
        "prometheus/rules/recmon.yml",
    }


def test_the_parts_are_those_of_the_documentation() -> None:
    assert set(parts_of("files")) == set(PARTS)
    assert set(PARTS) - set(parts_of("kubernetes")) == {"alertmanager", "prometheus"}


def test_a_part_that_does_not_exist_in_the_format_is_refused() -> None:
    with pytest.raises(
        TuningError, match="the part prometheus does not exist in the format kubernetes; the parts are dashboards, "
    ):
        exported(DEFAULT.config, ["prometheus"], "kubernetes")


@pytest.mark.parametrize(
    ("exported_every", "scraped_every", "longest"), [("15s", "1m", "1m"), ("60s", "15s", "60s"), ("90s", "1m", "90s")]
)
def test_the_interval_of_the_data_source_is_the_longest_of_its_samples(
    exported_every: str, scraped_every: str, longest: str
) -> None:
    settings = {"grafana": {"export_interval": exported_every}, "prometheus": {"scrape_interval": scraped_every}}

    files = exported(configured(settings), ["datasource"])

    source, _ = yaml.safe_load(files["grafana/provisioning/datasources/recmon.yaml"])["datasources"]
    assert source["jsonData"]["timeInterval"] == longest
