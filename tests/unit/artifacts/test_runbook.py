"""The runbook: a section for each alert, an alert for each section, all of it there at night."""

import re
from pathlib import Path

import pytest

from otel_recmon.artifacts.docs.alert_reference import facts_by_name
from otel_recmon.artifacts.settings.thresholds import load
from tests.unit.artifacts.exports import DEFAULT, EACH_EXPORT, Export
from tests.unit.artifacts.known import ALERTS

ROOT = Path(__file__).parents[3]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^#|\Z)", RUNBOOK, re.DOTALL | re.MULTILINE))
EACH = pytest.mark.parametrize("name", [alert.name for alert in ALERTS])


def test_each_alert_has_its_section_and_each_section_its_alert() -> None:
    assert list(SECTIONS) == [alert.name for alert in ALERTS]


@EACH
def test_a_section_answers_what_one_asks_at_night(name: str) -> None:
    assert re.findall(r"\*\*([A-Z][a-z ]+)[.:]\*\*", SECTIONS[name]) == [
        "For users",
        "Confirm",
        "Likely causes",
        "What to do",
        "Silence when",
    ]


@EACH
def test_the_queries_of_a_section_are_the_signal_s_own(name: str) -> None:
    (query,) = re.findall(r"```promql\n(.*?)```", SECTIONS[name], re.DOTALL)

    assert query in facts_by_name(load())[name]


def test_links_within_the_documentation_lead_somewhere() -> None:
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", RUNBOOK, re.MULTILINE)}
    files = {path for path, _ in re.findall(r"\]\(([\w./-]+\.md)(#\w+)?\)", RUNBOOK)}

    assert set(re.findall(r"\]\(#([\w-]+)\)", RUNBOOK)) <= headings
    assert all((ROOT / "docs" / path).is_file() for path in files)


@EACH_EXPORT
def test_an_alert_links_to_its_section(export: Export) -> None:
    where = export.config.general.runbook

    assert {rule.runbook for rule in export.rules.values()} <= {f"{where}#{section.lower()}" for section in SECTIONS}


def test_the_runbook_is_where_the_links_of_the_checkout_lead() -> None:
    assert (ROOT / DEFAULT.config.general.runbook).read_text(encoding="utf-8") == RUNBOOK
