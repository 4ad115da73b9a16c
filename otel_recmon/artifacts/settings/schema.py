"""Constraints on the values of settings, and the strict conversion of TOML tables into dataclasses."""

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Final

from otel_recmon.errors import RecmonError

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION: Final = re.compile(r"(\d+)([smhdw])")
_TYPES: Final[Mapping[object, tuple[str, tuple[type, ...]]]] = {
    bool: ("true or false", (bool,)),
    str: ("a string", (str,)),
    int: ("an integer", (int,)),
}
_NUMBER: Final = ("a number", (int, float))
# Grafana accepts uids of at most 40 characters. The longest uid is the prefix, followed by the name of an alert in
# kebab case: "-conversion-rate-below-usual" has 28 characters.
LONGEST_PREFIX: Final = 12
"""Maximum length of the uid prefix, in characters."""
Table = Mapping[str, Any]
Texts = Mapping[str, str]


class TuningError(RecmonError, ValueError):
    """Invalid settings; the message names the setting and the expected value."""


@dataclass(frozen=True)
class Constraint:
    """A condition on the value of a setting.

    Attributes:
        expected: A description of the accepted values, for documentation and error messages.
        accepts: A function of the value of a setting. It returns a truthy object if the value is accepted.
    """

    expected: str
    accepts: Callable[[Any], object]


ANYTHING: Final = Constraint("", lambda _: True)


def _matching(expected: str, pattern: str) -> Constraint:
    return Constraint(expected, re.compile(pattern).fullmatch)


