"""The service under examination: its environment, its start command and the addresses of its backends."""

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
"""The SDK's default for OTEL_METRIC_EXPORT_INTERVAL, in milliseconds."""
HTTP, GRPC = "http/protobuf", "grpc"
EXPORTERS: Final = {HTTP: "otlp_proto_http", GRPC: "otlp_proto_grpc"}
"""OTLP protocol -> entry point name of its exporter."""
INSTRUMENT: Final = "opentelemetry-instrument"
# opentelemetry-instrument replaces itself by the program that it starts, so a running process no longer has it in its
# command. The folder that it puts on PYTHONPATH remains; the Kubernetes operator adds the same folder.
_AUTO: Final = "auto_instrumentation"


class DoctorError(RecmonError):
    """The examination is not possible; the message names the reason."""


@dataclass(frozen=True)
class Target:
    """The service under examination, as far as the command line describes it.

    Attributes:
        environ: The environment variables of the service.
        command: The words of the start command; empty if unknown.
        source: The origin of the command, for messages, such as ``process 1234``.
        folder: The working directory of the service.
        app: ``module:app`` of the application to import; empty to import nothing.
        prometheus: The URL of the Prometheus with the metrics of the service; empty to skip the topic.
        grafana: The URL of the Grafana with the dashboards; empty to skip the topic.
        alerts: The TOML file with the alert thresholds of the user, if any.
        send_test: True to send one test message to the Slack webhook.
        only: The one topic to examine; empty for all.
        configured_in_code: Whether the application sets a meter provider when it is imported.
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
    configured_in_code: bool = False

    def includes(self, topic: str) -> bool:
        """Return True if ``topic`` (``prometheus`` or ``grafana``) has a URL and ``only`` does not exclude it."""
        return bool(getattr(self, topic)) and self.only in ("", topic)

    def value(self, variable: str) -> str:
        """Return the value of an environment variable without surrounding spaces; empty if it is not set."""
        return self.environ.get(variable, "").strip()

    def display(self, variable: str) -> str:
        """Return an environment variable for a message: its value, or ``not set``."""
        return self.value(variable) or "not set"

    @cached_property
    def _settings(self) -> tuple[Settings, list[Problem]]:
        settings, problems = read(self.environ)
        settings, more = checked(settings)
        return settings, problems + more

    @property
    def settings(self) -> Settings:
        """The settings of the plugin, with the default in place of each wrong value."""
        return self._settings[0]

    @property
    def problems(self) -> list[Problem]:
        """The wrong settings, as the plugin logs them."""
        return self._settings[1]

    @cached_property
    def resource(self) -> dict[str, str]:
        """The resource attributes from the environment."""
        pairs = (part.partition("=") for part in self.resource_parts if "=" in part)
        found = {name.strip(): unquote(value.strip()) for name, _, value in pairs}
        name = self.value("OTEL_SERVICE_NAME")
        return {**found, **({SERVICE_NAME: name} if name else {})}

    @property
    def resource_parts(self) -> list[str]:
        """The comma-separated parts of OTEL_RESOURCE_ATTRIBUTES, unparsed."""
        return [part for part in self.value("OTEL_RESOURCE_ATTRIBUTES").split(",") if part.strip()]

    @property
    def job(self) -> str:
        """The value of the label ``job`` on the series of the service."""
        name = self.resource.get(SERVICE_NAME, "unknown_service")
        namespace = self.resource.get(NAMESPACE)
        return f"{namespace}/{name}" if namespace else name

    @property
    def zero_code(self) -> bool:
        """True if opentelemetry-instrument starts the service, or if nothing is known about its start."""
        named = any(Path(word).name == INSTRUMENT for word in self.command)
        unknown = not self.command and not self.configured_in_code
        return unknown or named or _AUTO in self.value("PYTHONPATH")

    @property
    def uses_distro(self) -> bool:
        """True if opentelemetry-distro sets defaults for missing OTEL variables."""
        return self.zero_code and bool(entry_points(group="opentelemetry_distro", name="distro"))

    def exporters(self, signal: str) -> list[str]:
        """Return the names of the exporters of ``signal``, which is ``metrics``, ``traces`` or ``logs``."""
        default = "otlp" if self.uses_distro else ""
        names = self.value(f"OTEL_{signal.upper()}_EXPORTER") or default
        return [name.strip() for name in names.split(",") if name.strip() not in ("", "none")]

    @property
    def exports_otlp(self) -> bool:
        """True if the metrics are exported over OTLP."""
        return any(name.startswith("otlp") for name in self.exporters("metrics"))

    def protocol(self, signal: str = "metrics") -> str:
        """Return the OTLP protocol of a signal."""
        default = GRPC if self.uses_distro else ""
        variables = (f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
        named = [protocol for protocol, exporter in EXPORTERS.items() if exporter in self.exporters(signal)]
        return named[0] if named else next(filter(None, map(self.value, variables)), default or GRPC)

    @property
    def interval_ms(self) -> float:
        """The export interval of metrics, in milliseconds; the SDK's default if the variable is not a number."""
        found = number(self.value("OTEL_METRIC_EXPORT_INTERVAL"))
        return DEFAULT_INTERVAL_MS if found is None else found


def read_process(pid: int) -> tuple[dict[str, str], list[str], Path]:
    """Return the environment, the command and the working directory of a running process.

    Raises:
        DoctorError: The process does not exist or belongs to another user.
    """
    process = Path("/proc") / str(pid)
    try:
        environment, command = ((process / name).read_bytes() for name in ("environ", "cmdline"))
        folder = (process / "cwd").resolve()
    except OSError as error:
        raise DoctorError(
            f"process {pid} cannot be read ({error.strerror}): run doctor on its Linux host, as the same user"
        ) from error
    pairs = (part.partition("=") for part in environment.decode(errors="replace").split("\0") if part)
    words = command.decode(errors="replace").split("\0")
    return {name: value for name, _, value in pairs}, [word for word in words if word], folder


def variables_of_options(command: Sequence[str]) -> dict[str, str]:
    """Return the variables that opentelemetry-instrument sets from its options, such as ``--service_name shop``."""
    found: dict[str, str] = {}
    words = iter(command)
    if not any(Path(word).name == INSTRUMENT for word in words):  # leaves `words` at the first option
        return found
    for word in words:
        if not word.startswith("--"):
            break
        name, equals, inline = word[2:].partition("=")
        value = inline if equals else next(words, "")
        # opentelemetry-instrument strips OTEL_ or OTEL_PYTHON_ from a variable to name its option: set both.
        found |= {f"{prefix}{name.upper()}": value for prefix in ("OTEL_", "OTEL_PYTHON_")}
    return found


def split_command(command: str) -> list[str]:
    """Return the words of a command line.

    Raises:
        DoctorError: A quote is not closed.
    """
    try:
        return shlex.split(command)
    except ValueError as error:
        raise DoctorError(f"--command {command!r} cannot be read: {error}") from error


def without_secrets(url: str) -> str:
    """Return a URL without the parts that may be secret: user, password and query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return re.sub(r"//[^/@]*@", "//", url.partition("?")[0])
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def interpreter() -> str:
    """Return the path of the Python interpreter under examination, for `pip install` lines."""
    return sys.executable
