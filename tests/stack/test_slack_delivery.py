"""The way from a real Alertmanager, configured as shipped, to Slack: also while Slack is down."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from otel_recmon.artifacts.alerts.rule import WATCHDOG
from otel_recmon.artifacts.render.notifications import SWITCH_SECRET
from otel_recmon.stack import Stack
from otel_recmon.stack.slack import Slack, slack_standin
from tests import web
from tests.speed import eventually
from tests.stack.alerting import HOOK, alertmanager, goes_to, shown
from tests.stack.backend import Backend, backend

INFO = "ℹ️ Info: 1 firing"  # noqa: RUF001 - the sign of information is meant
START = datetime(2026, 3, 1, 23, 5, tzinfo=UTC)
GIVING_UP_S = 60.0
"""Alertmanager tries for ten seconds, at least, before it counts a failure."""


@dataclass(frozen=True)
class Alerting:
    """An Alertmanager, whom it tells, and where it reads their addresses."""

    url: str
    switch: Backend
    secrets: Path

    def post(self, name: str, severity: str, job: str = "shop", *, until: datetime | None = None) -> None:
        """Post an alert as Prometheus does, one that is over where `until` is given."""
        alert = {
            "labels": {"alertname": name, "severity": severity, "job": job, "deployment_environment_name": "prod"},
            "annotations": {"summary": f"{job} (prod): {name} it is", "value": "7%", "threshold": "> 5%"},
            "startsAt": START.isoformat(),
            "endsAt": (until or datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        }
        web.post(f"{self.url}/api/v2/alerts", json=[alert]).raise_for_status()

    def failed(self, integration: str = "slack") -> float:
        """How many messages it has given up."""
        text = web.get(f"{self.url}/metrics").text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "alertmanager_notifications_failed_total" and sample.labels["integration"] == integration
        )

    def calls(self) -> int:
        """How often the dead man's switch was called."""
        return len(self.switch.paths)


@pytest.fixture
def alerting(tmp_path: Path) -> Iterator[Alerting]:
    """An Alertmanager with a dead man's switch, which is called every second, and without an address of Slack."""
    with backend() as switch, Stack(alertmanager=alertmanager(tmp_path)) as stack:
        (tmp_path / SWITCH_SECRET).write_text(f"{switch.url}/ping", encoding="utf-8")
        yield Alerting(stack.alertmanager_url, switch, tmp_path)


@pytest.fixture
def slack(alerting: Alerting) -> Iterator[Slack]:
    """Slack, known to Alertmanager."""
    with slack_standin() as running:
        goes_to(alerting.secrets, running.url)
        yield running


def test_alerts_come_grouped_by_severity(alerting: Alerting, slack: Slack) -> None:
    for name, severity, job in [
        ("LatencyHigh", "critical", "shop"),
        ("CtrLow", "warning", "shop"),
        ("ErrorRateHigh", "critical", "books"),
        ("Note", "info", "shop"),
    ]:
        alerting.post(name, severity, job)

    expected = {"🚨 Critical: 2 firing", "⚠️ Warning: 1 firing", INFO}
    eventually(lambda: expected <= shown(slack).keys())
    since = "      7% (fires at &gt; 5%) since 1 Mar 23:05 UTC"
    critical = shown(slack)["🚨 Critical: 2 firing"]
    assert sorted(critical) == sorted(
        [
            "• *LatencyHigh* shop (prod): LatencyHigh it is",
            "• *ErrorRateHigh* books (prod): ErrorRateHigh it is",
            *[since] * 2,
        ]
    )
    assert shown(slack)["⚠️ Warning: 1 firing"] == ["• *CtrLow* shop (prod): CtrLow it is", since]
    assert shown(slack)[INFO] == ["• *Note* shop (prod): Note it is", since]
    assert {message.path for message in slack.messages} == {HOOK}


def test_what_is_over_is_told(alerting: Alerting, slack: Slack) -> None:
    alerting.post("CtrLow", "warning")
    eventually(lambda: "⚠️ Warning: 1 firing" in shown(slack))

    over = datetime.now(UTC)
    alerting.post("CtrLow", "warning", until=over)

    message = eventually(lambda: shown(slack).get("✅ Warning: 1 resolved"))
    assert message == ["• *CtrLow* shop (prod)", f"      from 1 Mar 23:05 UTC to {over:%-d %b %H:%M} UTC"]


def test_the_watchdog_calls_the_switch_again_and_again_and_never_slack(alerting: Alerting, slack: Slack) -> None:
    alerting.post(WATCHDOG, "info")
    eventually(lambda: alerting.calls() >= 3)

    alerting.post(WATCHDOG, "info", until=datetime.now(UTC))
    alerting.post("CtrLow", "warning")

    eventually(lambda: slack.messages)
    assert shown(slack).keys() == {"⚠️ Warning: 1 firing"}
    assert set(alerting.switch.paths) == {"/ping"}


def test_without_an_address_nothing_is_sent_and_that_is_counted(alerting: Alerting) -> None:
    alerting.post("CtrLow", "warning")
    eventually(alerting.failed)

    with slack_standin() as slack:
        goes_to(alerting.secrets, slack.url)
        eventually(lambda: shown(slack).keys() == {"⚠️ Warning: 1 firing"})


@contextmanager
def refusing(slack: Slack, alerting: Alerting) -> Iterator[None]:
    """Slack, where nobody listens."""
    goes_to(alerting.secrets, "http://127.0.0.1:9")
    yield
    goes_to(alerting.secrets, slack.url)


def trouble(kind: str, slack: Slack, alerting: Alerting) -> AbstractContextManager[None]:
    """Slack as it should not be."""
    return {"500": slack.failing, "429": lambda: slack.failing(429), "hanging": slack.hanging}.get(
        kind, lambda: refusing(slack, alerting)
    )()


@pytest.mark.parametrize("kind", ["500", "429", "hanging", "refusing"])
def test_while_slack_is_down_alerting_goes_on(kind: str, alerting: Alerting, slack: Slack) -> None:
    alerting.post(WATCHDOG, "info")
    with trouble(kind, slack, alerting):
        alerting.post("LatencyHigh", "critical")
        eventually(alerting.failed, GIVING_UP_S)
        calls = alerting.calls()
        eventually(lambda: alerting.calls() > calls + 1)
        alerting.post("CtrLow", "warning")
        assert slack.messages == []

    eventually(lambda: shown(slack).keys() == {"🚨 Critical: 1 firing", "⚠️ Warning: 1 firing"}, GIVING_UP_S)
    assert alerting.failed("webhook") == 0
