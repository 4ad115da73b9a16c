"""Macros, variables and legends as Grafana replaces them."""

import pytest

from otel_recmon.artifacts.dashboards.interpolation import QueryContext, series_name


class TestQueryContext:
    def test_a_rate_covers_at_least_four_export_intervals(self) -> None:
        assert QueryContext(0, 3600, 15).interpolate("x[$__rate_interval]") == "x[60s]"
        assert QueryContext(0, 3600, 300).interpolate("x[$__rate_interval]") == "x[315s]"
        assert QueryContext(0, 3600, 15).interpolate("x[$__range]") == "x[3600s]"

    def test_a_panel_has_a_minimum_step_and_a_maximum_number_of_points(self) -> None:
        context = QueryContext(0, 3600, 15)

        assert context.for_panel({}) == context
        assert context.for_panel({"interval": "5m"}) == QueryContext(0, 3600, 300)
        assert context.for_panel({"maxDataPoints": 12, "interval": "2m"}) == QueryContext(0, 3600, 300)
        assert context.for_panel({"maxDataPoints": 1000, "interval": "1s"}) == context

    def test_a_variable_is_replaced_with_and_without_braces(self) -> None:
        assert QueryContext(0, 1, 1, {"a": "x|y"}).interpolate('$a ${a} ${a:regex} "$"') == 'x|y x|y x|y "$"'

    def test_an_unknown_variable_raises(self) -> None:
        with pytest.raises(KeyError):
            QueryContext(0, 1, 1).interpolate("$nothing")


def test_a_series_name_has_the_values_of_the_labels() -> None:
    assert series_name("{{a}}, {{b}}", {"a": "x"}) == "x,"
