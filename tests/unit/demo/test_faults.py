import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from otel_recmon import catalog
from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.settings.thresholds import load
from otel_recmon.cli.group import group
from otel_recmon.definitions import CTR
from otel_recmon.demo import recommender
from otel_recmon.demo.audience import AS_LOGGED, Audience, is_sampled
from otel_recmon.demo.failure import DemoError
from otel_recmon.demo.faults import CACHE_APP, FAULTS, NO_COLLECTOR, find_fault
from otel_recmon.demo.figures import recompute
from otel_recmon.demo.launch import command, environment, otlp_exporter
from otel_recmon.demo.scrape import parse_exposition
from otel_recmon.demo.traffic import assemble_slates, load_impressions
from tests.unit.demo.exported import exported, gauges, sample, series

SETTINGS = Path(recommender.__file__).with_name("alerts.toml")
EACH = pytest.mark.parametrize("name", FAULTS)


def _environment(fault: str) -> Mapping[str, str]:
    return environment({}, otlp_exporter("http://collector:4318"), 160, fault=fault)


def _refused(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(group, ["demo", *arguments])
    return result.exit_code, result.stderr.splitlines()[-1]


class TestTable:
    """The table of faults."""

    @EACH
    def test_the_demo_enables_every_alert_of_a_fault(self, name: str) -> None:
        on = {rule.name for rule in rules(load(SETTINGS)) if rule.tuning.enabled}

        assert [alert for alert in FAULTS[name].alerts if alert not in on] == []

    def test_the_ctr_threshold_is_half_of_the_ctr_of_the_data(self) -> None:
        (rule,) = (rule for rule in rules(load(SETTINGS)) if rule.name == "CtrLow")

        figures = recompute(assemble_slates(load_impressions()))
        assert rule.threshold == pytest.approx((figures.value(CTR) or 0) / 2, rel=0.02)

    @EACH
    def test_no_indicator_shows_a_fault_in_healthy_metrics(self, name: str) -> None:
        slates = sample()
        cache = series(catalog.CACHE_HITS, 99) + series(catalog.CACHE_MISSES, 1)
        fast = series(catalog.LATENCY, 100, "_bucket", le="0.01") + series(catalog.LATENCY, 100, "_bucket", le="+Inf")
        age = series(catalog.STALENESS, 6, model_version="bts-2019.11")
        seen = parse_exposition(exported(slates) + gauges(0.8, 90, "bts") + cache + fast + age)

        assert not FAULTS[name].indicator.shows_fault(seen, len(slates)), FAULTS[name].indicator.describe(
            seen, len(slates)
        )

    def test_the_recommender_implements_each_fault_of_its_own(self) -> None:
        known = set(re.findall(r'_broken\("([a-z-]+)"', Path(recommender.__file__).read_text(encoding="utf-8")))

        own = {
            name
            for name, fault in FAULTS.items()
            if fault.audience == AS_LOGGED and not fault.variables and not fault.model_age_hours
        }
        assert known == own

    def test_an_unknown_fault_is_refused_with_the_closest_name(self) -> None:
        with pytest.raises(DemoError, match="no fault 'eror': did you mean errors"):
            find_fault("eror")


class TestEnvironment:
    def test_a_fault_of_the_recommender_adds_one_variable(self) -> None:
        healthy, broken = _environment(""), _environment("errors")

        more = {key: value for key, value in broken.items() if healthy.get(key) != value}
        more.pop("OTEL_RECMON_MODEL_UPDATED_AT", None)  # a clock has gone on
        assert more == {"RECOMMENDER_FAULT": "errors"}
        assert healthy.keys() < broken.keys()

    def test_a_stale_model_is_74_hours_older(self) -> None:
        healthy, stale = (float(_environment(name)["OTEL_RECMON_MODEL_UPDATED_AT"]) for name in ("", "stale-model"))

        assert (healthy - stale) / 3600 == pytest.approx(74, abs=0.01)

    def test_an_exporter_outage_sets_an_endpoint_without_a_collector(self) -> None:
        assert NO_COLLECTOR.items() <= _environment("exporter-outage").items()

    def test_a_cache_outage_serves_the_instrumented_recommender(self) -> None:
        assert CACHE_APP in command(8000, FAULTS["cache-outage"].app)
        assert "recommender:app" in command(8000)


class TestAudience:
    def test_a_share_of_all_numbers_is_sampled_evenly(self) -> None:
        taken = [is_sampled(number, 0.2) for number in range(1_000)]

        assert all(sum(taken[begin : begin + 50]) in range(8, 13) for begin in range(950))
        assert all(is_sampled(number, Audience().arriving) for number in range(1_000))


class TestCommand:
    def test_an_unknown_fault_prints_one_line_and_exits_with_2(self) -> None:
        result = CliRunner().invoke(group, ["demo", "--fault", "slow"])

        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == (
            "otel-recmon demo: there is no fault 'slow': did you mean slow-ranker? --fault list prints all faults\n"
        )

    def test_the_list_has_the_alerts_of_each_fault(self) -> None:
        result = CliRunner().invoke(group, ["demo", "--fault", "list"])

        assert result.exit_code == 0
        assert result.output.count("\n    raises ") == len(FAULTS)
        assert (
            "stale-model: the model was trained 80 hours ago\n    raises ModelStale, ModelVeryStale\n" in result.output
        )

    def test_a_fault_of_the_exporter_needs_the_stack(self) -> None:
        assert _refused("--fault", "exporter-outage") == (
            2,
            "Error: --fault exporter-outage needs --stack, because it disconnects the Collector",
        )

    def test_a_fault_cannot_be_injected_into_another_service(self) -> None:
        assert _refused("--fault", "errors", "--against", "http://localhost:1") == (
            2,
            "Error: --against starts no service: remove --stack, --port, --keep-running and --fault",
        )
