"""The command ``otel-recmon doctor``."""

import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from otel_recmon.doctor.application import ApplicationRoute, list_routes, sets_meter_provider
from otel_recmon.doctor.dry_run import DEFAULT_REQUEST, RecordedExchange, dry_run
from otel_recmon.doctor.examination import examine_all
from otel_recmon.doctor.printing import console, print_dry_run, print_report, print_routes
from otel_recmon.doctor.target import Target, read_process, split_command, variables_of_options
from otel_recmon.errors import RecmonError
from otel_recmon.findings import TOPICS


@click.command(short_help="Find problems in the telemetry of a service.")
@click.option("--only", type=click.Choice(TOPICS), help="Examine one topic.  [default: all]")
@click.option("--command", metavar="LINE", help="The start command of the service: 'uvicorn app:app --workers 4'.")
@click.option("--pid", type=click.IntRange(min=1), help="Read variables, command and folder of a running process.")
@click.option("--app", default="", metavar="MODULE:APP", help="Import the application and list its routes.")
@click.option(
    "--prometheus", default="", metavar="URL", help="The Prometheus with the metrics; token: PROMETHEUS_TOKEN."
)
@click.option("--grafana", default="", metavar="URL", help="The Grafana with the dashboards; token: GRAFANA_TOKEN.")
@click.option("--alerts", type=click.Path(path_type=Path), help="The file with your own alert thresholds.")
@click.option("--send-test", is_flag=True, help="Send one test message to SLACK_WEBHOOK_URL.")
@click.option(
    "--try",
    "response",
    type=click.Path(path_type=Path),
    help="Show the values that the plugin reads from the response body in this file; examine nothing else.",
)
@click.option(
    "--request",
    default=DEFAULT_REQUEST,
    show_default=True,
    help="With --try: the request line, or a JSON file with method, path, query, headers and body of the request.",
)
@click.option("--header", multiple=True, metavar="NAME:VALUE", help="With --try: a header of the request.")
@click.option("--response-header", multiple=True, metavar="NAME:VALUE", help="With --try: a header of the response.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(**chosen: Any) -> None:
    """Find problems in the telemetry of a service.

    Run it on the host of the service, with the same environment variables, Python interpreter and working directory.
    In Kubernetes: `kubectl exec deploy/shop -- otel-recmon doctor`. Each finding names the problem, its effect and its
    fix; docs/doctor.md lists all findings. The command changes nothing. It sends one export without metrics.

    \b
    otel-recmon doctor --command 'opentelemetry-instrument uvicorn app:app --workers 4' \\
        --prometheus http://prometheus:9090 --grafana http://grafana:3000
    otel-recmon doctor --try response.json --app app:app --request 'GET /users/7/recommendations?limit=5'

    Exit code: 0 without findings; 1 with findings; 2 if the service cannot be examined.
    """  # noqa: D301 - \b keeps click from joining the lines
    logging.disable(logging.CRITICAL)  # a finding reports each problem once; the log might print a secret
    try:
        sys.exit(_run(chosen))
    except RecmonError as error:
        click.echo(f"otel-recmon doctor: {error}", err=True)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - a traceback would exit with 1, which means findings
        click.echo(f"otel-recmon doctor failed: {type(error).__name__}: {error}", err=True)
    sys.exit(2)


def _run(chosen: dict[str, Any]) -> int:
    target = _target(chosen)
    routes = list_routes(target) if target.app else []
    target = replace(target, configured_in_code=sets_meter_provider() if target.app else False)
    if chosen["response"]:
        recorded = RecordedExchange(chosen["request"], chosen["response"], chosen["header"], chosen["response_header"])
        result = dry_run(target, recorded, routes)
        _show(chosen, routes, result.json(), lambda out: print_dry_run(result, out))
        return int(not result.successful)
    report = examine_all(target)
    _show(chosen, routes, report.json(), lambda out: print_report(report, out))
    return int(bool(report.findings))


def _show(
    chosen: dict[str, Any],
    routes: list[ApplicationRoute],
    content: dict[str, Any],
    print_content: Callable[[Console], None],
) -> None:
    if chosen["as_json"]:
        more = {"routes": [route.json() for route in routes]} if routes else {}
        click.echo(json.dumps({**content, **more}, indent=2, ensure_ascii=False, default=str))
        return
    out = console()
    if routes:
        print_routes(routes, out)
    print_content(out)


def _target(chosen: dict[str, Any]) -> Target:
    environ, folder = dict(os.environ), Path.cwd()
    command: list[str] = []
    source = ""
    if chosen["pid"]:
        environ, command, folder = read_process(chosen["pid"])
        source = f"process {chosen['pid']}"
    if chosen["command"]:
        command, source = split_command(chosen["command"]), "--command"
    options = {name: chosen[name] for name in ("app", "prometheus", "grafana", "alerts", "send_test")}
    environ |= variables_of_options(command)
    return Target(environ, command, source, folder, only=chosen["only"] or "", **options)
