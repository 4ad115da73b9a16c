"""The verbs: what they count, and that nothing unusable stops them or is lost without a word."""

import json
import logging
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_recmon import MetricsCollector
from otel_recmon.catalog import ERROR, FAILED, REJECTED, SERVED, SUCCESS
from otel_recmon.config import Settings
from otel_recmon.recording.labels import Labels
from otel_recmon.recording.recorder import recorder
from otel_recmon.recording.request_context import RequestContext, current
from otel_recmon.recording.request_counts import close_request
from tests.speed import scaled
from tests.unit.conftest import Read, Series, exported, labelled, named, once

ROOT = Path(__file__).parents[3]
NAN, INF, BIG = math.nan, math.inf, 10**400
OBJECTS: Any = [{"id": 1}, {"id": 2}]
TEXTS: Any = ["secret"]
Verb = Callable[[MetricsCollector], object]


class Array(list[Any]):
    """A sequence that, like an array of numpy or a column of pandas, is neither true nor false."""

    def __bool__(self) -> bool:
        msg = "the truth value of an array with more than one element is ambiguous"
        raise ValueError(msg)


def _v1(name: str, **labels: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return name, labelled(model_version="v1", **labels)


def _slate(outcome: str = "served", shown: Sequence[str] = ("1", "2"), **items: int) -> Series:
    """Return what one slate of the version v1 raises."""
    found: Series = {
        _v1("recommendation_requests_total", status="error" if outcome == "error" else "success"): 1,
        _v1("recommendation_outcomes_total", outcome=outcome): 1,
    }
    found |= {_v1("recommendation_impressions_total", position=place): 1 for place in shown}
    return found | {_v1("recommendation_items_total", category=name): count for name, count in items.items()}


def _raised(series: Series) -> Series:
    """Return what is above zero; gauges left out."""
    gauges = {"recmon_build_info", "recommendation_diversity_score", "recommendation_catalog_coverage"}
    return {key: value for key, value in series.items() if value and key[0] not in gauges}


def _dropped(reason: str, count: int = 1) -> Series:
    return {("recmon_events_dropped_total", labelled(reason=reason)): count}


# What is counted


def test_a_slate_is_a_request_its_outcome_its_impressions_its_categories_and_its_top_score(
    metrics: MetricsCollector, series: Read
) -> None:
    metrics.track_recommendations("u", ["a", "b"], ["drama", "crime"], [0.4, 0.9])

    assert _raised(series()) == _slate(drama=1, crime=1) | {
        _v1("recommendation_score_count"): 1,
        _v1("recommendation_score_sum"): 0.9,
    }


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        pytest.param({}, "served", id="a slate is served"),
        pytest.param({"requested": 2}, "served", id="as many as were asked for"),
        pytest.param({"requested": 3}, "partial", id="fewer than were asked for"),
        pytest.param({"requested": "3"}, "served", id="asked for something that is no number"),
        pytest.param({"outcome": "fallback"}, "fallback", id="what the service says"),
        pytest.param({"outcome": "fallback", "requested": 3}, "fallback", id="what the service says wins"),
        pytest.param({"outcome": "error"}, "error", id="an error"),
        pytest.param({"outcome": "unrecognized"}, "unrecognized", id="not recognised"),
    ],
)
def test_the_outcome_is_what_the_user_got(
    metrics: MetricsCollector, series: Read, said: dict[str, Any], outcome: str
) -> None:
    metrics.track_recommendations("u", ["a", "b"], **said)

    assert _raised(series()) == _slate(outcome)


def test_an_empty_slate_is_a_request_with_the_outcome_empty(metrics: MetricsCollector, series: Read) -> None:
    metrics.track_recommendations("u", [], requested=5)

    assert _raised(series()) == _slate("empty", ())


def test_items_beyond_the_tenth_are_shown_at_11_plus(metrics: MetricsCollector, series: Read) -> None:
    metrics.track_recommendations("u", range(14))

    shown = named(series(), "recommendation_impressions_total")
    assert shown == {labelled(model_version="v1", position=str(at)): 1 for at in range(1, 11)} | {
        labelled(model_version="v1", position="11+"): 4
    }


def test_positions_that_are_given_win_over_the_place_in_the_list(metrics: MetricsCollector, series: Read) -> None:
    metrics.track_recommendations("u", ["a", "b", "c"], positions=[4, "2", "top"])

    assert _raised(series()) == _slate("served", ("4", "2", "unknown")) | _dropped("position_invalid")


def test_an_item_of_several_categories_counts_once_in_each_and_one_of_none_in_none(
    metrics: MetricsCollector, series: Read
) -> None:
    metrics.track_recommendations("u", ["a", "b"], [["drama", "crime", "drama"], None])

    assert _raised(series()) == _slate(drama=1, crime=1, _none=1)


def test_a_slate_without_any_category_counts_no_items(metrics: MetricsCollector, series: Read) -> None:
    metrics.track_recommendations("u", ["a", "b"], [None, ""])

    assert _raised(series()) == _slate()


