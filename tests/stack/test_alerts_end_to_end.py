"""Each fault of the demo, from a real request to a message in Slack and to its end: all of them on one stack."""

import json
import re
import shutil
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.alerts.rule import AlertRule, Comparison, ValueFormat, value_format
from otel_recmon.artifacts.render.grafana_rules import rules_file
from otel_recmon.artifacts.render.prometheus_rules import alerting_file, recording_file
from otel_recmon.artifacts.settings.thresholds import DEFAULTS, configured
from otel_recmon.demo.faults import FAULTS
from otel_recmon.demo.service import workspace
from otel_recmon.stack import Stack
from otel_recmon.stack.files import FILES
from otel_recmon.stack.slack import slack_standin
from otel_recmon.stack.slack_message import Message
from tests.speed import eventually, stretch_factor
from tests.stack.observed import Prometheus
from tests.stack.shops import HEALTHY, PER_SECOND, STRETCH, VERSION, Shop, street
from tests.unit.artifacts.grafana import query, verdict

WINDOW: Final = 20 * STRETCH
"""Seconds that the alerts look back."""
DAY: Final = 25 * STRETCH
"""Seconds from a moment to the same hour of the next day."""
DAYS: Final = 3
INTERVAL: Final = 10 * stretch_factor()
"""Seconds between evaluations.

Traffic that ends is below usual for less than half a window; then its series are gone, and nothing is left to compare.
At least one evaluation must come before.
"""
FORGETTING: Final = 15 * STRETCH
"""Seconds without samples after which Prometheus treats a series as gone."""
ENOUGH: Final = 15
"""Requests, clicks or items."""
ALWAYS: Final = "Watchdog"
PATIENCE: Final = 180.0 * STRETCH
LINE: Final = re.compile(r"^(firing|resolved) (\w+) of (\S+): (.*)$", re.MULTILINE)
SHORTENED: Final = {"window": f"{WINDOW}s", "short_window": f"{WINDOW}s", "minimum_traffic": ENOUGH}
OFF: Final = {
    "CoverageLow": "it has no threshold",
    "SampleRatioMismatch": "people here are in one arm only, and nothing is wrong with that",
}
ALL_SORTS: Final = 120
"""Items, also as two samples drawn out to twice their time, among which each category that counts has had its turn."""
LATE: Final = 0.1
"""The share of a value that may rest on the last export: an evaluation can come before it, later queries do not."""
LATE_OF_FEW: Final = 0.3
"""The same for values that rest on four or five clicks, of which the last export may hold one."""
FEW: Final = ("ctr-drop", "conversion-drop")
"""Faults that leave so few clicks or sales."""
CTR_FLOOR: Final = 0.4
"""Half of the share of people who click here."""
OWN: Final[Mapping[str, dict[str, Any]]] = {
    "CtrLow": {"threshold": CTR_FLOOR},
    "DiversityLow": {"threshold": 0.3},
    "CategoryVanished": {"minimum_traffic": ALL_SORTS},
}
ALERTMANAGER: Final = """\
route: {{receiver: slack, group_by: [severity], group_wait: 1s, group_interval: 3s}}
receivers:
  - name: slack
    slack_configs:
      - api_url: {url}
        send_resolved: true
        title: '{{{{ .CommonLabels.severity }}}}'
        text: |-
          {{{{ range .Alerts }}}}
          {{{{- .Status }}}} {{{{ .Labels.alertname }}}} of {{{{ .Labels.job }}}}: {{{{ .Annotations.summary }}}}
          {{{{ end }}}}
"""

Fired = frozenset[tuple[str, str]]
"""Alerts with the jobs they are about."""

