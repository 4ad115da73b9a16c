import re
from pathlib import Path

import pytest

from otel_recmon.artifacts.docs.findings_reference import findings_page
from otel_recmon.findings import KINDS, TOPICS, FindingKind, found

ROOT = Path(__file__).parents[3]
CHECKS = "".join(path.read_text() for path in sorted((ROOT / "otel_recmon/doctor").glob("*.py")))
STACK_TESTS = "".join(path.read_text() for path in sorted((ROOT / "tests/stack").glob("test_doctor*.py")))
TESTS = STACK_TESTS + "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))


@pytest.mark.parametrize("name", KINDS)
def test_each_finding_has_a_check_and_a_test(name: str) -> None:
    assert f'"{name}"' in CHECKS
    assert f'"{name}"' in TESTS


@pytest.mark.parametrize("topic", TOPICS)
def test_each_topic_has_three_findings_tested_with_real_processes(topic: str) -> None:
    tested = [name for name, kind in KINDS.items() if kind.topic == topic and f'"{name}"' in STACK_TESTS]

    assert len(tested) >= 3


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_text_of_a_finding_is_a_sentence(kind: FindingKind) -> None:
    for text in (kind.what, kind.why, kind.fix):
        assert re.fullmatch(r"(?s)([A-Z0-9{`]|opentelemetry-).*[.?)}]", text), text


def test_facts_are_filled_in_and_a_missing_fact_is_refused() -> None:
    assert found("slack-url-missing", variable="X").what == "X is not set."
    with pytest.raises(KeyError):
        found("slack-url-missing")


def test_an_unknown_topic_is_refused() -> None:
    with pytest.raises(ValueError, match="'weather'"):
        FindingKind("rain", "weather", "error", "", "", "")


def test_each_finding_has_a_section_in_the_documentation() -> None:
    page = findings_page()

    assert [line[4:] for line in page.splitlines() if line.startswith("### ")] == [
        name for topic in TOPICS for name, kind in KINDS.items() if kind.topic == topic
    ]
    assert "\nError. `<variable>` is a placeholder, not the URL of a webhook.\n" in page
