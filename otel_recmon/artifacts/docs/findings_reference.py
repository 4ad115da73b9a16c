"""The page docs/doctor.md: all findings of `otel-recmon doctor`."""

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
    """Return docs/doctor.md."""
    topics = (f"## {_TITLES[topic]}\n\n{_topic(topic)}" for topic in TOPICS)
    return "\n".join((HEADER, "# Findings of doctor\n", _INTRODUCTION, *topics))


def _topic(topic: str) -> str:
    return "\n".join(_section(kind) for kind in KINDS.values() if kind.topic == topic)


def _section(kind: FindingKind) -> str:
    what, why, fix = map(_marked, (kind.what, kind.why, kind.fix))
    return f"### {kind.name}\n\n{kind.severity.capitalize()}. {what}\n\n{why}\n\n**Fix:** {fix}\n"


def _marked(text: str) -> str:
    """Return a text of a finding in Markdown, with each placeholder as ``<name>``."""
    found = ""
    for literal, name, _, _ in Formatter().parse(text):
        found += literal.replace("<", "&lt;").replace("*", "\\*")
        if name:
            found += f"<{name}>" if found.count("`") % 2 else f"`<{name}>`"
    return found


_INTRODUCTION: Final = """\
`otel-recmon doctor` (in `otel-recmon[cli]`) runs where the service runs, with the same variables, interpreter and
folder. It reports each problem with its effect and its fix. It changes nothing and sends only an export without
metrics.

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
| `--pid PID` | Reads environment, command and folder from a running process. |
| `--app MODULE:APP` | Imports the application and lists its routes, with the kind that the plugin assigns to each. |
| `--prometheus URL`, `--grafana URL` | Examines the series, dashboards and alert rules there. |
| `--alerts FILE` | Compares Grafana's alert rules with your own thresholds. |
| `--send-test` | Sends one message to the Slack webhook. |
| `--only TOPIC` | Examines one topic. |
| `--json` | Prints JSON. |

Tokens come from `PROMETHEUS_TOKEN` and `GRAFANA_TOKEN`, and the webhook from `SLACK_WEBHOOK_URL`. None of them is ever
printed.

`--try FILE` shows the values that the plugin reads from a response body with the current settings: items, categories,
scores, outcome, model version, user. It records nothing.

The exit code is 0 without findings, 1 with findings, and 2 if the service cannot be examined. With `--try`, it is 1 if
no items are recognised or the route is not watched. An error means that figures are missing or wrong. A warning means
that the figures will be wrong later, or that something other than a figure is lost. Doctor replaces each
`<placeholder>` by the value that it finds.
"""
