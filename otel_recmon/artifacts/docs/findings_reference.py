"""docs/doctor.md: everything that `otel-recmon doctor` can find."""

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
    return "\n".join((HEADER, "# What doctor finds\n", _INTRODUCTION, *topics))


def _topic(topic: str) -> str:
    return "\n".join(_section(kind) for kind in KINDS.values() if kind.topic == topic)


def _section(kind: FindingKind) -> str:
    what, why, fix = map(_marked, (kind.what, kind.why, kind.fix))
    return f"### {kind.name}\n\n{kind.severity.capitalize()}. {what}\n\n{why}\n\n**Fix:** {fix}\n"


def _marked(text: str) -> str:
    """Return words of a kind in Markdown; the names of what a check fills in are in italics, in code in capitals."""
    found = ""
    for literal, name, _, _ in Formatter().parse(text):
        found += literal.replace("<", "&lt;").replace("*", "\\*")
        if name:
            found += name.upper() if found.count("`") % 2 else f"*{name}*"
    return found


_INTRODUCTION: Final = """\
`otel-recmon doctor` (in `otel-recmon[cli]`) runs where the service runs, with the same variables, interpreter and
folder, and says what is wrong, why it matters and what to do. It changes nothing, and sends nothing but an export
without metrics.

```console
otel-recmon doctor
otel-recmon doctor --command 'opentelemetry-instrument uvicorn app:app --workers 4' --app app:app
otel-recmon doctor --prometheus http://prometheus:9090 --grafana http://grafana:3000
otel-recmon doctor --pid 1234
otel-recmon doctor --try response.json --app app:app --request 'GET /recommendations/7?limit=5'
```

`--pid` takes environment, command and folder from a running process. `--app` imports the application and lists which of
its routes are watched, and as what. `--only TOPIC` examines one topic, `--json` prints for programs. Tokens come from
`PROMETHEUS_TOKEN` and `GRAFANA_TOKEN`, the webhook from `SLACK_WEBHOOK_URL`; none is ever printed. `--send-test` sends
one message there. `--alerts FILE` says which thresholds of your own the rules in Grafana were made with.

`--try` shows what the plugin reads from a response with the settings as they are: items, categories, scores, outcome,
model version, user. It records nothing.

The exit code is 0 where nothing is wrong, 1 where something is (with `--try`: where no items are found, or the route is
not watched), 2 where it could not be examined. An error means that figures are missing or wrong; a warning, that they
will be, or that something beside them is. What a finding fills in is in *italics*.
"""
