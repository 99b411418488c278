"""What administrators do: settle reviews, link, unlink, merge, and take any act back. Everything is journaled and audited."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from enum import Enum
from typing import Final

from sqlalchemy.engine import Connection

from access.subject import Subject
from atna.message import Outcome
from atna.system_events import IdentityAct, identity_act
from kernel.database import Work
from kernel.errors import Condition, Rejected, rejected, violation
from mpi import ledger as journal
from mpi import persons, review_store, store
from mpi.audit import cx, instant
from mpi.authorities import Authorities
from mpi.index import Index, tell_of
from mpi.ledger import Change, Ledger
from mpi.linkage.weights import Explanation
from mpi.model import ActKind, LinkKind, PatientRecord, Review, ReviewState
from mpi.moves import Moving, moved_by
from mpi.persons import Why
from mpi.ports import Documents
from mpi.service import merge_records

_DECIDED: Final = "An administrator decided so."
Details = tuple[tuple[str, bytes], ...]


class Verdict(Enum):
    """The answer to a review."""

    SAME = "same"
    DIFFERENT = "different"


class Stewardship:
    """Decisions about identities by people. Each gives the id of its act in the journal, which `undo` takes back."""

    def __init__(self, index: Index, documents: Documents) -> None:
        self._index = index
        self._documents = documents
        self._authorities = Authorities(index.affinity)

    # --- reviews -----------------------------------------------------------------------------------------------------------

    def lease(self, review_id: int, subject: Subject) -> bool:
        """Takes a review for a while, so that two people do not decide one; False when somebody else has it or it is decided."""
        with self._index.database.begin() as work:
            until = work.now + self._index.matching.lease_seconds * 1000
            return review_store.lease(work.connection, review_id, _author(subject), now=work.now, until=until)

    def give_back(self, review_id: int, subject: Subject) -> None:
        """Ends one's lease."""
        with self._index.database.begin() as work:
            review_store.give_back(work.connection, review_id, _author(subject))

    def give_all_back(self, subject: Subject) -> None:
        """Ends every lease of somebody who leaves."""
        with self._index.database.begin() as work:
            review_store.give_back(work.connection, None, _author(subject))

    def resolve_review(self, review_id: int, verdict: Verdict, subject: Subject, comment: str = "") -> int:
        """Answers a review. SAME joins the two persons, DIFFERENT keeps their records apart for good.

        Raises `Rejected`: unknown, decided before, in somebody else's hands, or an earlier decision keeps the two apart.
        """
        return self._index.unit(lambda work: self._resolve(work, review_id, verdict, subject, comment))

    def _resolve(self, work: Work, review_id: int, verdict: Verdict, subject: Subject, comment: str) -> int:
        review = self._open_review(work, review_id, subject)
        about = review_store.records_of(work.connection, review_id)
        store.lock_where(work.connection, about)
        review, record = self._open_review(work, review_id, subject), self._record(work, review.record)
        ledger = Ledger(work.connection, self._index.act(work, ActKind.RESOLVE, _author(subject), comment))
        affected = self._patient_ids(work, (record.person, review.person))
        if verdict is Verdict.SAME:
            self._same(ledger, review, record, comment)
        else:
            self._different(ledger, review, record)
        decision = {"decided_at": work.now, "decided_by": _author(subject), "comment": comment}
        ledger.put("review", (review_id,), {"state": verdict.value, **decision})
        details = (("review", str(review_id).encode()), ("verdict", verdict.value.encode()))
        return self._done(work, ledger, IdentityAct.REVIEW, subject, affected, details)

    def _open_review(self, work: Work, review_id: int, subject: Subject) -> Review:
        review = review_store.review(work.connection, review_id)
        if review is None:
            raise rejected(Condition.IDENTIFIER_UNKNOWN, "review", "there is no such review")
        if review.state is not ReviewState.OPEN:
            raise rejected(Condition.UPDATE_INVALID, "review", "this review was settled before")
        if review.leased_by not in ("", _author(subject)) and review.leased_until > work.now:
            raise rejected(Condition.RECORD_LOCKED, "review", "somebody else is at this review")
        return review

    def _same(self, ledger: Ledger, review: Review, record: PatientRecord, comment: str) -> None:
        explanation = Explanation.from_json(review.explanation) if review.explanation else None
        why = Why(
            LinkKind.MANUAL,
            comment or _DECIDED,
            review.weight if explanation else None,
            review.explanation,
            explanation.model_version if explanation else "",
            record.id,
        )
        if record.person != review.person:
            self._join(ledger, record.person, review.person, why)
            return
        # the doubt was unfounded: from now on a person stands behind the link
        for link in store.links(ledger.connection, self._ids(ledger, record.person)).values():
            if link.kind is LinkKind.AUTOMATIC and record.id in (link.record, link.via, record.person):
                confirmed = {"kind": LinkKind.MANUAL.value, "author": ledger.act.author, "at": ledger.act.at}
                ledger.put("link", (link.record,), {**confirmed, "reason": comment or _DECIDED})

    def _different(self, ledger: Ledger, review: Review, record: PatientRecord) -> None:
        if record.person == review.person:
            self._separate(ledger, record)
            return
        ours, theirs = self._ids(ledger, record.person), self._ids(ledger, review.person)
        persons.keep_apart(ledger, ours, theirs)
        found = review_store.open_reviews_of(ledger.connection, [*ours, *theirs])
        where = store.persons_of(ledger.connection, {r.record for r in found})
        for other in found:
            if {where[other.record], other.person} == {record.person, review.person}:
                ledger.put("review", (other.id,), {"state": ReviewState.WITHDRAWN.value, "decided_at": ledger.act.at})

    # --- link, unlink, merge -------------------------------------------------------------------------------------------------

    def link(self, one: int, other: int, subject: Subject, comment: str = "") -> int:
        """The persons of two records are one. Raises `Rejected` when they are already, or an earlier decision keeps them apart."""
        why = Why(LinkKind.MANUAL, comment or _DECIDED, via=one)

        def act(ledger: Ledger, a: PatientRecord, b: PatientRecord) -> None:
            if a.person == b.person:
                raise rejected(Condition.MERGE_IMPOSSIBLE, "record", "these records are of one person already")
            self._join(ledger, a.person, b.person, why)

        return self._index.unit(
            lambda work: self._pair(work, (one, other), act, (ActKind.LINK, IdentityAct.LINK), (subject, comment))
        )

    def merge(self, survivor: int, subsumed: int, subject: Subject, comment: str = "") -> int:
        """The identifier of a record ends in that of another of the same authority, as if its source had said so (A40)."""
        why = Why(LinkKind.MANUAL, comment or _DECIDED, via=survivor)

        def act(ledger: Ledger, stays: PatientRecord, goes: PatientRecord) -> None:
            if stays.id == goes.id or stays.authority != goes.authority or not (stays.is_active and goes.is_active):
                detail = "two different identifiers of one authority are needed, neither merged away"
                raise rejected(Condition.MERGE_IMPOSSIBLE, "record", detail)
            if persons.are_denied(ledger.connection, self._ids(ledger, stays.person), self._ids(ledger, goes.person)):
                raise _kept_apart()
            merge_records(ledger, stays, goes, self._authorities.own.key, why)

        acts = (ActKind.MERGE, IdentityAct.MERGE)
        return self._index.unit(lambda work: self._pair(work, (survivor, subsumed), act, acts, (subject, comment)))

    def unlink(self, record: int, subject: Subject, comment: str = "") -> int:
        """A record is taken out of its person, and kept apart from the others for good. Raises `Rejected` when it is alone."""

        def act(ledger: Ledger, found: PatientRecord, _: PatientRecord) -> None:
            self._separate(ledger, found)

        acts = (ActKind.UNLINK, IdentityAct.UNLINK)
        return self._index.unit(lambda work: self._pair(work, (record, record), act, acts, (subject, comment)))

    def _pair(
        self,
        work: Work,
        ids: tuple[int, int],
        change: Callable[[Ledger, PatientRecord, PatientRecord], None],
        kinds: tuple[ActKind, IdentityAct],
        who: tuple[Subject, str],
    ) -> int:
        subject, comment = who
        store.lock_where(work.connection, ids)
        one, other = (self._record(work, id_) for id_ in ids)
        affected = self._patient_ids(work, (one.person, other.person))
        ledger = Ledger(work.connection, self._index.act(work, kinds[0], _author(subject), comment))
        change(ledger, one, other)
        return self._done(work, ledger, kinds[1], subject, affected, ())

    def _join(self, ledger: Ledger, one: int, other: int, why: Why) -> None:
        if persons.are_denied(ledger.connection, self._ids(ledger, one), self._ids(ledger, other)):
            raise _kept_apart()
        stays, goes = persons.survivor_of(ledger.connection, one, other)
        persons.join(ledger, goes, stays, why)

    def _separate(self, ledger: Ledger, record: PatientRecord) -> None:
        members = store.members(ledger.connection, [record.person])
        if not record.is_active:
            raise rejected(
                Condition.UPDATE_INVALID, "record", "its identifier was merged into another; take the merge back instead"
            )
        if not persons.has_others(record, members):
            raise rejected(Condition.UPDATE_INVALID, "record", "the person has no other records")
        persons.separate_for_good(ledger, record)

    # --- undo --------------------------------------------------------------------------------------------------------------

    def undo(self, act_id: int, subject: Subject, comment: str = "") -> int:
        """Takes an act back: everything is as the act found it. What matching had joined is kept apart from then on.

        Raises `Rejected`: unknown or taken back before; or it names the later acts that build on it.
        """
        return self._index.unit(lambda work: self._undo(work, act_id, subject, comment))

    def _undo(self, work: Work, act_id: int, subject: Subject, comment: str) -> int:
        connection = work.connection
        touched = _locked(connection, journal.changes_of(connection, act_id))
        ledger = Ledger(connection, self._index.act(work, ActKind.UNDO, _author(subject), comment))
        affected = self._patient_ids(work, touched)
        undone = journal.act_by_id(connection, act_id)
        leaving = Moving.of_each(connection, moved_by(connection, undone)) if undone is not None else ()
        done = journal.undo(ledger, act_id)
        persons.gather_sleepers(ledger)
        _require_sound(ledger, act_id, touched)
        for person in leaving:
            person.divide(connection, self._documents, self._authorities)
        if undone is not None and undone.kind is ActKind.MATCH:
            went, stayed = _sides(connection, touched, {c.key[0] for c in done if c.thing == "record"})
            persons.keep_apart(ledger, went, stayed)
        return self._done(work, ledger, IdentityAct.UNDO, subject, affected, (("act", str(act_id).encode()),))

    # --- the same for all --------------------------------------------------------------------------------------------------

    def _record(self, work: Work, record: int) -> PatientRecord:
        found = store.records(work.connection, [record])
        if not found or not found[0].is_there:
            raise rejected(Condition.IDENTIFIER_UNKNOWN, "record", "there is no such record")
        return found[0]

    def _ids(self, ledger: Ledger, person: int) -> Collection[int]:
        return [m.id for m in store.matching_members(ledger.connection, [person])]

    def _patient_ids(self, work: Work, people: Iterable[int]) -> list[str]:
        own = self._authorities.own.key
        found = store.affinity_ids(work.connection, people)
        return [cx(self._authorities.patient_id(own, affinity_id)) for _, (affinity_id, _) in sorted(found.items())]

    def _done(
        self, work: Work, ledger: Ledger, act: IdentityAct, subject: Subject, patient_ids: Sequence[str], details: Details
    ) -> int:
        """Closes the act, audits it, and tells those who want to know."""
        touched = ledger.persons
        entry = ledger.close()
        if entry is None:
            raise rejected(Condition.UPDATE_INVALID, "act", "there is nothing to change")
        tell_of(work, touched)
        message = identity_act(
            self._index.audit,
            subject,
            when=instant(work.now),
            outcome=Outcome.SUCCESS,
            act=act,
            patient_ids=patient_ids,
            details=(("act", str(entry).encode()), *details),
        )
        work.audit(message.to_xml())
        return entry


