"""What tells Grafana where its data and its dashboards are."""

from typing import Final

from otel_recmon.artifacts.render.quoting import scalar
from otel_recmon.artifacts.settings.deployment import Deployment, Grafana
from otel_recmon.artifacts.settings.schema import seconds


def dashboards_file(grafana: Grafana) -> str:
    """Return the file by which Grafana finds the dashboards."""
    return _DASHBOARDS.format(
        name=grafana.uid_prefix,
        folder=scalar(grafana.dashboard_folder),
        folder_uid=scalar(grafana.dashboard_folder_uid),
        path=grafana.dashboard_path,
        organisation=_organisation(grafana),
    )


def datasources_file(deployment: Deployment) -> str:
    """Return the file that makes Prometheus, and what exemplars lead to, known to Grafana.

    Some of what the pages show is exported, and some, such as the Collector's own series, scraped: a rate needs samples
    of both.
    """
    grafana = deployment.grafana
    return _DATASOURCES.format(
        name=scalar(grafana.datasource_name),
        uid=scalar(grafana.datasource),
        url=grafana.prometheus_url,
        interval=max(grafana.export_interval, deployment.prometheus.scrape_interval, key=seconds),
        traces_name=scalar(grafana.traces_name),
        traces_uid=scalar(grafana.traces),
        traces_url=grafana.traces_url,
        organisation=_organisation(grafana),
    )


def _organisation(grafana: Grafana) -> str:
    """Return the line for an organisation; it is the first one where there is none."""
    return "" if grafana.organisation == Grafana.organisation else f"    orgId: {grafana.organisation}\n"


_DASHBOARDS: Final = """\
# Whatever lies in grafana/dashboards/.
apiVersion: 1

providers:
  - name: {name}
{organisation}    type: file
    folder: {folder}
    folderUid: {folder_uid}
    allowUiUpdates: false
    updateIntervalSeconds: 30
    options:
      path: {path}
"""
_DATASOURCES: Final = """\
# The dashboards, the alerts and the exemplars' links name these by their uids, which never change.
apiVersion: 1

datasources:
  - name: {name}
{organisation}    type: prometheus
    uid: {uid}
    access: proxy
    url: {url}
    isDefault: true
    editable: false
    jsonData:
      httpMethod: POST
      prometheusType: Prometheus
      # How often services export: $__rate_interval is made of it, and with less, panels are empty.
      timeInterval: {interval}
      exemplarTraceIdDestinations:
        - name: trace_id
          datasourceUid: {traces_uid}

  # Answers when the profile `traces` is up.
  - name: {traces_name}
{organisation}    type: jaeger
    uid: {traces_uid}
    access: proxy
    url: {traces_url}
    editable: false
"""
