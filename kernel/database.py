"""Units of work on SQLite (one writer, group commit) and PostgreSQL."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError, OperationalError

from kernel.errors import Condition, HieError, Unavailable, violation
from kernel.grouping import Grouped
from kernel.held import HeldConnections
from kernel.outbox import AUDIT_INSERT, AUDIT_INSERT_ONE, OUTBOX, BigKey, Carriage, Told
from kernel.prepared import Executed, execute_prepared, keep_prepared
from kernel.times import Clock

__all__ = ["BigKey", "Database", "Work", "execute_text", "insert_into", "was_cancelled"]

log: Final = structlog.get_logger("database")
T = TypeVar("T")
ATTEMPTS: Final = 3
_RETRIED: Final = ("40001", "40P01")
"""Serialization failure and deadlock (PostgreSQL appendix A)."""
_CANCELLED: Final = "57014"
BATCH_LIMIT: Final = 64
"""Units in one SQLite commit at the most."""

_OUTBOX_INSERT: Final = OUTBOX.insert().inline()
"""Without the new row's id, which nobody asks for."""

Insert = postgresql.Insert | sqlite.Insert


def insert_into(connection: Connection, table: sa.Table) -> Insert:
    """An INSERT that knows ON CONFLICT, in the dialect of the connection."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def execute_text(connection: Connection, text: str, parameters: Mapping[str, object]) -> Executed | DBAPICursor:
    """Runs SQL in the driver's own words, for the few statements that everything waits for: a fraction of the cost of going
    through `Connection.execute`.

    Gives what has `fetchall`, of plain tuples, and `rowcount`. Raises what `Connection.execute` would. The caller makes text and
    parameters for the dialect: named in SQLite's way, or in psycopg's.
    """
    is_postgres = connection.dialect.name == "postgresql"
    try:
        executed = execute_prepared(connection, text, parameters) if is_postgres else None
        if executed is not None:
            return executed
        cursor = connection.connection.cursor(binary=True) if is_postgres else connection.connection.cursor()
        cursor.execute(text, parameters)
    except connection.dialect.loaded_dbapi.Error as problem:
        raise _in_sqlalchemys_words(connection, problem) from problem
    return cursor


def _in_sqlalchemys_words(connection: Connection, problem: Exception) -> Exception:
    dialect = connection.dialect
    is_gone = dialect.is_disconnect(problem, connection.connection, None)  # type: ignore[arg-type]  # a driver's own class
    if is_gone:
        connection.invalidate(problem)
    made = DBAPIError.instance(
        "", None, problem, dialect.loaded_dbapi.Error, hide_parameters=True, connection_invalidated=is_gone, dialect=dialect
    )
    return made if isinstance(made, Exception) else problem


@dataclass(slots=True)
class Work:
    """One unit of work: the connection to change things with, and what is told once it is committed."""

    connection: Connection
    now: int
    """Milliseconds since 1970 at the beginning of the unit."""
    told: list[Told] = field(default_factory=list)
    audited: list[bytes] = field(default_factory=list)

    def tell(self, topic: str, key: str) -> None:
        """A worker shall handle `topic` for `key` after the commit. `key` is an id of ours, never patient data."""
        self.told.append(Told(topic, key))

    def audit(self, message: bytes) -> None:
        """An audit message (DICOM PS3.15 A.5 XML) shall reach the audit record repositories after the commit."""
        self.audited.append(message)


class Database:
    """Where units of work are opened.

    `audit_targets` are the names of the audit record repositories that every message goes to; `on_told` is called after a commit
    that told something, and must only wake somebody. Nobody is woken for audit messages: they travel together, a moment later, and
    in the outbox as `carriage` packs them.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        audit_targets: Sequence[str] = ("local",),
        on_told: Callable[[], None] = lambda: None,
        pool_size: int = 16,
        prepare: bool = True,
        carriage: Carriage = Carriage(),  # noqa: B008 - frozen
    ) -> None:
        self._clock = clock
        self.carriage = carriage
        self._every_target = self._targets = tuple(audit_targets)
        self.on_told = on_told
        self.engine = _engine(url, pool_size, prepare=prepare)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._writer = _SqliteWriter(self.engine) if self.is_sqlite else None
        self._audits: Grouped[bytes] = Grouped(self._write_audit)
        self._autocommit = self.engine if self.is_sqlite else _engine(url, None, prepare=prepare, isolation_level="AUTOCOMMIT")
        self._held = HeldConnections(self._autocommit, pool_size)

    @contextmanager
    def begin(self, *, snapshot: bool = False) -> Iterator[Work]:
        """A unit of work: leaving the block commits, raising rolls back. Raises `Unavailable` when the database is away or full.

        With `snapshot` every statement sees what was committed before the first, on both databases: for units that read and add
        rows of their own, since one that changes what another changed meanwhile fails.
        """
        with _EXPLAINED, self._transaction(snapshot=snapshot) as connection:
            work = Work(connection, int(self._clock().timestamp() * 1000))
            yield work
            self._flush(work)
        if work.told:
            self.on_told()

    def record_refusal(self, act: Callable[[Work], object]) -> None:
        """Puts a refusal on record, in a unit of its own. Never raises `HieError`.

        A refusal gives nothing away, so it is answered also when it cannot be put on record; that it was not is logged.
        """
        try:
            with self.begin() as work:
                act(work)
        except HieError as problem:
            log.error("a refusal was not recorded", conditions=sorted({v.condition.name for v in problem.violations}))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading; nothing written through it is kept."""
        with _EXPLAINED, self.engine.connect() as connection:
            yield connection

    def glance(self) -> AbstractContextManager[Connection]:
        """A connection without a transaction: each statement is one by itself, and a round trip to PostgreSQL is only its own.

        Nothing may be written through it on SQLite. On PostgreSQL one statement may, with its audit messages as a part of it
        (`AUDIT_INSERT`), so that it is a unit of work.
        """
        return _Glance(self.engine.connect if self.is_sqlite else self._held.one)

    def record(self, audited: Sequence[bytes]) -> None:
        """A unit of work of audit messages alone: commits them, together with those of other threads that do the same.

        Raises `Unavailable`, and then none is kept.
        """
        if audited:
            self._audits.put(audited)

    def _write_audit(self, audited: Sequence[bytes]) -> None:
        if self.is_sqlite or not self._targets:
            with self.begin() as work:
                work.audited += audited
            return
        with self.glance() as connection:
            execute_text(connection, AUDIT_INSERT, self.audit_parameters(audited))

    def audit_parameters(self, audited: Sequence[bytes], now: int | None = None) -> dict[str, object]:
        """The parameters of `AUDIT_INSERT`; `now` is milliseconds since 1970."""
        now = int(self._clock().timestamp() * 1000) if now is None else now
        return {
            "told_at": str(now),
            "targets": list(self._targets),
            "audited": [self.carriage.pack(message) for message in audited],
        }

    def leave_out(self, targets: Collection[str]) -> None:
        """From now on no audit message is kept for these targets, and again for those that were left out before."""
        self._targets = tuple(target for target in self._every_target if target not in targets)

    def attempt(self, act: Callable[[Work], T]) -> T:
        """Runs `act` in a unit of work, thrice at the most when another transaction stood in its way."""
        for left in reversed(range(ATTEMPTS)):
            try:
                with self.begin() as work:
                    return act(work)
            except Unavailable as error:
                if not left or not isinstance(error.__cause__, DBAPIError) or not _stood_in_the_way(error.__cause__):
                    raise
        raise AssertionError

    def close(self) -> None:
        """Gives back every connection."""
        if self._writer is not None:
            self._writer.close()
        self._held.close()
        self.engine.dispose()
        self._autocommit.dispose()

    @contextmanager
    def _transaction(self, *, snapshot: bool) -> Iterator[Connection]:
        if self._writer is not None:
            with self._writer.begin() as connection:
                yield connection
        elif snapshot:
            with self.engine.connect() as connection, _at_one_moment(connection).begin():
                yield connection
        else:
            with self.engine.begin() as connection:
                yield connection

    def _flush(self, work: Work) -> None:
        if work.told:
            told = [
                {"topic": t.topic, "key": t.key, "told_at": work.now, "due_at": work.now, "tries": 0, "dead": False}
                for t in dict.fromkeys(work.told)
            ]
            work.connection.execute(_OUTBOX_INSERT, told[0] if len(told) == 1 else told)
        if work.audited and self._targets:
            self._flush_audited(work)

    def _flush_audited(self, work: Work) -> None:
        if not self.is_sqlite:
            execute_text(work.connection, AUDIT_INSERT, self.audit_parameters(work.audited, work.now))
            return
        for message in map(self.carriage.pack, work.audited):
            for target in self._targets:
                execute_text(work.connection, AUDIT_INSERT_ONE, {"target": target, "told_at": work.now, "message": message})


class _Batch:
    """The units that one SQLite commit carries."""

    __slots__ = ("done", "problem", "transaction", "units")

    def __init__(self, transaction: sa.RootTransaction) -> None:
        self.transaction = transaction
        self.done = threading.Event()
        self.problem: BaseException | None = None
        self.units = 0


class _SqliteWriter:
    """One write connection; a unit that sees another waiting leaves the commit to it, so that one fsync serves many."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.Lock()
        self._count = threading.Lock()
        self._waiting = 0
        self._connection: Connection | None = None
        self._batch: _Batch | None = None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        batch = self._enter()
        connection = batch.transaction.connection
        try:
            # in the driver's words: SQLAlchemy compiles a new statement for every savepoint
            connection.exec_driver_sql("SAVEPOINT unit")
            try:
                yield connection
                connection.exec_driver_sql("RELEASE unit")
            except BaseException as problem:
                self._take_back(batch, connection, problem)
                raise
            batch.units += 1
        except BaseException:
            self._leave(batch)
            raise
        self._leave(batch)
        batch.done.wait()
        if batch.problem is not None:
            raise batch.problem

    def _enter(self) -> _Batch:
        with self._count:
            self._waiting += 1
        self._turn.acquire()
        with self._count:
            self._waiting -= 1
        try:
            if self._batch is None:
                if self._connection is None:
                    self._connection = self._engine.connect().execution_options(hie_writer=True)
                self._batch = _Batch(self._connection.begin())
            return self._batch
        except BaseException:
            self._turn.release()
            raise

    def _take_back(self, batch: _Batch, connection: Connection, problem: BaseException) -> None:
        """Undoes one unit. SQLite itself ends the whole transaction when the disk is full: then every unit of the batch failed."""
        try:
            connection.exec_driver_sql("ROLLBACK TO unit")
            connection.exec_driver_sql("RELEASE unit")
        except DBAPIError:
            batch.problem = problem

    def _leave(self, batch: _Batch) -> None:
        """Gives the turn on; commits first unless somebody waits who will."""
        try:
            if batch.problem is not None:
                self._batch = None
                self._drop()
                batch.done.set()
                return
            with self._count:
                others = self._waiting > 0
            if others and batch.units < BATCH_LIMIT:
                return
            self._batch = None
            try:
                batch.transaction.commit()
            except BaseException as problem:
                batch.problem = problem
                self._drop()
            batch.done.set()
        finally:
            self._turn.release()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def close(self) -> None:
        with self._turn:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def _engine(url: str, pool_size: int | None, *, prepare: bool, **options: str) -> Engine:
    """`pool_size` None for one whose connections are held by `HeldConnections`: nobody shall wait for a place in a pool."""
    if not url.startswith("sqlite"):
        pool = {"poolclass": sa.NullPool} if pool_size is None else {"pool_size": pool_size, "max_overflow": pool_size}
        made = sa.create_engine(
            url,
            **pool,
            pool_recycle=1800,
            hide_parameters=True,
            connect_args={} if prepare else {"prepare_threshold": None},
            **options,
        )
        keep_prepared(made)
        return made
    assert pool_size is not None
    engine = sa.create_engine(
        url,
        pool_size=pool_size + 1,
        max_overflow=pool_size,
        connect_args={"check_same_thread": False, "timeout": 30},
        hide_parameters=True,
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _at_one_moment(connection: Connection) -> Connection:
    """The driver says it with its BEGIN, and the pool takes it back: no round trip more."""
    return connection.execution_options(isolation_level="REPEATABLE READ")


def _prepare_sqlite(raw: sqlite3.Connection, _record: object) -> None:
    raw.isolation_level = None  # the driver's own BEGIN comes too late and is never IMMEDIATE
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "cache_size=-65536",
        "temp_store=MEMORY",
        "journal_size_limit=67108864",
    ):
        raw.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("hie_writer", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def was_cancelled(problem: Unavailable) -> bool:
    """Whether a statement was ended because it took longer than it may (PostgreSQL, 57014)."""
    return isinstance(problem.__cause__, DBAPIError) and getattr(problem.__cause__.orig, "sqlstate", "") == _CANCELLED


def _stood_in_the_way(problem: DBAPIError) -> bool:
    code: Any = getattr(problem.orig, "sqlstate", None)
    return code in _RETRIED


class _Explained:
    """Turns what the driver says of a database that is away, full or in somebody's way into `Unavailable`."""

    __slots__ = ()

    def __enter__(self) -> None:
        """Nothing yet."""

    def __exit__(self, _kind: object, problem: BaseException | None, _trace: object) -> None:
        if not isinstance(problem, DBAPIError):
            return
        text = str(problem.orig)
        code = getattr(problem.orig, "sqlstate", None) or ""
        if "disk is full" in text or code.startswith("53"):
            raise Unavailable(violation(Condition.OUT_OF_RESOURCES, "database", "the database has no room left")) from problem
        if isinstance(problem, OperationalError) or problem.connection_invalidated:
            raise Unavailable(violation(Condition.BUSY, "database", "the database does not answer; try again")) from problem


_EXPLAINED: Final = _Explained()


class _Glance:
    """A connection for a `with` block, and what the driver says in it explained."""

    __slots__ = ("_begun", "_connect")

    def __init__(self, connect: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._connect = connect

    def __enter__(self) -> Connection:
        with _EXPLAINED:
            self._begun = self._connect()
            return self._begun.__enter__()

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        with _EXPLAINED:
            self._begun.__exit__(kind, problem, trace)
        _EXPLAINED.__exit__(kind, problem, trace)
