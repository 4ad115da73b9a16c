"""A message to a Slack webhook, and its text as the channel shows it."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Message:
    """One post to the webhook: its payload, the path of the request, and the time of arrival in UTC."""

    payload: Mapping[str, Any]
    path: str
    at: datetime

    @property
    def channel(self) -> str:
        """The channel in the payload; empty for the default channel of the webhook."""
        return str(self.payload.get("channel", ""))

    @property
    def text(self) -> str:
        """The visible text without Slack's markup: text, blocks, and attachments with their fields."""
        return "\n".join(_without_markup(line) for line in _lines(self.payload) if line)


def _lines(part: Mapping[str, Any]) -> Iterator[str]:
    yield _linked(part.get("author_name"), part.get("author_link"))
    yield _text(part.get("pretext"))
    yield _linked(part.get("title"), part.get("title_link"))
    yield _text(part.get("text"))
    for block in _mappings(part.get("blocks")):
        yield from _block(block)
    yield from (f"{_text(field.get('title'))}: {_text(field.get('value'))}" for field in _mappings(part.get("fields")))
    for attachment in _mappings(part.get("attachments")):
        yield from _lines(attachment)
    yield from (_linked(action.get("text"), action.get("url")) for action in _mappings(part.get("actions")))
    yield _text(part.get("footer"))


def _block(block: Mapping[str, Any]) -> Iterator[str]:
    yield _text(block.get("text"))
    for part in (*_mappings(block.get("fields")), *_mappings(block.get("elements"))):
        yield _linked(part.get("text"), part.get("url"))


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _text(value: object) -> str:
    """Return the text of a field: a string, or an object with the key `text`."""
    text = value.get("text", "") if isinstance(value, Mapping) else value
    return str(text) if text is not None else ""


def _linked(text: object, link: object) -> str:
    return " ".join(part for part in (_text(text), f"<{link}>" if link else "") if part)


def _without_markup(line: str) -> str:
    """Return the line as plain text: each link becomes ``text (address)``, and ``&amp;`` becomes ``&``."""
    named = re.sub(r"<(\w+:[^<>|]+)\|([^<>]*)>", r"\2 (\1)", line)
    return html.unescape(re.sub(r"<(\w+:[^<>|]+)>", r"(\1)", named)).strip()
