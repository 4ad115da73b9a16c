"""A process that ends, however it ends, has exported what it counted, each new series first as 0."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.speed import scaled
from tests.stack.serving import OTLP
from tests.stack.sink import Sink, listening

INSTRUMENT = str(Path(sys.executable).with_name("opentelemetry-instrument"))
JOB = """
import os
import sys
from opentelemetry.metrics import get_meter_provider
from otel_recmon import MetricsCollector

metrics = MetricsCollector("v1")
for user in range(5):
    metrics.track_recommendations(str(user), ["a", "b", "c"])
metrics.track_click(1)
metrics.track_conversion(9.5)
"""
ENDS = {
    "the end of the file": ("", 0),
    "an exit code": ("sys.exit(1)", 1),
    "an exception": ("raise ValueError", 1),
    "a flush before a crash, as in a Lambda": ("get_meter_provider().force_flush(); os._exit(0)", 0),
    "a shutdown before a crash": ("get_meter_provider().shutdown(); os._exit(0)", 0),
    "a shutdown and an end": ("get_meter_provider().shutdown()", 0),
}
LATE_PROVIDER = """
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import set_meter_provider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())]))
"""
COUNTED = {"recommendation.impressions": 15, "recommendations.clicked": 1, "recommendations.converted": 1}


def _ended(job: str, folder: Path, sink: Sink, *, instrumented: bool = True) -> int:
    """Run a job to its end, and return its exit code."""
    (folder / "job.py").write_text(textwrap.dedent(job))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    sent = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}
    command = [*([INSTRUMENT] if instrumented else []), sys.executable, "job.py"]
    done = subprocess.run(
        command, env=clean | OTLP | sent, cwd=folder, check=False, timeout=scaled(60), capture_output=True
    )
    return done.returncode


def _counters(values: dict[tuple[str, str, tuple[tuple[str, str], ...]], float]) -> dict[str, float]:
    sums = dict.fromkeys(COUNTED, 0.0)
    for (_, name, _), value in values.items():
        if name in sums:
            sums[name] += value
    return sums


@pytest.mark.parametrize("case", ENDS)
def test_a_job_exports_zeros_and_then_what_it_counted(case: str, tmp_path: Path) -> None:
    end, expected = ENDS[case]

    with listening() as sink:
        code = _ended(JOB + end, tmp_path, sink)

    assert code == expected
    assert (_counters(sink.first), _counters(sink.last)) == (dict.fromkeys(COUNTED, 0.0), COUNTED)


def test_a_provider_that_comes_after_the_first_event_loses_nothing(tmp_path: Path) -> None:
    with listening() as sink:
        assert _ended(JOB + LATE_PROVIDER, tmp_path, sink, instrumented=False) == 0

    assert _counters(sink.last) == COUNTED


def test_two_flushes_export_each_event_once(tmp_path: Path) -> None:
    again = (
        "get_meter_provider().force_flush(); metrics.track_click(1); get_meter_provider().force_flush(); os._exit(0)"
    )

    with listening() as sink:
        assert _ended(JOB + again, tmp_path, sink) == 0

    assert _counters(sink.last) == COUNTED | {"recommendations.clicked": 2}
