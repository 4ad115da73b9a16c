"""Configuration files of the Collector and of Prometheus: the files of `otel_recmon.stack`, changed by the settings."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Final

from otel_recmon.artifacts.pages import GENERATED
from otel_recmon.artifacts.settings.deployment import Collector, Prometheus
from otel_recmon.stack.files import FILES

COLLECTOR_FILE: Final = "collector-config.yaml"
_SHIPPED: Final = Prometheus()
_TARGETS: Final = {
    "prometheus": "itself",
    "collector": "collectors",
    "alertmanagers": "alertmanagers",
    "scraped": "scraped",
}
"""For each target file, by its name without .yml: the attribute of `Prometheus` with the addresses."""
_RULES: Final = "  - rules/*.yml\n"
_ALERTS: Final = "  - rules/alerts/*.yml\n"


def prometheus_files(settings: Prometheus) -> Mapping[str, str]:
    """Return the content of each configuration file of Prometheus, by its path in the export folder."""
    text = _shipped("prometheus/prometheus.yml")
    for line, default, own in (
        ("  scrape_interval: {}\n", _SHIPPED.scrape_interval, settings.scrape_interval),
        ("  evaluation_interval: {}\n", _SHIPPED.evaluation_interval, settings.evaluation_interval),
        ("      time: {}\n", _SHIPPED.retention, settings.retention),
        ("    out_of_order_time_window: {}\n", _SHIPPED.out_of_order_window, settings.out_of_order_window),
        ("{}", _RULES, _RULES + _ALERTS * settings.alerting),
    ):
        text = _replaced(text, line.format(default), line.format(own))
    return {
        "prometheus/prometheus.yml": text,
        "prometheus/prometheus.args": _shipped("prometheus/prometheus.args"),
        **{f"prometheus/targets/{name}.yml": _targets(name, getattr(settings, key)) for name, key in _TARGETS.items()},
    }


def _targets(name: str, addresses: Sequence[str]) -> str:
    if addresses == getattr(_SHIPPED, _TARGETS[name]):
        return _shipped(f"prometheus/targets/{name}.yml")
    listed = f"- targets: {json.dumps(list(addresses))}" if addresses else "[]"
    return f"{GENERATED}\n{listed}\n"


def collector_file(settings: Collector) -> str:
    """Return the configuration file of the Collector. The settings become defaults of environment variables."""
    text = _shipped(COLLECTOR_FILE)
    for spec in fields(Collector):
        own = getattr(settings, spec.name)
        if own != spec.default:
            text = _with_default(text, f"COLLECTOR_{spec.name.upper()}", str(own))
    return text


def _with_default(text: str, variable: str, value: str) -> str:
    new, times = re.subn(rf"\$\{{env:{variable}:-[^}}]*\}}", lambda _: f"${{env:{variable}:-{value}}}", text)
    if not times:
        raise ValueError(f"{COLLECTOR_FILE} does not use the variable {variable}")
    return new


def _replaced(text: str, default: str, own: str) -> str:
    # If the default in the shipped file changes, the setting would have no effect. So this raises an error.
    if text.count(default) != 1:
        raise ValueError(f"prometheus.yml contains {default!r} {text.count(default)} times, not once")
    return text.replace(default, own)


def _shipped(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8")
