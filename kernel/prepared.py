"""Prepared statements on PostgreSQL by libpq itself, for the few statements that everything waits for.

A cursor of the driver costs some five times as much for the same statement: it looks for the types of parameters that are
always the same, and goes through Python for each step. Here a text is prepared once for each connection and run with one call.

The driver forgets everything that was prepared, its own and ours, whenever a transaction is rolled back, and a pool rolls back
after every reading. `KeepingConnection` does not: our statements name only tables that no transaction of ours makes or changes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from psycopg import abc, pq
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from sqlalchemy.engine import Connection, Engine

_PARAMETER: Final = re.compile(r"%\((\w+)\)s")
_LIMIT: Final = 500
"""Statements that one connection keeps prepared; beyond that they go the driver's way, that forgets the oldest."""
_TEXT, _BINARY = 0, 1
_DONE: Final = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
_OID_TEXT: Final = 25
_OID_BYTEA: Final = 17


class KeepingConnection(psycopg.Connection[Any]):
    """A connection that keeps what is prepared when a transaction ends, and ends it with one call of libpq."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.known: dict[str, bytes] = {}
        """The names of what is prepared, by its text."""
        self.transformer: abc.Transformer | None = None
        """Remembers how each type is loaded."""

    def commit(self) -> None:
        """Commits what is open."""
        self._end(b"COMMIT")

    def rollback(self) -> None:
        """Takes back what is open."""
        self._end(b"ROLLBACK")

    def _end(self, command: bytes) -> None:
        if self.pgconn.status != pq.ConnStatus.OK:
            raise psycopg.OperationalError("the connection to the database was lost")
        if self.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            _checked(self, self.pgconn.exec_(command))


def keep_prepared(engine: Engine) -> None:
    """Lets the engine make its connections as `KeepingConnection`s."""

    @sa.event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]) -> KeepingConnection:
        return KeepingConnection.connect(*arguments, **options)


@dataclass(frozen=True, slots=True)
class Executed:
    """Every row of a result, and how many rows were found or touched."""

    found: list[tuple[Any, ...]]
    rowcount: int

    def fetchall(self) -> list[tuple[Any, ...]]:
        """As a cursor does."""
        return self.found


def execute_prepared(connection: Connection, text: str, parameters: Mapping[str, object]) -> Executed | None:
    """Runs a statement whose parameters stand as `%(name)s`: text, bytes, numbers, None and lists of text or bytes, each in a place
    that says its type.

    None when the connection is one that does not or must not keep statements (`prepare_threshold` None: a pooler between), or has
    too many.
    Raises the driver's errors.
    """
    driver = connection.connection.driver_connection
    if not isinstance(driver, KeepingConnection) or driver.prepare_threshold is None:
        return None
    known = driver.known
    statement, names = _in_libpq(text)
    if not driver.autocommit and driver.pgconn.transaction_status == pq.TransactionStatus.IDLE:
        _begin(driver)
    name = known.get(text)
    if name is None:
        if len(known) >= _LIMIT:
            return None
        name = f"hie_{len(known)}".encode()
        _checked(driver, driver.pgconn.prepare(name, statement))
        known[text] = name
    values, formats = _dumped([parameters[n] for n in names])
    # the driver's own annotation forgets that a parameter may be NULL
    result = _checked(driver, driver.pgconn.exec_prepared(name, values, formats, _BINARY))  # type: ignore[arg-type]
    return Executed(_loaded(driver, result), result.command_tuples or 0)


def _begin(driver: psycopg.Connection[Any]) -> None:
    if (driver.isolation_level, driver.read_only, driver.deferrable) == (None, None, None):
        _checked(driver, driver.pgconn.exec_(b"BEGIN"))
    else:
        driver.execute("")  # the driver puts its own BEGIN before, with all of that


@lru_cache(maxsize=2000)
def _in_libpq(text: str) -> tuple[bytes, tuple[str, ...]]:
    """The text with numbered parameters, and their names in order."""
    numbers: dict[str, int] = {}
    numbered = _PARAMETER.sub(lambda found: f"${numbers.setdefault(found.group(1), len(numbers) + 1)}", text)
    return numbered.replace("%%", "%").encode(), tuple(numbers)


def _checked(driver: psycopg.Connection[Any], result: pq.abc.PGresult) -> pq.abc.PGresult:
    if result.status in _DONE:
        return result
    if driver.pgconn.status != pq.ConnStatus.OK:
        raise psycopg.OperationalError("the connection to the database was lost")
    raise error_from_result(result)


def _loaded(driver: KeepingConnection, result: pq.abc.PGresult) -> list[tuple[Any, ...]]:
    if not result.nfields:
        return []
    transformer = driver.transformer
    if transformer is None:
        transformer = driver.transformer = Transformer.from_context(driver)
    transformer.set_pgresult(result, format=pq.Format.BINARY)
    rows: list[tuple[Any, ...]] = transformer.load_rows(0, result.ntuples, tuple)
    transformer.set_pgresult(None)  # or the connection would hold the last result
    return rows


def _dumped(values: Sequence[object]) -> tuple[list[bytes | None], list[int]]:
    dumped: list[bytes | None] = []
    formats: list[int] = []
    for value in values:
        is_binary = False
        if isinstance(value, str):
            data: bytes | None = value.encode()
        elif isinstance(value, bytes):
            data, is_binary = value, True
        elif isinstance(value, list):
            data, is_binary = (_array(value), True) if value else (b"{}", False)
        else:
            data = None if value is None else str(value).encode()
        dumped.append(data)
        formats.append(_BINARY if is_binary else _TEXT)
    return dumped, formats


def _array(members: Sequence[object]) -> bytes:
    """PostgreSQL's binary form of an array of text or bytea."""
    oid = _OID_BYTEA if isinstance(members[0], bytes) else _OID_TEXT
    parts = [struct.pack("!iiiii", 1, 0, oid, len(members), 1)]
    for member in members:
        data = member.encode() if isinstance(member, str) else member
        assert isinstance(data, bytes)
        parts += (len(data).to_bytes(4, "big"), data)
    return b"".join(parts)