def test_categories_of_known_and_of_new_names_count_alike(metrics: MetricsCollector, series: Read) -> None:
    for categories in (["x", "y"], ["x", "y"], ["y", "y"], ["x", "z"], ["x", ["y", "z"]], ["x", {}]):
        metrics.track_recommendations("u", ["a", "b"], categories)

    items = named(series(), "recommendation_items_total")
    assert {dict(labels)["category"]: value for labels, value in items.items()} == {
        "x": 5,
        "y": 5,
        "z": 2,
        "_none": 1,
    }


def test_a_request_counts_as_success_or_error(metrics: MetricsCollector, series: Read) -> None:
    metrics.track_request()
    metrics.track_request(success=True)
    metrics.track_request(success=False)

    assert _raised(series()) == {
        _v1("recommendation_requests_total", status="success"): 2,
        _v1("recommendation_requests_total", status="error"): 1,
        _v1("recommendation_outcomes_total", outcome="served"): 2,
        _v1("recommendation_outcomes_total", outcome="error"): 1,
    }


def test_a_latency_falls_into_its_bucket(metrics: MetricsCollector, reader: InMemoryMetricReader) -> None:
    for seconds in (0, 0.01, 0.011, 0.3, 5, 60):
        metrics.track_latency(seconds)

    buckets = [list(p.bucket_counts) for name, p in exported(reader) if name == "recommendation_latency_seconds"]
    assert buckets == [[2, 1, 0, 0, 1, 0, 0, 1, 1]]


def test_a_click_counts_at_its_position(metrics: MetricsCollector, series: Read) -> None:
    for position in (1, "1", 10, 57):
        metrics.track_click(position)

    assert _raised(series()) == {
        _v1("recommendations_clicked_total", position="1"): 2,
        _v1("recommendations_clicked_total", position="10"): 1,
        _v1("recommendations_clicked_total", position="11+"): 1,
    }


def test_a_click_without_a_position_is_still_a_click(metrics: MetricsCollector, series: Read) -> None:
    metrics.track_click()

    assert _raised(series()) == {_v1("recommendations_clicked_total", position="unknown"): 1}


def test_a_conversion_counts_and_its_revenue_is_added_up(metrics: MetricsCollector, series: Read) -> None:
    for revenue in (19.5, 0.5, 10):
        metrics.track_conversion(revenue)

    assert _raised(series()) == {
        _v1("recommendations_converted_total"): 3,
        _v1("recommendation_revenue_dollars_count"): 3,
        _v1("recommendation_revenue_dollars_sum"): 30.0,
    }


def test_a_conversion_without_revenue_is_no_revenue_of_zero(metrics: MetricsCollector, series: Read) -> None:
    metrics.track_conversion()
    metrics.track_conversion(0)

    assert _raised(series()) == {_v1("recommendations_converted_total"): 2}


def test_impressions_that_a_client_saw_count_at_their_positions(metrics: MetricsCollector, series: Read) -> None:
    metrics.track_impressions([1, 1, "12"])

    assert _raised(series()) == {
        _v1("recommendation_impressions_total", position="1"): 2,
        _v1("recommendation_impressions_total", position="11+"): 1,
    }


def test_with_impression_routes_what_was_returned_is_not_yet_seen(provider: MeterProvider, series: Read) -> None:
    recorder(provider).configure(Settings(model_version="v1", impression_routes="POST /seen"))

    MetricsCollector("v1", meter_provider=provider).track_recommendations("u", ["a", "b"])

    assert _raised(series()) == _slate("served", (), _none=2)


def test_cache_hits_and_misses_carry_no_label(metrics: MetricsCollector, series: Read) -> None:
    for hit in (True, True, False):
        metrics.track_cache_hit(hit)

    assert _raised(series()) == {
        ("recommendation_cache_hits_total", ()): 2,
        ("recommendation_cache_misses_total", ()): 1,
    }


def test_a_cache_that_only_misses_shows_hits_of_zero(metrics: MetricsCollector, series: Read) -> None:
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


def test_a_stage_that_fails_is_timed_and_its_exception_goes_on(metrics: MetricsCollector, series: Read) -> None:
    failure = KeyError("x")

    with pytest.raises(KeyError) as caught, metrics.stage("ranking"):
        raise failure

    assert caught.value is failure
    assert series()[_v1("recommendation_stage_duration_seconds_count", stage="ranking")] == 1


def test_the_quality_is_that_of_the_slates(provider: MeterProvider, series: Read) -> None:
    metrics = MetricsCollector("v1", catalog_size=8, meter_provider=provider)

    metrics.track_recommendations("u", ["a", "b"], ["drama", "crime"])

    found = series()
    assert found[_v1("recommendation_diversity_score")] == 1.0
    assert found[_v1("recommendation_catalog_coverage")] == 25.0


def test_without_the_size_of_the_catalog_there_is_no_coverage(metrics: MetricsCollector, series: Read) -> None:
    metrics.track_recommendations("u", ["a", "b"], ["drama", "crime"])

    assert named(series(), "recommendation_catalog_coverage") == {}


