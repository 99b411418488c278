"""What the affinity domain says of a local patient: she is another than she was thought to be (ITI-64, A43)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy.engine import Connection

from access.subject import Subject
from atna import events
from atna.message import AuditMessage, Outcome
from atna.participants import outcome_of
from kernel.database import Work
from kernel.demographics import Demographics
from kernel.errors import Condition, HieError, Rejected, rejected
from kernel.patient_update import LinkChange, SentIdentifier
from mpi import beginnings, persons, receipts, store
from mpi.audit import cx, instant
from mpi.authorities import Authorities
from mpi.beginnings import Newcomer
from mpi.index import Index, tell_of
from mpi.ledger import Ledger
from mpi.model import ActKind, Fed, LinkKind, Located, LocatedChange, PatientRecord, Receipt, RecordState, Stored
from mpi.moves import MOVED, Moving, give_identifier
from mpi.persons import Why
from mpi.ports import Documents
from mpi.service import SOURCE_SAYS

_DENIED: Final = "it was decided that these are different people"


class SourceMoves:
    """Moves that the source of the affinity domain's identifiers asserts. Each is one unit of work, journaled like a merge."""

    def __init__(self, index: Index, documents: Documents) -> None:
        self._index = index
        self._authorities = Authorities(index.affinity)
        self._documents = documents

    def move(self, change: LinkChange, subject: Subject, receipt: Receipt) -> Fed:
        """The local patient goes from the person with the previous identifier of the domain to her with the current one, and the
        documents that were submitted for it go along. The previous identifier stays, with everything else.

        Raises `Rejected`: authorities unknown, not the right ones or not the source's; identifiers unknown or merged away; the
        local patient is somebody else, or is where it shall go already; an earlier decision keeps them apart.
        """
        located = self._authorities.locate_change(change, subject.source)
        return self._index.unit(lambda work: self._move(work, located, change, (subject, receipt)))

    def refused(self, change: LinkChange | None, subject: Subject, error: HieError) -> None:
        """The audit record of a move that was not made; `change` is None when it could not be read."""
        with self._index.database.begin() as work:
            work.audit(self._event(change, subject, work.now, outcome_of(error)).to_xml())

    def _move(self, work: Work, located: LocatedChange, change: LinkChange, who: tuple[Subject, Receipt]) -> Fed:
        subject, receipt = who
        taken = receipts.take(work, receipt, subject, (), self._authorities)
        if taken.is_replay:
            return taken
        ledger = Ledger(work.connection, self._index.act(work, ActKind.SOURCE_MOVE, subject.source))
        record = _Move(work, ledger, located, self._index, self._authorities).make(self._documents)
        ledger.close()
        tell_of(work, ledger.persons)
        work.audit(self._event(change, subject, work.now, Outcome.SUCCESS).to_xml())
        return replace(taken, record=record)

    def _event(self, change: LinkChange | None, subject: Subject, now: int, outcome: Outcome) -> AuditMessage:
        sent = (change.local, change.current, change.previous, change.subsumed) if change else ()
        told = events.LinkChange(*(cx(i.patient_id) if i else "" for i in sent)) if sent else events.LinkChange("")
        return events.link_change(self._index.audit, subject, when=instant(now), outcome=outcome, change=told)


