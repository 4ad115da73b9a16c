"""Contact points, policy and templates: nothing unknown, nothing eaten, everything referred to exists."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from otel_recmon.artifacts.alerts import ALERTS, WATCHDOG
from otel_recmon.artifacts.notifications import (
    SLACK,
    SLACK_VARIABLE,
    SWITCH,
    SWITCH_VARIABLE,
    alertmanager_file,
    grafana_file,
)
from otel_recmon.artifacts.slack_message import alertmanager_templates, grafana_templates
from otel_recmon.artifacts.tuning import SEVERITIES, TuningError, configured, load, seconds
from tests.composed import compose
from tests.unit.artifacts.interpolation import expanded_texts, interpolated

SCHEMA = json.loads(Path(__file__).with_name("alerting_file.schema.json").read_text(encoding="utf-8"))
TEXT = grafana_file(load())
FILE: dict[str, Any] = json.loads(TEXT)
CONTACT_POINTS = {point["name"]: point["receivers"] for point in FILE["contactPoints"]}
(POLICY,) = FILE["policies"]
ALERTMANAGER: dict[str, Any] = yaml.safe_load(alertmanager_file(load()))
HOOK = "https://hooks.slack.test/services/T0/B0/x"
URLS = {(name, "url"): f"${{{variable}}}" for name, variable in ((SLACK, SLACK_VARIABLE), (SWITCH, SWITCH_VARIABLE))}


def settings() -> dict[tuple[str, str], str]:
    """Every setting of the contact points, by the names of both."""
    return {(name, key): text for name, (one,) in CONTACT_POINTS.items() for key, text in one["settings"].items()}


def test_it_is_what_grafana_takes() -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(FILE)


@pytest.mark.parametrize("key", ["receivers", "object_matchers", "group_wait", "disableResolveMessage", "title"])
def test_a_misspelt_key_would_be_noticed(key: str) -> None:
    wrong = json.loads(TEXT.replace(f'"{key}"', f'"{key}s"'))

    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(wrong)


def test_emoji_are_written_as_they_are() -> None:
    """For as a pair of surrogates they break Grafana's parser."""
    assert "🚨" in TEXT
    assert "\\ud83d" not in TEXT


def test_addresses_come_from_the_environment_alone() -> None:
    assert {place: text for place, text in settings().items() if "$" in text or "://" in text} == URLS


@pytest.mark.parametrize("environment", [{}, {SLACK_VARIABLE: HOOK, SWITCH_VARIABLE: HOOK, "severity": "x"}])
def test_nothing_but_the_addresses_is_expanded(environment: dict[str, str]) -> None:
    changed = {
        place: interpolated(text, environment)
        for place, text in expanded_texts(FILE)
        if interpolated(text, environment) != text
    }

    assert changed == {
        ("contactPoints", str(number), "receivers", "0", "settings", "url"): environment.get(name, "")
        for number, name in enumerate([SLACK_VARIABLE, SWITCH_VARIABLE])
    }


@pytest.mark.parametrize("given", [{}, {SLACK_VARIABLE: ""}, {SLACK_VARIABLE: HOOK}])
def test_with_compose_no_address_is_ever_empty(given: dict[str, str]) -> None:
    """For with an empty one Grafana does not start."""
    environment = compose(**given)["services"]["grafana"]["environment"]

    found = {place: interpolated(text, environment) for place, text in settings().items() if place in URLS}
    assert found == {
        (SLACK, "url"): given.get(SLACK_VARIABLE) or "http://slack:8080",
        (SWITCH, "url"): "http://127.0.0.1:9/not-configured",
    }


def test_contact_points_have_one_receiver_each_and_an_identifier_of_their_own() -> None:
    uids = [one["uid"] for (one,) in CONTACT_POINTS.values()]

    assert len(set(uids)) == len(uids) == 2
    assert "grafana-default-email" not in TEXT


@pytest.mark.parametrize("route", [POLICY, *POLICY["routes"]])
def test_a_route_leads_to_a_contact_point_that_exists(route: dict[str, Any]) -> None:
    assert route["receiver"] in CONTACT_POINTS


def test_the_root_of_the_policy_takes_everything() -> None:
    assert not {"matchers", "object_matchers"} & POLICY.keys()


def test_messages_are_grouped_by_severity_alone() -> None:
    assert POLICY["group_by"] == ALERTMANAGER["route"]["group_by"] == ["severity"]
    assert [route for route in POLICY["routes"] if "group_by" in route] == []


def test_every_severity_has_a_route_and_the_watchdog_the_first() -> None:
    assert [(route["receiver"], route["object_matchers"]) for route in POLICY["routes"]] == [
        (SWITCH, [["alertname", "=", WATCHDOG.name]]),
        *((SLACK, [["severity", "=", severity]]) for severity in reversed(SEVERITIES)),
    ]
    assert WATCHDOG in ALERTS


@pytest.mark.parametrize("templates", [grafana_templates(), alertmanager_templates()])
def test_every_template_that_is_used_is_defined_once(templates: str) -> None:
    defined = re.findall(r'define "([\w.]+)"', templates)
    receivers = json.dumps(CONTACT_POINTS) + json.dumps(ALERTMANAGER["receivers"])

    assert len(set(defined)) == len(defined)
    assert set(re.findall(r'template \\?"([\w.]+)\\?"', templates + receivers)) <= set(defined)


def test_the_templates_of_the_contact_point_are_in_the_same_file() -> None:
    (templates,) = FILE["templates"]

    assert templates["template"] == grafana_templates()


def test_alertmanager_has_the_same_policy() -> None:
    expected = [
        {**{k: v for k, v in route.items() if k != "object_matchers"}, "matchers": [f"{name}={value}"]}
        for route in POLICY["routes"]
        for name, _, value in route["object_matchers"]
    ]

    assert ALERTMANAGER["route"] == {**{k: v for k, v in POLICY.items() if k != "orgId"}, "routes": expected}


def test_alertmanager_says_the_same() -> None:
    (slack,), (switch,) = ([*r.get("slack_configs", []), *r.get("webhook_configs", [])] for r in receivers().values())
    ours = {key: text for (name, key), text in settings().items() if name == SLACK and key != "url"}

    assert ours.items() <= slack.items()
    assert (slack["api_url_file"], switch["url_file"]) == (
        "/run/secrets/slack-webhook-url",
        "/run/secrets/dead-mans-switch-url",
    )


def test_a_call_that_hangs_is_given_up_in_time_for_another() -> None:
    shortest = min(seconds(pace.interval) for pace in load().pace.values())

    timeouts = [seconds(call["timeout"]) for calls in receivers().values() for call in next(reversed(calls.values()))]
    assert len(timeouts) == 2
    assert max(timeouts) * 2 < shortest


def receivers() -> dict[str, Any]:
    return {one["name"]: one for one in ALERTMANAGER["receivers"]}


def test_the_end_of_the_watchdog_is_no_sign_of_life() -> None:
    (webhook,) = receivers()[SWITCH]["webhook_configs"]

    assert webhook["send_resolved"] is False
    assert CONTACT_POINTS[SWITCH][0]["disableResolveMessage"] is True
    assert receivers()[SLACK]["slack_configs"][0]["send_resolved"] is True
    assert CONTACT_POINTS[SLACK][0]["disableResolveMessage"] is False


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
        ({"info": {"repeat": "0s"}}, "pace.info.repeat = '0s' is not usable: expected more than 0s"),
    ],
)
def test_a_pace_that_means_nothing_is_refused(own: dict[str, Any], message: str) -> None:
    with pytest.raises(TuningError, match=re.escape(message)):
        configured({"pace": own})
