"""Layered drawing of a graph without cycles as SVG: boxes in rows, every arrow pointing down.

The same graph gives the same bytes on every machine: positions are whole numbers, and nothing is random.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from graphlib import TopologicalSorter
from html import escape
from itertools import accumulate, combinations, pairwise
from typing import Final, NamedTuple
from zlib import crc32

Graph = Mapping[str, frozenset[str]]
"""For each name, the names that its arrows point to."""
Links = Sequence[tuple[str, str]]
"""Pieces of arrows from one row to the next, as (upper end, lower end). An end is a box or a bend, see ``Rows``."""
Rows = Sequence[Sequence[str]]
"""The boxes and bends of each row, the top row first. A bend, `target@row`, is where arrows pass a row."""
Places = Mapping[str, int]
"""The x coordinate, in pixels, of the middle of each box and bend."""

STARTS: Final = 30
"""The number of start orders. This package's arrows had 5 crossings with one start order, 3 with five or more."""
SWEEPS: Final = [(True, False), (False, True)] * 8 + [(True, True), (True, True)] * 8
"""The sweeps, alternately down and up. The flags of a sweep: move towards linked names above, towards those below."""
STIFFNESS: Final = 8
"""The weight of a bend relative to a box. A higher weight makes long arrows straighter."""
PITCH, HEIGHT, GAP, MARGIN, LETTER, LINE = 58, 28, 24, 12, 9, 18
"""Pixels: row distance, box height, gap between boxes, margin of the picture, letter width, caption line height."""
STYLE: Final = """\
<style>
text { font: 14px ui-monospace, Menlo, Consolas, monospace; text-anchor: middle; fill: #1d2733 }
.caption { font: 13px system-ui, sans-serif; fill: #6e7b92 }
rect { fill: #eef3fb; stroke: #5b7db1 }
path { fill: none; stroke: #6e7b92; stroke-width: 1.4 }
#arrow path { fill: #6e7b92; stroke: none }
</style>
<marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0 8 4 0 8z"/></marker>"""
"""Colours that are legible on a light and on a dark page. The boxes have a light background."""


class Box(NamedTuple):
    """The text of a box, and its tooltip."""

    label: str
    tooltip: str


def reduced(graph: Graph) -> Graph:
    """Return the graph without the arrows that a longer path implies (its transitive reduction)."""
    reach: dict[str, frozenset[str]] = {}
    for name in TopologicalSorter(graph).static_order():
        reach[name] = graph[name].union(*(reach[other] for other in graph[name]))
    return {name: others.difference(*(reach[other] for other in others)) for name, others in graph.items()}


def row_numbers(graph: Graph) -> dict[str, int]:
    """Return the row of each name: one below the lowest name that points to it.

    A name to which no name points is one row above the highest name that it points to.
    """
    sources = {name: [other for other in graph if name in graph[other]] for name in graph}
    row: dict[str, int] = {}
    for name in TopologicalSorter(sources).static_order():
        row[name] = max((row[other] for other in sources[name]), default=-1) + 1
    return row | {n: min((row[other] for other in graph[n]), default=1) - 1 for n in graph if not sources[n]}


def pieces(graph: Graph, row: Mapping[str, int]) -> Links:
    """Return the arrows, cut into pieces at each row that they pass. Arrows to the same target share bends."""
    found: set[tuple[str, str]] = set()
    for name, others in graph.items():
        for other in others:
            found |= set(pairwise([name, *(f"{other}@{at}" for at in range(row[name] + 1, row[other])), other]))
    return sorted(found)


def parts_by_row(row_of: Mapping[str, int], links: Links) -> Rows:
    """Return a list of rows, the top row first. Each row has the boxes in it, and the bends of arrows that pass it.

    Args:
        row_of: The number of the row of each box, from 0.
        links: The pieces of all arrows.
    """
    names = {end for link in links for end in link} | row_of.keys()
    at = {name: int(name.partition("@")[2]) if "@" in name else row_of[name] for name in names}
    return [sorted(name for name in names if at[name] == number) for number in range(max(row_of.values()) + 1)]


def mean(values: Iterable[tuple[int, int]]) -> int:
    """Return the weighted mean of pairs of a value and its weight, rounded."""
    pairs = list(values)
    return round(Fraction(sum(value * weight for value, weight in pairs), sum(weight for _, weight in pairs)))


def stiffness(*names: str) -> int:
    """Return the weight of a box, a bend or an arrow's piece: ``STIFFNESS`` to the power of the bends in ``names``."""
    bends = sum("@" in name for name in names)
    return int(STIFFNESS**bends)


