"""An Alertmanager configured as shipped, only that it tells everything at once."""

from pathlib import Path

from otel_recmon.artifacts.render.notifications import SLACK_SECRET, TEMPLATES_FILE, alertmanager_file
from otel_recmon.artifacts.render.slack_message import alertmanager_templates
from otel_recmon.artifacts.settings.thresholds import configured
from otel_recmon.stack.slack import Slack

HOOK = "/services/T1/B1/secret"
AT_ONCE = {"wait": "0s", "interval": "1s", "repeat": "1h"}
PACE = {**dict.fromkeys(["critical", "warning", "info"], AT_ONCE), "watchdog": {**AT_ONCE, "repeat": "1s"}}


def alertmanager(folder: Path) -> Path:
    """Write its configuration into a folder, in which it looks for addresses, too."""
    settings = configured({"general": {"secrets": str(folder)}, "pace": PACE})
    config, templates = folder / "alertmanager.yml", folder / TEMPLATES_FILE
    config.write_text(alertmanager_file(settings), encoding="utf-8")
    templates.parent.mkdir()
    templates.write_text(alertmanager_templates(), encoding="utf-8")
    return config


def goes_to(folder: Path, url: str) -> None:
    """Tell it where Slack is."""
    (folder / SLACK_SECRET).write_text(f"{url}{HOOK}\n", encoding="utf-8")


def shown(slack: Slack) -> dict[str, list[str]]:
    """The lines of each message without the links, by its title."""
    found = {}
    for message in slack.messages:
        (attachment,) = message.payload["attachments"]
        found[attachment["title"]] = [line.partition(" · ")[0] for line in attachment["text"].splitlines()]
    return found
