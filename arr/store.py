"""Appends to the log and reads it, nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from arr.chain import BLOCK as BLOCK_SIZE
from arr.chain import BLOCK_LEVEL, START, Tree, canonical, chained, leaf_hash, node_hash
from arr.model import Cursor, Prepared, Summary
from arr.packing import unpacked
from arr.signing import SignedNote
from arr.tables import BLOCK, CHECKPOINT, HEAD, METADATA, RECORD, TERM

__all__ = ["METADATA"]

_LOCK: Final = 4711_0020
"""One appender at a time in a PostgreSQL database; SQLite has a single writer anyway."""
_CHUNK: Final = 2_000
_BLOCKS_AT_ONCE: Final = 1_024
_HEAD_ID: Final = 1
_DAY_MS: Final = 86_400_000
_R, _T = RECORD.c, TERM.c
_RECORD_TYPES: Final = (
    "int8", "bytea", "text", "int2", "bytea", "int8", "int8", "text", "text", "text", "int2", "text", "text", "bool", "text",
)  # fmt: skip
_TERM_TYPES: Final = ("int8", "int8", "int8")
_TERM_ROW: Final = Struct(">hiqiqiq")
"""A row of three int8 in binary COPY: the number of fields, then each with its length."""
_COPY_BEGIN: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END: Final = b"\xff\xff"
_BLOCK_TYPES: Final = ("int8", "bytea")
"""PostgreSQL's types of the columns, in their order."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log ends."""

    log_id: str
    sequence: int
    hash: bytes
    tree: Tree
    note: SignedNote


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A row of `arr_record`, in the order of its columns."""

    sequence: int
    hash: bytes
    origin: str
    packing: int
    data: bytes
    received_at: int
    event_at: int
    event_code: str
    event_type: str
    action: str
    outcome: int | None
    source_id: str
    site: str
    is_readable: bool
    flaws: str


def lock(connection: Connection) -> None:
    """Nobody else appends until this unit of work ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def head(connection: Connection) -> Head | None:
    """Where the log ends; None before its first record. Raises `ValueError` when the row is damaged."""
    row = connection.execute(sa.select(HEAD)).one_or_none()
    if row is None:
        return None
    tree = Tree.unpacked(row.sequence, row.tree)
    return Head(row.log_id, row.sequence, row.hash, tree, SignedNote(row.note, row.signature, row.key_id))


def append(connection: Connection, before: Head | None, prepared: Sequence[Prepared]) -> tuple[int, bytes, Tree]:
    """Writes the records after `before`, in their order; gives the last one's number and hash and the grown tree.

    The caller holds the lock and saves the head.
    """
    sequence, previous = (before.sequence, before.hash) if before else (0, START)
    tree = before.tree if before else Tree()
    rows: list[tuple[object, ...]] = []
    terms: list[tuple[int, int, int]] = []
    for one in prepared:
        sequence += 1
        previous = chained(previous, sequence, one.leaf)
        tree.add(one.leaf)
        summary = one.summary
        rows.append(
            (
                sequence,
                previous,
                one.origin,
                one.packing,
                one.packed,
                one.received_at,
                summary.event_at,
                summary.event_code,
                summary.event_type,
                summary.action,
                summary.outcome,
                summary.source_id,
                summary.site,
                summary.is_readable,
                summary.flaws,
            )
        )
        terms += [(term, summary.event_at, sequence) for term in one.terms]
    filled = sequence // BLOCK_SIZE - len(tree.blocks)
    _insert(connection, BLOCK, _BLOCK_TYPES, list(enumerate(tree.blocks, start=filled)))
    _insert(connection, RECORD, _RECORD_TYPES, rows)
    _insert_terms(connection, sorted(terms))
    return sequence, previous, tree


