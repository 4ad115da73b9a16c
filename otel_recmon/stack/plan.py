"""The programs, files, arguments and environments of a stack's processes."""

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
"""Name of a Collector port -> the variable that sets it in collector-config.yaml."""


@dataclass(frozen=True)
class StackLayout:
    """The locations of one stack: its data folder, its folder of configuration files, and its ports by name."""

    directory: Path
    files: Path
    ports: Mapping[str, int]

    def address(self, name: str) -> str:
        """Return ``host:port`` for the port called `name`."""
        return f"{LOOPBACK}:{self.ports[name]}"

    @property
    def logs(self) -> Path:
        """The folder with a log file for each process."""
        return self.directory / "logs"

    @property
    def events(self) -> Path:
        """The file with the log events that the Collector writes."""
        return self.directory / "collector" / "events" / "events.jsonl"


@dataclass(frozen=True)
class Process:
    """A program, its arguments and environment, and the port (by name) and path of its health check."""

    program: str
    arguments: list[str]
    port: str
    health: str
    environment: Mapping[str, str] = field(default_factory=dict)


def collector(place: StackLayout, environment: Mapping[str, str], overlays: Sequence[Path] = ()) -> Process:
    """Return the process of the Collector.

    Args:
        place: The locations of the stack.
        environment: Variables that override the variables of the stack.
        overlays: Configuration files, each merged over collector-config.yaml and the overlays before it.

    Raises:
        StackError: A configuration file does not exist.
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
    """Copy a Prometheus's configuration to the stack's folder, write the targets there, and return the process.

    The Prometheus called scraped_prometheus scrapes the services' metrics from the Collector's page.

    Raises:
        StackError: A configuration file does not exist.
    """
    folder = place.directory / name
    shutil.copytree(
        _existing(place.files / "prometheus"), folder, ignore=shutil.ignore_patterns("rules"), dirs_exist_ok=True
    )
    # Set the timeout as well, because Prometheus drops a target whose interval is shorter than the timeout.
    intervals = {"__scrape_interval__": scrape_interval, "__scrape_timeout__": scrape_interval}
    for file, targets in _targets(place, name).items():
        entry = {"targets": targets, "labels": intervals}
        (folder / "targets" / file).write_text(json.dumps([entry] if targets else []), encoding="utf-8")
    arguments = [
        f"@{folder / 'prometheus.args'}",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={place.address(name)}",
        # If an alert fires before Prometheus has found the Alertmanager, Prometheus sends it again only after this
        # delay: 5 s instead of the default of one minute.
        "--rules.alert.resend-delay=5s",
    ]
    return Process("prometheus", arguments, name, "/-/ready")


def add_rules(place: StackLayout, name: str, rules: Path) -> None:
    """Copy the recording rules in ``rules`` for the Prometheus ``name``. With an Alertmanager, copy alerting rules too.

    Raises:
        StackError: The folder does not exist.
    """
    folder = place.directory / name / "rules"
    folder.mkdir(parents=True, exist_ok=True)
    alerts = rules.glob("alerts/*.yml") if "alertmanager" in place.ports else ()
    for source in [*_existing(rules).glob("*.yml"), *alerts]:
        shutil.copy(source, folder / f"{source.parent.name}-{source.name}")


def alertmanager(place: StackLayout, config: Path) -> Process:
    """Return the process of an Alertmanager without a cluster.

    Raises:
        StackError: The configuration file does not exist.
    """
    arguments = [
        f"--config.file={_existing(config)}",
        f"--storage.path={place.directory / 'alertmanager'}",
        f"--web.listen-address={place.address('alertmanager')}",
        f"--web.external-url=http://{place.address('alertmanager')}",  # for links; the default is the host's name
        "--cluster.listen-address=",  # empty: no cluster
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
