"""arr.report_csv"""

from __future__ import annotations

import csv as comma_separated
from datetime import UTC, datetime
from io import StringIO

from arr.report_csv import csv
from arr.reports import Kind, Table


def test_every_row_is_there_and_no_cell_is_a_formula() -> None:
    rows = (('dr, "a"', "line\nbreak"), ("=cmd()", "@x"))
    table = Table(Kind.FAILURES, (), ("Who", "What"), rows, datetime(2026, 11, 25, tzinfo=UTC))

    read = list(comma_separated.reader(StringIO(csv(table), newline="")))

    assert read == [["Who", "What"], ['dr, "a"', "line\nbreak"], ["'=cmd()", "'@x"]]
