"""Tables in a response: columns side by side, or tensors, in place of a list of objects."""

from typing import Any, Final, NamedTuple

from otel_recmon.reading.item_keys import Fields, fields_of, plain

_FEWEST_COLUMNS: Final = 2


class Found(NamedTuple):
    """The items of a response."""

    items: list[Any]
    fields: Fields | None = None
    """The keys of an item; None if the items are plain ids."""
    positions: list[int] | None = None
    """The position of each item, if the response has a slate for each of several users; else None."""


def table_in(body: dict[str, Any], of_ids: str | None = None) -> Found | None:
    """Return the rows of a table as items; None for an object that is no table.

    A table has a column of different ids and another column of the same length, as in ``{"ids": [...], "scores":
    [...]}``. A column may also be an object whose keys are the numbers of the rows.

    Args:
        body: The object.
        of_ids: A key whose column has the ids if no key names ids and another column has scores or categories.
    """
    columns = {_singular(name): column for name, value in body.items() if (column := _column(value))}
    lengths = {len(column) for column in columns.values()}
    if len(columns) < _FEWEST_COLUMNS or len(lengths) != 1:
        return None
    fields = fields_of(columns)
    if of_ids is not None and _singular(of_ids) in columns and (fields is None or not fields.by_id):
        columns["id"] = columns.pop(_singular(of_ids))
        fields = fields_of(columns)
        fields = fields if fields and (fields.score or fields.category) else None
    if fields is None or not (fields.by_id or fields.score) or not _are_ids(columns[fields.id]):
        return None
    return Found([dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)], fields)


def is_tensors(value: Any) -> bool:
    """Return whether a value is a list of named tensors, as inference servers return them."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(t, dict) and {"name", "data"} <= t.keys() for t in value)
    )


def tensors_in(tensors: list[dict[str, Any]]) -> Found | None:
    """Return the items in named tensors; None without a tensor of ids. Each row of the tensors is a slate."""
    columns = {str(tensor["name"]): tensor["data"] for tensor in tensors}
    ids = next((tensor for tensor in tensors if plain(str(tensor["name"])).endswith("ids")), None)
    found = table_in(columns) or (Found(ids["data"]) if ids and _column(ids["data"]) else None)
    if found is None or ids is None:
        return None
    shape = ids.get("shape")
    width = shape[-1] if isinstance(shape, list) and shape and isinstance(shape[-1], int) else 0
    if not 0 < width < len(found.items):
        return found
    return found._replace(positions=[index % width + 1 for index in range(len(found.items))])


def _column(value: Any) -> list[Any] | None:
    """Return the values of a column; None for any other value."""
    if isinstance(value, dict) and all(key.isdecimal() for key in value):
        value = list(value.values())
    if not isinstance(value, list) or not value or any(isinstance(cell, dict | list) for cell in value):
        return None
    return value


def _singular(name: str) -> str:
    if name.lower().endswith("ies"):
        return name[:-3] + "y"
    return name[:-1] if name.lower().endswith("s") else name


def _are_ids(column: list[Any]) -> bool:
    usable = all(isinstance(cell, int | str) and not isinstance(cell, bool) and cell != "" for cell in column)
    return usable and len(set(column)) == len(column)