TRUTH: Final[Mapping[tuple[str, str], tuple[float, float]]] = {
    ("slow-ranker", "LatencyHigh"): (0.8, 2),
    **{("slow-ranker", f"BudgetBurn{name}"): (17, 24) for name in ("Hour", "SixHours", "Day", "ThreeDays")},
    ("errors", "ErrorRateHigh"): (0.17, 0.23),
    **{("errors", f"BudgetBurn{name}"): (17, 24) for name in ("Hour", "SixHours", "Day", "ThreeDays")},
    ("cache-outage", "CacheHitRateBelowUsual"): (-1, -0.9),
    ("fallback", "FallbackShareHigh"): (0.29, 0.38),
    **{("fallback", f"BudgetBurn{name}"): (29, 38) for name in ("Hour", "SixHours", "Day", "ThreeDays")},
    ("empty-slates", "EmptyShareHigh"): (0.13, 0.2),
    **{("empty-slates", f"BudgetBurn{name}"): (13, 20) for name in ("Hour", "SixHours", "Day", "ThreeDays")},
    ("popularity-collapse", "DiversityBelowUsual"): (-1, -0.95),
    ("popularity-collapse", "DiversityLow"): (0, 0.05),
    ("popularity-collapse", "CategoryVanished"): (-1, -0.95),
    ("popularity-collapse", "CategoryTakingOver"): (0.95, 1),
    ("stale-model", "ModelStale"): (80, 80.2),
    ("stale-model", "ModelVeryStale"): (80, 80.2),
    ("ctr-drop", "CtrLow"): (0.04, 0.12),
    ("ctr-drop", "CtrBelowUsual"): (-0.95, -0.85),
    ("ctr-drop", "RevenueBelowUsual"): (-1, -0.8),
    ("conversion-drop", "ConversionRateBelowUsual"): (-1, -0.8),
    ("conversion-drop", "RevenueBelowUsual"): (-1, -0.8),
    ("traffic-drop", "TrafficBelowUsual"): (-0.85, -0.75),
    ("score-drift", "ScoresDrifted"): (0.9, 1),
    ("label-flood", "LabelsOverflowing"): (2 * PER_SECOND, 8 * PER_SECOND),
    ("exporter-outage", "ServiceSilent"): (1, 1),
    ("exporter-outage", "TrafficBelowUsual"): (-1, -0.5),
}
"""The bounds of each alert's worst value, in the unit of the value; a window has about 80 requests."""


def settings() -> dict[str, Any]:
    """Everything on and at once, minutes being seconds, and what is usual nothing that chance or a neighbour breaks."""
    alerts = {name: _shortened(name, table) for name, table in tomllib.loads(DEFAULTS.read_text())["alerts"].items()}
    baseline = {"window": f"{WINDOW}s", "day": f"{DAY}s", "days": DAYS, "weeks": 0}
    return {"general": {"interval": f"{INTERVAL}s"}, "baseline": baseline, "alerts": alerts}


