"""The patient index as a service: what sources feed, and matching. Each use case is one unit of work."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

import structlog
from sqlalchemy.engine import Connection

from access.subject import Subject
from atna.message import Outcome
from atna.participants import outcome_of
from atna.vocabulary import Action
from kernel.database import Work
from kernel.demographics import Demographics
from kernel.errors import Condition, HieError, Violation, rejected
from kernel.identifiers import PatientId
from kernel.patient_update import PatientMerge, PatientUpdate
from mpi import beginnings, persons, receipts, review_store, search_store, store, visits
from mpi.audit import Dialect, cx, instant
from mpi.authorities import Authorities
from mpi.beginnings import Newcomer
from mpi.index import MATCH, Index, tell_of
from mpi.ledger import Ledger
from mpi.linkage.blocking import blocking_keys
from mpi.linkage.model import Model
from mpi.linkage.normalise import Prepared
from mpi.linkage.shipped import shipped_model
from mpi.matching import Matcher
from mpi.model import ActKind, Fed, LinkKind, Located, LocatedUpdate, PatientRecord, Receipt, ReviewReason, Stored
from mpi.persons import Why
from mpi.review_store import Question
from mpi.settings import MatchingMode

SOURCE_SAYS: Final = "Its source says so."
RENAMED: Final = "Its source gave it another identifier."
_MILLISECONDS_A_DAY: Final = 86_400_000

log = structlog.get_logger("mpi")


class MpiService:
    """Takes what sources say, and finds out who is who."""

    def __init__(self, index: Index, matcher: Matcher | None = None, *, model: Callable[[], Model] = shipped_model) -> None:
        """`matcher` is one of `Matcher(index.matching, ...)`; made here, with the `model` in force, when none is given."""
        self._index = index
        self._authorities = Authorities(index.affinity)
        self.matcher = matcher or Matcher(index.matching, index.keys, self.prepare_anew, model=model)

    def is_lenient(self, subject: Subject) -> bool:
        """Whether known deviations of this system are tolerated."""
        return self._authorities.is_lenient(subject.source)

    def leniency(self, application: str, facility: str) -> bool:
        """The same by MSH-3 and MSH-4, as `hl7v2.dispatch` asks."""
        return self._authorities.is_lenient(f"{facility}|{application}")

    # --- feed --------------------------------------------------------------------------------------------------------------

    def feed(self, update: PatientUpdate, subject: Subject, receipt: Receipt, dialect: Dialect, action: Action) -> Fed:
        """A source announces a patient (CREATE) or says what has changed (UPDATE); either is taken for what it turns out to be.

        Raises `Rejected`: authority unknown or not the source's, identifier merged away, message id used for another message.
        """
        located = self._authorities.locate_update(update, subject.source)
        return self._index.unit(lambda work: self._feed(work, located, subject, receipt, (dialect, action)))

    def _feed(self, work: Work, located: LocatedUpdate, subject: Subject, receipt: Receipt, event: tuple[Dialect, Action]) -> Fed:
        taken = receipts.take(work, receipt, subject, located.warnings, self._authorities)
        if taken.is_replay:
            return taken
        own, known = self._known(work.connection, located)
        record = known.id if known is not None else self._begin(work, own, located, subject)
        if known is None or self._change(work, known, own, located):
            self._assert_named(work, record, own, located, subject)
            self._match(work, record)
        if located.update.visit is not None:
            visits.say(work.connection, record, located.update.visit, work.now)
        dialect, action = event
        message = dialect.feed(
            self._index.audit,
            subject,
            when=instant(work.now),
            outcome=Outcome.SUCCESS,
            action=action,
            patient_ids=[cx(own.patient_id)],
        )
        work.audit(message.to_xml())
        return replace(taken, record=record)

    def _known(self, connection: Connection, located: LocatedUpdate) -> tuple[Located, PatientRecord | None]:
        """The record this feed is about, and which of its identifiers is the record's own.

        A source that gives out identifiers of the affinity domain speaks of that identifier before all others.
        """
        affinity = self._authorities.own.key
        given = [i for i in located.feedable if i.authority == affinity]
        by_name = {(i.authority, i.patient_id.id): i for i in given or located.feedable}
        found = store.records_named(connection, tuple(by_name), lock=True)
        active = next((r for r in found if r.is_active), None)
        if active is not None:
            return by_name[active.authority, active.local_id], active
        for ended in found:
            if not beginnings.may_be_had(connection, ended):
                where = by_name[ended.authority, ended.local_id].sent.where
                raise rejected(Condition.IDENTIFIER_UNKNOWN, where, "this identifier was merged into another")
            store.retire(connection, ended)
        return next(iter(by_name.values())), None

    def _begin(self, work: Work, own: Located, located: LocatedUpdate, subject: Subject) -> int:
        affinity = self._authorities.own.key
        said = located.update.applied_to(Demographics())
        owner = store.aliases(work.connection, own.patient_id.id) if own.authority == affinity else ()
        new = Newcomer(own, said, located.stored(own, affinity), subject.source)
        is_fed = own.authority == affinity and not owner
        key = beginnings.begin(self._index, self._authorities, work, new, is_fed=is_fed)
        if owner:
            # an identifier that we gave somebody: the source that gives them out means that person
            self._assert_same(work, key, owner[0].person, subject)
        self._tell_identifiers(work, key)
        return key

    def _tell_identifiers(self, work: Work, person: int) -> None:
        """A person has identifiers she did not have: nobody links anything, but consumers are to know."""
        if self._authorities.subscribers():
            tell_of(work, [person])

    def _assert_named(self, work: Work, record: int, own: Located, located: LocatedUpdate, subject: Subject) -> None:
        """A source that gives out identifiers of the domain says which other records of its authorities are the same person."""
        if own.authority != self._authorities.own.key:
            return
        names = [(i.authority, i.patient_id.id) for i in located.feedable if i.authority != own.authority]
        for other in store.records_named(work.connection, names) if names else ():
            if other.is_active:
                self._assert_same(work, other.id, store.persons_of(work.connection, [record])[record], subject)

    def _assert_same(self, work: Work, record: int, person: int, subject: Subject) -> None:
        """Joins the person of a record with another, wherever both are now, unless somebody said that they are different."""
        connection = work.connection
        where = store.lock_where(connection, (record, person))
        here, person = where[record], where[person]
        ours, theirs = ([m.id for m in store.matching_members(connection, [p])] for p in (here, person))
        if here == person or not theirs or persons.are_denied(connection, ours, theirs):
            return
        ledger = Ledger(connection, self._index.act(work, ActKind.SOURCE_LINK, subject.source))
        stays, goes = persons.survivor_of(connection, here, person)
        persons.join(ledger, goes, stays, Why(LinkKind.SOURCE, SOURCE_SAYS, via=record))
        ledger.close()
        tell_of(work, ledger.persons)

    def _change(self, work: Work, known: PatientRecord, own: Located, located: LocatedUpdate) -> bool:
        """Takes over what the source says now; False when it is what it said before."""
        connection = work.connection
        demographics = located.update.applied_to(known.demographics)
        had = store.identifiers_of(connection, known.id)
        names = {(i.authority, i.value) for i in had}
        new = [i for i in located.stored(own, self._authorities.own.key) if (i.authority, i.value) not in names]
        if demographics == known.demographics and not new:
            return False
        prepared = beginnings.prepared(self._authorities, demographics, sorted((*had, *new), key=lambda i: not i.is_own))
        store.change_record(connection, known.id, demographics, prepared, work.now)
        store.put_identifiers(connection, known.id, new)
        if new:
            self._tell_identifiers(work, known.person)
        store.set_keys(connection, known.id, blocking_keys(prepared), store.keys_of(connection, known.id))
        before, after = (search_store.index_rows(known.id, d) for d in (known.demographics, demographics))
        search_store.change_index(connection, known.id, before, after)
        return True

    # --- merge -------------------------------------------------------------------------------------------------------------

    def merge(self, merge: PatientMerge, subject: Subject, receipt: Receipt, dialect: Dialect) -> Fed:
        """Two identifiers of one source become one (ITI-8 A40, ITI-44 replacementOf); demographics are not taken over.

        Raises `Rejected`: authorities unknown, not the source's or different; equal, unknown or already subsumed identifiers.
        """
        pair = self._authorities.locate_pair(merge, subject.source)
        warnings = merge.update.warnings
        return self._index.unit(lambda work: self._merge(work, pair, subject, receipt, (dialect, warnings)))

    def _merge(
        self,
        work: Work,
        pair: tuple[Located, Located],
        subject: Subject,
        receipt: Receipt,
        event: tuple[Dialect, tuple[Violation, ...]],
    ) -> Fed:
        (stays, goes), (dialect, warnings) = pair, event
        taken = receipts.take(work, receipt, subject, warnings, self._authorities)
        if taken.is_replay:
            return taken
        survivor, subsumed = self._pair(work.connection, stays, goes)
        ledger = Ledger(work.connection, self._index.act(work, ActKind.SOURCE_MERGE, subject.source))
        question = merge_records(ledger, survivor, subsumed, self._authorities.own.key, Why(LinkKind.SOURCE, SOURCE_SAYS))
        ledger.close()
        if question is not None:
            review_store.ask(work.connection, question, self._index.keys(work.now), work.now)
        tell_of(work, ledger.persons)
        for message in dialect.merge(
            self._index.audit,
            subject,
            when=instant(work.now),
            outcome=Outcome.SUCCESS,
            subsumed=cx(goes.patient_id),
            survivor=cx(stays.patient_id),
        ):
            work.audit(message.to_xml())
        return replace(taken, record=survivor.id)

    def _pair(self, connection: Connection, stays: Located, goes: Located) -> tuple[PatientRecord, PatientRecord]:
        """The two records, locked with their persons."""
        names = [(i.authority, i.patient_id.id) for i in (stays, goes)]
        if names[0] == names[1]:
            raise rejected(Condition.MERGE_IMPOSSIBLE, goes.sent.where, "an identifier cannot be merged into itself")
        store.lock_where(connection, (r.id for r in store.records_named(connection, names)))
        found = {(r.authority, r.local_id): r for r in store.records_named(connection, names, lock=True)}
        for name, located in zip(names, (stays, goes), strict=True):
            if name not in found or not found[name].is_there:
                raise rejected(Condition.IDENTIFIER_UNKNOWN, located.sent.where, "the identifier is not known")
            if not found[name].is_active:
                raise rejected(Condition.MERGE_IMPOSSIBLE, located.sent.where, "the identifier was merged into another before")
        return found[names[0]], found[names[1]]

    # --- change of an identifier -------------------------------------------------------------------------------------------

    def change_identifier(self, change: PatientMerge, subject: Subject, receipt: Receipt, dialect: Dialect) -> Fed:
        """A source calls a patient by another identifier from now on (ITI-30 A47); demographics are not taken over.

        Raises `Rejected` as `merge` does, and when the new identifier is or was a patient's.
        """
        pair = self._authorities.locate_pair(change, subject.source)
        warnings = change.update.warnings
        return self._index.unit(lambda work: self._rename(work, pair, subject, receipt, (dialect, warnings)))

    def _rename(
        self,
        work: Work,
        pair: tuple[Located, Located],
        subject: Subject,
        receipt: Receipt,
        event: tuple[Dialect, tuple[Violation, ...]],
    ) -> Fed:
        (new, old), (dialect, warnings) = pair, event
        taken = receipts.take(work, receipt, subject, warnings, self._authorities)
        if taken.is_replay:
            return taken
        record = self._renamed(work, new, self._to_rename(work.connection, new, old), subject)
        message = dialect.feed(
            self._index.audit,
            subject,
            when=instant(work.now),
            outcome=Outcome.SUCCESS,
            action=Action.UPDATE,
            patient_ids=[cx(i.patient_id) for i in pair],
        )
        work.audit(message.to_xml())
        return replace(taken, record=record)

    def _to_rename(self, connection: Connection, new: Located, old: Located) -> PatientRecord:
        """The record with the old identifier, locked with its person; there is none with the new one."""
        names = [(i.authority, i.patient_id.id) for i in (new, old)]
        store.lock_where(connection, (r.id for r in store.records_named(connection, names[1:])))
        found = {(r.authority, r.local_id): r for r in store.records_named(connection, names, lock=True)}
        if names[1] not in found or not found[names[1]].is_active:
            raise rejected(Condition.IDENTIFIER_UNKNOWN, old.sent.where, "the identifier is not known")
        taken = found.get(names[0])
        may_be_had = beginnings.may_be_had(connection, taken, found[names[1]].id) if taken else not self._is_given(connection, new)
        if not may_be_had:
            raise rejected(Condition.IDENTIFIER_DUPLICATE, new.sent.where, "this identifier is, or was, a patient's")
        return found[names[1]]

    def _is_given(self, connection: Connection, new: Located) -> bool:
        """Whether it is an identifier of the affinity domain that we gave to somebody."""
        return new.authority == self._authorities.own.key and bool(store.aliases(connection, new.patient_id.id))

    def _renamed(self, work: Work, new: Located, known: PatientRecord, subject: Subject) -> int:
        """A record with the new identifier that says what the old one said and takes its place."""
        others = tuple(i for i in store.identifiers_of(work.connection, known.id) if not i.is_own)
        own = Stored(new.authority, new.patient_id.id, new.patient_id.type_code, is_own=True)
        said = tuple(i for i in others if (i.authority, i.value) != (own.authority, own.value))
        newcomer = Newcomer(new, known.demographics, (own, *said), subject.source)
        ledger = Ledger(work.connection, self._index.act(work, ActKind.SOURCE_RENAME, subject.source, RENAMED))
        key = beginnings.begin_by(ledger, self._index, self._authorities, work, newcomer, known)
        (survivor,) = store.records(work.connection, [key])
        merge_records(ledger, survivor, known, self._authorities.own.key, Why(LinkKind.SOURCE, RENAMED))
        ledger.close()
        tell_of(work, ledger.persons)
        return key

    # --- refusals ----------------------------------------------------------------------------------------------------------

    def refused_feed(
        self, subject: Subject, dialect: Dialect, action: Action, patient_ids: Iterable[PatientId], error: HieError
    ) -> None:
        """The audit record of a feed that was not taken."""
        with self._index.database.begin() as work:
            message = dialect.feed(
                self._index.audit,
                subject,
                when=instant(work.now),
                outcome=outcome_of(error),
                action=action,
                patient_ids=[cx(i) for i in patient_ids],
            )
            work.audit(message.to_xml())

    def refused_merge(self, subject: Subject, dialect: Dialect, merge: PatientMerge | None, error: HieError) -> None:
        """The audit records of a merge that was not made; `merge` is None when it could not be read."""
        survivor, subsumed = (cx(i.patient_id) for i in (merge.survivor, merge.subsumed)) if merge else ("", "")
        with self._index.database.begin() as work:
            when, outcome = instant(work.now), outcome_of(error)
            for message in dialect.merge(
                self._index.audit, subject, when=when, outcome=outcome, subsumed=subsumed, survivor=survivor
            ):
                work.audit(message.to_xml())

    # --- matching ----------------------------------------------------------------------------------------------------------

    def _match(self, work: Work, record: int) -> None:
        if self._index.matching.mode is MatchingMode.INLINE:
            self.matcher.match(work, record)
        else:
            work.tell(MATCH, str(record))

    def prepare_anew(self, connection: Connection, record: int) -> Prepared:
        """Cleans a record as this release does."""
        (found,) = store.records(connection, [record])
        return beginnings.prepared(self._authorities, found.demographics, sorted(found.identifiers, key=lambda i: not i.is_own))

    # --- housekeeping ------------------------------------------------------------------------------------------------------

    def forget_receipts(self) -> int:
        """Drops receipts that are older than the settings say; gives their number."""
        with self._index.database.begin() as work:
            return store.forget_messages(work.connection, work.now - self._index.settings.receipt_days * _MILLISECONDS_A_DAY)


def merge_records(ledger: Ledger, survivor: PatientRecord, subsumed: PatientRecord, affinity: int, why: Why) -> Question | None:
    """One record is subsumed by another, and their persons become one; a question where that was forbidden before.

    Somebody's word that other records of the two persons are different is kept: then the subsumed record alone goes over, and when
    it stands between the two records themselves, or one that ended in the subsumed one, none.
    """
    connection = ledger.connection
    persons.subsume(ledger, subsumed, survivor)
    if subsumed.authority == affinity:
        for alias in store.aliases(connection, subsumed.local_id):
            if alias.affinity_id == subsumed.local_id:
                ledger.put("person", (alias.id,), {"is_subsumed": True})
    if survivor.person == subsumed.person:
        return None
    theirs = {m.id: m for m in store.members(connection, [subsumed.person])}
    ours = [m.id for m in store.members(connection, [survivor.person])]
    goes = subsumed.person
    question = None
    if persons.are_denied(connection, ours, tuple(theirs)):
        detail = "The source merged two identifiers whose persons were decided to be different."
        if persons.are_denied(connection, ours, persons.with_subsumed(subsumed.id, theirs.values())):
            return Question(survivor.id, goes, ReviewReason.KEPT_APART, detail, 0.0, "")
        goes, rest = persons.separate(ledger, theirs[subsumed.id])
        question = Question(survivor.id, rest, ReviewReason.KEPT_APART, detail, 0.0, "")
    if subsumed.authority == affinity:
        persons.join(ledger, goes, survivor.person, why)
    else:
        stays, goes = persons.survivor_of(connection, survivor.person, goes)
        persons.join(ledger, goes, stays, why)
    return question
