"""Records of one person that go over to another, and what was filed for them: done, undone and done again alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.engine import Connection

from kernel.identifiers import PatientId
from mpi import ledger as journal
from mpi import persons, store
from mpi.authorities import Authorities
from mpi.ledger import Ledger
from mpi.model import Act, ActKind, RecordState
from mpi.ports import Documents
from mpi.store import Name

MOVED: Final = "The affinity domain moved it to another patient."


@dataclass(frozen=True, slots=True)
class Moving:
    """A person whom records are about to leave: what goes, by its local identifier, and every identifier that she has in the
    affinity domain."""

    going: Mapping[Name, int]
    affinity_ids: tuple[str, ...]

    @classmethod
    def of_each(cls, connection: Connection, records: Sequence[int]) -> tuple[Moving, ...]:
        """For each person where one of these records is, with what was merged into it. In the person of the first, what was
        submitted for one of the others goes where the first goes."""
        where = store.persons_of(connection, records)
        people = sorted(set(where.values()))
        strays = (
            {(r.authority, r.local_id): records[0] for r in store.records(connection, records) if where[r.id] != where[records[0]]}
            if records
            else {}
        )
        return tuple(
            cls._of(connection, person, [r for r in records if where[r] == person], strays if person == where[records[0]] else {})
            for person in people
        )

    @classmethod
    def _of(cls, connection: Connection, person: int, records: Iterable[int], strays: Mapping[Name, int]) -> Moving:
        members = store.members(connection, [person])
        group = set().union(*(persons.with_subsumed(record, members) for record in records))
        given = store.affinity_ids(connection, [m.id for m in members])
        going = {(m.authority, m.local_id): m.id for m in members if m.id in group and m.is_there}
        return cls({**strays, **going}, tuple(affinity_id for _, (affinity_id, _) in sorted(given.items())))

    def divide(self, connection: Connection, documents: Documents, authorities: Authorities) -> int:
        """After they went: what was submitted for them is filed where they are now, and nothing else is. Gives the number of
        documents that were submitted for them."""
        where = store.persons_of(connection, self.going.values())
        given = {record: id_ for record, (id_, _) in store.affinity_ids(connection, where).items()}
        leads = {
            id_: alias.person for id_ in self.affinity_ids for alias in store.aliases(connection, id_) if alias.affinity_id == id_
        }
        gone = set(where.values())
        stayed = next((id_ for id_, person in leads.items() if person not in gone), None)

        def patient_id(value: str) -> PatientId:
            return authorities.patient_id(authorities.own.key, value)

        def place(sent: PatientId) -> PatientId | None:
            authority = authorities.known(sent.authority)
            record = self.going.get((authority.key, sent.id)) if authority is not None else None
            return None if record is None else patient_id(given[record])

        leaving = {patient_id(id_): stayed is not None and person in gone for id_, person in leads.items()}
        return documents.divide(connection, leaving, place, patient_id(stayed or next(iter(leads))))


def moved_by(connection: Connection, act: Act) -> tuple[int, ...]:
    """The records that a move moved, or its undoing moved back, or the undoing of that; nothing for every other act."""
    changes = journal.changes_of(connection, act.id)
    if act.kind is ActKind.UNDO:
        undone = next((c.key[0] for c in changes if c.thing == "act"), None)
        other = journal.act_by_id(connection, undone) if undone is not None else None
        return () if other is None else moved_by(connection, other)
    if act.kind is not ActKind.SOURCE_MOVE:
        return ()
    moved = [c.key[0] for c in changes if c.thing == "link" and c.after and c.after["reason"] == MOVED]
    ended = RecordState.SUBSUMED.value
    return (*moved, *(c.key[0] for c in changes if c.thing == "record" and c.after and c.after["state"] == ended))


def give_identifier(ledger: Ledger, from_: int, to: int) -> None:
    """A record gets the identifier in the affinity domain of another, whose source thereby gave it, for its own."""
    given = store.affinity_ids(ledger.connection, [from_, to])
    journal.give_up_identifiers(ledger, [(from_,), (to,)])
    ledger.put("person", (to,), {"affinity_id": given[from_][0], "is_fed": True})
    ledger.put("person", (from_,), {"affinity_id": given[to][0], "is_fed": False})