def _shortened(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    own = {key: value for key, value in SHORTENED.items() if key in table} | {"for": "0s"}
    if "back" in table and name != "ServiceSilent":
        own["back"] = f"{DAY}s"
    if name.startswith("BudgetBurn"):
        own["threshold"] = 10.0
    if name.endswith("BelowUsual"):
        own["threshold"] = -0.5
    return own | OWN.get(name, {}) | {"enabled": name not in OFF}


@dataclass(frozen=True)
class Phase:
    """A time, in seconds since 1970."""

    begin: float
    end: float


@dataclass(frozen=True)
class Story:
    """What happened: the stack, when everything was broken and when it was mended, and what Slack was told."""

    prometheus: Prometheus
    messages: tuple[Message, ...]
    rules: Mapping[str, AlertRule]
    grafana: Mapping[str, Any]
    before: Phase
    broken: Phase

    def fired(self, phase: Phase) -> Fired:
        """What Prometheus alerted on at some time of a phase."""
        return fired(self.prometheus, phase)

    def by_grafana(self, phase: Phase) -> Fired:
        """What Grafana would have alerted on at some time of a phase."""
        return frozenset(
            (name, labels.get("job", ""))
            for name, rule in self.grafana.items()
            for samples in self.values(name, phase)
            for labels in map(dict, verdict(rule, samples))
        )

    def values(
        self, alert: str, phase: Phase, step: float = INTERVAL / 2
    ) -> list[dict[frozenset[tuple[str, str]], float]]:
        """What Grafana's query returned at each step of a phase, in seconds."""
        span = {"start": str(phase.begin), "end": str(phase.end), "step": str(step)}
        found = self.prometheus.ask("query_range", query=query(self.grafana[alert]), **span)["result"]
        at: dict[float, dict[frozenset[tuple[str, str]], float]] = {}
        for series in found:
            for moment, value in series["values"]:
                at.setdefault(moment, {})[frozenset(series["metric"].items())] = float(value)
        return list(at.values())

    def worst(self, alert: str, job: str) -> float:
        """The value that was furthest beyond the threshold."""
        found = self.values(alert, self.broken)
        own = [value for samples in found for labels, value in samples.items() if ("job", job) in labels]
        return furthest(self.rules[alert], own)

    def told(self, status: str) -> dict[tuple[str, str], list[str]]:
        """What Slack was told of each alert, in the order of the messages."""
        return told(self.messages, status)


def told(messages: Iterable[Message], status: str) -> dict[tuple[str, str], list[str]]:
    """The summaries of each alert that is firing or resolved, in the order of the messages."""
    found: dict[tuple[str, str], list[str]] = {}
    for message in messages:
        for _, alert, job, summary in (line for line in LINE.findall(message.text) if line[0] == status):
            found.setdefault((alert, job), []).append(summary)
    return found


def fired(prometheus: Prometheus, phase: Phase) -> Fired:
    """What Prometheus alerted on at some time of a phase."""
    look = f'count_over_time(ALERTS{{alertstate="firing"}}[{phase.end - phase.begin:.0f}s])'
    found = prometheus.ask("query", query=look, time=str(phase.end))["result"]
    pairs = ((one["metric"]["alertname"], one["metric"].get("job", "")) for one in found)
    return frozenset(pair for pair in pairs if pair[0] != ALWAYS)


def declared() -> Fired:
    """What the table of faults says."""
    return frozenset((alert, name) for name, fault in FAULTS.items() for alert in fault.alerts)


def of(name: str, found: Fired) -> set[str]:
    """The alerts about a job."""
    return {alert for alert, job in found if job == name}


def files(folder: Path) -> Path:
    """The stack's files, with a Prometheus that forgets in seconds, not in five minutes, who is silent."""
    shutil.copytree(FILES, folder)
    with (folder / "prometheus" / "prometheus.args").open("a") as arguments:
        arguments.write(f"--query.lookback-delta={FORGETTING}s\n")
    return folder


def rule_files(folder: Path, found: tuple[AlertRule, ...]) -> Path:
    """The rules as Prometheus reads them."""
    (folder / "alerts").mkdir(parents=True)
    (folder / "recmon.yml").write_text(recording_file(found), encoding="utf-8")
    (folder / "alerts" / "recmon.yml").write_text(alerting_file(found), encoding="utf-8")
    return folder


def with_history(prometheus: Prometheus) -> bool:
    """Whether there are enough days behind all services for what is usual, of each kind of signal."""
    usual = prometheus.values("recmon:revenue_per_request:usual and on (job) recmon:requests:usual")
    return len({dict(labels)["job"] for labels in usual}) == len(FAULTS) + 1


def happened(prometheus: Prometheus, shops: list[Shop]) -> tuple[Phase, Phase]:
    """Let all be well until that is what is usual, break it until that is known, and mend it until it is over."""
    eventually(lambda: with_history(prometheus), PATIENCE)
    begin = time.time()
    eventually(lambda: time.time() > begin + INTERVAL)
    broken = time.time()
    for shop in shops[1:]:
        shop.set(broken=True)
    eventually(lambda: declared() <= fired(prometheus, Phase(broken, time.time() + 1)), PATIENCE)
    alerting = time.time()
    # Grafana's queries are asked at their own moments, so each alert has to last for two more evaluations.
    eventually(lambda: time.time() > max(broken + WINDOW, alerting) + 2 * INTERVAL, PATIENCE)
    mended = time.time()
    for shop in shops[1:]:
        shop.set(broken=False)
    eventually(lambda: not fired(prometheus, Phase(time.time() - INTERVAL, time.time())), PATIENCE)
    return Phase(begin, broken), Phase(broken, mended)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A stack on which everything was well, broken and mended."""
    folder = tmp_path_factory.mktemp("story")
    found = rules(configured(settings()))
    listed = json.loads(rules_file(found))["groups"][0]["rules"]
    grafana = {rule["title"]: rule for rule in listed if not rule["isPaused"]}
    config = folder / "alertmanager.yml"
    with slack_standin() as slack, workspace() as place:
        config.write_text(ALERTMANAGER.format(url=slack.url), encoding="utf-8")
        stack = Stack(
            alertmanager=config,
            rules=rule_files(folder / "rules", found),
            files=files(folder / "files"),
            scrape_interval=f"{5 * STRETCH}s",
        )
        with stack:
            prometheus = Prometheus(stack.prometheus_url)
            with street(place, stack.otlp_http_url) as shops:
                phases = happened(prometheus, shops)
                eventually(lambda: told(slack.messages, "resolved").keys() >= declared(), PATIENCE)
                messages = tuple(slack.messages)  # before the services end, which is told, too
            yield Story(prometheus, messages, {rule.name: rule for rule in found}, grafana, *phases)


EACH = pytest.mark.parametrize("name", FAULTS)


def test_while_all_is_well_neither_alerts(story: Story) -> None:
    assert story.fired(story.before) == frozenset()
    assert story.by_grafana(story.before) == {(ALWAYS, "")}


@EACH
def test_a_fault_raises_the_alerts_that_are_declared_and_no_others(name: str, story: Story) -> None:
    assert of(name, story.fired(story.broken)) == set(FAULTS[name].alerts)


@EACH
def test_grafana_would_raise_the_same(name: str, story: Story) -> None:
    assert of(name, story.by_grafana(story.broken)) == set(FAULTS[name].alerts)


def test_nobody_else_is_alerted_on(story: Story) -> None:
    everybody = story.fired(story.broken) | story.by_grafana(story.broken)

    assert everybody - declared() == {(ALWAYS, "")}
    assert of(HEALTHY, everybody) == set()


@EACH
def test_a_value_is_what_the_cause_makes_it(name: str, story: Story) -> None:
    worst = {alert: story.worst(alert, name) for alert in FAULTS[name].alerts}

    assert [alert for alert, value in worst.items() if not between(value, TRUTH[name, alert])] == [], worst


@EACH
def test_slack_is_told_what_is_broken_by_how_much(name: str, story: Story) -> None:
    told = story.told("firing")

    for alert in FAULTS[name].alerts:
        rule, summaries = story.rules[alert], told[alert, name]
        assert all(summary.startswith(subject(rule, name)) for summary in summaries)
        stated = [value for summary in summaries if (value := value_in(rule, summary)) is not None]
        bounds = extremes(story, alert, name)
        assert not stated or between(furthest(rule, stated), bounds), (summaries, bounds)


@EACH
def test_slack_is_told_that_it_is_over(name: str, story: Story) -> None:
    assert {alert for alert, job in story.told("resolved") if job == name} >= set(FAULTS[name].alerts)


def subject(rule: AlertRule, job: str) -> str:
    """What the summary of an alert begins with."""
    return f"{job} (demo), model {VERSION}" if "model_version" in rule.alert.by else f"{job} (demo)"


def furthest(rule: AlertRule, values: list[float]) -> float:
    """The value that is furthest beyond the threshold."""
    return (min if rule.alert.comparison is Comparison.BELOW else max)(values)


def value_in(rule: AlertRule, summary: str) -> float | None:
    """The value that a summary states, None where it states none."""
    alert, form = rule.alert, value_format(rule.alert)
    text = alert.summary.format(
        value="VALUE", threshold=form.constant(rule.threshold), window=rule.window, offset=rule.tuning.offset
    )
    found = re.search(re.escape(text).replace("VALUE", r"(-?[\d.]+(?:e[+-]\d+)?)(?:%| s| h)?") + "$", summary)
    assert found, summary
    if not found.groups():
        return None
    return float(found[1]) / (100 if form is ValueFormat.SHARE else 1)


def extremes(story: Story, alert: str, job: str) -> tuple[float, float]:
    """Return the smallest and the largest value that an alert had, with room for an export that arrived late."""
    samples = story.values(alert, Phase(story.broken.begin, story.broken.end + WINDOW), step=1)
    own = [value for found in samples for labels, value in found.items() if ("job", job) in labels]
    late = LATE_OF_FEW if job in FEW else LATE
    return min(own) - late * abs(min(own)) - 0.002, max(own) + late * abs(max(own)) + 0.002


def between(value: float, bounds: tuple[float, float]) -> bool:
    """Whether a value is within bounds."""
    low, high = bounds
    return low - 1e-9 <= value <= high + 1e-9
