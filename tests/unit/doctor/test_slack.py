import pytest

from otel_recmon.doctor.slack import examine, reason_to_skip
from otel_recmon.doctor.target import Target

HOOK = "https://hooks.slack.com/services/T0123ABC/B0123ABC/s3cr3tS3cr3t"


def names(url: str) -> list[str]:
    return [finding.name for finding in examine(Target({"SLACK_WEBHOOK_URL": url}))]


@pytest.mark.parametrize("url", [HOOK, "http://slack:8080", "https://mattermost.intern/hooks/abc"])
def test_webhooks_of_slack_and_compatible_servers_are_accepted(url: str) -> None:
    assert names(url) == []


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("", "slack-url-missing"),
        (f" {HOOK}", "slack-url-shape"),
        (f'"{HOOK}"', "slack-url-shape"),
        (HOOK.removeprefix("https://"), "slack-url-shape"),
        (HOOK.replace("https", "http"), "slack-url-shape"),
        (HOOK.rpartition("/")[0], "slack-url-shape"),
        ("https://hooks.slack.com/triggers/T1/2/abc", "slack-url-shape"),
        ("https://team.slack.com/archives/C1", "slack-url-shape"),
        ("https://[hooks.slack.com/services", "slack-url-shape"),
        (f"{HOOK}$x", "slack-url-dollar"),
        ("http://127.0.0.1:9/slack", "slack-url-placeholder"),
        ("https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXX", "slack-url-placeholder"),
        ("https://hooks.slack.com/services/<team>/<bot>/<secret>", "slack-url-placeholder"),
    ],
)
def test_each_wrong_url_is_reported_without_printing_it(url: str, found: str) -> None:
    (finding,) = examine(Target({"SLACK_WEBHOOK_URL": url}))

    assert finding.name == found
    assert not url.strip() or url not in finding.what + finding.why + finding.fix


def test_without_a_webhook_the_topic_is_skipped_unless_it_is_requested() -> None:
    assert reason_to_skip(Target({})) == "SLACK_WEBHOOK_URL is not set"
    assert not reason_to_skip(Target({}, send_test=True))
    assert not reason_to_skip(Target({}, only="slack"))
