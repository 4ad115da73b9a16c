"""Contact points, policy and templates: nothing unknown, nothing eaten, everything referred to exists."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from otel_recmon.artifacts.alerts.rule import WATCHDOG
from otel_recmon.artifacts.render.notifications import (
    SLACK_VARIABLE,
    SWITCH_VARIABLE,
    alertmanager_file,
    grafana_file,
)
from otel_recmon.artifacts.render.slack_message import alertmanager_templates, grafana_templates
from otel_recmon.artifacts.settings.thresholds import SEVERITIES, Config, TuningError, configured, seconds
from tests.composed import compose
from tests.unit.artifacts.exports import EXPORTS
from tests.unit.artifacts.interpolation import expanded_texts, interpolated
from tests.unit.artifacts.known import ALERTS

SCHEMA = json.loads(Path(__file__).with_name("alerting_file.schema.json").read_text(encoding="utf-8"))
HOOK = "https://hooks.slack.test/services/T0/B0/x"


@dataclass(frozen=True)
class Told:
    """What an export says of who is told."""

    config: Config

    @cached_property
    def text(self) -> str:
        return grafana_file(self.config)

    @cached_property
    def file(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found

    @cached_property
    def contact_points(self) -> dict[str, Any]:
        return {point["name"]: point["receivers"] for point in self.file["contactPoints"]}

    @cached_property
    def policy(self) -> dict[str, Any]:
        (policy,) = self.file["policies"]
        return dict(policy)

    @cached_property
    def alertmanager(self) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load(alertmanager_file(self.config))
        return found

    @property
    def receivers(self) -> dict[str, Any]:
        """Those of Alertmanager, by name."""
        return {one["name"]: one for one in self.alertmanager["receivers"]}

    @property
    def settings(self) -> dict[tuple[str, str], str]:
        """Every setting of the contact points, by the names of both."""
        return {(name, key): t for name, (one,) in self.contact_points.items() for key, t in one["settings"].items()}

    @property
    def slack(self) -> str:
        return self.config.deployment.notifications.slack

    @property
    def switch(self) -> str:
        return self.config.deployment.notifications.switch

    @property
    def urls(self) -> dict[tuple[str, str], str]:
        """The settings that are variables."""
        names = ((self.slack, SLACK_VARIABLE), (self.switch, SWITCH_VARIABLE))
        return {(name, "url"): f"${{{variable}}}" for name, variable in names}


TOLD = {name: Told(export.config) for name, export in EXPORTS.items()}
EACH = pytest.mark.parametrize("told", TOLD.values(), ids=TOLD)
TEXT = TOLD["default"].text


@EACH
def test_it_is_what_grafana_takes(told: Told) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(told.file)


@pytest.mark.parametrize("key", ["receivers", "object_matchers", "group_wait", "disableResolveMessage", "title"])
def test_a_misspelt_key_would_be_noticed(key: str) -> None:
    wrong = json.loads(TEXT.replace(f'"{key}"', f'"{key}s"'))

    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(wrong)


@EACH
def test_emoji_are_written_as_they_are(told: Told) -> None:
    """For as a pair of surrogates they break Grafana's parser."""
    assert "🚨" in told.text
    assert "\\ud83d" not in told.text


@EACH
def test_addresses_come_from_the_environment_alone(told: Told) -> None:
    assert {place: text for place, text in told.settings.items() if "$" in text or "://" in text} == told.urls


@EACH
@pytest.mark.parametrize("environment", [{}, {SLACK_VARIABLE: HOOK, SWITCH_VARIABLE: HOOK, "severity": "x"}])
def test_nothing_but_the_addresses_is_expanded(told: Told, environment: dict[str, str]) -> None:
    changed = {
        place: interpolated(text, environment)
        for place, text in expanded_texts(told.file)
        if interpolated(text, environment) != text
    }

    assert changed == {
        ("contactPoints", str(number), "receivers", "0", "settings", "url"): environment.get(name, "")
        for number, name in enumerate([SLACK_VARIABLE, SWITCH_VARIABLE])
    }


@EACH
@pytest.mark.parametrize("given", [{}, {SLACK_VARIABLE: ""}, {SLACK_VARIABLE: HOOK}])
def test_with_compose_no_address_is_ever_empty(told: Told, given: dict[str, str]) -> None:
    """For with an empty one Grafana does not start."""
    environment = compose(**given)["services"]["grafana"]["environment"]

    found = {place: interpolated(text, environment) for place, text in told.settings.items() if place in told.urls}
    assert found == {
        (told.slack, "url"): given.get(SLACK_VARIABLE) or "http://slack:8080",
        (told.switch, "url"): "http://127.0.0.1:9/not-configured",
    }


@EACH
def test_contact_points_have_one_receiver_each_and_an_identifier_of_their_own(told: Told) -> None:
    uids = [one["uid"] for (one,) in told.contact_points.values()]

    assert len(set(uids)) == len(uids) == 2
    assert "grafana-default-email" not in told.text


