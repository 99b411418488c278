"""SQL on records, persons, links and receipts, nothing else. Searching is in `search_store`, the journal in `ledger`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from kernel.demographics import Demographics
from kernel.errors import Condition, Severity, Violation
from kernel.statements import AnyOf, Statement
from mpi.codec import demographics_from_json, demographics_to_json
from mpi.linkage.normalise import Prepared
from mpi.model import Link, LinkKind, PatientRecord, Receipt, RecordState, Stored
from mpi.tables import (
    BLOCKING_KEY,
    IDENTIFIER,
    LINK,
    NEGATIVE_LINK,
    PATIENT_RECORD,
    PERSON,
    RECEIVED_MESSAGE,
)

Name = tuple[int, str]
"""An identifier as the tables know it: key of the authority, value."""
INDEXABLE: Final = 200


def indexable(text: str) -> str:
    """A text short enough for an index: itself, or what stands for it when it is longer than anybody needs."""
    return text if len(text) <= INDEXABLE else sha256(text.encode()).hexdigest()


class Raced(Exception):
    """Another transaction wrote the same identifier at the same time; begin again, it will be found."""


@dataclass(frozen=True, slots=True)
class Known:
    """A message that was taken before."""

    digest: bytes
    warnings: tuple[Violation, ...]


@contextmanager
def together(connection: Connection) -> Iterator[None]:
    """Statements whose results nobody looks at: PostgreSQL is sent all of them before it is waited for.

    Raises `Raced` when a row with the key of one of them is there already.
    """
    driver = connection.connection.driver_connection
    try:
        with driver.pipeline() if isinstance(driver, psycopg.Connection) else nullcontext():
            yield
    except (sa.exc.IntegrityError, psycopg.errors.UniqueViolation) as problem:
        raise Raced from problem


# --- records ---------------------------------------------------------------------------------------------------------------


_PUT_PERSON: Final = PERSON.insert()
_PUT_RECORD: Final = PATIENT_RECORD.insert()


def add_record(connection: Connection, record: PatientRecord, prepared: Prepared, affinity_id: str, *, is_fed: bool) -> None:
    """A new record with a person of its own; `together` tells when its identifier, or that of the person, is there already."""
    is_subsumed = is_fed and record.state is not RecordState.ACTIVE
    person = {"id": record.id, "affinity_id": affinity_id, "is_fed": is_fed, "is_subsumed": is_subsumed}
    connection.execute(_PUT_PERSON, person)
    row = {
        "id": record.id,
        "authority": record.authority,
        "local_id": record.local_id,
        "source": record.source,
        "person": record.person,
        "state": record.state.value,
        "subsumed_by": record.subsumed_by,
        "version": record.version,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "demographics": demographics_to_json(record.demographics),
        "prepared": _json(prepared.to_row()),
    }
    connection.execute(_PUT_RECORD, row)
    put_identifiers(connection, record.id, record.identifiers)


def _add(connection: Connection, table: sa.Table, row: dict[str, object]) -> bool:
    """Adds a row; False when its key, or another that must be unique, is taken."""
    return connection.execute(_insert(table, connection.dialect.name), row).first() is not None


@cache
def _insert(table: sa.Table, dialect: str) -> sa.Executable:
    # made once: putting a statement together costs more than running it
    statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    return statement.on_conflict_do_nothing().returning(*table.primary_key)


@cache
def _insert_quietly(table: sa.Table, dialect: str) -> sa.Insert:
    statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    return statement.on_conflict_do_nothing().inline()


def change_record(connection: Connection, record: int, demographics: Demographics, prepared: Prepared, now: int) -> None:
    """What the source says now."""
    connection.execute(
        PATIENT_RECORD.update()
        .where(PATIENT_RECORD.c.id == record)
        .values(
            demographics=demographics_to_json(demographics),
            prepared=_json(prepared.to_row()),
            version=PATIENT_RECORD.c.version + 1,
            updated_at=now,
        )
    )


def put_identifiers(connection: Connection, record: int, identifiers: Iterable[Stored]) -> None:
    """Adds identifiers to a record; those it has already stay as they are."""
    rows = [
        {
            "authority": i.authority,
            "value": i.value,
            "record": record,
            "type_code": i.type_code,
            "is_own": i.is_own,
            "is_claim": i.is_claim,
        }
        for i in identifiers
    ]
    if rows:
        connection.execute(_insert_quietly(IDENTIFIER, connection.dialect.name), rows)


def replace_identifiers(connection: Connection, record: int, identifiers: Iterable[Stored]) -> None:
    """These are all the identifiers of a record."""
    connection.execute(IDENTIFIER.delete().where(IDENTIFIER.c.record == record))
    put_identifiers(connection, record, identifiers)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


Row = sa.RowMapping | dict[str, Any]
_RECORD: Final = [c for c in PATIENT_RECORD.c if c.name != "prepared"]


def _record(row: Row, identifiers: tuple[Stored, ...] = ()) -> PatientRecord:
    return PatientRecord(
        id=row["id"],
        authority=row["authority"],
        local_id=row["local_id"],
        source=row["source"],
        person=row["person"],
        demographics=demographics_from_json(row["demographics"]),
        state=RecordState(row["state"]),
        subsumed_by=row["subsumed_by"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        identifiers=identifiers,
    )


_NAMED: Final = sa.select(*_RECORD).where(
    sa.tuple_(PATIENT_RECORD.c.authority, PATIENT_RECORD.c.local_id).in_(sa.bindparam("names", expanding=True))
)
_NAMED_LOCKED: Final = _NAMED.order_by(PATIENT_RECORD.c.id).with_for_update(key_share=True)


def records_named(connection: Connection, names: Sequence[Name], *, lock: bool = False) -> tuple[PatientRecord, ...]:
    """The records whose own identifier is one of these, in the order asked for, without their other identifiers."""
    rows = connection.execute(_NAMED_LOCKED if lock else _NAMED, {"names": names}).mappings()
    found = {(r["authority"], r["local_id"]): _record(r) for r in rows}
    return tuple(found[name] for name in dict.fromkeys(names) if name in found)


def records(connection: Connection, ids: Iterable[int]) -> tuple[PatientRecord, ...]:
    """Records with all their identifiers, the oldest first."""
    return _with_identifiers(connection, _BY_ID, ids)


def members(connection: Connection, persons: Iterable[int]) -> tuple[PatientRecord, ...]:
    """The records of these persons with all their identifiers, the oldest first."""
    return _with_identifiers(connection, _BY_PERSON, persons)


def known_members(connection: Connection, persons: Iterable[int]) -> tuple[PatientRecord, ...]:
    """The same without those whose beginning was taken back: what anybody is shown."""
    return tuple(m for m in members(connection, persons) if m.is_there)


def sleepers_behind(connection: Connection, ids: Iterable[int]) -> dict[int, int]:
    """The records among these, and behind them, whose beginning was taken back: each with the record it is behind."""
    return _behind(connection, ids, (RecordState.ASLEEP, RecordState.RETIRED))


def subsumed_by(connection: Connection, ids: Iterable[int]) -> dict[int, int]:
    """The records among these, and of these, that were merged away: each with the record it ended in."""
    return _behind(connection, ids, (RecordState.SUBSUMED,))


def _behind(connection: Connection, ids: Iterable[int], states: Sequence[RecordState]) -> dict[int, int]:
    wanted, columns = tuple(ids), PATIENT_RECORD.c
    gone = columns.state.in_([state.value for state in states])
    statement = sa.select(columns.id, columns.subsumed_by).where(gone, columns.id.in_(wanted) | columns.subsumed_by.in_(wanted))
    return {row.id: row.subsumed_by for row in connection.execute(statement)}


def retire(connection: Connection, record: PatientRecord) -> None:
    """A sleeping record gives its identifier up for good. What was filed for it stays where it is."""
    connection.execute(IDENTIFIER.delete().where(IDENTIFIER.c.record == record.id))
    values = {"state": RecordState.RETIRED.value, "local_id": f"~{record.id}~{record.local_id}"}
    connection.execute(PATIENT_RECORD.update().where(PATIENT_RECORD.c.id == record.id).values(values))


_IDENTIFIER: Final = [IDENTIFIER.c[name] for name in ("authority", "value", "type_code", "is_own", "is_claim")]
_IDENTIFIERS: Final[Statement[tuple[int, Stored]]] = Statement(
    sa.select(IDENTIFIER.c.record, *_IDENTIFIER)
    .where(AnyOf(IDENTIFIER.c.record, "ids"))
    .order_by(IDENTIFIER.c.authority, IDENTIFIER.c.value),
    lambda row: _owned(*row),
)


def _owned(record: int, authority: int, value: str, type_code: str, is_own: object, is_claim: object) -> tuple[int, Stored]:
    return record, Stored(authority, value, type_code, bool(is_own), bool(is_claim))


def _full(columns: Iterable[Any]) -> Row:
    return dict(zip(_RECORD_NAMES, columns, strict=True))


_RECORD_NAMES: Final = tuple(column.name for column in _RECORD)
_BY_ID: Final = Statement(sa.select(*_RECORD).where(AnyOf(PATIENT_RECORD.c.id, "ids")).order_by(PATIENT_RECORD.c.id), _full)
_BY_PERSON: Final = Statement(sa.select(*_RECORD).where(AnyOf(PATIENT_RECORD.c.person, "ids")).order_by(PATIENT_RECORD.c.id), _full)


def _with_identifiers(connection: Connection, which: Statement[Row], ids: Iterable[int]) -> tuple[PatientRecord, ...]:
    rows = which.rows(connection, {"ids": list(ids)})
    of: dict[int, list[Stored]] = {}
    for record, stored in _IDENTIFIERS.rows(connection, {"ids": [row["id"] for row in rows]}) if rows else ():
        of.setdefault(record, []).append(stored)
    return tuple(_record(row, tuple(of.get(row["id"], ()))) for row in rows)


def identifiers_of(connection: Connection, record: int) -> tuple[Stored, ...]:
    """Every identifier of a record."""
    return tuple(stored for _, stored in _IDENTIFIERS.rows(connection, {"ids": [record]}))


# --- persons ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose an identifier is: the person, whether the record is active, whether anybody is shown it, and whether it is the record's
    own identifier."""

    person: int
    is_active: bool
    is_there: bool
    is_own: bool


