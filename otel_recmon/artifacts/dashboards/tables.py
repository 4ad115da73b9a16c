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
    """A column of a table: a query and the unit of its values. The legend of the query is the heading."""

    query: Query
    unit: Unit


def table(
    view: PageView, name: str, title: str, description: str, columns: Sequence[Column], *, services: bool = False
) -> Panel:
    """Return a table with one column of values for each query.

    Args:
        view: The filters and settings of the dashboard.
        name: The stable name that the id of the panel is made from.
        title: The title.
        description: The description.
        columns: The columns, from the left to the right.
        services: Whether the table has columns for the name and the environment of the service.
    """
    # After Grafana has merged the results of the queries, the value of query A is in the column "Value #A".
    names = {f"Value #{reference}": column.query.legend for reference, column in zip(REF_IDS, columns, strict=False)}
    hidden = ("Time", *(() if services else IDENTITY))
    # The columns of values get high numbers, so that they come after the columns of labels, which have no number.
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
