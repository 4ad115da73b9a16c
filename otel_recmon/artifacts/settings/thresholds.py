"""Settings of the alerts, and functions that load all settings: the shipped defaults, overridden by a recmon.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from otel_recmon.artifacts.settings.deployment import LABELS, SECTIONS, Deployment, deployment_of
from otel_recmon.artifacts.settings.schema import (
    DURATION,
    PATH,
    POSITIVE_DURATION,
    POSITIVE_INTEGER,
    URL,
    URL_OR_PATH,
    Constraint,
    TuningError,
    build,
    optional,
    parse_duration,
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
"""The threshold of each alert about an old model, as a multiple of `retrain_period`, by the name of the alert."""
_Z_SCORE: Final = Constraint("a number of standard errors greater than 0", lambda number: number > 0)
_SHARE: Final = Constraint("a share between 0 and 1, such as 0.99", lambda share: 0 < share < 1)
_PROBABILITY: Final = Constraint("a probability between 0 and 1, such as 0.05", lambda chance: 0 < chance < 1)
_POSITIVE: Final = Constraint("a number greater than 0", lambda number: number > 0)
_NOT_NEGATIVE: Final = Constraint("a number of at least 0", lambda number: number >= 0)
_SEVERITY: Final = Constraint(f"one of {', '.join(SEVERITIES)}", SEVERITIES.__contains__)


@dataclass(frozen=True)
class General:
    """Settings that all alerts share."""

    interval: str = setting(
        brief="evaluation interval of the rules; Grafana accepts only multiples of 10s",
        constraint=POSITIVE_DURATION,
    )
    z: float = setting(
        brief="number of standard errors by which a share must be beyond its threshold before an alert fires; by "
        "chance alone, a share is more than 2.33 standard errors beyond its true value in 1 of 100 evaluations; a "
        "higher number causes fewer false alarms",
        constraint=_Z_SCORE,
        key="sure",
    )
    objective: float = setting(
        brief="service level objective: the minimum share of good responses in all responses; a good response is "
        "served and fast enough",
        constraint=_SHARE,
    )
    grafana: str = setting(brief="address of Grafana, for links in messages", constraint=URL)
    runbook: str = setting(brief="address of the runbook, for links in messages", constraint=URL_OR_PATH)
    secrets: str = setting(
        brief="directory with the files from which Alertmanager reads its webhook addresses", constraint=PATH
    )
    retrain_period: str = setting(
        "",
        brief="time between two trainings of the model, such as 12h; if it is set, ModelStale fires at a model age of "
        "twice this time, and ModelVeryStale at four times this time",
        constraint=optional(POSITIVE_DURATION),
    )


@dataclass(frozen=True)
class Baseline:
    """The baseline of an alert, which is the usual value at the same hour of earlier days."""

    window: str = setting(brief="window over which the compared values are computed", constraint=POSITIVE_DURATION)
    day: str = setting(
        brief="time between two days of the baseline; keep 1d: other values are only for tests with shorter days",
        constraint=POSITIVE_DURATION,
    )
    days: int = setting(
        brief="number of preceding days in the baseline; alerts that use the baseline are silent until a service has "
        "sent data for this number of days",
        constraint=POSITIVE_INTEGER,
    )
    weeks: int = setting(
        brief="number of preceding weeks in the baseline; only the same weekday of each week is used, and weeks "
        "without data are left out; with 0, the baseline contains only the preceding days",
        constraint=Constraint("an integer of at least 0", _NOT_NEGATIVE.accepts),
    )
    z: float = setting(
        brief="number of standard errors by which a value must be below its baseline before an alert fires; a higher "
        "number causes fewer false alarms",
        constraint=_Z_SCORE,
        key="sure",
    )

    def offset(self, days: int) -> str:
        """Return the PromQL offset of a number of days, such as "7d". The setting `day` is the length of a day."""
        count, unit = parse_duration(self.day)
        return f"{count * days}{unit}"


@dataclass(frozen=True)
class Experiments:
    """Error probabilities of the alerts about experiments, and the sample sizes for which these alerts are tuned."""

    mismatch: float = setting(
        brief="probability of a false alarm: that a correct split is reported as a sample ratio mismatch at least "
        "once during an experiment",
        constraint=_PROBABILITY,
    )
    harm: float = setting(
        brief="probability of a false alarm: that any arm without an effect is reported as better or worse than the "
        "control at least once during an experiment",
        constraint=_PROBABILITY,
    )
    exposures: float = setting(
        brief="number of exposures for which the bounds of the split are tuned; the bounds are nearly as tight as "
        "possible from 5 times to 500 times this number",
        constraint=_POSITIVE,
    )
    events: float = setting(
        brief="number of clicks or conversions for which the bounds of their rates are tuned; the bounds are nearly as "
        "tight as possible from 5 times to 500 times this number",
        constraint=_POSITIVE,
    )


@dataclass(frozen=True)
class Tuning:
    """Settings of one alert."""

    enabled: bool = setting(
        brief="whether the alert is evaluated; a disabled alert is paused in Grafana and absent from Prometheus's rules"
    )
    severity: str = setting(
        brief="critical: wake somebody; warning: look at it today; info: for machines only", constraint=_SEVERITY
    )
    hold: str = setting(
        brief="time for which the condition must hold before the alert fires", constraint=DURATION, key="for"
    )
    threshold: float | None = setting(
        None,
        brief="limit of the value, in the unit of its signal; shares and relative changes are fractions: 0.05 is 5 %, "
        "-0.2 is 20 % less",
    )
    window: str = setting("", brief="window over which the value is computed", constraint=POSITIVE_DURATION)
    short_window: str = setting(
        "",
        brief="short window of a multi-window burn-rate alert; it resets the alert soon after the burning stops",
        constraint=POSITIVE_DURATION,
    )
    offset: str = setting(
        "",
        brief="offset of the earlier period with which the alert compares the present; 1d is one day ago",
        constraint=POSITIVE_DURATION,
        key="back",
    )
    minimum_traffic: float = setting(
        0,
        brief="minimum number of requests, clicks or items in the window; with fewer of them, the alert is silent; "
        "alerts.md names what each alert counts",
        constraint=_NOT_NEGATIVE,
    )


@dataclass(frozen=True)
class NotificationTiming:
    """Timing of the messages about alerts of one severity."""

    group_wait: str = setting(
        brief="delay of the first message about a group of alerts; the message includes all alerts that begin within "
        "this delay (group_wait)",
        constraint=DURATION,
        key="wait",
    )
    group_interval: str = setting(
        brief="minimum time between a message and a message about new or resolved alerts of the same group "
        "(group_interval)",
        constraint=POSITIVE_DURATION,
        key="interval",
    )
    repeat_interval: str = setting(
        brief="time after which a message is repeated if no alert of the group has changed (repeat_interval)",
        constraint=POSITIVE_DURATION,
        key="repeat",
    )


@dataclass(frozen=True)
class Config:
    """All settings of recmon.toml."""

    general: General
    baseline: Baseline
    experiments: Experiments
    alerts: Mapping[str, Tuning]
    timing: Mapping[str, NotificationTiming]
    deployment: Deployment


def load(path: Path | None = None) -> Config:
    """Return the default settings, overridden by the settings in a file. Without `path`, nothing is overridden.

    Raises:
        TuningError: The file is not valid TOML, a key is unknown, or a value is missing, is not usable, or
            contradicts another value.
    """
    try:
        own = tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TuningError(f"not valid TOML: {error}") from error
    return configured(own)


def configured(own: Mapping[str, Any]) -> Config:
    """Return the default settings, overridden by the settings in the given tables.

    Raises:
        TuningError: A key is unknown, a value is not usable, or an enabled alert has no threshold.
    """
    base = shipped()
    refuse_unknown("", own, (*base, *SECTIONS, LABELS))
    general = build(General, "general", {**base["general"], **table_of("general", own)})
    baseline = build(Baseline, "baseline", {**base["baseline"], **table_of("baseline", own)})
    experiments = build(Experiments, "experiments", {**base["experiments"], **table_of("experiments", own)})
    ours, theirs = _with_retrain_period(base["alerts"], general), table_of("alerts", own)
    refuse_unknown("alerts.", theirs, ours)
    alerts = {name: _tuning(name, ours[name], table_of(name, theirs)) for name in ours}
    return Config(general, baseline, experiments, alerts, _timing(base["pace"], own), deployment_of(own))


@cache
def shipped() -> Mapping[str, Any]:
    """Return the tables of the shipped alerts.toml."""
    return tomllib.loads(DEFAULTS.read_text(encoding="utf-8"))


def _with_retrain_period(alerts: Mapping[str, Any], general: General) -> dict[str, Any]:
    if not general.retrain_period:
        return dict(alerts)
    hours = seconds(general.retrain_period) / _AN_HOUR_S
    return {**alerts, **{name: {**alerts[name], "threshold": times * hours} for name, times in _STALE.items()}}


def _tuning(name: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Tuning:
    where = f"alerts.{name}"
    refuse_unknown(f"{where}.", theirs, {*ours, "threshold"})
    tuning: Tuning = build(Tuning, where, {**ours, **theirs})
    if tuning.enabled and tuning.threshold is None:
        raise TuningError(f"{where} is enabled but has no threshold: set one, because no default fits every service")
    return tuning


def _timing(ours: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, NotificationTiming]:
    theirs = table_of("pace", own)
    refuse_unknown("pace.", theirs, ours)
    return {
        name: build(NotificationTiming, f"pace.{name}", {**defaults, **table_of(name, theirs)})
        for name, defaults in ours.items()
    }
