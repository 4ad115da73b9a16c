"""The documentation of the alerts: docs/alerts.md, and the generated part of each section of docs/runbook.md."""

from dataclasses import dataclass
from typing import Final

from otel_recmon.artifacts.alerts.definitions import alerts
from otel_recmon.artifacts.alerts.rule import Alert, value_format
from otel_recmon.artifacts.docs.reference import HEADER, table
from otel_recmon.artifacts.promql import IDENTITY, QueryScope
from otel_recmon.artifacts.settings.thresholds import Config, Tuning
from otel_recmon.artifacts.signals.kinds import Unit
from otel_recmon.catalog import MODEL_VERSION

_DEFAULT_WINDOW, _NO_HOLD = "5m", "0s"
_BY: Final = (*IDENTITY, MODEL_VERSION.name)


@dataclass(frozen=True)
class Simulated:
    """The results of a simulation of CtrLow. The test tests/rules/test_false_alarms.py repeats the simulation.

    Attributes:
        draws: The number of simulations for each of the other attributes.
        false_alarms: The number of false alarms per month if the true CTR is 1.2 times the threshold.
        detected: The share of simulations in which the alert fires within two hours. The service is new, and its CTR is
            0.7 times the threshold.
        detected_after: The share of simulations in which the alert fires within two hours. The CTR of the service falls
            from 1.2 times to 0.7 times the threshold.
    """

    draws: int
    false_alarms: float
    detected: float
    detected_after: float

    def formatted(self) -> dict[str, int | str]:
        """Return the results by their names, formatted for the documentation."""
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
    head = ("alert", "enabled", "severity", "condition", "for", "window", "minimum traffic")
    signals = {alert.signal.name: alert.signal for alert in listed}.values()
    meanings = [(f"`{signal.name}`", signal.title, signal.page.title, signal.description) for signal in signals]
    return "\n".join(
        (
            HEADER,
            "# Alerts\n",
            _INTRODUCTION,
            table(head, rows),
            _READING.format(
                z=config.general.z,
                baseline_z=config.baseline.z,
                days=config.baseline.days,
                weeks=config.baseline.weeks,
                window=config.baseline.window,
                objective=f"{100 * config.general.objective:.4g} %",
                bad=f"{100 * (1 - config.general.objective):.4g} %",
                **CTR_LOW.formatted(),
            ),
            "## Signals\n",
            table(("signal", "title", "dashboard", "definition"), meanings),
        )
    )


def timing_table(config: Config) -> str:
    """Return the table of the timing of messages."""
    rows = [
        (name, timing.group_wait, timing.group_interval, timing.repeat_interval)
        for name, timing in config.timing.items()
    ]
    return table(("severity", "first message after", "message about changes after", "repeated after"), rows)


def runbook_facts(alert: Alert, tuning: Tuning) -> str:
    """Return the generated part of an alert's section in the runbook: condition, first step, panel and query."""
    signal = alert.signal
    scope = QueryScope(tuning.window or _DEFAULT_WINDOW, tuple(label for label in _BY if label in alert.by))
    hold = "" if tuning.hold == _NO_HOLD else f", for {tuning.hold}"
    panel = f"*{signal.title}* on the dashboard *{signal.page.title}* (`/d/{signal.page.uid}?viewPanel={signal.panel}`)"
    return (
        f"**Fires if:** {condition(alert, tuning)}{hold} ({tuning.severity}).\n\n"
        f"**First step:** {alert.action}\n\n"
        f"**Panel:** {panel}, with this query:\n\n```promql\n{signal.expression(scope)}\n```\n"
    )


def facts_by_name(config: Config) -> dict[str, str]:
    """Return the generated part of each alert's section in the runbook, by the name of the alert."""
    return {alert.name: runbook_facts(alert, config.alerts[alert.name]) for alert in alerts(config)}


def condition(alert: Alert, tuning: Tuning) -> str:
    """Return the condition of an alert for people, such as "Error rate > 1%"."""
    limit = "your threshold" if tuning.threshold is None else value_format(alert).constant(tuning.threshold)
    unit = "per second" if alert.signal.unit is Unit.EVENTS_PER_SECOND else ""
    return " ".join(filter(None, (alert.signal.title, alert.against, alert.comparison.operator, limit, unit)))


def _row(alert: Alert, tuning: Tuning, config: Config) -> tuple[str, ...]:
    traffic = f"{alert.traffic}: {tuning.minimum_traffic:g}" if tuning.minimum_traffic else ""
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
    windows = [" and ".join(filter(None, (tuning.window, tuning.short_window)))]
    if not tuning.window and alert.against:
        windows = [config.baseline.window]
    if tuning.offset:
        windows.append(f"compared with {tuning.offset} ago" if tuning.window else tuning.offset)
    return ", ".join(filter(None, windows))


