"""The dashboards, as Grafana reads them from files; what they ask comes from the signals."""

from typing import Final

from otel_recmon.artifacts.dashboards import business, experiments, quality, service, telemetry
from otel_recmon.artifacts.dashboards.board import Board

BOARDS: Final[tuple[Board, ...]] = (
    business.BOARD,
    service.BOARD,
    quality.BOARD,
    experiments.BOARD,
    telemetry.BOARD,
)
