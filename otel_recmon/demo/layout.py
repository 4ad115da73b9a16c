"""The style of the demo's tables."""

from rich import box
from rich.table import Table

WIDE = 90
"""The minimum width of a screen, in characters, for tables with a space between their columns."""


def plain_table(width: int) -> Table:
    """Return an empty table with a line below its heading and no other frame, for a screen of ``width`` characters."""
    space = 1 if width >= WIDE else 0
    return Table(box=box.SIMPLE_HEAD, padding=(0, space, 0, 0), pad_edge=False, show_edge=False)
