"""The service that is examined: its environment and command, and where its metrics are to be found."""

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from otel_recmon.config import Problem, Settings, read
from otel_recmon.errors import RecmonError
from otel_recmon.reading.validation import checked
from otel_recmon.values import number

SERVICE_NAME, NAMESPACE, INSTANCE = "service.name", "service.namespace", "service.instance.id"
ENVIRONMENT: Final = "deployment.environment.name"
DEFAULT_INTERVAL_MS: Final = 60_000
"""Of the SDK, where OTEL_METRIC_EXPORT_INTERVAL does not say otherwise."""
HTTP, GRPC = "http/protobuf", "grpc"
EXPORTERS: Final = {HTTP: "otlp_proto_http", GRPC: "otlp_proto_grpc"}
"""The exporter of each OTLP protocol."""
INSTRUMENT: Final = "opentelemetry-instrument"
_AUTO: Final = "auto_instrumentation"
"""What it puts on PYTHONPATH, as the operator of Kubernetes does, before it becomes the program that it starts."""


class DoctorError(RecmonError):
    """The service cannot be examined."""


@dataclass(frozen=True)
class Patient:
    """A service as far as it is known.

    Attributes:
        environ: Its environment.
        command: How it is started, where that is known.
        source: Where the command comes from, in words.
        folder: Where it is started.
        app: ``module:app``, where the code is to be looked at.
        prometheus: The URL of the Prometheus with its metrics, empty for none.
        grafana: The URL of its Grafana, empty for none.
        alerts: The file with thresholds of one's own, where there is one.
        send_test: Whether to send a message to Slack.
        only: The one topic that was asked for; empty for all.
    """

    environ: Mapping[str, str]
    command: Sequence[str] = ()
    source: str = "the command"
    folder: Path = field(default_factory=Path)
    app: str = ""
    prometheus: str = ""
    grafana: str = ""
    alerts: Path | None = None
    send_test: bool = False
    only: str = ""

    def asks(self, topic: str) -> bool:
        """Say whether a topic that needs an address, ``prometheus`` or ``grafana``, is examined."""
        return bool(getattr(self, topic)) and self.only in ("", topic)

    def value(self, variable: str) -> str:
        """Return a variable of the environment, empty where it is not set."""
        return self.environ.get(variable, "").strip()

    def said(self, variable: str) -> str:
        """Return how a variable is set, in words."""
        return self.value(variable) or "not set"

    @cached_property
    def _settings(self) -> tuple[Settings, list[Problem]]:
        settings, problems = read(self.environ)
        settings, more = checked(settings)
        return settings, problems + more

    @property
    def settings(self) -> Settings:
        """The settings of the plugin, those that are wrong as their defaults."""
        return self._settings[0]

    @property
    def problems(self) -> list[Problem]:
        """What the plugin would log as wrong with them."""
        return self._settings[1]

    @cached_property
    def resource(self) -> dict[str, str]:
        """The resource attributes that the environment gives."""
        pairs = (part.partition("=") for part in self.resource_parts if "=" in part)
        found = {name.strip(): unquote(value.strip()) for name, _, value in pairs}
        name = self.value("OTEL_SERVICE_NAME")
        return {**found, **({SERVICE_NAME: name} if name else {})}

    @property
    def resource_parts(self) -> list[str]:
        """The parts of OTEL_RESOURCE_ATTRIBUTES as they stand."""
        return [part for part in self.value("OTEL_RESOURCE_ATTRIBUTES").split(",") if part.strip()]

    @property
    def job(self) -> str:
        """The label ``job`` of its series."""
        name = self.resource.get(SERVICE_NAME, "unknown_service")
        namespace = self.resource.get(NAMESPACE)
        return f"{namespace}/{name}" if namespace else name

    @property
    def zero_code(self) -> bool:
        """Whether opentelemetry-instrument starts it, as is taken for granted where the command is not known."""
        named = any(Path(word).name == INSTRUMENT for word in self.command)
        return not self.command or named or _AUTO in self.value("PYTHONPATH")

    @property
    def defaulted(self) -> bool:
        """Whether opentelemetry-distro fills in what the environment leaves out."""
        return self.zero_code and bool(entry_points(group="opentelemetry_distro", name="distro"))

    def exporters(self, signal: str) -> list[str]:
        """Return the exporters of ``metrics``, ``traces`` or ``logs``."""
        default = "otlp" if self.defaulted else ""
        names = self.value(f"OTEL_{signal.upper()}_EXPORTER") or default
        return [name.strip() for name in names.split(",") if name.strip() not in ("", "none")]

    @property
    def pushes(self) -> bool:
        """Whether metrics are sent over OTLP."""
        return any(name.startswith("otlp") for name in self.exporters("metrics"))

    def protocol(self, signal: str = "metrics") -> str:
        """Return the OTLP protocol of a signal."""
        default = GRPC if self.defaulted else ""
        variables = (f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
        named = [protocol for protocol, exporter in EXPORTERS.items() if exporter in self.exporters(signal)]
        return named[0] if named else next(filter(None, map(self.value, variables)), default or GRPC)

    @property
    def interval_ms(self) -> float:
        """How often metrics are exported, in milliseconds; the SDK's default where that cannot be read."""
        found = number(self.value("OTEL_METRIC_EXPORT_INTERVAL"))
        return DEFAULT_INTERVAL_MS if found is None else found


def running(pid: int) -> tuple[dict[str, str], list[str], Path]:
    """Return the environment, the command and the folder of a running process.

    Raises:
        DoctorError: It cannot be looked at.
    """
    process = Path("/proc") / str(pid)
    try:
        environment, command = ((process / name).read_bytes() for name in ("environ", "cmdline"))
        folder = (process / "cwd").resolve()
    except OSError as error:
        raise DoctorError(f"process {pid} cannot be looked at ({error.strerror}): be its user, on Linux") from error
    pairs = (part.partition("=") for part in environment.decode(errors="replace").split("\0") if part)
    words = command.decode(errors="replace").split("\0")
    return {name: value for name, _, value in pairs}, [word for word in words if word], folder


def instrumented(command: Sequence[str]) -> dict[str, str]:
    """Return the variables that opentelemetry-instrument sets by its own options, such as ``--service_name shop``."""
    found: dict[str, str] = {}
    words = iter(command)
    if not any(Path(word).name == INSTRUMENT for word in words):  # and go on behind it
        return found
    for word in words:
        if not word.startswith("--"):
            break
        name, equals, value = word[2:].partition("=")
        said = value if equals else next(words, "")
        found |= {f"{prefix}{name.upper()}": said for prefix in ("OTEL_", "OTEL_PYTHON_")}
    return found


def split(command: str) -> list[str]:
    """Return the words of a command line.

    Raises:
        DoctorError: A quote is not closed.
    """
    try:
        return shlex.split(command)
    except ValueError as error:
        raise DoctorError(f"--command {command!r} cannot be read: {error}") from error


def bare(url: str) -> str:
    """Return a URL without what may be secret in it: user, password, query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return re.sub(r"//[^/@]*@", "//", url.partition("?")[0])
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def python() -> str:
    """Return the interpreter that is examined."""
    return sys.executable
