"""The command ``otel-recmon top``."""

import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from otel_recmon.artifacts.alerts.definitions import rules
from otel_recmon.artifacts.alerts.rule import AlertRule
from otel_recmon.artifacts.settings.thresholds import load
from otel_recmon.cli.stopping import stop_signals
from otel_recmon.errors import RecmonError
from otel_recmon.query.client import Prometheus
from otel_recmon.query.sources import TIMEOUT_S, Fleet, MetricsPage, MetricsSource
from otel_recmon.top.follow import Pace, follow
from otel_recmon.top.live import live
from otel_recmon.top.reading import Watch
from otel_recmon.top.screen import NARROW

PAGE_S, FLEET_S = 2.0, 10.0
"""Seconds between two refreshes: from a metrics page, and from Prometheus, which gets new samples less often."""
EXAMPLES = """\b
Examples:
  otel-recmon top http://localhost:9464/metrics
  otel-recmon top --prometheus http://localhost:9090 --job shop --environment production
  otel-recmon top http://localhost:9464/metrics --once --json | jq .all.ctr
"""


@click.command(short_help="Watch a service live: rates, clicks, latency, quality, crossed thresholds.", epilog=EXAMPLES)
@click.argument("url", required=False)
@click.option("--prometheus", metavar="URL", help="Read the whole fleet from a Prometheus instead of one page.")
@click.option("--job", default="", help="The service, by its label 'job'; required if there are several.")
@click.option("--environment", default="", help="The environment of the service; required if it has several.")
@click.option("--window", type=click.FloatRange(min=1), default=300, show_default=True, help="Seconds to look back.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.2),
    help=f"Seconds between two refreshes.  [default: {PAGE_S:g}, with --prometheus {FLEET_S:g}]",
)
@click.option("--once", is_flag=True, help="Read once; exit code 1 if a threshold is crossed.")
@click.option("--count", type=click.IntRange(min=1), help="Read COUNT times; exit code as with --once.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per refresh.")
@click.option(
    "--alerts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TOML file with your own alert thresholds, as described in docs/alerts.md.",
)
def top(**chosen: Any) -> None:
    """Watch a service live.

    URL is the metrics page of one process, such as http://localhost:9464/metrics. Shows for each model version:
    requests, errors, click-through rate with its 95 % interval, conversions, revenue, latency, outcomes, diversity,
    coverage and age of the model. Also shows errors of the plugin itself and all alert thresholds that are crossed
    now. The figures cover the last five minutes (--window), or less if there are data for a shorter time only.

    A metrics page has no history and covers only one process, so some alerts cannot be evaluated from it. The command
    lists these alerts. Without a terminal, the command prints one block per refresh.

    Exit code: 0; with --once or --count, 1 if a threshold is crossed at the last refresh; 2 if there are no data.
    """
    received = stop_signals()
    try:
        sys.exit(_run(**chosen))
    except RecmonError as error:
        click.echo(f"otel-recmon top: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(128 + received[0] if received else 0)


def _run(  # noqa: PLR0913 - one parameter per option
    *,
    url: str | None,
    prometheus: str | None,
    job: str,
    environment: str,
    window: float,
    interval: float | None,
    once: bool,
    count: int | None,
    as_json: bool,
    alerts: Path | None,
) -> int:
    if bool(url) == bool(prometheus):
        raise click.UsageError("give either the URL of a metrics page or --prometheus URL")
    if once and count:
        raise click.UsageError("--once is the same as --count 1: remove one of them")
    pace = Pace(interval or (FLEET_S if prometheus else PAGE_S), 1 if once else count)
    if url:
        source: MetricsSource = MetricsPage(url, window, pace.interval_s)
    else:
        source = Fleet(Prometheus(str(prometheus), TIMEOUT_S), window)
    rules = _rules(alerts)
    watch = Watch(source, rules, job, environment)
    console = Console()
    if not console.is_terminal:
        console = Console(width=NARROW)
    if console.is_terminal and not as_json and not pace.count:
        live(watch, rules, pace, console)
        return 0
    last = follow(watch, rules, pace, console, as_json=as_json)
    return 1 if last.judgement.crossings else 0


def _rules(file: Path | None) -> tuple[AlertRule, ...]:
    try:
        return rules(load(file))
    except ValueError as error:  # malformed TOML, or an unknown or unusable setting
        raise click.BadParameter(f"{file}: {error}", param_hint="--alerts") from error
