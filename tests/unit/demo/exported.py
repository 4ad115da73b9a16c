"""The metrics that a correct service exports for some slates, in Prometheus's text format."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from otel_recmon import catalog
from otel_recmon.demo.traffic import MODEL_VERSIONS, Slate, assemble_slates, load_impressions

CATALOG_SIZE = 160


def sample(rows: int = 3_000) -> list[Slate]:
    return assemble_slates(load_impressions(rows=rows))


def exported(slates: Sequence[Slate]) -> str:
    return "".join(
        _of_surface([slate for slate in slates if (slate.policy, slate.surface) == (policy, surface)])
        for policy in MODEL_VERSIONS
        for surface in ("all", "men", "women")
    )


def series(metric: catalog.Metric, value: float, suffix: str = "", **labels: str) -> str:
    text = ",".join(f'{name}="{label}"' for name, label in labels.items())
    return f"{metric.prometheus}{suffix}{{{text}}} {value}\n"


def _of_surface(slates: Sequence[Slate]) -> str:
    first = slates[0]
    own = {"model_version": first.model_version, "variant": first.policy, "surface": first.surface}
    shown = [impression for slate in slates for impression in slate.impressions]
    clicked = [impression for impression in shown if impression.clicked]
    earned = [impression.earned_cents / 100 for impression in clicked if impression.earned_cents]
    scores = [max(impression.propensity for impression in slate.impressions) for slate in slates]
    outcomes = Counter("served" if len(slate.impressions) == 3 else "partial" for slate in slates)
    return "".join(
        (
            series(catalog.REQUESTS, len(slates), status="success", **own),
            series(catalog.REQUESTS, 0, status="error", **own),
            *_each(catalog.IMPRESSIONS, "position", Counter(str(i.position) for i in shown), own),
            *_each(catalog.CLICKED, "position", Counter(str(i.position) for i in clicked), own),
            *_each(catalog.OUTCOMES, "outcome", outcomes, own),
            *_each(catalog.ITEMS, "category", Counter(i.category for i in shown), own),
            series(catalog.CONVERTED, len(earned), **own),
            series(catalog.REVENUE, sum(earned), "_sum", **own),
            series(catalog.REVENUE, len(earned), "_count", **own),
            series(catalog.SCORE, sum(scores), "_sum", **own),
            series(catalog.SCORE, len(scores), "_count", **own),
        )
    )


def _each(metric: catalog.Metric, label: str, counts: Mapping[str, int], own: Mapping[str, str]) -> Iterable[str]:
    return [series(metric, count, **own, **{label: value}) for value, count in counts.items()]


def gauges(diversity: float, coverage: float, policy: str) -> str:
    own = {"model_version": MODEL_VERSIONS[policy]}
    return series(catalog.DIVERSITY, diversity, **own) + series(catalog.COVERAGE, coverage, **own)