def test_pushed_quality_is_shown_as_it_is(metrics: MetricsCollector, series: Read) -> None:
    metrics.update_diversity(0.25)
    metrics.update_coverage(60)

    found = series()
    assert found[_v1("recommendation_diversity_score")] == 0.25
    assert found[_v1("recommendation_catalog_coverage")] == 60


def test_the_model_ages_by_itself(metrics: MetricsCollector, provider: MeterProvider, series: Read) -> None:
    now = recorder(provider).store.clock()

    metrics.model_updated(datetime.fromtimestamp(now, UTC) - timedelta(hours=5))

    found = series()
    assert found[_v1("recommendation_model_staleness_hours")] == pytest.approx(5, abs=0.1)
    assert found[_v1("recommendation_model_updated_timestamp_seconds")] == pytest.approx(now - 5 * 3600, abs=1)


def test_staleness_can_be_said_in_hours(metrics: MetricsCollector, series: Read) -> None:
    metrics.update_model_staleness(36)

    assert series()[_v1("recommendation_model_staleness_hours")] == pytest.approx(36, abs=0.1)


def test_a_call_may_name_another_version_variant_and_surface(provider: MeterProvider, series: Read) -> None:
    metrics = MetricsCollector("v1", variant="a", surface="home", meter_provider=provider)

    metrics.track_click(1)
    metrics.track_click(1, model_version="v2", variant="b", surface="cart")

    assert named(series(), "recommendations_clicked_total") == {
        labelled(model_version="v1", position="1", surface="home", variant="a"): 1,
        labelled(model_version="v2", position="1", surface="cart", variant="b"): 1,
    }


def test_gauges_and_the_plugins_own_counters_carry_neither_variant_nor_surface(
    provider: MeterProvider, series: Read
) -> None:
    metrics = MetricsCollector("v1", variant="a", surface="home", catalog_size=4, meter_provider=provider)

    metrics.track_recommendations("u", ["a"], ["x"], [NAN])

    split = {name for name, labels in series() if {"variant", "surface"} & dict(labels).keys()}
    assert split == {
        "recommendation_requests_total",
        "recommendation_outcomes_total",
        "recommendation_impressions_total",
        "recommendation_items_total",
        "recommendation_slo_responses_total",
    }


def test_the_labels_of_a_collector_without_a_version_are_those_of_the_first_configured(
    provider: MeterProvider,
) -> None:
    plain = MetricsCollector(meter_provider=provider)
    before = plain.defaults.labels()

    first = MetricsCollector("v9", meter_provider=provider)

    assert (before, plain.defaults.labels(), plain.defaults.labels(variant="b")) == (
        Labels("unknown"),
        Labels("v9"),
        Labels("v9", "b"),
    )
    assert first.defaults.labels() == Labels("v9")


def test_the_user_is_neither_exported_nor_logged(
    metrics: MetricsCollector, series: Read, caplog: pytest.LogCaptureFixture
) -> None:
    metrics.track_recommendations("secret-user", ["secret-item"], [object()], TEXTS, outcome="secret")

    everything = f"{series()} {[record.getMessage() for record in caplog.records]}"
    assert "secret" not in everything


# What cannot be used


def _each(verb: Callable[[Any], None], values: list[Any]) -> None:
    for value in values:
        verb(value)


