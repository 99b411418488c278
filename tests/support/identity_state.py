"""What a patient index holds at a moment, read with one statement a table, and what follows from it by code not its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from sqlalchemy.engine import Connection

from kernel.database import execute_text
from mpi.model import RecordState
from mpi.tables import IDENTIFIER, JOURNAL, JOURNAL_CHANGE, LINK, NEGATIVE_LINK, PATIENT_RECORD, PERSON, REVIEW

Name = tuple[int, str]
"""An identifier: key of its authority, value."""
Key = tuple[int, ...]
Values = Mapping[str, object]
ACTIVE: Final = RecordState.ACTIVE.value
SUBSUMED: Final = RecordState.SUBSUMED.value
ASLEEP: Final = RecordState.ASLEEP.value
RETIRED: Final = RecordState.RETIRED.value


class Record(NamedTuple):
    """A row of the records."""

    id: int
    authority: int
    local_id: str
    person: int
    state: int
    subsumed_by: int | None
    version: int


class Person(NamedTuple):
    """A row of the persons."""

    id: int
    affinity_id: str
    is_fed: bool
    is_subsumed: bool


class Review(NamedTuple):
    """A row of the reviews."""

    id: int
    record: int
    person: int
    reason: str
    state: str
    decided_at: int | None
    decided_by: str
    comment: str


class Identifier(NamedTuple):
    """A row of the identifiers."""

    authority: int
    value: str
    record: int
    is_own: bool
    is_claim: bool


class Entry(NamedTuple):
    """A row of the journal."""

    id: int
    kind: str
    undone_by: int | None


LINK_COLUMNS: Final = ("kind", "weight", "reason", "explanation", "model", "at", "author", "via")


@dataclass(frozen=True)
class State:
    """Everything that acts change, by keys."""

    records: Mapping[int, Record]
    persons: Mapping[int, Person]
    links: Mapping[int, tuple[object, ...]]
    """The columns of `LINK_COLUMNS`."""
    negatives: Mapping[tuple[int, int], tuple[int, str]]
    reviews: Mapping[int, Review]
    acts: Mapping[int, Entry]
    identifiers: frozenset[Identifier]

    @cached_property
    def own(self) -> Mapping[Name, Record]:
        """Records by their own identifiers; what was retired has none."""
        return {(r.authority, r.local_id): r for r in self.records.values() if r.state != RETIRED}

    @cached_property
    def members(self) -> Mapping[int, list[Record]]:
        """The records of each person."""
        found: dict[int, list[Record]] = {}
        for record in self.records.values():
            found.setdefault(record.person, []).append(record)
        return found

    @cached_property
    def given(self) -> Mapping[str, Person]:
        """Persons by their identifiers in the affinity domain."""
        return {person.affinity_id: person for person in self.persons.values()}

    def open_reviews(self) -> list[Review]:
        """Those that wait for an answer."""
        return [review for review in self.reviews.values() if review.state == "open"]

    def meant(self, name: Name, domain: int) -> set[int]:
        """The persons that an identifier means: the one whose own it is, else all who carry it; `domain` is the authority of the
        affinity domain."""
        if name[0] == domain:
            person = self.given.get(name[1])
            return set() if person is None or person.is_subsumed else {self.records[person.id].person}
        said = [i for i in self.identifiers if (i.authority, i.value) == name and not i.is_claim]
        holders = [i for i in said if self.records[i.record].state < ASLEEP]
        owners = [self.records[i.record] for i in holders if i.is_own]
        if owners:
            return {record.person for record in owners if record.state == ACTIVE}
        return {self.records[i.record].person for i in holders}

    def known_by(self, person: int, domain: int) -> set[Name]:
        """By which identifiers a person is known: the one in the affinity domain, and those of records that did not end."""
        members = {record.id: record.state == ACTIVE for record in self.members[person] if record.state < ASLEEP}
        theirs = [i for i in self.identifiers if i.record in members and i.authority != domain]
        ended = {(i.authority, i.value) for i in theirs if i.is_own and not members[i.record]}
        said = {(i.authority, i.value) for i in theirs if not i.is_claim}
        return (said - ended) | {(domain, self.persons[person].affinity_id)}

    def touched_since(self, before: State) -> set[int]:
        """Records that are new, went elsewhere, began, ended or are called otherwise than before."""
        moved = {id_ for id_, record in self.records.items() if before.records.get(id_) != record}
        renamed = {id_ for id_, person in self.persons.items() if before.persons.get(id_) != person}
        return moved | renamed | {i.record for i in self.identifiers ^ before.identifiers if i.record in self.records}


def _all(connection: Connection, table: str, columns: Iterable[str]) -> list[tuple[object, ...]]:
    return [tuple(row) for row in execute_text(connection, f"SELECT {', '.join(columns)} FROM {table}", {}).fetchall()]


def read_state(connection: Connection) -> State:
    """The present."""
    persons = [
        Person(id_, name, bool(fed), bool(ended)) for id_, name, fed, ended in sorted(_all(connection, PERSON.name, Person._fields))
    ]
    records = [Record(*row) for row in sorted(_all(connection, PATIENT_RECORD.name, Record._fields))]
    links = _all(connection, LINK.name, ("record", *LINK_COLUMNS))
    negatives = _all(connection, NEGATIVE_LINK.name, ("one", "other", "at", "author"))
    reviews = [Review(*row) for row in sorted(_all(connection, REVIEW.name, Review._fields))]
    acts = [Entry(*row) for row in sorted(_all(connection, JOURNAL.name, Entry._fields))]
    identifiers = _all(connection, IDENTIFIER.name, Identifier._fields)
    return State(
        {record.id: record for record in records},
        {person.id: person for person in persons},
        {row[0]: row[1:] for row in links},
        {(one, other): (at, author) for one, other, at, author in negatives},
        {review.id: review for review in reviews},
        {act.id: act for act in acts},
        frozenset(Identifier(a, value, r, bool(own), bool(claim)) for a, value, r, own, claim in identifiers),
    )


class Told(NamedTuple):
    """A line of the journal: what an act says that it changed."""

    act: int
    thing: str
    key: Key
    before: Values | None
    after: Values | None


def read_told(connection: Connection, after: int) -> list[Told]:
    """What the journal tells of the acts after this one."""
    text = f"SELECT act, thing, key, before, after FROM {JOURNAL_CHANGE.name} WHERE act > {after:d} ORDER BY act, position"
    return [
        Told(act, thing, tuple(map(int, key.split(","))), _values(was), _values(is_now))
        for act, thing, key, was, is_now in execute_text(connection, text, {}).fetchall()
    ]


def _values(text: str | None) -> Values | None:
    return None if text is None else json.loads(text)


@dataclass
class Replay:
    """The journal, read from its beginning: what it says is there."""

    present: dict[tuple[str, Key], Values | None] = field(default_factory=dict)
    first: dict[tuple[str, Key], Values | None] = field(default_factory=dict)
    """How each thing was before the first act that changed it."""
    last: int = 0

    def hear(self, told: Iterable[Told]) -> None:
        """Goes on. Every act found what the one before left; questions to administrators are also asked outside of acts."""
        for line in told:
            name = line.thing, line.key
            if name in self.present:
                found, left = _as_journaled(name, line.before), _as_journaled(name, self.present[name])
                assert line.thing == "review" or found == left, f"act {line.act} found {name} otherwise than it was left"
            self.first.setdefault(name, line.before)
            self.present[name] = line.after
            self.last = line.act

    def differences(self, state: State) -> dict[tuple[str, Key], tuple[Values | None, Values | None]]:
        """What is otherwise than the journal says: what it says, and what is there."""
        there = things_of(state)
        names = (there.keys() | self.present.keys()) - {name for name in self.present if name[0] == "review"}
        told = {name: _as_journaled(name, self.present.get(name, _begun(name, there.get(name)))) for name in names}
        return {name: (told[name], there.get(name)) for name in names if told[name] != there.get(name)}


def things_of(state: State) -> dict[tuple[str, Key], Values | None]:
    """The present as the journal would write it."""
    found: dict[tuple[str, Key], Values | None] = {}
    for record in state.records.values():
        name = "record", (record.id,)
        values = {"person": record.person, "state": record.state, "subsumed_by": record.subsumed_by}
        found[name] = _as_journaled(name, values)
    for person in state.persons.values():
        values = {"is_subsumed": person.is_subsumed, "affinity_id": person.affinity_id, "is_fed": person.is_fed}
        found["person", (person.id,)] = values
    found |= {("link", (id_,)): dict(zip(LINK_COLUMNS, row, strict=True)) for id_, row in state.links.items()}
    found |= {("negative", pair): {"at": at, "author": author} for pair, (at, author) in state.negatives.items()}
    found |= {("act", (act.id,)): {"undone_by": act.undone_by} for act in state.acts.values()}
    return found


def _begun(name: tuple[str, Key], there: Values | None) -> Values | None:
    """How a thing is that no act has changed; there are no links of which the journal does not know."""
    thing, (id_, *_) = name
    if thing == "record":
        return {"person": id_, "state": ACTIVE, "subsumed_by": None}
    if thing == "act":
        return {"undone_by": None}
    return {**(there or {}), "is_subsumed": False} if thing == "person" else None


def _as_journaled(name: tuple[str, Key], values: Values | None) -> Values | None:
    """A sleeping record is retired by a feed, which is no act."""
    is_retired = name[0] == "record" and values is not None and values["state"] == RETIRED
    return {**(values or {}), "state": ASLEEP} if is_retired else values
