"""Two exports that the same tests run on: with the defaults, and with every setting changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import pytest

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.alerts.rule import AlertRule
from otel_recmon.artifacts.render.files import Files, exported, parts_of
from otel_recmon.artifacts.settings.thresholds import SEVERITIES, Config, configured, shipped

_OTHER: Final = {
    "export": {"parts": ["dashboards", "alerts"], "format": "kubernetes"},
    "services": {
        "selector": 'job=~"team/.*", deployment_environment_name!~"dev|\\\\d+", region="eu \\"1\\""',
        "pipeline": 'cluster="eu"',
        "currency": "KZT",
    },
    "labels": {"team": "recommendations", "area": "Search: ads & more"},
    "general": {
        "interval": "30s",
        "sure": 3.1,
        "objective": 0.995,
        "grafana": "https://grafana.example/sub",
        "runbook": "https://wiki.example/runbook?id=7",
        "secrets": "/etc/alertmanager/secrets",
        "retrain_period": "6h",
    },
    "baseline": {"window": "2h", "day": "12h", "days": 5, "weeks": 2, "sure": 2.5},
    "experiments": {"mismatch": 0.002, "harm": 0.1, "exposures": 400, "events": 90},
    "pace": {
        name: {"wait": f"{number}s", "interval": f"{number}m", "repeat": f"{number}h"}
        for number, name in enumerate(("critical", "warning", "info", "watchdog"), start=21)
    },
    "grafana": {
        "datasource": "mimir_EU-1",
        "datasource_name": "Mimir: EU",
        "prometheus_url": "https://mimir.example/prometheus",
        "export_interval": "30s",
        "traces": "tempo",
        "traces_name": "yes",
        "traces_url": "https://jaeger.example",
        "organisation": 7,
        "uid_prefix": "shop-eu-prod",
        "title": 'Shop "EU": Empfehlungen für',
        "tags": ["shop", "otel & more"],
        "refresh": "",
        "dashboard_folder": "Shop: recommendations #1",
        "dashboard_folder_uid": "shop_eu",
        "dashboard_path": "/var/lib/grafana/dashboards/shop",
        "alert_folder": "Shop 'alerts'",
    },
    "notifications": {"slack": "on", "switch": "shop_switch", "contact_point": "Shop: on call"},
    "prometheus": {
        "scrape_interval": "30s",
        "evaluation_interval": "20s",
        "retention": "60d",
        "out_of_order_window": "2h",
        "alerting": True,
        "itself": ["prometheus.example:9091"],
        "collectors": ["collector-1:8888", "[::1]:8888"],
        "alertmanagers": ["alertmanager.example:9093"],
        "scraped": ["collector-1:8889"],
    },
    "collector": {
        "host": "0.0.0.0",
        "prometheus_endpoint": "https://mimir.example/otlp",
        "traces_endpoint": "https://tempo.example:4318",
        "logs_endpoint": "https://loki.example/otlp",
        "memory_limit_mib": 1024,
        "memory_spike_mib": 256,
        "queue_bytes": 5000000,
        "queue_directory": "/queue",
        "events_file": "/events/events.jsonl",
    },
    "kubernetes": {
        "namespace": "shop-observability",
        "labels": {"release": "kube-prometheus-stack", "app.kubernetes.io/part-of": "shop"},
        "dashboard_label": "shop/dashboard",
        "datasource_label": "shop/datasource",
        "alert_label": "shop/alert",
        "label_value": "yes",
        "folder_annotation": "k8s-sidecar-target-directory",
    },
}


def _changed(key: str, value: Any) -> Any:
    """A value other than the default of an alert setting."""
    if key == "enabled":
        return not value
    if key == "severity":
        return SEVERITIES[(SEVERITIES.index(value) + 1) % len(SEVERITIES)]
    if isinstance(value, str):
        return f"{2 * int(value[:-1]) or 1}{value[-1]}"
    return value * 1.5 or 0.25


def _alert(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"threshold": 0.3, **{key: _changed(key, value) for key, value in settings.items()}}


EVERY_KNOB: Final[dict[str, Any]] = {
    **_OTHER,
    "alerts": {name: _alert(settings) for name, settings in shipped()["alerts"].items()},
}
"""Settings that all differ from their defaults."""
FLOORS: Final = {"alerts": {"DiversityLow": {"threshold": 0.5}, "CoverageLow": {"threshold": 20}}}


@dataclass(frozen=True)
class Export:
    """The export of some settings."""

    config: Config

    @cached_property
    def files(self) -> Files:
        """All files."""
        return exported(self.config, parts_of("files"))

    @cached_property
    def objects(self) -> Files:
        """All objects for Kubernetes."""
        return exported(self.config, parts_of("kubernetes"), "kubernetes")

    @cached_property
    def rules(self) -> dict[str, AlertRule]:
        """The alerts, by name."""
        return {rule.name: rule for rule in rules(self.config)}


DEFAULT: Final = Export(configured({}))
CHANGED: Final = Export(configured(EVERY_KNOB))
EXPORTS: Final = {"default": DEFAULT, "every knob": CHANGED}
EACH_EXPORT: Final = pytest.mark.parametrize("export", EXPORTS.values(), ids=EXPORTS)