_INTRODUCTION: Final = """\
An alert compares a signal, such as the click-through rate, with a threshold. Each alert exists in two forms, which have
the same condition:

- for Grafana, in `grafana/provisioning/alerting/recmon-rules.json`;
- for Prometheus and Alertmanager, in `prometheus/rules/alerts/recmon.yml`, with recording rules for expensive
  expressions in `prometheus/rules/recmon.yml`.

Use only one of the two forms. If you use both, every message comes twice. The [runbook](runbook.md) has a section for
each alert. [slack.md](slack.md) explains the messages.

The alerts that are enabled by default rarely fire without a reason. Check that their thresholds fit your service: for
example, CtrLow fires if the click-through rate is below its threshold. Enable other alerts if they are useful for your
service. Disabled alerts are paused in Grafana and absent from Prometheus. If the condition of an alert mentions *your
threshold*, the alert does not exist until you set its threshold.

To change an alert, write a [recmon.toml](recmon-toml.md) and export again:

```toml
[alerts.EmptyShareHigh]
enabled = true
threshold = 0.02      # 2 %
```

Every alert is evaluated separately for each service (`job`) and environment (`deployment_environment_name`). An alert
whose signal has the label `model_version` is also evaluated separately for each model version.
"""
_READING: Final = """\
## How the conditions work

**Minimum traffic.** An alert is silent while its window contains fewer requests, clicks or items than its minimum
traffic. So an alert wakes nobody if there were only three requests and all of them failed.

**Statistical significance.** CtrLow, ErrorRateHigh, FallbackShareHigh and EmptyShareHigh compare a share with a
threshold. They fire only if chance does not explain the difference: the whole interval of the share must be on
the wrong side of the threshold. The interval extends {z:g} standard deviations to each side. A click-through rate can
exceed 100 %, because one request can get several clicks. So the interval of a click-through rate is that of a Poisson
count. The other shares have a Wilson interval.

CtrLow was simulated with one request per second. Each of these results comes from {draws:,} simulations:

- If the true CTR is 1.2 times the threshold, there are {false_alarms} false alarms per month.
- If the true CTR of a new service is 0.7 times the threshold, the alert fires within two hours in {detected} of the
  simulations.
- If the true CTR falls from 1.2 times to 0.7 times the threshold, the alert fires within two hours in
  {detected_after} of the simulations.

**Baseline.** The alerts whose names end in *BelowUsual* compare the last {window} with the same hour of earlier days.
A service has one baseline for all its model versions together. It is the smaller of two medians:

- the median of the last {days} days;
- the median of the same weekday in the last {weeks} weeks. Weeks without data are left out.

So neither a weekend nor the first day after a holiday looks like a drop. A model version that is bad from its first
minute is compared with the good versions before it. These alerts are silent until there are {days} days of data. None
of these alerts fires if a value rises.

These alerts fire only if the drop exceeds the threshold and is also more than {baseline_z:g} standard errors. For
click-through rates, conversion rates, requests and revenue, the standard error comes from a Poisson distribution. For
diversity, the standard error is at most 1/sqrt(number of slates). The catalog coverage includes only processes that
have answered enough requests to fill their coverage window.

**Burn rates** follow chapter 5 of The Site Reliability Workbook. The objective is {objective} good responses, so the
error budget is {bad} of all responses. At a burn rate of 1, the budget of a month lasts exactly one month. The long
window shows that a relevant part of the budget is lost. The short window resets the alert soon after the burning stops.

**Experiments.** SampleRatioMismatch, ArmLosesClicks and ArmLosesConversions use bounds that stay valid however often
you look at them. *Best case* means the upper bound of the difference.
[experiments.md](experiments.md#how-an-experiment-is-judged) explains these bounds and their limits.

**Model age.** If `general.retrain_period` is set, ModelStale fires when the model is older than twice this period.
ModelVeryStale fires when the model is older than four times this period.

**Grafana and Prometheus.** The alerts in Grafana query only raw series, so they do not need recording rules. Prometheus
has recording rules for the baselines and the long windows. Both forms of an alert use the same values, but the values
in Prometheus can be one evaluation interval older.

**Watchdog** always fires. If it stops, alerting is broken, and a [dead man's switch](slack.md#the-dead-mans-switch)
notices.
"""
