"""The dashboards as files: uids, layout, variables, links and settings of the deployment."""

import json
import re
from collections import Counter

import pytest
import yaml

from otel_recmon.artifacts.dashboards.board import COLUMNS, Section, on_grid
from otel_recmon.artifacts.dashboards.interpolation import panels
from otel_recmon.artifacts.pages import PAGES
from otel_recmon.artifacts.render.files import boards
from tests.unit.artifacts.dashboards.exported_dashboards import (
    BY_UID,
    EACH_DASHBOARD,
    EACH_DASHBOARD_OF_EXPORT,
    FOLDER,
    Json,
    dashboards_of,
)
from tests.unit.artifacts.exports import CHANGED, DEFAULT, EACH_EXPORT, Export
from tests.unit.artifacts.known import ALERTS, BURN_RATE, SHIPPED

FIRST_SCREEN = 12
"""The lines of the grid that a screen of 900 pixels shows below Grafana's own bars."""


class TestFiles:
    @EACH_EXPORT
    def test_the_folder_is_not_that_of_the_alerts(self, export: Export) -> None:
        (provider,) = yaml.safe_load(export.files["grafana/provisioning/dashboards/recmon.yaml"])["providers"]
        (alerts,) = json.loads(export.files["grafana/provisioning/alerting/recmon-rules.json"])["groups"]

        assert provider["folder"] == export.config.deployment.grafana.dashboard_folder
        assert provider["folder"] != alerts["folder"]

    @EACH_EXPORT
    def test_uids_and_titles_are_those_that_links_and_alerts_use(self, export: Export) -> None:
        grafana = export.config.deployment.grafana
        found = {dashboard["uid"]: dashboard["title"] for dashboard in dashboards_of(export)}

        assert found == {grafana.uid(page.uid): grafana.title_of(page) for page in PAGES}
        assert all(f"{FOLDER}{uid}.json" in export.files for uid in found)

    @EACH_DASHBOARD
    def test_a_dashboard_is_a_classic_one_and_not_editable(self, dashboard: Json) -> None:
        assert dashboard["schemaVersion"] == 42
        assert dashboard["editable"] is False
        assert {"__inputs", "__requires", "dashboard"} & set(dashboard) == set()

    @EACH_DASHBOARD
    def test_ids_of_panels_are_unique(self, dashboard: Json) -> None:
        assert [i for i, times in Counter(panel["id"] for panel in dashboard["panels"]).items() if times > 1] == []

    @EACH_DASHBOARD
    def test_titles_of_panels_with_lines_are_unique(self, dashboard: Json) -> None:
        titles = Counter(panel["title"] for panel in panels(dashboard) if panel["type"] == "timeseries")

        assert [title for title, times in titles.items() if times > 1] == []

    def test_the_labels_of_the_deployment_are_tags(self) -> None:
        tags = ["shop", "otel & more", "team:recommendations", "area:Search: ads & more"]

        assert [dashboard["tags"] for dashboard in dashboards_of(CHANGED)] == [tags] * len(PAGES)

    def test_money_is_in_the_currency_of_the_deployment(self) -> None:
        found = [set(re.findall(r'"(currency[^"]*)"', json.dumps(dashboards_of(one)))) for one in (DEFAULT, CHANGED)]

        assert found == [{"currencyUSD"}, {"currency:KZT"}]

    def test_the_objective_is_that_of_the_alerts(self) -> None:
        (panel,) = (p for p in panels(BY_UID["shop-eu-prod-service"]) if p["id"] == BURN_RATE.panel)

        assert panel["targets"][0]["expr"].endswith(" / 0.005")
        assert "0.995" in panel["description"]