_THERE: Final = (RecordState.ACTIVE.value, RecordState.SUBSUMED.value)
_HOLDERS: Final[Statement[Holder]] = Statement(
    sa.select(PATIENT_RECORD.c.person, PATIENT_RECORD.c.state, IDENTIFIER.c.is_own)
    .join(IDENTIFIER, IDENTIFIER.c.record == PATIENT_RECORD.c.id)
    .where(
        IDENTIFIER.c.authority == sa.bindparam("authority"),
        IDENTIFIER.c.value == sa.bindparam("value"),
        ~IDENTIFIER.c.is_claim,
    ),
    lambda row: _holder(*row),
)


def _holder(person: int, state: int, is_own: object) -> Holder:
    return Holder(person, state == RecordState.ACTIVE.value, state in _THERE, bool(is_own))


def holders(connection: Connection, name: Name) -> tuple[Holder, ...]:
    """The records that carry an identifier, claims not counted."""
    authority, value = name
    return tuple(_HOLDERS.rows(connection, {"authority": authority, "value": value}))


_OF_PERSON: Final[Statement[tuple[int, Stored]]] = Statement(
    sa.select(PATIENT_RECORD.c.state, *_IDENTIFIER)
    .join(PATIENT_RECORD, PATIENT_RECORD.c.id == IDENTIFIER.c.record)
    .where(PATIENT_RECORD.c.person == sa.bindparam("person"), PATIENT_RECORD.c.state < RecordState.ASLEEP.value),
    lambda row: _owned(*row),
)