@dataclass(frozen=True)
class Layout:
    """The search for the places with the fewest crossings and, among these, the straightest arrows."""

    rows: Rows
    links: Links
    widths: Mapping[str, int]

    def best(self) -> Places:
        """Return the places with the lowest cost, of all sweeps from all starts."""
        return min((x for start in range(STARTS) for x in self.sweeps(self.started(start))), key=self.cost)

    def started(self, start: int) -> Places:
        """Return the places before the first sweep. ``start``, a number, decides the order in each row."""
        ordered = [sorted(row, key=lambda name: crc32(f"{start} {name}".encode())) for row in self.rows]
        return {name: x for row in ordered for name, x in self.spaced(row, dict.fromkeys(row, 0)).items()}

    def sweeps(self, x: Places) -> Iterable[Places]:
        """Yield the places after each sweep."""
        for number, (above, below) in enumerate(SWEEPS):
            x = dict(x)
            for row in self.rows[:: -1 if number % 2 else 1]:
                wish = {name: self.wish(name, x, above=above, below=below) for name in row}
                x |= self.spaced(sorted(row, key=lambda name: (wish[name], x[name])), wish)
            yield x

    def wish(self, name: str, x: Places, *, above: bool, below: bool) -> int:
        """Return the weighted mean of the linked places above or below; without any, the place of ``name``."""
        uppers = [(x[link[0]], stiffness(*link)) for link in self.links if above and link[1] == name]
        lowers = [(x[link[1]], stiffness(*link)) for link in self.links if below and link[0] == name]
        return mean(uppers + lowers or [(x[name], 1)])

    def spaced(self, row: Sequence[str], wish: Places) -> Places:
        """Return places for the names of a row, in this order, without overlap and as near as possible to ``wish``."""
        lefts = accumulate((self.widths[name] + GAP for name in row), initial=0)
        offset = {name: left + self.widths[name] // 2 for name, left in zip(row, lefts, strict=False)}

        def shift(block: Sequence[str]) -> int:
            return mean((wish[name] - offset[name], stiffness(name)) for name in block)

        return {name: shift(block) + offset[name] for block in merged(row, shift) for name in block}

    def cost(self, x: Places) -> tuple[int, int]:
        """Return the number of crossings of arrows, and the weighted sum of the horizontal lengths of arrows."""
        row = {name: number for number, names in enumerate(self.rows) for name in names}
        pairs = [(one, two) for one, two in combinations(self.links, 2) if row[one[0]] == row[two[0]]]
        crossings = [(x[one[0]] - x[two[0]]) * (x[one[1]] - x[two[1]]) < 0 for one, two in pairs]
        return sum(crossings), sum(abs(x[link[0]] - x[link[1]]) * stiffness(*link) for link in self.links)


def merged(row: Sequence[str], shift: Callable[[Sequence[str]], int]) -> list[list[str]]:
    """Return the row in blocks: neighbours that would overlap move together. ``shift`` gives a block's best shift."""
    blocks: list[list[str]] = []
    for name in row:
        blocks.append([name])
        while len(blocks) > 1 and shift(blocks[-2]) > shift(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    return blocks


class Plan(NamedTuple):
    """The coordinates of all parts of the picture, in pixels from its left and top edges."""

    links: Links
    x: Places
    y: Places
    widths: Mapping[str, int]
    size: tuple[int, int]


def planned(arrows: Graph, boxes: Mapping[str, Box]) -> Plan:
    """Return the plan of the picture of a graph."""
    row = row_numbers(arrows)
    links = pieces(arrows, row)
    rows = parts_by_row(row, links)
    widths = {name: 0 if "@" in name else LETTER * len(boxes[name].label) + GAP for names in rows for name in names}
    places = Layout(rows, links, widths).best()
    left = min(places[name] - widths[name] // 2 for name in places) - MARGIN
    x = {name: place - left for name, place in places.items()}
    y = {name: MARGIN + number * PITCH for number, names in enumerate(rows) for name in names}
    right = max(x[name] + widths[name] // 2 for name in x) + MARGIN
    return Plan(links, x, y, widths, (right, MARGIN + PITCH * len(rows)))


def draw(graph: Graph, boxes: Mapping[str, Box], caption: Sequence[str]) -> str:
    """Return the picture of a graph and its caption as SVG, without the arrows that a longer path implies."""
    plan = planned(reduced(graph), boxes)
    return "\n".join(
        [
            _head(plan, caption),
            STYLE,
            *(_line(plan, *link) for link in plan.links),
            *(_box(boxes[name], plan.x[name], plan.y[name], plan.widths[name]) for name in sorted(graph)),
            *(_caption(plan, number, line) for number, line in enumerate(caption)),
            "</svg>\n",
        ]
    )


def _head(plan: Plan, caption: Sequence[str]) -> str:
    width, height = plan.size[0], plan.size[1] + LINE * len(caption)
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(" ".join(caption))}">'


def _line(plan: Plan, upper: str, lower: str) -> str:
    top, bottom = plan.y[upper] + HEIGHT, plan.y[lower]
    start, end, middle = plan.x[upper], plan.x[lower], (top + bottom) // 2
    curve = f"M{start} {top}C{start} {middle} {end} {middle} {end} {bottom}"
    return f'<path d="{curve}v{HEIGHT}"/>' if "@" in lower else f'<path d="{curve}" marker-end="url(#arrow)"/>'


def _box(box: Box, x: int, y: int, width: int) -> str:
    shape = f'<rect x="{x - width // 2}" y="{y}" width="{width}" height="{HEIGHT}" rx="5"/>'
    text = f'<text x="{x}" y="{y + HEIGHT // 2 + 5}">{escape(box.label)}</text>'
    return f"<g><title>{escape(box.tooltip)}</title>{shape}{text}</g>"


def _caption(plan: Plan, number: int, line: str) -> str:
    width, height = plan.size
    return f'<text class="caption" x="{width // 2}" y="{height + LINE * number}">{escape(line)}</text>'
