"""Checks for several worker processes that overwrite or hide each other's counts."""

import argparse
import runpy
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from otel_recmon.config import variable
from otel_recmon.doctor.target import INSTANCE, Target
from otel_recmon.findings import Finding, found

PROMETHEUS_PORT: Final = "9464"
"""The in-process exporter's default for OTEL_EXPORTER_PROMETHEUS_PORT."""
_ARGUMENTS, _CONCURRENCY, _GUNICORN = "GUNICORN_CMD_ARGS", "WEB_CONCURRENCY", "gunicorn"
_CONFIG: Final = "gunicorn.conf.py"
_PARENTS: Final = ("hypercorn", "granian")
"""The servers that start a worker process even if there is only one."""


class ProcessOptions(NamedTuple):
    """The process options from one source, such as the command line. An option that is not set is None or False."""

    source: str
    workers: int | None = None
    preload: bool = False
    reload: bool = False
    config: str | None = None
    lifespan: str | None = None


def examine(target: Target) -> Iterator[Finding]:
    """Yield the findings about the processes of the service and their options."""
    sources = _option_sources(target)
    several = next((one for one in sources if one.workers is not None), None)
    if several is not None and several.workers is not None and several.workers > 1:
        yield from _check_workers(target, several.workers, several.source)
    elif "prometheus" in target.exporters("metrics"):
        parent = _parent(target.command)
        if parent:
            yield found("parent-takes-port", parent=parent, port=_port(target))
    yield from (found("reload", source=one.source) for one in sources if one.reload)
    yield from (found("lifespan-off", source=one.source) for one in sources if one.lifespan == "off")
    yield from (found("preload", source=one.source) for one in sources if one.preload)
    page = _scraped_page(target)
    if target.value("PROMETHEUS_MULTIPROC_DIR") and page:
        yield found("multiprocess-directory", page=page)


def _check_workers(target: Target, workers: int, source: str) -> Iterator[Finding]:
    if "prometheus" in target.exporters("metrics"):
        yield found("workers-one-port", workers=workers, source=source, port=_port(target))
    if target.settings.metrics_path:
        yield found("workers-metrics-path", workers=workers, source=source, path=target.settings.metrics_path)
    if INSTANCE in target.resource:
        yield found("instance-shared", workers=workers, source=source, value=target.resource[INSTANCE])


def _parent(command: Sequence[str]) -> str:
    """Return the part of the command that starts a parent process beside the serving process; empty if there is none.

    The parent initialises the SDK too, and opens the port of the exporter before the serving process can.
    """
    words = [Path(word).name for word in command]
    if "--reload" in words:
        return "--reload"
    if "fastapi" in words and words[words.index("fastapi") + 1 :][:1] == ["dev"]:
        return "fastapi dev"
    return next((word for word in words if word in _PARENTS), "")


def _port(target: Target) -> str:
    return target.value("OTEL_EXPORTER_PROMETHEUS_PORT") or PROMETHEUS_PORT


def _scraped_page(target: Target) -> str:
    """Return the variable that makes each process serve a metrics page; empty if no such variable is set."""
    if "prometheus" in target.exporters("metrics"):
        return "OTEL_METRICS_EXPORTER=prometheus"
    return variable("metrics_path") if target.settings.metrics_path else ""


def _option_sources(target: Target) -> list[ProcessOptions]:
    """Return the options from every source, in gunicorn's and uvicorn's order of precedence."""
    command = _parse(target.source, target.command)
    found = [command]
    if any(_GUNICORN in Path(word).name for word in target.command):
        arguments = _parse(_ARGUMENTS, shlex.split(target.value(_ARGUMENTS)))
        found += [arguments, _read_gunicorn_file(target.folder / (command.config or arguments.config or _CONFIG))]
    concurrency = target.value(_CONCURRENCY)
    if concurrency.isdecimal():
        found.append(ProcessOptions(f"{_CONCURRENCY}={concurrency}", int(concurrency)))
    return found


def _parse(source: str, words: Sequence[str]) -> ProcessOptions:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--workers", "-w", type=int)
    parser.add_argument("--config", "-c")
    parser.add_argument("--preload", action="store_true")
    parser.add_argument("--reload", action="store_true")
    parser.add_argument("--lifespan")
    try:
        known, _ = parser.parse_known_args(list(words))
    except (argparse.ArgumentError, SystemExit):  # such as `--workers $N`, which only a shell can expand
        return ProcessOptions(source)
    return ProcessOptions(source, known.workers, known.preload, known.reload, known.config, known.lifespan)


def _read_gunicorn_file(path: Path) -> ProcessOptions:
    """Run gunicorn's configuration file, which is a Python program, and return its options."""
    if not path.is_file():
        return ProcessOptions(path.name)
    try:
        settings = runpy.run_path(str(path))
        workers = int(settings["workers"]) if "workers" in settings else None
    except Exception:  # noqa: BLE001 - the file may raise anything; gunicorn reports it when it starts
        return ProcessOptions(path.name)
    return ProcessOptions(path.name, workers, bool(settings.get("preload_app")), bool(settings.get("reload")))