def identifiers_of_person(connection: Connection, person: int) -> tuple[Stored, ...]:
    """What a person is known by: every identifier of every record that is there, those that were merged away and claims left
    out."""
    rows = _OF_PERSON.rows(connection, {"person": person})
    return living((stored, state == RecordState.ACTIVE.value) for state, stored in rows)


def living(identifiers: Iterable[tuple[Stored, bool]]) -> tuple[Stored, ...]:
    """Of identifiers, each with whether its record is active, those that are given out: each once, in order."""
    found = tuple(identifiers)
    dead = {(i.authority, i.value) for i, is_active in found if i.is_own and not is_active}
    alive = {(i.authority, i.value): i for i, _ in found if not i.is_claim}
    return tuple(alive[name] for name in sorted(alive.keys() - dead))


@dataclass(frozen=True, slots=True)
class Alias:
    """An affinity-domain identifier of somebody: the person it was given to, where that person is now, and whether it was ended."""

    id: int
    person: int
    affinity_id: str
    is_subsumed: bool


_ASKED: Final = PERSON.alias("asked")
_ITS_RECORD: Final = PATIENT_RECORD.alias("its_record")
_SAME_PERSON: Final = (
    _ASKED.join(_ITS_RECORD, _ITS_RECORD.c.id == _ASKED.c.id)
    .join(PATIENT_RECORD, PATIENT_RECORD.c.person == _ITS_RECORD.c.person)
    .join(PERSON, PERSON.c.id == PATIENT_RECORD.c.id)
)
_IS_ASKED: Final = _ASKED.c.affinity_id == sa.bindparam("affinity_id")
_ALIASES: Final[Statement[Alias]] = Statement(
    sa.select(PERSON.c.id, PATIENT_RECORD.c.person, PERSON.c.affinity_id, PERSON.c.is_subsumed)
    .select_from(_SAME_PERSON)
    .where(_IS_ASKED)
    .order_by(PERSON.c.id),
    lambda row: Alias(*row),
)
"""Every submission and nearly every query of the registry asks it, or `ACTIVE_ALIASES`."""
ACTIVE_ALIASES: Final = (
    sa.select(
        (PERSON.c.affinity_id + sa.bindparam("authority", type_=sa.Text)).label("cx"),
        (PERSON.c.id == PATIENT_RECORD.c.person).label("is_survivor"),
    )
    .select_from(_SAME_PERSON)
    .where(_IS_ASKED, sa.not_(_ASKED.c.is_subsumed))
)
"""The same of an identifier that is not ended, with the authority that `authority` writes, as a part of others' statements."""


