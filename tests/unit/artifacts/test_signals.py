"""Tests of the signals: valid PromQL in every scope, series that exist, texts, and zeros."""

import re
from itertools import product

import promql_parser
import pytest

from otel_recmon import catalog
from otel_recmon.artifacts.promql import IDENTITY, Matcher, QueryScope
from otel_recmon.artifacts.signals.external import FOREIGN
from otel_recmon.artifacts.signals.kinds import Share, Signal
from otel_recmon.artifacts.signals.traffic import CONVERSION_RATE, CTR, ERROR_RATE, ITEM_CTR, LIST_LENGTH
from otel_recmon.catalog import Kind, Metric
from tests.unit.artifacts.known import SIGNALS

EACH = pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
VERSION = (*IDENTITY, "model_version")
MATCHERS = (Matcher("job", "=~", "$service"), Matcher("model_version", "=~", "$model_version"))


def series(metric: Metric) -> set[str]:
    name = metric.prometheus
    return {f"{name}{part}" for part in ("_bucket", "_sum", "_count")} if metric.kind is Kind.HISTOGRAM else {name}


KNOWN = set(FOREIGN) | {name for metric in catalog.METRICS for name in series(metric)}


def names(expression: str) -> set[str]:
    """The names of series in an expression."""
    return set(re.findall(r"\b(?:recommendations?_|recmon_|otelcol_|alertmanager_|ALERTS)\w*", expression))


@EACH
def test_a_signal_is_valid_promql_in_every_scope(signal: Signal) -> None:
    for by, matchers, offset in product(((), IDENTITY, VERSION), ((), MATCHERS), ("", "1d")):
        promql_parser.parse(str(signal.expression(QueryScope("5m", by, matchers, offset))))


@EACH
def test_a_signal_queries_only_series_that_exist(signal: Signal) -> None:
    assert names(str(signal.expression(QueryScope()))) <= KNOWN | {"recommendation_", "recmon_", "recommendations_"}


@pytest.mark.parametrize(
    ("signal", "part", "whole"),
    [
        (CTR, catalog.CLICKED, catalog.REQUESTS),
        (ITEM_CTR, catalog.CLICKED, catalog.IMPRESSIONS),
        (CONVERSION_RATE, catalog.CONVERTED, catalog.CLICKED),
        (LIST_LENGTH, catalog.IMPRESSIONS, catalog.OUTCOMES),
        (ERROR_RATE, catalog.REQUESTS, catalog.REQUESTS),
    ],
    ids=lambda value: value.name,
)
def test_a_share_has_the_defined_numerator_and_denominator(signal: Share, part: Metric, whole: Metric) -> None:
    above, below = (names(str(count)) for count in (signal.counted(QueryScope()), signal.whole(QueryScope())))

    assert (above, below) == ({part.prometheus}, {whole.prometheus})


@EACH
def test_a_signal_can_be_split_by_each_of_its_labels(signal: Signal) -> None:
    for label in signal.labels:
        promql_parser.parse(str(signal.expression(QueryScope("5m", (*IDENTITY, label)))))


@EACH
def test_a_signal_has_a_name_a_title_and_a_description(signal: Signal) -> None:
    assert re.fullmatch(r"[a-z0-9_]+", signal.name)
    assert signal.title[0].isupper()
    assert signal.description.endswith(".")


@pytest.mark.parametrize("share", [s for s in SIGNALS if isinstance(s, Share)], ids=lambda share: share.name)
def test_the_bounds_of_a_share_are_valid_promql(share: Share) -> None:
    for bound in (share.lower(QueryScope()), share.upper(QueryScope())):
        promql_parser.parse(str(bound))


def test_an_error_rate_is_0_if_nothing_failed() -> None:
    assert "or" in str(ERROR_RATE.expression(QueryScope())).split()
    assert "group" not in str(ERROR_RATE.expression(QueryScope()))


def test_a_click_through_rate_is_0_only_if_the_service_counts_clicks() -> None:
    known = "group by (job, deployment_environment_name) (recommendations_clicked_total)"

    assert known in str(CTR.expression(QueryScope()))


def test_at_an_offset_a_missing_numerator_does_not_count_as_0() -> None:
    assert "or" not in str(CTR.expression(QueryScope(offset="1d"))).split()
