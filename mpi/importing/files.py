"""Import files as blocks of rows with their lines, and the file of rows that were not taken as they stood."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import Final, TextIO

from kernel.errors import Condition, rejected
from mpi.importing.layout import Layout, layout_of

FIELD_LIMIT: Final = 65_536
"""Characters of a value; a quote that is never closed ends here."""
ERROR_COLUMNS: Final = ("line", "taken", "reason")


@dataclass(frozen=True, slots=True)
class Row:
    """A row and the line of the file on which it ends. `fault` says why it could not be read."""

    line: int
    values: list[str]
    fault: str = ""


class ImportFile(AbstractContextManager["ImportFile"]):
    """A CSV file, read once from the beginning. Raises `Rejected` for a header that cannot be used, `OSError` for the file."""

    def __init__(self, path: Path) -> None:
        self.size = path.stat().st_size
        self._bytes = path.open("rb")
        self._file = TextIOWrapper(self._bytes, encoding="utf-8-sig", errors="surrogateescape", newline="")
        csv.field_size_limit(FIELD_LIMIT)
        self._reader = csv.reader(self._file, strict=True)
        try:
            self.header = next(self._reader, [])
            self.layout: Layout = layout_of(self.header)
        except csv.Error as problem:
            self._file.close()
            raise rejected(Condition.MALFORMED, "header", f"not CSV: {problem}") from problem
        except BaseException:
            self._file.close()
            raise

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        """Closes the file."""
        self._file.close()

    @property
    def position(self) -> int:
        """How many bytes were read, about."""
        return self._bytes.tell()

    def blocks(self, size: int) -> Iterator[list[Row]]:
        """The rows in blocks of this size; empty lines are passed over."""
        block: list[Row] = []
        for row in self._rows():
            block.append(row)
            if len(block) == size:
                yield block
                block = []
        if block:
            yield block

    def _rows(self) -> Iterator[Row]:
        while True:
            try:
                values = next(self._reader)
            except StopIteration:
                return
            except csv.Error as problem:
                yield Row(self._reader.line_num, [], f"not CSV: {problem}")
                continue
            if values:
                yield Row(self._reader.line_num, values)


@dataclass(slots=True)
class ErrorFile(AbstractContextManager["ErrorFile"]):
    """Rows that were not taken, or not as they stood, with the reason; made when the first comes.

    The rest of each line is the row as it was, so that the file can be mended and imported.
    """

    path: Path
    header: Sequence[str]
    lines: int = 0
    _file: TextIO | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """An older file of the same name speaks of another run."""
        self.path.unlink(missing_ok=True)

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()

    def add(self, row: Row, reason: str, *, taken: bool) -> None:
        """Notes a row."""
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8", errors="surrogateescape", newline="")
            csv.writer(self._file).writerow((*ERROR_COLUMNS, *self.header))
        csv.writer(self._file).writerow((row.line, "yes" if taken else "no", reason, *row.values))
        self.lines += 1