def aliases(connection: Connection, affinity_id: str) -> tuple[Alias, ...]:
    """Every affinity-domain identifier of the person that this one means; nothing when it is not known."""
    return tuple(_ALIASES.rows(connection, {"affinity_id": affinity_id}))


def affinity_ids(connection: Connection, persons: Iterable[int]) -> dict[int, tuple[str, bool]]:
    """The affinity-domain identifier of each person, and whether a source gave it."""
    return {person: (affinity_id, bool(is_fed)) for person, affinity_id, is_fed in _FED.rows(connection, {"ids": list(persons)})}


_FED: Final[Statement[tuple[int, str, bool]]] = Statement(
    sa.select(PERSON.c.id, PERSON.c.affinity_id, PERSON.c.is_fed).where(AnyOf(PERSON.c.id, "ids")), tuple
)
_LOCKED: Final[Statement[int]] = Statement(
    sa.select(PERSON.c.id).where(AnyOf(PERSON.c.id, "ids")).order_by(PERSON.c.id).with_for_update(key_share=True),
    lambda row: next(iter(row)),
)


def lock_persons(connection: Connection, persons: Iterable[int]) -> None:
    """Waits until these persons are ours till the end of the unit; in the order of their ids, so that nobody waits in a ring."""
    if connection.dialect.name != "sqlite":  # which has one writer
        _LOCKED.rows(connection, {"ids": sorted(set(persons))})


_PERSONS_OF: Final[Statement[tuple[int, int]]] = Statement(
    sa.select(PATIENT_RECORD.c.id, PATIENT_RECORD.c.person).where(AnyOf(PATIENT_RECORD.c.id, "ids")), tuple
)
_RECORDS_IN: Final[Statement[int]] = Statement(
    sa.select(PATIENT_RECORD.c.id).where(PATIENT_RECORD.c.person == sa.bindparam("person")).order_by(PATIENT_RECORD.c.id),
    lambda row: next(iter(row)),
)


