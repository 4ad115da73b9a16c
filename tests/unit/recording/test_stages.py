"""Cache lookups and pipeline stages, counted and timed."""

import pytest

from otel_recmon import MetricsCollector
from tests.unit.conftest import Read, labelled, named
from tests.unit.recording.expected_series import dropped, nonzero, v1


def test_cache_hits_and_misses_have_no_labels(metrics: MetricsCollector, series: Read) -> None:
    for hit in (True, True, False):
        metrics.track_cache_hit(hit)

    assert nonzero(series()) == {
        ("recommendation_cache_hits_total", ()): 2,
        ("recommendation_cache_misses_total", ()): 1,
    }


def test_a_cache_that_only_misses_exports_zero_hits(metrics: MetricsCollector, series: Read) -> None:
    metrics.track_cache_hit(hit=False)

    found = series()
    assert (found["recommendation_cache_hits_total", ()], found["recommendation_cache_misses_total", ()]) == (
        0,
        1,
    )


def test_a_stage_is_timed_and_its_candidates_are_counted(metrics: MetricsCollector, series: Read) -> None:
    with metrics.stage("retrieval") as stage:
        stage.candidates = 500
    with metrics.stage("retrieval", candidates=100):
        pass
    with metrics.stage("ranking"):
        pass

    found = series()
    assert named(found, "recommendation_candidates_total") == {labelled(model_version="v1", stage="retrieval"): 600}
    assert named(found, "recommendation_stage_duration_seconds_count") == {
        labelled(model_version="v1", stage="retrieval"): 2,
        labelled(model_version="v1", stage="ranking"): 1,
    }


def test_a_failing_stage_is_timed_and_its_exception_is_raised(metrics: MetricsCollector, series: Read) -> None:
    failure = KeyError("x")

    with pytest.raises(KeyError) as caught, metrics.stage("ranking"):
        raise failure

    assert caught.value is failure
    assert series()[v1("recommendation_stage_duration_seconds_count", stage="ranking")] == 1


def test_unusable_candidates_are_dropped_and_the_stage_is_timed(metrics: MetricsCollector, series: Read) -> None:
    for candidates in ("many", -1, 2.5, [1]):
        with metrics.stage("recall", candidates=candidates):  # type: ignore[arg-type]
            pass

    found = nonzero(series())
    assert found.pop(v1("recommendation_stage_duration_seconds_sum", stage="recall")) >= 0
    assert found == dropped("candidates_invalid", 4) | {
        v1("recommendation_stage_duration_seconds_count", stage="recall"): 4
    }


def test_a_huge_number_of_candidates_does_not_break_the_metric(metrics: MetricsCollector, series: Read) -> None:
    with metrics.stage("ranking", candidates=10**400):
        pass

    with metrics.stage("recall", candidates=100):
        pass

    assert series()[v1("recommendation_candidates_total", stage="recall")] == 100
