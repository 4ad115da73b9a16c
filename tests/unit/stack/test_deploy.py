"""The files in deploy/, as text: what has to agree between them and with prometheus.yml."""

import json
import re
from pathlib import Path

from otel_recmon.stack.files import FILES

DEPLOY = Path(__file__).parents[3] / "deploy"
PROMETHEUS = (FILES / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")


def thanos(name: str) -> str:
    """The text of a file of Thanos."""
    return (DEPLOY / "thanos" / name).read_text(encoding="utf-8")


def only(pattern: str, text: str) -> str:
    """The one thing that a pattern finds."""
    (found,) = re.findall(pattern, text, re.MULTILINE)
    return str(found)


def promoted() -> list[str]:
    """The resource attributes that Prometheus makes labels of."""
    return re.findall(r"- (\S+)", only(r"promote_resource_attributes:\n((?: +- .*\n)+)", PROMETHEUS))


def test_thanos_makes_labels_of_the_same_resource_attributes() -> None:
    assert (
        re.findall(r"^--receive.otlp-promote-resource-attributes=(.*)", thanos("router.args"), re.MULTILINE)
        == promoted()
    )


def test_mimir_is_told_to_make_labels_of_the_same_resource_attributes() -> None:
    mimir = (DEPLOY / "mimir.yaml").read_text(encoding="utf-8")

    assert only(r"promote_otel_resource_attributes: (\S+)", mimir).split(",") == promoted()


def test_all_keep_samples_as_long_and_take_them_as_late() -> None:
    late, kept = only(r"out_of_order_time_window: (\w+)", PROMETHEUS), only(r"retention:\n +time: (\w+)", PROMETHEUS)

    assert only(r"^--tsdb.retention=(\w+)", thanos("receive.args")) == kept
    assert only(r"^--tsdb.out-of-order.time-window=(\w+)", thanos("receive.args")) == late
    assert only(r"-retentionPeriod=(\w+)", (DEPLOY / "victoriametrics.yaml").read_text(encoding="utf-8")) == kept
    assert only(r"out_of_order_time_window: (\w+)", (DEPLOY / "mimir.yaml").read_text(encoding="utf-8")) == late


def test_thanos_reads_from_the_receivers_that_it_writes_to() -> None:
    written = [endpoint["address"] for ring in json.loads(thanos("hashrings.json")) for endpoint in ring["endpoints"]]

    assert re.findall(r"address: (\S+)", thanos("endpoints.yml")) == written
    assert len(written) == len(set(written)) == 3


def test_thanos_query_takes_away_the_label_that_tells_receivers_apart() -> None:
    (label,) = set(re.findall(r"--label='?(\w+)=", thanos("receive.args") + thanos("router.args")))

    assert f"--query.replica-label={label}\n" in thanos("query.args")


def test_no_file_misspells_what_it_changes() -> None:
    """To the Collector, a misspelt exporter is a new one that nobody uses."""
    known = set(
        re.findall(r"^  \w[\w/]*:", (FILES / "collector-config.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    )

    for path in DEPLOY.rglob("*.yaml"):
        exporters = only(r"^exporters:\n((?:(?: .*)?\n)+)", path.read_text(encoding="utf-8") + "\n")
        assert set(re.findall(r"^  \w[\w/]*:", exporters, re.MULTILINE)) <= known
