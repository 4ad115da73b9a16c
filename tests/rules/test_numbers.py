"""The totals of dashboards without any events, and the bounds of rates, in promtool."""

import json
import subprocess
from pathlib import Path
from typing import Any

from otel_recmon.artifacts import promql
from otel_recmon.artifacts.promql import IDENTITY, Expr, QueryScope
from otel_recmon.artifacts.signals.traffic import CONVERSIONS, REQUESTS
from otel_recmon.stack import binaries
from otel_recmon.stats.intervals import Rate, Z

BEGUN_ANEW = "0+1x1680 stale"
"""One a minute for 28 hours, until a restart after which there was none."""
ALL_THE_TIME = "0+1x1800"


def series(metric: str, job: str, values: str) -> dict[str, str]:
    """A series of a service."""
    return {"series": f'{metric}{{job="{job}", deployment_environment_name="prod"}}', "values": values}


def test_a_service_without_sales_shows_0_only_if_it_had_sales_before(tmp_path: Path) -> None:
    stored = [
        series("recommendation_requests_total", "shop", ALL_THE_TIME),
        series("recommendations_converted_total", "shop", BEGUN_ANEW),
        series("recommendation_requests_total", "magazine", ALL_THE_TIME),
    ]

    _check(tmp_path, stored, str(REQUESTS.total(QueryScope("1h", IDENTITY))), {"shop": 60, "magazine": 60})
    _check(tmp_path, stored, str(CONVERSIONS.total(QueryScope("1h", IDENTITY))), {"shop": 0})


def test_the_bounds_of_a_rate_are_those_of_the_report(tmp_path: Path) -> None:
    counts = {"none": (0, 0), "zero": (0, 20), "above 1": (1_750, 1_000), "huge": (10**12, 10**9)}
    stored = [
        series(metric, job, f"{count}x1800")
        for job, pair in counts.items()
        for metric, count in zip(("clicks", "requests"), pair, strict=True)
    ]
    intervals = {job: Rate(*pair, unbounded=True).interval for job, pair in counts.items() if pair[1]}

    for side, z in enumerate((-Z, Z)):
        rounded = promql.call("round", promql.poisson(Expr("clicks"), Expr("requests"), z) * 10_000)
        _check(tmp_path, stored, str(rounded), {job: round(pair[side] * 10_000) for job, pair in intervals.items()})


def _check(folder: Path, stored: list[dict[str, str]], expr: str, expected: dict[str, float]) -> None:
    """Assert that an expression has these values by service, 30 hours after the beginning."""
    samples = [
        {"labels": f'{{job="{job}", deployment_environment_name="prod"}}', "value": value}
        for job, value in expected.items()
    ]
    asked: dict[str, Any] = {"expr": expr, "eval_time": "30h", "exp_samples": samples}
    test = {"interval": "1m", "input_series": stored, "promql_expr_test": [asked]}
    file = folder / "test.json"
    file.write_text(json.dumps({"rule_files": [], "evaluation_interval": "1m", "tests": [test]}), encoding="utf-8")
    command = [binaries.find("promtool") or "promtool", "test", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
