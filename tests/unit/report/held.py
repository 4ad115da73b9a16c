"""A fake Prometheus with a few samples, which supports only the queries of the report."""

import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs

from otel_recmon.query.client import Prometheus, Series

Labels = frozenset[tuple[str, str]]
Samples = Sequence[tuple[float, float]]
_RANGE = re.compile(r"(\w*)\{([^}]*)\}\[(\d+)(ms|d)\]")
_MATCHER = re.compile(r'(\w+)(=~?)"([^"]*)"')
_MS = {"ms": 1, "d": 86_400_000}


def series(name: str, samples: Samples, **labels: str) -> tuple[Labels, Samples]:
    """Return a series of the service under test."""
    identity = {"__name__": name, "job": "shop", "deployment_environment_name": "test", "instance": "1"} | labels
    return frozenset((label, value) for label, value in identity.items() if value), samples


@dataclass(frozen=True)
class Held(Prometheus):
    """Samples in memory. A window excludes its start, as in Prometheus 3."""

    url: str = "http://held"
    held: Mapping[Labels, Samples] = field(default_factory=dict)

    def instant(self, query: str, at: float | None = None) -> tuple[Series, ...]:
        assert at is not None
        found = self._evaluated(query, at)
        return tuple(Series(dict(labels), samples) for labels, samples in found.items())

    def ranged(self, query: str, start: float, end: float, step_s: float) -> tuple[Series, ...]:
        points: defaultdict[Labels, list[tuple[float, float]]] = defaultdict(list)
        for number in range(round((end - start) / step_s) + 1):
            at = start + number * step_s
            for labels, samples in self._evaluated(query, at).items():
                points[labels].append((at, samples[-1][1]))
        return tuple(Series(dict(labels), tuple(samples)) for labels, samples in points.items())

    def _evaluated(self, query: str, at: float) -> dict[Labels, tuple[tuple[float, float], ...]]:
        function, _, _ = query.rpartition("(") if " and " not in query else ("first", "", "")
        windows = self._window(query, at)
        if not function:
            return windows
        by = re.match(r"(\w+) by \(([^)]*)\) \((\w+)", function)
        inner = by[3] if by else function
        values = {labels: _FUNCTIONS[inner]([value for _, value in samples]) for labels, samples in windows.items()}
        known = {labels: value for labels, value in values.items() if value is not None}
        if by:
            known = _aggregated(by[1], by[2].split(", "), known)
        elif inner != "last_over_time":
            known = {_without_name(labels): value for labels, value in known.items()}
        return {labels: ((at, value),) for labels, value in known.items()}

    def _window(self, query: str, at: float) -> dict[Labels, tuple[tuple[float, float], ...]]:
        match = _RANGE.search(query)
        assert match, query
        start = round(at * 1000) - int(match[3]) * _MS[match[4]]
        wanted = _MATCHER.findall(match[2]) + ([("__name__", "=", match[1])] if match[1] else [])
        found = {
            labels: tuple((t, value) for t, value in samples if start < round(t * 1000) <= round(at * 1000))
            for labels, samples in self.held.items()
            if all(_matches(dict(labels).get(label, ""), operator, value) for label, operator, value in wanted)
        }
        return {labels: samples for labels, samples in found.items() if samples}


def _matches(value: str, operator: str, wanted: str) -> bool:
    return value == wanted if operator == "=" else bool(re.fullmatch(wanted, value))


def _first(values: Sequence[float]) -> float | None:
    return None if any(now < then for then, now in pairwise(values)) else min(values)


_FUNCTIONS: dict[str, Callable[[Sequence[float]], float | None]] = {
    "last_over_time": lambda values: values[-1],
    "first": _first,
    "sum_over_time": sum,
    "count_over_time": len,
    "max_over_time": max,
}


def _aggregated(how: str, by: Sequence[str], values: Mapping[Labels, float]) -> dict[Labels, float]:
    groups: defaultdict[Labels, list[float]] = defaultdict(list)
    for labels, value in values.items():
        groups[frozenset(pair for pair in labels if pair[0] in by)].append(value)
    of: dict[str, Callable[[list[float]], float]] = {"group": lambda _: 1, "sum": sum, "max": max}
    return {labels: of[how](group) for labels, group in groups.items()}


def _without_name(labels: Labels) -> Labels:
    return frozenset(pair for pair in labels if pair[0] != "__name__")


def held(*several: tuple[Labels, Samples]) -> Held:
    """Return a fake Prometheus with these series."""
    return Held(held=dict(several))


@contextmanager
def serving(prometheus: Held) -> Iterator[str]:
    """Serve it over HTTP; yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = {
                key: value[0]
                for key, value in parse_qs(self.rfile.read(int(self.headers["content-length"])).decode()).items()
            }
            body = json.dumps(
                {"status": "success", "data": {"resultType": "matrix", "result": _result(prometheus, asked)}}
            )
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _result(prometheus: Held, asked: Mapping[str, str]) -> list[dict[str, Any]]:
    if "step" in asked:
        found = prometheus.ranged(asked["query"], *(float(asked[key]) for key in ("start", "end", "step")))
    else:
        found = prometheus.instant(asked["query"], float(asked["time"]))
    return [{"metric": one.labels, "values": [[at, str(value)] for at, value in one.samples]} for one in found]
