"""The series that a test of the recording expects, for the model version v1."""

from collections.abc import Sequence

from tests.unit.conftest import Labels, Series, labelled

_GAUGES = {"recmon_build_info", "recommendation_diversity_score", "recommendation_catalog_coverage"}


def v1(name: str, **labels: str) -> tuple[str, Labels]:
    """Return the key of a series of v1."""
    return name, labelled(model_version="v1", **labels)


def slate(outcome: str = "served", positions: Sequence[str] = ("1", "2"), **categories: int) -> Series:
    """Return the series that one slate raises."""
    expected: Series = {
        v1("recommendation_requests_total", status="error" if outcome == "error" else "success"): 1,
        v1("recommendation_outcomes_total", outcome=outcome): 1,
    }
    expected |= {v1("recommendation_impressions_total", position=position): 1 for position in positions}
    return expected | {
        v1("recommendation_items_total", category=category): count for category, count in categories.items()
    }


def dropped(reason: str, count: int = 1) -> Series:
    """Return the series of values dropped for a reason."""
    return {("recmon_events_dropped_total", labelled(reason=reason)): count}


def nonzero(series: Series) -> Series:
    """Return the series above 0, without gauges."""
    return {key: value for key, value in series.items() if value and key[0] not in _GAUGES}
