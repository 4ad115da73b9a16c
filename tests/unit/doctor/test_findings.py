import re
from pathlib import Path

import pytest

from otel_recmon.artifacts.docs.findings_reference import findings_page
from otel_recmon.findings import KINDS, TOPICS, FindingKind, found

ROOT = Path(__file__).parents[3]
CHECKS = "".join(path.read_text() for path in sorted((ROOT / "otel_recmon/doctor").glob("*.py")))
PLANTED = "".join(path.read_text() for path in sorted((ROOT / "tests/stack").glob("test_doctor*.py")))
TESTS = PLANTED + "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))


@pytest.mark.parametrize("name", KINDS)
def test_each_is_looked_for_and_tested(name: str) -> None:
    assert f'"{name}"' in CHECKS
    assert f'"{name}"' in TESTS


@pytest.mark.parametrize("topic", TOPICS)
def test_at_least_three_of_each_topic_are_planted_in_real_processes(topic: str) -> None:
    planted = [name for name, kind in KINDS.items() if kind.topic == topic and f'"{name}"' in PLANTED]

    assert len(planted) >= 3


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_says_what_why_and_how_in_sentences(kind: FindingKind) -> None:
    for text in (kind.what, kind.why, kind.fix):
        assert re.fullmatch(r"(?s)([A-Z0-9{`]|opentelemetry-).*[.?)}]", text), text


def test_facts_are_filled_in_and_a_missing_one_is_refused() -> None:
    assert found("slack-url-missing", variable="X").what == "X is not set."
    with pytest.raises(KeyError):
        found("slack-url-missing")


def test_a_kind_of_no_topic_is_refused() -> None:
    with pytest.raises(ValueError, match="'weather'"):
        FindingKind("rain", "weather", "error", "", "", "")


def test_each_has_a_section_in_the_documentation() -> None:
    page = findings_page()

    assert [line[4:] for line in page.splitlines() if line.startswith("### ")] == [
        name for topic in TOPICS for name, kind in KINDS.items() if kind.topic == topic
    ]
    assert "\nError. *variable* is a placeholder.\n" in page
