"""A plugin that stays off says why, if its variable has a value that cannot be used."""

import logging

import pytest

from otel_recmon.plugin import RecmonInstrumentor

ENABLED = "OTEL_RECMON_ENABLED"


def _logged(value: str, caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    with caplog.at_level(logging.WARNING, "otel_recmon"):
        RecmonInstrumentor()._instrument(environ={ENABLED: value, "OTEL_RECMON_NONSENSE": "1"})
    return [(record.levelno, record.getMessage()) for record in caplog.records]


@pytest.mark.parametrize("value", ["enabled", "2", "ja"])
def test_an_unusable_switch_is_one_error(value: str, caplog: pytest.LogCaptureFixture) -> None:
    message = f"{ENABLED}={value!r} is not usable: expected true or false; using False"

    assert _logged(value, caplog) == [(logging.ERROR, message)]


def test_a_quoted_switch_that_is_off_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    message = f"{ENABLED}='\"false\"' is in quotes: expected a value without quotes; using 'false'"

    assert _logged('"false"', caplog) == [(logging.WARNING, message)]


@pytest.mark.parametrize("value", ["", "false", "0", "off"])
def test_a_plugin_that_is_switched_off_is_silent(value: str, caplog: pytest.LogCaptureFixture) -> None:
    assert _logged(value, caplog) == []
