"""The cases of the alerts: traffic that must make each alert fire, and its message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from otel_recmon import catalog
from tests.rules.promtool import Fires
from tests.rules.traffic import Arm, Collector, Doing, Experiment, Phase, Traffic

HEALTHY: Final = Traffic()
COLLECTOR: Final = Collector()
SERVICE: Final = {"deployment_environment_name": "prod", "job": "team/shop"}
VERSION: Final = {**SERVICE, "model_version": "v1"}
SECOND: Final = {**SERVICE, "model_version": "v2"}
HOURS_AS_DAYS: Final = {"baseline": {"window": "1h", "day": "2h", "days": 3, "weeks": 0}}
"""The baseline is the value of two, four and six hours ago."""
BEFORE: Final = 8 * 60
"""Minutes of healthy traffic before something breaks, where an alert looks back."""


@dataclass(frozen=True)
class Case:
    """One alert: what breaks, after how many healthy minutes, and when it is noticed.

    Attributes:
        noticed: The minutes until the condition holds, counted from when it breaks.
    """

    alert: str
    broken: Sequence[Doing]
    fires: Fires
    noticed: int = 1
    before: Sequence[Phase] = ()
    hold: int = 0
    own: Mapping[str, Any] = field(default_factory=dict)
    low: Sequence[Doing] | None = None
    before_low: Sequence[Phase] | None = None
    well: Sequence[Doing] = (HEALTHY, COLLECTOR)

    @property
    def breaks(self) -> int:
        """The minute in which it breaks."""
        return sum(steps for steps, _ in self.before)


def shop(**changes: Any) -> Sequence[Doing]:
    """The shop with something broken."""
    return (replace(HEALTHY, **changes), COLLECTOR)


def few(**changes: Any) -> Sequence[Doing]:
    """The same, with three requests an hour."""
    return (replace(HEALTHY, **{**changes, "requests": 0.05}), COLLECTOR)


def second(**changes: Any) -> Sequence[Doing]:
    """A second version has taken over, with something broken from its first minute."""
    return shop(version="v2", **changes)


def summary_of(subject: Mapping[str, str], text: str) -> str:
    """The summary of an alert about a service."""
    version = f", model {subject['model_version']}" if "model_version" in subject else ""
    return f"team/shop (prod){version}{text}"


def _case(alert: str, value: str, threshold: str, text: str, broken: Mapping[str, Any], hold: int, **more: Any) -> Case:
    labels = more.pop("labels", VERSION)
    fires = Fires(labels, summary_of(labels, text), value, threshold)
    return Case(alert, shop(**broken), fires, hold=hold, low=few(**broken), **more)


def _burn(alert: str, threshold: str, period: str, hold: int) -> Case:
    text = f": bad responses use up the error budget 20 times as fast as allowed over {period} (limit {threshold})"
    return _case(alert, "20", f"> {threshold}", text, {"slow": 0.2}, hold)


A_DAY_BEFORE: Final = ((4 * 60, shop()),)
HOUR_AS_DAY: Final = {
    "alerts": {
        name: {"back": "2h"}
        for name in (
            "PositionVanished",
            "PositionTakingOver",
            "CategoryVanished",
            "CategoryTakingOver",
            "ScoresDrifted",
        )
    }
}
"""The earlier share is that of two hours ago."""


def _usual(alert: str, title: str, value: str, limit: str, broken: Mapping[str, Any], hold: int, **more: Any) -> Case:
    labels = more.pop("labels", SECOND)
    text = f": {title} changed by {value} compared with this hour on earlier days (limit {limit})"
    broken = {"version": "v2", **broken} if labels is SECOND else broken
    return Case(
        alert,
        shop(**broken),
        Fires(labels, summary_of(labels, text), value, f"< {limit}"),
        before=((BEFORE, shop()),),
        hold=hold,
        own=HOURS_AS_DAYS,
        low=few(**broken),
        before_low=((BEFORE, few()),) if labels is SERVICE else None,
        **more,
    )


ARM: Final = {**SERVICE, "experiment": "ranker", "variant": "new"}


def experiment(**changes: Any) -> Sequence[Doing]:
    """The shop with something broken in the new arm of its experiment."""
    return (HEALTHY, COLLECTOR, Experiment(new=Arm(**changes)))


def summary_of_arm(text: str) -> str:
    """The summary of an alert about the new arm."""
    return f"team/shop (prod), experiment ranker, arm new: {text}"


def _experiment(alert: str, value: str, threshold: str, text: str, broken: Mapping[str, Any], **more: Any) -> Case:
    """Something that the new arm does, and would do in the first few requests as well."""
    few = (HEALTHY, COLLECTOR, Experiment(old=Arm(exposures=0.05), new=Arm(**{**broken, "exposures": 0.03})))
    fires = Fires(ARM, summary_of_arm(text), value, threshold)
    return Case(alert, experiment(**broken), fires, hold=10, low=few, well=experiment(), **more)


CASES: Final = (
    _case("CtrLow", "3%", "< 5%", ": the click-through rate is 3% (limit 5%)", {"ctr": 0.03}, 10),
    _case(
        "LatencyHigh",
        "0.75 s",
        "> 0.5 s",
        ": one in twenty responses takes longer than 0.75 s (limit 0.5 s)",
        {"slow": 0.1},
        5,
    ),
    _case("ErrorRateHigh", "2%", "> 1%", ": 2% of requests fail (limit 1%)", {"failing": 0.02}, 5),
    _burn("BudgetBurnHour", "14.4", "1h", 2),
    _burn("BudgetBurnSixHours", "6", "6h", 5),
    _burn("BudgetBurnDay", "3", "1d", 15),
    _burn("BudgetBurnThreeDays", "1", "3d", 30),
    _case(
        "FallbackShareHigh",
        "30%",
        "> 10%",
        ": 30% of requests get the fallback list (limit 10%)",
        {"fallback": 0.3},
        10,
    ),
    _case(
        "EmptyShareHigh",
        "20%",
        "> 5%",
        ": 20% of requests get an empty list (limit 5%)",
        {"empty": 0.2},
        10,
    ),
    _usual("CtrBelowUsual", "Click-through rate", "-50%", "-20%", {"ctr": 0.05}, 15),
    _usual("ConversionRateBelowUsual", "Conversion rate", "-50%", "-20%", {"converting": 0.1}, 15, noticed=2),
    _usual("RevenueBelowUsual", "Revenue per request", "-50%", "-30%", {"sale": 10.0}, 15, noticed=4),
    _usual("DiversityBelowUsual", "Diversity", "-100%", "-20%", {"categories": {"a": 1.0}}, 30),
    _usual("ListLengthBelowUsual", "Mean list length", "-40%", "-20%", {"length": 6}, 15),
    _usual("TrafficBelowUsual", "Requests", "-65.59%", "-50%", {"requests": 100}, 10, labels=SERVICE, noticed=33),
    _usual(
        "CacheHitRateBelowUsual", "Cache hit rate", "-43.22%", "-30%", {"cached": 0.2}, 10, labels=SERVICE, noticed=24
    ),
    _usual(
        "CoverageBelowUsual",
        "Catalog coverage of warmed-up processes",
        "-60%",
        "-30%",
        {"gauges": {catalog.COVERAGE.prometheus: 20.0}},
        30,
        noticed=10,
    ),
    _case(
        "PositionVanished",
        "-100%",
        "< -90%",
        ", position 3: its share of the impressions changed by -100% compared with 2h ago (limit -90%)",
        {"positions": {"1": 0.6, "2": 0.4}},
        15,
        labels={**SERVICE, "position": "3"},
        before=A_DAY_BEFORE,
        own=HOUR_AS_DAY,
        noticed=54,
    ),
    _case(
        "PositionTakingOver",
        "100%",
        "> 50%",
        ", position 1: its share of the impressions is 100%, more than double that of 2h ago (limit 50%)",
        {"positions": {"1": 1.0}, "version": "v2"},
        15,
        labels={**SECOND, "position": "1"},
        before=A_DAY_BEFORE,
        own=HOUR_AS_DAY,
    ),
    _case(
        "CategoryVanished",
        "-100%",
        "< -90%",
        ", category c: its share of the items changed by -100% compared with 2h ago (limit -90%)",
        {"categories": {"a": 0.6, "b": 0.4}},
        30,
        labels={**SERVICE, "category": "c"},
        before=A_DAY_BEFORE,
        own=HOUR_AS_DAY,
        noticed=54,
    ),
    _case(
        "CategoryTakingOver",
        "80%",
        "> 50%",
        ", category d: its share of the items is 80%, more than double that of 2h ago (limit 50%)",
        {"categories": {"a": 0.2, "d": 0.8}, "version": "v2"},
        30,
        labels={**SECOND, "category": "d"},
        before=A_DAY_BEFORE,
        own=HOUR_AS_DAY,
    ),
    _case(
        "ModelStale",
        "25.0 h",
        "> 24.0 h",
        ": the model was last updated 25.0 h ago (limit 24.0 h)",
        {"gauges": {catalog.STALENESS.prometheus: 25.0}},
        15,
    ),
    _case(
        "ModelVeryStale",
        "73.0 h",
        "> 72.0 h",
        ": the model was last updated 73.0 h ago (limit 72.0 h)",
        {"gauges": {catalog.STALENESS.prometheus: 73.0}},
        15,
    ),
    _case(
        "ModelNotLoaded",
        "1",
        "== 1",
        ": a newer model is on disk, but the service still uses the old one",
        {"gauges": {catalog.RELOAD_PENDING.prometheus: 1.0}},
        30,
        noticed=0,
    ),
    _case(
        "DiversityLow",
        "0%",
        "< 50%",
        ": the diversity of recommended categories is 0% (limit 50%)",
        {"categories": {"a": 1.0}},
        30,
    ),
    _case(
        "CoverageLow",
        "10%",
        "< 20%",
        ": a process recommends only 10% of the catalog (limit 20%)",
        {"gauges": {catalog.COVERAGE.prometheus: 10.0}},
        30,
        noticed=10,
    ),
    _case(
        "ScoresDrifted",
        "50.85%",
        "> 20%",
        ": the distribution of scores differs by 50.85% from that of 2h ago (limit 20%)",
        {"scores": {"0.2": 0.0, "0.5": 0.0, "1": 0.9, "+Inf": 1.0}},
        30,
        before=A_DAY_BEFORE,
        own=HOUR_AS_DAY,
        noticed=20,
    ),
    _experiment(
        "SampleRatioMismatch",
        "20%",
        "> 1%",
        "the number of exposures is off by 20% from the configured split (limit 1%)",
        {"exposures": 1200},
        noticed=2,
    ),
    _experiment(
        "ArmLosesClicks",
        "-40.97%",
        "< 0%",
        "Clicks per exposure differ by -40.97% from the control in the best case (limit 0%)",
        {"ctr": 0.05},
        noticed=2,
    ),
    _experiment(
        "ArmLosesConversions",
        "-58.72%",
        "< 0%",
        "Conversions per exposure differ by -58.72% from the control in the best case (limit 0%)",
        {"converting": 0.1},
        noticed=5,
    ),
    _experiment(
        "ArmSlow",
        "150%",
        "> 20%",
        "the latency (P95) is 150% higher than in the control (limit 20%)",
        {"slow": 0.3},
    ),
    _experiment(
        "ArmFailing",
        "4%",
        "> 0.5%",
        "its error rate minus the error rate of the control is 4% (limit 0.5%)",
        {"failing": 0.05},
    ),
    Case(
        "ServiceSilent",
        (COLLECTOR,),
        Fires(
            SERVICE,
            summary_of(SERVICE, ": the service sent metrics within the last 1d, but sends none now"),
            "1",
            "== 1",
        ),
        before=((10, shop()),),
        noticed=4,
        hold=5,
    ),
    Case(
        "TelemetryLost",
        (HEALTHY, Collector(lost=60)),
        Fires({"job": "otelcol"}, "otelcol: the Collector loses 1 data points per second", "1", "> 0"),
        hold=5,
    ),
    Case(
        "CollectorQueueFilling",
        (HEALTHY, Collector(queued=0.75)),
        Fires({"job": "otelcol"}, "otelcol: a sending queue of the Collector is 75% full (limit 50%)", "75%", "> 50%"),
        noticed=0,
        hold=10,
    ),
    Case(
        "MessagesLost",
        (HEALTHY, Collector(given_up=1)),
        Fires(
            {"job": "alertmanager"},
            "alertmanager: about 1 messages did not reach Slack in the last 30m; look at Alertmanager's list of alerts",
            "1",
            "> 0",
        ),
    ),
    _case(
        "EventsDropped",
        "8.929%",
        "> 5%",
        ": 8.929% of requests, clicks and conversions contain an unusable value, which is dropped (limit 5%)",
        {"dropped": 100},
        15,
        labels=SERVICE,
    ),
    _case(
        "LabelsOverflowing",
        "0.633",
        "> 0.1",
        ", label surface: 0.633 values per second exceed the cap and become _other (limit 0.1)",
        {"overflow": 60},
        15,
        labels={**SERVICE, "label": "surface"},
        noticed=4,
    ),
    _case(
        "PluginFailing",
        "1",
        "> 0",
        ", observer.observe: otel-recmon fails 1 times per second; the service is not affected",
        {"errors": 60},
        15,
        labels={**SERVICE, "site": "observer.observe"},
    ),
    Case(
        "Watchdog",
        (),
        Fires({}, "Alerting works. This alert always fires; if it stops, alerting is broken.", "1", "> 0"),
        noticed=0,
    ),
)
