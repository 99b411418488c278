"""Many rows at once: COPY on PostgreSQL, prepared inserts on SQLite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from kernel.database import Database

Numbers = npt.NDArray[np.int64]
_COPY_HEAD: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TAIL: Final = b"\xff\xff"
_NUMBER_PAIR: Final = np.dtype([("fields", ">i2"), ("l1", ">i4"), ("one", ">i8"), ("l2", ">i4"), ("other", ">i8")])
"""A row of two bigints in PostgreSQL's binary COPY."""
_PART: Final = 200_000
_SQLITE_CACHE_KIB: Final = 393_216


def put(connection: Connection, table: sa.Table, rows: Sequence[Sequence[object]]) -> None:
    """Adds rows; each has a value for every column of the table, in its order. Raises what `Connection.execute` would."""
    if not rows:
        return
    with _driver(connection) as cursor:
        names = ", ".join(column.name for column in table.columns)
        if connection.dialect.name == "postgresql":
            with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join("?" * len(table.columns))
            statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608 - names of our own tables
            cursor.executemany(statement, rows)


def put_pairs(connection: Connection, table: sa.Table, ones: Numbers, others: Numbers) -> None:
    """Adds rows of a table that has two columns of 64-bit numbers."""
    with _driver(connection) as cursor:
        one, other = (column.name for column in table.columns)
        if connection.dialect.name == "postgresql":
            rows = np.empty(len(ones), _NUMBER_PAIR)
            rows["fields"], rows["l1"], rows["l2"] = 2, 8, 8
            rows["one"], rows["other"] = ones, others
            with cursor.copy(f"COPY {table.name} ({one}, {other}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.write(_COPY_HEAD + rows.tobytes() + _COPY_TAIL)
            return
        statement = f"INSERT INTO {table.name} ({one}, {other}) VALUES (?, ?)"  # noqa: S608 - names of our own tables
        for start in range(0, len(ones), _PART):
            part = slice(start, start + _PART)
            cursor.executemany(statement, zip(ones[part].tolist(), others[part].tolist(), strict=True))


@contextmanager
def quick_writer(database: Database) -> Iterator[None]:
    """A larger page cache for SQLite's one writer while much is written."""
    if not database.is_sqlite:
        yield
        return
    before = _cache_size(database, -_SQLITE_CACHE_KIB)
    try:
        yield
    finally:
        _cache_size(database, before)


def _cache_size(database: Database, wanted: int) -> int:
    """Sets the cache of the writer; gives what it was."""
    with database.begin() as work:
        before: int = work.connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
        work.connection.exec_driver_sql(f"PRAGMA cache_size={wanted}")
    return before


@contextmanager
def _driver(connection: Connection) -> Iterator[Any]:
    """The driver's own cursor, for the one statement that SQLAlchemy has no word for; errors are turned into SQLAlchemy's."""
    raw = connection.connection.driver_connection
    assert raw is not None
    cursor = raw.cursor()
    try:
        yield cursor
    except connection.dialect.loaded_dbapi.Error as problem:
        base = connection.dialect.loaded_dbapi.Error
        made = DBAPIError.instance("", None, problem, base, hide_parameters=True, dialect=connection.dialect)
        raise made from problem
    finally:
        cursor.close()
