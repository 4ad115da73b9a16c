"""The look of the demo's tables."""

from rich import box
from rich.table import Table

ROOMY = 90
"""Columns from which there is room for space between those of a table."""


def plain_table(width: int) -> Table:
    """Return an empty table with nothing but a line below its heading, for a screen of ``width`` columns."""
    space = 1 if width >= ROOMY else 0
    return Table(box=box.SIMPLE_HEAD, padding=(0, space, 0, 0), pad_edge=False, show_edge=False)
