"""What may be set of the alerts: read from TOML, over the defaults that the package ships, and checked strictly."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

DEFAULTS: Final = Path(__file__).with_name("alerts.toml")
SEVERITIES: Final = ("info", "warning", "critical")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION: Final = re.compile(r"(\d+)([smhdw])")
_DEVIATIONS: Final = "a number of standard deviations above 0"
_STALE: Final = {"ModelStale": 2, "ModelVeryStale": 4}
"""Alerts whose threshold is so many times the time between two trainings."""


class TuningError(ValueError):
    """A file that cannot be used as it is; says where, and what is expected."""


@dataclass(frozen=True)
class General:
    """What all alerts share."""

    interval: str
    sure: float
    objective: float
    grafana: str
    runbook: str
    secrets: str
    retrain_period: str = ""


@dataclass(frozen=True)
class Baseline:
    """What counts as usual: the same hour of so many days and, as far as they go back, weeks."""

    window: str
    day: str
    days: int
    weeks: int
    sure: float

    def back(self, days: int) -> str:
        """Return the offset of so many days."""
        count, unit = _parsed(self.day)
        return f"{count * days}{unit}"


@dataclass(frozen=True)
class Tuning:
    """What may be set of one alert; `hold` is `for` in the file."""

    enabled: bool
    severity: str
    hold: str
    threshold: float | None = None
    window: str = ""
    short_window: str = ""
    back: str = ""
    minimum_traffic: float = 0


@dataclass(frozen=True)
class Pace:
    """How often people are told: after how long first, at what distance, and when again if nothing changes."""

    wait: str
    interval: str
    repeat: str


@dataclass(frozen=True)
class Config:
    """Everything that may be set."""

    general: General
    baseline: Baseline
    alerts: Mapping[str, Tuning] = field(default_factory=dict)
    pace: Mapping[str, Pace] = field(default_factory=dict)


def seconds(duration: str) -> int:
    """Return a duration such as "5m" in seconds."""
    count, unit = _parsed(duration)
    return count * _UNITS[unit]


def load(path: Path | None = None) -> Config:
    """Return the defaults, or what a file makes of them.

    Raises:
        TuningError: The file has a key or value that means nothing, with the nearest that would.
    """
    defaults = tomllib.loads(DEFAULTS.read_text(encoding="utf-8"))
    own = tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
    return configured(own, defaults)


def configured(own: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> Config:
    """Return the defaults with one's own tables over them."""
    base = defaults or tomllib.loads(DEFAULTS.read_text(encoding="utf-8"))
    _refuse_unknown("", own, base)
    general = _general({**base["general"], **_table("general", own)})
    baseline = _baseline({**base["baseline"], **_table("baseline", own)})
    ours, theirs = _retrained(base["alerts"], general), _table("alerts", own)
    _refuse_unknown("alerts.", theirs, ours)
    alerts = {name: _tuning(name, ours[name], _table(name, theirs)) for name in ours}
    paces = _table("pace", own)
    _refuse_unknown("pace.", paces, base["pace"])
    return Config(general, baseline, alerts, {name: _pace(name, base["pace"][name], paces) for name in base["pace"]})


def _retrained(alerts: Mapping[str, Any], general: General) -> dict[str, Any]:
    if not general.retrain_period:
        return dict(alerts)
    hours = seconds(general.retrain_period) / _UNITS["h"]
    return {**alerts, **{name: {**alerts[name], "threshold": times * hours} for name, times in _STALE.items()}}


def _general(table: Mapping[str, Any]) -> General:
    general: General = _built(General, "general", table)
    _require(0 < general.objective < 1, "general.objective", general.objective, "a share between 0 and 1, such as 0.99")
    _require(general.sure > 0, "general.sure", general.sure, _DEVIATIONS)
    for name in ("interval", "retrain_period"):
        _require_duration(f"general.{name}", getattr(general, name), required=name == "interval")
    return general


