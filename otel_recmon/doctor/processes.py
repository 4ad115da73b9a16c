"""How many processes there are, and what they would do to each other's counts."""

import argparse
import runpy
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from otel_recmon.config import variable
from otel_recmon.doctor.target import INSTANCE, Patient
from otel_recmon.findings import Finding, found

PROMETHEUS_PORT: Final = "9464"
"""Of the in-process exporter, where OTEL_EXPORTER_PROMETHEUS_PORT does not say otherwise."""
_ARGUMENTS, _CONCURRENCY, _GUNICORN = "GUNICORN_CMD_ARGS", "WEB_CONCURRENCY", "gunicorn"
_CONFIG: Final = "gunicorn.conf.py"


class Started(NamedTuple):
    """What somebody says of the processes, and who; None is what nobody says."""

    source: str
    workers: int | None = None
    preload: bool = False
    reload: bool = False
    config: str | None = None


def examine(patient: Patient) -> Iterator[Finding]:
    """Find what several processes would do to each other."""
    said = _said(patient)
    several = next((one for one in said if one.workers is not None), None)
    if several is not None and several.workers is not None and several.workers > 1:
        yield from _several(patient, several.workers, several.source)
    yield from (found("reload", source=one.source) for one in said if one.reload)
    yield from (found("preload", source=one.source) for one in said if one.preload)
    way = _scraped(patient)
    if patient.value("PROMETHEUS_MULTIPROC_DIR") and way:
        yield found("multiprocess-directory", way=way)


def _several(patient: Patient, workers: int, source: str) -> Iterator[Finding]:
    if "prometheus" in patient.exporters("metrics"):
        port = patient.value("OTEL_EXPORTER_PROMETHEUS_PORT") or PROMETHEUS_PORT
        yield found("workers-one-port", workers=workers, source=source, port=port)
    if patient.settings.metrics_path:
        yield found("workers-metrics-path", workers=workers, source=source, path=patient.settings.metrics_path)
    if INSTANCE in patient.resource:
        yield found("instance-shared", workers=workers, source=source, value=patient.resource[INSTANCE])


def _scraped(patient: Patient) -> str:
    if "prometheus" in patient.exporters("metrics"):
        return "OTEL_METRICS_EXPORTER=prometheus"
    return variable("metrics_path") if patient.settings.metrics_path else ""


def _said(patient: Patient) -> list[Started]:
    """Return what is said of the processes; what comes first wins."""
    command = _parsed(patient.source, patient.command)
    found = [command]
    if any(_GUNICORN in Path(word).name for word in patient.command):
        arguments = _parsed(_ARGUMENTS, shlex.split(patient.value(_ARGUMENTS)))
        found += [arguments, _configured(patient.folder / (command.config or arguments.config or _CONFIG))]
    concurrency = patient.value(_CONCURRENCY)
    if concurrency.isdecimal():
        found.append(Started(f"{_CONCURRENCY}={concurrency}", int(concurrency)))
    return found


def _parsed(source: str, words: Sequence[str]) -> Started:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--workers", "-w", type=int)
    parser.add_argument("--config", "-c")
    parser.add_argument("--preload", action="store_true")
    parser.add_argument("--reload", action="store_true")
    try:
        known, _ = parser.parse_known_args(list(words))
    except (argparse.ArgumentError, SystemExit):  # such as `--workers $N`, which a shell would fill in
        return Started(source)
    return Started(source, known.workers, known.preload, known.reload, known.config)


def _configured(path: Path) -> Started:
    """Return what a configuration file of gunicorn says, which is a program."""
    if not path.is_file():
        return Started(path.name)
    try:
        said = runpy.run_path(str(path))
        workers = int(said["workers"]) if "workers" in said else None
    except Exception:  # noqa: BLE001 - what its author wrote; gunicorn will say what is wrong with it
        return Started(path.name)
    return Started(path.name, workers, bool(said.get("preload_app")), bool(said.get("reload")))
