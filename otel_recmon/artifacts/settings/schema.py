"""The forms that settings have, and their tables read strictly: what is not usable is refused, with what would be."""

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Final

from otel_recmon.errors import RecmonError

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION: Final = re.compile(r"(\d+)([smhdw])")
_KINDS: Final[Mapping[object, tuple[str, tuple[type, ...]]]] = {
    bool: ("true or false", (bool,)),
    str: ("a text", (str,)),
    int: ("a whole number", (int,)),
}
_NUMBER: Final = ("a number", (int, float))
LONGEST_PREFIX: Final = 12
"""Characters that a prefix may have, so that Grafana takes the identifier of every alert: 40 in all."""
Table = Mapping[str, Any]
Texts = Mapping[str, str]


class TuningError(RecmonError, ValueError):
    """A file that cannot be used as it is; says where, and what is expected."""


@dataclass(frozen=True)
class Form:
    """What a value must be like: in words, and as a test."""

    expected: str
    fits: Callable[[Any], object]


ANYTHING: Final = Form("", lambda _: True)


def _like(expected: str, pattern: str) -> Form:
    return Form(expected, re.compile(pattern).fullmatch)


NAME: Final = _like("a name, of one line and without $ { }", r"[^\s${}](?:[^\n\r\t${}]*[^\s${}])?")
UID: Final = _like("letters, digits, - and _, at most 40", r"[A-Za-z0-9_-]{1,40}")
SLUG: Final = _like(f"lower-case letters, digits and -, at most {LONGEST_PREFIX}", r"[a-z](?:[a-z0-9-]{0,10}[a-z0-9])?")
URL: Final = _like("an address such as https://grafana.example", r"https?://[^\s\"'$#{}]+")
PATH: Final = _like("an absolute path without spaces", r"/[^\s\"'$#{}:]*")
ADDRESS_OR_PATH: Final = _like("an address or a path without spaces", r"[^\s\"'${}]+")
TARGET: Final = _like('an address such as "collector:8888"', r"[^\s\"'$#{}/]+:\d+")
HOST: Final = _like("a host or address without spaces", r"[^\s\"'$#{}]+")
CURRENCY: Final = _like("the three letters of ISO 4217, such as EUR", r"[A-Z]{3}")
VALUE: Final = _like("a text of one line, without $ { }", r"[^\n\r${}]+")
DNS_LABEL: Final = _like(
    "a name as Kubernetes has them: lower-case letters, digits and -", r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
LABEL_KEY: Final = _like(
    "the key of a label in Kubernetes",
    r"(?:[a-z0-9][a-z0-9.-]{0,251}[a-z0-9]/)?[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?",
)
LABEL_VALUE: Final = _like("the value of a label in Kubernetes", r"(?:[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?)?")


def meant(brief: str, form: Form | None = None, key: str = "") -> dict[str, Any]:
    """Return what a field of a dataclass is to know of itself.

    Args:
        brief: What it is for, in one line.
        form: What its value, or each text of its list or table, must be like.
        key: What it is called in a file, where that is no name in Python.
    """
    return {"brief": brief, "form": form or ANYTHING, "key": key}


def setting(default: Any = MISSING, *, brief: str, form: Form | None = None, key: str = "") -> Any:
    """Return the field of a dataclass for something that may be set, without a default where a file has that."""
    return field(default=default, metadata=meant(brief, form, key))


def key_of(spec: Field[Any]) -> str:
    """Return what a setting is called in a file."""
    return spec.metadata["key"] or spec.name


def expected(spec: Field[Any]) -> str:
    """Return what the value of a setting is to be, in words."""
    words = spec.metadata["form"].expected
    if spec.type == tuple[str, ...]:
        return f"a list: {words}" if words else "a list of texts"
    if spec.type == Texts:
        return f"a table: {words}" if words else "a table of texts"
    return words or _KINDS.get(spec.type, _NUMBER)[0]


def seconds(duration: str) -> int:
    """Return a duration such as "5m" in seconds."""
    count, unit = parsed(duration)
    return count * _UNITS[unit]


def parsed(duration: str) -> tuple[int, str]:
    """Return the number and the unit of a duration."""
    found = _DURATION.fullmatch(duration)
    if not found:
        raise TuningError(f"{duration!r} is not a duration such as 30s, 5m, 1h or 1d")
    return int(found[1]), found[2]


DURATION: Final = Form("a duration such as 30s, 5m, 1h or 1d", _DURATION.fullmatch)
LASTING: Final = Form(
    "a duration of more than 0s, such as 30s, 5m, 1h or 1d",
    lambda text: _DURATION.fullmatch(text) and seconds(text) > 0,
)
POSITIVE: Final = Form("a whole number from 1", lambda number: number >= 1)


def optional(form: Form) -> Form:
    """Return the form of a text that may also be empty."""
    return Form(f"{form.expected}, or nothing", lambda text: not text or form.fits(text))


def built(kind: type[Any], where: str, table: Table) -> Any:
    """Return a dataclass made of a table, each key one of its fields.

    Raises:
        TuningError: A key is not known, or a value is of another type or form.
    """
    specs = {key_of(spec): spec for spec in fields(kind)}
    refuse_unknown(f"{where}.", table, specs)
    return kind(**{specs[key].name: _value(f"{where}.{key}", value, specs[key]) for key, value in table.items()})


def _value(where: str, value: Any, spec: Field[Any]) -> Any:
    form = spec.metadata["form"]
    if spec.type == tuple[str, ...]:
        require(isinstance(value, list), where, value, "a list of texts")
        return tuple(_checked(where, each, str, form) for each in value)
    if spec.type == Texts:
        require(isinstance(value, Mapping), where, value, "a table of texts")
        return {key: _checked(f"{where}.{key}", each, str, form) for key, each in value.items()}
    return _checked(where, value, spec.type, form)


def _checked(where: str, value: Any, kind: object, form: Form) -> Any:
    words, types = _KINDS.get(kind, _NUMBER)
    right = isinstance(value, types) and (bool in types or not isinstance(value, bool))
    require(right and (isinstance(value, str) or math.isfinite(value)), where, value, words)
    require(bool(form.fits(value)), where, value, form.expected)
    return value


def require(condition: bool, where: str, value: object, expected: str) -> None:
    """Refuse a value for which the condition does not hold."""
    if not condition:
        raise TuningError(f"{where} = {value!r} is not usable: expected {expected}")


def table_of(name: str, tables: Table) -> Table:
    """Return a table of tables, or an empty one."""
    table = tables.get(name, {})
    require(isinstance(table, Mapping), name, table, "a table")
    return table  # type: ignore[no-any-return]  # it is one: see above


def refuse_unknown(where: str, table: Iterable[str], known: Iterable[str]) -> None:
    """Refuse keys that are not among those known, with the nearest that is."""
    for key in sorted(set(table) - set(known)):
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {where}{near[0]}?" if near else f"there are {', '.join(sorted(known))}"
        raise TuningError(f"{where}{key} is not known: {hint}")
