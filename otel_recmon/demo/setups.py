"""The two set-ups of the demo: the service alone with its metrics page, or with a Collector and a Prometheus."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from otel_recmon import catalog
from otel_recmon.demo import launch
from otel_recmon.demo.failure import DemoError
from otel_recmon.demo.prometheus_source import PrometheusSource
from otel_recmon.demo.scrape import ExpositionPage, ExpositionSource
from otel_recmon.demo.service import RecommenderProcess, Workspace, run_service, workspace
from otel_recmon.stack import Component, Stack, StackError
from otel_recmon.stack.ports import free_port


@dataclass(frozen=True)
class Setup:
    """A running service and the source of its metrics.

    Attributes:
        service: The service.
        source: The source of its metrics.
        pages: Addresses to print with --keep-running, by description.
        top: The arguments for `otel-recmon top` that show the same service.
        components: The Collector and Prometheus, if any.
    """

    service: RecommenderProcess
    source: ExpositionSource
    pages: Mapping[str, str]
    top: str
    components: Collection[Component] = ()

    def check(self) -> None:
        """Raise a DemoError if one of the components has ended."""
        for component in self.components:
            if not component.running:
                last = " ".join(component.last_error().split())
                raise DemoError(
                    f"{component.name} ended; its log {component.log} ends with: {last}; run the demo again"
                )

    def failure(self, error: Exception | None = None) -> DemoError:
        """Return the error for a failed request: a component has ended or, if all run, the service failed."""
        try:
            self.check()
        except DemoError as ended:
            return ended
        return self.service.failure(error)


@contextmanager
def standalone(catalog_size: int, port: int | None, fault: str = "") -> Iterator[Setup]:
    """Run the service while the context lasts, and yield the set-up that reads its metrics page.

    Raises:
        DemoError: The service does not start.
    """
    with (
        workspace() as place,
        run_service(place, launch.page_exporter(free_port()), catalog_size, port=port, fault=fault) as service,
    ):
        yield Setup(service, ExpositionPage(service.page_url), {"metrics page": service.page_url}, service.page_url)


@contextmanager
def on_stack(catalog_size: int, port: int | None, fault: str = "") -> Iterator[Setup]:
    """Run a Collector, a Prometheus and the service, and yield the set-up that reads the metrics from Prometheus.

    Raises:
        DemoError: The Collector, the Prometheus or the service does not start.
    """
    with (
        workspace() as place,
        _stack(place) as stack,
        run_service(place, launch.otlp_exporter(stack.otlp_http_url), catalog_size, port=port, fault=fault) as service,
    ):
        # A query of the API instead of the start page: our build of Prometheus has no files for the user interface.
        query = f"{stack.prometheus_url}/api/v1/query?query={catalog.REQUESTS.prometheus}"
        pages = {"Prometheus": query, "Collector": stack.scrape_url, "logs": str(stack.logs)}
        source = PrometheusSource(stack.prometheus_url, launch.NAME, stack.logs)
        top = f"--prometheus {stack.prometheus_url} --job {launch.NAME}"
        yield Setup(service, source, pages, top, stack.components.values())


@contextmanager
def _stack(place: Workspace) -> Iterator[Stack]:
    with ExitStack() as undo:
        try:
            stack = undo.enter_context(Stack(directory=place.folder, group=place.group))
        except StackError as error:
            where = f"; the logs are in {place.logs}" if any(place.logs.iterdir()) else ""
            raise DemoError(f"{error}{where}") from error
        yield stack
