"""A report as CSV for spreadsheets: what a program there could take for a formula is disarmed."""

from __future__ import annotations

import csv as comma_separated
from io import StringIO
from typing import Final

from arr.reports import Table

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv(table: Table) -> str:
    """The head and every row."""
    out = StringIO(newline="")
    writer = comma_separated.writer(out)
    writer.writerows([table.columns, *(map(_disarmed, row) for row in table.rows)])
    return out.getvalue()


def _disarmed(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
