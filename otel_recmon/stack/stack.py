"""The pipeline as local processes that end with the process that started them."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from otel_recmon.stack import binaries, plan
from otel_recmon.stack.component import Component, StackError
from otel_recmon.stack.files import FILES
from otel_recmon.stack.guard import guarded
from otel_recmon.stack.plan import COLLECTOR_PORTS, Process, StackLayout
from otel_recmon.stack.ports import free_port, in_use


@dataclass(kw_only=True)
class Stack:
    """The pipeline on this machine for the duration of a `with` block.

    `with Stack() as stack:` starts the Collector and a Prometheus on the loopback interface. The metrics of a
    service that exports to `stack.otlp_http_url` are then available at `stack.prometheus_url`. The stack ends with
    the process that started it, also after an exception, Ctrl-C, SIGTERM or SIGKILL.

    Attributes:
        scraped: Start a second Prometheus, which scrapes the metrics from the Collector.
        alertmanager: The configuration file of an Alertmanager to start.
        rules: A folder with recording rules for Prometheus. Its subfolder `alerts` has alerting rules, which are used
            only with an Alertmanager. By default the rules in `files`.
        directory: The folder for data and logs; it is kept at the end. By default a temporary folder, which is removed.
        group: The process group for the processes; used only together with `directory`. The caller must then end the
            group and remove `directory`.
        ports: Port numbers by name. A name without a number gets a free port.
        environment: Variables for the Collector, such as COLLECTOR_TRACES_ENDPOINT.
        overlays: Files to merge over collector-config.yaml, such as the files in deploy/.
        scrape_interval: The scrape interval of each Prometheus.
        files: The folder with collector-config.yaml and prometheus/. By default the files in the package.
        deadline_s: Seconds for each process to become ready.
        components: The processes by name: collector, prometheus, scraped_prometheus, alertmanager.
    """

    scraped: bool = False
    alertmanager: Path | None = None
    rules: Path | None = None
    directory: Path | None = None
    group: int = 0
    ports: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    overlays: Sequence[Path] = ()
    scrape_interval: str = "15s"
    files: Path = FILES
    deadline_s: float = 180.0
    components: dict[str, Component] = field(default_factory=dict, init=False, repr=False)
    _place: StackLayout = field(init=False, repr=False)
    _undo: ExitStack = field(default_factory=ExitStack, init=False, repr=False)

    def __enter__(self) -> Self:
        """Start all processes and wait until they are ready.

        Raises:
            StackError: A program or file is missing, a port is in use, or a process did not start. No process is
                left running.
        """
        with ExitStack() as undo:
            self._prepare(undo)
            for component in self.components.values():
                undo.callback(component.stop)
                component.launch()
            for component in self.components.values():
                component.wait_until_ready()
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop all processes, the Collector first, so that it can deliver its queue to Prometheus."""
        self._undo.__exit__(kind, error, trace)

    @property
    def logs(self) -> Path:
        """The folder with the log files of the processes."""
        return self._place.logs

    @property
    def events(self) -> Path:
        """The file with the log events that the Collector writes."""
        return self._place.events

    @property
    def otlp_http_url(self) -> str:
        """The OTEL_EXPORTER_OTLP_ENDPOINT of services that export over HTTP."""
        return self._url("otlp_http")

    @property
    def otlp_grpc_url(self) -> str:
        """The OTEL_EXPORTER_OTLP_ENDPOINT of services that export over gRPC."""
        return self._url("otlp_grpc")

    @property
    def scrape_url(self) -> str:
        """The URL of the Collector's page with the metrics of the services."""
        return f"{self._url('scrape')}/metrics"

    @property
    def telemetry_url(self) -> str:
        """The URL of the page with the metrics of the Collector itself."""
        return f"{self._url('telemetry')}/metrics"

    @property
    def prometheus_url(self) -> str:
        """The URL of the Prometheus that receives the metrics over OTLP."""
        return self._url("prometheus")

    @property
    def scraped_prometheus_url(self) -> str:
        """The URL of the Prometheus that scrapes the Collector; only with `scraped`."""
        return self._url("scraped_prometheus")

    @property
    def alertmanager_url(self) -> str:
        """The URL of the Alertmanager; only with `alertmanager`."""
        return self._url("alertmanager")

    def _url(self, name: str) -> str:
        return f"http://{self._place.address(name)}"

    def _prepare(self, undo: ExitStack) -> None:
        self._check_programs()
        ports = self._chosen_ports()
        directory, group = self._guarded(undo)
        self._place = StackLayout(directory, self.files, ports)
        self.logs.mkdir(exist_ok=True)
        processes = self._processes()
        self.components = {name: self._component(name, processes[name], group) for name in processes}

    def _guarded(self, undo: ExitStack) -> tuple[Path, int]:
        if self.directory and self.group:
            return self.directory, self.group
        return undo.enter_context(guarded(self.directory))

    def _check_programs(self) -> None:
        for program in ("otelcol", "prometheus", *(["alertmanager"] if self.alertmanager else [])):
            if binaries.find(program) is None:
                raise StackError(binaries.install_hint(program))

    def _chosen_ports(self) -> dict[str, int]:
        optional = {"scraped_prometheus": self.scraped, "alertmanager": self.alertmanager}
        names = [*COLLECTOR_PORTS, "prometheus", *(name for name, wanted in optional.items() if wanted)]
        for name, port in self.ports.items():
            if name not in names:
                raise StackError(f"this stack has no port called {name}; it has {', '.join(names)}")
            if in_use(port):
                raise StackError(f"port {port} ({name}) is in use: stop the program on it, or choose another port")
        return {name: self.ports.get(name) or free_port() for name in names}

    def _processes(self) -> dict[str, Process]:
        """Return the processes in the order of their start; they stop in the reverse order."""
        names = ["prometheus", *(["scraped_prometheus"] if self.scraped else [])]
        processes = {name: self._prometheus(name) for name in names}
        if self.alertmanager:
            processes["alertmanager"] = plan.alertmanager(self._place, self.alertmanager)
        return {**processes, "collector": plan.collector(self._place, self.environment, self.overlays)}

    def _prometheus(self, name: str) -> Process:
        plan.add_rules(self._place, name, self.rules or self.files / "prometheus" / "rules")
        return plan.prometheus(self._place, name, scrape_interval=self.scrape_interval)

    def _component(self, name: str, process: Process, group: int) -> Component:
        return Component(
            name=name,
            command=[binaries.find(process.program) or process.program, *process.arguments],
            port=self._place.ports[process.port],
            health=process.health,
            log=self.logs / f"{name}.log",
            environment=process.environment,
            group=group,
            deadline_s=self.deadline_s,
        )
