"""Tables with one row for each combination of label values and one column for each query."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from otel_recmon.artifacts.dashboards import look
from otel_recmon.artifacts.dashboards.panels import REF_IDS, Json, Panel
from otel_recmon.artifacts.dashboards.queries import PageView, Query
from otel_recmon.artifacts.promql import IDENTITY
from otel_recmon.artifacts.signals.kinds import Unit

FULL_WIDTH = 24


@dataclass(frozen=True)
class Column:
    """A query, whose legend is the heading of the column, and the unit of its values."""

    query: Query
    unit: Unit


def table(
    view: PageView, name: str, title: str, description: str, columns: Sequence[Column], *, services: bool = False
) -> Panel:
    """Return a table of the values of several queries.

    Args:
        view: The filters and settings of the dashboard.
        name: The stable name that the id of the panel is made from.
        title: The title.
        description: The description.
        columns: The columns, from the left to the right.
        services: Whether to show the labels that identify a service.
    """
    # Grafana calls the value of query A "Value #A" after it has merged the queries by their labels.
    names = {f"Value #{reference}": column.query.legend for reference, column in zip(REF_IDS, columns, strict=False)}
    hidden = ("Time", *(() if services else IDENTITY))
    # The columns of values get high numbers, so that they come after the columns of labels, which have none.
    places = {name: place for place, name in enumerate(names, start=len(REF_IDS))}
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
    return look.override(column.query.legend, unit=look.grafana_unit(column.unit, money), **precise)