SET_ASIDE: dict[str, tuple[Verb, Series]] = {
    "latencies that are no time": (
        lambda m: _each(m.track_latency, [NAN, INF, -INF, -0.1, True, "0.1", None, [1]]),
        _dropped("latency_invalid", 8),
    ),
    "positions that are none, of which each is still a click": (
        lambda m: _each(m.track_click, ["abc", 0, True, 2.5, -1, "", [1], NAN]),
        _dropped("position_invalid", 8) | {_v1("recommendations_clicked_total", position="unknown"): 8},
    ),
    "revenues that are none, of which each is still a conversion": (
        lambda m: _each(m.track_conversion, [-1, NAN, INF, "9.99", True, None, [9]]),
        _dropped("revenue_invalid", 7) | {_v1("recommendations_converted_total"): 7},
    ),
    "diversities outside 0 to 1": (
        lambda m: _each(m.update_diversity, [7, -0.1, NAN, INF, "1", None, True]),
        _dropped("diversity_invalid", 7),
    ),
    "coverages outside 0 to 100": (
        lambda m: _each(m.update_coverage, [-1, 100.1, NAN, "60", None, False]),
        _dropped("coverage_invalid", 6),
    ),
    "stalenesses that are none": (
        lambda m: _each(m.update_model_staleness, [-1, NAN, INF, "6", None]),
        _dropped("timestamp_invalid", 5),
    ),
    "updates at no time": (
        lambda m: _each(m.model_updated, ["yesterday", NAN, -5, 0, True, 1.8e12]),
        _dropped("timestamp_invalid", 6),
    ),
    "item ids that cannot be told apart still are impressions": (
        lambda m: m.track_recommendations("u", OBJECTS, ["x", "y"]),
        _dropped("items_invalid") | _slate(x=1, y=1),
    ),
    "no item ids are an empty slate": (
        lambda m: m.track_recommendations("u", None),  # type: ignore[arg-type]
        _dropped("items_invalid") | _slate("empty", ()),
    ),
    "a text is no slate of letters": (
        lambda m: m.track_recommendations("u", "abc"),
        _dropped("items_invalid") | _slate("empty", ()),
    ),
    "a number is no slate": (
        lambda m: m.track_recommendations("u", 5),  # type: ignore[arg-type]
        _dropped("items_invalid") | _slate("empty", ()),
    ),
    "categories of wrong types are those of items without one": (
        lambda m: m.track_recommendations("u", ["a", "b"], ["x", {"name": "y"}]),
        _dropped("category_invalid") | _slate(x=1, _none=1),
    ),
    "a NaN among the scores": (
        lambda m: m.track_recommendations("u", ["a", "b"], None, [NAN, 0.25]),
        _dropped("score_invalid")
        | _slate()
        | {_v1("recommendation_score_count"): 1, _v1("recommendation_score_sum"): 0.25},
    ),
    "texts among the scores": (
        lambda m: m.track_recommendations("u", ["a", "b"], None, ["high", 0.25]),  # type: ignore[list-item]
        _dropped("score_invalid")
        | _slate()
        | {_v1("recommendation_score_count"): 1, _v1("recommendation_score_sum"): 0.25},
    ),
    "scores that are not even a list": (
        lambda m: m.track_recommendations("u", ["a", "b"], None, 0.5),  # type: ignore[arg-type]
        _dropped("score_invalid") | _slate(),
    ),
    "an outcome nobody knows": (
        lambda m: m.track_recommendations("u", ["a", "b"], outcome="splendid"),
        _dropped("outcome_invalid") | _slate(),
    ),
    "an outcome that is a list": (
        lambda m: m.track_recommendations("u", ["a", "b"], outcome=["served"]),  # type: ignore[arg-type]
        _dropped("outcome_invalid") | _slate(),
    ),
    "a version of ten thousand characters": (
        lambda m: m.track_click(1, model_version="v" * 10_000),
        _dropped("label_invalid")
        | {("recommendations_clicked_total", labelled(model_version="unknown", position="1")): 1},
    ),
    "a variant of ten thousand characters": (
        lambda m: m.track_click(1, variant="v" * 10_000),
        _dropped("label_invalid") | {_v1("recommendations_clicked_total", position="1"): 1},
    ),
    "numbers beyond all numbers": (
        lambda m: _each(m.track_latency, [BIG, -BIG]),
        _dropped("latency_invalid", 2),
    ),
    "a revenue beyond all numbers": (
        lambda m: m.track_conversion(BIG),
        _dropped("revenue_invalid") | {_v1("recommendations_converted_total"): 1},
    ),
    "a click at a position beyond all numbers": (
        lambda m: m.track_click(BIG),
        _dropped("position_invalid") | {_v1("recommendations_clicked_total", position="unknown"): 1},
    ),
    "a version that is a list": (
        lambda m: m.track_click(1, model_version=["v1"]),  # type: ignore[arg-type]
        _dropped("label_invalid")
        | {("recommendations_clicked_total", labelled(model_version="unknown", position="1")): 1},
    ),
    "a slate of a version that is a list": (
        lambda m: m.track_recommendations("u", ["a", "b"], model_version=["v1"]),  # type: ignore[arg-type]
        _dropped("label_invalid")
        | {
            (name, labelled(**(dict(labels) | {"model_version": "unknown"}))): value
            for (name, labels), value in _slate().items()
        },
    ),
    "a variant that is an object": (
        lambda m: m.track_click(1, variant={"arm": "a"}),  # type: ignore[arg-type]
        _dropped("label_invalid") | {_v1("recommendations_clicked_total", position="1"): 1},
    ),
    "categories that are a number": (
        lambda m: m.track_recommendations("u", ["a", "b"], 5),  # type: ignore[arg-type]
        _dropped("category_invalid") | _slate(),
    ),
    "categories that are a text": (
        lambda m: m.track_recommendations("u", ["a", "b"], "drama"),
        _dropped("category_invalid") | _slate(),
    ),
    "positions that are a number": (
        lambda m: m.track_recommendations("u", ["a", "b"], positions=5),  # type: ignore[arg-type]
        _dropped("position_invalid") | _slate(),
    ),
    "seen positions that are a number": (
        lambda m: m.track_impressions(5),  # type: ignore[arg-type]
        _dropped("position_invalid"),
    ),
    "seen positions that are a text": (
        lambda m: m.track_impressions("12"),
        _dropped("position_invalid"),
    ),
}


@pytest.mark.parametrize("case", SET_ASIDE)
def test_unusable_values_are_set_aside_and_counted_and_the_rest_counts(
    metrics: MetricsCollector, series: Read, case: str
) -> None:
    call, wanted = SET_ASIDE[case]
    metrics.recorder.start()

    call(metrics)

    assert _raised(series()) == wanted