def persons_of(connection: Connection, ids: Iterable[int]) -> dict[int, int]:
    """Where records are at the moment: their persons."""
    wanted = list(ids)
    return dict(_PERSONS_OF.rows(connection, {"ids": wanted})) if wanted else {}


def records_in(connection: Connection, person: int) -> list[int]:
    """The records of a person, the oldest first."""
    return _RECORDS_IN.rows(connection, {"person": person})


def lock_where(connection: Connection, ids: Iterable[int]) -> dict[int, int]:
    """Locks the persons in which these records are, and says which. Raises `Raced` when one moved before it was locked."""
    wanted = tuple(ids)
    where = persons_of(connection, wanted)
    lock_persons(connection, where.values())
    if persons_of(connection, wanted) != where:
        raise Raced
    return where


# --- matching --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Member:
    """A record as matching sees it. `is_there` is false of those whose beginning was taken back."""

    id: int
    person: int
    is_active: bool
    prepared: str
    is_there: bool = True


def _member(row: Iterable[Any]) -> Member:
    id_, person, state, prepared = row
    return Member(id_, person, state == RecordState.ACTIVE.value, prepared, state in _THERE)


_MATCHING_MEMBERS: Final = Statement(
    sa.select(PATIENT_RECORD.c.id, PATIENT_RECORD.c.person, PATIENT_RECORD.c.state, PATIENT_RECORD.c.prepared)
    .where(AnyOf(PATIENT_RECORD.c.person, "persons"))
    .order_by(PATIENT_RECORD.c.id),
    _member,
)
_KEYS_OF: Final[Statement[int]] = Statement(
    sa.select(BLOCKING_KEY.c.key).where(BLOCKING_KEY.c.record == sa.bindparam("record")), lambda row: next(iter(row))
)
_DENIED: Final[Statement[tuple[int, int]]] = Statement(
    sa.select(NEGATIVE_LINK.c.one, NEGATIVE_LINK.c.other).where(
        sa.or_(AnyOf(NEGATIVE_LINK.c.one, "ids"), AnyOf(NEGATIVE_LINK.c.other, "ids"))
    ),
    tuple,
)


def matching_members(connection: Connection, persons: Iterable[int]) -> tuple[Member, ...]:
    """The members of these persons, the oldest first."""
    return tuple(_MATCHING_MEMBERS.rows(connection, {"persons": list(persons)}))


def set_keys(connection: Connection, record: int, keys: Iterable[int], before: Iterable[int] = ()) -> None:
    """The blocking keys of a record; `before` are those it has."""
    wanted, had = set(keys), set(before)
    if had - wanted:
        gone = BLOCKING_KEY.c.key.in_(sorted(had - wanted))
        connection.execute(BLOCKING_KEY.delete().where(gone, BLOCKING_KEY.c.record == record))
    if wanted - had:
        connection.execute(
            _insert_quietly(BLOCKING_KEY, connection.dialect.name), [{"key": key, "record": record} for key in sorted(wanted - had)]
        )


def keys_of(connection: Connection, record: int) -> tuple[int, ...]:
    """The blocking keys of a record."""
    return tuple(_KEYS_OF.rows(connection, {"record": record}))


def candidates(connection: Connection, keys: Sequence[int], limit: int) -> dict[int, list[int]]:
    """Under each key at most `limit` records."""
    found: dict[int, list[int]] = {}
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        part = keys[start : start + _KEYS_AT_ONCE]
        asked = {"limit": limit, **{f"k{n}": key for n, key in enumerate(part)}}
        for key, record in _candidates(len(part)).rows(connection, asked):
            found.setdefault(key, []).append(record)
    return found


_KEYS_AT_ONCE: Final = 16


