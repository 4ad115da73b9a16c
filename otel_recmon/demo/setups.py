"""What the demo runs: the service alone, whose page is read, or on the stack, whose Prometheus is."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from otel_recmon import catalog
from otel_recmon.demo import launch
from otel_recmon.demo.failure import DemoError
from otel_recmon.demo.scrape import Page, Source
from otel_recmon.demo.service import Service, Workplace, running, workplace
from otel_recmon.demo.stored import Stored
from otel_recmon.stack import Component, Stack, StackError
from otel_recmon.stack.ports import free_port


@dataclass(frozen=True)
class Setup:
    """A running service, where its metrics are read, other pages to look at, and what they come through.

    `top` is what `otel-recmon top` is told to show the same.
    """

    service: Service
    source: Source
    pages: Mapping[str, str]
    top: str
    components: Collection[Component] = ()

    def check(self) -> None:
        """Raise a DemoError if one of the components has ended."""
        for component in self.components:
            if not component.running:
                words = " ".join(component.last_error().split())
                raise DemoError(f"{component.name} ended; its log {component.log} says: {words}; run the demo again")

    def fault(self, error: Exception | None = None) -> DemoError:
        """Return why reading or sending failed: a component ended, or else it is the service's fault."""
        try:
            self.check()
        except DemoError as ended:
            return ended
        return self.service.fault(error)


@contextmanager
def alone(catalog_size: int, port: int | None, fault: str = "") -> Iterator[Setup]:
    """Run the service and read the page with its metrics.

    Raises:
        DemoError: If it cannot be started.
    """
    with (
        workplace() as place,
        running(place, launch.page(free_port()), catalog_size, port=port, fault=fault) as service,
    ):
        yield Setup(service, Page(service.page_url), {"its metrics": service.page_url}, service.page_url)


@contextmanager
def on_stack(catalog_size: int, port: int | None, fault: str = "") -> Iterator[Setup]:
    """Run a Collector, a Prometheus and the service, and read what reaches Prometheus.

    Raises:
        DemoError: If one of them cannot be started.
    """
    with (
        workplace() as place,
        _stack(place) as stack,
        running(place, launch.otlp(stack.otlp_http_url), catalog_size, port=port, fault=fault) as service,
    ):
        # Not its first page: the Prometheus that is built here comes without the files of that.
        asked = f"{stack.prometheus_url}/api/v1/query?query={catalog.REQUESTS.prometheus}"
        pages = {"Prometheus": asked, "the Collector's": stack.scrape_url, "logs": str(stack.logs)}
        source = Stored(stack.prometheus_url, launch.NAME, stack.logs)
        top = f"--prometheus {stack.prometheus_url} --job {launch.NAME}"
        yield Setup(service, source, pages, top, stack.components.values())


@contextmanager
def _stack(place: Workplace) -> Iterator[Stack]:
    with ExitStack() as undo:
        try:
            stack = undo.enter_context(Stack(directory=place.folder, group=place.group))
        except StackError as error:
            where = f"; the logs are in {place.logs}" if any(place.logs.iterdir()) else ""
            raise DemoError(f"{error}{where}") from error
        yield stack
