"""The Slack message, rendered by amtool with the templates of Grafana and of Alertmanager."""

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from otel_recmon.artifacts.render.slack_message import (
    COLOR,
    LISTED,
    TEXT,
    TITLE,
    alertmanager_templates,
    grafana_templates,
)
from tests.rules.amtool import ran

ROOT = Path(__file__).parents[2]
GRAFANA_LINKS = {".PanelURL": ".Annotations.panel_url", ".SilenceURL": ".Annotations.silence_url"}
"""What amtool's data do not have, and where the tests put it."""
ENGINES = {"grafana": grafana_templates(), "alertmanager": alertmanager_templates()}
EACH = pytest.mark.parametrize("engine", ENGINES)
SILENCES = "http://alerts/#/silences/new?filter=%7Balertname%3D%22{}%22%2C{}%7D"
SHOP = {"job": "team/shop", "deployment_environment_name": "prod", "model_version": "v2", "severity": "critical"}
SHOP_IN_SILENCE = (
    "deployment_environment_name%3D%22prod%22%2Cjob%3D%22team%2Fshop%22%2C"
    "model_version%3D%22v2%22%2Cseverity%3D%22critical%22"
)
START, END = "2026-03-01T23:05:06Z", "2026-03-02T00:15:00+01:00"


def alert(name: str, labels: dict[str, str], status: str = "firing", **annotations: str) -> dict[str, Any]:
    """An alert as both engines give it to templates."""
    return {
        "status": status,
        "labels": {"alertname": name, **labels},
        "annotations": annotations,
        "startsAt": START,
        "endsAt": END if status == "resolved" else "0001-01-01T00:00:00Z",
    }


def latency(status: str = "firing", labels: dict[str, str] = SHOP) -> dict[str, Any]:
    return alert(
        "LatencyHigh",
        labels,
        status,
        summary="team/shop (prod), model v2: one in twenty responses takes longer than 0.731 s (limit 0.5 s)",
        value="0.731 s",
        threshold="> 0.5 s",
        panel_url="http://grafana/d/recmon-service?viewPanel=1&from=2",
        runbook_url="https://docs/runbook.md#latencyhigh",
        silence_url=SILENCES.format("LatencyHigh", SHOP_IN_SILENCE),
    )


def rendered(folder: Path, engine: str, *alerts: dict[str, Any]) -> dict[str, str]:
    """Title, text and colour of a message."""
    templates = ENGINES[engine]
    if engine == "grafana":
        for theirs, here in GRAFANA_LINKS.items():
            templates = templates.replace(theirs, here)
    (folder / "recmon.tmpl").write_text(templates, encoding="utf-8")
    common = set.intersection(*(set(one["labels"].items()) for one in alerts))
    data = {"alerts": alerts, "commonLabels": dict(common), "externalURL": "http://alerts"}
    (folder / "data.json").write_text(json.dumps(data), encoding="utf-8")
    return {name: amtool(folder, text) for name, text in (("title", TITLE), ("text", TEXT), ("color", COLOR))}


def amtool(folder: Path, text: str) -> str:
    """What a template makes of the data in a folder."""
    given = (f"--template.glob={folder}/*.tmpl", f"--template.text={text}", f"--template.data={folder}/data.json")
    return ran("template", "render", *given)


