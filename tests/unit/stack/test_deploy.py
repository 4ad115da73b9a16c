"""Settings that must agree between the files in deploy/ and prometheus.yml."""

import json
import re
from pathlib import Path

from otel_recmon.stack.files import FILES

DEPLOY = Path(__file__).parents[3] / "deploy"
PROMETHEUS = (FILES / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")


def thanos(name: str) -> str:
    """Return the text of a file of Thanos."""
    return (DEPLOY / "thanos" / name).read_text(encoding="utf-8")


def only(pattern: str, text: str) -> str:
    """Return the only match of a pattern."""
    (found,) = re.findall(pattern, text, re.MULTILINE)
    return str(found)


def promoted() -> list[str]:
    """Return the resource attributes that Prometheus promotes to labels."""
    return re.findall(r"- (\S+)", only(r"promote_resource_attributes:\n((?: +- .*\n)+)", PROMETHEUS))


def test_thanos_promotes_the_same_resource_attributes() -> None:
    assert (
        re.findall(r"^--receive.otlp-promote-resource-attributes=(.*)", thanos("router.args"), re.MULTILINE)
        == promoted()
    )


def test_mimir_promotes_the_same_resource_attributes() -> None:
    mimir = (DEPLOY / "mimir.yaml").read_text(encoding="utf-8")

    assert only(r"promote_otel_resource_attributes: (\S+)", mimir).split(",") == promoted()


def test_all_backends_have_the_same_retention_and_out_of_order_window() -> None:
    late, kept = only(r"out_of_order_time_window: (\w+)", PROMETHEUS), only(r"retention:\n +time: (\w+)", PROMETHEUS)

    assert only(r"^--tsdb.retention=(\w+)", thanos("receive.args")) == kept
    assert only(r"^--tsdb.out-of-order.time-window=(\w+)", thanos("receive.args")) == late
    assert only(r"-retentionPeriod=(\w+)", (DEPLOY / "victoriametrics.yaml").read_text(encoding="utf-8")) == kept
    assert only(r"out_of_order_time_window: (\w+)", (DEPLOY / "mimir.yaml").read_text(encoding="utf-8")) == late


def test_thanos_reads_from_the_receivers_of_its_hashring() -> None:
    written = [endpoint["address"] for ring in json.loads(thanos("hashrings.json")) for endpoint in ring["endpoints"]]

    assert re.findall(r"address: (\S+)", thanos("endpoints.yml")) == written
    assert len(written) == len(set(written)) == 3


def test_thanos_query_removes_the_label_of_the_receivers() -> None:
    (label,) = set(re.findall(r"--label='?(\w+)=", thanos("receive.args") + thanos("router.args")))

    assert f"--query.replica-label={label}\n" in thanos("query.args")


def test_every_overlay_changes_an_exporter_that_exists() -> None:
    """The Collector takes a misspelt exporter for a new one, which no pipeline uses."""
    known = set(
        re.findall(r"^  \w[\w/]*:", (FILES / "collector-config.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    )

    for path in DEPLOY.rglob("*.yaml"):
        exporters = only(r"^exporters:\n((?:(?: .*)?\n)+)", path.read_text(encoding="utf-8") + "\n")
        assert set(re.findall(r"^  \w[\w/]*:", exporters, re.MULTILINE)) <= known