@pytest.mark.parametrize("case", SET_ASIDE)
def test_unusable_values_are_logged_once_for_many(
    metrics: MetricsCollector, caplog: pytest.LogCaptureFixture, case: str
) -> None:
    call, _ = SET_ASIDE[case]

    for _ in range(200):
        call(metrics)

    assert [(record.name, record.levelno) for record in caplog.records] == [("otel_recmon", logging.WARNING)]
    assert caplog.records[0].getMessage().startswith("otel-recmon dropped a value (")


def test_categories_and_scores_in_arrays_count_like_those_in_lists(metrics: MetricsCollector, series: Read) -> None:
    metrics.track_recommendations("u", Array(["a", "b"]), Array(["x", "y"]), Array([0.5, 0.25]))

    assert _raised(series()) == _slate(x=1, y=1) | {
        _v1("recommendation_score_count"): 1,
        _v1("recommendation_score_sum"): 0.5,
    }


def test_a_category_that_pandas_says_is_missing_is_none(metrics: MetricsCollector, series: Read) -> None:
    metrics.track_recommendations("u", ["a", "b"], ["x", NAN])

    assert _raised(series()) == _slate(x=1, _none=1)


def test_candidates_that_are_no_number_are_set_aside_and_the_stage_is_timed(
    metrics: MetricsCollector, series: Read
) -> None:
    for candidates in ("many", -1, 2.5, [1]):
        with metrics.stage("recall", candidates=candidates):  # type: ignore[arg-type]
            pass

    found = _raised(series())
    assert found.pop(_v1("recommendation_stage_duration_seconds_sum", stage="recall")) >= 0
    assert found == _dropped("candidates_invalid", 4) | {
        _v1("recommendation_stage_duration_seconds_count", stage="recall"): 4
    }


def test_a_slate_longer_than_anybody_looks_at_is_cut(metrics: MetricsCollector, series: Read) -> None:
    metrics.track_recommendations("u", range(25_000))

    found = series()
    assert sum(named(found, "recommendation_impressions_total").values()) == 10_000
    assert _dropped("slate_too_long").items() <= found.items()


