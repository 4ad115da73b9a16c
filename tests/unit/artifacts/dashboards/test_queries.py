"""The queries of the panels: known series, windows, legends and filters."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import promql_parser
import pytest

from otel_recmon import catalog
from otel_recmon.artifacts.dashboards.interpolation import QueryContext, targets
from otel_recmon.artifacts.render.prometheus_rules import PREFIX
from otel_recmon.artifacts.signals import arms
from otel_recmon.artifacts.signals.external import FOREIGN
from otel_recmon.catalog import Kind, Metric
from tests.unit.artifacts.dashboards.exported_dashboards import (
    BY_UID,
    EACH_PANEL,
    EACH_TARGET,
    EACH_TARGET_OF_PANEL,
    Json,
    dashboards_of,
)
from tests.unit.artifacts.exports import CHANGED, EACH_EXPORT, Export
from tests.unit.artifacts.selectors import nodes, selectors, too_wide

RATE_WINDOW_S, TIME_RANGE_S = 61, 86_413
"""The values of the macros; no expression has a window of this length of its own."""
OWN_WINDOWS = {"present_over_time": {86_400}}
"""Functions that have a window of their own, in seconds."""
VARIABLES = {
    name: f"variable_{name}"
    for name in ("datasource", "service", "environment", "model_version", "variant", "surface", "control")
}
CONTEXT = QueryContext(0, TIME_RANGE_S, RATE_WINDOW_S - 15, VARIABLES)
VERDICTS = {judged.value.panel for judged in arms.JUDGED}
"""The ids of the panels whose lines cover the whole time range at each point."""
EXEMPT = {
    "recommendation_model_updated_timestamp_seconds": "recommendation_model_staleness_hours has the same as an age",
}
"""Metrics of the catalog that no dashboard shows, with the reason."""
CHANGED_DASHBOARDS = pytest.mark.parametrize("dashboard", dashboards_of(CHANGED), ids=lambda found: found["uid"])


def parsed(target: Mapping[str, Any]) -> Any:
    return promql_parser.parse(CONTEXT.interpolate(target["expr"]))


def selected(expression: Any) -> set[str]:
    """The names of the series that an expression selects."""
    return {node.name or str(node.matchers) for node in selectors(expression)}


def windows(expression: Any) -> Iterator[tuple[str, float]]:
    """The windows of an expression in seconds, each with the function that has it."""
    for node in nodes(expression):
        for argument in getattr(node, "args", None) or ():
            if isinstance(argument, promql_parser.MatrixSelector):
                yield node.func.name, argument.range.total_seconds()


def names(metric: Metric) -> set[str]:
    name = metric.prometheus
    return {f"{name}{part}" for part in ("_bucket", "_sum", "_count")} if metric.kind is Kind.HISTOGRAM else {name}


OWN_SERIES = {name for metric in catalog.METRICS for name in names(metric)}
FOREIGN_SERIES = set(FOREIGN) | {f"{name}{part}" for name in FOREIGN for part in ("_bucket", "_sum", "_count")}
OWN_SERIES_BY_PREFIX = '{__name__=~"(recmon|recommendation|recommendations)_.+"'


class TestSeries:
    @EACH_TARGET
    def test_a_query_selects_only_known_series(self, target: Json) -> None:
        found = selected(parsed(target))
        others = found - OWN_SERIES - FOREIGN_SERIES

        assert found
        assert {name for name in others if not name.startswith((PREFIX, OWN_SERIES_BY_PREFIX))} == set()

    @EACH_EXPORT
    def test_every_metric_is_on_a_dashboard_or_exempt(self, export: Export) -> None:
        queries = (target for dashboard in dashboards_of(export) for _, target in targets(dashboard))
        shown = {name for target in queries for name in selected(parsed(target))}
        missing = {metric.prometheus for metric in catalog.METRICS if not names(metric) & shown}

        assert missing == set(EXEMPT)

    @pytest.mark.parametrize("uid", [uid for uid in BY_UID if not uid.endswith("-telemetry")])
    def test_an_annotation_marks_the_first_requests_of_a_model_version(self, uid: str) -> None:
        (annotation,) = BY_UID[uid]["annotations"]["list"]

        assert selected(parsed(annotation)) == {catalog.REQUESTS.prometheus}
        assert annotation["textFormat"] == "{{model_version}}"


class TestWindows:
    @EACH_TARGET_OF_PANEL
    def test_a_window_is_the_time_range_or_that_of_a_point(self, panel: Json, target: Json) -> None:
        whole = target["instant"] or panel["id"] in VERDICTS
        expected = TIME_RANGE_S if whole else RATE_WINDOW_S
        for function, window in windows(parsed(target)):
            assert window in OWN_WINDOWS.get(function, {expected})


class TestLegends:
    @EACH_TARGET
    def test_a_legend_refers_to_labels_of_the_query(self, target: Json) -> None:
        labels = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])

        assert target["legendFormat"]
        assert target["format"] == "table" or set(labels) <= set(re.findall(r"\w+", target["expr"]))

    @EACH_PANEL
    def test_the_queries_of_a_panel_have_unique_ids_and_legends(self, panel: Json) -> None:
        for key in ("refId", "legendFormat"):
            values = [target[key] for target in panel["targets"]]
            assert len(set(values)) == len(values)


class TestNarrowing:
    """Exports with matchers for the services and for the pipeline."""

    @CHANGED_DASHBOARDS
    def test_every_query_is_narrowed_to_the_services_or_the_pipeline(self, dashboard: Json) -> None:
        queries = [*(target for _, target in targets(dashboard)), *dashboard["annotations"]["list"]]

        services = CHANGED.config.deployment.services
        assert [wide for target in queries for wide in too_wide(parsed(target), services)] == []

    @CHANGED_DASHBOARDS
    def test_every_variable_is_narrowed_to_the_services(self, dashboard: Json) -> None:
        variables = [variable for variable in dashboard["templating"]["list"] if variable["type"] == "query"]

        assert variables
        for variable in variables:
            (selector,) = re.findall(r"label_values\((.+), \w+\)", variable["query"]["query"])
            assert too_wide(parsed({"expr": selector}), CHANGED.config.deployment.services) == []
