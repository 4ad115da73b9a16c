"""Reads the event log that the Collector wrote, and counts again from it what the metrics say."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from otel_recmon import catalog
from otel_recmon.catalog import EVENT_PREFIX, EVENTS, POSITIONS, REQUEST_EVENTS, Metric, SeriesKey
from otel_recmon.recording.labels import Labels
from otel_recmon.values import NOWHERE, place

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
    catalog.EXPERIMENT_EXPOSURES,
    catalog.EXPERIMENT_CLICKS,
    catalog.EXPERIMENT_CONVERSIONS,
    catalog.EXPERIMENT_REVENUE,
)
"""The counters that follow from the event log; those about otel-recmon itself do not."""


_IN_EXPERIMENTS: Final = {
    "served": catalog.EXPERIMENT_EXPOSURES,
    "clicked": catalog.EXPERIMENT_CLICKS,
    "converted": catalog.EXPERIMENT_CONVERSIONS,
}


@dataclass(frozen=True)
class Event:
    """One event: when it happened, in nanoseconds since 1970, its names without their prefix, and its trace."""

    at: int
    name: str
    attributes: Mapping[str, Any]
    trace_id: str
    span_id: str


def events(lines: Iterable[str]) -> Iterator[Event]:
    """Return the events of otel-recmon in a log of OTLP JSON, one export request a line.

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
    """Return what an OTLP value holds; an empty one is None."""
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
    """Return the counters of RECOUNTED as these events make them, those that are 0 left out."""
    totals: defaultdict[SeriesKey, float] = defaultdict(int)
    for event in log:
        for metric, labels, count in _counts(event):
            totals[metric.prometheus, tuple(sorted(labels.items()))] += count
    return {series: total for series, total in totals.items() if total}


def _counts(event: Event) -> Counts:
    said = event.attributes
    labels = _labels(said)
    if event.name in REQUEST_EVENTS:
        yield from _request(said, labels)
        yield from _slate(said, labels)
    elif event.name == "clicked":
        yield catalog.CLICKED, labels | {"position": _position(said.get("position"))}, 1
    elif event.name == "converted":
        yield catalog.CONVERTED, labels, 1
    else:
        yield from _shown(said["positions"], labels)
    if "bucket" in said:
        yield from _experiment(event)


def _experiment(event: Event) -> Counts:
    said = event.attributes
    labels = {"experiment": said["experiment"], "variant": said["arm"], "bucket": said["bucket"]}
    yield _IN_EXPERIMENTS[event.name], labels, 1
    yield catalog.EXPERIMENT_REVENUE, labels, said.get("revenue", 0)


def _request(said: Mapping[str, Any], labels: dict[str, str]) -> Counts:
    if "status" in said:
        yield catalog.REQUESTS, labels | {"status": said["status"]}, 1
        if "outcome" in said:
            yield catalog.OUTCOMES, labels | {"outcome": said["outcome"]}, 1
    if "good" in said:
        yield catalog.SLO_RESPONSES, labels | {"good": str(said["good"]).lower()}, 1
    yield catalog.CACHE_HITS, {}, said.get("cache.hits", 0)
    yield catalog.CACHE_MISSES, {}, said.get("cache.misses", 0)
    for stage in said.get("stages", ()):
        own = _labels(stage) | {"stage": stage["stage"]}
        yield catalog.CANDIDATES, own, stage.get("candidates", 0)


def _slate(said: Mapping[str, Any], labels: dict[str, str]) -> Counts:
    if said.get("impressions", True):
        yield from _shown(said.get("positions", range(1, said.get("item_count", 0) + 1)), labels)
    for categories in said.get("categories", ()):
        for category in categories if isinstance(categories, list) else [categories]:
            yield catalog.ITEMS, labels | {"category": category}, 1


def _shown(positions: Iterable[Any], labels: dict[str, str]) -> Counts:
    for position in positions:
        yield catalog.IMPRESSIONS, labels | {"position": _position(position)}, 1


def _position(position: Any) -> str:
    index = place(position)
    return POSITIONS[NOWHERE if index is None else index]


def _labels(said: Mapping[str, Any]) -> dict[str, str]:
    return {name: said[name] for name in Labels._fields if name in said}
