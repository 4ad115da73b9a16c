"""Prometheus queries for the figures of a period."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final

from otel_recmon import definitions
from otel_recmon.definitions import Count, Gauge, Merge
from otel_recmon.query.client import Prometheus
from otel_recmon.query.service import Service
from otel_recmon.report.counts import READ, Cell, cell, version
from otel_recmon.report.failure import NoDataError, UnknownError
from otel_recmon.report.figures import Figures
from otel_recmon.report.gauges import gauge_samples
from otel_recmon.report.period import Period, written
from otel_recmon.report.rises import Rises
from otel_recmon.report.sketches import distinct

AT_ONCE: Final = 4
"""The number of concurrent queries."""
Progress = Callable[[float], None]
"""A callback for progress. It gets the work since its last call as a share of all work, and may run in any thread."""
_GAUGES: Final = (
    definitions.COVERAGE,
    definitions.STALENESS,
    definitions.CATALOG_SIZE,
    definitions.DISTINCT_USERS,
    definitions.DISTINCT_ITEMS,
)


@dataclass(frozen=True)
class Report:
    """The figures of a service in a period.

    Attributes:
        service: The service.
        period: The period.
        model_version: The model version to which all figures are restricted; "" for all versions.
        figures: The figures of the whole period.
        versions: The figures of the whole period, by model version.
        hours: The figures of each hour, in order. They are unknown for an hour in which the service sent no data.
    """

    service: Service
    period: Period
    model_version: str
    figures: Figures
    versions: Mapping[str, Figures]
    hours: tuple[tuple[Period, Figures], ...]


@dataclass
class _Counted:
    """The counts of each hour with a sample, by model version and cell, and the names of the known series."""

    hours: defaultdict[int, defaultdict[tuple[str, Cell], float]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(float))
    )
    known: set[str] = field(default_factory=set)

    @property
    def versions(self) -> list[str]:
        return sorted({of for hour in self.hours.values() for of, _ in hour} - {""})

    def figures(self, hours: Iterable[int], of: str) -> Figures:
        """Return the figures of one model version, or of all versions if ``of`` is "", in the given hours."""
        with_data = [self.hours[hour] for hour in hours if hour in self.hours]
        if not with_data:
            return Figures()
        sums: defaultdict[Cell, float] = defaultdict(float)
        for hour in with_data:
            for (each, at), count in hour.items():
                if of in ("", each):
                    sums[at] += count
        return Figures(dict(sums), frozenset(self.known))

    def add(self, other: "_Counted") -> None:
        """Add the counts of ``other``, which must have no cell in common with these counts."""
        self.known |= other.known
        for number, hour in other.hours.items():
            self.hours[number].update(hour)


def read(
    prometheus: Prometheus,
    service: Service,
    period: Period,
    model_version: str = "",
    progress: Progress = lambda _: None,
) -> Report:
    """Query the figures of a service for one model version, or for all versions if ``model_version`` is "".

    Raises:
        PrometheusError: If Prometheus does not answer.
        NoDataError: If the service sent no data in the period.
        UnknownError: If the model version has no data in the period.
    """
    hours = period.hours
    counted = _counted(prometheus, service, hours, progress)
    if not counted.hours:
        raise NoDataError(
            f"{service} sent no data from {written(period.start)} to {written(period.end)}; "
            "was it running, and did its metrics arrive in this Prometheus?"
        )
    if model_version and model_version not in counted.versions:
        known = ", ".join(counted.versions) or "none"
        raise UnknownError(f"there is no model version {model_version!r} in this period; known versions: {known}")
    versions = [model_version] if model_version else counted.versions
    whole = _whole(prometheus, service, hours, counted)
    return Report(
        service,
        period,
        model_version,
        whole(model_version),
        {each: whole(each) for each in versions},
        tuple((hour, counted.figures([number], model_version)) for number, hour in enumerate(hours)),
    )


def _whole(
    prometheus: Prometheus, service: Service, hours: Sequence[Period], counted: _Counted
) -> Callable[[str], Figures]:
    read = {gauge: _gauge(gauge, prometheus, service, hours) for gauge in _GAUGES}

    def whole(of: str) -> Figures:
        found = {gauge: value(of) for gauge, value in read.items()}
        known = {gauge: value for gauge, value in found.items() if value is not None}
        return replace(counted.figures(range(len(hours)), of), gauges=known)

    return whole


def _gauge(
    gauge: Gauge, prometheus: Prometheus, service: Service, hours: Sequence[Period]
) -> Callable[[str], float | None]:
    """Query a gauge, and return a function that returns the value of the gauge for a model version."""
    selector = service.selector(gauge.metric.prometheus)
    if gauge.merge is Merge.DISTINCT:
        return distinct(prometheus, selector, hours).count
    samples = gauge_samples(prometheus, selector, hours)
    return samples.mean if gauge.merge is Merge.MEAN else samples.most


def _counted(prometheus: Prometheus, service: Service, hours: Sequence[Period], progress: Progress) -> _Counted:
    found = _Counted()

    def one(count: Count) -> _Counted:
        return _rises(Rises(prometheus, service.selector(count.series)), count, hours, progress)

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        for part in pool.map(one, READ):
            found.add(part)
    finally:
        pool.shutdown(cancel_futures=True)  # after a failure, the remaining queries would be useless load
    return found


def _rises(rises: Rises, count: Count, hours: Sequence[Period], progress: Progress) -> _Counted:
    counted, share = _Counted(), 1 / len(hours) / len(READ)
    for rise in rises.within(hours, lambda read: progress(read * share)):
        counted.hours[rise.hour][version(rise.labels), cell(count, rise.labels)] += rise.by
    if rises.known:
        counted.known.add(count.series)
    return counted
