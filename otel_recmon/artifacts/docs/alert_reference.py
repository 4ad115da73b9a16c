"""What people read of the alerts: docs/alerts.md, and the facts in each section of docs/runbook.md."""

from dataclasses import dataclass
from typing import Final

from otel_recmon.artifacts.alerts.definitions import alerts
from otel_recmon.artifacts.alerts.rule import Alert, shown
from otel_recmon.artifacts.docs.reference import HEADER, table
from otel_recmon.artifacts.promql import IDENTITY, QueryScope
from otel_recmon.artifacts.settings.thresholds import Config, Tuning
from otel_recmon.catalog import MODEL_VERSION

_A_WHILE, _AT_ONCE = "5m", "0s"
_BY: Final = (*IDENTITY, MODEL_VERSION.name)


@dataclass(frozen=True)
class Simulated:
    """What a simulation of CtrLow found; a test repeats it.

    Attributes:
        draws: Simulated months, and simulated drops.
        false_alarms: Alarms a month at a true rate of 1.2 times the threshold.
        detected: Share of services that begin at 0.7 times the threshold and are noticed within two hours.
        detected_after: The same for those that were at 1.2 times the threshold before.
    """

    draws: int
    false_alarms: float
    detected: float
    detected_after: float

    def words(self) -> dict[str, int | str]:
        """Return the figures as the documentation gives them."""
        return {
            "draws": self.draws,
            "false_alarms": f"{self.false_alarms:g}",
            "detected": f"{self.detected:.1%}",
            "detected_after": f"{self.detected_after:.1%}",
        }


CTR_LOW: Final = Simulated(draws=1000, false_alarms=0.0, detected=1.0, detected_after=1.0)


def alerts_page(config: Config) -> str:
    """Return docs/alerts.md."""
    listed = alerts(config)
    rows = [_row(alert, config.alerts[alert.name], config) for alert in listed]
    head = ("alert", "on", "severity", "fires when", "for", "over", "at least")
    signals = {alert.signal.name: alert.signal for alert in listed}.values()
    meanings = [(f"`{signal.name}`", signal.title, signal.page.title, signal.description) for signal in signals]
    return "\n".join(
        (
            HEADER,
            "# Alerts\n",
            _INTRODUCTION,
            table(head, rows),
            _READING.format(
                sure=config.general.sure,
                usual_sure=config.baseline.sure,
                days=config.baseline.days,
                weeks=config.baseline.weeks,
                window=config.baseline.window,
                objective=f"{config.general.objective:.3g}",
                **CTR_LOW.words(),
            ),
            "## What they look at\n",
            table(("signal", "title", "page", "definition"), meanings),
        )
    )


def pace_table(config: Config) -> str:
    """Return the table of how often people are told."""
    rows = [(name, pace.wait, pace.interval, pace.repeat) for name, pace in config.pace.items()]
    return table(("severity", "first message after", "changes every", "again after"), rows)


def runbook_facts(alert: Alert, tuning: Tuning) -> str:
    """Return what a section of the runbook says of its alert: when it fires, and what to look at first."""
    signal = alert.signal
    scope = QueryScope(tuning.window or _A_WHILE, tuple(label for label in _BY if label in alert.by))
    held = "" if tuning.hold == _AT_ONCE else f", for {tuning.hold}"
    page = f"the page *{signal.page.title}* (`/d/{signal.page.uid}?viewPanel={signal.panel}`)"
    return (
        f"{tuning.severity.capitalize()}, when {condition(alert, tuning)}{held}. "
        f"Look at *{signal.title}* on {page}:\n\n```promql\n{signal.expression(scope)}\n```\n"
    )


def facts_by_name(config: Config) -> dict[str, str]:
    """Return the facts of each alert."""
    return {alert.name: runbook_facts(alert, config.alerts[alert.name]) for alert in alerts(config)}


def condition(alert: Alert, tuning: Tuning) -> str:
    """Return when an alert fires, in words."""
    limit = "a floor of your own" if tuning.threshold is None else shown(alert).constant(tuning.threshold)
    return " ".join(filter(None, (alert.signal.title, alert.comparison.operator, limit, alert.against)))


