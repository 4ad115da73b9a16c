"""Tests of the settings reference: the template, and docs/recmon-toml.md."""

import re
import tomllib
from pathlib import Path

import pytest

from otel_recmon.artifacts.docs.settings_reference import sections, settings_page, template, toml
from otel_recmon.artifacts.render.files import parts_of
from otel_recmon.artifacts.settings.deployment import FORMATS
from otel_recmon.artifacts.settings.thresholds import configured
from tests.unit.artifacts.exports import EVERY_KNOB

DOCS = Path(__file__).parents[4] / "docs"
PAGE = (DOCS / "recmon-toml.md").read_text(encoding="utf-8")


def test_the_page_is_current() -> None:
    assert settings_page({form: parts_of(form) for form in FORMATS}) == PAGE


@pytest.mark.parametrize("page", ["recmon-toml.md", "alerts.md"])
def test_the_examples_of_a_page_are_valid_settings(page: str) -> None:
    examples = re.findall(r"```toml\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)

    assert examples
    for example in examples:
        configured(tomllib.loads(example))


@pytest.mark.parametrize("text", [template(), PAGE], ids=["template", "page"])
def test_every_setting_is_documented(text: str) -> None:
    for section in sections().values():
        for values in section.tables.values():
            assert [key for key in values if not re.search(rf"(?m)^(#{key} = |\| `{key}` \|)", text)] == []


def test_each_setting_has_a_meaning_and_a_description_of_its_values() -> None:
    rows = re.findall(r"(?m)^\| `(\w+)` \| (.*?) \| (.*?) \|", PAGE.partition("## `[export]`")[2])

    assert len(rows) > 60
    assert [name for name, meaning, value in rows if not meaning or not value] == []


@pytest.mark.parametrize("value", ["a", 'b "c"', "ü\\", 1, 1.5, True, ["a", "b"], [], {"a b": "c"}, {}])
def test_a_value_survives_the_conversion_to_toml(value: object) -> None:
    assert tomllib.loads(f"x = {toml(value)}") == {"x": value}


def test_settings_of_one_table_do_not_change_other_tables() -> None:
    deployment = configured({"grafana": EVERY_KNOB["grafana"]}).deployment

    assert deployment.services == configured({}).deployment.services
    assert deployment.grafana.datasource == "mimir_EU-1"
