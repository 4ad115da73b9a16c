"""``otel-recmon doctor``."""

import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from otel_recmon.doctor.application import Watched, routes
from otel_recmon.doctor.dry_run import DEFAULT, Asked, trial
from otel_recmon.doctor.examination import examination
from otel_recmon.doctor.printing import console, tell, tell_routes, tell_trial
from otel_recmon.doctor.target import Patient, instrumented, running, split
from otel_recmon.errors import RecmonError
from otel_recmon.findings import TOPICS


@click.command(short_help="Find what is wrong with a service's telemetry before production does.")
@click.option("--only", type=click.Choice(TOPICS), help="Examine one topic.")
@click.option("--command", metavar="LINE", help="How the service is started: 'uvicorn app:app --workers 4'.")
@click.option("--pid", type=click.IntRange(min=1), help="Take environment and command from a running process.")
@click.option("--app", default="", metavar="MODULE:APP", help="Import the application, and list its routes.")
@click.option(
    "--prometheus", default="", metavar="URL", help="The Prometheus with the metrics; token: PROMETHEUS_TOKEN."
)
@click.option("--grafana", default="", metavar="URL", help="The Grafana with the dashboards; token: GRAFANA_TOKEN.")
@click.option("--alerts", type=click.Path(path_type=Path), help="The file with thresholds of your own.")
@click.option("--send-test", is_flag=True, help="Send one message to SLACK_WEBHOOK_URL.")
@click.option(
    "--try", "response", type=click.Path(path_type=Path), help="Show what is read from this response instead."
)
@click.option("--request", default=DEFAULT, show_default=True, help="With --try: the request that it answers.")
@click.option("--header", multiple=True, metavar="NAME:VALUE", help="With --try: a header of the request.")
@click.option("--response-header", multiple=True, metavar="NAME:VALUE", help="With --try: a header of the response.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(**chosen: Any) -> None:
    """Find what is wrong with a service's telemetry before production does.

    Run it in the environment of the service: the same variables, the same interpreter, the same folder, such as
    `kubectl exec deploy/shop -- otel-recmon doctor`. Each finding says what is wrong, why it matters and what to
    do; docs/doctor.md lists all. It changes nothing, and sends nothing but an export without metrics.

    \b
    otel-recmon doctor --command 'opentelemetry-instrument uvicorn app:app --workers 4' \\
        --prometheus http://prometheus:9090 --grafana http://grafana:3000
    otel-recmon doctor --try response.json --app app:app --request 'GET /users/7/recommendations?limit=5'

    Exit code: 0 if nothing is wrong; 1 if something is; 2 if it could not be examined.
    """  # noqa: D301 - click's mark for lines that stay
    logging.disable(logging.CRITICAL)  # what is wrong is said once, and a log may hold a secret
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal of few characters
    try:
        sys.exit(_run(chosen))
    except RecmonError as error:
        click.echo(f"otel-recmon doctor: {error}", err=True)
    except Exception as error:  # noqa: BLE001 - an exit code of 1 would say that something was found
        click.echo(f"otel-recmon doctor failed: {type(error).__name__}: {error}", err=True)
    sys.exit(2)


def _run(chosen: dict[str, Any]) -> int:
    patient = _patient(chosen)
    listed = routes(patient) if patient.app else []
    if chosen["response"]:
        asked = Asked(chosen["request"], chosen["response"], chosen["header"], chosen["response_header"])
        tried = trial(patient, asked, listed)
        _show(chosen, listed, tried.json(), lambda out: tell_trial(tried, out))
        return int(not tried.good)
    report = examination(patient)
    _show(chosen, listed, report.json(), lambda out: tell(report, out))
    return int(bool(report.findings))


def _show(
    chosen: dict[str, Any], listed: list[Watched], content: dict[str, Any], say: Callable[[Console], None]
) -> None:
    if chosen["as_json"]:
        more = {"routes": [route.json() for route in listed]} if listed else {}
        click.echo(json.dumps({**content, **more}, indent=2, ensure_ascii=False, default=str))
        return
    out = console()
    if listed:
        tell_routes(listed, out)
    say(out)


def _patient(chosen: dict[str, Any]) -> Patient:
    environ, folder = dict(os.environ), Path.cwd()
    command: list[str] = []
    source = ""
    if chosen["pid"]:
        environ, command, folder = running(chosen["pid"])
        source = f"process {chosen['pid']}"
    if chosen["command"]:
        command, source = split(chosen["command"]), "--command"
    asked = {name: chosen[name] for name in ("app", "prometheus", "grafana", "alerts", "send_test")}
    environ |= instrumented(command)
    return Patient(environ, command, source, folder, only=chosen["only"] or "", **asked)
