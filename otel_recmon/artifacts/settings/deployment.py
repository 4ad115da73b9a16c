"""Settings of one deployment other than alert thresholds: services, names, uids and addresses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from otel_recmon import catalog
from otel_recmon.artifacts.pages import ALERT_FOLDER, DASHBOARD_FOLDER, DATASOURCE, PREFIX, TITLE, DashboardPage
from otel_recmon.artifacts.promql import IDENTITY, Matcher
from otel_recmon.artifacts.settings.schema import (
    CURRENCY,
    DNS_LABEL,
    HOST,
    LABEL_KEY,
    LABEL_TEXT,
    LABEL_VALUE,
    NAME,
    PATH,
    POSITIVE_DURATION,
    POSITIVE_INTEGER,
    SLUG,
    TARGET,
    UID,
    URL,
    Constraint,
    Table,
    Texts,
    build,
    optional,
    require,
    setting,
    setting_metadata,
    table_of,
)

PARTS: Final = {
    "dashboards": "dashboards, and the provisioning file that loads them into Grafana",
    "datasource": "data sources of Grafana: Prometheus, and Jaeger for traces",
    "alerts": "alert rules for Grafana",
    "notifications": "contact points, notification policy and message templates for Grafana",
    "rules": "recording rules and alerting rules for Prometheus",
    "alertmanager": "routes, receivers and message templates for Alertmanager",
    "prometheus": "configuration of Prometheus",
    "collector": "configuration of the OpenTelemetry Collector",
}
"""A description of each part of an export, by the name of the part."""
FORMATS: Final = ("files", "kubernetes")
# Grafana has a built-in unit for each of these currencies, such as currencyEUR. Other currencies need a custom unit,
# such as currency:KZT.
_GRAFANA_CURRENCIES: Final = "BRL CHF CZK DKK EUR GBP INR ISK JPY KRW NOK PLN RUB SEK UAH USD ZAR".split()
_MATCHER: Final = re.compile(r'\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"((?:[^"\\$\n]|\\[\\"])*)"\s*')
# Python's `re` compiles lookarounds; RE2, which Prometheus uses, rejects them.
_LOOKAROUND: Final = re.compile(r"\(\?(?:[=!]|<[=!])")
_METRIC_LABELS: Final = {"le", *(label for metric in catalog.METRICS for label in metric.labels)}
_RESERVED_LABELS: Final = {*IDENTITY, *_METRIC_LABELS, "alertname", "severity", "grafana_folder", "instance"}
_PART: Final = Constraint(f"one of {', '.join(PARTS)}", PARTS.__contains__)
_FORMAT: Final = Constraint(f"one of {', '.join(FORMATS)}", FORMATS.__contains__)


def _parse_matchers(text: str) -> tuple[Matcher, ...]:
    """Return the matchers of a text such as `job=~"shop/.*", cluster="eu"`.

    Raises:
        ValueError: The text is not a list of matchers.
    """
    found, rest = [], text
    while rest.strip():
        match = _MATCHER.match(rest)
        if not match:
            raise ValueError(text)
        found.append(Matcher(*match.groups()))
        comma, rest = rest[match.end() :][:1], rest[match.end() + 1 :]
        if comma not in ("", ","):
            raise ValueError(text)
    return tuple(found)


def _is_selector(text: str) -> bool:
    try:
        return all(_is_usable(matcher) for matcher in _parse_matchers(text))
    except (ValueError, re.error):
        return False


def _is_usable(matcher: Matcher) -> bool:
    value = re.sub(r"\\(.)", r"\1", matcher.value)
    if matcher.operator in ("=~", "!~"):
        re.compile(value)
    # Only some metrics have a label such as status. A matcher on it would select no series of the other metrics.
    return matcher.label not in _METRIC_LABELS and not matcher.label.startswith("__") and not _LOOKAROUND.search(value)


_MATCHERS: Final = Constraint(
    """PromQL matchers such as 'job=~"shop/.*", cluster="eu"', on labels that every series has; no $, no lookaround""",
    _is_selector,
)
_LABEL_NAME: Final = Constraint(
    "a label name that otel-recmon does not use itself",
    lambda text: re.fullmatch(r"[a-zA-Z]\w*", text, re.ASCII) and text not in _RESERVED_LABELS,
)


@dataclass(frozen=True)
class Services:
    """The services that dashboards and alerts cover."""

    selector: str = setting(
        "", brief="matchers that select your services in every query; empty: all services", constraint=_MATCHERS
    )
    pipeline: str = setting(
        "",
        brief="matchers that select the Collector, Prometheus and Alertmanager in the queries about them; empty: all",
        constraint=_MATCHERS,
    )
    currency: str = setting(
        "USD", brief="currency of the reported revenue (ISO 4217); amounts are not converted", constraint=CURRENCY
    )

    @cached_property
    def matchers(self) -> tuple[Matcher, ...]:
        """The matchers that select the series of the services."""
        return _parse_matchers(self.selector)

    @cached_property
    def pipeline_matchers(self) -> tuple[Matcher, ...]:
        """The matchers that select the series of the Collector, Prometheus and Alertmanager."""
        return _parse_matchers(self.pipeline)

    @property
    def money(self) -> str:
        """Grafana's name for the unit of the currency, such as currencyEUR or currency:KZT."""
        return f"currency{self.currency}" if self.currency in _GRAFANA_CURRENCIES else f"currency:{self.currency}"


