"""The printed result of the demo: the leading policy, the compared figures and their agreement."""

import math
from collections.abc import Iterable, Iterator

from rich.console import Console, ConsoleRenderable
from rich.table import Table
from rich.text import Text

from otel_recmon import catalog, definitions
from otel_recmon import formatting as write
from otel_recmon.definitions import COUNT, SUM
from otel_recmon.demo.comparison import (
    MEASURES,
    Pair,
    Result,
    Section,
    interval,
    labels,
)
from otel_recmon.demo.figures import read_figures
from otel_recmon.demo.layout import plain_table
from otel_recmon.demo.scrape import Exposition
from otel_recmon.demo.traffic import MODEL_VERSIONS, SURFACES
from otel_recmon.stats.intervals import Rate, difference, trials_needed

WIDTH = 100
"""The width of the output, in characters, if it does not go to a terminal."""
SAME, DIFFERS, BROKEN = Text("✓", style="green"), Text("✗", style="bold red"), Text("≠", style="yellow")
QUANTILES = (0.5, 0.95, 0.99)
SIMULATED = "*"
BY_DESIGN = "the demo injected a fault"
NOTES = """\
* Simulated: the data have neither purchases nor the training times of the models.
  Latency is read from buckets; the first bucket ends at 10 ms.
  Diversity covers the last 1,000 slates, coverage the last 10,000."""


def show(console: Console, result: Result, exposition: Exposition) -> None:
    """Print the leading policy, the tables of figures, and the verdict on the agreement of the figures."""
    tables = (_figures(result, exposition, console.width), Text(), _surfaces(result, console.width))
    for part in (*_leader(result), *tables, *_verdict(result, exposition.origin)):
        console.print(part, highlight=False)


def _leader(result: Result) -> Iterator[ConsoleRenderable]:
    found = {policy: pair.read.rate(definitions.CTR) for policy, pair in result.policies.items()}
    rates = {policy: rate for policy, rate in found.items() if rate}
    yield Text("\nWhich policy gets more clicks?", style="bold")
    if rates.keys() != found.keys():
        yield Text("  Too few requests to compare them.\n")
        return
    for policy, rate in rates.items():
        clicks = f"{write.count(rate.successes)} clicks on {write.count(rate.trials)} requests"
        yield Text(f"  {policy:<7} {clicks} = {write.share(rate.value)}  (95 % interval {interval(rate)})")
    yield Text(f"  {describe_leader(rates)}\n")


def describe_leader(rates: dict[str, Rate]) -> str:
    """Describe the policy with the higher rate, its lead over the other policy, and the significance of the lead."""
    (leader, best), (_, other) = sorted(rates.items(), key=lambda pair: pair[1].value, reverse=True)
    low, high = difference(best, other)
    lead = write.points(best.value - other.value)
    gap = f"{leader} leads by {lead} (95 % interval {write.signed_interval(low, high)})."
    if low > 0:
        return f"{gap}\n  The lead is significant at the 95 % level: the interval does not include 0."
    needed = trials_needed(best, other)
    if math.isinf(needed):
        return "Neither: both have the same rate."
    return (
        f"{gap}\n  The lead is not significant: the interval includes 0, so the lead may be chance.\n"
        f"  With these rates, a decision needs about {write.count(round(needed, -3))} requests per policy."
    )


def _figures(result: Result, exposition: Exposition, width: int) -> Table:
    table = plain_table(width)
    table.add_column("Figure", no_wrap=True)
    for policy in result.policies:
        table.add_column(f"{MODEL_VERSIONS[policy]}\n{exposition.origin}", justify="right", no_wrap=True)
        table.add_column("\ndata file", justify="right", style="dim", no_wrap=True)
        table.add_column("", no_wrap=True)
    for section in Section:
        table.add_row(Text(section.value, style="bold"))
        for row in (*_compared_rows(section, result), *_unverified_rows(section, result, exposition)):
            table.add_row(*row)
        table.add_section()
    return table


def _compared_rows(section: Section, result: Result) -> Iterator[list[str | Text]]:
    for measure in MEASURES:
        if measure.section is section:
            row: list[str | Text] = [f"  {measure.name}{SIMULATED if measure.simulated else ''}"]
            for pair in result.policies.values():
                both = (measure.write(measure.value(figures)) for figures in (pair.read, pair.data))
                row += [*both, _mark(result, agrees=measure.agrees(pair.read, pair.data))]
            yield row


def _mark(result: Result, *, agrees: bool) -> Text:
    if agrees:
        return SAME
    return BROKEN if result.broken else DIFFERS


def _unverified_rows(section: Section, result: Result, exposition: Exposition) -> Iterator[list[str | Text]]:
    cells = {policy: unverified_figures(section, exposition, policy) for policy in result.policies}
    for name in next(iter(cells.values())):
        row: list[str | Text] = [f"  {name}"]
        for policy in result.policies:
            row += [cells[policy][name], "", ""]
        yield row


def unverified_figures(section: Section, exposition: Exposition, policy: str) -> dict[str, str]:
    """Return the figures of a policy and section that cannot be recomputed from the data, as text by name."""
    if section is Section.TECHNICAL:
        return _latency(exposition, policy)
    if section is Section.QUALITY:
        hours = exposition.value(catalog.STALENESS, model_version=MODEL_VERSIONS[policy])
        return {f"{definitions.STALENESS.title}{SIMULATED}": "not set" if hours is None else write.age(hours)}
    return {}


def _latency(exposition: Exposition, policy: str) -> dict[str, str]:
    own = labels(policy)
    count = exposition.total(catalog.LATENCY, COUNT, **own)
    mean = exposition.total(catalog.LATENCY, SUM, **own) / count if count else math.nan
    rows = {"Latency, mean": write.latency(mean)}
    for quantile in QUANTILES:
        rows[f"Latency, P{100 * quantile:.0f}"] = _bucket(exposition.quantile(quantile, catalog.LATENCY, **own))
    good = definitions.GOOD_RESPONSES
    return rows | {good.title: write.share(read_figures(exposition, **own).value(good))}


def _bucket(bounds: tuple[float, float] | None) -> str:
    return write.latency_between(*bounds) if bounds else write.UNKNOWN


def _surfaces(result: Result, width: int) -> Table:
    table = plain_table(width)
    table.add_column("Surface", no_wrap=True)
    for policy in result.policies:
        for name in (f"{MODEL_VERSIONS[policy]}\nrequests", "\nclicks", "\nCTR"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("")
    for surface in SURFACES:
        pairs = [result.surfaces[policy, surface] for policy in result.policies]
        table.add_row(
            f"  {surface}",
            *(cell for pair in pairs for cell in _surface(pair, _mark(result, agrees=not pair.differing()))),
        )
    return table


def _surface(pair: Pair, mark: Text) -> Iterable[str | Text]:
    counts = (write.count(pair.read.value(of)) for of in (definitions.SUCCESSES, definitions.CLICKS))
    return (*counts, write.share(pair.read.value(definitions.CTR)), mark)


def _verdict(result: Result, origin: str) -> Iterator[ConsoleRenderable]:
    yield Text(f"\n{NOTES}\n", style="dim")
    differing = result.differing()
    if not differing:
        yield Text(
            f"✓ All {result.compared} figures read from {origin} agree with the data file.",
            style="bold green",
        )
        return
    if result.broken:
        yield Text(f"≠ {len(differing)} of {result.compared} figures differ from the data file: {BY_DESIGN}.")
        return
    yield Text(f"✗ {len(differing)} of {result.compared} figures differ:", style="bold red")
    yield from (Text(f"  {difference}", style="red") for difference in differing)