@cache
def _candidates(size: int) -> Statement[tuple[int, int]]:
    """One range of the key table per key, each cut short, so that a key that everybody has costs no more than another."""
    parts = []
    for n in range(size):
        rows = sa.select(BLOCKING_KEY.c.key, BLOCKING_KEY.c.record).where(BLOCKING_KEY.c.key == sa.bindparam(f"k{n}"))
        cut = rows.limit(sa.bindparam("limit", type_=sa.Integer)).subquery(f"s{n}")
        parts.append(sa.select(cut.c.key, cut.c.record))
    return Statement(sa.union_all(*parts), tuple)


def record_count(connection: Connection) -> int:
    """How many records there are."""
    return connection.scalar(sa.select(sa.func.count()).select_from(PATIENT_RECORD)) or 0


def denied(connection: Connection, ids: Sequence[int]) -> dict[int, set[int]]:
    """For each of these records those it was said never to be the same as."""
    found: dict[int, set[int]] = {}
    for one, other in _DENIED.rows(connection, {"ids": list(ids)}):
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return found


# --- links -----------------------------------------------------------------------------------------------------------------


def links(connection: Connection, ids: Iterable[int]) -> dict[int, Link]:
    """Why records are with their persons; one that is where it began has no row and is INITIAL here."""
    wanted = tuple(ids)
    found = {record: Link(record, LinkKind.INITIAL) for record in wanted}
    for row in connection.execute(sa.select(LINK).where(LINK.c.record.in_(wanted))).mappings():
        found[row["record"]] = Link(**{**row, "kind": LinkKind(row["kind"])})
    return found


def add_link(connection: Connection, record: int, kind: LinkKind, reason: str, author: str, now: int) -> None:
    """Why a new record is not where it began."""
    row = {"record": record, "kind": kind.value, "weight": None, "reason": reason, "explanation": "", "model": "", "via": None}
    connection.execute(LINK.insert(), {**row, "at": now, "author": author})


# --- receipts --------------------------------------------------------------------------------------------------------------

_KNOWN_MESSAGE: Final = sa.select(RECEIVED_MESSAGE.c.digest, RECEIVED_MESSAGE.c.warnings).where(
    RECEIVED_MESSAGE.c.sender == sa.bindparam("sender"), RECEIVED_MESSAGE.c.message_id == sa.bindparam("id")
)


def take_message(connection: Connection, receipt: Receipt, warnings: Iterable[Violation], now: int) -> bool:
    """Remembers a message; False when one with its id was taken before. Of two at the same time the later waits for the earlier."""
    row = {
        "sender": indexable(receipt.sender),
        "message_id": indexable(receipt.message_id),
        "digest": receipt.digest,
        "warnings": _warnings(warnings),
        "at": now,
    }
    return _add(connection, RECEIVED_MESSAGE, row)


def known_message(connection: Connection, receipt: Receipt) -> Known | None:
    """The message with this sender and id that was taken before."""
    asked = {"sender": indexable(receipt.sender), "id": indexable(receipt.message_id)}
    row = connection.execute(_KNOWN_MESSAGE, asked).one_or_none()
    if row is None:
        return None
    warnings = tuple(Violation(Condition[c], where, detail, Severity.WARNING) for c, where, detail in json.loads(row.warnings))
    return Known(bytes(row.digest), warnings)


def replace_message(connection: Connection, receipt: Receipt, warnings: Iterable[Violation], now: int) -> None:
    """Remembers a message in place of the one that had its id."""
    sender, message_id = indexable(receipt.sender), indexable(receipt.message_id)
    named = (RECEIVED_MESSAGE.c.sender == sender, RECEIVED_MESSAGE.c.message_id == message_id)
    values = {"digest": receipt.digest, "warnings": _warnings(warnings), "at": now}
    connection.execute(RECEIVED_MESSAGE.update().where(*named).values(values))


def _warnings(warnings: Iterable[Violation]) -> str:
    return _json([[w.condition.name, w.where, w.detail] for w in warnings])


def forget_messages(connection: Connection, before: int) -> int:
    """Drops receipts older than this; gives their number."""
    return connection.execute(RECEIVED_MESSAGE.delete().where(RECEIVED_MESSAGE.c.at < before)).rowcount
