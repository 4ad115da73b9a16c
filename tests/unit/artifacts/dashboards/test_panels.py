"""The panels: titles, descriptions, units, thresholds and colours."""

from otel_recmon import catalog
from otel_recmon.artifacts.dashboards.descriptions import GUIDANCE
from otel_recmon.artifacts.dashboards.interpolation import panels
from otel_recmon.artifacts.dashboards.look import COLOURS
from otel_recmon.artifacts.settings.thresholds import load
from otel_recmon.artifacts.signals import arms, quality, traffic
from tests.unit.artifacts.dashboards.exported_dashboards import BY_UID, EACH_PANEL, Json, dashboards_of, panel_of
from tests.unit.artifacts.exports import EACH_EXPORT, Export
from tests.unit.artifacts.known import BURN_RATE, SIGNALS

VERDICTS = {judged.value.name for judged in arms.JUDGED}
"""Signals whose panels have descriptions of their own."""


class TestTexts:
    @EACH_PANEL
    def test_a_panel_has_a_title_a_description_and_a_unit(self, panel: Json) -> None:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["type"] == "alertlist" or panel["targets"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}

    def test_every_signal_with_a_panel_has_guidance_for_its_readers(self) -> None:
        ids = {(uid, panel["id"]) for uid, dashboard in BY_UID.items() for panel in panels(dashboard)}
        shown = {signal.name for signal in SIGNALS if (signal.page.uid, signal.panel) in ids}

        assert set(GUIDANCE) == shown - VERDICTS

    def test_a_number_states_the_time_that_it_covers(self) -> None:
        found = {
            panel["title"]: sentence
            for panel in panels(BY_UID["recmon-quality"])
            for sentence in ("The panel covers the selected time range.", "The panel shows the latest value.")
            if panel["type"] == "stat" and sentence in panel["description"]
        }

        assert (len(found), found[quality.DIVERSITY.title], found[quality.STALENESS.title]) == (
            8,
            "The panel covers the selected time range.",
            "The panel shows the latest value.",
        )

    def test_a_description_names_the_alerts_of_the_thresholds(self) -> None:
        one, several = (panel_of(signal)["description"] for signal in (traffic.CTR, BURN_RATE))

        assert one.endswith("The panel has the thresholds of the alert CtrLow. The runbook describes the first steps.")
        assert several.endswith(
            "The panel has the thresholds of the alerts BudgetBurnThreeDays, BudgetBurnDay, BudgetBurnSixHours and "
            "BudgetBurnHour. The runbook describes the first steps."
        )

    def test_a_description_names_the_filters_without_effect(self) -> None:
        assert panel_of(traffic.CACHE_HIT_RATE)["description"].endswith(
            "Filtering by model_version, variant and surface has no effect on this panel, because its series have no "
            "such label."
        )


class TestThresholds:
    def test_thresholds_are_those_of_the_alerts(self) -> None:
        alerts = load().alerts

        assert panel_of(BURN_RATE)["fieldConfig"]["defaults"]["thresholds"]["steps"] == [
            {"color": "green", "value": None},
            {"color": "orange", "value": alerts["BudgetBurnThreeDays"].threshold},
            {"color": "orange", "value": alerts["BudgetBurnDay"].threshold},
            {"color": "red", "value": alerts["BudgetBurnSixHours"].threshold},
            {"color": "red", "value": alerts["BudgetBurnHour"].threshold},
        ]

    @EACH_EXPORT
    def test_every_panel_of_a_signal_has_the_limits_of_its_alerts(self, export: Export) -> None:
        drawn = {
            (dashboard["uid"], panel["id"]): {
                step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
            }
            for dashboard in dashboards_of(export)
            for panel in panels(dashboard)
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

    def test_values_below_a_lower_limit_are_bad(self) -> None:
        assert panel_of(traffic.CTR)["fieldConfig"]["defaults"]["thresholds"]["steps"] == [
            {"color": "orange", "value": None},
            {"color": "green", "value": load().alerts["CtrLow"].threshold},
        ]

    def test_a_disabled_alert_draws_no_limit(self) -> None:
        steps = panel_of(traffic.FALLBACK_SHARE)["fieldConfig"]["defaults"]["thresholds"]["steps"]

        assert not load().alerts["FallbackShareHigh"].enabled
        assert steps == [{"color": "text", "value": None}]


class TestColours:
    def test_a_status_has_one_colour_on_all_dashboards(self) -> None:
        found: dict[str, set[str]] = {}
        for dashboard in BY_UID.values():
            for panel in panels(dashboard):
                for override in panel["fieldConfig"]["overrides"]:
                    name = override["matcher"]["options"]
                    colours = [p["value"]["fixedColor"] for p in override["properties"] if p["id"] == "color"]
                    found.setdefault(name, set()).update(colours)

        assert {name: found[name] for name in COLOURS} == {name: {colour} for name, colour in COLOURS.items()}
        assert set(catalog.STATUSES) | set(catalog.OUTCOMES_) == set(COLOURS)

    def test_a_series_has_the_same_colour_on_every_panel(self) -> None:
        modes = {
            panel["fieldConfig"]["defaults"]["color"]["mode"]
            for dashboard in BY_UID.values()
            for panel in panels(dashboard)
            if panel["type"] == "timeseries"
        }

        assert modes == {"palette-classic-by-name"}
