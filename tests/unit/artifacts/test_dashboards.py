"""The dashboards: complete, without overlap, and made of series that exist."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import promql_parser
import pytest
import yaml

from otel_recmon import catalog
from otel_recmon.artifacts.dashboards.board import COLUMNS, Section, placed
from otel_recmon.artifacts.dashboards.interpolation import Looking, named, panels, targets
from otel_recmon.artifacts.dashboards.look import COLOURS
from otel_recmon.artifacts.pages import BUSINESS, PAGES
from otel_recmon.artifacts.render.files import boards
from otel_recmon.artifacts.render.prometheus_rules import PREFIX
from otel_recmon.artifacts.settings.thresholds import load
from otel_recmon.artifacts.signals import traffic
from otel_recmon.artifacts.signals.external import FOREIGN
from otel_recmon.catalog import Kind, Metric
from tests.unit.artifacts.exports import CHANGED, DEFAULT, EACH_EXPORT, EXPORTS, Export
from tests.unit.artifacts.known import ALERTS, BURN_RATE, SHIPPED
from tests.unit.artifacts.selectors import nodes, selectors, too_wide

Json = dict[str, Any]
FOLDER = "grafana/dashboards/"
PAGES_BY_UID: dict[str, Json] = {
    page["uid"]: page
    for export in EXPORTS.values()
    for page in (json.loads(text) for name, text in export.files.items() if name.startswith(FOLDER))
}
EACH_PAGE = pytest.mark.parametrize("page", PAGES_BY_UID.values(), ids=PAGES_BY_UID)
EACH_PANEL = pytest.mark.parametrize(
    "panel",
    [pytest.param(panel, id=f"{uid}.{panel['title']}") for uid, page in PAGES_BY_UID.items() for panel in panels(page)],
)
EACH_TARGET = pytest.mark.parametrize(
    ("panel", "target"),
    [
        pytest.param(panel, target, id=f"{uid}.{panel['title']}.{target['refId']}")
        for uid, page in PAGES_BY_UID.items()
        for panel, target in targets(page)
    ],
)
EXEMPT = {
    "recommendation_model_updated_timestamp_seconds": "recommendation_model_staleness_hours is the same as an age",
}
"""Metrics of the catalog that no page shows, with the reason."""
WHILE, WHOLE = 61, 86_413
"""Seconds that the macros stand for here, and nothing else does."""
OWN_WINDOWS = {"present_over_time": {86_400}}
"""Functions that look back by a window of their own, with the seconds."""
VARIABLES = {
    name: f"variable_{name}"
    for name in ("datasource", "service", "environment", "model_version", "variant", "surface", "control")
}
LOOKING = Looking(0, WHOLE, WHILE - 15, VARIABLES)
FIRST_SCREEN = 12
"""Lines of the grid that a screen of 900 pixels shows, below what Grafana puts above them."""


def parsed(target: Mapping[str, Any]) -> Any:
    return promql_parser.parse(LOOKING.replaced(target["expr"]))


def selected(expression: Any) -> set[str]:
    """The names of the series that an expression selects."""
    return {node.name or str(node.matchers) for node in selectors(expression)}


def windows(expression: Any) -> Iterator[tuple[str, float]]:
    """The windows of an expression in seconds, each with the function that looks back."""
    for node in nodes(expression):
        for argument in getattr(node, "args", None) or ():
            if isinstance(argument, promql_parser.MatrixSelector):
                yield node.func.name, argument.range.total_seconds()


def names(metric: Metric) -> set[str]:
    name = metric.prometheus
    return {f"{name}{part}" for part in ("_bucket", "_sum", "_count")} if metric.kind is Kind.HISTOGRAM else {name}


OURS = {name for metric in catalog.METRICS for name in names(metric)}
THEIRS = set(FOREIGN) | {f"{name}{part}" for name in FOREIGN for part in ("_bucket", "_sum", "_count")}
OURS_BY_PREFIX = '{__name__=~"(recmon|recommendation|recommendations)_.+"'


def of(export: Export) -> list[Json]:
    """The pages of an export."""
    prefix = export.config.deployment.grafana.uid_prefix
    return [page for uid, page in PAGES_BY_UID.items() if uid.startswith(f"{prefix}-")]


EACH_PAGE_OF_EXPORT = pytest.mark.parametrize(
    ("export", "page"),
    [pytest.param(export, page, id=page["uid"]) for export in EXPORTS.values() for page in of(export)],
)


@EACH_EXPORT
def test_the_folder_is_not_that_of_the_alerts(export: Export) -> None:
    (provider,) = yaml.safe_load(export.files["grafana/provisioning/dashboards/recmon.yaml"])["providers"]
    (alerts,) = json.loads(export.files["grafana/provisioning/alerting/recmon-rules.json"])["groups"]

    assert provider["folder"] == export.config.deployment.grafana.dashboard_folder
    assert provider["folder"] != alerts["folder"]


@EACH_EXPORT
def test_the_pages_are_those_that_links_and_alerts_name(export: Export) -> None:
    grafana = export.config.deployment.grafana
    found = {page["uid"]: page["title"] for page in of(export)}

    assert found == {grafana.uid(page.uid): grafana.title_of(page) for page in PAGES}
    assert all(f"{FOLDER}{uid}.json" in export.files for uid in found)


@EACH_PAGE
def test_a_page_is_a_classic_dashboard_that_nobody_edits_in_the_browser(page: Json) -> None:
    assert page["schemaVersion"] == 42
    assert page["editable"] is False
    assert {"__inputs", "__requires", "dashboard"} & set(page) == set()


@EACH_PAGE
def test_ids_of_panels_are_unique(page: Json) -> None:
    assert [i for i, times in Counter(panel["id"] for panel in page["panels"]).items() if times > 1] == []


@EACH_PAGE
def test_titles_of_panels_with_lines_are_unique(page: Json) -> None:
    titles = Counter(panel["title"] for panel in panels(page) if panel["type"] == "timeseries")

    assert [title for title, times in titles.items() if times > 1] == []


@EACH_PAGE
def test_panels_do_not_overlap_or_leave_the_grid(page: Json) -> None:
    taken: Counter[tuple[int, int]] = Counter()
    for panel in page["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= COLUMNS
        columns, lines = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        taken.update((x, y) for x in columns for y in lines)

    assert [cell for cell, times in taken.items() if times > 1] == []


@EACH_PAGE
def test_the_first_line_is_of_numbers_and_seen_without_scrolling(page: Json) -> None:
    first = [panel for panel in page["panels"] if panel["gridPos"]["y"] == 0]

    assert {panel["type"] for panel in first} == {"stat"}
    assert sum(panel["gridPos"]["w"] for panel in first) == COLUMNS
    assert all(panel["gridPos"]["w"] >= 3 for panel in first)
    below = [panel for panel in page["panels"] if 0 < panel["gridPos"]["y"] <= first[0]["gridPos"]["h"]]
    assert all(panel["gridPos"]["y"] + panel["gridPos"]["h"] <= FIRST_SCREEN for panel in below)


def test_a_line_that_is_too_wide_is_refused() -> None:
    panel = boards(SHIPPED)[0].sections[0].lines[0][0]

    with pytest.raises(ValueError, match="and what stands beside it are 27 wide, not 24"):
        placed(BUSINESS, [Section("", ((panel,) * 9,))], "currencyUSD")


@EACH_PANEL
def test_a_panel_has_words_and_a_unit(panel: Json) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["type"] == "alertlist" or panel["targets"]
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@EACH_TARGET
def test_a_query_is_of_known_series(panel: Json, target: Json) -> None:
    found = selected(parsed(target))

    assert found
    assert {name for name in found - OURS - THEIRS if not name.startswith((PREFIX, OURS_BY_PREFIX))} == set()


@EACH_TARGET
def test_a_query_looks_back_as_far_as_its_panel_shows(panel: Json, target: Json) -> None:
    expected = WHOLE if target["instant"] or panel["title"].endswith(": verdict") else WHILE
    for function, window in windows(parsed(target)):
        assert window in OWN_WINDOWS.get(function, {expected})


@EACH_TARGET
def test_the_names_of_a_querys_series_tell_them_apart(panel: Json, target: Json) -> None:
    asked = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])

    assert target["legendFormat"]
    assert target["format"] == "table" or set(asked) <= set(re.findall(r"\w+", target["expr"]))


@EACH_PANEL
def test_the_queries_of_a_panel_have_their_own_letters_and_names(panel: Json) -> None:
    for key in ("refId", "legendFormat"):
        values = [target[key] for target in panel["targets"]]
        assert len(set(values)) == len(values)


@EACH_PAGE
def test_every_variable_is_used_and_every_one_used_is_there(page: Json) -> None:
    asked = json.dumps([page["panels"], page["annotations"], [v.get("query") for v in page["templating"]["list"]]])
    used = {name for name in re.findall(r"\$\{?(\w+)", asked) if not name.startswith("__")}

    assert used == {variable["name"] for variable in page["templating"]["list"]}


@EACH_PAGE_OF_EXPORT
def test_the_data_source_is_the_provisioned_one_until_another_is_chosen(export: Export, page: Json) -> None:
    (source,) = (variable for variable in page["templating"]["list"] if variable["type"] == "datasource")
    provisioned, _ = yaml.safe_load(export.files["grafana/provisioning/datasources/recmon.yaml"])["datasources"]

    assert source["current"]["value"] == provisioned["uid"] == export.config.deployment.grafana.datasource
    assert source["current"]["text"] == provisioned["name"]


@EACH_PAGE
def test_links_keep_variables_and_time(page: Json) -> None:
    (link,) = page["links"]

    assert link["tags"] == page["tags"]
    assert (link["includeVars"], link["keepTime"]) == (True, True)


@EACH_PAGE
def test_each_number_leads_to_a_panel_that_is_there_and_keeps_variables_and_time(page: Json) -> None:
    for panel in panels(page):
        for link in panel["links"]:
            uid, number = re.fullmatch(
                r"/d/([\w-]+)\?viewPanel=(\d+)&\$\{__url_time_range\}&\$\{__all_variables\}", link["url"]
            ).groups()  # type: ignore[union-attr]  # where it does not match, the test fails
            (there,) = (p for p in panels(PAGES_BY_UID[uid]) if p["id"] == int(number))
            assert there["type"] == "timeseries"
        assert bool(panel["links"]) == (panel["type"] == "stat")


@EACH_EXPORT
def test_every_alert_leads_to_a_panel_that_is_there(export: Export) -> None:
    ids = {(page["uid"], panel["id"]) for page in of(export) for panel in panels(page)}
    provisioned = json.loads(export.files["grafana/provisioning/alerting/recmon-rules.json"])["groups"][0]["rules"]

    assert {(rule["dashboardUid"], rule["panelId"]) for rule in provisioned} - ids == set()
    uid = export.config.deployment.grafana.uid
    assert {(uid(alert.signal.page.uid), alert.signal.panel) for alert in ALERTS} - ids == set()


@EACH_EXPORT
def test_every_metric_is_on_a_page_or_exempt(export: Export) -> None:
    shown = {name for page in of(export) for _, target in targets(page) for name in selected(parsed(target))}
    missing = {metric.prometheus for metric in catalog.METRICS if not names(metric) & shown}

    assert missing == set(EXEMPT)


def test_thresholds_are_those_of_the_alerts() -> None:
    (panel,) = (p for p in panels(PAGES_BY_UID["recmon-service"]) if p["id"] == BURN_RATE.panel)
    alerts = load().alerts
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]

    assert steps == [
        {"color": "green", "value": None},
        {"color": "orange", "value": alerts["BudgetBurnThreeDays"].threshold},
        {"color": "orange", "value": alerts["BudgetBurnDay"].threshold},
        {"color": "red", "value": alerts["BudgetBurnSixHours"].threshold},
        {"color": "red", "value": alerts["BudgetBurnHour"].threshold},
    ]


@EACH_EXPORT
def test_every_panel_of_a_signal_has_the_limits_of_its_alerts(export: Export) -> None:
    drawn = {
        (page["uid"], panel["id"]): {step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]}
        for page in of(export)
        for panel in panels(page)
        if "thresholds" in panel["fieldConfig"]["defaults"]
    }

    limits = {
        rule.name: rule.threshold or 1e-9
        for rule in export.rules.values()
        if rule.tuning.enabled and rule.severity != "info" and not rule.alert.against
    }
    assert limits
    for name, limit in limits.items():
        rule = export.rules[name]
        assert limit in drawn[rule.dashboard, rule.alert.signal.panel]


def test_below_a_lower_limit_is_bad() -> None:
    (panel,) = (p for p in panels(PAGES_BY_UID["recmon-business"]) if p["id"] == traffic.CTR.panel)

    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"] == [
        {"color": "orange", "value": None},
        {"color": "green", "value": load().alerts["CtrLow"].threshold},
    ]
    assert panel["description"].endswith("Thresholds: those of CtrLow.")


def test_an_alert_that_is_off_draws_no_limit() -> None:
    (panel,) = (p for p in panels(PAGES_BY_UID["recmon-service"]) if p["id"] == traffic.FALLBACK_SHARE.panel)

    assert not load().alerts["FallbackShareHigh"].enabled
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"] == [{"color": "text", "value": None}]


def test_a_status_has_one_colour_on_all_pages() -> None:
    found: dict[str, set[str]] = {}
    for page in PAGES_BY_UID.values():
        for panel in panels(page):
            for override in panel["fieldConfig"]["overrides"]:
                name = override["matcher"]["options"]
                colours = [p["value"]["fixedColor"] for p in override["properties"] if p["id"] == "color"]
                found.setdefault(name, set()).update(colours)

    assert {name: found[name] for name in COLOURS} == {name: {colour} for name, colour in COLOURS.items()}
    assert set(catalog.STATUSES) | set(catalog.OUTCOMES_) == set(COLOURS)


def test_a_line_of_a_name_has_the_same_colour_wherever_it_is_drawn() -> None:
    modes = {
        panel["fieldConfig"]["defaults"]["color"]["mode"]
        for page in PAGES_BY_UID.values()
        for panel in panels(page)
        if panel["type"] == "timeseries"
    }

    assert modes == {"palette-classic-by-name"}


def test_a_panel_says_which_variables_it_does_not_follow() -> None:
    (panel,) = (p for p in panels(PAGES_BY_UID["recmon-service"]) if p["title"] == "Cache hit rate" and p["links"])

    assert panel["description"].endswith("Not narrowed by model_version, variant, surface: it has no such label.")


@pytest.mark.parametrize("uid", [uid for uid in PAGES_BY_UID if not uid.endswith("-telemetry")])
def test_a_new_model_version_is_marked(uid: str) -> None:
    (annotation,) = PAGES_BY_UID[uid]["annotations"]["list"]
    expression = promql_parser.parse(LOOKING.replaced(annotation["expr"]))

    assert selected(expression) == {catalog.REQUESTS.prometheus}
    assert annotation["textFormat"] == "{{model_version}}"


class TestLooking:
    def test_a_line_looks_back_over_four_exports_at_least(self) -> None:
        assert Looking(0, 3600, 15).replaced("x[$__rate_interval]") == "x[60s]"
        assert Looking(0, 3600, 300).replaced("x[$__rate_interval]") == "x[315s]"
        assert Looking(0, 3600, 15).replaced("x[$__range]") == "x[3600s]"

    def test_a_panel_has_its_least_step_and_its_most_points(self) -> None:
        looking = Looking(0, 3600, 15)

        assert looking.of({}) == looking
        assert looking.of({"interval": "5m"}) == Looking(0, 3600, 300)
        assert looking.of({"maxDataPoints": 12, "interval": "2m"}) == Looking(0, 3600, 300)
        assert looking.of({"maxDataPoints": 1000, "interval": "1s"}) == looking

    def test_a_variable_is_replaced_in_both_forms(self) -> None:
        assert Looking(0, 1, 1, {"a": "x|y"}).replaced('$a ${a} ${a:regex} "$"') == 'x|y x|y x|y "$"'

    def test_one_that_is_not_there_raises(self) -> None:
        with pytest.raises(KeyError):
            Looking(0, 1, 1).replaced("$nothing")

    def test_a_series_is_named_by_its_labels(self) -> None:
        assert named("{{a}}, {{b}}", {"a": "x"}) == "x,"


class TestSettings:
    """What only an export with other settings can show."""

    @pytest.mark.parametrize("page", of(CHANGED), ids=lambda page: page["uid"])
    def test_every_query_is_narrowed_to_the_services_or_to_what_brings_their_series(self, page: Json) -> None:
        asked = [*(target for _, target in targets(page)), *page["annotations"]["list"]]

        assert [wide for target in asked for wide in too_wide(parsed(target), CHANGED.config.deployment.services)] == []

    @pytest.mark.parametrize("page", of(CHANGED), ids=lambda page: page["uid"])
    def test_every_variable_offers_what_is_there_of_these_services_alone(self, page: Json) -> None:
        variables = [variable for variable in page["templating"]["list"] if variable["type"] == "query"]

        assert variables
        for variable in variables:
            (selector,) = re.findall(r"label_values\((.+), \w+\)", variable["query"]["query"])
            assert too_wide(parsed({"expr": selector}), CHANGED.config.deployment.services) == []

    def test_money_is_in_the_currency_of_the_settings(self) -> None:
        found = [set(re.findall(r'"(currency[^"]*)"', json.dumps(of(export)))) for export in (DEFAULT, CHANGED)]

        assert found == [{"currencyUSD"}, {"currency:KZT"}]

    def test_labels_are_tags(self) -> None:
        tags = ["shop", "otel & more", "team:recommendations", "area:Search: ads & more"]

        assert [page["tags"] for page in of(CHANGED)] == [tags] * len(PAGES)

    def test_the_objective_is_that_of_the_alerts(self) -> None:
        (panel,) = (p for p in panels(PAGES_BY_UID["shop-eu-prod-service"]) if p["id"] == BURN_RATE.panel)

        assert panel["targets"][0]["expr"].endswith(" / 0.005")
        assert "the objective of 0.995 allows" in panel["description"]