@dataclass(frozen=True)
class Grafana:
    """Names, uids and addresses in Grafana."""

    datasource: str = setting(
        DATASOURCE, brief="uid of the Prometheus data source that panels and alerts query", constraint=UID
    )
    datasource_name: str = setting("Prometheus", brief="name of the Prometheus data source", constraint=NAME)
    prometheus_url: str = setting(
        "http://prometheus:9090", brief="address at which Grafana reaches Prometheus", constraint=URL
    )
    export_interval: str = setting(
        "15s",
        brief="export interval of the services (OTEL_METRIC_EXPORT_INTERVAL); if this value is less than the real "
        "export interval, panels are empty",
        constraint=POSITIVE_DURATION,
    )
    traces: str = setting("recmon-traces", brief="uid of the Jaeger data source that exemplars link to", constraint=UID)
    traces_name: str = setting("Traces", brief="name of the Jaeger data source", constraint=NAME)
    traces_url: str = setting("http://jaeger:16686", brief="address at which Grafana reaches Jaeger", constraint=URL)
    organisation: int = setting(
        1, brief="id of the Grafana organisation that owns alerts and contact points", constraint=POSITIVE_INTEGER
    )
    uid_prefix: str = setting(
        PREFIX,
        brief="prefix of the uids of dashboards and alerts; a second export into the same Grafana needs another prefix",
        constraint=SLUG,
    )
    title: str = setting(
        TITLE, brief='first part of titles, such as Recommender in "Recommender: business"', constraint=NAME
    )
    tags: tuple[str, ...] = setting(
        ("otel-recmon",),
        brief="tags of the dashboards; each dashboard links to all others with these tags",
        constraint=NAME,
    )
    refresh: str = setting(
        "1m", brief="refresh interval of the dashboards; empty: no refresh", constraint=optional(POSITIVE_DURATION)
    )
    dashboard_folder: str = setting(DASHBOARD_FOLDER, brief="folder of the dashboards", constraint=NAME)
    dashboard_folder_uid: str = setting("recmon", brief="uid of the folder of the dashboards", constraint=UID)
    dashboard_path: str = setting(
        "/etc/grafana/dashboards",
        brief="directory of the dashboard files in Grafana's file system",
        constraint=PATH,
    )
    alert_folder: str = setting(
        ALERT_FOLDER, brief="folder of the alerts; must differ from dashboard_folder", constraint=NAME
    )

    def uid(self, uid: str) -> str:
        """Return a uid with the setting `uid_prefix` in place of the default prefix."""
        return self.uid_prefix + uid.removeprefix(PREFIX)

    def title_of(self, page: DashboardPage) -> str:
        """Return the title of a page, with the setting `title` in place of the default first part."""
        return self.title + page.title.removeprefix(TITLE)


