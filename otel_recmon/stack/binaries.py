"""Which programs the pipeline runs, in which versions, and where they are on this machine.

Uses the standard library only and imports nothing of the package, because tools/build.py, which builds them,
loads it by its path.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Command:
    """A program: its name, the package that it is built from, and what to ask of one found on PATH."""

    name: str
    package: str
    also_called: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Module:
    """A folder below tools/ that builds programs of one version.

    `digest` is that of the folder's files: what is built from other files gets another place in the cache.
    `target` is the make target that builds it: not everybody needs everything.
    """

    name: str
    version: str
    digest: str
    commands: tuple[Command, ...]
    ldflags: str = ""
    tags: str = ""
    target: str = "tools"

    @property
    def directory(self) -> Path:
        """Where its programs are once they are built."""
        return cache_root() / f"{self.name}-{self.version}-{self.digest}"


_PROMETHEUS_VERSION: Final = "-X github.com/prometheus/common/version.Version="

MODULES: Final = (
    Module(
        "collector",
        "0.155.0",
        "8bab9b2b2e3f",
        (
            Command(
                "otelcol",
                ".",
                also_called=("otelcol-contrib",),
                needs=("file", "file_storage", "filter", "health_check", "otlp_http", "transform"),
            ),
        ),
    ),
    Module(
        "prometheus",
        "3.16.0",
        "a81b2ee994e6",
        (
            Command("prometheus", "github.com/prometheus/prometheus/cmd/prometheus"),
            Command("promtool", "github.com/prometheus/prometheus/cmd/promtool"),
        ),
        f"{_PROMETHEUS_VERSION}3.16.0",
    ),
    Module(
        "alertmanager",
        "0.31.0",
        "c6fbabc2c0a6",
        (
            Command("alertmanager", "github.com/prometheus/alertmanager/cmd/alertmanager"),
            Command("amtool", "github.com/prometheus/alertmanager/cmd/amtool"),
        ),
        f"{_PROMETHEUS_VERSION}0.31.0",
    ),
    Module(
        "thanos",
        "0.42.0",
        "f3e434d526b4",
        (Command("thanos", "github.com/thanos-io/thanos/cmd/thanos"),),
        f"{_PROMETHEUS_VERSION}0.42.0",
        tags="netgo,slicelabels",  # as upstream builds it: with the other kind of labels it crashes
        target="tools-scale",
    ),
    Module(
        "victoriametrics",
        "1.140.0",
        "f77484bd70e1",
        (Command("victoria-metrics", "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics"),),
        "-X github.com/VictoriaMetrics/VictoriaMetrics/lib/buildinfo.Version=victoria-metrics-tags-v1.140.0-0-g",
        target="tools-scale",
    ),
)
_HOMES: Final = {command.name: (module, command) for module in MODULES for command in module.commands}


def names(target: str | None = None) -> tuple[str, ...]:
    """Every program there is, or that a make target builds, by name."""
    return tuple(name for name, (module, _) in _HOMES.items() if target in (None, module.target))


def module_of(name: str) -> Module:
    """The module that builds a program."""
    return _HOMES[name][0]


def cache_root() -> Path:
    """The folder that built programs are kept in, shared by all checkouts."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "otel-recmon" / "tools"


def find(name: str) -> Path | None:
    """A program of the pinned version: the built one, or else one on PATH."""
    module, command = _HOMES[name]
    built = module.directory / name
    return built if os.access(built, os.X_OK) else _on_path(module.version, command)


def missing(name: str) -> str:
    """What to tell somebody for whom `find` found nothing."""
    module = module_of(name)
    wanted = f"{name} {module.version}"
    return f"{wanted} is not there: run `make {module.target}`, or put {name} of exactly that version on PATH"


def _on_path(version: str, command: Command) -> Path | None:
    paths = (shutil.which(name) for name in (command.name, *command.also_called))
    return next((Path(path) for path in paths if path and _fits(path, version, command.needs)), None)


def _fits(path: str, version: str, needs: tuple[str, ...]) -> bool:
    if _version(_output(path, "--version")) != version:
        return False
    return not needs or set(needs) <= set(re.findall(r"name: (\w+)", _output(path, "components")))


def _version(text: str) -> str | None:
    found = re.search(r"\bversion v?(\d+\.\d+\.\d+)(?:\s|$)|-tags-v(\d+\.\d+\.\d+)-0-g", text)
    return found and (found[1] or found[2])


@cache
def _output(*command: str) -> str:
    try:
        # The first start of a program of 100 MB reads it from the disk, which may be busy.
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr
