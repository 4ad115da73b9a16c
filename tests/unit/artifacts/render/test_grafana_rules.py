"""The alert rules for Grafana: a valid schema, texts that survive Grafana's interpolation, and existing references."""

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
EACH_RULE = pytest.mark.parametrize(
    "rule",
    [
        pytest.param(rule, id=f"{name}.{rule['title']}")
        for name, file in FILES.items()
        for rule in file["groups"][0]["rules"]
    ],
)
EACH_FILE = pytest.mark.parametrize("file", FILES.values(), ids=FILES)
EACH_NAME = pytest.mark.parametrize("name", FILES)


class TestFile:
    @EACH_FILE
    def test_the_file_has_a_valid_schema(self, file: dict[str, Any]) -> None:
        jsonschema.Draft202012Validator(SCHEMA).validate(file)

    def test_the_schema_refuses_a_misspelt_key(self) -> None:
        wrong = json.loads(json.dumps(FILE).replace('"noDataState"', '"nodataState"'))

        assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(wrong)

    @EACH_NAME
    def test_the_group_is_in_the_folder_of_the_settings(self, name: str) -> None:
        grafana, (group,) = CONFIGS[name].deployment.grafana, FILES[name]["groups"]

        assert {key: value for key, value in group.items() if key != "rules"} == {
            "orgId": grafana.organisation,
            "name": grafana.uid_prefix,
            "folder": grafana.alert_folder,
            "interval": CONFIGS[name].general.interval,
        }

    def test_an_unsupported_interval_is_refused(self) -> None:
        with pytest.raises(TuningError, match="steps of 10s"):
            rules_file(rules(configured({"general": {"interval": "15s"}})))


class TestInterpolation:
    """Grafana replaces `$` in most texts of provisioning files."""

    def test_the_emulation_replaces_what_grafana_replaces(self) -> None:
        environment = {"URL": "x", "PW": "Pa$word"}
        texts = [
            "$URL",
            "${URL}",
            "$__env{URL}",
            "${NO:-x}",
            "{{ $labels.a }}",
            "$$labels",
            "${PW}",
            "a $ 5",
            "^a$",
            "$1",
        ]

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
    def test_no_text_changes_by_interpolation(self, environment: dict[str, str], file: dict[str, Any]) -> None:
        changed = [place for place, text in expanded_texts(file) if interpolated(text, environment) != text]

        assert changed == []

    @EACH_RULE
    def test_a_text_for_people_has_the_value_in_grafanas_syntax(self, rule: dict[str, Any]) -> None:
        texts = " ".join(rule["annotations"].values())

        assert ".Values.A.Value" in rule["annotations"]["value"]
        assert "$" not in texts
        assert not re.search(r"[ (]\.Value\b", texts)


class TestAlerts:
    @EACH_NAME
    def test_every_alert_exists_and_is_paused_unless_enabled(self, name: str) -> None:
        assert {rule["title"]: not rule["isPaused"] for rule in FILES[name]["groups"][0]["rules"]} == {
            alert.name: CONFIGS[name].alerts[alert.name].enabled for alert in ALERTS
        }

    def test_these_alerts_are_enabled_by_default(self) -> None:
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

    def test_an_alert_without_a_threshold_is_missing(self) -> None:
        found = {rule["title"] for rule in json.loads(rules_file(rules(load())))["groups"][0]["rules"]}

        assert {alert.name for alert in ALERTS} - found == {"DiversityLow", "CoverageLow"}

    @EACH
    def test_a_rule_has_the_labels_and_the_contact_point_of_the_settings(
        self, config: Config, rule: dict[str, Any]
    ) -> None:
        receiver = config.deployment.notifications.contact_point

        assert rule["labels"] == {"severity": config.alerts[rule["title"]].severity, **config.deployment.labels}
        assert rule.get("notification_settings") == ({"receiver": receiver} if receiver else None)

    def test_the_emulation_fires_above_the_threshold_only(self) -> None:
        one, other, unknown = (frozenset({("job", name)}) for name in "abc")
        (rule,) = (rule for rule in RULES if rule["title"] == "ErrorRateHigh")

        assert verdict(rule, {one: 0.02, other: 0.01, unknown: float("nan")}) == {one}


class TestReferences:
    @EACH_NAME
    def test_uids_are_unique_and_made_from_the_names(self, name: str) -> None:
        uids = {rule["title"]: rule["uid"] for rule in FILES[name]["groups"][0]["rules"]}

        assert len(set(uids.values())) == len(uids)
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,40}", uid) for uid in uids.values())
        assert uids["CtrBelowUsual"] == f"{CONFIGS[name].deployment.grafana.uid_prefix}-ctr-below-usual"

    @EACH
    def test_a_rule_refers_to_an_existing_panel_dashboard_and_data_source(
        self, config: Config, rule: dict[str, Any]
    ) -> None:
        grafana = config.deployment.grafana
        panels = {(grafana.uid(signal.page.uid), signal.panel) for signal in SIGNALS}
        annotations = rule["annotations"]

        assert (rule["dashboardUid"], rule["panelId"]) in panels
        assert (annotations["__dashboardUid__"], annotations["__panelId__"]) == (
            rule["dashboardUid"],
            str(rule["panelId"]),
        )
        assert {part["refId"]: part["datasourceUid"] for part in rule["data"]} == {
            "A": grafana.datasource,
            "B": "__expr__",
        }

    def test_ids_of_panels_dashboards_and_folders_are_unique(self) -> None:
        assert len({signal.name for signal in SIGNALS}) == len({signal.panel for signal in SIGNALS}) == len(SIGNALS)
        assert len({page.uid for page in PAGES}) == len(PAGES)
        assert len({ALERT_FOLDER, DASHBOARD_FOLDER}) == 2

    @EACH
    def test_a_query_is_instant_and_selects_raw_series_of_the_services(
        self, config: Config, rule: dict[str, Any]
    ) -> None:
        model = rule["data"][0]["model"]

        assert too_wide(promql_parser.parse(query(rule)), config.deployment.services) == []
        assert (model["instant"], model["range"]) == (True, False)
        assert PREFIX not in query(rule)