def _locked(connection: Connection, changes: Iterable[Change]) -> Sequence[int]:
    """The persons that taking changes back is about, locked: between whom records go, and of whom it is said again that they are
    not the same. Raises `Raced`."""
    changes = tuple(changes)
    apart = {record for c in changes if c.thing == "negative" and c.before is not None for record in c.key}
    where = store.persons_of(connection, apart)
    touched = sorted({*journal.touched_persons(changes), *where.values()})
    store.lock_persons(connection, touched)
    if store.persons_of(connection, apart) != where:
        raise store.Raced
    return touched


def _require_sound(ledger: Ledger, act_id: int, touched: Iterable[int]) -> None:
    """After an act was taken back: nobody is without her home, with whom she was kept apart from, or not with whom she ended in."""
    connection = ledger.connection
    moved = violation(Condition.UPDATE_INVALID, "act", "records were moved since; the persons would not be what they were")
    if not persons.are_whole(connection, touched):
        raise Rejected(moved)
    if persons.are_torn(connection, touched):
        raise _kept_apart()
    left, elsewhere = persons.left_behind(ledger), persons.ended_elsewhere(ledger)
    obstacles = journal.later_acts(connection, act_id, [("record", (record,)) for record in (*left, *elsewhere)])
    if obstacles or elsewhere:
        raise Rejected(obstacles or moved)


def _sides(connection: Connection, people: Iterable[int], moved: Collection[int]) -> tuple[set[int], set[int]]:
    """The records of these persons after some were moved: those of the persons where these are now, with what sleeps behind them,
    and the others."""
    where = {m.id: m.person for m in store.matching_members(connection, people)}
    homes = {where[record] for record in moved}
    went = {record for record, person in where.items() if person in homes}
    return went, where.keys() - went


def _author(subject: Subject) -> str:
    return subject.user or subject.source


def _kept_apart() -> Exception:
    detail = "an earlier decision keeps records of these persons apart; take it back first"
    return rejected(Condition.MERGE_IMPOSSIBLE, "record", detail)
