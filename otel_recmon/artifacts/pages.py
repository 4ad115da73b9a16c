"""Where panels and alerts are found: uids, folders and panel ids that stay the same for ever."""

import zlib
from dataclasses import dataclass
from typing import Final

DATASOURCE: Final = "recmon-prometheus"
"""The uid of the Prometheus that dashboards and alerts ask."""
DASHBOARD_FOLDER: Final = "Recommender"
ALERT_FOLDER: Final = "Recommender alerts"
"""The two must differ: Grafana keeps what was provisioned apart by folder."""


@dataclass(frozen=True)
class Page:
    """A dashboard."""

    uid: str
    title: str


BUSINESS: Final = Page("recmon-business", "Recommender: business")
SERVICE: Final = Page("recmon-service", "Recommender: service")
QUALITY: Final = Page("recmon-quality", "Recommender: quality")
EXPERIMENTS: Final = Page("recmon-experiments", "Recommender: experiments")
TELEMETRY: Final = Page("recmon-telemetry", "Recommender: telemetry")
PAGES: Final = (BUSINESS, SERVICE, QUALITY, EXPERIMENTS, TELEMETRY)


def panel_id(name: str) -> int:
    """Return the id of the panel of a name: that of the signal it shows, or the page's own for any other."""
    return zlib.crc32(name.encode()) % 1_000_000 + 1
