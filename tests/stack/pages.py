"""The pages, asked of a real Prometheus as Grafana would."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from otel_recmon.artifacts.dashboards.board import json_text
from otel_recmon.artifacts.dashboards.interpolation import QueryContext, panels, targets
from otel_recmon.artifacts.pages import panel_id
from otel_recmon.artifacts.render.files import boards
from otel_recmon.artifacts.settings.thresholds import load
from otel_recmon.artifacts.signals.kinds import Signal
from tests.stack.filled import ENVIRONMENT, Filled

CONTROL, ARM = "random", "bts"
EVERYTHING: Final = ".*"
Json = dict[str, Any]
Values = dict[frozenset[tuple[str, str]], float]
PAGES: dict[str, Json] = {board.page.uid: json.loads(json_text(board)) for board in boards(load())}


def queries(pages: Iterable[Json]) -> dict[str, tuple[Json, Json]]:
    """Every query of every panel, with the panel; a number and its lines over time have the same title."""
    return {
        f"{page['uid']}.{panel['title']}.{panel['type']}.{target['refId']}": (dict(panel), dict(target))
        for page in pages
        for panel, target in targets(page)
    }


TARGETS = queries(PAGES.values())


def context_of(full: Filled, service: str) -> QueryContext:
    values = {
        "service": service,
        "environment": ENVIRONMENT,
        "control": CONTROL,
        "datasource": "",
        **dict.fromkeys(("model_version", "variant", "surface"), EVERYTHING),
    }
    return QueryContext(full.start, full.end, full.export_s, values, full.export_s)


def answer(full: Filled, service: str, target: Json) -> Values | list[float]:
    """What a query of a panel returns: values by labels at the end or, over time, all of them."""
    at = context_of(full, service)
    query = at.interpolate(target["expr"])
    if target["instant"]:
        result = full.prometheus.ask("query", query=query, time=str(at.end))["result"]
        return {frozenset(one["metric"].items()): float(one["value"][1]) for one in result}
    result = full.prometheus.ask("query_range", query=query, start=str(at.start), end=str(at.end), step=str(at.step))
    return [float(value) for one in result["result"] for _, value in one["values"]]


def numbers(found: Values | list[float]) -> list[float]:
    return list(found.values()) if isinstance(found, dict) else found


def number(full: Filled, service: str, uid: str, name: str) -> float:
    """What a number on a page shows."""
    found = answer(full, service, panel_of(uid, panel_id(f"{uid}.{name}.now"))["targets"][0])
    assert isinstance(found, dict)
    (value,) = found.values()
    return value


def zoomed_out(full: Filled, service: str, target: Json) -> Values:
    """What a query returns where one point of a line stands for all the time there was: values by labels."""
    query = replace(context_of(full, service), step=full.end - full.start).interpolate(target["expr"])
    found = full.prometheus.ask("query", query=query, time=str(full.end))["result"]
    return without_job({frozenset(one["metric"].items()): float(one["value"][1]) for one in found})


def explaining(signal: Signal) -> Json:
    """The panel of a signal."""
    return panel_of(signal.page.uid, signal.panel)


def panel_of(uid: str, number: int) -> Json:
    (panel,) = (one for one in panels(PAGES[uid]) if one["id"] == number)
    return dict(panel)


def by(label: str, found: Values) -> dict[str, float]:
    """Values by one of their labels."""
    return {dict(labels)[label]: value for labels, value in found.items()}


def without_job(values: Values | list[float]) -> Values:
    assert isinstance(values, dict)
    return {frozenset((k, v) for k, v in labels if k != "job"): value for labels, value in values.items()}
