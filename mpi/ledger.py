"""The journal of the patient index: every act that changes who is who, with exactly what it changed, so that it can be undone.

Nothing else writes the columns named in `_THINGS`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kernel.errors import Condition, Rejected, Violation, rejected, violation
from kernel.statements import Statement
from mpi.model import Act, ActKind, RecordState, ReviewState
from mpi.tables import JOURNAL, JOURNAL_CHANGE, LINK, NEGATIVE_LINK, PATIENT_RECORD, PERSON, REVIEW

_ASLEEP: Final = RecordState.ASLEEP.value
_RETIRED: Final = RecordState.RETIRED.value
DECIDED: Final = (ReviewState.SAME.value, ReviewState.DIFFERENT.value)
Values = Mapping[str, object]
Key = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Thing:
    """A table of the journal: its key, the columns an act may change, and whether an act adds and removes whole rows."""

    table: sa.Table
    key: tuple[str, ...]
    columns: tuple[str, ...]
    comes_and_goes: bool = False


_LINK_COLUMNS: Final = ("kind", "weight", "reason", "explanation", "model", "at", "author", "via")
_DECISION: Final = ("state", "decided_at", "decided_by", "comment")
_THINGS: Final = {
    "record": _Thing(PATIENT_RECORD, ("id",), ("person", "state", "subsumed_by")),
    "person": _Thing(PERSON, ("id",), ("is_subsumed", "affinity_id", "is_fed")),
    "link": _Thing(LINK, ("record",), _LINK_COLUMNS, comes_and_goes=True),
    "negative": _Thing(NEGATIVE_LINK, ("one", "other"), ("at", "author"), comes_and_goes=True),
    "review": _Thing(REVIEW, ("id",), _DECISION),
    "act": _Thing(JOURNAL, ("id",), ("undone_by",)),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One row as an act found it and as it left it; None where there was no row."""

    thing: str
    key: Key
    before: Values | None
    after: Values | None

    @property
    def reversed(self) -> Change:
        """What takes it back."""
        return Change(self.thing, self.key, self.after, self.before)


