"""JSON documents of readings. Shares are from 0 to 1, keys end in the value's unit, and unknown values are null."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from otel_recmon.top.alarms import Crossing
from otel_recmon.top.figures import COUNTED, OWN, REVENUE, SIGNALS, SignalValues
from otel_recmon.top.reading import Reading


def document(reading: Reading) -> dict[str, Any]:
    """Return the JSON document of a reading. The document does not contain how the figures changed over time."""
    seconds = reading.lookback.seconds
    judgement = reading.judgement
    return {
        **origin(reading.source, reading.at),
        "service": reading.title,
        "period": {
            "seconds": None if math.isnan(seconds) else round(seconds, 3),
            "since_start": reading.lookback.since_start,
        },
        "all": _figures(reading.answer.total) | {name: reading.answer.total.values.get(name) for name in OWN},
        "model_versions": {name: _figures(figures) for name, figures in reading.answer.versions.items()},
        "crossed": [_crossing(one) for one in judgement.crossings],
        "judged": list(judgement.judged),
        "not_judged": list(judgement.undecided),
    }


def failure(source: str, at: float, error: str) -> dict[str, Any]:
    """Return the JSON document of a failed reading."""
    return {**origin(source, at), "error": error}


def origin(source: str, at: float) -> dict[str, Any]:
    """Return the time and the source of a reading."""
    return {"at": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"), "source": source}


def _figures(figures: SignalValues) -> dict[str, Any]:
    values: dict[str, Any] = {name: figures.values.get(name) for name in (*SIGNALS, REVENUE)}
    counted: Mapping[str, Any] = {name: figures.counted(name) for name in COUNTED}
    return values | {"outcomes": dict(figures.outcomes), "counted": counted}


def _crossing(crossing: Crossing) -> dict[str, Any]:
    rule = crossing.rule
    return {
        "alert": rule.name,
        "severity": rule.severity,
        "labels": dict(crossing.labels),
        "value": crossing.value,
        "threshold": rule.threshold,
        "comparison": rule.alert.comparison.operator,
        "for": rule.hold,
        "text": crossing.text,
    }
