"""Doctor's output for people: coloured on a terminal, plain lines elsewhere."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from otel_recmon.doctor.application import ApplicationRoute
from otel_recmon.doctor.dry_run import DryRun
from otel_recmon.doctor.examination import Report
from otel_recmon.findings import Finding

WIDTH: Final = 120
"""The width of the output, in characters, if it does not go to a terminal."""
_COLOURS: Final = {"error": "bold red", "warning": "bold yellow"}
_INDENT: Final = (0, 0, 0, 2)
_MAX_ITEMS: Final = 5
"""The maximum number of printed values of a list. Three dots stand for the other values."""


def console() -> Console:
    """Return the console for standard output."""
    found = Console(highlight=False, emoji=False)
    return found if found.is_terminal else Console(highlight=False, emoji=False, width=WIDTH)


def print_report(report: Report, out: Console) -> None:
    """Print the findings, their number, and the topics that were not examined."""
    for finding in report.findings:
        _print_finding(finding, out)
    found = len(report.findings)
    result = "nothing wrong" if not found else f"{found} finding{'s'[: found > 1]}"
    out.print(f"[bold]{result}[/bold] in {', '.join(report.examined) or 'nothing'}", soft_wrap=True)
    for topic, reason in report.skipped.items():
        out.print(f"not examined: {topic} ({escape(reason)})", soft_wrap=True)


def _print_finding(finding: Finding, out: Console) -> None:
    colour = _COLOURS[finding.severity]
    out.print(f"[{colour}]{finding.severity}[/{colour}] {finding.name} ({finding.topic})")
    for label, text in (("", finding.what), ("Why: ", finding.why), ("Fix: ", finding.fix)):
        line = f"[dim]{label}[/dim]{escape(text)}"
        out.print(Padding(line, _INDENT) if out.is_terminal else f"  {line}", soft_wrap=not out.is_terminal)
    out.print()


def print_routes(routes: Sequence[ApplicationRoute], out: Console) -> None:
    """Print the routes of an application and their kinds."""
    table = Table("route", "watched as", box=None, pad_edge=False)
    for method, template, kind in routes:
        table.add_row(escape(f"{method} {template}"), kind.value if kind else "[dim]not watched[/dim]")
    out.print(table, "")


def print_dry_run(result: DryRun, out: Console) -> None:
    """Print the values that the plugin reads from a response."""
    table = Table.grid(padding=(0, 2))
    for name, value in _rows(result):
        table.add_row(name, escape(value))
    out.print(table, "")


def _rows(result: DryRun) -> Iterator[tuple[str, str]]:
    yield "route", f"{result.route}, {f'watched as {result.watched_as}' if result.watched_as else 'not watched'}"
    yield "outcome", result.outcome or "none"
    if result.items is None:
        yield "items", f"not recognised: {result.advice}"
    else:
        yield "items", f"{len(result.items)}: {_first_items(result.items)}" if result.items else "an empty list"
    yield "requested", f"{result.requested} items" if result.requested else "unknown"
    for name in ("categories", "scores", "positions"):
        values = getattr(result, name)
        yield name, "none" if values is None else _first_items(values)
    for name in ("model_version", "variant", "surface", "user"):
        yield name.replace("_", " "), str(getattr(result, name) or "unknown")
    for reason, times in result.set_aside.items():
        yield "set aside", f"{reason}, {times} times"


def _first_items(values: Sequence[Any]) -> str:
    shown = ", ".join(str(value) for value in values[:_MAX_ITEMS])
    return f"{shown}, ..." if len(values) > _MAX_ITEMS else shown