class Ledger:
    """One act: changes rows, remembers what they were, and writes the entry when it is closed."""

    def __init__(self, connection: Connection, act: Act) -> None:
        self.connection = connection
        self.act = act
        self._changes: dict[tuple[str, Key], Change] = {}

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was changed so far; a row that was changed twice counts once."""
        return tuple(c for c in self._changes.values() if c.before != c.after)

    @property
    def persons(self) -> tuple[int, ...]:
        """The persons whose records were changed, or went from one to another."""
        return touched_persons(self.changes)

    def put(self, thing: str, key: Key, values: Values | None) -> None:
        """Gives a row these values, or takes it away. Rows that do not come and go must be there."""
        before = _read(self.connection, thing, key)
        after = None if values is None else {**(before or {}), **values}
        if before == after:
            return
        _write(self.connection, Change(thing, key, before, after))
        first = self._changes.get((thing, key))
        self._changes[thing, key] = Change(thing, key, first.before if first else before, after)

    def close(self) -> int | None:
        """Writes the entry; gives its id, None when nothing was changed."""
        found = self.changes
        if not found:
            return None
        act = self.act
        values = {
            "id": act.id,
            "kind": act.kind.value,
            "at": act.at,
            "author": act.author,
            "comment": act.comment,
            "undone_by": None,
        }
        _ADD_ACT.run(self.connection, values)
        _add_changes(self.connection, [_row(act.id, at, change) for at, change in enumerate(found)])
        return act.id


_ADD_ACT: Final[Statement[None]] = Statement(JOURNAL.insert().inline(), lambda _: None)
_TOGETHER: Final = 8


def _add_changes(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    if len(rows) > _TOGETHER:
        connection.execute(JOURNAL_CHANGE.insert(), rows)
    else:
        _adding(len(rows)).run(connection, {f"{name}_{at}": value for at, row in enumerate(rows) for name, value in row.items()})


@cache
def _adding(size: int) -> Statement[None]:
    """Rows of an act in one statement: most acts change a record and its link."""
    rows: list[dict[str, object]] = [
        {column.name: sa.bindparam(f"{column.name}_{at}") for column in JOURNAL_CHANGE.c} for at in range(size)
    ]
    return Statement(JOURNAL_CHANGE.insert().values(rows).inline(), lambda _: None)


def touched_persons(changes: Iterable[Change]) -> tuple[int, ...]:
    """The persons between which these changes moved records, in order."""
    records = (values for c in changes if c.thing == "record" for values in (c.before, c.after) if values)
    return tuple(sorted({person for values in records if isinstance(person := values["person"], int)}))


def undo(ledger: Ledger, act_id: int) -> tuple[Change, ...]:
    """Takes an act back in the name of the ledger's act: every row is again as the act found it.

    Raises `Rejected` when there is no such act, when it was undone, or naming the later acts that stand in the way.
    """
    connection = ledger.connection
    act = act_by_id(connection, act_id)
    if act is None:
        raise rejected(Condition.IDENTIFIER_UNKNOWN, "act", "there is no such act in the journal")
    if act.undone_by is not None:
        raise rejected(Condition.UPDATE_INVALID, "act", f"this act was taken back by {act.undone_by}")
    found = tuple(_of_retired(c, _read(connection, c.thing, c.key)) for c in changes_of(connection, act_id))
    in_the_way = [(c.thing, c.key) for c in found if _is_in_the_way(connection, act_id, c)]
    if in_the_way:
        changed = violation(Condition.UPDATE_INVALID, "act", "what it changed is not as it left it")
        raise Rejected(later_acts(connection, act_id, in_the_way) or [changed])
    give_up_identifiers(ledger, [c.key for c in found if _is_renamed(c)])
    for change in reversed(found):
        ledger.put(change.thing, change.key, change.before)
    ledger.put("act", (act_id,), {"undone_by": ledger.act.id})
    return tuple(change.reversed for change in found)


def _of_retired(change: Change, now: Values | None) -> Change:
    """A change of where a record slept, when it was retired since: by a feed, which is no act and is not taken back."""
    moved = [values for values in (change.before, change.after) if values is not None and values.get("state") == _ASLEEP]
    if change.thing != "record" or now is None or now["state"] != _RETIRED or len(moved) < 2:
        return change
    before, after = ({**values, "state": _RETIRED} for values in moved)
    return Change(change.thing, change.key, before, after)


def _is_in_the_way(connection: Connection, act_id: int, change: Change) -> bool:
    """Whether a row is otherwise than an act left it.

    Evidence asks questions and withdraws them, which is no act: on one that nobody decided nothing was built.
    """
    now = _read(connection, change.thing, change.key)
    if _is_as_left(change, now):
        return False
    is_undecided = change.thing == "review" and now is not None and now["state"] not in DECIDED
    return not is_undecided or bool(later_acts(connection, act_id, [(change.thing, change.key)]))


def _is_as_left(change: Change, now: Values | None) -> bool:
    """An act of an earlier release did not name every column. A question that was asked again is as it was before."""
    if change.thing == "review" and now == change.before:
        return True
    if now is None or change.after is None:
        return now is change.after
    return all(now[column] == value for column, value in change.after.items())


def give_up_identifiers(ledger: Ledger, persons: Iterable[Key]) -> None:
    """Persons that are to exchange their identifiers in the affinity domain have none for a moment, for each is unique."""
    for key in persons:
        ledger.put("person", key, {"affinity_id": f"~{key[0]}"})


def _is_renamed(change: Change) -> bool:
    before, after = change.before or {}, change.after or {}
    return change.thing == "person" and before.get("affinity_id") != after.get("affinity_id")


def later_acts(connection: Connection, act_id: int, things: Iterable[tuple[str, Key]]) -> list[Violation]:
    """The later acts that changed one of these things and stand: what is in the way of an act that is to be taken back."""
    later: dict[int, None] = {}
    for thing, key in things:
        statement = sa.select(JOURNAL_CHANGE.c.act).where(
            JOURNAL_CHANGE.c.thing == thing, JOURNAL_CHANGE.c.key == _key_text(key), JOURNAL_CHANGE.c.act > act_id
        )
        later |= dict.fromkeys(connection.scalars(statement.order_by(JOURNAL_CHANGE.c.act)))
    acts = (act_by_id(connection, id_) for id_ in sorted(later))
    standing = [act.id for act in acts if act is not None and act.undone_by is None and act.kind is not ActKind.UNDO]
    return [
        violation(Condition.UPDATE_INVALID, f"act {id_}", "this later act builds on it; take it back first") for id_ in standing
    ]


def act_by_id(connection: Connection, act_id: int) -> Act | None:
    """An entry of the journal."""
    row = connection.execute(sa.select(JOURNAL).where(JOURNAL.c.id == act_id)).mappings().one_or_none()
    return None if row is None else _act(row)


def changes_of(connection: Connection, act_id: int) -> tuple[Change, ...]:
    """What an act changed, in order."""
    statement = sa.select(JOURNAL_CHANGE).where(JOURNAL_CHANGE.c.act == act_id).order_by(JOURNAL_CHANGE.c.position)
    return tuple(
        Change(row["thing"], tuple(map(int, row["key"].split(","))), _values(row["before"]), _values(row["after"]))
        for row in connection.execute(statement).mappings()
    )


def acts(
    connection: Connection,
    *,
    records: Iterable[int] | None = None,
    kinds: Iterable[ActKind] | None = None,
    before: int | None = None,
    limit: int = 50,
) -> tuple[Act, ...]:
    """Entries of the journal, the latest first: all, those of some kinds, or those that changed one of these records."""
    statement = sa.select(JOURNAL).order_by(JOURNAL.c.id.desc()).limit(limit)
    if kinds is not None:
        statement = statement.where(JOURNAL.c.kind.in_([kind.value for kind in kinds]))
    if before is not None:
        statement = statement.where(JOURNAL.c.id < before)
    if records is not None:
        touched = sa.select(JOURNAL_CHANGE.c.act).where(
            JOURNAL_CHANGE.c.thing.in_(("record", "link")), JOURNAL_CHANGE.c.key.in_([str(r) for r in records])
        )
        statement = statement.where(JOURNAL.c.id.in_(touched))
    return tuple(_act(row) for row in connection.execute(statement).mappings())


def act_that_settled(connection: Connection, review_id: int) -> Act | None:
    """The act that decided a review and stands; None when nobody decided it, or it was taken back."""
    statement = (
        sa.select(JOURNAL, JOURNAL_CHANGE.c.after)
        .join(JOURNAL_CHANGE, JOURNAL_CHANGE.c.act == JOURNAL.c.id)
        .where(JOURNAL_CHANGE.c.thing == "review", JOURNAL_CHANGE.c.key == str(review_id))
        .where(JOURNAL.c.undone_by.is_(None), JOURNAL.c.kind == ActKind.RESOLVE.value)
        .order_by(JOURNAL.c.id.desc())
    )
    for row in connection.execute(statement).mappings():
        after = _values(row["after"]) or {}
        if after.get("state") in DECIDED:  # an act withdraws other reviews too
            return _act(row)
    return None


def _act(row: sa.RowMapping) -> Act:
    return Act(row["id"], ActKind(row["kind"]), row["at"], row["author"], row["comment"], row["undone_by"])


def _row(act: int, position: int, change: Change) -> dict[str, object]:
    return {
        "act": act,
        "position": position,
        "thing": change.thing,
        "key": _key_text(change.key),
        "before": _text(change.before),
        "after": _text(change.after),
    }


def _key_text(key: Key) -> str:
    return ",".join(map(str, key))


def _text(values: Values | None) -> str | None:
    return None if values is None else json.dumps(dict(values), ensure_ascii=False, separators=(",", ":"))


def _values(text: str | None) -> Values | None:
    if text is None:
        return None
    found: dict[str, object] = json.loads(text)
    return found


def _where(thing: _Thing) -> sa.ColumnElement[bool]:
    return sa.and_(*(thing.table.c[name] == sa.bindparam(f"key_{name}") for name in thing.key))


def _named(thing: _Thing, key: Key) -> dict[str, object]:
    return {f"key_{name}": value for name, value in zip(thing.key, key, strict=True)}


@cache
def _reading(name: str) -> Statement[Values]:
    thing = _THINGS[name]
    columns = [thing.table.c[column] for column in thing.columns]
    flags = [column.name for column in columns if isinstance(column.type, sa.Boolean)]

    def values(row: Iterable[object]) -> Values:
        found = dict(zip(thing.columns, row, strict=True))
        return found | {name: bool(found[name]) for name in flags}  # which SQLite keeps as numbers

    return Statement(sa.select(*columns).where(_where(thing)), values)


@cache
def _writing(name: str, columns: tuple[str, ...]) -> Statement[None]:
    thing = _THINGS[name]
    update = thing.table.update().where(_where(thing)).values({column: sa.bindparam(f"new_{column}") for column in columns})
    return Statement(update, lambda _: None)


@cache
def _adding_one(name: str) -> Statement[None]:
    return Statement(_THINGS[name].table.insert().inline(), lambda _: None)


def _read(connection: Connection, name: str, key: Key) -> Values | None:
    thing = _THINGS[name]
    rows = _reading(name).rows(connection, _named(thing, key))
    if not rows and not thing.comes_and_goes and name != "act":
        raise LookupError(f"{name} {key} is not there")
    return rows[0] if rows else None


def _write(connection: Connection, change: Change) -> None:
    thing = _THINGS[change.thing]
    if change.after is None:
        connection.execute(thing.table.delete().where(_where(thing)), _named(thing, change.key))
    elif change.before is None:
        _adding_one(change.thing).run(connection, {**dict(zip(thing.key, change.key, strict=True)), **change.after})
    else:
        values = {f"new_{column}": value for column, value in change.after.items()}
        _writing(change.thing, tuple(change.after)).run(connection, {**_named(thing, change.key), **values})