def _insert(connection: Connection, table: sa.Table, types: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    """Many rows at once: SQLite's own executemany, PostgreSQL's COPY."""
    if not rows:
        return
    columns = ", ".join(column.name for column in table.columns)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(types))
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", list(rows))  # noqa: S608 - names of ours
        return
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    try:
        with driver.cursor().copy(f"COPY {table.name} ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as problem:
        raise _as_sqlalchemy(problem) from problem


def _insert_terms(connection: Connection, terms: Sequence[tuple[int, int, int]]) -> None:
    """As `_insert`; of every ten rows written nine are terms, so they are put in PostgreSQL's binary form at once."""
    if connection.dialect.name == "sqlite":
        _insert(connection, TERM, _TERM_TYPES, terms)
        return
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    row = _TERM_ROW.pack
    packed = b"".join([row(3, 8, term, 8, event_at, 8, sequence) for term, event_at, sequence in terms])
    try:
        with driver.cursor().copy("COPY arr_term (term, event_at, sequence) FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(_COPY_BEGIN + packed + _COPY_END)
    except psycopg.Error as problem:
        raise _as_sqlalchemy(problem) from problem


def _as_sqlalchemy(problem: psycopg.Error) -> Exception:
    """COPY goes past SQLAlchemy; its errors shall be those of every other statement, without the rows."""
    return sa.exc.DBAPIError.instance("COPY", None, problem, psycopg.Error, hide_parameters=True)


def save_head(connection: Connection, log_id: str, sequence: int, last: bytes, tree: Tree, note: SignedNote) -> None:
    """The log ends here now."""
    values = {
        "log_id": log_id,
        "sequence": sequence,
        "hash": last,
        "tree": tree.packed(),
        "note": note.text,
        "signature": note.signature,
        "key_id": note.key_id,
    }
    if connection.execute(HEAD.update().values(values)).rowcount == 0:
        connection.execute(HEAD.insert().values(id=_HEAD_ID, **values))


def save_checkpoint(connection: Connection, sequence: int, note: SignedNote) -> None:
    """A head for keeps."""
    connection.execute(CHECKPOINT.insert().values(sequence=sequence, note=note.text, signature=note.signature, key_id=note.key_id))


def checkpoints(connection: Connection, after: int = 0, limit: int | None = None) -> tuple[tuple[int, SignedNote], ...]:
    """The checkpoints of the log beyond `after` records, oldest first."""
    statement = sa.select(CHECKPOINT).where(CHECKPOINT.c.sequence > after).order_by(CHECKPOINT.c.sequence).limit(limit)
    return tuple((row.sequence, SignedNote(row.note, row.signature, row.key_id)) for row in connection.execute(statement))


def last_checkpoint(connection: Connection) -> int:
    """How long the log was at its last checkpoint."""
    found: int | None = connection.execute(sa.select(sa.func.max(CHECKPOINT.c.sequence))).scalar_one()
    return found or 0


def records(
    connection: Connection, after: int = -(1 << 62), *, chunk: int = _CHUNK
) -> Iterator[tuple[int, bytes, str, int, bytes]]:
    """Number, hash, origin, packing and packed bytes of every record beyond `after`, in order; so many in memory at a time."""
    statement = (
        sa.select(_R.sequence, _R.hash, _R.origin, _R.packing, _R.data)
        .where(_R.sequence > sa.bindparam("after"))
        .order_by(_R.sequence)
        .limit(chunk)
    )
    while True:
        rows = connection.execute(statement, {"after": after}).fetchall()
        yield from rows
        if len(rows) < chunk:
            return
        after = rows[-1][0]


def rows(connection: Connection, sequences: Sequence[int]) -> dict[int, RecordRow]:
    """The records with these numbers."""
    found = connection.execute(sa.select(RECORD).where(_R.sequence.in_(sequences)))
    return {row.sequence: RecordRow(*row) for row in found}


def block_roots(connection: Connection, first: int, count: int) -> list[bytes]:
    """The roots of so many filled blocks."""
    number = BLOCK.c.number
    statement = sa.select(BLOCK.c.root).where(number >= first, number < first + count).order_by(number)
    return list(connection.execute(statement).scalars())


_BLOCKS_HELD: Final = 2
"""A proof needs the block of its record and the one at the end that is not filled; the next proof mostly the same two."""


class StoredSubtrees:
    """The subtrees of the log, for proofs; remembers what it has read, so it is made anew for each use."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[int, int], bytes] = {}
        self._blocks: dict[int, dict[tuple[int, int], bytes]] = {}

    def root(self, level: int, number: int) -> bytes:
        """See `arr.proofs.Subtrees`. Raises `ValueError` when records or blocks are missing or damaged."""
        key = (level, number)
        known = self._known if level >= BLOCK_LEVEL else self._inside((number << level) >> BLOCK_LEVEL)
        if key not in known and level == BLOCK_LEVEL:
            self._read_blocks(number)
        if key not in known:
            if level == 0:
                raise ValueError("a record is missing")
            known[key] = node_hash(self.root(level - 1, 2 * number), self.root(level - 1, 2 * number + 1))
        return known[key]

    def _inside(self, block: int) -> dict[tuple[int, int], bytes]:
        """What is known of the subtrees inside a block, the block that was asked for last at the end."""
        found = self._blocks.pop(block, None)
        if found is None:
            found = self._read_leaves(block)
            if len(self._blocks) == _BLOCKS_HELD:
                del self._blocks[next(iter(self._blocks))]
        self._blocks[block] = found
        return found

    def _read_leaves(self, block: int) -> dict[tuple[int, int], bytes]:
        first = block << BLOCK_LEVEL
        statement = sa.select(_R.sequence, _R.origin, _R.packing, _R.data)
        rows = self._connection.execute(statement.where(_R.sequence > first, _R.sequence <= first + BLOCK_SIZE))
        return {
            (0, sequence - 1): leaf_hash(canonical(origin, unpacked(packing, data))) for sequence, origin, packing, data in rows
        }

    def _read_blocks(self, number: int) -> None:
        for found, root in enumerate(block_roots(self._connection, number, _BLOCKS_AT_ONCE), start=number):
            self._known[BLOCK_LEVEL, found] = root


def all_terms(connection: Connection) -> Iterator[tuple[int, int, int]]:
    """Every row of the index as (sequence, term, event_at); a deep check asks."""
    found = connection.execution_options(yield_per=10_000).execute(sa.select(_T.sequence, _T.term, _T.event_at))
    yield from found


def summary_of(row: RecordRow) -> Summary:
    """What the columns of a record say of its message."""
    return Summary(
        row.event_at, row.event_code, row.event_type, row.action, row.outcome, row.source_id, row.site, row.is_readable, row.flaws
    )


def counts_by_day(connection: Connection, since: int | None, until: int | None) -> dict[tuple[int, str, int | None], int]:
    """Records by day since 1970, by the type of their event (its code where it has none) and by outcome."""
    day = (_R.event_at - _R.event_at % _DAY_MS) / sa.literal(_DAY_MS)
    kind = sa.case((_R.event_type != "", _R.event_type), else_=_R.event_code)
    statement = sa.select(sa.cast(day, sa.BigInteger), kind, _R.outcome, sa.func.count()).group_by(
        sa.cast(day, sa.BigInteger), kind, _R.outcome
    )
    if since is not None:
        statement = statement.where(_R.event_at >= since)
    if until is not None:
        statement = statement.where(_R.event_at < until)
    return {(row[0], row[1], row[2]): row[3] for row in connection.execute(statement)}


@dataclass(frozen=True, slots=True)
class Condition:
    """What the records found must fit: one term of each group, and a time of the event."""

    groups: tuple[tuple[int, ...], ...]
    """The most telling group first: the search is led by it."""
    since: int | None
    until: int | None
    outcomes: tuple[int, ...] = ()
    actions: tuple[str, ...] = ()
    received: tuple[int | None, int | None] = (None, None)

    def on_record(self, record: sa.FromClause) -> list[sa.ColumnElement[bool]]:
        """What must be true of the record itself."""
        found: list[sa.ColumnElement[bool]] = []
        if self.outcomes:
            found.append(record.c.outcome.in_(self.outcomes))
        if self.actions:
            found.append(record.c.action.in_(self.actions))
        since, until = self.received
        if since is not None:
            found.append(record.c.received_at >= since)
        if until is not None:
            found.append(record.c.received_at < until)
        return found


_ALTERNATIVES: Final = 32
"""Terms of a group that are looked for one by one; more are looked for together."""


def find(connection: Connection, wanted: Condition, before: Cursor | None, limit: int) -> list[RecordRow]:
    """The newest records that fit and are older than `before`."""
    lead = wanted.groups[0] if wanted.groups else ()
    if 1 < len(lead) <= _ALTERNATIVES:
        # each of them alone is one walk along the index that ends at the limit; together they would be read whole and sorted
        places = {place for term in lead for place in _places(connection, _newest(wanted, (term,), before, limit))}
        newest = sorted(places, reverse=True)[:limit]
    else:
        newest = _places(connection, _newest(wanted, lead, before, limit))
    found = rows(connection, [number for _, number in newest]) if newest else {}
    return [found[number] for _, number in newest if number in found]


def _places(connection: Connection, statement: sa.Select[int, int]) -> list[tuple[int, int]]:
    return [(row[0], row[1]) for row in connection.execute(statement)]


def _newest(wanted: Condition, lead: Sequence[int], before: Cursor | None, limit: int) -> sa.Select[int, int]:
    """Times and numbers of the newest records that are found by one of the terms and fit everything else."""
    led = TERM if lead else RECORD
    at, number = led.c.event_at, led.c.sequence
    statement = sa.select(at, number).order_by(at.desc(), number.desc()).limit(limit)
    if lead:
        # a record with two of the lead's terms stands there twice
        statement = statement.where(_T.term == lead[0]) if len(lead) == 1 else statement.where(_T.term.in_(lead)).distinct()
    for group in wanted.groups[1:]:
        other = TERM.alias()
        statement = statement.where(sa.exists().where(other.c.term.in_(group), other.c.event_at == at, other.c.sequence == number))
    if wanted.since is not None:
        statement = statement.where(at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(at < wanted.until)
    if before is not None:
        statement = statement.where(sa.tuple_(at, number) < sa.tuple_(sa.literal(before.event_at), sa.literal(before.sequence)))
    record = RECORD.alias()
    if asked := wanted.on_record(record):
        statement = statement.where(sa.exists().where(record.c.sequence == number, *asked))
    return statement