@dataclass(frozen=True)
class Notifications:
    """Names of the contact points in Grafana and of the receivers in Alertmanager."""

    slack: str = setting(
        "recmon-slack",
        brief="name of the contact point (Grafana) or receiver (Alertmanager) that posts to Slack",
        constraint=UID,
    )
    switch: str = setting(
        "recmon-dead-mans-switch",
        brief="name of the contact point (Grafana) or receiver (Alertmanager) that calls the dead man's switch; must "
        "differ from notifications.slack",
        constraint=UID,
    )
    contact_point: str = setting(
        "",
        brief="name of your contact point in Grafana, such as pager; it receives all alerts, and the notification "
        "policy is not used",
        constraint=optional(NAME),
    )


@dataclass(frozen=True)
class Prometheus:
    """Configuration of your Prometheus server."""

    scrape_interval: str = setting("15s", brief="interval between two scrapes", constraint=POSITIVE_DURATION)
    evaluation_interval: str = setting(
        "15s", brief="evaluation interval of rule groups that set no interval", constraint=POSITIVE_DURATION
    )
    retention: str = setting(
        "40d",
        brief="retention of samples; must be longer than the number of weeks in baseline.weeks",
        constraint=POSITIVE_DURATION,
    )
    out_of_order_window: str = setting(
        "1d",
        brief="maximum age of late samples; samples that wait longer in the Collector's queue are lost",
        constraint=POSITIVE_DURATION,
    )
    alerting: bool = setting(
        default=False,
        brief="true: Prometheus evaluates the alerts and sends them to Alertmanager; false: Grafana evaluates them",
    )
    itself: tuple[str, ...] = setting(
        ("localhost:9090",), brief="addresses at which Prometheus scrapes itself", constraint=TARGET
    )
    collectors: tuple[str, ...] = setting(
        ("collector:8888",), brief="addresses at which Prometheus scrapes the Collectors", constraint=TARGET
    )
    alertmanagers: tuple[str, ...] = setting(
        (), brief="addresses of the Alertmanagers that receive alerts, such as alertmanager:9093", constraint=TARGET
    )
    scraped: tuple[str, ...] = setting(
        (),
        brief="addresses at which Prometheus scrapes your services; needed only if it does not receive OTLP from them",
        constraint=TARGET,
    )


@dataclass(frozen=True)
class Collector:
    """Configuration of the OpenTelemetry Collector.

    Environment variables of the Collector override these settings: COLLECTOR_HOST overrides `host`.
    """

    host: str = setting(
        "127.0.0.1", brief="address on which the Collector listens; 0.0.0.0: all addresses", constraint=HOST
    )
    prometheus_endpoint: str = setting(
        "http://127.0.0.1:9090/api/v1/otlp", brief="destination of metrics, over OTLP/HTTP", constraint=URL
    )
    traces_endpoint: str = setting(
        "",
        brief="destination of traces, such as http://jaeger:4318; empty: traces are not forwarded",
        constraint=optional(URL),
    )
    logs_endpoint: str = setting(
        "",
        brief="destination of logs, such as http://loki:3100/otlp; empty: logs are not forwarded",
        constraint=optional(URL),
    )
    memory_limit_mib: int = setting(
        512,
        brief="hard memory limit in MiB; must be lower than the memory limit of the container",
        constraint=POSITIVE_INTEGER,
    )
    memory_spike_mib: int = setting(
        128,
        brief="number of MiB below the hard memory limit at which the Collector begins to refuse data",
        constraint=POSITIVE_INTEGER,
    )
    queue_bytes: int = setting(
        1_073_741_824,
        brief="maximum size of each queue on disk, in bytes; a full queue refuses new data",
        constraint=POSITIVE_INTEGER,
    )
    queue_directory: str = setting("/var/lib/otelcol/queue", brief="directory of the queues on disk", constraint=PATH)
    events_file: str = setting("/var/lib/otelcol/events/events.jsonl", brief="file of the event log", constraint=PATH)


@dataclass(frozen=True)
class Kubernetes:
    """Kubernetes objects, which Grafana's sidecar and the Prometheus operator load."""

    namespace: str = setting("monitoring", brief="namespace of all objects", constraint=DNS_LABEL)
    labels: Texts = field(
        default_factory=dict,
        metadata=setting_metadata(
            'labels of all objects, such as {release = "kube-prometheus-stack"}; the operator selects rules by label',
            LABEL_VALUE,
        ),
    )
    dashboard_label: str = setting(
        "grafana_dashboard", brief="label by which the sidecar finds dashboards", constraint=LABEL_KEY
    )
    datasource_label: str = setting(
        "grafana_datasource", brief="label by which the sidecar finds data sources", constraint=LABEL_KEY
    )
    alert_label: str = setting(
        "grafana_alert", brief="label by which the sidecar finds alerts and contact points", constraint=LABEL_KEY
    )
    label_value: str = setting(
        "1", brief="value of dashboard_label, datasource_label and alert_label", constraint=LABEL_VALUE
    )
    folder_annotation: str = setting(
        "grafana_folder",
        brief="annotation by which the sidecar chooses the folder of a dashboard",
        constraint=LABEL_KEY,
    )


@dataclass(frozen=True)
class Export:
    """The exported parts and their format."""

    parts: tuple[str, ...] = setting(
        (), brief='parts to export, such as ["dashboards", "alerts"]; empty: all parts of the format', constraint=_PART
    )
    format: str = setting(
        "files", brief="files: configuration files; kubernetes: objects for kubectl apply", constraint=_FORMAT
    )


@dataclass(frozen=True)
class Deployment:
    """All settings of a deployment."""

    services: Services
    grafana: Grafana
    notifications: Notifications
    prometheus: Prometheus
    collector: Collector
    kubernetes: Kubernetes
    export: Export
    labels: Texts = field(
        default_factory=dict,
        metadata=setting_metadata("labels that every alert gets; every dashboard gets them as tags"),
    )


SECTIONS: Final[Mapping[str, type[Any]]] = {
    "services": Services,
    "grafana": Grafana,
    "notifications": Notifications,
    "prometheus": Prometheus,
    "collector": Collector,
    "kubernetes": Kubernetes,
    "export": Export,
}
"""The dataclass of each table about the deployment except `[labels]`, by the name of the table."""
LABELS: Final = "labels"
"""The name of the table whose keys are label names."""


def deployment_of(own: Table) -> Deployment:
    """Return the settings of a deployment: the defaults, overridden by the user's tables.

    Raises:
        TuningError: A key is unknown, a value is not usable, or two values contradict each other.
    """
    labels = table_of(LABELS, own)
    for name, value in labels.items():
        require(bool(_LABEL_NAME.accepts(name)), f"labels.{name}", value, _LABEL_NAME.expected)
        usable = isinstance(value, str) and bool(LABEL_TEXT.accepts(value))
        require(usable, f"labels.{name}", value, LABEL_TEXT.expected)
    tables = {name: build(kind, name, table_of(name, own)) for name, kind in SECTIONS.items()}
    deployment = Deployment(**tables, labels=labels)
    for name in deployment.kubernetes.labels:
        require(bool(LABEL_KEY.accepts(name)), "kubernetes.labels", name, LABEL_KEY.expected)
    folder = deployment.grafana.alert_folder
    other = folder != deployment.grafana.dashboard_folder
    require(other, "grafana.alert_folder", folder, "a folder other than grafana.dashboard_folder")
    switch = deployment.notifications.switch
    require(
        switch != deployment.notifications.slack,
        "notifications.switch",
        switch,
        "a name other than notifications.slack",
    )
    return deployment
