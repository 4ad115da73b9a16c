"""Synthetic services, as the series that promtool takes: what happens in each step of time, phase after phase."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from otel_recmon import catalog
from otel_recmon.artifacts.signals import external

Key = tuple[str, tuple[tuple[str, str], ...]]
"""A series: its name and labels."""


@dataclass(frozen=True)
class Traffic:
    """What one model version of a service does in a step of time.

    Shares are of its requests, or as their name says. Without a click-through rate nothing has ever been clicked.
    """

    job: str = "team/shop"
    environment: str = "prod"
    version: str = "v1"
    requests: float = 1000
    failing: float = 0.0
    slow: float = 0.0
    fallback: float = 0.0
    empty: float = 0.0
    ctr: float | None = 0.1
    converting: float = 0.2
    sale: float = 20.0
    cached: float = 0.8
    categories: Mapping[str, float] = field(default_factory=lambda: {"a": 0.4, "b": 0.3, "c": 0.3})
    positions: Mapping[str, float] = field(default_factory=lambda: {"1": 0.4, "2": 0.3, "3": 0.3})
    length: float = 10
    scores: Mapping[str, float] = field(default_factory=lambda: {"0.2": 0.3, "0.5": 0.6, "1": 0.9, "+Inf": 1.0})
    dropped: float = 0.0
    overflow: float = 0.0
    errors: float = 0.0
    gauges: Mapping[str, float] = field(default_factory=dict)

    @property
    def service(self) -> tuple[tuple[str, str], ...]:
        """The labels of the service."""
        return (("deployment_environment_name", self.environment), ("instance", "one"), ("job", self.job))

    def counted(self) -> dict[Key, float]:
        """What its counters rise by."""
        good = self.requests * (1 - self.failing)
        rises = {
            **self._of(catalog.REQUESTS, {"status": "success"}, good),
            **self._of(catalog.REQUESTS, {"status": "error"}, self.requests * self.failing),
            **self._of(catalog.OUTCOMES, {"outcome": "fallback"}, self.requests * self.fallback),
            **self._of(catalog.OUTCOMES, {"outcome": "empty"}, self.requests * self.empty),
            **self._of(catalog.OUTCOMES, {"outcome": "served"}, self.requests * (1 - self.fallback - self.empty)),
            **self._of(catalog.SLO_RESPONSES, {"good": "false"}, self.requests * self.slow),
            **self._of(catalog.SLO_RESPONSES, {"good": "true"}, self.requests * (1 - self.slow)),
            **self._histograms(good),
            **self._clicked(good),
            **self._own(),
        }
        for category, share in self.categories.items():
            rises |= self._of(catalog.ITEMS, {"category": category}, good * self.length * share)
        for position, share in self.positions.items():
            rises |= self._of(catalog.IMPRESSIONS, {"position": position}, good * self.length * share)
        return rises

    def shown(self) -> dict[Key, float]:
        """The values of its gauges."""
        known = {
            catalog.BUILD_INFO.prometheus: 1.0,
            catalog.STALENESS.prometheus: 1.0,
            catalog.RELOAD_PENDING.prometheus: 0.0,
            catalog.COVERAGE.prometheus: 50.0,
        }
        return {(name, self._labels({})): value for name, value in {**known, **self.gauges}.items()}

    def _clicked(self, good: float) -> dict[Key, float]:
        if self.ctr is None:
            return {}
        clicks = good * self.ctr
        return {
            **self._of(catalog.CLICKED, {"position": "1"}, clicks),
            **self._of(catalog.CONVERTED, {}, clicks * self.converting),
            (catalog.REVENUE.prometheus + "_count", self._labels({})): clicks * self.converting,
            (catalog.REVENUE.prometheus + "_sum", self._labels({})): clicks * self.converting * self.sale,
        }

    def _histograms(self, good: float) -> dict[Key, float]:
        latency = {"0.1": 1 - self.slow, "0.5": 1 - self.slow, "1": 1.0, "+Inf": 1.0}
        return self._buckets(catalog.LATENCY, latency, self.requests) | self._buckets(catalog.SCORE, self.scores, good)

    def _buckets(self, metric: catalog.Metric, shares: Mapping[str, float], count: float) -> dict[Key, float]:
        name = metric.prometheus
        buckets = {(f"{name}_bucket", self._labels({"le": le})): count * share for le, share in shares.items()}
        return {**buckets, (f"{name}_count", self._labels({})): count}

    def _own(self) -> dict[Key, float]:
        rises = {
            (catalog.CACHE_HITS.prometheus, self.service): self.requests * self.cached,
            (catalog.CACHE_MISSES.prometheus, self.service): self.requests * (1 - self.cached),
        }
        for metric, label, value, rise in (
            (catalog.DROPPED, "reason", "items_invalid", self.dropped),
            (catalog.OVERFLOW, "label", "surface", self.overflow),
            (catalog.ERRORS, "site", "observer.observe", self.errors),
        ):
            rises[metric.prometheus, tuple(sorted((*self.service, (label, value))))] = rise
        return rises

    def _of(self, metric: catalog.Metric, own: Mapping[str, str], rise: float) -> dict[Key, float]:
        return {(metric.prometheus, self._labels(own)): rise}

    def _labels(self, own: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        return tuple(sorted((*self.service, ("model_version", self.version), *own.items())))


_ALERTMANAGER: Final = (("instance", "alertmanager:9093"), ("job", "alertmanager"))


@dataclass(frozen=True)
class Collector:
    """What the Collector does in a step of time, and the Alertmanager."""

    queued: float = 0.0
    lost: float = 0.0
    given_up: float = 0.0

    def counted(self) -> dict[Key, float]:
        """What its counters rise by."""
        return {
            (external.ACCEPTED, self._labels): 100.0,
            (external.SEND_FAILED, tuple(sorted((*self._labels, ("exporter", "otlp_http/prometheus"))))): self.lost,
            (external.MESSAGES_FAILED, (*_ALERTMANAGER, ("integration", "slack"))): self.given_up,
            (external.MESSAGES_FAILED, (*_ALERTMANAGER, ("integration", "webhook"))): 1.0,
        }

    def shown(self) -> dict[Key, float]:
        """The values of its gauges."""
        labels = tuple(sorted((*self._labels, ("exporter", "otlp_http/prometheus"))))
        return {(external.QUEUE_SIZE, labels): self.queued * 1000, (external.QUEUE_CAPACITY, labels): 1000.0}

    @property
    def _labels(self) -> tuple[tuple[str, str], ...]:
        return (("instance", "collector:8888"), ("job", "otelcol"))


@dataclass(frozen=True)
class Arm:
    """What users of an arm do in a step of time."""

    exposures: float = 1000
    ctr: float = 0.1
    converting: float = 0.3
    slow: float = 0.05
    failing: float = 0.01
    crawler: float = 0.0
    """Exposures of one user, beside those of all others."""


@dataclass(frozen=True)
class Experiment:
    """An experiment of the shop: an old model, the control, and a new one, which are meant to get the same.

    An arm that is None has never been seen.
    """

    job: str = "team/shop"
    old: Arm | None = Arm()
    new: Arm | None = Arm()

    def counted(self) -> dict[Key, float]:
        """What its counters rise by; users of some buckets come more often, and click more often, than of others."""
        rises: dict[Key, float] = {}
        for variant, arm in (("old", self.old), ("new", self.new)):
            if not arm:
                continue
            rises |= self._served(variant, arm)
            for number, bucket in enumerate(catalog.BUCKETS):
                exposures = arm.exposures / len(catalog.BUCKETS) * (1 + 0.1 * _odd(number, variant))
                exposures += 0 if number else arm.crawler
                clicks = exposures * arm.ctr * (1 + 0.1 * _odd(number // 2, variant))
                counts = (exposures, clicks, clicks * arm.converting, clicks * arm.converting * 20)
                labels = self._labels({"experiment": "ranker", "variant": variant, "bucket": bucket})
                rises |= {(metric.prometheus, labels): value for metric, value in zip(_IN_BUCKETS, counts, strict=True)}
        return rises

    def _served(self, variant: str, arm: Arm) -> dict[Key, float]:
        latency = {"0.2": 1 - arm.slow, "0.5": 1 - arm.slow / 2, "+Inf": 1.0}
        name, own = catalog.LATENCY.prometheus, {"model_version": "v1", "variant": variant}
        requests = {"success": 1 - arm.failing, "error": arm.failing}
        clicked = catalog.CLICKED.prometheus, self._labels(own | {"position": "1"})
        return {
            clicked: arm.exposures * arm.ctr,
            **{
                (f"{name}_bucket", self._labels(own | {"le": le})): arm.exposures * share
                for le, share in latency.items()
            },
            **{
                (catalog.REQUESTS.prometheus, self._labels(own | {"status": status})): arm.exposures * share
                for status, share in requests.items()
            },
        }

    def shown(self) -> dict[Key, float]:
        """The values of its gauges."""
        roles = {"old": catalog.CONTROL, "new": catalog.TREATMENT}
        arms = ({"experiment": "ranker", "variant": variant, "role": role} for variant, role in roles.items())
        return {(catalog.EXPECTED_SHARE.prometheus, self._labels(arm)): 0.5 for arm in arms}

    def _labels(self, own: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        service = {"deployment_environment_name": "prod", "instance": "one", "job": self.job}
        return tuple(sorted({**service, **own}.items()))


_IN_BUCKETS: Final = (
    catalog.EXPERIMENT_EXPOSURES,
    catalog.EXPERIMENT_CLICKS,
    catalog.EXPERIMENT_CONVERSIONS,
    catalog.EXPERIMENT_REVENUE,
)


def _odd(number: int, variant: str) -> int:
    """1 for half of the buckets and -1 for the others, of each pair of which the two arms have one of each."""
    return 1 if (number % 2 == 0) == (variant == "old") else -1


Doing = Traffic | Collector | Experiment
Phase = tuple[int, Sequence[Doing]]
"""So many steps in which so many do something."""


def input_series(phases: Sequence[Phase]) -> list[dict[str, Any]]:
    """The series of phases, as promtool takes them. A counter begins at 0 and is there as long as its service is."""
    texts: dict[Key, list[str]] = defaultdict(list)
    values: dict[Key, float] = {}
    passed = 0
    for steps, doing in phases:
        rises = _merged(doing, "counted")
        jobs = {dict(labels).get("job") for _, labels in rises}
        values = {key: old for key, old in values.items() if dict(key[1]).get("job") in jobs}
        rises = {**dict.fromkeys(values, 0.0), **rises}
        for key, rise in rises.items():
            _pad(texts[key], passed)
            texts[key] += [f"{values.get(key, 0.0):.10g}+{rise:.10g}x{steps - 1}"]
            values[key] = values.get(key, 0.0) + rise * steps
        for key, value in _merged(doing, "shown").items():
            _pad(texts[key], passed)
            texts[key] += [f"{value:.10g}x{steps - 1}"]
        passed += steps
        for text in texts.values():
            _pad(text, passed)
    return [{"series": _selector(key), "values": " ".join(text)} for key, text in texts.items()]


def _merged(doing: Sequence[Doing], what: str) -> dict[Key, float]:
    merged: dict[Key, float] = {}
    for one in doing:
        for key, value in getattr(one, what)().items():
            merged[key] = merged.get(key, 0.0) + value if what == "counted" else value
    return merged


def _steps(text: str) -> int:
    return int(text.rpartition("x")[2]) + (0 if text.startswith("_") else 1)


def _pad(texts: list[str], passed: int) -> None:
    missing = passed - sum(_steps(text) for text in texts)
    if missing:
        texts.append(f"_x{missing}")


def _selector(key: Key) -> str:
    name, labels = key
    return name + "{" + ",".join(f'{label}="{value}"' for label, value in labels) + "}"


def openmetrics(series: Sequence[Mapping[str, str]], start: int, step: int = 60) -> str:
    """Series as promtool takes them, as text to fill a Prometheus with.

    Args:
        series: What `input_series` returned.
        start: The time of the first step, in seconds since 1970.
        step: Seconds between two steps.
    """
    lines = [
        f"{one['series']} {value:.10g} {start + number * step}"
        for one in series
        for number, value in enumerate(_values(one["values"]))
        if value is not None
    ]
    return "\n".join([*lines, "# EOF\n"])


def _values(text: str) -> Iterator[float | None]:
    for part in text.split():
        first, _, steps = part.rpartition("x")
        begin, _, rise = first.partition("+")
        if begin == "_":
            yield from [None] * int(steps)
        else:
            yield from (float(begin) + float(rise or 0) * number for number in range(int(steps) + 1))
