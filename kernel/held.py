"""Connections kept at hand for statements that are a transaction each, for which a pool does more than the database."""

from __future__ import annotations

import time
from typing import Final

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy.engine import Connection, Engine

SECONDS: Final = 1_800
"""How long one is held before the pool gets it back."""


class HeldConnections:
    """Connections of a PostgreSQL engine in the mode AUTOCOMMIT, of which `limit` at the most are held while nobody uses them."""

    def __init__(self, engine: Engine, limit: int) -> None:
        self._engine = engine
        self._limit = limit
        self._free: list[tuple[float, Connection]] = []
        self._is_closed = False

    def one(self) -> OneHeld:
        """A connection for this thread alone, for a `with` block."""
        return OneHeld(self)

    def close(self) -> None:
        """Gives every connection back to the pool."""
        self._is_closed = True
        self._let_go()

    def taken(self) -> tuple[float, Connection]:
        """Since when it is held, and a connection."""
        now = time.monotonic()
        while self._free:
            try:
                since, connection = self._free.pop()
            except IndexError:
                break
            if now - since < SECONDS:
                return since, connection
            connection.close()
        return now, self._engine.connect()

    def give_back(self, since: float, connection: Connection) -> None:
        """Takes it back for the next, unless it is broken or there are enough."""
        if connection.invalidated:
            connection.close()
            self._let_go()  # the server was away: the others are as dead, and would fail one by one
            return
        if connection.in_transaction():
            connection.rollback()
        if self._is_closed or len(self._free) >= self._limit or not _is_idle(connection):
            connection.close()
        else:
            self._free.append((since, connection))

    def _let_go(self) -> None:
        while self._free:
            try:
                self._free.pop()[1].close()
            except IndexError:
                break


class OneHeld:
    """A connection that is given back in the end."""

    __slots__ = ("_connection", "_connections", "_since")

    def __init__(self, connections: HeldConnections) -> None:
        self._connections = connections

    def __enter__(self) -> Connection:
        """Takes one."""
        self._since, self._connection = self._connections.taken()
        return self._connection

    def __exit__(self, *_: object) -> None:
        """Gives it back."""
        self._connections.give_back(self._since, self._connection)


def _is_idle(connection: Connection) -> bool:
    driver = connection.connection.driver_connection
    return isinstance(driver, psycopg.Connection) and driver.pgconn.transaction_status == TransactionStatus.IDLE