@EACH
def test_a_route_leads_to_a_contact_point_that_exists(told: Told) -> None:
    assert {route["receiver"] for route in (told.policy, *told.policy["routes"])} == set(told.contact_points)


@EACH
def test_the_root_of_the_policy_takes_everything(told: Told) -> None:
    assert not {"matchers", "object_matchers"} & told.policy.keys()


@EACH
def test_messages_are_grouped_by_severity_alone(told: Told) -> None:
    assert told.policy["group_by"] == told.alertmanager["route"]["group_by"] == ["severity"]
    assert [route for route in told.policy["routes"] if "group_by" in route] == []


@EACH
def test_every_severity_has_a_route_and_the_watchdog_the_first(told: Told) -> None:
    assert [(route["receiver"], route["object_matchers"]) for route in told.policy["routes"]] == [
        (told.switch, [["alertname", "=", WATCHDOG]]),
        *((told.slack, [["severity", "=", severity]]) for severity in reversed(SEVERITIES)),
    ]
    assert WATCHDOG in [alert.name for alert in ALERTS]


@EACH
@pytest.mark.parametrize("templates", [grafana_templates(), alertmanager_templates()])
def test_every_template_that_is_used_is_defined_once(told: Told, templates: str) -> None:
    defined = re.findall(r'define "([\w.]+)"', templates)
    receivers = json.dumps(told.contact_points) + json.dumps(told.alertmanager["receivers"])

    assert len(set(defined)) == len(defined)
    assert set(re.findall(r'template \\?"([\w.]+)\\?"', templates + receivers)) <= set(defined)


@EACH
def test_the_templates_of_the_contact_point_are_in_the_same_file(told: Told) -> None:
    (templates,) = told.file["templates"]

    assert templates["template"] == grafana_templates()


@EACH
def test_alertmanager_has_the_same_policy(told: Told) -> None:
    expected = [
        {**{k: v for k, v in route.items() if k != "object_matchers"}, "matchers": [f"{name}={value}"]}
        for route in told.policy["routes"]
        for name, _, value in route["object_matchers"]
    ]

    assert told.alertmanager["route"] == {**{k: v for k, v in told.policy.items() if k != "orgId"}, "routes": expected}


@EACH
def test_alertmanager_says_the_same(told: Told) -> None:
    (slack,), (switch,) = (
        [*r.get("slack_configs", []), *r.get("webhook_configs", [])] for r in told.receivers.values()
    )
    ours = {key: text for (name, key), text in told.settings.items() if name == told.slack and key != "url"}

    assert ours.items() <= slack.items()
    assert (slack["api_url_file"], switch["url_file"]) == (
        f"{told.config.general.secrets}/slack-webhook-url",
        f"{told.config.general.secrets}/dead-mans-switch-url",
    )


@EACH
def test_a_call_that_hangs_is_given_up_in_time_for_another(told: Told) -> None:
    shortest = min(seconds(timing.group_interval) for timing in told.config.timing.values())

    timeouts = [
        seconds(call["timeout"]) for calls in told.receivers.values() for call in next(reversed(calls.values()))
    ]
    assert len(timeouts) == 2
    assert max(timeouts) * 2 < shortest


@EACH
def test_the_end_of_the_watchdog_is_no_sign_of_life(told: Told) -> None:
    (webhook,) = told.receivers[told.switch]["webhook_configs"]

    assert webhook["send_resolved"] is False
    assert told.contact_points[told.switch][0]["disableResolveMessage"] is True
    assert told.receivers[told.slack]["slack_configs"][0]["send_resolved"] is True
    assert told.contact_points[told.slack][0]["disableResolveMessage"] is False


def test_the_pace_of_a_severity_can_be_set() -> None:
    (own,) = json.loads(grafana_file(configured({"pace": {"info": {"wait": "3s", "interval": "4s"}}})))["policies"]

    paced = [
        {key: route[key] for key in ("group_wait", "group_interval", "repeat_interval")} for route in own["routes"]
    ]
    assert paced[2:] == [
        {"group_wait": "1m", "group_interval": "5m", "repeat_interval": "12h"},
        {"group_wait": "3s", "group_interval": "4s", "repeat_interval": "1d"},
    ]


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"urgent": {}}, "pace.urgent is not known"),
        ({"info": {"wiat": "1m"}}, "pace.info.wiat is not known: did you mean pace.info.wait?"),
        ({"info": {"wait": "soon"}}, "pace.info.wait = 'soon' is not usable: expected a duration"),
        ({"info": {"repeat": "0s"}}, "pace.info.repeat = '0s' is not usable: expected a duration greater than 0s"),
    ],
)
def test_a_pace_that_means_nothing_is_refused(own: dict[str, Any], message: str) -> None:
    with pytest.raises(TuningError, match=re.escape(message)):
        configured({"pace": own})
