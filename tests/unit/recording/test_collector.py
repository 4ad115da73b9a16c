"""The constructor of ``MetricsCollector``, and the unusable values and exceptions that no verb raises."""

import logging
import math
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider

from otel_recmon import MetricsCollector
from tests.unit.conftest import Read, Series, labelled
from tests.unit.recording.expected_series import dropped, nonzero, slate, v1

NAN, INF, BIG = math.nan, math.inf, 10**400
OBJECTS: Any = [{"id": 1}, {"id": 2}]
TEXTS: Any = ["secret"]
Verb = Callable[[MetricsCollector], object]


def call_each(verb: Callable[[Any], None], values: list[Any]) -> None:
    for value in values:
        verb(value)


UNUSABLE: dict[str, tuple[Verb, Series]] = {
    "unusable latencies": (
        lambda m: call_each(m.track_latency, [NAN, INF, -INF, -0.1, True, "0.1", None, [1]]),
        dropped("latency_invalid", 8),
    ),
    "unusable positions of clicks that count": (
        lambda m: call_each(m.track_click, ["abc", 0, True, 2.5, -1, "", [1], NAN]),
        dropped("position_invalid", 8) | {v1("recommendations_clicked_total", position="unknown"): 8},
    ),
    "unusable revenues of conversions that count": (
        lambda m: call_each(m.track_conversion, [-1, NAN, INF, "9.99", True, None, [9]]),
        dropped("revenue_invalid", 7) | {v1("recommendations_converted_total"): 7},
    ),
    "unusable actions of events that count": (
        lambda m: call_each(m.track_event, ["", "x" * 101, NAN, [1]]),
        dropped("label_invalid", 4) | {v1("recommendation_events_total", action="unknown"): 4},
    ),
    "diversities outside 0 to 1": (
        lambda m: call_each(m.update_diversity, [7, -0.1, NAN, INF, "1", None, True]),
        dropped("diversity_invalid", 7),
    ),
    "coverages outside 0 to 100": (
        lambda m: call_each(m.update_coverage, [-1, 100.1, NAN, "60", None, False]),
        dropped("coverage_invalid", 6),
    ),
    "unusable ages": (
        lambda m: call_each(m.update_model_staleness, [-1, NAN, INF, "6", None]),
        dropped("timestamp_invalid", 5),
    ),
    "unusable times of updates": (
        lambda m: call_each(m.model_updated, ["yesterday", NAN, -5, 0, True, 1.8e12]),
        dropped("timestamp_invalid", 6),
    ),
    "item ids that cannot be hashed, of impressions that count": (
        lambda m: m.track_recommendations("u", OBJECTS, ["x", "y"]),
        dropped("items_invalid") | slate(x=1, y=1),
    ),
    "no item ids: an empty slate": (
        lambda m: m.track_recommendations("u", None),  # type: ignore[arg-type]
        dropped("items_invalid") | slate("empty", ()),
    ),
    "a text as item ids: an empty slate": (
        lambda m: m.track_recommendations("u", "abc"),
        dropped("items_invalid") | slate("empty", ()),
    ),
    "a number as item ids: an empty slate": (
        lambda m: m.track_recommendations("u", 5),  # type: ignore[arg-type]
        dropped("items_invalid") | slate("empty", ()),
    ),
    "categories of a wrong type: items without a category": (
        lambda m: m.track_recommendations("u", ["a", "b"], ["x", {"name": "y"}]),
        dropped("category_invalid") | slate(x=1, _none=1),
    ),
    "a NaN among the scores": (
        lambda m: m.track_recommendations("u", ["a", "b"], None, [NAN, 0.25]),
        dropped("score_invalid")
        | slate()
        | {v1("recommendation_score_count"): 1, v1("recommendation_score_sum"): 0.25},
    ),
    "texts among the scores": (
        lambda m: m.track_recommendations("u", ["a", "b"], None, ["high", 0.25]),  # type: ignore[list-item]
        dropped("score_invalid")
        | slate()
        | {v1("recommendation_score_count"): 1, v1("recommendation_score_sum"): 0.25},
    ),
    "a number as scores": (
        lambda m: m.track_recommendations("u", ["a", "b"], None, 0.5),  # type: ignore[arg-type]
        dropped("score_invalid") | slate(),
    ),
    "an unknown outcome": (
        lambda m: m.track_recommendations("u", ["a", "b"], outcome="splendid"),
        dropped("outcome_invalid") | slate(),
    ),
    "an outcome that is a list": (
        lambda m: m.track_recommendations("u", ["a", "b"], outcome=["served"]),  # type: ignore[arg-type]
        dropped("outcome_invalid") | slate(),
    ),
    "a version of ten thousand characters": (
        lambda m: m.track_click(1, model_version="v" * 10_000),
        dropped("label_invalid")
        | {("recommendations_clicked_total", labelled(model_version="unknown", position="1")): 1},
    ),
    "a variant of ten thousand characters": (
        lambda m: m.track_click(1, variant="v" * 10_000),
        dropped("label_invalid") | {v1("recommendations_clicked_total", position="1"): 1},
    ),
    "latencies too large for a float": (
        lambda m: call_each(m.track_latency, [BIG, -BIG]),
        dropped("latency_invalid", 2),
    ),
    "a revenue too large for a float": (
        lambda m: m.track_conversion(BIG),
        dropped("revenue_invalid") | {v1("recommendations_converted_total"): 1},
    ),
    "a position too large for a float": (
        lambda m: m.track_click(BIG),
        dropped("position_invalid") | {v1("recommendations_clicked_total", position="unknown"): 1},
    ),
    "a version that is a list": (
        lambda m: m.track_click(1, model_version=["v1"]),  # type: ignore[arg-type]
        dropped("label_invalid")
        | {("recommendations_clicked_total", labelled(model_version="unknown", position="1")): 1},
    ),
    "a slate of a version that is a list": (
        lambda m: m.track_recommendations("u", ["a", "b"], model_version=["v1"]),  # type: ignore[arg-type]
        dropped("label_invalid")
        | {
            (name, labelled(**(dict(labels) | {"model_version": "unknown"}))): value
            for (name, labels), value in slate().items()
        },
    ),
    "a variant that is an object": (
        lambda m: m.track_click(1, variant={"arm": "a"}),  # type: ignore[arg-type]
        dropped("label_invalid") | {v1("recommendations_clicked_total", position="1"): 1},
    ),
    "a number as categories": (
        lambda m: m.track_recommendations("u", ["a", "b"], 5),  # type: ignore[arg-type]
        dropped("category_invalid") | slate(),
    ),
    "a text as categories": (
        lambda m: m.track_recommendations("u", ["a", "b"], "drama"),
        dropped("category_invalid") | slate(),
    ),
    "a number as positions": (
        lambda m: m.track_recommendations("u", ["a", "b"], positions=5),  # type: ignore[arg-type]
        dropped("position_invalid") | slate(),
    ),
    "a number as seen positions": (
        lambda m: m.track_impressions(5),  # type: ignore[arg-type]
        dropped("position_invalid"),
    ),
    "a text as seen positions": (
        lambda m: m.track_impressions("12"),
        dropped("position_invalid"),
    ),
}


