"""A report as PDF (fpdf2): landscape A4, the head of the table on every page, and what it was made of."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fpdf import FPDF
from fpdf.fonts import FontFace

from arr.reports import Table

_FONT: Final = "helvetica"
_OWN: Final = "report"
_WIDTHS: Final = {9: (15, 17, 10, 14, 20, 11, 27, 20, 8), 5: (40, 34, 20, 10, 16), 6: (14, 24, 12, 12, 12, 12)}
"""Of the columns, as shares, by how many there are."""
_CELL_LIMIT: Final = 400


class _Paper(FPDF):
    """Every page says what it is part of."""

    def __init__(self, table: Table, font: Path | None) -> None:
        super().__init__(orientation="landscape", format="A4")
        self.family = _FONT
        if font is not None:
            self.add_font(_OWN, "", font)
            self.add_font(_OWN, "B", font)
            self.family = _OWN
        self._foot = f"Made {table.made_at:%Y-%m-%d %H:%M:%S} UTC from the audit log. Making this report is itself on the record."
        self.is_latin = font is None
        self.set_title(table.kind.title)
        self.set_creation_date(table.made_at)
        self.set_auto_page_break(auto=True, margin=16)

    def footer(self) -> None:
        """See `FPDF`."""
        self.set_y(-12)
        self.set_font(self.family, size=7)
        self.cell(0, 5, f"{self._foot}   Page {self.page_no()} of {{nb}}", align="L")

    def fit(self, text: str) -> str:
        """Text that the font can show: what it has no sign for is spelled as a code point."""
        text = "".join(c if c.isprintable() else f"[U+{ord(c):04X}]" for c in text[:_CELL_LIMIT])
        if self.is_latin:
            text = "".join(c if ord(c) < 256 else f"[U+{ord(c):04X}]" for c in text)
        return text


def pdf(table: Table, font: Path | None = None) -> bytes:
    """The report. `font` is a TrueType file for text beyond Latin-1. Raises `OSError` when it cannot be read."""
    paper = _Paper(table, font)
    paper.add_page()
    paper.set_font(paper.family, style="B", size=14)
    paper.multi_cell(0, 8, paper.fit(table.kind.title), new_x="LMARGIN", new_y="NEXT")
    for name, value in table.about:
        paper.set_font(paper.family, size=9)
        paper.multi_cell(0, 5, paper.fit(f"{name}: {value}"), new_x="LMARGIN", new_y="NEXT")
    said = f"{len(table.rows)} rows" + (", and more that this report leaves out: narrow the period" if table.is_cut else "")
    paper.multi_cell(0, 7, said, new_x="LMARGIN", new_y="NEXT")
    if table.rows:
        _table(paper, table)
    return bytes(paper.output())


def _table(paper: _Paper, table: Table) -> None:
    paper.set_font(paper.family, size=7)
    head = FontFace(emphasis="BOLD", fill_color=(230, 234, 240))
    widths = _WIDTHS.get(len(table.columns), (1,) * len(table.columns))
    with paper.table(
        headings_style=head, col_widths=widths, line_height=3.6, borders_layout="HORIZONTAL_LINES", text_align="LEFT"
    ) as grid:
        for cells in (table.columns, *table.rows):
            row = grid.row()
            for cell in cells:
                row.cell(paper.fit(cell))
