import pytest

from otel_recmon.doctor.slack import examine, skipped
from otel_recmon.doctor.target import Patient

HOOK = "https://hooks.slack.com/services/T0123ABC/B0123ABC/s3cr3tS3cr3t"


def names(url: str) -> list[str]:
    return [finding.name for finding in examine(Patient({"SLACK_WEBHOOK_URL": url}))]


@pytest.mark.parametrize("url", [HOOK, "http://slack:8080", "https://mattermost.intern/hooks/abc"])
def test_a_webhook_and_what_understands_its_messages_are_fine(url: str) -> None:
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
def test_each_wrong_address_is_found_and_not_shown(url: str, found: str) -> None:
    (finding,) = examine(Patient({"SLACK_WEBHOOK_URL": url}))

    assert finding.name == found
    assert not url.strip() or url not in finding.what + finding.why + finding.fix


def test_without_a_webhook_there_is_nothing_to_examine_unless_it_is_asked_for() -> None:
    assert skipped(Patient({})) == "SLACK_WEBHOOK_URL is not set"
    assert not skipped(Patient({}, send_test=True))
    assert not skipped(Patient({}, only="slack"))
