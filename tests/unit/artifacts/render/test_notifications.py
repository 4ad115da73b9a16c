"""Contact points, notification policies and message templates, for Grafana and for Alertmanager."""

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
class Notifications:
    """The notification files of an export."""

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
        """The receivers of Alertmanager, by name."""
        return {one["name"]: one for one in self.alertmanager["receivers"]}

    @property
    def settings(self) -> dict[tuple[str, str], str]:
        """The settings of the contact points, by the names of the contact point and of the setting."""
        return {(name, key): t for name, (one,) in self.contact_points.items() for key, t in one["settings"].items()}

    @property
    def slack(self) -> str:
        return self.config.deployment.notifications.slack

    @property
    def switch(self) -> str:
        return self.config.deployment.notifications.switch

    @property
    def urls(self) -> dict[tuple[str, str], str]:
        """The settings with the addresses, which are environment variables."""
        names = ((self.slack, SLACK_VARIABLE), (self.switch, SWITCH_VARIABLE))
        return {(name, "url"): f"${{{variable}}}" for name, variable in names}


NOTIFICATIONS = {name: Notifications(export.config) for name, export in EXPORTS.items()}
EACH = pytest.mark.parametrize("made", NOTIFICATIONS.values(), ids=NOTIFICATIONS)
TEXT = NOTIFICATIONS["default"].text


class TestFile:
    @EACH
    def test_the_file_has_a_valid_schema(self, made: Notifications) -> None:
        jsonschema.Draft202012Validator(SCHEMA).validate(made.file)

    @pytest.mark.parametrize("key", ["receivers", "object_matchers", "group_wait", "disableResolveMessage", "title"])
    def test_the_schema_refuses_a_misspelt_key(self, key: str) -> None:
        wrong = json.loads(TEXT.replace(f'"{key}"', f'"{key}s"'))

        assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(wrong)

    @EACH
    def test_emoji_are_not_escaped(self, made: Notifications) -> None:
        """Grafana's parser fails on surrogate pairs."""
        assert "🚨" in made.text
        assert "\\ud83d" not in made.text


class TestContactPoints:
    @EACH
    def test_addresses_are_environment_variables(self, made: Notifications) -> None:
        assert {place: text for place, text in made.settings.items() if "$" in text or "://" in text} == made.urls

    @EACH
    @pytest.mark.parametrize("environment", [{}, {SLACK_VARIABLE: HOOK, SWITCH_VARIABLE: HOOK, "severity": "x"}])
    def test_interpolation_changes_the_addresses_only(self, made: Notifications, environment: dict[str, str]) -> None:
        changed = {
            place: interpolated(text, environment)
            for place, text in expanded_texts(made.file)
            if interpolated(text, environment) != text
        }

        assert changed == {
            ("contactPoints", str(number), "receivers", "0", "settings", "url"): environment.get(name, "")
            for number, name in enumerate([SLACK_VARIABLE, SWITCH_VARIABLE])
        }

    @EACH
    @pytest.mark.parametrize("given", [{}, {SLACK_VARIABLE: ""}, {SLACK_VARIABLE: HOOK}])
    def test_with_compose_no_address_is_ever_empty(self, made: Notifications, given: dict[str, str]) -> None:
        """Grafana does not start with an empty address."""
        environment = compose(**given)["services"]["grafana"]["environment"]

        found = {place: interpolated(text, environment) for place, text in made.settings.items() if place in made.urls}
        assert found == {
            (made.slack, "url"): given.get(SLACK_VARIABLE) or "http://slack:8080",
            (made.switch, "url"): "http://127.0.0.1:9/not-configured",
        }

    @EACH
    def test_a_contact_point_has_one_receiver_and_a_unique_uid(self, made: Notifications) -> None:
        uids = [one["uid"] for (one,) in made.contact_points.values()]

        assert len(set(uids)) == len(uids) == 2
        assert "grafana-default-email" not in made.text

    @EACH
    def test_the_end_of_the_watchdog_is_not_sent(self, made: Notifications) -> None:
        (webhook,) = made.receivers[made.switch]["webhook_configs"]

        assert webhook["send_resolved"] is False
        assert made.contact_points[made.switch][0]["disableResolveMessage"] is True
        assert made.receivers[made.slack]["slack_configs"][0]["send_resolved"] is True
        assert made.contact_points[made.slack][0]["disableResolveMessage"] is False

    @EACH
    def test_a_request_that_hangs_ends_in_time_for_another_attempt(self, made: Notifications) -> None:
        shortest = min(seconds(timing.group_interval) for timing in made.config.timing.values())

        timeouts = [
            seconds(call["timeout"]) for calls in made.receivers.values() for call in next(reversed(calls.values()))
        ]
        assert len(timeouts) == 2
        assert max(timeouts) * 2 < shortest


