"""The start command and environment of the recommender, as for any service under ``opentelemetry-instrument``."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from otel_recmon import config
from otel_recmon.demo.failure import DemoError
from otel_recmon.demo.faults import FAULTS
from otel_recmon.demo.traffic import MODEL_VERSIONS
from otel_recmon.stack.ports import LOOPBACK

NAME: Final = "recmon-demo"
"""The service name."""
FAULT: Final = "RECOMMENDER_FAULT"
"""The environment variable with the name of the fault that the recommender injects."""
MODEL_AGE_HOURS: Final = 6.0
"""The simulated age of the model at the start of the demo; below the 24 hours of the alert ModelStale."""
SIGNING_KEY: Final = "not-a-secret-in-a-demo"
EXPORT_MILLISECONDS: Final = 1_000
"""The interval of OTLP exports; short, so that the demo's figures are up to date soon."""


@dataclass(frozen=True)
class Exporter:
    """The environment variables that configure a metrics exporter, and the port of its metrics page, if any."""

    variables: Mapping[str, str]
    port: int | None = None


def page_exporter(port: int) -> Exporter:
    """Return the exporter that serves the metrics of one process on a page at ``port``."""
    return Exporter(
        {
            "OTEL_METRICS_EXPORTER": "prometheus",
            "OTEL_EXPORTER_PROMETHEUS_HOST": LOOPBACK,
            "OTEL_EXPORTER_PROMETHEUS_PORT": str(port),
            "OTEL_RECMON_FIRST_ZERO_SECONDS": "0",  # no Prometheus reads the page
            "OTEL_TRACES_EXPORTER": "none",
        },
        port,
    )


def otlp_exporter(url: str, every_ms: int = EXPORT_MILLISECONDS) -> Exporter:
    """Return the exporter that sends traces, and metrics every ``every_ms`` milliseconds, to a Collector at ``url``."""
    return Exporter(
        {
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_METRIC_EXPORT_INTERVAL": str(every_ms),
        }
    )


def command(port: int, app: str = "") -> list[str]:
    """Return the command that serves ``app``, by default the recommender, on a port.

    Raises:
        DemoError: A program of the extra `demo` is not installed.
    """
    served = [app] if app else ["recommender:app", "--app-dir", str(Path(__file__).parent)]
    return [
        *(_tool("opentelemetry-instrument"), _tool("uvicorn")),
        *served,
        *("--host", LOOPBACK, "--port", str(port), "--log-level", "warning"),
        # Much longer than the 2 s for which the driver reuses an idle connection: on a busy machine, the driver must
        # not send a request on a connection that the server has just closed.
        *("--timeout-keep-alive", "75"),
    ]


def _tool(name: str) -> str:
    places = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    found = shutil.which(name, path=places)
    if not found:
        raise DemoError(f"{name} is not installed; run: pip install 'otel-recmon[demo]'")
    return found


def environment(
    environ: Mapping[str, str], exporter: Exporter, catalog_size: int, name: str = NAME, fault: str = ""
) -> dict[str, str]:
    """Return the environment of the service: ``environ`` without OTEL_*, and the variables that the demo sets."""
    broken = FAULTS.get(fault)
    kept = {key: value for key, value in environ.items() if not key.startswith("OTEL_")}
    identity = {
        "OTEL_SERVICE_NAME": name,
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=demo",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http",  # the dashboards use the stable names of the HTTP metrics
    }
    age = broken.model_age_hours if broken and broken.model_age_hours else MODEL_AGE_HOURS
    plugin = {config.variable(key): value for key, value in settings(catalog_size, age).items()}
    own = {FAULT: fault, **broken.variables} if broken else {}
    return kept | identity | dict(exporter.variables) | plugin | own


def settings(
    catalog_size: int, model_age_hours: float = MODEL_AGE_HOURS, clock: Callable[[], float] = time.time
) -> dict[str, str]:
    """Return the plugin's settings for the demo recommender. ``body:variant`` reads a field of the request body."""
    return {
        "enabled": "true",
        "model_version": MODEL_VERSIONS["bts"],
        "model_version_from": "/recommendations => model_version; body:model_version",
        "variant": "/recommendations => variant; body:variant",
        "experiment": "policy",
        "experiment_split": "random=1,bts=1",  # the sample has 30,000 impressions of each policy
        "surface": "query:surface",
        "outcome": "/recommendations => fallback",
        "catalog_size": str(catalog_size),
        "sketch_registers": "256",  # as docs/sketches.md recommends
        "signing_key": SIGNING_KEY,
        "model_updated_at": f"{clock() - model_age_hours * 3600:.0f}",
    }
