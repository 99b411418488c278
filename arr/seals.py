"""What is signed of a segment, a range of records: that it was sealed, and later that its records were dropped (its tombstone)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from arr import partitions
from arr.chain import BLOCK, Tree
from arr.signing import Keys, SignedNote, is_signed
from arr.tables import RECORD, SEAL, TERM

_BEGIN: Final = "affinity audit segment "
_LINES: Final = 11
_R, _T = RECORD.c, TERM.c


class Act(Enum):
    """What was done to a segment."""

    SEALED = "sealed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Seal:
    """A statement on the records from `first` to `last`, of which there is no other.

    `before` is the hash of the record before them, `begins` and `ends` the hashes of the first and last, `root` that of a Merkle
    tree over them alone; `since` and `until` are when the first of them came and the last (milliseconds since 1970).
    """

    log_id: str
    act: Act
    first: int
    last: int
    before: bytes
    begins: bytes
    ends: bytes
    root: bytes
    since: int
    until: int
    made_at: int
    who: str
    why: str

    @property
    def count(self) -> int:
        """How many records."""
        return self.last - self.first + 1

    @property
    def text(self) -> str:
        """As it is signed and kept: one value a line."""
        hashes = (base64.b64encode(one).decode() for one in (self.before, self.begins, self.ends, self.root))
        parts = (
            f"{_BEGIN}{self.log_id}",
            self.act.value,
            f"{self.first}-{self.last}",
            *hashes,
            f"{self.since}-{self.until}",
            str(self.made_at),
            json.dumps(self.who),
            json.dumps(self.why),
        )
        return "".join(f"{part}\n" for part in parts)

    @classmethod
    def parse(cls, text: str) -> Seal:
        """The statement of a text. Raises `ValueError` when it is none."""
        lines = text.split("\n")
        if len(lines) != _LINES + 1 or not lines[0].startswith(_BEGIN):
            raise ValueError("no seal of a segment")
        (first, last), (since, until) = (map(int, lines[at].split("-")) for at in (2, 7))
        if not 0 < first <= last or (first - 1) % BLOCK or last % BLOCK:
            raise ValueError("no range of whole blocks")
        before, begins, ends, root = (base64.b64decode(line, validate=True) for line in lines[3:7])
        return cls(
            log_id=lines[0].removeprefix(_BEGIN),
            act=Act(lines[1]),
            first=first,
            last=last,
            before=before,
            begins=begins,
            ends=ends,
            root=root,
            since=since,
            until=until,
            made_at=int(lines[8]),
            who=str(json.loads(lines[9])),
            why=str(json.loads(lines[10])),
        )

    def says_the_same_as(self, other: Seal) -> bool:
        """Whether both are of the same records."""
        return self._records == other._records

    @property
    def _records(self) -> tuple[object, ...]:
        return self.log_id, self.first, self.last, self.before, self.begins, self.ends, self.root, self.since, self.until


def root_of_blocks(roots: Iterable[bytes]) -> bytes:
    """The root of a tree over the leaves of these blocks."""
    tree = Tree()
    for root in roots:
        tree.add_block(root)
    return tree.root


def kept(connection: Connection) -> Iterator[tuple[int, str, SignedNote]]:
    """Everything that was signed of segments as it is kept: first record, act, statement; in the order of the records."""
    for row in connection.execute(sa.select(SEAL).order_by(SEAL.c.first, SEAL.c.act.desc())):
        yield row.first, row.act, SignedNote(row.note, row.signature, row.key_id)


def believed(connection: Connection, act: Act, keys: Keys) -> list[Seal]:
    """Those of one act that a believed key signed, and that stand where they belong."""
    found = []
    for first, name, signed in kept(connection):
        if name == act.value and is_signed(signed, keys) and (seal := parsed(signed)) is not None:
            found += [seal] if (seal.first, seal.act) == (first, act) else []
    return found


def parsed(signed: SignedNote) -> Seal | None:
    """The statement; None when it is none, as a signed head of the log is not."""
    try:
        return Seal.parse(signed.text)
    except ValueError:
        return None


def keep(connection: Connection, seal: Seal, note: SignedNote) -> None:
    """One more."""
    values = {"note": note.text, "signature": note.signature, "key_id": note.key_id}
    connection.execute(SEAL.insert().values(first=seal.first, act=seal.act.value, **values))


def ranges(connection: Connection, sealed: Sequence[Seal], end: int, size: int) -> list[tuple[int, int]]:
    """The first and last number of every segment, dropped ones too, in their order; the last one is not full.

    On PostgreSQL a segment is a partition; on SQLite so many records after the last one that was sealed.
    """
    known = {seal.first: seal.last for seal in sealed}
    if connection.dialect.name == "sqlite":
        first = max(known.values(), default=0) + 1
        known |= {at: at + size - 1 for at in range(first, end + 1, size)}
    else:
        known |= dict(partitions.parts(connection))
    return sorted((first, last) for first, last in known.items() if first <= end)


def received_between(connection: Connection, first: int, last: int) -> tuple[int, int] | None:
    """When the first and the last record came; None when one of them is not there."""
    statement = sa.select(_R.sequence, _R.received_at).where(_R.sequence.in_((first, last)))
    found = {row.sequence: row.received_at for row in connection.execute(statement)}
    return (found[first], found[last]) if first in found and last in found else None


def has_any(connection: Connection, terms: Sequence[int], first: int, last: int) -> bool:
    """Whether one of these records is found by one of the terms."""
    statement = sa.select(_T.sequence).where(_T.term.in_(terms), _T.sequence.between(first, last)).limit(1)
    return connection.execute(statement).first() is not None


def is_owner(connection: Connection) -> bool:
    """Whether this role may drop records: it owns the tables. On SQLite who has the file may."""
    if connection.dialect.name == "sqlite":
        return True
    statement = "SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = 'arr_record'::regclass"
    return bool(connection.execute(sa.text(statement)).scalar_one())


LOCK_WAIT_MS: Final = 800
"""How long dropping waits for readers: less than until PostgreSQL looks for deadlocks, so that no reader is ended for it."""


def drop(connection: Connection, first: int, last: int) -> None:
    """The records and what they are found by are gone; the caller holds the lock and keeps the tombstone."""
    if connection.dialect.name == "sqlite":
        triggers = connection.execute(
            sa.text(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'arr_record' AND name LIKE '%delete'"
            )
        ).all()
        for name, _ in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.execute(RECORD.delete().where(_R.sequence.between(first, last)))
        connection.execute(TERM.delete().where(_T.sequence.between(first, last)))
        for _, statement in triggers:
            connection.exec_driver_sql(statement)
        return
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")
    # searches read terms first, then records: in another order the two could wait for each other
    for table in reversed(partitions.PARTED):
        connection.exec_driver_sql(f"LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE")
    partitions.drop_part(connection, first)