class TestGrid:
    @EACH_DASHBOARD
    def test_panels_do_not_overlap_or_leave_the_grid(self, dashboard: Json) -> None:
        taken: Counter[tuple[int, int]] = Counter()
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            assert place["x"] + place["w"] <= COLUMNS
            columns, lines = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
            taken.update((x, y) for x in columns for y in lines)

        assert [cell for cell, times in taken.items() if times > 1] == []

    @EACH_DASHBOARD
    def test_the_first_line_has_only_numbers_and_fits_the_first_screen(self, dashboard: Json) -> None:
        first = [panel for panel in dashboard["panels"] if panel["gridPos"]["y"] == 0]

        assert {panel["type"] for panel in first} == {"stat"}
        assert sum(panel["gridPos"]["w"] for panel in first) == COLUMNS
        assert all(panel["gridPos"]["w"] >= 3 for panel in first)
        below = [panel for panel in dashboard["panels"] if 0 < panel["gridPos"]["y"] <= first[0]["gridPos"]["h"]]
        assert all(panel["gridPos"]["y"] + panel["gridPos"]["h"] <= FIRST_SCREEN for panel in below)

    def test_a_line_that_is_too_wide_is_refused(self) -> None:
        panel = boards(SHIPPED)[0].sections[0].lines[0][0]

        with pytest.raises(ValueError, match="is 27 columns wide, more than 24"):
            on_grid([Section("", ((panel,) * 9,))], "currencyUSD")


class TestVariables:
    @EACH_DASHBOARD
    def test_every_variable_is_used_and_every_used_variable_exists(self, dashboard: Json) -> None:
        variables = dashboard["templating"]["list"]
        texts = json.dumps([dashboard["panels"], dashboard["annotations"], [v.get("query") for v in variables]])
        used = {name for name in re.findall(r"\$\{?(\w+)", texts) if not name.startswith("__")}

        assert used == {variable["name"] for variable in variables}

    @EACH_DASHBOARD_OF_EXPORT
    def test_the_default_data_source_is_the_provisioned_one(self, export: Export, dashboard: Json) -> None:
        (source,) = (variable for variable in dashboard["templating"]["list"] if variable["type"] == "datasource")
        provisioned, _ = yaml.safe_load(export.files["grafana/provisioning/datasources/recmon.yaml"])["datasources"]

        assert source["current"]["value"] == provisioned["uid"] == export.config.deployment.grafana.datasource
        assert source["current"]["text"] == provisioned["name"]


class TestLinks:
    @EACH_DASHBOARD
    def test_links_between_dashboards_keep_variables_and_time(self, dashboard: Json) -> None:
        (link,) = dashboard["links"]

        assert link["tags"] == dashboard["tags"]
        assert (link["includeVars"], link["keepTime"]) == (True, True)

    @EACH_DASHBOARD
    def test_each_number_links_to_an_existing_panel_with_variables_and_time(self, dashboard: Json) -> None:
        for panel in panels(dashboard):
            for link in panel["links"]:
                uid, number = re.fullmatch(
                    r"/d/([\w-]+)\?viewPanel=(\d+)&\$\{__url_time_range\}&\$\{__all_variables\}", link["url"]
                ).groups()  # type: ignore[union-attr]  # the test fails if it does not match
                (linked,) = (one for one in panels(BY_UID[uid]) if one["id"] == int(number))
                assert linked["type"] == "timeseries"
            assert bool(panel["links"]) == (panel["type"] == "stat")

    @EACH_EXPORT
    def test_every_alert_links_to_an_existing_panel(self, export: Export) -> None:
        ids = {(dashboard["uid"], panel["id"]) for dashboard in dashboards_of(export) for panel in panels(dashboard)}
        provisioned = json.loads(export.files["grafana/provisioning/alerting/recmon-rules.json"])["groups"][0]["rules"]

        assert {(rule["dashboardUid"], rule["panelId"]) for rule in provisioned} - ids == set()
        uid = export.config.deployment.grafana.uid
        assert {(uid(alert.signal.page.uid), alert.signal.panel) for alert in ALERTS} - ids == set()
