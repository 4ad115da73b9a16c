"""What was found, for people: by rich, in plain lines where there is no terminal."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from otel_recmon.config import variable
from otel_recmon.doctor.application import Watched
from otel_recmon.doctor.dry_run import Trial
from otel_recmon.doctor.examination import Report
from otel_recmon.findings import Finding

WIDTH: Final = 120
"""Of the lines, where there is no terminal."""
_COLOURS: Final = {"error": "bold red", "warning": "bold yellow"}
_INDENT: Final = (0, 0, 0, 2)
_FIRST: Final = 5
"""Items that are shown of a list."""


def console() -> Console:
    """Return where to print to."""
    found = Console(highlight=False, emoji=False)
    return found if found.is_terminal else Console(highlight=False, emoji=False, width=WIDTH)


def tell(report: Report, out: Console) -> None:
    """Print what was found, and what was not looked at."""
    for finding in report.findings:
        _tell_one(finding, out)
    found = len(report.findings)
    said = "nothing wrong" if not found else f"{found} finding{'s'[: found > 1]}"
    out.print(f"[bold]{said}[/bold] in {', '.join(report.examined) or 'nothing'}", soft_wrap=True)
    for topic, reason in report.skipped.items():
        out.print(f"not examined: {topic} ({escape(reason)})", soft_wrap=True)


def _tell_one(finding: Finding, out: Console) -> None:
    colour = _COLOURS[finding.severity]
    out.print(f"[{colour}]{finding.severity}[/{colour}] {finding.name} ({finding.topic})")
    for label, text in (("", finding.what), ("Why: ", finding.why), ("Fix: ", finding.fix)):
        words = f"[dim]{label}[/dim]{escape(text)}"
        out.print(Padding(words, _INDENT) if out.is_terminal else f"  {words}", soft_wrap=not out.is_terminal)
    out.print()


_NOTHING: Final = f"nothing in it looks like items; set {variable('items')} to where they are"
_UNREAD: Final = {
    "body_unreadable": "it is not the JSON that its content type says; if it has another, say so by --response-header",
    "body_encoding": "it is packed in another way than by gzip or deflate",
    "body_too_large": f"it is too long to be read; raise {variable('max_body_bytes')}",
}
"""Why a response was not even parsed."""


def tell_routes(routes: Sequence[Watched], out: Console) -> None:
    """Print what each route of an application is watched as."""
    table = Table("route", "watched as", box=None, pad_edge=False)
    for method, template, kind in routes:
        table.add_row(escape(f"{method} {template}"), kind.value if kind else "[dim]not watched[/dim]")
    out.print(table, "")


def tell_trial(trial: Trial, out: Console) -> None:
    """Print what was read from a response."""
    table = Table.grid(padding=(0, 2))
    for name, value in _rows(trial):
        table.add_row(name, escape(value))
    out.print(table, "")


def _rows(trial: Trial) -> Iterator[tuple[str, str]]:
    yield "route", f"{trial.route}, {f'watched as {trial.watched_as}' if trial.watched_as else 'not watched'}"
    yield "outcome", trial.outcome or "none"
    if trial.items is None:
        yield "items", next(filter(None, map(_UNREAD.get, trial.set_aside)), _NOTHING)
    else:
        yield "items", f"{len(trial.items)}: {_some(trial.items)}" if trial.items else "an empty list"
    yield "asked for", f"{trial.requested} items" if trial.requested else "not said"
    for name in ("categories", "scores", "positions"):
        values = getattr(trial, name)
        yield name, "none" if values is None else _some(values)
    for name in ("model_version", "variant", "surface", "user"):
        yield name.replace("_", " "), str(getattr(trial, name) or "not said")
    for reason, times in trial.set_aside.items():
        yield "set aside", f"{reason}, {times} times"


def _some(values: Sequence[Any]) -> str:
    shown = ", ".join(str(value) for value in values[:_FIRST])
    return f"{shown}, ..." if len(values) > _FIRST else shown
