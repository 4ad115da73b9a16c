"""The words by which routes, items and events are known without configuration: the lists of ``words.toml``."""

import tomllib
from pathlib import Path
from typing import Any, Final

_LISTS: Final[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8"))


def words(name: str) -> tuple[str, ...]:
    """Return the words of a list in their order. ``name`` is the name of its table, such as ``items.keys``."""
    return tuple(_table(name))


def tables(name: str) -> dict[str, tuple[str, ...]]:
    """Return the words of each list in a group, such as ``event.is``, by the last part of the name of the list."""
    return {key: tuple(table) for key, table in _table(name).items()}


def _table(name: str) -> dict[str, Any]:
    table = _LISTS
    for part in name.split("."):
        table = table[part]
    return table