class TestContent:
    """The title, the text and the colour of a message."""

    @EACH
    def test_a_firing_alert_has_its_summary_value_start_and_links(self, engine: str, tmp_path: Path) -> None:
        message = rendered(tmp_path, engine, latency())

        assert message == {
            "title": "🚨 Critical: 1 firing",
            "text": "• *LatencyHigh* team/shop (prod), model v2: one in twenty responses takes longer than 0.731 s "
            "(limit 0.5 s)\n"
            "      0.731 s (fires at &gt; 0.5 s) since 1 Mar 23:05 UTC"
            " · <http://grafana/d/recmon-service?viewPanel=1&amp;from=2|Panel>"
            " · <https://docs/runbook.md#latencyhigh|Runbook>"
            f" · <{SILENCES.format('LatencyHigh', SHOP_IN_SILENCE)}|Silence>\n",
            "color": "#d63232",
        }

    @EACH
    def test_a_resolved_alert_has_its_period_and_no_value(self, engine: str, tmp_path: Path) -> None:
        message = rendered(tmp_path, engine, latency("resolved"))

        assert message == {
            "title": "✅ Critical: 1 resolved",
            "text": "• *LatencyHigh* team/shop (prod), model v2\n"
            "      from 1 Mar 23:05 UTC to 1 Mar 23:15 UTC"
            " · <http://grafana/d/recmon-service?viewPanel=1&amp;from=2|Panel>"
            " · <https://docs/runbook.md#latencyhigh|Runbook>\n",
            "color": "#36a64f",
        }

    @EACH
    def test_firing_alerts_come_before_resolved_ones(self, engine: str, tmp_path: Path) -> None:
        both = rendered(tmp_path, engine, latency("resolved"), latency(), latency())
        firing, over = (rendered(tmp_path, engine, *some)["text"] for some in ([latency()] * 2, [latency("resolved")]))

        assert both == {
            "title": "🚨 Critical: 2 firing, 1 resolved",
            "text": f"{firing}✅ Resolved:\n{over}",
            "color": "#d63232",
        }

    @EACH
    @pytest.mark.parametrize(
        ("severity", "title", "color"),
        [
            ("critical", "🚨 Critical: 1 firing", "#d63232"),
            ("warning", "⚠️ Warning: 1 firing", "#e8a33d"),
            ("info", "ℹ️ Info: 1 firing", "#4a90d9"),  # noqa: RUF001 - the sign of information is meant
            ("", "🔔 Alerts: 1 firing", "#888888"),
        ],
    )
    def test_each_severity_has_its_heading(
        self, engine: str, severity: str, title: str, color: str, tmp_path: Path
    ) -> None:
        message = rendered(tmp_path, engine, latency(labels={**SHOP, "severity": severity}))

        assert (message["title"], message["color"]) == (title, color)

    @EACH
    def test_an_alert_of_other_rules_has_its_labels(self, engine: str, tmp_path: Path) -> None:
        message = rendered(
            tmp_path, engine, alert("DatasourceError", {"rulename": "CtrLow", "job": "x"}, silence_url="S")
        )

        assert message["text"].partition(" · <")[0] == ("• *DatasourceError of CtrLow* x\n      since 1 Mar 23:05 UTC")

    @EACH
    def test_a_runbook_that_is_a_file_is_not_linked(self, engine: str, tmp_path: Path) -> None:
        message = rendered(tmp_path, engine, alert("CtrLow", {}, "resolved", runbook_url="docs/runbook.md#ctrlow"))

        assert message["text"].endswith("to 1 Mar 23:15 UTC · Runbook: docs/runbook.md#ctrlow\n")

    @EACH
    @pytest.mark.parametrize("status", ["firing", "resolved"])
    def test_of_many_alerts_some_are_listed_and_all_are_counted(self, engine: str, status: str, tmp_path: Path) -> None:
        message = rendered(tmp_path, engine, *[latency(status)] * (LISTED + 5))

        assert message["title"].endswith(f"Critical: {LISTED + 5} {status}")
        assert message["text"].count("• *LatencyHigh*") == LISTED
        assert message["text"].endswith(f"Only {LISTED} are listed.\n")


class TestEscaping:
    """Labels and summaries, whose text may come from requests."""

    @EACH
    @pytest.mark.parametrize("status", ["firing", "resolved"])
    def test_a_label_cannot_mention_people_or_add_a_link(self, engine: str, status: str, tmp_path: Path) -> None:
        evil = "<!channel>\n <http://evil|v1> & co"
        labels = dict.fromkeys(["job", "model_version", "category", "position"], evil)

        message = rendered(tmp_path, engine, alert("CtrLow", labels, status, silence_url="S"))

        escaped = "&lt;!channel&gt; &lt;http://evil|v1&gt; &amp; co"
        assert f"• *CtrLow* {escaped}, model {escaped}, position {escaped}, category {escaped}\n" in message["text"]
        assert "<!" not in message["text"]

    @EACH
    def test_a_summary_cannot_mention_people_or_add_a_link(self, engine: str, tmp_path: Path) -> None:
        evil = dict.fromkeys(["summary", "value", "threshold"], "<!here>")

        message = rendered(tmp_path, engine, alert("CtrLow", {}, silence_url="S", **evil))

        assert message["text"].startswith(
            "• *CtrLow* &lt;!here&gt;\n      &lt;!here&gt; (fires at &lt;!here&gt;) since"
        )


class TestSilences:
    """The links that silence an alert."""

    def test_the_silence_of_grafana_is_linked(self, tmp_path: Path) -> None:
        message = rendered(tmp_path, "grafana", alert("A", {}, silence_url="http://g/new?a=1&b=2"))

        assert message["text"].endswith(" · <http://g/new?a=1&amp;b=2|Silence>\n")

    def test_a_silence_selects_the_exact_labels(self, tmp_path: Path) -> None:
        message = rendered(tmp_path, "alertmanager", alert("A", {"model_version": 'a+b "c", d\\e|f>é'}))

        quoted = "%22a%2Bb%20%5C%22c%5C%22%2C%20d%5C%5Ce%7Cf%3E%C3%A9%22"
        assert f"<{SILENCES.format('A', f'model_version%3D{quoted}')}|Silence>" in message["text"]


def test_the_documentation_shows_a_real_message(tmp_path: Path) -> None:
    messages = [rendered(tmp_path, "alertmanager", latency(status)) for status in ("firing", "resolved")]
    shown = "\n".join(f"{message['title']}\n{message['text']}" for message in messages).replace("*", "")

    page = (ROOT / "docs" / "slack.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    assert f"A message lists at most {LISTED} alerts" in page
    assert html.unescape(re.sub(r"<[^|>]*\|(\w+)>", r"\1", shown)) == example
