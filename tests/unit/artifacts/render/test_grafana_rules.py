"""The alerts as Grafana provisions them: nothing unknown, nothing eaten, everything referred to exists."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import promql_parser
import pytest

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.pages import ALERT_FOLDER, DASHBOARD_FOLDER, PAGES
from otel_recmon.artifacts.render.grafana_rules import rules_file
from otel_recmon.artifacts.render.prometheus_rules import PREFIX
from otel_recmon.artifacts.settings.thresholds import Config, TuningError, configured, load
from tests.unit.artifacts.exports import CHANGED, FLOORS
from tests.unit.artifacts.grafana import query, verdict
from tests.unit.artifacts.interpolation import expanded_texts, interpolated
from tests.unit.artifacts.known import ALERTS, SIGNALS
from tests.unit.artifacts.selectors import too_wide

SCHEMA = json.loads(Path(__file__).with_name("alerting_file.schema.json").read_text(encoding="utf-8"))
CONFIGS = {"default": configured(FLOORS), "every knob": CHANGED.config}
FILES = {name: json.loads(rules_file(rules(config))) for name, config in CONFIGS.items()}
FILE = FILES["default"]
RULES: list[dict[str, Any]] = FILE["groups"][0]["rules"]
ENVIRONMENTS = [{}, {"SLACK_WEBHOOK_URL": "https://hooks.example/x", "job": "x", "B": "x", "1": "x"}]
EACH = pytest.mark.parametrize(
    ("config", "rule"),
    [
        pytest.param(CONFIGS[name], rule, id=f"{name}.{rule['title']}")
        for name, file in FILES.items()
        for rule in file["groups"][0]["rules"]
    ],
)
EACH_FILE = pytest.mark.parametrize("file", FILES.values(), ids=FILES)
EACH_NAME = pytest.mark.parametrize("name", FILES)


@EACH_FILE
def test_it_is_what_grafana_takes(file: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(file)


@EACH_NAME
def test_the_group_is_in_the_folder_of_the_settings(name: str) -> None:
    grafana, (group,) = CONFIGS[name].deployment.grafana, FILES[name]["groups"]

    assert {key: value for key, value in group.items() if key != "rules"} == {
        "orgId": grafana.organisation,
        "name": grafana.uid_prefix,
        "folder": grafana.alert_folder,
        "interval": CONFIGS[name].general.interval,
    }


def test_a_misspelt_key_would_be_noticed() -> None:
    wrong = json.loads(json.dumps(FILE).replace('"noDataState"', '"nodataState"'))

    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(wrong)


def test_the_emulation_eats_what_grafana_eats() -> None:
    environment = {"URL": "x", "PW": "Pa$word"}
    texts = ["$URL", "${URL}", "$__env{URL}", "${NO:-x}", "{{ $labels.a }}", "$$labels", "${PW}", "a $ 5", "^a$", "$1"]

    assert [interpolated(text, environment) for text in texts] == [
        "x",
        "x",
        "x",
        "",
        "{{ .a }}",
        "$labels",
        "Pa",
        "a $ 5",
        "^a$",
        "",
    ]


@EACH_FILE
@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=["nothing set", "everything set"])
def test_no_text_that_grafana_expands_changes(environment: dict[str, str], file: dict[str, Any]) -> None:
    changed = [place for place, text in expanded_texts(file) if interpolated(text, environment) != text]

    assert changed == []


@EACH_NAME
def test_every_alert_is_there_and_paused_unless_it_is_on(name: str) -> None:
    assert {rule["title"]: not rule["isPaused"] for rule in FILES[name]["groups"][0]["rules"]} == {
        alert.name: CONFIGS[name].alerts[alert.name].enabled for alert in ALERTS
    }


def test_these_are_on_by_default() -> None:
    assert [name for name, tuning in load().alerts.items() if tuning.enabled] == [
        "CtrLow",
        "LatencyHigh",
        "ErrorRateHigh",
        "BudgetBurnHour",
        "BudgetBurnSixHours",
        "BudgetBurnDay",
        "BudgetBurnThreeDays",
        "CtrBelowUsual",
        "ModelStale",
        "ModelVeryStale",
        "SampleRatioMismatch",
        "ArmLosesClicks",
        "ArmLosesConversions",
        "ArmSlow",
        "ArmFailing",
        "ServiceSilent",
        "TelemetryLost",
        "MessagesLost",
        "Watchdog",
    ]


def test_a_floor_without_a_threshold_is_not_there() -> None:
    found = {rule["title"] for rule in json.loads(rules_file(rules(load())))["groups"][0]["rules"]}

    assert {alert.name for alert in ALERTS} - found == {"DiversityLow", "CoverageLow"}


@EACH_NAME
def test_identifiers_are_unique_and_follow_from_the_names(name: str) -> None:
    uids = {rule["title"]: rule["uid"] for rule in FILES[name]["groups"][0]["rules"]}

    assert len(set(uids.values())) == len(uids)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,40}", uid) for uid in uids.values())
    assert uids["CtrBelowUsual"] == f"{CONFIGS[name].deployment.grafana.uid_prefix}-ctr-below-usual"


@EACH
def test_a_rule_refers_to_a_panel_a_page_and_a_datasource_that_exist(config: Config, rule: dict[str, Any]) -> None:
    grafana = config.deployment.grafana
    panels = {(grafana.uid(signal.page.uid), signal.panel) for signal in SIGNALS}
    annotations = rule["annotations"]

    assert (rule["dashboardUid"], rule["panelId"]) in panels
    assert (annotations["__dashboardUid__"], annotations["__panelId__"]) == (rule["dashboardUid"], str(rule["panelId"]))
    assert {part["refId"]: part["datasourceUid"] for part in rule["data"]} == {"A": grafana.datasource, "B": "__expr__"}


def test_panels_and_pages_have_identifiers_of_their_own() -> None:
    assert len({signal.name for signal in SIGNALS}) == len({signal.panel for signal in SIGNALS}) == len(SIGNALS)
    assert len({page.uid for page in PAGES}) == len(PAGES)
    assert len({ALERT_FOLDER, DASHBOARD_FOLDER}) == 2


@EACH
def test_a_query_is_instant_and_asks_for_raw_series_of_the_services_only(config: Config, rule: dict[str, Any]) -> None:
    model = rule["data"][0]["model"]

    assert too_wide(promql_parser.parse(query(rule)), config.deployment.services) == []
    assert (model["instant"], model["range"]) == (True, False)
    assert PREFIX not in query(rule)


@EACH
def test_a_text_for_people_gives_the_value_as_grafana_knows_it(config: Config, rule: dict[str, Any]) -> None:
    texts = " ".join(rule["annotations"].values())

    assert ".Values.A.Value" in rule["annotations"]["value"]
    assert "$" not in texts
    assert not re.search(r"[ (]\.Value\b", texts)


@EACH
def test_a_rule_has_the_labels_and_the_contact_point_of_the_settings(config: Config, rule: dict[str, Any]) -> None:
    receiver = config.deployment.notifications.contact_point

    assert rule["labels"] == {"severity": config.alerts[rule["title"]].severity, **config.deployment.labels}
    assert rule.get("notification_settings") == ({"receiver": receiver} if receiver else None)


def test_an_interval_that_grafana_does_not_take_is_refused() -> None:
    with pytest.raises(TuningError, match="a multiple of 10s"):
        rules_file(rules(configured({"general": {"interval": "15s"}})))


def test_a_verdict_is_that_of_the_threshold() -> None:
    one, other, unknown = (frozenset({("job", name)}) for name in "abc")
    (rule,) = (rule for rule in RULES if rule["title"] == "ErrorRateHigh")

    assert verdict(rule, {one: 0.02, other: 0.01, unknown: float("nan")}) == {one}
