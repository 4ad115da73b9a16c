"""The pipeline as local processes, which go when the one that started them does."""

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
from otel_recmon.stack.ports import free, taken


@dataclass(kw_only=True)
class Stack:
    """The pipeline on this machine, for as long as a `with` block lasts.

    `with Stack() as stack:` starts the Collector and a Prometheus, on the loopback interface only; a service
    that exports to `stack.otlp_http_url` is then seen at `stack.prometheus_url`. Whatever ends the process
    that started it ends the stack, too: an exception, Ctrl-C, SIGTERM or SIGKILL.

    Attributes:
        scraped: Start a second Prometheus, which gets the metrics by scraping the Collector.
        alertmanager: The configuration file of an Alertmanager to start.
        rules: A folder with recording rules for Prometheus; alerting rules in its folder `alerts` are used
            when there is an Alertmanager. By default what the package ships.
        directory: Where data and logs stay. By default a temporary folder, removed at the end.
        group: The process group to put the processes in, where the caller sees to its end, and to the directory's.
        ports: Ports by name, for those that should not be just any free one.
        environment: Variables for the Collector, such as COLLECTOR_TRACES_ENDPOINT.
        overlays: Files to merge over collector-config.yaml, such as those in deploy/.
        scrape_interval: How often each Prometheus scrapes.
        files: The folder with collector-config.yaml and prometheus/; by default what the package ships.
        deadline_s: How long each process may take to become ready.
        components: The processes, by name: collector, prometheus, scraped_prometheus, alertmanager.
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
        """Start everything, and return when all of it is ready.

        Raises:
            StackError: Something is missing or taken, or a process did not start. Nothing is left running.
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
        """Stop everything, the Collector first, so that it can deliver what it has."""
        self._undo.__exit__(kind, error, trace)

    @property
    def logs(self) -> Path:
        """The folder with a log file for each process."""
        return self._place.logs

    @property
    def events(self) -> Path:
        """The file that the Collector writes log events to."""
        return self._place.events

    @property
    def otlp_http_url(self) -> str:
        """Where services send OTLP over HTTP: their OTEL_EXPORTER_OTLP_ENDPOINT."""
        return self._url("otlp_http")

    @property
    def otlp_grpc_url(self) -> str:
        """Where services send OTLP over gRPC."""
        return self._url("otlp_grpc")

    @property
    def scrape_url(self) -> str:
        """The Collector's page with the metrics of the services."""
        return f"{self._url('scrape')}/metrics"

    @property
    def telemetry_url(self) -> str:
        """The Collector's page with its own metrics."""
        return f"{self._url('telemetry')}/metrics"

    @property
    def prometheus_url(self) -> str:
        """The Prometheus that the Collector sends to."""
        return self._url("prometheus")

    @property
    def scraped_prometheus_url(self) -> str:
        """The Prometheus that scrapes the Collector, where `scraped` asked for one."""
        return self._url("scraped_prometheus")

    @property
    def alertmanager_url(self) -> str:
        """The Alertmanager, where there is one."""
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
                raise StackError(binaries.missing(program))

    def _chosen_ports(self) -> dict[str, int]:
        optional = {"scraped_prometheus": self.scraped, "alertmanager": self.alertmanager}
        names = [*COLLECTOR_PORTS, "prometheus", *(name for name, wanted in optional.items() if wanted)]
        for name, port in self.ports.items():
            if name not in names:
                raise StackError(f"this stack has no port called {name}; it has {', '.join(names)}")
            if taken(port):
                raise StackError(f"port {port} ({name}) is in use: end what listens there, or choose another")
        return {name: self.ports.get(name) or free() for name in names}

    def _processes(self) -> dict[str, Process]:
        """In the order of starting; they are stopped in the opposite one."""
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
