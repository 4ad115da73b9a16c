"""All exported files, made from the settings: plain configuration files, or files with Kubernetes objects."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.alerts.rule import limits
from otel_recmon.artifacts.dashboards import business, experiments, quality, service, telemetry
from otel_recmon.artifacts.dashboards.board import Board, json_text
from otel_recmon.artifacts.pages import PREFIX
from otel_recmon.artifacts.render.grafana_rules import rules_file
from otel_recmon.artifacts.render.kubernetes import compact, config_map, prometheus_rule
from otel_recmon.artifacts.render.notifications import TEMPLATES_FILE, alertmanager_file, grafana_file
from otel_recmon.artifacts.render.prometheus_rules import alerting_file, alerting_group, recording_file, recording_group
from otel_recmon.artifacts.render.provisioning import dashboards_file, datasources_file
from otel_recmon.artifacts.render.slack_message import alertmanager_templates
from otel_recmon.artifacts.render.stack_config import COLLECTOR_FILE, collector_file, prometheus_files
from otel_recmon.artifacts.settings.schema import TuningError
from otel_recmon.artifacts.settings.thresholds import Config

Files = Mapping[str, str]
"""The content of each file, by its path in the export folder."""
Make = Callable[[Config], Files]


def exported(config: Config, parts: Iterable[str], form: str = "files") -> Files:
    """Return the files of some parts of the export, sorted by path.

    Args:
        config: The settings.
        parts: The parts, such as "dashboards" (docs/recmon-toml.md lists them).
        form: "files" or "kubernetes".

    Raises:
        TuningError: A part does not exist in this form, or Grafana or Kubernetes would refuse one of the files.
    """
    makers, made = _FORMS[form], dict[str, str]()
    for part in parts:
        if part not in makers:
            raise TuningError(f"the part {part} does not exist in the format {form}; the parts are {', '.join(makers)}")
        made.update(makers[part](config))
    return dict(sorted(made.items()))


def parts_of(form: str) -> tuple[str, ...]:
    """Return the names of the parts that exist in the form "files" or "kubernetes"."""
    return tuple(_FORMS[form])


def boards(config: Config) -> tuple[Board, ...]:
    """Return all dashboards. Their panels show thresholds of alerts."""
    thresholds = limits(rules(config))
    return tuple(module.board(config, thresholds) for module in (business, service, quality, experiments, telemetry))


def _dashboards(config: Config) -> Files:
    pages = {f"grafana/dashboards/{board.uid}.json": json_text(board) for board in boards(config)}
    return {**pages, "grafana/provisioning/dashboards/recmon.yaml": dashboards_file(config.deployment.grafana)}


def _datasource(config: Config) -> Files:
    return {"grafana/provisioning/datasources/recmon.yaml": datasources_file(config.deployment)}


def _alerts(config: Config) -> Files:
    return {"grafana/provisioning/alerting/recmon-rules.json": rules_file(rules(config))}


def _notifications(config: Config) -> Files:
    return {"grafana/provisioning/alerting/recmon-notifications.json": grafana_file(config)}


def _rules(config: Config) -> Files:
    known = rules(config)
    return {
        "prometheus/rules/recmon.yml": recording_file(known),
        "prometheus/rules/alerts/recmon.yml": alerting_file(known),
    }


def _alertmanager(config: Config) -> Files:
    return {
        "prometheus/alertmanager.yml": alertmanager_file(config),
        f"prometheus/{TEMPLATES_FILE}": alertmanager_templates(),
    }


def _prometheus(config: Config) -> Files:
    return prometheus_files(config.deployment.prometheus)


def _collector(config: Config) -> Files:
    return {COLLECTOR_FILE: collector_file(config.deployment.collector)}


def _dashboard_maps(config: Config) -> Files:
    deployment = config.deployment
    labels = {deployment.kubernetes.dashboard_label: deployment.kubernetes.label_value}
    folder = {deployment.kubernetes.folder_annotation: deployment.grafana.dashboard_folder}
    return {
        f"{board.uid}.yaml": config_map(
            deployment.kubernetes, board.uid, {f"{board.uid}.json": compact(json_text(board))}, labels, folder
        )
        for board in boards(config)
    }


def _config_map_of(name: str, make: Make, label: str = "") -> Make:
    """Return a function that puts a single file into a ConfigMap.

    Args:
        name: The part of the ConfigMap's name after the uid prefix and a hyphen, such as "alerts".
        make: The function that makes exactly one file.
        label: The attribute of `Kubernetes` with the label that Grafana's sidecar searches for; empty for no label.
    """

    def config_map_of(config: Config) -> Files:
        deployment, uid = config.deployment, config.deployment.grafana.uid(f"{PREFIX}-{name}")
        ((path, content),) = make(config).items()
        key = path.rpartition("/")[2] if path == COLLECTOR_FILE else f"{uid}.{path.rpartition('.')[2]}"
        data = {key: compact(content) if path.endswith(".json") else content}
        labels = {getattr(deployment.kubernetes, label): deployment.kubernetes.label_value} if label else {}
        return {f"{uid}.yaml": config_map(deployment.kubernetes, uid, data, labels)}

    return config_map_of


def _rule_objects(config: Config) -> Files:
    name, known = config.deployment.grafana.uid(f"{PREFIX}-rules"), rules(config)
    groups = [recording_group(known), *([alerting_group(known)] if config.deployment.prometheus.alerting else [])]
    return {f"{name}.yaml": prometheus_rule(config.deployment.kubernetes, name, groups)}


_FORMS: Final[Mapping[str, Mapping[str, Make]]] = {
    "files": {
        "dashboards": _dashboards,
        "datasource": _datasource,
        "alerts": _alerts,
        "notifications": _notifications,
        "rules": _rules,
        "alertmanager": _alertmanager,
        "prometheus": _prometheus,
        "collector": _collector,
    },
    "kubernetes": {
        "dashboards": _dashboard_maps,
        "datasource": _config_map_of("datasource", _datasource, "datasource_label"),
        "alerts": _config_map_of("alerts", _alerts, "alert_label"),
        "notifications": _config_map_of("notifications", _notifications, "alert_label"),
        "rules": _rule_objects,
        "collector": _config_map_of("collector", _collector),
    },
}
"""The function that makes each part, by form and by the name of the part.

The form "kubernetes" has no part "prometheus" and no part "alertmanager": the Prometheus operator makes these files.
"""
