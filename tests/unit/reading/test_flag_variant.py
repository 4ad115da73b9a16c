"""The variant of a feature flag is read off the server span, as OpenFeature's hook writes it there."""

from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import INVALID_SPAN, Span

from otel_recmon.reading.reader import flag_variant

EVALUATION = "feature_flag.evaluation"


def _span(*events: tuple[str, dict[str, Any]], **attributes: Any) -> Span:
    span = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("GET", attributes=attributes)
    for name, flag in events:
        span.add_event(name, {f"feature_flag.{key}": value for key, value in flag.items()})
    return span


def _evaluation(variant: str | None, key: str = "ranker") -> tuple[str, dict[str, Any]]:
    return EVALUATION, {"key": key, "result.value": '"x"'} | ({"result.variant": variant} if variant else {})


SPANS: dict[str, tuple[Span, str | None]] = {
    "an evaluation": (_span(_evaluation("bts")), "bts"),
    "an evaluation by the older convention": (_span(("feature_flag", {"key": "ranker", "variant": "bts"})), "bts"),
    "two evaluations": (_span(_evaluation("bts"), _evaluation("control")), "control"),
    "evaluations of several flags": (_span(_evaluation("bts"), _evaluation("dark", "theme")), "bts"),
    "an evaluation that failed after one that did not": (_span(_evaluation("bts"), _evaluation(None)), None),
    "an exception of an evaluation": (_span(("exception", {"key": "ranker", "result.variant": "bts"})), None),
    "attributes": (_span(**{"feature_flag.key": "ranker", "feature_flag.result.variant": "bts"}), "bts"),
    "attributes of another flag": (_span(**{"feature_flag.key": "x", "feature_flag.result.variant": "bts"}), None),
    "nothing of flags": (_span(("feature_flag.evaluation", {})), None),
    "no span": (INVALID_SPAN, None),
}


@pytest.mark.parametrize("case", SPANS)
def test_the_variant_of(case: str) -> None:
    span, variant = SPANS[case]

    assert flag_variant(span, "ranker") == variant


def test_a_span_that_is_not_sampled_shows_nothing() -> None:
    span = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer("test").start_span("GET")
    span.add_event(EVALUATION, {"feature_flag.key": "ranker", "feature_flag.result.variant": "bts"})

    assert flag_variant(span, "ranker") is None
