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
    """

    name: str
    version: str
    digest: str
    commands: tuple[Command, ...]
    ldflags: str = ""

    @property
    def directory(self) -> Path:
        """Where its programs are once they are built."""
        return cache_root() / f"{self.name}-{self.version}-{self.digest}"


_PROMETHEUS_VERSION: Final = "-X github.com/prometheus/common/version.Version="

MODULES: Final = (
    Module(
        "collector",
        "0.155.0",
        "183fbad27d5c",
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
)
_HOMES: Final = {command.name: (module, command) for module in MODULES for command in module.commands}


def names() -> tuple[str, ...]:
    """Every program there is, by name."""
    return tuple(_HOMES)


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
    version = module_of(name).version
    return f"{name} {version} is not there: run `make tools`, or put {name} of exactly that version on PATH"


def _on_path(version: str, command: Command) -> Path | None:
    paths = (shutil.which(name) for name in (command.name, *command.also_called))
    return next((Path(path) for path in paths if path and _fits(path, version, command.needs)), None)


def _fits(path: str, version: str, needs: tuple[str, ...]) -> bool:
    if _version(_output(path, "--version")) != version:
        return False
    return not needs or set(needs) <= set(re.findall(r"name: (\w+)", _output(path, "components")))


def _version(text: str) -> str | None:
    found = re.search(r"\bversion v?(\d+\.\d+\.\d+)(?:\s|$)", text)
    return found and found[1]


@cache
def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr
