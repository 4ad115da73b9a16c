"""The programs of the pipeline, their pinned versions and their paths on this machine.

This module uses only the standard library and imports nothing from the package: tools/build.py, which builds the
programs, loads it by path before any dependency is installed.
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
    """A program and the Go package that it is built from.

    Attributes:
        name: The name of the program.
        package: The path of the Go package, relative to the folder of its module.
        also_called: Other names under which the program may be on PATH.
        needs: The components that a Collector on PATH must list in the output of its command `components`.
    """

    name: str
    package: str
    also_called: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Module:
    """A folder below tools/ with a Go module that builds programs of one version.

    Attributes:
        name: The name of the folder.
        version: The version of the programs.
        digest: The digest of the folder's Go files. It is part of the cache path, so changed files are built anew.
        commands: The programs.
        ldflags: Flags for Go's linker, which set the version.
        tags: Build tags.
        target: The make target that builds the module.
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
        """The folder of the built programs."""
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
        tags="netgo,slicelabels",  # as upstream builds it; without slicelabels it crashes
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
_MODULE_OF: Final = {command.name: (module, command) for module in MODULES for command in module.commands}
"""Program name -> its module and command."""


def names(target: str | None = None) -> tuple[str, ...]:
    """Return the names of all programs, or only of the programs that a make target builds."""
    return tuple(name for name, (module, _) in _MODULE_OF.items() if target in (None, module.target))


def module_of(name: str) -> Module:
    """Return the module that builds a program."""
    return _MODULE_OF[name][0]


def cache_root() -> Path:
    """Return the cache folder for built programs, which all checkouts share."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "otel-recmon" / "tools"


def find(name: str) -> Path | None:
    """Search the cache, then PATH, for a program of the pinned version. Return its path, or None."""
    module, command = _MODULE_OF[name]
    built = module.directory / name
    return built if os.access(built, os.X_OK) else _on_path(module.version, command)


def install_hint(name: str) -> str:
    """Return the message for a program that `find` does not find."""
    module = module_of(name)
    wanted = f"{name} {module.version}"
    return f"{wanted} is not installed: run `make {module.target}`, or put {name} of exactly this version on PATH"


def _on_path(version: str, command: Command) -> Path | None:
    paths = (shutil.which(name) for name in (command.name, *command.also_called))
    return next((Path(path) for path in paths if path and _matches(path, version, command.needs)), None)


def _matches(path: str, version: str, needs: tuple[str, ...]) -> bool:
    if _version(_output(path, "--version")) != version:
        return False
    return not needs or set(needs) <= set(re.findall(r"name: (\w+)", _output(path, "components")))


def _version(text: str) -> str | None:
    # VictoriaMetrics prints its build tag, such as victoria-metrics-20260410-101010-tags-v1.140.0-0-gabcdef.
    found = re.search(r"\bversion v?(\d+\.\d+\.\d+)(?:\s|$)|-tags-v(\d+\.\d+\.\d+)-0-g", text)
    return found and (found[1] or found[2])


@cache
def _output(*command: str) -> str:
    try:
        # 60 s because the first start reads a program of 100 MB from the disk, which may be busy.
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr
