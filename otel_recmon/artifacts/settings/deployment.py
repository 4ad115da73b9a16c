"""What a deployment sets beside its alerts: whom they are about, and what things are called and where they are."""

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
    LABEL_VALUE,
    LASTING,
    NAME,
    PATH,
    POSITIVE,
    SLUG,
    TARGET,
    UID,
    URL,
    VALUE,
    Form,
    Table,
    Texts,
    built,
    meant,
    optional,
    require,
    setting,
    table_of,
)

PARTS: Final = {
    "dashboards": "the dashboards, and where Grafana finds them",
    "datasource": "Grafana's data sources",
    "alerts": "the alerts for Grafana",
    "notifications": "contact points, policy and message templates for Grafana",
    "rules": "recording and alerting rules for Prometheus",
    "alertmanager": "policy, receivers and message templates for Alertmanager",
    "prometheus": "the configuration of a Prometheus",
    "collector": "the configuration of an OpenTelemetry Collector",
}
"""What can be exported, each by itself."""
FORMATS: Final = ("files", "kubernetes")
_GRAFANA_KNOWS: Final = "BRL CHF CZK DKK EUR GBP INR ISK JPY KRW NOK PLN RUB SEK UAH USD ZAR".split()
_MATCHER: Final = re.compile(r'\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"((?:[^"\\$\n]|\\[\\"])*)"\s*')
_NOT_IN_RE2: Final = re.compile(r"\(\?(?:[=!]|<[=!])")
_METRICS_OWN: Final = {"le", *(label for metric in catalog.METRICS for label in metric.labels)}
_TAKEN: Final = {*IDENTITY, *_METRICS_OWN, "alertname", "severity", "grafana_folder", "instance"}
_PART: Final = Form(f"some of {', '.join(PARTS)}", PARTS.__contains__)
_FORMAT: Final = Form(f"one of {', '.join(FORMATS)}", FORMATS.__contains__)


def _parsed(text: str) -> tuple[Matcher, ...]:
    """Return the conditions that a text such as `job=~"shop/.*", cluster="eu"` states.

    Raises:
        ValueError: It is none.
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


def _are_matchers(text: str) -> bool:
    try:
        return all(_usable(matcher) for matcher in _parsed(text))
    except (ValueError, re.error):
        return False


def _usable(matcher: Matcher) -> bool:
    value = re.sub(r"\\(.)", r"\1", matcher.value)
    if matcher.operator in ("=~", "!~"):
        re.compile(value)
    return matcher.label not in _METRICS_OWN and not matcher.label.startswith("__") and not _NOT_IN_RE2.search(value)


_MATCHERS: Final = Form(
    """conditions on the labels of a service, such as 'job=~"shop/.*", cluster="eu"', without $""", _are_matchers
)
_LABEL_NAME: Final = Form(
    "the name of a label that alerts do not have of their own",
    lambda text: re.fullmatch(r"[a-zA-Z]\w*", text, re.ASCII) and text not in _TAKEN,
)


@dataclass(frozen=True)
class Services:
    """Which services dashboards and alerts are about."""

    selector: str = setting(
        "", brief="""conditions that every query gets, such as 'job=~"shop/.*", cluster="eu"'""", form=_MATCHERS
    )
    pipeline: str = setting(
        "", brief="the same for the series of Collector, Prometheus and Alertmanager themselves", form=_MATCHERS
    )
    currency: str = setting("USD", brief="the currency that revenue is shown in (ISO 4217)", form=CURRENCY)

    @cached_property
    def matchers(self) -> tuple[Matcher, ...]:
        """The conditions on the services' series."""
        return _parsed(self.selector)

    @cached_property
    def pipeline_matchers(self) -> tuple[Matcher, ...]:
        """The conditions on the series of what brings them."""
        return _parsed(self.pipeline)

    @property
    def money(self) -> str:
        """Grafana's name for the currency as a unit."""
        return f"currency{self.currency}" if self.currency in _GRAFANA_KNOWS else f"currency:{self.currency}"


@dataclass(frozen=True)
class Grafana:
    """What things are called in Grafana, and where they are."""

    datasource: str = setting(DATASOURCE, brief="the uid of the Prometheus that is asked", form=UID)
    datasource_name: str = setting("Prometheus", brief="its name", form=NAME)
    prometheus_url: str = setting("http://prometheus:9090", brief="where Grafana finds it", form=URL)
    export_interval: str = setting("15s", brief="how often services export; with less, panels are empty", form=LASTING)
    traces: str = setting("recmon-traces", brief="the uid of the Jaeger that exemplars lead to", form=UID)
    traces_name: str = setting("Traces", brief="its name", form=NAME)
    traces_url: str = setting("http://jaeger:16686", brief="where Grafana finds it", form=URL)
    organisation: int = setting(
        1, brief="the id of the organisation that gets alerts and contact points", form=POSITIVE
    )
    uid_prefix: str = setting(PREFIX, brief="what the uids of dashboards and alerts begin with", form=SLUG)
    title: str = setting(TITLE, brief="what the titles of dashboards begin with", form=NAME)
    tags: tuple[str, ...] = setting(
        ("otel-recmon",), brief="the tags of dashboards, by which they link to each other", form=NAME
    )
    refresh: str = setting("1m", brief="how often a dashboard is drawn anew; nothing for never", form=optional(LASTING))
    dashboard_folder: str = setting(DASHBOARD_FOLDER, brief="the folder of the dashboards", form=NAME)
    dashboard_folder_uid: str = setting("recmon", brief="its uid", form=UID)
    dashboard_path: str = setting(
        "/etc/grafana/dashboards", brief="where the dashboards' files lie for Grafana", form=PATH
    )
    alert_folder: str = setting(ALERT_FOLDER, brief="the folder of the alerts, which must be another one", form=NAME)

    def uid(self, uid: str) -> str:
        """Return the uid that something of ours has here."""
        return self.uid_prefix + uid.removeprefix(PREFIX)

    def title_of(self, page: DashboardPage) -> str:
        """Return the title that a page has here."""
        return self.title + page.title.removeprefix(TITLE)


@dataclass(frozen=True)
class Notifications:
    """The names of those who are told: contact points of Grafana, receivers of Alertmanager."""

    slack: str = setting("recmon-slack", brief="the one for Slack", form=UID)
    switch: str = setting("recmon-dead-mans-switch", brief="the one for the dead man's switch", form=UID)
    contact_point: str = setting(
        "",
        brief="a contact point of your own in Grafana that gets every alert, whatever the policy says",
        form=optional(NAME),
    )


@dataclass(frozen=True)
class Prometheus:
    """The configuration of a Prometheus of one's own."""

    scrape_interval: str = setting("15s", brief="how often it scrapes", form=LASTING)
    evaluation_interval: str = setting("15s", brief="how often rules without an interval are evaluated", form=LASTING)
    retention: str = setting("40d", brief="how long it keeps samples; longer than baseline.weeks", form=LASTING)
    out_of_order_window: str = setting("1d", brief="the longest outage that is made up for", form=LASTING)
    alerting: bool = setting(default=False, brief="whether it evaluates the alerts, instead of Grafana")
    itself: tuple[str, ...] = setting(("localhost:9090",), brief="where it scrapes itself", form=TARGET)
    collectors: tuple[str, ...] = setting(
        ("collector:8888",), brief="where the Collectors' own metrics are", form=TARGET
    )
    alertmanagers: tuple[str, ...] = setting((), brief="where alerts go", form=TARGET)
    scraped: tuple[str, ...] = setting(
        (), brief="pages with the services' metrics, for a Prometheus that takes no OTLP", form=TARGET
    )


@dataclass(frozen=True)
class Collector:
    """The configuration of the Collector; each is the default of its variable COLLECTOR_..., which wins."""

    host: str = setting("127.0.0.1", brief="the address that it listens on", form=HOST)
    prometheus_endpoint: str = setting(
        "http://127.0.0.1:9090/api/v1/otlp", brief="where metrics go, by OTLP over HTTP", form=URL
    )
    traces_endpoint: str = setting("", brief="where traces go; nothing for nowhere", form=optional(URL))
    logs_endpoint: str = setting("", brief="where logs go; nothing for nowhere", form=optional(URL))
    memory_limit_mib: int = setting(512, brief="the memory above which it refuses data, in MiB", form=POSITIVE)
    memory_spike_mib: int = setting(128, brief="how far below that it begins to, in MiB", form=POSITIVE)
    queue_bytes: int = setting(1_073_741_824, brief="the disk that each queue may take, in bytes", form=POSITIVE)
    queue_directory: str = setting("/var/lib/otelcol/queue", brief="where the queues are", form=PATH)
    events_file: str = setting("/var/lib/otelcol/events/events.jsonl", brief="where the event log goes", form=PATH)


@dataclass(frozen=True)
class Kubernetes:
    """The form for Grafana's sidecar and for the operator of Prometheus."""

    namespace: str = setting("monitoring", brief="the namespace of all objects", form=DNS_LABEL)
    labels: Texts = field(
        default_factory=dict,
        metadata=meant("labels of all objects, such as those a Prometheus selects rules by", LABEL_VALUE),
    )
    dashboard_label: str = setting(
        "grafana_dashboard", brief="the label by which the sidecar finds dashboards", form=LABEL_KEY
    )
    datasource_label: str = setting("grafana_datasource", brief="the same for data sources", form=LABEL_KEY)
    alert_label: str = setting("grafana_alert", brief="the same for alerts and contact points", form=LABEL_KEY)
    label_value: str = setting("1", brief="the value of these labels", form=LABEL_VALUE)
    folder_annotation: str = setting(
        "grafana_folder", brief="the annotation by which the sidecar puts a dashboard into a folder", form=LABEL_KEY
    )


@dataclass(frozen=True)
class Export:
    """What is exported."""

    parts: tuple[str, ...] = setting((), brief="the parts; nothing for all that there are in the format", form=_PART)
    format: str = setting("files", brief="files, or kubernetes for objects to apply", form=_FORMAT)


@dataclass(frozen=True)
class Deployment:
    """All of it."""

    services: Services
    grafana: Grafana
    notifications: Notifications
    prometheus: Prometheus
    collector: Collector
    kubernetes: Kubernetes
    export: Export
    labels: Texts = field(default_factory=dict, metadata=meant("labels of every alert and, as tags, every dashboard"))


SECTIONS: Final[Mapping[str, type[Any]]] = {
    "services": Services,
    "grafana": Grafana,
    "notifications": Notifications,
    "prometheus": Prometheus,
    "collector": Collector,
    "kubernetes": Kubernetes,
    "export": Export,
}
"""The tables, by name, beside that of labels."""
LABELS: Final = "labels"
"""The table of which each key is a label."""


def deployment_of(own: Table) -> Deployment:
    """Return the defaults with one's own tables over them.

    Raises:
        TuningError: A key or value means nothing, or two values do not go together.
    """
    labels = table_of(LABELS, own)
    for name, value in labels.items():
        require(bool(_LABEL_NAME.fits(name)), f"labels.{name}", value, _LABEL_NAME.expected)
        require(isinstance(value, str) and bool(VALUE.fits(value)), f"labels.{name}", value, VALUE.expected)
    tables = {name: built(kind, name, table_of(name, own)) for name, kind in SECTIONS.items()}
    deployment = Deployment(**tables, labels=labels)
    for name in deployment.kubernetes.labels:
        require(bool(LABEL_KEY.fits(name)), "kubernetes.labels", name, LABEL_KEY.expected)
    folder = deployment.grafana.alert_folder
    require(
        folder != deployment.grafana.dashboard_folder,
        "grafana.alert_folder",
        folder,
        "another folder than the dashboards'",
    )
    switch = deployment.notifications.switch
    require(switch != deployment.notifications.slack, "notifications.switch", switch, "another name than Slack's")
    return deployment
