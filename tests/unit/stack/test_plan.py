"""The files and arguments of each process of the stack."""

import json
from pathlib import Path

import pytest

from otel_recmon.stack import StackError, plan
from otel_recmon.stack.files import FILES

PORTS = {name: 1000 + number for number, name in enumerate([*plan.COLLECTOR_PORTS, "prometheus"])}


@pytest.fixture
def place(tmp_path: Path) -> plan.StackLayout:
    """The locations of a stack with a second Prometheus and an Alertmanager."""
    return plan.StackLayout(tmp_path, FILES, {**PORTS, "scraped_prometheus": 1010, "alertmanager": 1011})


def targets(place: plan.StackLayout, name: str) -> dict[str, list[str]]:
    """Return the targets of a Prometheus, by file."""
    plan.prometheus(place, name, scrape_interval="2s")
    files = (place.directory / name / "targets").iterdir()
    return {file.stem: [t for entry in json.loads(file.read_text()) for t in entry["targets"]] for file in files}


def test_the_first_prometheus_scrapes_no_services(place: plan.StackLayout) -> None:
    assert targets(place, "prometheus") == {
        "prometheus": ["127.0.0.1:1005"],
        "collector": ["127.0.0.1:1003"],
        "scraped": [],
        "alertmanagers": ["127.0.0.1:1011"],
    }


def test_the_second_prometheus_scrapes_the_services_and_sends_no_alerts(place: plan.StackLayout) -> None:
    assert targets(place, "scraped_prometheus") == {
        "prometheus": ["127.0.0.1:1010"],
        "collector": ["127.0.0.1:1003"],
        "scraped": ["127.0.0.1:1002"],
        "alertmanagers": [],
    }


def test_prometheus_uses_the_shipped_file(place: plan.StackLayout) -> None:
    process = plan.prometheus(place, "prometheus", scrape_interval="15s")

    config = place.directory / "prometheus" / "prometheus.yml"
    assert f"--config.file={config}" in process.arguments
    assert config.read_bytes() == (FILES / "prometheus" / "prometheus.yml").read_bytes()


def rules(folder: Path) -> Path:
    """Create a folder with a file of recording rules and a file of alerting rules."""
    (folder / "rules" / "alerts").mkdir(parents=True)
    (folder / "rules" / "recording.yml").write_text("groups: []")
    (folder / "rules" / "alerts" / "quality.yml").write_text("groups: []")
    return folder / "rules"


@pytest.mark.parametrize(
    ("ports", "loaded"),
    [
        (PORTS, {"rules-recording.yml"}),
        ({**PORTS, "alertmanager": 1011}, {"rules-recording.yml", "alerts-quality.yml"}),
    ],
)
def test_alerting_rules_are_loaded_only_with_an_alertmanager(
    tmp_path: Path, ports: dict[str, int], loaded: set[str]
) -> None:
    place = plan.StackLayout(tmp_path / "data", FILES, ports)

    plan.add_rules(place, "prometheus", rules(tmp_path))

    assert {file.name for file in (place.directory / "prometheus" / "rules").iterdir()} == loaded


def test_variables_of_the_user_take_precedence(place: plan.StackLayout) -> None:
    process = plan.collector(place, {"COLLECTOR_PROMETHEUS_ENDPOINT": "http://elsewhere"})

    assert process.environment["COLLECTOR_PROMETHEUS_ENDPOINT"] == "http://elsewhere"


def test_overlays_come_after_the_file_that_they_change(place: plan.StackLayout, tmp_path: Path) -> None:
    overlay = tmp_path / "gateway.yaml"
    overlay.touch()

    process = plan.collector(place, {}, [overlay])

    assert process.arguments == [f"--config={FILES / 'collector-config.yaml'}", f"--config={overlay}"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"nowhere/collector-config\.yaml does not exist"):
        plan.collector(plan.StackLayout(tmp_path, tmp_path / "nowhere", PORTS), {})
