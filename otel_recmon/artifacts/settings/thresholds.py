"""What may be set: read from TOML, over the defaults that the package ships, and checked strictly."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from otel_recmon.artifacts.settings.deployment import LABELS, SECTIONS, Deployment, deployment_of
from otel_recmon.artifacts.settings.schema import (
    ADDRESS_OR_PATH,
    DURATION,
    LASTING,
    PATH,
    POSITIVE,
    URL,
    Form,
    TuningError,
    built,
    optional,
    parsed,
    refuse_unknown,
    seconds,
    setting,
    table_of,
)

__all__ = ["DEFAULTS", "SEVERITIES", "Config", "Tuning", "TuningError", "configured", "load", "seconds"]

DEFAULTS: Final = Path(__file__).with_name("alerts.toml")
SEVERITIES: Final = ("info", "warning", "critical")
_AN_HOUR_S: Final = 3600
_STALE: Final = {"ModelStale": 2, "ModelVeryStale": 4}
"""Alerts whose threshold is so many times the time between two trainings."""
_DEVIATIONS: Final = Form("a number of standard deviations above 0", lambda number: number > 0)
_SHARE: Final = Form("a share between 0 and 1, such as 0.99", lambda share: 0 < share < 1)
_CHANCE: Final = Form("a probability between 0 and 1, such as 0.05", lambda chance: 0 < chance < 1)
_ABOVE_0: Final = Form("a number above 0", lambda number: number > 0)
_FROM_0: Final = Form("a number from 0", lambda number: number >= 0)
_SEVERITY: Final = Form(f"one of {', '.join(SEVERITIES)}", SEVERITIES.__contains__)


@dataclass(frozen=True)
class General:
    """What all alerts share."""

    interval: str = setting(brief="how often the rules are evaluated", form=LASTING)
    sure: float = setting(
        brief="standard deviations from a threshold that are no coincidence; 2.33 is 1 in 100", form=_DEVIATIONS
    )
    objective: float = setting(brief="the share of responses that shall be good", form=_SHARE)
    grafana: str = setting(brief="where people open Grafana; for links", form=URL)
    runbook: str = setting(brief="where people read the runbook; for links", form=ADDRESS_OR_PATH)
    secrets: str = setting(brief="the folder with the addresses that Alertmanager sends to", form=PATH)
    retrain_period: str = setting(
        "",
        brief="how often the model is retrained: ModelStale at twice, ModelVeryStale at four times",
        form=optional(LASTING),
    )


@dataclass(frozen=True)
class Baseline:
    """What counts as usual: the same hour of so many days and, as far as they go back, weeks."""

    window: str = setting(brief="the hour: how far back the values look that are compared", form=LASTING)
    day: str = setting(brief="what a day is", form=LASTING)
    days: int = setting(brief="the last days; until there are as many, alerts against them are silent", form=POSITIVE)
    weeks: int = setting(
        brief="the same day of the last weeks, as far as they go back",
        form=Form("a whole number from 0", _FROM_0.fits),
    )
    sure: float = setting(brief="standard deviations that are no coincidence", form=_DEVIATIONS)

    def back(self, days: int) -> str:
        """Return the offset of so many days."""
        count, unit = parsed(self.day)
        return f"{count * days}{unit}"


@dataclass(frozen=True)
class Experiments:
    """How often the arms of an experiment may be called different for nothing, and when they are judged best."""

    mismatch: float = setting(brief="how often, over a whole experiment, a right split may look wrong", form=_CHANCE)
    harm: float = setting(
        brief="how often an arm that does no harm may look harmful or helpful, all arms together", form=_CHANCE
    )
    exposures: float = setting(
        brief="the split is best judged from five to five hundred times as many exposures", form=_ABOVE_0
    )
    events: float = setting(
        brief="arms are best judged from five to five hundred times as many clicks or conversions", form=_ABOVE_0
    )


@dataclass(frozen=True)
class Tuning:
    """What may be set of one alert."""

    enabled: bool = setting(brief="whether Grafana evaluates it, and whether it is among Prometheus's rules")
    severity: str = setting(brief="critical: wake somebody; warning: look today; info: for machines", form=_SEVERITY)
    hold: str = setting(brief="how long it must hold", form=DURATION, key="for")
    threshold: float | None = setting(
        None, brief="what the value is compared with, in the signal's own unit (shares as 0.05, not 5)"
    )
    window: str = setting("", brief="how far back the value looks", form=LASTING)
    short_window: str = setting("", brief="the same for the window that says that it goes on", form=LASTING)
    back: str = setting("", brief="how long ago it was different", form=LASTING)
    minimum_traffic: float = setting(
        0, brief="requests (clicks, items: see alerts.md) in the window below which it is silent", form=_FROM_0
    )


@dataclass(frozen=True)
class Pace:
    """How often people are told, of one severity."""

    wait: str = setting(brief="how long the first message waits for more alerts to come with it", form=DURATION)
    interval: str = setting(brief="how long after that what has changed since is told", form=LASTING)
    repeat: str = setting(brief="when an alert that goes on is told again", form=LASTING)


@dataclass(frozen=True)
class Config:
    """Everything that may be set."""

    general: General
    baseline: Baseline
    experiments: Experiments
    alerts: Mapping[str, Tuning]
    pace: Mapping[str, Pace]
    deployment: Deployment


def load(path: Path | None = None) -> Config:
    """Return the defaults, or what a file makes of them.

    Raises:
        TuningError: The file is no TOML, or has a key or value that means nothing, with the nearest that would.
    """
    try:
        own = tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TuningError(f"it is no TOML: {error}") from error
    return configured(own)


def configured(own: Mapping[str, Any]) -> Config:
    """Return the defaults with one's own tables over them."""
    base = shipped()
    refuse_unknown("", own, (*base, *SECTIONS, LABELS))
    general = built(General, "general", {**base["general"], **table_of("general", own)})
    baseline = built(Baseline, "baseline", {**base["baseline"], **table_of("baseline", own)})
    experiments = built(Experiments, "experiments", {**base["experiments"], **table_of("experiments", own)})
    ours, theirs = _retrained(base["alerts"], general), table_of("alerts", own)
    refuse_unknown("alerts.", theirs, ours)
    alerts = {name: _tuning(name, ours[name], table_of(name, theirs)) for name in ours}
    paces = table_of("pace", own)
    refuse_unknown("pace.", paces, base["pace"])
    pace = {name: built(Pace, f"pace.{name}", {**base["pace"][name], **table_of(name, paces)}) for name in base["pace"]}
    return Config(general, baseline, experiments, alerts, pace, deployment_of(own))


@cache
def shipped() -> Mapping[str, Any]:
    """Return the tables of the package's alerts.toml."""
    return tomllib.loads(DEFAULTS.read_text(encoding="utf-8"))


def _retrained(alerts: Mapping[str, Any], general: General) -> dict[str, Any]:
    if not general.retrain_period:
        return dict(alerts)
    hours = seconds(general.retrain_period) / _AN_HOUR_S
    return {**alerts, **{name: {**alerts[name], "threshold": times * hours} for name, times in _STALE.items()}}


def _tuning(name: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Tuning:
    where = f"alerts.{name}"
    refuse_unknown(f"{where}.", theirs, {*ours, "threshold"})
    tuning: Tuning = built(Tuning, where, {**ours, **theirs})
    if tuning.enabled and tuning.threshold is None:
        raise TuningError(f"{where} is enabled but has no threshold: there is none that fits all, so say yours")
    return tuning