def _row(alert: Alert, tuning: Tuning, config: Config) -> tuple[str, ...]:
    traffic = f"{tuning.minimum_traffic:g} {alert.traffic}" if tuning.minimum_traffic else ""
    return (
        f"[{alert.name}](runbook.md#{alert.name.lower()})",
        "yes" if tuning.enabled else "no",
        tuning.severity,
        condition(alert, tuning),
        tuning.hold,
        _windows(alert, tuning, config),
        traffic,
    )


def _windows(alert: Alert, tuning: Tuning, config: Config) -> str:
    windows = [window for window in (tuning.window, tuning.short_window) if window]
    if tuning.back:
        windows.append(f"against {tuning.back} ago" if windows else tuning.back)
    if not windows and alert.against:
        windows.append(config.baseline.window)
    return ", ".join(windows)


_INTRODUCTION: Final = """\
Each alert is defined once, in `otel_recmon/artifacts/alerts/definitions.py`, and comes in three forms: for Grafana
(`grafana/provisioning/alerting/recmon-rules.json`), for Prometheus with Alertmanager
(`prometheus/rules/alerts/recmon.yml`, with `prometheus/rules/recmon.yml` for what is expensive), and this page. What to
do when one fires is in the [runbook](runbook.md), how it gets to Slack in [slack.md](slack.md).

Those that are on wake few people for good reasons. The others are there for when you want them: Grafana has them
paused, Prometheus does not have them at all. Numbers and switches stand in \
`otel_recmon/artifacts/settings/alerts.toml`; your
own [recmon.toml](recmon-toml.md) overrides what it names, and whatever it misspells is refused with the nearest right
name. A floor without a threshold is not rendered until you give it one.

Every alert keeps services (`job`), environments (`deployment_environment_name`) and, where its signal has them, model
versions apart. The watchdog alone has none of these: it always fires, so that a receiver outside can notice when it
stops.
"""
_READING: Final = """\
## How to read them

**At least** is the traffic within the window below which an alert is silent: three requests that all fail are no
reason to wake anybody.

**Surely.** A share that is compared with a threshold (CtrLow, ErrorRateHigh, FallbackShareHigh, EmptyShareHigh) must
be on the wrong side of it by more than chance: the bound of Wilson's interval, {sure:g} standard deviations, must be
beyond the threshold. For CtrLow this was simulated at one request a second, over {draws:,} draws each: with a true CTR
of 1.2 times the threshold it raises {false_alarms} false alarms a month; with 0.7 times the threshold it fires within
two hours in {detected} of cases, or in {detected_after} where the CTR was at 1.2 times the threshold before.

**Usual** is the value of the service at the same hour of earlier days, over all its model versions: the smaller of two
medians, of the last {days} days and of the same day of the last {weeks} weeks, as far back as they go. So neither a
weekend nor the Monday after a holiday is a drop, and a model version that is bad from its first minute has something
to be compared with. Until the service has been seen for {days} days, these alerts are silent. The value over {window}
must differ by more than the threshold and by more than chance ({usual_sure:g} standard deviations: Wilson's bound for
shares, Poisson's law for requests and revenue, at most one over the root of the number of slates for diversity).
Coverage looks at processes that have answered enough to fill their window. They look for drops; a rise alarms nobody.

**Burn rates** follow chapter 5 of the SRE Workbook: the share of bad responses (not served, or too slow) over what the
objective of {objective} allows, in a long window that says that much is lost and a short one that says that it goes on.

**Against the control.** What an arm of an experiment loses, and whether the split is right, is judged by bounds that
hold however often one looks: [experiments.md](experiments.md#how-it-is-judged) says how, and where that ends.

**ModelStale** and **ModelVeryStale** become two and four times `retrain_period`, where the file sets it.

**Both ways.** Grafana asks for raw series only, so that its alerts do not die with a recording rule. Prometheus records
what is usual and the long windows. The values are the same, up to one evaluation.
"""
