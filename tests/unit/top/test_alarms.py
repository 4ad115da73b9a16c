from collections.abc import Iterable

import pytest

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.alerts.rule import AlertRule
from otel_recmon.artifacts.promql import TERM
from otel_recmon.artifacts.settings.thresholds import configured
from otel_recmon.query.client import PrometheusError, Series
from otel_recmon.query.sources import Fleet, MetricsSource
from otel_recmon.top.alarms import Judgement, judged, switched_on
from tests.unit.top.recorded import EARLY, EARLY_AT, LATER, RULES, page

BURNS = {"BudgetBurnHour", "BudgetBurnSixHours", "BudgetBurnDay", "BudgetBurnThreeDays"}
ELSEWHERE = {"CtrBelowUsual", "ServiceSilent", "TelemetryLost", "MessagesLost"}
ELSEWHERE |= {"SampleRatioMismatch", "ArmLosesClicks", "ArmLosesConversions", "ArmSlow", "ArmFailing"}


class Answering(Fleet):
    """A source with one answer, or with an error."""

    def __init__(self, *answer: Series, error: str = "") -> None:
        self.asked: list[str] = []
        self._answer, self._error = answer, error

    def instant(self, query: str, at: float) -> tuple[Series, ...]:  # noqa: ARG002 - as every source
        """The answer."""
        self.asked.append(query)
        if self._error:
            raise PrometheusError(self._error)
        return self._answer


def judgement(source: MetricsSource, at: float = EARLY_AT, among: Iterable[AlertRule] = RULES) -> Judgement:
    return judged(source, switched_on(among), (), at)


def looked_at(*names: str) -> tuple[MetricsSource, float]:
    source = page(*names)
    return source, [source.look() for _ in names][-1]


def test_a_page_shows_which_of_its_thresholds_are_crossed_and_for_what() -> None:
    found = judgement(*looked_at(EARLY, LATER))

    failing = "of requests fail (limit 1%)"
    assert [(one.rule.name, one.labels["model_version"], one.text) for one in found.crossings] == [
        ("ErrorRateHigh", "bts-2019.11", f"bts-2019.11: 33.23% {failing}"),
        ("CtrLow", "random-2019.11", "random-2019.11: the click-through rate is 0.9709% (limit 5%)"),
    ]


def test_a_page_has_no_history_no_collector_metrics_and_no_burn_rates() -> None:
    found = judgement(*looked_at(EARLY, LATER))

    assert set(found.undecided) == BURNS | ELSEWHERE
    assert set(found.judged) == {"CtrLow", "LatencyHigh", "ErrorRateHigh", "ModelStale", "ModelVeryStale"}


def test_a_burn_rate_is_judged_once_the_history_is_as_long_as_its_long_window() -> None:
    short = configured({"alerts": {"BudgetBurnHour": {"window": "10s", "short_window": "5s"}}})

    found = judgement(*looked_at(EARLY, LATER), rules(short))

    assert {one.rule.name for one in found.crossings} == {"ErrorRateHigh", "CtrLow", "BudgetBurnHour"}
    assert "BudgetBurnHour" not in found.undecided


def test_without_enough_traffic_nothing_is_crossed() -> None:
    tables = {name: {"minimum_traffic": 100_000} for name in ("ErrorRateHigh", "CtrLow")}

    assert judgement(*looked_at(EARLY, LATER), rules(configured({"alerts": tables}))).crossings == ()


def test_the_gravest_comes_first() -> None:
    series = [Series({TERM: name, "model_version": "v1"}, ((0.0, 0.5),)) for name in ("CtrLow", "ErrorRateHigh")]

    assert [one.rule.name for one in judgement(Answering(*series)).crossings] == ["ErrorRateHigh", "CtrLow"]


def test_a_prometheus_is_asked_for_every_alert_that_is_on_but_the_watchdog() -> None:
    prometheus = Answering()

    found = judgement(prometheus)

    assert found.undecided == ()
    assert set(found.judged) == {rule.name for rule in RULES if rule.tuning.enabled} - {"Watchdog"}
    assert all(f'"term", "{name}", "", ""' in prometheus.asked[0] for name in found.judged)


def test_alerts_that_cannot_be_asked_leave_the_figures_alone_and_say_why() -> None:
    found = judgement(Answering(error="the query is too long"))

    assert (found.crossings, found.judged, found.reason) == ((), (), "the query is too long")
    assert len(found.undecided) == len(switched_on(RULES))


@pytest.mark.parametrize("among", [[], [rule for rule in RULES if rule.name in ELSEWHERE]])
def test_where_no_alert_can_be_judged_none_is(among: list[AlertRule]) -> None:
    source, at = looked_at(EARLY)

    assert judgement(source, at, among) == Judgement(undecided=tuple(rule.name for rule in among))
