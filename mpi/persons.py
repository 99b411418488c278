"""Joining and separating persons, inside one act of the journal.

A person has the id of the record it began with, and a person with members always has that record among them. So every record has a
home to go back to, and every affinity-domain identifier that was ever given leads, through its record, to where that record is now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Final

from sqlalchemy.engine import Connection

from mpi import review_store, store
from mpi.ledger import Ledger, Values
from mpi.model import LinkKind, PatientRecord, RecordState, ReviewReason, ReviewState

APART_LIMIT: Final = 400
"""Pairs of records that one decision keeps apart at the most."""


@dataclass(frozen=True, slots=True)
class Why:
    """The reason of a link. `via` is the record whose likeness led to it."""

    kind: LinkKind
    reason: str
    weight: float | None = None
    explanation: str = ""
    model: str = ""
    via: int | None = None


def survivor_of(connection: Connection, one: int, other: int) -> tuple[int, int]:
    """Which of two persons stays and which goes: one whose identifier a source gave stays, else the older."""
    fed = {person: is_fed for person, (_, is_fed) in store.affinity_ids(connection, (one, other)).items()}
    stays, goes = sorted((one, other), key=lambda person: (not fed[person], person))
    return stays, goes


def join(ledger: Ledger, goes: int, stays: int, why: Why) -> None:
    """All records of one person go over to another. The caller has locked both and looked for negative links."""
    moving = store.records_in(ledger.connection, goes)
    for record in moving:
        ledger.put("record", (record,), {"person": stays})
    ledger.put(
        "link",
        (goes,),
        {
            "kind": why.kind.value,
            "weight": why.weight,
            "reason": why.reason,
            "explanation": why.explanation,
            "model": why.model,
            "at": ledger.act.at,
            "author": ledger.act.author,
            "via": why.via,
        },
    )
    _settle_reviews(ledger, moving)


def _settle_reviews(ledger: Ledger, moved: Iterable[int]) -> None:
    """A question whether two are the same is idle once they are."""
    found = review_store.open_reviews_of(ledger.connection, moved)
    where = store.persons_of(ledger.connection, {r.record for r in found})
    for review in found:
        if review.reason is not ReviewReason.WEAKENED and where[review.record] == review.person:
            ledger.put("review", (review.id,), {"state": ReviewState.WITHDRAWN.value, "decided_at": ledger.act.at})


def separate(ledger: Ledger, record: PatientRecord) -> tuple[int, int]:
    """Takes a record, with those merged into it, out of its person. Gives the two persons: the record's, and that of the rest.

    The one that the person began with keeps it, so that identifiers go on meaning whom they were given to. The record is active,
    and not all there is of the person.
    """
    members = store.members(ledger.connection, [record.person])
    group = with_subsumed(record.id, members)
    rest = [m for m in members if m.id not in group]
    if record.person in group:
        home = _home(ledger.connection, rest)
        _move(ledger, (m.id for m in rest), home)
        return record.person, home
    _move(ledger, group, record.id)
    return record.id, record.person


def separate_for_good(ledger: Ledger, record: PatientRecord) -> None:
    """Takes a record out of its person and keeps it apart from the rest."""
    members = [m.id for m in store.matching_members(ledger.connection, [record.person])]
    separate(ledger, record)
    where = store.persons_of(ledger.connection, members)
    apart = {id_ for id_, person in where.items() if person == where[record.id]}
    keep_apart(ledger, apart, where.keys() - apart)


def has_others(record: PatientRecord, members: Collection[PatientRecord]) -> bool:
    """Whether the person has records beside this one and those merged into it."""
    return len(with_subsumed(record.id, members)) < len(members)


def with_subsumed(record: int, members: Iterable[PatientRecord]) -> set[int]:
    """A record and all that ended in it."""
    members, group = tuple(members), {record}
    while more := {m.id for m in members if m.subsumed_by in group} - group:
        group |= more
    return group


def _home(connection: Connection, members: Collection[PatientRecord]) -> int:
    """Where those stay who are left: with one that stands for itself, if there is one, and whose identifier a source gave."""
    left = [m.id for m in members if m.is_active] or [m.id for m in members]
    fed = store.affinity_ids(connection, left)
    return min(fed, key=lambda person: (not fed[person][1], person))


def _move(ledger: Ledger, records: Iterable[int], home: int) -> None:
    for record in records:
        ledger.put("record", (record,), {"person": home})
    ledger.put("link", (home,), None)


def gather_sleepers(ledger: Ledger) -> None:
    """Records whose beginning was taken back go where those went that they are behind. Acts move them along; undoing may not."""
    changed = {c.key[0] for c in ledger.changes if c.thing == "record"}
    while changed:
        behind = store.sleepers_behind(ledger.connection, changed)
        where = store.persons_of(ledger.connection, [*behind, *behind.values()])
        changed = {record for record, other in behind.items() if where[record] != where[other]}
        for record in changed:
            ledger.put("record", (record,), {"person": where[behind[record]]})


def left_behind(ledger: Ledger) -> list[int]:
    """Records that had ended in another when the act began, and by the act are not with it any more."""
    before = _records_before(ledger)
    ended = store.subsumed_by(ledger.connection, before)
    where = store.persons_of(ledger.connection, [*ended, *ended.values()])
    was = {**where, **{record: values["person"] for record, values in before.items()}}
    had_ended = {record for record, by in ended.items() if record not in before or before[record]["subsumed_by"] == by}
    return sorted(r for r in had_ended if was[r] == was[ended[r]] and where[r] != where[ended[r]])


def ended_elsewhere(ledger: Ledger) -> list[int]:
    """Records in which others end by the act that are elsewhere, though nobody keeps the two apart."""
    connection, before = ledger.connection, _records_before(ledger)
    ended = {r: by for r, by in store.subsumed_by(connection, before).items() if r in before and before[r]["subsumed_by"] != by}
    where = store.persons_of(connection, [*ended, *ended.values()])
    found = set()
    for record, by in ended.items():
        ours, theirs = (store.members(connection, [where[r]]) for r in (by, record))
        is_kept_apart = are_denied(connection, [m.id for m in ours], with_subsumed(record, theirs))
        if where[record] != where[by] and not is_kept_apart:
            found.add(by)
    return sorted(found)


def _records_before(ledger: Ledger) -> dict[int, Values]:
    return {c.key[0]: c.before for c in ledger.changes if c.thing == "record" and c.before is not None}


def subsume(ledger: Ledger, record: PatientRecord, survivor: PatientRecord) -> None:
    """The identifier of a record ends in that of another of the same source."""
    ledger.put("record", (record.id,), {"state": RecordState.SUBSUMED.value, "subsumed_by": survivor.id})
    for review in review_store.open_reviews_of(ledger.connection, [record.id]):
        if review.record == record.id:
            ledger.put("review", (review.id,), {"state": ReviewState.WITHDRAWN.value, "decided_at": ledger.act.at})


def keep_apart(ledger: Ledger, ones: Collection[int], others: Collection[int]) -> None:
    """No record of the one side is ever linked with a record of the other."""
    for one, other in list(product(sorted(ones), sorted(others)))[:APART_LIMIT]:
        if one != other:
            ledger.put("negative", (min(one, other), max(one, other)), {"at": ledger.act.at, "author": ledger.act.author})


def are_denied(connection: Connection, ones: Collection[int], others: Collection[int]) -> bool:
    """Whether somebody said that a record of the one side is not the same as one of the other."""
    said = store.denied(connection, tuple(ones))
    return any(said.get(one, set()) & set(others) for one in ones)


def are_torn(connection: Connection, persons: Iterable[int]) -> bool:
    """Whether one of these persons holds two records that somebody said are never the same. One that sleeps is nobody."""
    where = {m.id: m.person for m in store.matching_members(connection, persons) if m.is_there}
    said = store.denied(connection, tuple(where))
    return any(where[one] == where.get(other) for one, others in said.items() if one in where for other in others)


def are_whole(connection: Connection, persons: Iterable[int]) -> bool:
    """Whether each of these persons is either empty or has the record it began with."""
    wanted = set(persons)
    inhabited = {member.person for member in store.matching_members(connection, wanted)}
    homes = store.persons_of(connection, inhabited)
    return all(homes.get(person) == person for person in inhabited)