class TestPolicy:
    @EACH
    def test_a_route_leads_to_an_existing_contact_point(self, made: Notifications) -> None:
        assert {route["receiver"] for route in (made.policy, *made.policy["routes"])} == set(made.contact_points)

    @EACH
    def test_the_root_matches_every_alert(self, made: Notifications) -> None:
        assert not {"matchers", "object_matchers"} & made.policy.keys()

    @EACH
    def test_messages_are_grouped_by_severity_alone(self, made: Notifications) -> None:
        assert made.policy["group_by"] == made.alertmanager["route"]["group_by"] == ["severity"]
        assert [route for route in made.policy["routes"] if "group_by" in route] == []

    @EACH
    def test_the_watchdog_has_the_first_route_and_each_severity_another(self, made: Notifications) -> None:
        assert [(route["receiver"], route["object_matchers"]) for route in made.policy["routes"]] == [
            (made.switch, [["alertname", "=", WATCHDOG]]),
            *((made.slack, [["severity", "=", severity]]) for severity in reversed(SEVERITIES)),
        ]
        assert WATCHDOG in [alert.name for alert in ALERTS]

    @EACH
    def test_alertmanager_has_the_same_policy(self, made: Notifications) -> None:
        expected = [
            {**{k: v for k, v in route.items() if k != "object_matchers"}, "matchers": [f"{name}={value}"]}
            for route in made.policy["routes"]
            for name, _, value in route["object_matchers"]
        ]

        assert made.alertmanager["route"] == {
            **{k: v for k, v in made.policy.items() if k != "orgId"},
            "routes": expected,
        }

    def test_the_intervals_of_a_severity_can_be_set(self) -> None:
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
    def test_an_unusable_interval_is_refused(self, own: dict[str, Any], message: str) -> None:
        with pytest.raises(TuningError, match=re.escape(message)):
            configured({"pace": own})


class TestTemplates:
    @EACH
    @pytest.mark.parametrize("templates", [grafana_templates(), alertmanager_templates()])
    def test_every_used_template_is_defined_once(self, made: Notifications, templates: str) -> None:
        defined = re.findall(r'define "([\w.]+)"', templates)
        receivers = json.dumps(made.contact_points) + json.dumps(made.alertmanager["receivers"])

        assert len(set(defined)) == len(defined)
        assert set(re.findall(r'template \\?"([\w.]+)\\?"', templates + receivers)) <= set(defined)

    @EACH
    def test_the_templates_of_the_contact_point_are_in_the_same_file(self, made: Notifications) -> None:
        (templates,) = made.file["templates"]

        assert templates["template"] == grafana_templates()

    @EACH
    def test_alertmanager_sends_the_same_messages(self, made: Notifications) -> None:
        (slack,), (switch,) = (
            [*r.get("slack_configs", []), *r.get("webhook_configs", [])] for r in made.receivers.values()
        )
        ours = {key: text for (name, key), text in made.settings.items() if name == made.slack and key != "url"}

        assert ours.items() <= slack.items()
        assert (slack["api_url_file"], switch["url_file"]) == (
            f"{made.config.general.secrets}/slack-webhook-url",
            f"{made.config.general.secrets}/dead-mans-switch-url",
        )
