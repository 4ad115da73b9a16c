"""Settings that must agree between the configuration files."""

import re
from pathlib import Path

import pytest

from otel_recmon.stack import copies, plan
from otel_recmon.stack.files import FILES

ROOT = Path(__file__).parents[3]
COLLECTOR = re.sub(r"#.*", "", (FILES / "collector-config.yaml").read_text(encoding="utf-8"))
PROMETHEUS = (FILES / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\$\{env:(\w+)(?::-([^}]*))?\}")


class TestCopies:
    def test_the_copies_in_the_root_are_current(self) -> None:
        assert copies.stale(ROOT) == [], "run `python -m otel_recmon.stack.copies`"

    def test_a_missing_or_outdated_copy_is_stale(self, tmp_path: Path) -> None:
        copies.write(tmp_path)
        assert copies.stale(tmp_path) == []
        (tmp_path / "collector-config.yaml").write_text("receivers:", encoding="utf-8")
        (tmp_path / "prometheus" / "prometheus.yml").unlink()

        assert copies.stale(tmp_path) == [
            tmp_path / "collector-config.yaml",
            tmp_path / "prometheus" / "prometheus.yml",
        ]


class TestCollector:
    def test_every_variable_has_the_prefix_and_a_default(self) -> None:
        for name, default in VARIABLE.findall(COLLECTOR):
            assert name.startswith("COLLECTOR_")
            assert default or name.endswith("_ENDPOINT")  # an empty endpoint disables its pipeline

    def test_every_port_and_address_is_a_variable(self) -> None:
        fixed = VARIABLE.sub("", COLLECTOR)

        assert re.findall(r":\d+\b|localhost|\d+\.\d+\.\d+\.\d+", fixed) == []

    def test_the_stack_sets_only_existing_variables(self) -> None:
        place = plan.StackLayout(Path("/data"), FILES, dict.fromkeys([*plan.COLLECTOR_PORTS, "prometheus"], 1))

        assert plan.collector(place, {}).environment.keys() <= {name for name, _ in VARIABLE.findall(COLLECTOR)}

    def test_the_memory_limiter_is_first_in_every_pipeline(self) -> None:
        processors = re.findall(r"processors: \[(.*)\]", COLLECTOR)

        assert len(processors) == COLLECTOR.count("receivers: [otlp]")
        assert all(names.split(", ")[0] == "memory_limiter" for names in processors)

    def test_every_exporter_retries_without_a_time_limit(self) -> None:
        assert re.findall(r"max_elapsed_time: (\S+)", COLLECTOR) == ["0s"]
        assert (
            COLLECTOR.count("sending_queue: ")
            == COLLECTOR.count("retry_on_failure: ")
            == COLLECTOR.count("  otlp_http/")
        )


class TestAgreement:
    def test_otlp_and_scraping_keep_the_same_resource_attributes(self) -> None:
        kept = re.search(r"keep_keys\(resource.attributes, \[(.*?)\]", COLLECTOR, re.DOTALL)
        promoted = re.search(r"promote_resource_attributes:\n((?: +- .*\n)+)", PROMETHEUS)

        assert kept
        assert promoted
        assert set(re.findall(r'"(.*?)"', kept[1])) == set(re.findall(r"- (\S+)", promoted[1]))

    def test_otlp_and_scraping_translate_names_alike(self) -> None:
        strategies = re.findall(r"translation_strategy: (\w+)", COLLECTOR + PROMETHEUS)

        assert strategies == ["UnderscoreEscapingWithSuffixes"] * 2

    @pytest.mark.parametrize("folder", [FILES, ROOT])
    def test_the_metrics_are_not_scraped_in_addition_to_otlp(self, folder: Path) -> None:
        """The Collector exports to this Prometheus, so no target may be its page with the same metrics."""
        targets = [
            target
            for file in (folder / "prometheus" / "targets").glob("*.yml")
            for line in file.read_text(encoding="utf-8").splitlines()
            if not line.startswith("#")
            for target in re.findall(r'"(.+?)"', line)
        ]

        assert "exporters: [otlp_http/prometheus]" in COLLECTOR
        assert sorted(targets) == ["collector:8888", "localhost:9090"]


class TestPrometheus:
    def test_all_targets_are_in_the_target_files(self) -> None:
        assert "static_configs" not in PROMETHEUS
        assert {Path(name).name for name in re.findall(r"files: \[(.*)\]", PROMETHEUS)} == {
            file.name for file in (FILES / "prometheus" / "targets").iterdir()
        }

    def test_the_retention_covers_the_weekly_comparisons(self) -> None:
        days = re.search(r"retention:\n +time: (\d+)d", PROMETHEUS)

        assert days
        assert int(days[1]) >= 35
