"""Worker processes that the environment gives one and the same identity do not export under it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.speed import scaled

SCRIPT = """
import json
import multiprocessing
import sys

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

from otel_recmon import MetricsCollector

def exported(given):
    if "locked" in sys.argv:
        del MeterProvider._update_resource
    reader = InMemoryMetricReader()
    MetricsCollector("v1", meter_provider=MeterProvider([reader], Resource.create(given))).track_click(1)
    (resource,) = reader.get_metrics_data().resource_metrics
    return resource.resource.attributes["service.instance.id"]

if __name__ == "__main__":
    with multiprocessing.get_context(sys.argv[1]).Pool(1, maxtasksperchild=1) as pool:
        given = json.loads(sys.argv[2])
        print(json.dumps([exported(given), *pool.map(exported, [given] * 2, chunksize=1)]))
"""
FIXED = {"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop, service.instance.id = pod%201"}


def instances(
    folder: Path, *arguments: str, environ: Mapping[str, str] = FIXED, given: Mapping[str, str] | None = None
) -> tuple[list[str], str]:
    """Return the identities that a process and two workers of it export under, and what they log."""
    script = folder / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), arguments[0], json.dumps(given or {}), *arguments[1:]]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        command, env={**clean, **environ}, capture_output=True, text=True, timeout=scaled(60), check=True
    )
    found: Any = json.loads(done.stdout)
    return found, done.stderr


def test_spawned_workers_go_on_under_identities_of_their_own_and_say_so(tmp_path: Path) -> None:
    (parent, *workers), log = instances(tmp_path, "spawn")

    assert parent == "pod 1"
    assert len({parent, *workers}) == 3
    assert log.count("every worker process the service.instance.id 'pod 1', so that the workers would overwrite") == 2
    for worker in workers:
        assert f"this worker now uses {worker!r}\n" in log


def test_where_the_sdk_does_not_allow_it_the_log_says_what_to_do(tmp_path: Path) -> None:
    found, log = instances(tmp_path, "spawn", "locked")

    assert found == ["pod 1"] * 3
    assert log.count("remove it, and each worker gets an id of its own\n") == 2


@pytest.mark.parametrize("environ", [{}, {"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop"}])
def test_an_identity_that_the_environment_does_not_give_is_left_alone(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    found, log = instances(tmp_path, "spawn", environ=environ, given={"service.instance.id": "mine"})

    assert (found, log) == (["mine"] * 3, "")
