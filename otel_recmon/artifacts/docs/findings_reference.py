"""The page docs/doctor.md: all findings of `otel-recmon doctor`."""

from string import Formatter
from typing import Final

from otel_recmon.artifacts.docs.reference import HEADER
from otel_recmon.findings import KINDS, TOPICS, Kind

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
    return "\n".join((HEADER, "# Findings of otel-recmon doctor\n", _INTRODUCTION, *topics))


def _topic(topic: str) -> str:
    return "\n".join(_section(kind) for kind in KINDS.values() if kind.topic == topic)


def _section(kind: Kind) -> str:
    what, why, fix = map(_marked, (kind.what, kind.why, kind.fix))
    return f"### {kind.name}\n\n{kind.severity.capitalize()}. {what}\n\n{why}\n\n**Fix:** {fix}\n"


def _marked(text: str) -> str:
    """Return a text of a finding in Markdown. Placeholders are in italics; within code they are in capitals."""
    found = ""
    for literal, name, _, _ in Formatter().parse(text):
        found += literal.replace("<", "&lt;").replace("*", "\\*")
        if name:
            found += name.upper() if found.count("`") % 2 else f"*{name}*"
    return found


_INTRODUCTION: Final = """\
`otel-recmon doctor` checks the setup of a service and prints its findings: what is wrong, why it matters, and how to
fix it. Run it where the service runs: with the same environment variables, Python interpreter and working directory.
It changes nothing. The only data it sends is one export without metrics.

```console
otel-recmon doctor
otel-recmon doctor --command 'opentelemetry-instrument uvicorn app:app --workers 4' --app app:app
otel-recmon doctor --prometheus http://prometheus:9090 --grafana http://grafana:3000
otel-recmon doctor --pid 1234
otel-recmon doctor --try response.json --app app:app --request 'GET /recommendations/7?limit=5'
```

| option | effect |
| --- | --- |
| `--command LINE` | checks the command that starts the service |
| `--pid` | takes the environment, the command and the working directory from a running process |
| `--app` | imports the application, and lists its watched routes |
| `--prometheus`, `--grafana` | also check the metrics in Prometheus, and the dashboards and alerts in Grafana |
| `--only TOPIC` | checks one topic only |
| `--json` | prints JSON for programs |
| `--alerts FILE` | compares the rules in Grafana with the thresholds of this recmon.toml |
| `--send-test` | sends one test message to Slack |
| `--try FILE` | prints the values that otel-recmon would read from a response, such as items and scores |

Tokens come from the environment variables `PROMETHEUS_TOKEN` and `GRAFANA_TOKEN`, and the webhook from
`SLACK_WEBHOOK_URL`. They are never printed.

The exit code is 0 if there is no finding, 1 if there is one, and 2 if the check itself failed. With `--try`, it is 1
if no items are found or if the route is not watched.

An *error* means that figures are missing or wrong. A *warning* means that they will be, or that something else is
wrong. In the findings below, placeholders are in *italics*.
"""