def test_slates_whose_scores_are_all_negative_are_said_once_and_counted(
    metrics: MetricsCollector, series: Read, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        metrics.track_recommendations("u", ["a"], None, [-1.5])

    found = series()
    assert len(caplog.records) <= 1
    assert named(found, "recommendation_score_count") or named(found, "recmon_events_dropped_total")


def test_candidates_beyond_all_numbers_do_not_take_the_metric_away(metrics: MetricsCollector, series: Read) -> None:
    with metrics.stage("ranking", candidates=BIG):
        pass

    with metrics.stage("recall", candidates=100):
        pass

    assert series()[_v1("recommendation_candidates_total", stage="recall")] == 100


def test_a_service_that_says_nothing_usable_shows_that_all_the_same(metrics: MetricsCollector, series: Read) -> None:
    metrics.track_latency(NAN)

    assert _raised(series()) == _dropped("latency_invalid")


def test_a_failing_verb_does_not_reach_the_caller(
    metrics: MetricsCollector, series: Read, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Any:
        yield "a"
        msg = "the database is gone"
        raise OSError(msg)

    for _ in range(3):
        metrics.track_recommendations("u", broken())
    metrics.track_click(1)

    assert _raised(series()) == {
        ("recmon_errors_total", labelled(site="MetricsCollector.track_recommendations")): 3,
        _v1("recommendations_clicked_total", position="1"): 1,
    }
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model_version": ""}, "model_version must be a text of 1 to 100 characters"),
        (
            {"model_version": " v1"},
            "model_version must be a text of 1 to 100 characters without blanks around it",
        ),
        ({"model_version": "v" * 101}, "model_version must be a text of 1 to 100 characters"),
        ({"model_version": 7}, "model_version must be a text of 1 to 100 characters .*, not 7"),
        ({"model_version": ["v1"]}, "model_version must be a text .*, not \\['v1'\\]"),
        ({"variant": ""}, "variant must be a text of 1 to 100 characters"),
        ({"variant": True}, "variant must be a text .*, not True"),
        ({"surface": "x" * 101}, "surface must be a text of 1 to 100 characters"),
        ({"catalog_size": 0}, "catalog_size must be a whole number from 1, not 0"),
        ({"catalog_size": -5}, "catalog_size must be a whole number from 1, not -5"),
        ({"catalog_size": "12"}, "catalog_size must be a whole number from 1, not '12'"),
        ({"catalog_size": 2.5}, "catalog_size must be a whole number from 1, not 2.5"),
    ],
)
def test_a_collector_that_cannot_work_is_refused(
    provider: MeterProvider, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        MetricsCollector(meter_provider=provider, **arguments)


def test_a_truth_value_is_no_size_of_a_catalog(provider: MeterProvider) -> None:
    with pytest.raises(ValueError, match="catalog_size must be a whole number from 1, not True"):
        MetricsCollector(catalog_size=True, meter_provider=provider)


# Within a request


def _within(context: RequestContext, act: Callable[[], object]) -> RequestContext:
    token = current.set(context)
    try:
        act()
    finally:
        current.reset(token)
    return context


def test_a_request_that_said_nothing_is_counted_when_it_is_closed(metrics: MetricsCollector, series: Read) -> None:
    close_request(metrics.defaults, RequestContext(), SUCCESS, 0.1, SERVED)
    close_request(metrics.defaults, RequestContext(), ERROR, 0.1, FAILED)
    close_request(metrics.defaults, RequestContext(), REJECTED, 0.1, SERVED)

    found = _raised(series())
    assert found.pop(_v1("recommendation_latency_seconds_sum")) == pytest.approx(0.2)
    assert found == {
        _v1("recommendation_requests_total", status="success"): 1,
        _v1("recommendation_requests_total", status="error"): 1,
        _v1("recommendation_requests_total", status="rejected"): 1,
        _v1("recommendation_outcomes_total", outcome="served"): 1,
        _v1("recommendation_outcomes_total", outcome="error"): 1,
        _v1("recommendation_slo_responses_total", good="true"): 1,
        _v1("recommendation_slo_responses_total", good="false"): 1,
        _v1("recommendation_latency_seconds_count"): 2,
    }


@pytest.mark.parametrize(
    ("seconds", "outcome", "good"),
    [(0.5, "served", "true"), (0.5, "partial", "true"), (0.501, "served", "false"), (0.1, "fallback", "false"),
     (0.1, "empty", "false"), (0.1, "unrecognized", "false")],
)  # fmt: skip
def test_a_good_response_is_served_or_partial_and_fast_enough(
    metrics: MetricsCollector, series: Read, seconds: float, outcome: str, good: str
) -> None:
    close_request(metrics.defaults, RequestContext(), SUCCESS, seconds, outcome)

    responses = named(series(), "recommendation_slo_responses_total")
    assert {dict(labels)["good"] for labels, value in responses.items() if value} == {good}


def test_what_the_handler_recorded_wins_over_what_closes_the_request(metrics: MetricsCollector, series: Read) -> None:
    def handler() -> None:
        metrics.track_recommendations("u", ["a", "b"], outcome="fallback")
        metrics.track_request(success=False)
        metrics.track_latency(0.25)

    scope = _within(RequestContext(), handler)
    close_request(metrics.defaults, scope, SUCCESS, 9.0, SERVED)

    assert _raised(series()) == _slate("fallback") | {
        _v1("recommendation_latency_seconds_count"): 1,
        _v1("recommendation_latency_seconds_sum"): 0.25,
        _v1("recommendation_slo_responses_total", good="false"): 1,
    }


def test_a_request_then_its_slate_is_one_request(metrics: MetricsCollector, series: Read) -> None:
    def handler() -> None:
        metrics.track_request()
        metrics.track_recommendations("u", ["a", "b"])

    scope = _within(RequestContext(), handler)
    close_request(metrics.defaults, scope, SUCCESS, 0.1, SERVED)

    requests = named(series(), "recommendation_requests_total")
    assert sum(requests.values()) == 1


def test_a_slate_that_failed_half_way_is_not_counted_again_when_its_request_is_closed(
    metrics: MetricsCollector, series: Read
) -> None:
    scope = _within(RequestContext(), lambda: metrics.track_recommendations("u", ["a"], 5))  # type: ignore[arg-type]

    close_request(metrics.defaults, scope, SUCCESS, 0.1, SERVED)

    assert series()[_v1("recommendation_requests_total", status="success")] == 1


# Threads, forks, first exports, providers


def test_eight_threads_lose_no_count(provider: MeterProvider, series: Read, reader: InMemoryMetricReader) -> None:
    metrics = MetricsCollector("v1", catalog_size=100, meter_provider=provider)
    rounds = 400

    def work(own: int) -> None:
        for n in range(rounds):
            metrics.track_recommendations("u", ["a", "b"], ["x", f"c{n % 5}"], [0.5])
            metrics.track_click(own + 1)
            metrics.track_click(n % 3 + 1, variant=f"arm{n % 2}")
            metrics.track_conversion(2.0)
            metrics.track_latency(0.03)
            metrics.track_cache_hit(hit=bool(own % 2))
            if n % 100 == 0:
                once(reader)

    threads = [Thread(target=work, args=(own,)) for own in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = series()
    total = 8 * rounds
    clicks = named(found, "recommendations_clicked_total")
    assert {key: found[key] for key in found if key[0] == "recommendation_impressions_total"} == {
        _v1("recommendation_impressions_total", position="1"): total,
        _v1("recommendation_impressions_total", position="2"): total,
    }
    assert found[_v1("recommendation_requests_total", status="success")] == total
    assert found[_v1("recommendation_items_total", category="x")] == total
    assert [found[_v1("recommendation_items_total", category=f"c{n}")] for n in range(5)] == [total / 5] * 5
    assert [clicks[labelled(model_version="v1", position=str(at + 1))] for at in range(8)] == [rounds] * 8
    assert sum(value for labels, value in clicks.items() if "variant" in dict(labels)) == total
    assert found[_v1("recommendations_converted_total")] == total
    assert found[_v1("recommendation_revenue_dollars_sum")] == 2.0 * total
    assert found[_v1("recommendation_latency_seconds_count")] == total
    assert found[_v1("recommendation_score_count")] == total
    assert found["recommendation_cache_hits_total", ()] == found["recommendation_cache_misses_total", ()] == total / 2
    assert named(found, "recmon_errors_total") == {}


def test_a_new_series_is_zero_on_its_first_export_and_its_value_on_the_next(
    metrics: MetricsCollector, reader: InMemoryMetricReader
) -> None:
    metrics.track_click(3)
    metrics.track_recommendations("u", ["a"], ["x"])
    metrics.track_cache_hit(hit=True)

    first, second = once(reader), once(reader)
    metrics.track_click(4)
    third = once(reader)

    counters = {key for key in second if key[0].endswith("_total")}
    assert {first[key] for key in counters} == {0}
    assert (
        second[_v1("recommendations_clicked_total", position="3")],
        second["recommendation_cache_hits_total", ()],
    ) == (1, 1)
    assert third[_v1("recommendations_clicked_total", position="3")] == 1
    assert third[_v1("recommendations_clicked_total", position="4")] == 0


FORK = """
import json, os, sys
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from otel_recmon import MetricsCollector
from tests.unit.conftest import once

reader = InMemoryMetricReader()
metrics = MetricsCollector("v1", catalog_size=10, meter_provider=MeterProvider([reader], shutdown_on_exit=False))

def record(times):
    for _ in range(times):
        metrics.track_recommendations("u", ["a"], ["x"], [0.5])
        metrics.track_click(2)
        metrics.track_conversion(4.0)
        metrics.track_latency(0.1)
        metrics.track_cache_hit(True)
        metrics.track_click("nowhere")
        with metrics.stage("ranking", candidates=10):
            pass
    metrics.model_updated(1_700_000_000)

def show():
    once(reader)
    flat = {f"{name} {dict(labels)}": value for (name, labels), value in once(reader).items()}
    return {key: value for key, value in flat.items() if "_duration_seconds_sum" not in key and "staleness" not in key}

record(7)
show()
read, write = os.pipe()
child = os.fork()
if child == 0:
    idle = show()
    record(3)
    os.write(write, json.dumps([idle, show()]).encode())
    os._exit(0)
os.close(write)
record(1)
with os.fdopen(read) as pipe:
    idle, busy = json.load(pipe)
print(json.dumps({"idle": idle, "child": busy, "parent": show()}))
"""


def _python(script: str, tmp_path: Path) -> str:
    """Run a script in a process of its own and return what it prints."""
    path = tmp_path / "script.py"
    path.write_text(script)
    command = [sys.executable, "-c", f"import runpy; runpy.run_path({str(path)!r}, run_name='__main__')"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=scaled(60), check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _counts(slates: int) -> dict[str, Any]:
    def key(name: str, **labels: str) -> str:
        return f"{name} {dict(labelled(**labels))}"

    v1 = {"model_version": "v1"}
    return {
        key("recommendation_requests_total", **v1, status="success"): slates,
        key("recommendation_requests_total", **v1, status="error"): 0,
        key("recommendation_requests_total", **v1, status="rejected"): 0,
        key("recommendation_outcomes_total", **v1, outcome="served"): slates,
        key("recommendation_impressions_total", **v1, position="1"): slates,
        key("recommendation_items_total", **v1, category="x"): slates,
        key("recommendation_slo_responses_total", **v1, good="true"): 0,
        key("recommendation_slo_responses_total", **v1, good="false"): 0,
        key("recommendation_score_count", **v1): slates,
        key("recommendation_score_sum", **v1): slates * 0.5,
        key("recommendations_clicked_total", **v1, position="2"): slates,
        key("recommendations_clicked_total", **v1, position="unknown"): slates,
        key("recommendations_converted_total", **v1): slates,
        key("recommendation_revenue_dollars_count", **v1): slates,
        key("recommendation_revenue_dollars_sum", **v1): slates * 4.0,
        key("recommendation_latency_seconds_count", **v1): slates,
        key("recommendation_latency_seconds_sum", **v1): pytest.approx(slates * 0.1),
        key("recommendation_cache_hits_total"): slates,
        key("recommendation_cache_misses_total"): 0,
        key("recommendation_candidates_total", **v1, stage="ranking"): slates * 10,
        key("recommendation_stage_duration_seconds_count", **v1, stage="ranking"): slates,
        key("recmon_events_dropped_total", reason="position_invalid"): slates,
    }


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """What a process and its forked child, which records on its own, export."""
    found: dict[str, dict[str, float]] = json.loads(_python(FORK, tmp_path_factory.mktemp("fork")))
    return found


def _counters(found: dict[str, float]) -> dict[str, float]:
    gauges = (
        "recmon_build_info",
        "recommendation_diversity",
        "recommendation_catalog",
        "recommendation_model",
        "recommendation_popularity",
    )
    return {key: value for key, value in found.items() if not key.startswith(gauges)}


def test_a_forked_child_starts_from_zero(forked: dict[str, dict[str, float]]) -> None:
    assert _counters(forked["idle"]) == {}
    assert _counters(forked["child"]) == _counts(3)


def test_the_parent_of_a_forked_child_keeps_its_counts(forked: dict[str, dict[str, float]]) -> None:
    assert _counters(forked["parent"]) == _counts(8)


def test_a_forked_child_knows_when_the_model_was_updated(forked: dict[str, dict[str, float]]) -> None:
    updated = "recommendation_model_updated_timestamp_seconds {'model_version': 'v1'}"

    assert (forked["idle"][updated], forked["child"][updated]) == (1.7e9, 1.7e9)


def test_a_forked_child_knows_the_size_of_the_catalog(forked: dict[str, dict[str, float]]) -> None:
    assert forked["child"]["recommendation_catalog_coverage {'model_version': 'v1'}"] == 10.0


GLOBAL = """
from opentelemetry.metrics import set_meter_provider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from otel_recmon import MetricsCollector
from tests.unit.conftest import labelled, once

reader = InMemoryMetricReader()
BEFORE
metrics = MetricsCollector("v1")
metrics.track_click(1)
AFTER
metrics.track_click(2)
metrics.track_conversion(5.0)
once(reader)
found = once(reader)
for key in sorted(key for key in found if key[0].startswith(("recommendations_", "recommendation_revenue"))):
    print(key[0], dict(key[1]).get("position", "-"), found[key])
"""


@pytest.mark.parametrize("when", ["BEFORE", "AFTER"])
def test_the_global_provider_may_be_set_before_or_after_the_collector_was_built(tmp_path: Path, when: str) -> None:
    setting = "set_meter_provider(MeterProvider([reader], shutdown_on_exit=False))"
    script = GLOBAL.replace(when, setting).replace("BEFORE\n", "\n").replace("AFTER\n", "\n")

    printed = _python(script, tmp_path)

    assert printed.splitlines() == [
        "recommendation_revenue_dollars_count - 1",
        "recommendation_revenue_dollars_sum - 5.0",
        "recommendations_clicked_total 1 1",
        "recommendations_clicked_total 2 1",
        "recommendations_converted_total - 1",
    ]


def test_without_any_provider_the_verbs_do_nothing_and_do_not_raise(tmp_path: Path) -> None:
    script = """
from otel_recmon import MetricsCollector
metrics = MetricsCollector("v1")
metrics.track_recommendations("u", ["a"], ["x"], [0.5])
metrics.track_latency(0.1)
metrics.recorder.flush(1.0)
print(metrics.faults.errors)
"""

    assert _python(script, tmp_path) == "{}\n"


def test_without_a_logger_provider_the_log_says_so_once_and_the_verbs_do_not_raise(tmp_path: Path) -> None:
    script = """
import logging, os, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s")
os.environ["OTEL_RECMON_LOG_EVENTS"] = "true"
from otel_recmon import MetricsCollector
metrics = MetricsCollector("v1")
metrics.track_recommendations("u", ["a"], ["x"], [0.5])
metrics.track_click(1)
metrics.recorder.events.flush(1.0)
print(metrics.faults.errors)
"""

    assert _python(script, tmp_path) == (
        "otel-recmon: OTEL_RECMON_LOG_EVENTS is on, but there is no logger provider to log to\n{}\n"
    )


def test_collectors_of_one_provider_share_their_counts(provider: MeterProvider, series: Read) -> None:
    first = MetricsCollector("v1", meter_provider=provider)
    second = MetricsCollector("v1", meter_provider=provider)

    first.track_click(1)
    second.track_click(1)

    assert series()[_v1("recommendations_clicked_total", position="1")] == 2


def test_collectors_of_two_providers_share_nothing(provider: MeterProvider, series: Read) -> None:
    reader = InMemoryMetricReader()
    other = MeterProvider([reader], shutdown_on_exit=False)

    MetricsCollector("v1", meter_provider=provider).track_click(1)
    MetricsCollector("v1", meter_provider=other).track_click(2)
    once(reader)
    theirs = once(reader)
    other.shutdown()

    assert _raised(series()) == {_v1("recommendations_clicked_total", position="1"): 1}
    assert _raised(theirs) == {_v1("recommendations_clicked_total", position="2"): 1}


def test_the_version_of_the_environment_is_the_default(
    provider: MeterProvider, series: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RECMON_MODEL_VERSION", "v77")

    MetricsCollector(meter_provider=provider).track_click(1)

    assert _raised(series()) == {("recommendations_clicked_total", labelled(model_version="v77", position="1")): 1}
