"""arr.report_pdf"""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from arr.report_pdf import pdf
from arr.reports import Kind, Table

COLUMNS = ("Time (UTC)", "Who", "Role", "From", "What", "Purpose", "About", "Outcome", "Record")


def a_table(*who: str, is_cut: bool = False) -> Table:
    rows = tuple(
        ("2026-11-22 10:20:01", name, "Physician", "10.0.0.5", "View", "", "", "success", str(n)) for n, name in enumerate(who)
    )
    return Table(Kind.WHO_SAW, (("Patient", "4711^^^&1.2.3&ISO"),), COLUMNS, rows, datetime(2026, 11, 25, tzinfo=UTC), is_cut)


def texts(data: bytes) -> str:
    """What the pages show, as a reader of their streams finds it."""
    streams = (zlib.decompress(found) for found in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL))
    shown = b" ".join(part for stream in streams for part in re.findall(rb"\(((?:[^()\\]|\\.)*)\)", stream))
    return re.sub(r"\\(.)", r"\1", shown.decode("latin-1"))


def test_a_report_says_of_whom_it_is_and_shows_every_row() -> None:
    data = pdf(a_table("Anna Müller", "Bo"))

    said = texts(data)
    assert data.startswith(b"%PDF-1")
    for part in ("accounting of disclosures", "Patient: 4711^^^&1.2.3&ISO", "Anna Müller", "2 rows", "itself on the record"):
        assert part in said


def test_the_head_of_the_table_is_on_every_page() -> None:
    data = pdf(a_table(*(f"doctor-{n}" for n in range(150))))

    pages = len(re.findall(rb"/Type /Page\b", data))
    assert pages > 2
    assert texts(data).count("Purpose") == pages


def test_what_the_font_has_no_sign_for_is_spelled_and_not_left_out() -> None:
    assert "[U+0141]ukasz [U+202E]" in texts(pdf(a_table("Łukasz \u202e")))


def test_with_a_font_of_ones_own_it_is_written(tmp_path: Path) -> None:
    fonts = sorted(Path("/usr/share/fonts").rglob("DejaVuSans.ttf"))
    if not fonts:
        pytest.skip("no DejaVu font on this machine")

    assert pdf(a_table("Łukasz"), fonts[0]).startswith(b"%PDF-1")


def test_a_font_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        pdf(a_table("x"), tmp_path / "none.ttf")


def test_a_report_that_was_cut_says_so() -> None:
    assert "leaves out" in texts(pdf(a_table("x", is_cut=True)))


def test_an_empty_report_is_a_page() -> None:
    assert "0 rows" in texts(pdf(a_table()))
