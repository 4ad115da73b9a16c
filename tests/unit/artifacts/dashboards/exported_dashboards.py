"""The dashboards of every export, and parametrizations over them, their panels and their queries."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from otel_recmon.artifacts.dashboards.interpolation import panels, targets
from otel_recmon.artifacts.signals.kinds import Signal
from tests.unit.artifacts.exports import EXPORTS, Export

Json = dict[str, Any]
FOLDER: Final = "grafana/dashboards/"
BY_UID: Final[dict[str, Json]] = {
    dashboard["uid"]: dashboard
    for export in EXPORTS.values()
    for dashboard in (json.loads(text) for name, text in export.files.items() if name.startswith(FOLDER))
}


def dashboards_of(export: Export) -> list[Json]:
    prefix = export.config.deployment.grafana.uid_prefix
    return [dashboard for uid, dashboard in BY_UID.items() if uid.startswith(f"{prefix}-")]


def panel_of(signal: Signal) -> Json:
    """The panel of the default export that shows a signal over time."""
    (panel,) = (one for one in panels(BY_UID[signal.page.uid]) if one["id"] == signal.panel)
    return dict(panel)


def _panels_with_ids() -> Iterator[Any]:
    for uid, dashboard in BY_UID.items():
        yield from (pytest.param(panel, id=f"{uid}.{panel['title']}") for panel in panels(dashboard))


def _targets_with_ids() -> Iterator[Any]:
    for uid, dashboard in BY_UID.items():
        for panel, target in targets(dashboard):
            yield pytest.param(panel, target, id=f"{uid}.{panel['title']}.{target['refId']}")


def _dashboards_with_exports() -> Iterator[Any]:
    for export in EXPORTS.values():
        yield from (pytest.param(export, dashboard, id=dashboard["uid"]) for dashboard in dashboards_of(export))


EACH_DASHBOARD: Final = pytest.mark.parametrize("dashboard", BY_UID.values(), ids=BY_UID)
EACH_PANEL: Final = pytest.mark.parametrize("panel", list(_panels_with_ids()))
EACH_TARGET: Final = pytest.mark.parametrize(
    "target", [pytest.param(one.values[1], id=one.id) for one in _targets_with_ids()]
)
EACH_TARGET_OF_PANEL: Final = pytest.mark.parametrize(("panel", "target"), list(_targets_with_ids()))
EACH_DASHBOARD_OF_EXPORT: Final = pytest.mark.parametrize(("export", "dashboard"), list(_dashboards_with_exports()))