class TestConstructor:
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
    def test_unusable_arguments_are_refused(
        self, provider: MeterProvider, arguments: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            MetricsCollector(meter_provider=provider, **arguments)

    def test_a_boolean_catalog_size_is_refused(self, provider: MeterProvider) -> None:
        with pytest.raises(ValueError, match="catalog_size must be a whole number from 1, not True"):
            MetricsCollector(catalog_size=True, meter_provider=provider)


class TestUnusableValues:
    @pytest.mark.parametrize("case", UNUSABLE)
    def test_unusable_values_are_dropped_by_reason_and_the_rest_counts(
        self, metrics: MetricsCollector, series: Read, case: str
    ) -> None:
        call, expected = UNUSABLE[case]
        metrics.recorder.start()

        call(metrics)

        assert nonzero(series()) == expected

    @pytest.mark.parametrize("case", UNUSABLE)
    def test_many_unusable_values_are_logged_once(
        self, metrics: MetricsCollector, caplog: pytest.LogCaptureFixture, case: str
    ) -> None:
        call, _ = UNUSABLE[case]

        for _ in range(200):
            call(metrics)

        assert [(record.name, record.levelno) for record in caplog.records] == [("otel_recmon", logging.WARNING)]
        assert caplog.records[0].getMessage().startswith("otel-recmon dropped a value (")

    def test_a_process_with_only_unusable_values_exports_the_drop_counter(
        self, metrics: MetricsCollector, series: Read
    ) -> None:
        metrics.track_latency(NAN)

        assert nonzero(series()) == dropped("latency_invalid")


class TestSafety:
    def test_an_exception_inside_a_verb_is_counted_and_not_raised(
        self, metrics: MetricsCollector, series: Read, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken() -> Any:
            yield "a"
            msg = "the database is gone"
            raise OSError(msg)

        for _ in range(3):
            metrics.track_recommendations("u", broken())
        metrics.track_click(1)

        assert nonzero(series()) == {
            ("recmon_errors_total", labelled(site="MetricsCollector.track_recommendations")): 3,
            v1("recommendations_clicked_total", position="1"): 1,
        }
        assert [record.levelno for record in caplog.records] == [logging.ERROR]

    def test_the_user_is_neither_exported_nor_logged(
        self, metrics: MetricsCollector, series: Read, caplog: pytest.LogCaptureFixture
    ) -> None:
        metrics.track_recommendations("secret-user", ["secret-item"], [object()], TEXTS, outcome="secret")

        everything = f"{series()} {[record.getMessage() for record in caplog.records]}"
        assert "secret" not in everything
