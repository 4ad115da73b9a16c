"""Checks of the Slack webhook: the shape of its URL and, on request, a test message. The URL is never printed."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final
from urllib.parse import SplitResult, urlsplit

import requests

from otel_recmon.artifacts.render.notifications import SLACK_VARIABLE
from otel_recmon.doctor.network import failure_reason
from otel_recmon.doctor.target import Target
from otel_recmon.findings import Finding, found

_TIMEOUT_S: Final = 10.0
_SLACK_HOST: Final = "hooks.slack.com"
_WEBHOOK: Final = re.compile(r"/services/T\w+/B\w+/\w+")
_PLACEHOLDER: Final = re.compile(r"not-configured|example\.(com|org)|/T0+/B0+/|X{6,}|\.\.\.|[<>{}]", re.IGNORECASE)
_DISCARD_PORT: Final = 9
"""The discard port, on which no server listens. Configurations use it in a placeholder for a missing URL."""
_TEST_MESSAGE: Final = "otel-recmon doctor: this is a test. Alerts will be sent to this channel."
_MAX_QUOTE: Final = 100
_REMEDIES: Final = {
    "no_service": " The webhook or its app was removed.",
    "no_active_hooks": " The webhook was disabled.",
    "invalid_token": " The last part of the URL is wrong; first try to copy the URL again.",
    "no_team": " The first part of the URL, T..., is wrong; first try to copy the URL again.",
    "channel_is_archived": " The channel is archived; you can also unarchive it.",
    "channel_not_found": " The channel was deleted.",
    "action_prohibited": " An administrator of the workspace blocks the app; ask for its approval.",
}
"""Error code in Slack's answer -> advice."""


def reason_to_skip(target: Target) -> str:
    """Return the reason to skip this topic. An empty text means that the topic is examined."""
    wanted = target.value(SLACK_VARIABLE) or target.send_test or target.only == "slack"
    return "" if wanted else f"{SLACK_VARIABLE} is not set"


def examine(target: Target) -> Iterator[Finding]:
    """Yield the findings about the webhook; with ``send_test``, send one message to it."""
    url = target.environ.get(SLACK_VARIABLE, "")
    wrong = _check_url(url)
    if wrong:
        yield wrong
    elif target.send_test:
        yield from _send_test_message(url)


def _check_url(url: str) -> Finding | None:
    if not url.strip():
        return found("slack-url-missing", variable=SLACK_VARIABLE)
    if "$" in url:
        return found("slack-url-dollar", variable=SLACK_VARIABLE)
    reason = _shape_problem(url)
    if _PLACEHOLDER.search(url) or (not reason and urlsplit(url).port == _DISCARD_PORT):
        return found("slack-url-placeholder", variable=SLACK_VARIABLE)
    return found("slack-url-shape", variable=SLACK_VARIABLE, reason=reason) if reason else None


def _shape_problem(url: str) -> str:
    """Return the first problem of a webhook URL, without quoting the URL; empty if there is no problem."""
    if url != url.strip() or url[0] in "'\"":
        return "it has spaces or quotes around it"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "it is not a URL"
    return next((problem for wrong, problem in _shape_problems(parts) if wrong), "")


def _shape_problems(parts: SplitResult) -> Iterator[tuple[bool, str]]:
    host = parts.hostname or ""
    yield parts.scheme not in ("http", "https") or not host, "it does not begin with https://"
    if host != "slack.com" and not host.endswith(".slack.com"):
        return  # Mattermost and others accept Slack's messages under URLs of their own
    yield host != _SLACK_HOST, f"its host is not {_SLACK_HOST}; it is probably the address of a page in Slack"
    yield parts.scheme != "https", "it begins with http://, not https://"
    workflow = parts.path.startswith(("/workflows/", "/triggers/"))
    yield workflow, "it starts a workflow, which does not accept messages with attachments"
    yield not _WEBHOOK.fullmatch(parts.path), "its path is not /services/T.../B.../..."


def _send_test_message(url: str) -> Iterator[Finding]:
    try:
        response = requests.post(url, json={"text": _TEST_MESSAGE}, timeout=_TIMEOUT_S, allow_redirects=False)
    except (requests.RequestException, ValueError) as error:
        yield found("slack-unreachable", cause=failure_reason(error))
        return
    if response.status_code != HTTPStatus.OK:
        answer = " ".join(response.text.split())[:_MAX_QUOTE]
        yield found("slack-refused", status=response.status_code, answer=answer, remedy=_REMEDIES.get(answer, ""))