class _Move:
    """One move inside its unit of work."""

    def __init__(self, work: Work, ledger: Ledger, change: LocatedChange, index: Index, authorities: Authorities) -> None:
        self._work = work
        self._ledger = ledger
        self._change = change
        self._index = index
        self._authorities = authorities

    @property
    def _connection(self) -> Connection:
        return self._work.connection

    def make(self, documents: Documents) -> int:
        """Makes it; gives the record that moved."""
        change, connection = self._change, self._connection
        new, old = self._holder(change.current), self._holder(change.previous)
        local, is_new = self._local(change.local, old)
        subsumed, is_new_too = self._local(change.subsumed, old) if change.subsumed else (None, False)
        records = [r.id for r in (local, subsumed) if r is not None]
        where = store.lock_where(connection, [new.id, old.id, *records])
        self._require_alive(records)
        if where[local.id] != where[old.id]:
            raise _impossible(change.local.sent, "the local patient is not the one with the previous identifier")
        stays = where[new.id] == where[old.id]
        if stays and subsumed is None:
            raise _impossible(change.previous.sent, "both identifiers are the same patient's")
        leaving = Moving.of_each(connection, records[1:] if stays else records)
        if subsumed is not None:
            self._end(subsumed.id, local.id)
        if not stays:
            self._go_over(records, new.id, old)
        if subsumed is not None:
            self._follow(subsumed.id, local.id)
        followed = sum(person.divide(connection, documents, self._authorities) for person in leaving)
        if (is_new or is_new_too) and not followed:
            raise _unknown((change.local if is_new or change.subsumed is None else change.subsumed).sent)
        return local.id

    def _holder(self, located: Located) -> PatientRecord:
        """The record that an identifier of the affinity domain was given to."""
        value = located.patient_id.id
        found = next((a for a in store.aliases(self._connection, value) if a.affinity_id == value), None)
        if found is None:
            raise _unknown(located.sent)
        if found.is_subsumed:
            raise _impossible(located.sent, "the identifier was merged into another before")
        return store.records(self._connection, [found.id])[0]

    def _local(self, located: Located, old: PatientRecord) -> tuple[PatientRecord, bool]:
        """The record of a local patient; one that begins now, with the previous identifier's person, when no source told of it.

        An affinity domain may keep track of patients of whom the registry has only the documents.
        """
        known = beginnings.named(self._connection, located)
        if known is not None and known.state is RecordState.SUBSUMED:
            raise _impossible(located.sent, "the identifier was merged into another before")
        if known is not None and known.is_active:
            return known, False
        store.lock_where(self._connection, [old.id])
        key = self._begin(located, old)
        persons.join(self._ledger, key, store.persons_of(self._connection, [old.id])[old.id], Why(LinkKind.SOURCE, SOURCE_SAYS))
        return store.records(self._connection, [key])[0], True

    def _begin(self, located: Located, behind: PatientRecord) -> int:
        """A record that says nothing but its identifier."""
        own = Stored(located.authority, located.patient_id.id, located.patient_id.type_code, is_own=True)
        new = Newcomer(located, Demographics(), (own,), self._ledger.act.author)
        return beginnings.begin_by(self._ledger, self._index, self._authorities, self._work, new, behind)

    def _require_alive(self, records: Iterable[int]) -> None:
        """Nobody merged one away before it was locked. Raises `Raced`."""
        if not all(r.is_active for r in store.records(self._connection, records)):
            raise store.Raced

    def _end(self, subsumed: int, local: int) -> None:
        """A local identifier ends in the other."""
        sent = self._change.subsumed
        assert sent is not None
        goes, stays = (store.records(self._connection, [id_])[0] for id_ in (subsumed, local))
        if stays.id == goes.id:
            raise _impossible(sent.sent, "an identifier cannot be merged into itself")
        persons.subsume(self._ledger, goes, stays)

    def _follow(self, subsumed: int, local: int) -> None:
        """What ended in the other goes where that is now, alone: nothing is said of the rest of its person."""
        connection, ledger, sent = self._connection, self._ledger, self._change.subsumed
        assert sent is not None
        goes, stays = (store.records(connection, [id_])[0] for id_ in (subsumed, local))
        if goes.person == stays.person:
            return
        members = store.members(connection, [goes.person])
        group = persons.with_subsumed(goes.id, members)
        self._require_not_denied(group, stays.person, sent)
        person = persons.separate(ledger, goes)[0] if len(group) < len(members) else goes.person
        persons.join(ledger, person, stays.person, Why(LinkKind.SOURCE, SOURCE_SAYS))

    def _go_over(self, records: Sequence[int], new: int, old: PatientRecord) -> None:
        """The local patient leaves, without the identifier that it was known by, and is kept apart from whom it leaves."""
        connection, ledger, local = self._connection, self._ledger, records[0]
        where = store.persons_of(connection, [local, new])
        group = persons.with_subsumed(local, store.members(connection, [where[local]]))
        self._require_not_denied(group, where[new], self._change.local)
        if old.id in group:
            self._leave_identifier(old, group)
        where = store.persons_of(connection, [local, new])
        (record,), members = store.records(connection, [local]), store.members(connection, [where[local]])
        group = persons.with_subsumed(local, members)
        rest = [m.id for m in members if m.id not in group and _is_somebody(m)]
        person, _ = persons.separate(ledger, record)
        persons.join(ledger, person, where[new], Why(LinkKind.SOURCE, MOVED))
        persons.keep_apart(ledger, group, rest)

    def _require_not_denied(self, group: Collection[int], person: int, said: Located) -> None:
        theirs = [m.id for m in store.matching_members(self._connection, [person])]
        if persons.are_denied(self._connection, group, theirs):
            raise _impossible(said.sent, _DENIED)

    def _leave_identifier(self, old: PatientRecord, leaving: Collection[int]) -> None:
        """The previous identifier is that of a record which moves: another stands for it from now on, or begins to."""
        located = self._change.previous
        known = beginnings.named(self._connection, located)
        stands = known.id if known is not None and known.is_active else self._begin(located, old)
        if stands == old.id:
            raise _impossible(located.sent, "an identifier of the affinity domain is no local patient")
        self._bring(stands, old, leaving)
        give_identifier(self._ledger, old.id, stands)

    def _bring(self, stands: int, old: PatientRecord, leaving: Collection[int]) -> None:
        """What stands for an identifier is with those who stay behind under it, alone if it was with others."""
        connection, located = self._connection, self._change.previous
        (record,), here = store.records(connection, [stands]), store.persons_of(connection, [old.id])[old.id]
        if record.person == here:
            return
        theirs, staying = store.members(connection, [record.person]), store.members(connection, [here])
        group = persons.with_subsumed(stands, theirs)
        if persons.are_denied(connection, group, [m.id for m in staying if m.id not in leaving]):
            raise _impossible(located.sent, _DENIED)
        person = persons.separate(self._ledger, record)[0] if len(group) < len(theirs) else record.person
        persons.join(self._ledger, person, here, Why(LinkKind.SOURCE, SOURCE_SAYS))


def _is_somebody(record: PatientRecord) -> bool:
    """Whether it says anything of a patient, so that matching could bring the two together again; an identifier alone does not."""
    return record.is_there and record.demographics != Demographics()


def _unknown(sent: SentIdentifier) -> Rejected:
    return rejected(Condition.IDENTIFIER_UNKNOWN, sent.where, "the identifier is not known")


def _impossible(sent: SentIdentifier, detail: str) -> Rejected:
    return rejected(Condition.MERGE_IMPOSSIBLE, sent.where, detail)
