"""What each process of a stack is given: its program, files, arguments and environment."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from otel_recmon.stack.component import StackError
from otel_recmon.stack.ports import LOOPBACK

COLLECTOR_PORTS: Final = {
    "otlp_grpc": "COLLECTOR_OTLP_GRPC_PORT",
    "otlp_http": "COLLECTOR_OTLP_HTTP_PORT",
    "scrape": "COLLECTOR_SCRAPE_PORT",
    "telemetry": "COLLECTOR_TELEMETRY_PORT",
    "health": "COLLECTOR_HEALTH_PORT",
}
"""The Collector's ports, each with the variable of collector-config.yaml that sets it."""


@dataclass(frozen=True)
class StackLayout:
    """Where one stack lives: its folder, the folder with the files that it runs on, and its ports by name."""

    directory: Path
    files: Path
    ports: Mapping[str, int]

    def address(self, name: str) -> str:
        """Host and port of what listens on the port called `name`."""
        return f"{LOOPBACK}:{self.ports[name]}"

    @property
    def logs(self) -> Path:
        """The folder with a log file for each process."""
        return self.directory / "logs"

    @property
    def events(self) -> Path:
        """The file that the Collector writes log events to."""
        return self.directory / "collector" / "events" / "events.jsonl"


@dataclass(frozen=True)
class Process:
    """A program and its arguments, and the port (by name) and path where it says whether it is ready."""

    program: str
    arguments: list[str]
    port: str
    health: str
    environment: Mapping[str, str] = field(default_factory=dict)


def collector(place: StackLayout, environment: Mapping[str, str], overlays: Sequence[Path] = ()) -> Process:
    """The Collector, with what `environment` adds to the variables that say where things are.

    Each of the `overlays` is merged over collector-config.yaml and the ones before it.
    """
    variables = {
        "COLLECTOR_HOST": LOOPBACK,
        **{variable: str(place.ports[name]) for name, variable in COLLECTOR_PORTS.items()},
        "COLLECTOR_PROMETHEUS_ENDPOINT": f"http://{place.address('prometheus')}/api/v1/otlp",
        "COLLECTOR_QUEUE_DIRECTORY": str(place.directory / "collector" / "queue"),
        "COLLECTOR_EVENTS_FILE": str(place.events),
    }
    configs = [_existing(config) for config in (place.files / "collector-config.yaml", *overlays)]
    arguments = [f"--config={config}" for config in configs]
    return Process("otelcol", arguments, "health", "/", {**variables, **environment})


def prometheus(place: StackLayout, name: str, *, scrape_interval: str) -> Process:
    """A Prometheus with prometheus.yml as it is, and with targets of this stack.

    The one called scraped_prometheus takes the services' metrics from the Collector's page.
    """
    folder = place.directory / name
    shutil.copytree(
        _existing(place.files / "prometheus"), folder, ignore=shutil.ignore_patterns("rules"), dirs_exist_ok=True
    )
    # The timeout as well: Prometheus drops a target whose interval is shorter than that.
    pace = {"__scrape_interval__": scrape_interval, "__scrape_timeout__": scrape_interval}
    for file, targets in _targets(place, name).items():
        entry = {"targets": targets, "labels": pace}
        (folder / "targets" / file).write_text(json.dumps([entry] if targets else []), encoding="utf-8")
    arguments = [
        f"@{folder / 'prometheus.args'}",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={place.address(name)}",
        # What fires before it knows of the Alertmanager is told again, by default after a minute.
        "--rules.alert.resend-delay=5s",
    ]
    return Process("prometheus", arguments, name, "/-/ready")


def add_rules(place: StackLayout, name: str, rules: Path) -> None:
    """Give a Prometheus the recording rules of a folder and, for an Alertmanager, its alerting rules."""
    folder = place.directory / name / "rules"
    folder.mkdir(parents=True, exist_ok=True)
    alerts = rules.glob("alerts/*.yml") if "alertmanager" in place.ports else ()
    for source in [*_existing(rules).glob("*.yml"), *alerts]:
        shutil.copy(source, folder / f"{source.parent.name}-{source.name}")


def alertmanager(place: StackLayout, config: Path) -> Process:
    """An Alertmanager that is alone."""
    arguments = [
        f"--config.file={_existing(config)}",
        f"--storage.path={place.directory / 'alertmanager'}",
        f"--web.listen-address={place.address('alertmanager')}",
        f"--web.external-url=http://{place.address('alertmanager')}",  # in links; or they have the host's name
        "--cluster.listen-address=",
    ]
    return Process("alertmanager", arguments, "alertmanager", "/-/ready")


def _targets(place: StackLayout, name: str) -> dict[str, list[str]]:
    alerting = "alertmanager" in place.ports and name == "prometheus"
    return {
        "prometheus.yml": [place.address(name)],
        "collector.yml": [place.address("telemetry")],
        "scraped.yml": [place.address("scrape")] if name == "scraped_prometheus" else [],
        "alertmanagers.yml": [place.address("alertmanager")] if alerting else [],
    }


def _existing(path: Path) -> Path:
    if not path.exists():
        raise StackError(f"{path} does not exist")
    return path
