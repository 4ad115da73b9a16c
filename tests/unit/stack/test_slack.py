"""The Slack stand-in over HTTP."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from otel_recmon.stack.slack import BODY_BYTES, MAX_MESSAGES, Slack, slack_standin
from tests import web
from tests.speed import eventually, scaled

ALERT = {
    "channel": "#recommendations",
    "username": "Grafana",
    "attachments": [
        {
            "color": "#D63232",
            "title": "[FIRING:1] CTR <low>",
            "title_link": "http://grafana/alerting?a=1&b=2",
            "text": "CTR of *v42* is 0.8 % &lt; 1 %, see <http://docs/runbook#ctr|the runbook>",
            "fields": [{"title": "model_version", "value": "v42", "short": True}],
            "footer": "Grafana v13.1.0",
            "ts": 1_600_000_000,
        }
    ],
}
READ = """\
[FIRING:1] CTR <low> (http://grafana/alerting?a=1&b=2)
CTR of *v42* is 0.8 % < 1 %, see the runbook (http://docs/runbook#ctr)
model_version: v42
Grafana v13.1.0"""


@pytest.fixture
def slack() -> Iterator[Slack]:
    with slack_standin() as running:
        yield running


def post(slack: Slack, message: object, path: str = "", timeout: float = web.TIMEOUT_S) -> tuple[int, str]:
    answer = web.post(f"{slack.url}{path}", json=message, timeout=timeout)
    return answer.status_code, answer.text


def get(slack: Slack, path: str) -> httpx.Response:
    return web.get(f"{slack.url}{path}")


class TestMessages:
    def test_an_alert_is_accepted_and_read_as_in_a_channel(self, slack: Slack) -> None:
        assert post(slack, ALERT, "/services/T1/B1/secret") == (200, "ok")

        (message,) = slack.messages
        assert (message.payload, message.path) == (ALERT, "/services/T1/B1/secret")
        assert (message.channel, message.text) == ("#recommendations", READ)

    def test_blocks_are_read(self, slack: Slack) -> None:
        blocks = [
            {"type": "header", "text": {"type": "plain_text", "text": "Model is stale"}},
            {"type": "divider"},
            {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Age*"}, {"type": "mrkdwn", "text": "49 h"}]},
            {
                "type": "actions",
                "elements": [{"text": {"type": "plain_text", "text": "Runbook"}, "url": "http://docs"}],
            },
        ]

        post(slack, {"text": "for those without blocks", "blocks": blocks})

        (message,) = slack.messages
        assert message.text.splitlines() == [
            "for those without blocks",
            "Model is stale",
            "*Age*",
            "49 h",
            "Runbook (http://docs)",
        ]

    def test_a_form_with_the_payload_is_accepted(self, slack: Slack) -> None:
        answer = web.post(slack.url, data={"payload": json.dumps({"text": "a form & more"})})

        assert (answer.text, [message.text for message in slack.messages]) == ("ok", ["a form & more"])

    @pytest.mark.parametrize("attachments", ["none", [None, 3], [{"fields": "none", "text": None}]])
    def test_malformed_attachments_are_ignored(self, slack: Slack, attachments: object) -> None:
        assert post(slack, {"text": "odd", "attachments": attachments}) == (200, "ok")
        assert slack.messages[0].text == "odd"

    def test_only_the_newest_messages_are_kept(self, slack: Slack) -> None:
        with web.client() as session:
            for number in range(MAX_MESSAGES + 2):
                session.post(slack.url, json={"text": str(number)})

        assert [message.text for message in slack.messages] == [str(number) for number in range(2, MAX_MESSAGES + 2)]

    def test_concurrent_posts_are_all_accepted(self, slack: Slack) -> None:
        with ThreadPoolExecutor(8) as others:
            answers = list(others.map(lambda number: post(slack, {"text": str(number)}), range(40)))

        assert answers == [(200, "ok")] * 40
        assert sorted(int(message.text) for message in slack.messages) == list(range(40))

    def test_messages_are_printed_as_text(self) -> None:
        printed: list[str] = []

        with slack_standin(print_message=printed.append) as slack:
            post(slack, {"text": "CTR is low\nby half", "channel": "#alerts"})

        (message,) = slack.messages
        assert printed == [f"{message.at:%H:%M:%S} #alerts\n  CTR is low\n  by half"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b"text=hello", "invalid_payload"),
            (b"[1]", "invalid_payload"),
            (b"\xff", "invalid_payload"),
            (b'{"channel": "#a"}', "no_text"),
            (b'{"text": "", "attachments": []}', "no_text"),
        ],
    )
    def test_posts_are_refused_with_the_errors_of_slack(self, slack: Slack, body: bytes, words: str) -> None:
        answer = web.post(slack.url, content=body)

        assert (answer.status_code, answer.text) == (400, words)
        assert (slack.messages, slack.posts) == ([], 1)

    def test_a_post_that_is_too_long_is_refused(self, slack: Slack) -> None:
        assert post(slack, {"text": "x" * BODY_BYTES})[0] == 413
        assert slack.messages == []

    def test_posts_fail_while_failing_is_active(self, slack: Slack) -> None:
        with slack.failing():
            assert post(slack, {"text": "lost"}) == (500, "simulated_failure")
        assert post(slack, {"text": "taken"}) == (200, "ok")

        assert ([message.text for message in slack.messages], slack.posts) == (["taken"], 2)

    def test_a_rate_limit_has_a_retry_after_header(self, slack: Slack) -> None:
        with slack.failing(429):
            answer = web.post(slack.url, json={"text": "one too many"})

        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")

    def test_posts_hang_while_hanging_is_active(self, slack: Slack) -> None:
        with slack.hanging(), pytest.raises(httpx.ReadTimeout):
            post(slack, {"text": "lost"}, timeout=0.2)
        assert post(slack, {"text": "taken"}) == (200, "ok")

        assert [message.text for message in slack.messages] == ["taken"]

    def test_hanging_posts_do_not_block_the_shutdown(self) -> None:
        with ThreadPoolExecutor() as others:
            with slack_standin() as slack, slack.hanging():
                waiting = others.submit(post, slack, {"text": "lost"})
                eventually(lambda: slack.posts)

            assert isinstance(waiting.exception(scaled(10)), httpx.NetworkError | httpx.RemoteProtocolError)


class TestPages:
    def test_messages_are_listed_as_json(self, slack: Slack) -> None:
        post(slack, ALERT, "/hook")

        (message,) = slack.messages
        listed: list[dict[str, Any]] = get(slack, "/messages").json()
        assert listed == [{"at": message.at.isoformat(), "path": "/hook", "text": READ, "payload": ALERT}]

    def test_the_page_shows_the_newest_message_first_with_links(self, slack: Slack) -> None:
        post(slack, {"text": "first"})
        post(slack, {"text": "&lt;script&gt; see <http://docs/a?b=1&amp;c=2|docs>", "channel": "#<b>"})

        page = get(slack, "/")

        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "<p>2 messages, the newest first" in page.text
        link = '<a href="http://docs/a?b=1&amp;c=2">http://docs/a?b=1&amp;c=2</a>'
        assert f"#&lt;b&gt;<pre>&lt;script&gt; see docs ({link})</pre>" in page.text
        assert page.text.index("script&gt;") < page.text.index("first</pre>")

    def test_there_is_a_health_page_and_unknown_pages_are_not_found(self, slack: Slack) -> None:
        assert [get(slack, path).status_code for path in ("/health", "/favicon.ico")] == [200, 404]
