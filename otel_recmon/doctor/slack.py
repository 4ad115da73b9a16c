"""The webhook that messages go to: its shape, and whether Slack takes one. The address is a secret, and never shown."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final
from urllib.parse import SplitResult, urlsplit

import requests

from otel_recmon.artifacts.render.notifications import SLACK_VARIABLE
from otel_recmon.doctor.network import cause
from otel_recmon.doctor.target import Patient
from otel_recmon.findings import Finding, found

_TIMEOUT_S: Final = 10.0
_SLACK: Final = "hooks.slack.com"
_WEBHOOK: Final = re.compile(r"/services/T\w+/B\w+/\w+")
_PLACEHOLDER: Final = re.compile(r"not-configured|example\.(com|org)|/T0+/B0+/|X{6,}|\.\.\.|[<>{}]", re.IGNORECASE)
_DISCARD: Final = 9
"""The port on which nobody listens, that stands for no address."""
_TEST: Final = "otel-recmon doctor: this is a test. Alerts will come to this channel."
_LONGEST: Final = 100
_REMEDIES: Final = {
    "no_service": " The webhook was removed, or its app.",
    "no_active_hooks": " The webhook was switched off.",
    "invalid_token": " The last part of the URL is wrong: perhaps it only needs to be copied anew.",
    "no_team": " The first part of the URL, T..., is wrong: perhaps it only needs to be copied anew.",
    "channel_is_archived": " Or take the channel out of the archive.",
    "channel_not_found": " The channel is gone.",
    "action_prohibited": " An administrator of the workspace forbids it: ask for the app to be allowed.",
}
"""What Slack's words mean."""


def skipped(patient: Patient) -> str:
    """Return why there is nothing to examine; empty where there is something."""
    wanted = patient.value(SLACK_VARIABLE) or patient.send_test or patient.only == "slack"
    return "" if wanted else f"{SLACK_VARIABLE} is not set"


def examine(patient: Patient) -> Iterator[Finding]:
    """Find what is wrong with the webhook; with ``send_test``, by sending one message."""
    url = patient.environ.get(SLACK_VARIABLE, "")
    wrong = _shape(url)
    if wrong:
        yield wrong
    elif patient.send_test:
        yield from _sent(url)


def _shape(url: str) -> Finding | None:
    if not url.strip():
        return found("slack-url-missing", variable=SLACK_VARIABLE)
    if "$" in url:
        return found("slack-url-dollar", variable=SLACK_VARIABLE)
    reason = _wrong(url)
    if _PLACEHOLDER.search(url) or (not reason and urlsplit(url).port == _DISCARD):
        return found("slack-url-placeholder", variable=SLACK_VARIABLE)
    return found("slack-url-shape", variable=SLACK_VARIABLE, reason=reason) if reason else None


def _wrong(url: str) -> str:
    """Return what is wrong with a URL, in words without it."""
    if url != url.strip() or url[0] in "'\"":
        return "there are spaces or quotes around it"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "it is no URL"
    return next((words for wrong, words in _faults(parts) if wrong), "")


def _faults(parts: SplitResult) -> Iterator[tuple[bool, str]]:
    host = parts.hostname or ""
    yield parts.scheme not in ("http", "https") or not host, "it does not begin with https://"
    if host != "slack.com" and not host.endswith(".slack.com"):
        return  # another host may understand Slack's messages
    yield host != _SLACK, f"its host is not {_SLACK}, so it is a page for people"
    yield parts.scheme != "https", "it begins with http://, not https://"
    workflow = parts.path.startswith(("/workflows/", "/triggers/"))
    yield workflow, "it starts a workflow, which takes no messages with attachments"
    yield not _WEBHOOK.fullmatch(parts.path), "its path is not /services/T.../B.../..."


def _sent(url: str) -> Iterator[Finding]:
    try:
        response = requests.post(url, json={"text": _TEST}, timeout=_TIMEOUT_S, allow_redirects=False)
    except (requests.RequestException, ValueError) as error:
        yield found("slack-unreachable", cause=cause(error))
        return
    if response.status_code != HTTPStatus.OK:
        words = " ".join(response.text.split())[:_LONGEST]
        remedy = _REMEDIES.get(words, "")
        yield found("slack-refused", status=response.status_code, words=words, remedy=remedy)