# Grafana expands $NAME in its provisioning files, the Collector expands ${...} in its configuration, and alerts expand
# {{...}} in their templates. So no setting may contain these characters.
NAME: Final = _matching("a single line without $ { }", r"[^\s${}](?:[^\n\r\t${}]*[^\s${}])?")
UID: Final = _matching("at most 40 letters, digits, - and _", r"[A-Za-z0-9_-]{1,40}")
SLUG: Final = _matching(
    f"at most {LONGEST_PREFIX} lower-case letters, digits and -", r"[a-z](?:[a-z0-9-]{0,10}[a-z0-9])?"
)
URL: Final = _matching("a URL such as https://grafana.example", r"https?://[^\s\"'$#{}]+")
PATH: Final = _matching("an absolute path without spaces", r"/[^\s\"'$#{}:]*")
URL_OR_PATH: Final = _matching("a URL or a path, without spaces", r"[^\s\"'${}]+")
TARGET: Final = _matching('a host and port such as "collector:8888"', r"[^\s\"'$#{}/]+:\d+")
HOST: Final = _matching("a host name or IP address", r"[^\s\"'$#{}]+")
CURRENCY: Final = _matching("a code of three letters such as EUR", r"[A-Z]{3}")
LABEL_TEXT: Final = _matching("a single line without $ { }", r"[^\n\r${}]+")
DNS_LABEL: Final = _matching(
    "a Kubernetes name: lower-case letters, digits and -", r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
LABEL_KEY: Final = _matching(
    "a Kubernetes label key",
    r"(?:[a-z0-9][a-z0-9.-]{0,251}[a-z0-9]/)?[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?",
)
LABEL_VALUE: Final = _matching("a Kubernetes label value", r"(?:[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?)?")


def setting_metadata(brief: str, constraint: Constraint | None = None, key: str = "") -> dict[str, Any]:
    """Return the metadata of a dataclass field that is a setting.

    Args:
        brief: The meaning of the setting, in one line of documentation.
        constraint: The constraint on the value of the setting. For a list or a table, the constraint applies to each
            item or value. None accepts any value.
        key: The key in TOML. If it is empty, the key is the name of the field.
    """
    return {"brief": brief, "constraint": constraint or ANYTHING, "key": key}


def setting(default: Any = MISSING, *, brief: str, constraint: Constraint | None = None, key: str = "") -> Any:
    """Return a dataclass field that is a setting. Without `default`, alerts.toml must contain the default."""
    return field(default=default, metadata=setting_metadata(brief, constraint, key))


def key_of(spec: Field[Any]) -> str:
    """Return the key of a setting in TOML."""
    return spec.metadata["key"] or spec.name


def expected_value(spec: Field[Any]) -> str:
    """Return a description of the values that a setting accepts."""
    each = spec.metadata["constraint"].expected
    if spec.type == tuple[str, ...]:
        return f"a list; each item: {each}" if each else "a list of strings"
    if spec.type == Texts:
        return f"a table; each value: {each}" if each else "a table of strings"
    return each or _TYPES.get(spec.type, _NUMBER)[0]


def seconds(duration: str) -> int:
    """Return the length of a duration such as "5m", in seconds."""
    count, unit = parse_duration(duration)
    return count * _UNITS[unit]


def parse_duration(duration: str) -> tuple[int, str]:
    """Return the number and the unit of a duration: 5 and "m" for "5m".

    Raises:
        TuningError: `duration` is not a duration such as "5m".
    """
    found = _DURATION.fullmatch(duration)
    if not found:
        raise TuningError(f"{duration!r} is not a duration such as 30s, 5m, 1h or 1d")
    return int(found[1]), found[2]


DURATION: Final = Constraint("a duration such as 30s, 5m, 1h or 1d", _DURATION.fullmatch)
POSITIVE_DURATION: Final = Constraint(
    "a duration greater than 0s, such as 30s, 5m, 1h or 1d",
    lambda text: _DURATION.fullmatch(text) and seconds(text) > 0,
)
POSITIVE_INTEGER: Final = Constraint("an integer of at least 1", lambda number: number >= 1)


def optional(constraint: Constraint) -> Constraint:
    """Return a constraint that also accepts the empty string."""
    return Constraint(f'{constraint.expected}; "" for none', lambda text: not text or constraint.accepts(text))


def build(kind: type[Any], where: str, table: Table) -> Any:
    """Return an instance of a dataclass with the values of a TOML table.

    Args:
        kind: The dataclass, whose fields are settings.
        where: The name of the table, for error messages.
        table: The values by their TOML keys.

    Raises:
        TuningError: A key is unknown, or a value has the wrong type or violates its constraint.
    """
    specs = {key_of(spec): spec for spec in fields(kind)}
    refuse_unknown(f"{where}.", table, specs)
    return kind(**{specs[key].name: _value(f"{where}.{key}", value, specs[key]) for key, value in table.items()})


def _value(where: str, value: Any, spec: Field[Any]) -> Any:
    constraint = spec.metadata["constraint"]
    if spec.type == tuple[str, ...]:
        require(isinstance(value, list), where, value, "a list of strings")
        return tuple(_checked(where, each, str, constraint) for each in value)
    if spec.type == Texts:
        require(isinstance(value, Mapping), where, value, "a table of strings")
        return {key: _checked(f"{where}.{key}", each, str, constraint) for key, each in value.items()}
    return _checked(where, value, spec.type, constraint)


def _checked(where: str, value: Any, kind: object, constraint: Constraint) -> Any:
    expected, types = _TYPES.get(kind, _NUMBER)
    # bool is a subclass of int: without this check, true would be accepted as the number 1.
    right = isinstance(value, types) and (bool in types or not isinstance(value, bool))
    require(right and (isinstance(value, str) or math.isfinite(value)), where, value, expected)
    require(bool(constraint.accepts(value)), where, value, constraint.expected)
    return value


def require(condition: bool, where: str, value: object, expected: str) -> None:
    """Raise TuningError if the condition on the value of a setting is false."""
    if not condition:
        raise TuningError(f"{where} = {value!r} is not usable: expected {expected}")


def table_of(name: str, tables: Table) -> Table:
    """Return the table with the given name, or an empty table if no table has this name.

    Raises:
        TuningError: The value with this name is not a table.
    """
    table = tables.get(name, {})
    require(isinstance(table, Mapping), name, table, "a table")
    return table  # type: ignore[no-any-return]  # require() raises if it is not a table, which mypy cannot know


def refuse_unknown(where: str, table: Iterable[str], known: Iterable[str]) -> None:
    """Raise TuningError for the alphabetically first unknown key, if there is one.

    The message suggests the most similar known key. If no known key is similar, the message lists all known keys.

    Args:
        where: The prefix of the keys in the message, such as "general.".
        table: The keys to check.
        known: The known keys.
    """
    for key in sorted(set(table) - set(known)):
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {where}{near[0]}?" if near else f"the known names are {', '.join(sorted(known))}"
        raise TuningError(f"{where}{key} is not known: {hint}")
