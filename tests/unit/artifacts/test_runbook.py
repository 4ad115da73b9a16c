"""Tests of the runbook: complete sections, current queries, and links and titles that exist."""

import re
from pathlib import Path

import pytest

from otel_recmon.artifacts.docs.alert_reference import facts_by_name
from otel_recmon.artifacts.pages import PAGES
from otel_recmon.artifacts.settings.thresholds import load
from tests.unit.artifacts.exports import DEFAULT, EACH_EXPORT, Export
from tests.unit.artifacts.known import ALERTS, SIGNALS

ROOT = Path(__file__).parents[3]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
PROSE = re.sub(r"```.*?```", "", RUNBOOK, flags=re.DOTALL).replace("\n  ", " ")
PARTS = ["For users", "Fires if", "First step", "Panel", "Confirm", "Likely causes", "What to do", "Silence when"]
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^#|\Z)", RUNBOOK, re.DOTALL | re.MULTILINE))
EACH = pytest.mark.parametrize("name", [alert.name for alert in ALERTS])


def test_each_alert_has_a_section_and_each_section_an_alert() -> None:
    assert list(SECTIONS) == [alert.name for alert in ALERTS]


@EACH
def test_a_section_has_all_parts(name: str) -> None:
    assert re.findall(r"\*\*([A-Z][a-z ]+):\*\*", SECTIONS.get(name, "")) == PARTS


@EACH
def test_the_query_of_a_section_is_that_of_its_signal(name: str) -> None:
    (query,) = re.findall(r"```promql\n(.*?)```", SECTIONS[name], re.DOTALL)

    assert query in facts_by_name(load())[name]


def test_links_within_the_documentation_have_a_target() -> None:
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", RUNBOOK, re.MULTILINE)}
    files = {path for path, _ in re.findall(r"\]\(([\w./-]+\.md)(#\w+)?\)", RUNBOOK)}

    assert set(re.findall(r"\]\(#([\w-]+)\)", RUNBOOK)) <= headings
    assert all((ROOT / "docs" / path).is_file() for path in files)


def test_the_titles_that_the_runbook_mentions_exist() -> None:
    titles = {signal.title for signal in SIGNALS} | {page.title for page in PAGES}
    mentioned = {title.removesuffix(" by variant") for title in re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", PROSE)}

    assert mentioned - titles == set()


@EACH_EXPORT
def test_an_alert_links_to_its_section(export: Export) -> None:
    where = export.config.general.runbook

    assert {rule.runbook for rule in export.rules.values()} <= {f"{where}#{section.lower()}" for section in SECTIONS}


def test_the_default_links_lead_to_the_runbook() -> None:
    assert (ROOT / DEFAULT.config.general.runbook).read_text(encoding="utf-8") == RUNBOOK
