"""What was posted to a Slack webhook, as somebody in the channel would read it."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Message:
    """What was posted, to which path, and when (UTC)."""

    payload: Mapping[str, Any]
    path: str
    at: datetime

    @property
    def channel(self) -> str:
        """The channel that it names; empty where it leaves that to the webhook."""
        return str(self.payload.get("channel", ""))

    @property
    def text(self) -> str:
        """Everything in it that is shown, without Slack's markup: text, blocks, attachments with their fields."""
        return "\n".join(_plain(line) for line in _shown(self.payload) if line)


def _shown(part: Mapping[str, Any]) -> Iterator[str]:
    yield _linked(part.get("author_name"), part.get("author_link"))
    yield _text(part.get("pretext"))
    yield _linked(part.get("title"), part.get("title_link"))
    yield _text(part.get("text"))
    for block in _mappings(part.get("blocks")):
        yield from _block(block)
    yield from (f"{_text(field.get('title'))}: {_text(field.get('value'))}" for field in _mappings(part.get("fields")))
    for attachment in _mappings(part.get("attachments")):
        yield from _shown(attachment)
    yield from (_linked(action.get("text"), action.get("url")) for action in _mappings(part.get("actions")))
    yield _text(part.get("footer"))


def _block(block: Mapping[str, Any]) -> Iterator[str]:
    yield _text(block.get("text"))
    for part in (*_mappings(block.get("fields")), *_mappings(block.get("elements"))):
        yield _linked(part.get("text"), part.get("url"))


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _text(value: object) -> str:
    """A text, which is a string, or an object that has it."""
    text = value.get("text", "") if isinstance(value, Mapping) else value
    return str(text) if text is not None else ""


def _linked(text: object, link: object) -> str:
    return " ".join(part for part in (_text(text), f"<{link}>" if link else "") if part)


def _plain(line: str) -> str:
    """Write links as text and address, and what Slack has escaped as it was."""
    named = re.sub(r"<(\w+:[^<>|]+)\|([^<>]*)>", r"\2 (\1)", line)
    return html.unescape(re.sub(r"<(\w+:[^<>|]+)>", r"(\1)", named)).strip()
