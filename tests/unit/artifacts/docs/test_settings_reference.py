"""What people read of the settings: a file to begin with, and a page that names each of them."""

import re
import tomllib
from pathlib import Path

import pytest

from otel_recmon.artifacts.docs.settings_reference import sections, settings_page, template, toml
from otel_recmon.artifacts.render.files import parts_of
from otel_recmon.artifacts.settings.deployment import FORMATS
from otel_recmon.artifacts.settings.thresholds import configured
from tests.unit.artifacts.exports import EVERY_KNOB

PAGE = (Path(__file__).parents[4] / "docs" / "recmon-toml.md").read_text(encoding="utf-8")


def test_the_page_is_current() -> None:
    assert settings_page({form: parts_of(form) for form in FORMATS}) == PAGE


def test_the_examples_of_the_page_are_settings() -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)

    assert examples
    for example in examples:
        configured(tomllib.loads(example))


@pytest.mark.parametrize("text", [template(), PAGE], ids=["template", "page"])
def test_every_setting_is_there(text: str) -> None:
    for section in sections().values():
        for values in section.tables.values():
            assert [key for key in values if not re.search(rf"(?m)^(#{key} = |\| `{key}` \|)", text)] == []


def test_each_setting_says_what_it_means_and_what_it_takes() -> None:
    rows = re.findall(r"(?m)^\| `(\w+)` \| (.*?) \| (.*?) \|", PAGE.partition("## `[export]`")[2])

    assert len(rows) > 60
    assert [name for name, meaning, value in rows if not meaning or not value] == []


@pytest.mark.parametrize("value", ["a", 'b "c"', "ü\\", 1, 1.5, True, ["a", "b"], [], {"a b": "c"}, {}])
def test_a_value_is_written_as_toml_reads_it(value: object) -> None:
    assert tomllib.loads(f"x = {toml(value)}") == {"x": value}


def test_settings_of_one_table_leave_the_others_alone() -> None:
    deployment = configured({"grafana": EVERY_KNOB["grafana"]}).deployment

    assert deployment.services == configured({}).deployment.services
    assert deployment.grafana.datasource == "mimir_EU-1"
