"""Grafana's provisioning files for data sources and dashboards."""

from typing import Final

from otel_recmon.artifacts.render.quoting import scalar
from otel_recmon.artifacts.settings.deployment import Deployment, Grafana
from otel_recmon.artifacts.settings.schema import seconds


def dashboards_file(grafana: Grafana) -> str:
    """Return the provisioning file from which Grafana learns the directory with the dashboard files."""
    return _DASHBOARDS.format(
        name=grafana.uid_prefix,
        folder=scalar(grafana.dashboard_folder),
        folder_uid=scalar(grafana.dashboard_folder_uid),
        path=grafana.dashboard_path,
        organisation=_organisation(grafana),
    )


def datasources_file(deployment: Deployment) -> str:
    """Return the provisioning file with the data sources: Prometheus, and Jaeger for the traces of exemplars.

    `timeInterval` of the Prometheus data source is the export interval or the scrape interval, whichever is longer. The
    dashboards show series that services export, and series that Prometheus scrapes, such as those of the Collector. The
    window of a rate must contain samples of both kinds of series.
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
    """Return the YAML line with the id of the organisation. For id 1, Grafana's default, return an empty string."""
    return "" if grafana.organisation == Grafana.organisation else f"    orgId: {grafana.organisation}\n"


_DASHBOARDS: Final = """\
# Grafana loads all dashboards in the folder `path`. With docker compose, the folder contains grafana/dashboards/.
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
# Dashboards, alerts and the links of exemplars refer to the data sources by their uids.
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
      # The export interval of the services or the scrape interval, whichever is longer. Grafana computes
      # $__rate_interval from this value. If it is too small, panels are empty.
      timeInterval: {interval}
      exemplarTraceIdDestinations:
        - name: trace_id
          datasourceUid: {traces_uid}

  # Jaeger runs only if docker compose has the profile `traces`.
  - name: {traces_name}
{organisation}    type: jaeger
    uid: {traces_uid}
    access: proxy
    url: {traces_url}
    editable: false
"""
