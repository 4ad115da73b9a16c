"""Reader of the event log that the OpenTelemetry Collector writes, and computation of counters from its events."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from otel_recmon import catalog
from otel_recmon.catalog import EVENT_PREFIX, EVENTS, POSITIONS, REQUEST_EVENTS, Metric, SeriesKey
from otel_recmon.recording.labels import Labels
from otel_recmon.values import UNKNOWN_INDEX, position_index

Counts = Iterator[tuple[Metric, Mapping[str, str], float]]

RECOUNTED: Final = (
    catalog.REQUESTS,
    catalog.OUTCOMES,
    catalog.SLO_RESPONSES,
    catalog.IMPRESSIONS,
    catalog.ITEMS,
    catalog.CACHE_HITS,
    catalog.CACHE_MISSES,
    catalog.CANDIDATES,
    catalog.CLICKED,
    catalog.CONVERTED,
    catalog.ACTIONS,
    catalog.EXPERIMENT_EXPOSURES,
    catalog.EXPERIMENT_CLICKS,
    catalog.EXPERIMENT_CONVERSIONS,
    catalog.EXPERIMENT_REVENUE,
)
"""The counters that can be computed from the event log. Counters about otel-recmon itself are excluded."""


_IN_EXPERIMENTS: Final = {
    "served": catalog.EXPERIMENT_EXPOSURES,
    "clicked": catalog.EXPERIMENT_CLICKS,
    "converted": catalog.EXPERIMENT_CONVERSIONS,
}


@dataclass(frozen=True)
class Event:
    """An event of otel-recmon."""

    at: int
    """The time, in nanoseconds since 1970."""
    name: str
    """The name without the prefix ``recommendation.``, such as ``clicked``."""
    attributes: Mapping[str, Any]
    """The attributes by name, without the prefix ``recommendation.``."""
    trace_id: str
    span_id: str


def events(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events of otel-recmon in lines of OTLP JSON, and skip all other records. A line is one export request.

    Raises:
        ValueError: If a line is not JSON.
    """
    for line in lines:
        for resource in json.loads(line).get("resourceLogs", ()) if line.strip() else ():
            for scope in resource.get("scopeLogs", ()):
                yield from map(_event, filter(_is_ours, scope.get("logRecords", ())))


def _is_ours(record: Mapping[str, Any]) -> bool:
    name = str(record.get("eventName", ""))
    return name.startswith(EVENT_PREFIX) and name.removeprefix(EVENT_PREFIX) in EVENTS


def _event(record: Mapping[str, Any]) -> Event:
    return Event(
        int(record.get("timeUnixNano", 0)),
        record["eventName"].removeprefix(EVENT_PREFIX),
        {name.removeprefix(EVENT_PREFIX): value for name, value in _pairs(record.get("attributes", ())).items()},
        record.get("traceId", ""),
        record.get("spanId", ""),
    )


def _pairs(pairs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {pair["key"]: _value(pair.get("value", {})) for pair in pairs}


def _value(value: Mapping[str, Any]) -> Any:
    """Return the Python value of an OTLP ``AnyValue``; None for an empty ``AnyValue``."""
    for kind, held in value.items():
        if kind == "intValue":
            return int(held)
        if kind == "doubleValue":
            return float(held)
        if kind == "arrayValue":
            return [_value(element) for element in held.get("values", ())]
        return _pairs(held.get("values", ())) if kind == "kvlistValue" else held
    return None


def counted(log: Iterable[Event]) -> dict[SeriesKey, float]:
    """Return the value of each series of the counters in RECOUNTED, computed from events. Omit the value 0."""
    totals: defaultdict[SeriesKey, float] = defaultdict(int)
    for event in log:
        for metric, labels, count in _counts(event):
            totals[metric.prometheus, tuple(sorted(labels.items()))] += count
    return {series: total for series, total in totals.items() if total}


def _counts(event: Event) -> Counts:
    attributes = event.attributes
    labels = _labels(attributes)
    if event.name in REQUEST_EVENTS:
        yield from _request(attributes, labels)
        yield from _slate(attributes, labels)
    elif event.name == "clicked":
        yield catalog.CLICKED, labels | {"position": _position(attributes.get("position"))}, 1
    elif event.name == "converted":
        yield catalog.CONVERTED, labels, 1
    elif event.name == "acted":
        yield catalog.ACTIONS, labels | {"action": attributes["action"]}, 1
    elif event.name == "seen":
        yield from _impressions(attributes["positions"], labels)
    if "bucket" in attributes:
        yield from _experiment(event)


def _experiment(event: Event) -> Counts:
    attributes = event.attributes
    labels = {"experiment": attributes["experiment"], "variant": attributes["arm"], "bucket": attributes["bucket"]}
    yield _IN_EXPERIMENTS[event.name], labels, 1
    yield catalog.EXPERIMENT_REVENUE, labels, attributes.get("revenue", 0)


def _request(attributes: Mapping[str, Any], labels: dict[str, str]) -> Counts:
    if "status" in attributes:
        yield catalog.REQUESTS, labels | {"status": attributes["status"]}, 1
        if "outcome" in attributes:
            yield catalog.OUTCOMES, labels | {"outcome": attributes["outcome"]}, 1
    if "good" in attributes:
        yield catalog.SLO_RESPONSES, labels | {"good": str(attributes["good"]).lower()}, 1
    yield catalog.CACHE_HITS, {}, attributes.get("cache.hits", 0)
    yield catalog.CACHE_MISSES, {}, attributes.get("cache.misses", 0)
    for stage in attributes.get("stages", ()):
        own = _labels(stage) | {"stage": stage["stage"]}
        yield catalog.CANDIDATES, own, stage.get("candidates", 0)


def _slate(attributes: Mapping[str, Any], labels: dict[str, str]) -> Counts:
    if attributes.get("impressions", True):
        in_order = range(1, attributes.get("item_count", 0) + 1)
        yield from _impressions(attributes.get("positions", in_order), labels)
    for categories in attributes.get("categories", ()):
        for category in categories if isinstance(categories, list) else [categories]:
            yield catalog.ITEMS, labels | {"category": category}, 1


def _impressions(positions: Iterable[Any], labels: dict[str, str]) -> Counts:
    for position in positions:
        yield catalog.IMPRESSIONS, labels | {"position": _position(position)}, 1


def _position(position: Any) -> str:
    index = position_index(position)
    return POSITIONS[UNKNOWN_INDEX if index is None else index]


def _labels(attributes: Mapping[str, Any]) -> dict[str, str]:
    return {name: attributes[name] for name in Labels._fields if name in attributes}
