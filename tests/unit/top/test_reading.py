import pytest

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.settings.thresholds import configured
from otel_recmon.query.client import Prometheus, Series
from otel_recmon.query.service import Service
from otel_recmon.query.sources import Fleet
from otel_recmon.top.reading import ServiceError, Watch
from tests.unit.conftest import Clock
from tests.unit.top.recorded import EARLY, RULES, URL, page, watching

SHOP = {"job": "team/shop", "deployment_environment_name": "production"}
STAGING = SHOP | {"deployment_environment_name": "staging"}


class Reporting(Fleet):
    """A source with the series of some services only."""

    def __init__(self, clock: Clock, *services: dict[str, str]) -> None:
        super().__init__(Prometheus("http://prometheus:9090"), 300.0, clock)
        self.asked: list[str] = []
        self._services = services

    def instant(self, query: str, at: float) -> tuple[Series, ...]:
        """Return the services if the query is for them."""
        self.asked.append(query)
        return tuple(Series(one, ((at, 1.0),)) for one in self._services) if query.startswith("group") else ()

    def ranged(self, *_: object) -> tuple[Series, ...]:
        """Nothing."""
        return ()


def test_a_page_is_that_of_the_service_whose_name_it_says() -> None:
    reading = watching(EARLY).look()

    assert (reading.title, reading.source, reading.service) == ("recmon-demo (demo)", URL, Service())


def test_the_one_service_that_reports_is_looked_at_and_no_other(clock: Clock) -> None:
    prometheus = Reporting(clock, SHOP)

    reading = Watch(prometheus, RULES).look()

    assert (reading.at, reading.title) == (clock.now, "team/shop (production)")
    narrowed = 'job="team/shop", deployment_environment_name="production"}'
    assert all(narrowed in query for query in prometheus.asked[1:])


def test_of_several_services_none_is_chosen_for_people(clock: Clock) -> None:
    with pytest.raises(ServiceError) as caught:
        Watch(Reporting(clock, STAGING, SHOP), RULES).look()

    assert str(caught.value) == (
        "http://prometheus:9090 has several services; choose one with --job and --environment:\n"
        "  team/shop (production)\n  team/shop (staging)"
    )


def test_whoever_names_a_service_asks_for_that(clock: Clock) -> None:
    prometheus = Reporting(clock, SHOP)

    Watch(prometheus, RULES, "team/shop", "production").look()

    assert 'recmon_build_info{job="team/shop", deployment_environment_name="production"}' in prometheus.asked[0]


@pytest.mark.parametrize(("job", "of"), [("", ""), ("shop", " for shop")])
def test_where_there_is_nothing_of_ours_it_says_what_to_do(clock: Clock, job: str, of: str) -> None:
    with pytest.raises(ServiceError) as caught:
        Watch(Reporting(clock), RULES, job).look()

    assert str(caught.value) == (
        f"http://prometheus:9090 has no series of otel-recmon{of}; is the service running with "
        "OTEL_RECMON_ENABLED=true, and has it answered a request?"
    )


def test_prometheus_is_asked_for_the_alerts_as_often_as_it_evaluates_them(clock: Clock) -> None:
    prometheus = Reporting(clock, SHOP)
    watch = Watch(prometheus, RULES)

    for _ in range(7):
        watch.look()
        clock.now += 10

    assert sum("ErrorRateHigh" in query for query in prometheus.asked) == 2


def test_a_page_is_judged_at_each_look_and_without_alerts_at_none() -> None:
    off = rules(configured({"alerts": {rule.name: {"enabled": False} for rule in RULES}}))
    source = page(EARLY, EARLY)

    judgements = [watch.look().judgement for watch in (Watch(source, RULES), Watch(source, off))]

    assert [bool(one.judged) for one in judgements] == [True, False]
