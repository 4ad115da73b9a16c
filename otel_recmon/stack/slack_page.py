"""The HTML page of the Slack stand-in."""

import html
import re
from collections.abc import Sequence
from typing import Final

from otel_recmon.stack.slack_message import Message

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="5">
<title>Slack stand-in</title>
<style>
  body {{ font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 50em; padding: 0 1em }}
  article {{ border-left: 4px solid #888; margin: 1em 0; padding: 0 1em }}
  pre {{ font: inherit; margin: 0; overflow-wrap: anywhere; white-space: pre-wrap }}
  time {{ color: #666 }}
</style>
<h1>Slack stand-in</h1>
<p>{count}. They are also available as <a href="/messages">JSON</a>.
Set SLACK_WEBHOOK_URL to receive them in Slack.</p>
{articles}
</html>
"""


def render_page(messages: Sequence[Message]) -> str:
    """Return the HTML page with the messages, newest first; `messages` has the oldest first."""
    count = f"{len(messages)} messages, the newest first" if messages else "No messages yet"
    return _PAGE.format(count=count, articles="\n".join(_article(message) for message in reversed(messages)))


def _article(message: Message) -> str:
    text = html.escape(message.text)
    linked = re.sub(r"https?://[^\s()<>&]+(?:&amp;[^\s()<>&]+)*", r'<a href="\g<0>">\g<0></a>', text)
    when = f"<time>{message.at:%Y-%m-%d %H:%M:%S} UTC</time> {html.escape(message.channel)}"
    return f"<article>{when}<pre>{linked}</pre></article>"
