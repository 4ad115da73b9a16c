"""The page docs/doctor.md, which lists all findings of `otel-recmon doctor`."""

from string import Formatter
from typing import Final

from otel_recmon.artifacts.docs.reference import HEADER
from otel_recmon.findings import KINDS, TOPICS, FindingKind

_TITLES: Final = {
    "environment": "Environment",
    "sdk": "SDK: what is installed",
    "exporter": "Exporter",
    "processes": "Processes",
    "prometheus": "Prometheus",
    "grafana": "Grafana",
    "slack": "Slack",
}


def findings_page() -> str:
    """Return the text of docs/doctor.md."""
    topics = (f"## {_TITLES[topic]}\n\n{_topic(topic)}" for topic in TOPICS)
    return "\n".join((HEADER, "# Findings of doctor\n", _INTRODUCTION, *topics))


def _topic(topic: str) -> str:
    return "\n".join(_section(kind) for kind in KINDS.values() if kind.topic == topic)


def _section(kind: FindingKind) -> str:
    what, why, fix = map(_marked, (kind.what, kind.why, kind.fix))
    return f"### {kind.name}\n\n{kind.severity.capitalize()}. {what}\n\n{why}\n\n**Fix:** {fix}\n"


def _marked(text: str) -> str:
    """Return a text of a finding as Markdown. A placeholder ``{name}`` becomes ``<name>``."""
    found = ""
    for literal, name, _, _ in Formatter().parse(text):
        found += literal.replace("<", "&lt;").replace("*", "\\*")
        if name:
            found += f"<{name}>" if found.count("`") % 2 else f"`<{name}>`"
    return found


_INTRODUCTION: Final = """\
`otel-recmon doctor` examines the set-up of a service. Each finding describes a problem, its effect and its fix. Install
`otel-recmon[cli]`, and run doctor on the host of the service, with the same environment variables, Python interpreter
and working directory. Doctor changes nothing. To test the exporter, it sends one export without metrics.

```console
otel-recmon doctor
otel-recmon doctor --command 'opentelemetry-instrument uvicorn app:app --workers 4' --app app:app
otel-recmon doctor --prometheus http://prometheus:9090 --grafana http://grafana:3000
otel-recmon doctor --pid 1234
otel-recmon doctor --try response.json --app app:app --request 'GET /recommendations/7?limit=5'
```

| option | effect |
|---|---|
| `--command LINE` | Examines the start command of the service. |
| `--pid PID` | Reads the environment variables, the start command and the working directory of a running process. |
| `--app MODULE:APP` | Imports the application, and lists its routes with the way that the plugin treats each route. |
| `--prometheus URL` | Examines the series in Prometheus. |
| `--grafana URL` | Examines the data source, the dashboards and the alert rules in Grafana. |
| `--alerts FILE` | Compares the alert rules in Grafana with your own thresholds from this file. |
| `--send-test` | Sends one message to the Slack webhook. |
| `--only TOPIC` | Examines only this topic. |
| `--json` | Prints the findings as JSON. |

Doctor reads tokens from the variables `PROMETHEUS_TOKEN` and `GRAFANA_TOKEN`, and the URL of the webhook from
`SLACK_WEBHOOK_URL`. It never prints these values.

`--try FILE` shows the values that the plugin reads from the response body in the file: items, categories, scores,
outcome, model version and user. The plugin uses the current settings and records nothing.

The exit code is 0 if there are no findings, 1 if there are findings, and 2 if doctor cannot examine the service. With
`--try`, the exit code is 1 if the plugin finds no items in the response or does not watch the route.

Each finding is an error or a warning. An error means that figures are missing or wrong. A warning means that figures
will be wrong later, or that something other than a figure is lost. Doctor replaces each `<placeholder>` by a value.
"""
