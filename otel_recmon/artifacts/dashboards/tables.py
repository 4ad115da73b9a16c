"""Tables: a row for each combination of labels, a column for each query."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from otel_recmon.artifacts.dashboards import look
from otel_recmon.artifacts.dashboards.panels import LETTERS, Json, Panel
from otel_recmon.artifacts.dashboards.queries import PageView, Query
from otel_recmon.artifacts.promql import IDENTITY
from otel_recmon.artifacts.signals.kinds import Unit

FULL_WIDTH = 24


@dataclass(frozen=True)
class Column:
    """A query, whose legend heads the column, and the unit of its values."""

    query: Query
    unit: Unit


def table(
    view: PageView, name: str, title: str, description: str, columns: Sequence[Column], *, services: bool = False
) -> Panel:
    """Return the values of several queries by their labels; with `services`, those that tell services apart, too."""
    names = {f"Value #{letter}": column.query.legend for letter, column in zip(LETTERS, columns, strict=False)}
    hidden = ("Time", *(() if services else IDENTITY))
    places = {name: place for place, name in enumerate(names, start=len(LETTERS))}
    organized = {"excludeByName": dict.fromkeys(hidden, True), "indexByName": places, "renameByName": names}
    return Panel(
        "table",
        name,
        title,
        description,
        tuple(replace(column.query, form="table", instant=True) for column in columns),
        Unit.COUNT,
        options={"cellHeight": "sm", "showHeader": True, "footer": {"show": False}},
        defaults={"custom": {"align": "auto", "filterable": False}, "noValue": ""},
        overrides=tuple(_formatted(column, view.money) for column in columns),
        transformations=({"id": "merge", "options": {}}, {"id": "organize", "options": organized}),
        width=FULL_WIDTH,
    )


def _formatted(column: Column, money: str) -> Json:
    precise = {"decimals": 2} if column.unit is Unit.SHARE else look.precision(column.unit)
    return look.override(column.query.legend, unit=look.measured(column.unit, money), **precise)
