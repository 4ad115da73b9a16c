"""The OpenTelemetry instruments of all metrics. They are created with the API, and need no SDK."""

from collections.abc import Callable, Iterable

from opentelemetry.metrics import (
    CallbackOptions,
    Histogram,
    Meter,
    MeterProvider,
    Observation,
    get_meter,
    get_meter_provider,
)

from otel_recmon import catalog
from otel_recmon._version import __version__
from otel_recmon.catalog import Kind, Metric
from otel_recmon.recording.cells import Cells
from otel_recmon.recording.store import Row
from otel_recmon.safety import Faults, swallow
from otel_recmon.sdk import BoundHistogram, Keep, ensure_own_instance, forget

SCOPE = "otel_recmon"
Rows = Callable[[Metric], Iterable[Row | tuple[float, dict[str, str]]]]


class Instruments:
    """The instruments of one meter provider.

    A histogram gets each value at once. Callbacks read the counters and gauges at each export.
    """

    def __init__(self, provider: MeterProvider | None, faults: Faults, score_buckets: tuple[float, ...]) -> None:
        """Store the provider; None stands for the global provider. No instruments are created yet."""
        self.faults = faults
        self._provider = provider
        self._score_buckets = score_buckets
        self._histograms: dict[str, Histogram] = {}

    def create(self, counters: Rows, gauges: Rows) -> None:
        """Create all instruments.

        Args:
            counters: A function that returns the (value, labels) pairs of a counter.
            gauges: A function that returns the (value, labels) pairs of a gauge.
        """
        ensure_own_instance(self._provider or get_meter_provider())
        meter = get_meter(SCOPE, __version__, meter_provider=self._provider)
        for metric in catalog.METRICS:
            if metric.kind is Kind.COUNTER:
                meter.create_observable_counter(
                    metric.name, [self._callback(metric, counters)], metric.unit, metric.brief
                )
            elif metric.kind is Kind.GAUGE:
                meter.create_observable_gauge(metric.name, [self._callback(metric, gauges)], metric.unit, metric.brief)
            else:
                self._histograms[metric.name] = self._histogram(meter, metric)
        self.stage = self._histograms[catalog.STAGE_DURATION.name]

    def record(self, metric: Metric, value: float, cells: Cells) -> None:
        """Record a value in a histogram, with the labels of ``cells``. The value must be finite and at least 0."""
        series = cells.histograms.get(metric.name)
        if series is None:
            series = cells.histograms[metric.name] = BoundHistogram(self._histograms[metric.name], cells.attributes)
        series.record(value)

    def forget(self, keep: Keep) -> bool:
        """Make the SDK delete the series of otel-recmon for which ``keep`` returns False.

        Return False, without a deletion, for an unknown SDK; see ``sdk.forget``.
        """
        return forget(self._provider or get_meter_provider(), SCOPE, keep)

    def _histogram(self, meter: Meter, metric: Metric) -> Histogram:
        buckets = (metric is catalog.SCORE and self._score_buckets) or metric.buckets
        return meter.create_histogram(
            metric.name, metric.unit, metric.brief, explicit_bucket_boundaries_advisory=list(buckets)
        )

    def _callback(self, metric: Metric, rows: Rows) -> Callable[[CallbackOptions], list[Observation]]:
        def observe(_: CallbackOptions) -> list[Observation]:
            try:
                return [Observation(value, attributes) for value, attributes in rows(metric)]
            except Exception as error:  # noqa: BLE001 - a failing callback must not stop the others
                swallow(self.faults, f"observe {metric.name}", error)
                return []

        return observe
