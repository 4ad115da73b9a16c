"""The whole way: a service fails, Prometheus notices, Alertmanager tells, Slack shows the right figures."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.render.prometheus_rules import alerting_file, recording_file
from otel_recmon.artifacts.settings.thresholds import configured
from otel_recmon.artifacts.signals import external as foreign
from otel_recmon.artifacts.signals.traffic import ERROR_RATE
from otel_recmon.stack import Stack
from otel_recmon.stack.slack import slack_standin
from tests.speed import eventually
from tests.stack.alerting import alertmanager, goes_to, shown
from tests.stack.observed import Prometheus, Service, service

AT_ONCE = {"general": {"interval": "1s"}, "alerts": {"ErrorRateHigh": {"for": "0s"}}}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Stack]:
    """A stack with the alerts that are on by default, which looks every second."""
    found = rules(configured(AT_ONCE))
    (tmp_path / "rules" / "alerts").mkdir(parents=True)
    (tmp_path / "rules" / "recmon.yml").write_text(recording_file(found), encoding="utf-8")
    (tmp_path / "rules" / "alerts" / "recmon.yml").write_text(alerting_file(found), encoding="utf-8")
    config = alertmanager(tmp_path)
    with Stack(alertmanager=config, rules=tmp_path / "rules", scrape_interval="1s") as stack:
        yield stack


def answer(shop: Service, **counts: int) -> None:
    """Answer so many requests, by status."""
    requests = shop.meter.create_counter("recommendation.requests")
    for status, count in counts.items():
        requests.add(count, {"model_version": "v2", "status": status})
    shop.export()


@contextmanager
def primed(stack: Stack) -> Iterator[Service]:
    """A service that has said that it counts errors, too."""
    with service(stack) as shop:
        answer(shop, success=0, error=0)
        yield shop


def test_a_service_that_fails_is_told_with_its_figures_and_when_it_is_over(watched: Stack, tmp_path: Path) -> None:
    with slack_standin() as slack, primed(watched) as shop:
        goes_to(tmp_path, slack.url)
        answer(shop, success=950, error=50)
        message = eventually(lambda: slack.messages)[0].payload["attachments"][0]

        panel = f"http://localhost:3000/d/recmon-service?viewPanel={ERROR_RATE.panel}"
        silence = (
            f"{watched.alertmanager_url}/#/silences/new?filter=%7Balertname%3D%22ErrorRateHigh%22"
            "%2Cdeployment_environment_name%3D%22test%22%2Cjob%3D%22team%2Fshop%22"
            "%2Cmodel_version%3D%22v2%22%2Cseverity%3D%22critical%22%7D"
        )
        expected = (
            "• *ErrorRateHigh* team/shop (test), model v2: 5% of requests fail (limit 1%)\n"
            f"      5% (fires at &gt; 1%) since WHEN · <{panel}|Panel> · Runbook: docs/runbook.md#errorratehigh"
            f" · <{silence}|Silence>\n"
        )
        when = re.compile(r"\d+ \w{3} \d\d:\d\d UTC")
        assert (message["title"], message["color"]) == ("🚨 Critical: 1 firing", "#d63232")
        assert when.sub("WHEN", message["text"]) == when.sub("WHEN", expected)

        answer(shop, success=1_000_000)
        eventually(lambda: "✅ Critical: 1 resolved" in shown(slack))
        assert shown(slack)["✅ Critical: 1 resolved"][0] == "• *ErrorRateHigh* team/shop (test), model v2"
        assert len(slack.messages) == 2


def test_that_slack_takes_no_messages_is_an_alert_itself(watched: Stack, tmp_path: Path) -> None:
    prometheus = Prometheus(watched.prometheus_url)
    eventually(lambda: prometheus.values(f'{foreign.MESSAGES_FAILED}{{integration="slack"}}'))
    with slack_standin() as slack, primed(watched) as shop:
        goes_to(tmp_path, slack.url)
        with slack.failing(429):
            answer(shop, success=950, error=50)
            eventually(lambda: prometheus.values('ALERTS{alertname="MessagesLost", alertstate="firing"}'))

        eventually(lambda: {"🚨 Critical: 1 firing", "⚠️ Warning: 1 firing"} <= shown(slack).keys())
        assert shown(slack)["⚠️ Warning: 1 firing"][0].startswith("• *MessagesLost* alertmanager: about ")