def _baseline(table: Mapping[str, Any]) -> Baseline:
    baseline: Baseline = _built(Baseline, "baseline", table)
    for name in ("window", "day"):
        _require_duration(f"baseline.{name}", getattr(baseline, name), required=True)
    _require(baseline.sure > 0, "baseline.sure", baseline.sure, _DEVIATIONS)
    _require(baseline.days > 0, "baseline.days", baseline.days, "a whole number from 1")
    _require(baseline.weeks >= 0, "baseline.weeks", baseline.weeks, "a whole number from 0")
    return baseline


def _pace(name: str, ours: Mapping[str, Any], paces: Mapping[str, Any]) -> Pace:
    where = f"pace.{name}"
    pace: Pace = _built(Pace, where, {**ours, **_table(name, paces)})
    for key in ("wait", "interval", "repeat"):
        _require_duration(f"{where}.{key}", getattr(pace, key), required=True)
    for key in ("interval", "repeat"):
        _require(seconds(getattr(pace, key)) > 0, f"{where}.{key}", getattr(pace, key), "more than 0s")
    return pace


def _tuning(name: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Tuning:
    where = f"alerts.{name}"
    _refuse_unknown(f"{where}.", theirs, {*ours, "threshold"})
    table = {("hold" if key == "for" else key): value for key, value in {**ours, **theirs}.items()}
    tuning: Tuning = _built(Tuning, where, table)
    _require(tuning.severity in SEVERITIES, f"{where}.severity", tuning.severity, f"one of {', '.join(SEVERITIES)}")
    _require_duration(f"{where}.for", tuning.hold, required=True)
    for key in ("window", "short_window", "back"):
        _require_duration(f"{where}.{key}", getattr(tuning, key), required=key in ours)
    _require(tuning.minimum_traffic >= 0, f"{where}.minimum_traffic", tuning.minimum_traffic, "a number from 0")
    if tuning.enabled and tuning.threshold is None:
        raise TuningError(f"{where} is enabled but has no threshold: there is none that fits all, so say yours")
    return tuning


def _built(kind: type[Any], where: str, table: Mapping[str, Any]) -> Any:
    specs = {spec.name: spec for spec in fields(kind)}
    _refuse_unknown(f"{where}.", table, specs)
    for key, value in table.items():
        _require_type(f"{where}.{key}", value, specs[key].type)
    return kind(**table)


def _require_type(where: str, value: object, kind: object) -> None:
    expected: dict[object, tuple[str, tuple[type, ...]]] = {
        bool: ("true or false", (bool,)),
        str: ("a text", (str,)),
        int: ("a whole number", (int,)),
    }
    words, types = expected.get(kind, ("a number", (int, float)))
    _require(isinstance(value, types) and (bool in types or not isinstance(value, bool)), where, value, words)


def _require_duration(where: str, value: str, *, required: bool) -> None:
    if required or value:
        _require(_DURATION.fullmatch(value) is not None, where, value, "a duration such as 30s, 5m, 1h or 1d")


def _require(condition: bool, where: str, value: object, expected: str) -> None:
    if not condition:
        raise TuningError(f"{where} = {value!r} is not usable: expected {expected}")


def _table(name: str, tables: Mapping[str, Any]) -> Mapping[str, Any]:
    table = tables.get(name, {})
    _require(isinstance(table, Mapping), name, table, "a table")
    return table  # type: ignore[no-any-return]  # it is one: see above


def _refuse_unknown(where: str, table: Iterable[str], known: Iterable[str]) -> None:
    for key in set(table) - set(known):
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {where}{near[0]}?" if near else f"there are {', '.join(sorted(known))}"
        raise TuningError(f"{where}{key} is not known: {hint}")


def _parsed(duration: str) -> tuple[int, str]:
    found = _DURATION.fullmatch(duration)
    if not found:
        raise TuningError(f"{duration!r} is not a duration such as 30s, 5m, 1h or 1d")
    return int(found[1]), found[2]
