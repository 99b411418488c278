"""What a source says of two of its patients: that they are one person, or that they are not (ITI-30: A24, A37)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from access.subject import Subject
from atna.message import Outcome
from atna.vocabulary import Action
from kernel.database import Work
from kernel.errors import Condition, rejected
from kernel.patient_update import SentIdentifier
from mpi import persons, receipts, store
from mpi.audit import Dialect, cx, instant
from mpi.authorities import Authorities
from mpi.index import Index, tell_of
from mpi.ledger import Ledger
from mpi.model import ActKind, Fed, LinkKind, Located, PatientRecord, Receipt
from mpi.persons import Why
from mpi.service import SOURCE_SAYS

Pair = tuple[SentIdentifier, SentIdentifier]
Change = Callable[[Ledger, PatientRecord, PatientRecord, str], None]


class SourceLinks:
    """Links and unlinks that sources assert. Each is one unit of work, journaled like the decisions of administrators."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._authorities = Authorities(index.affinity)

    def link(self, pair: Pair, subject: Subject, receipt: Receipt, dialect: Dialect) -> Fed:
        """The two patients are one person; no identifier ends.

        Raises `Rejected`: authorities unknown or not the source's, identifiers unknown, or an administrator keeps them apart.
        """
        return self._act(pair, subject, receipt, dialect, (ActKind.SOURCE_LINK, _link))

    def unlink(self, pair: Pair, subject: Subject, receipt: Receipt, dialect: Dialect) -> Fed:
        """The two patients are different people, for good. Raises `Rejected` as `link` does, and when they are not linked."""
        return self._act(pair, subject, receipt, dialect, (ActKind.SOURCE_UNLINK, _unlink))

    def _act(self, pair: Pair, subject: Subject, receipt: Receipt, dialect: Dialect, what: tuple[ActKind, Change]) -> Fed:
        located = self._authorities.locate_two(pair, subject.source)

        def act(work: Work) -> Fed:
            taken = receipts.take(work, receipt, subject, (), self._authorities)
            if taken.is_replay:
                return taken
            one, other = self._records(work, located)
            ledger = Ledger(work.connection, self._index.act(work, what[0], subject.source))
            what[1](ledger, one, other, located[1].sent.where)
            if ledger.close() is not None:
                tell_of(work, ledger.persons)
            message = dialect.feed(
                self._index.audit,
                subject,
                when=instant(work.now),
                outcome=Outcome.SUCCESS,
                action=Action.UPDATE,
                patient_ids=[cx(i.patient_id) for i in located],
            )
            work.audit(message.to_xml())
            return replace(taken, record=one.id)

        return self._index.unit(act)

    def _records(self, work: Work, pair: tuple[Located, Located]) -> tuple[PatientRecord, PatientRecord]:
        """The two records, their persons locked."""
        names = [(i.authority, i.patient_id.id) for i in pair]
        found = {(r.authority, r.local_id): r for r in store.records_named(work.connection, names)}
        for name, located in zip(names, pair, strict=True):
            if name not in found or not found[name].is_active:
                raise rejected(Condition.IDENTIFIER_UNKNOWN, located.sent.where, "the identifier is not known")
        where = store.lock_where(work.connection, (r.id for r in found.values()))
        one, other = (replace(found[name], person=where[found[name].id]) for name in names)
        return one, other


def _link(ledger: Ledger, one: PatientRecord, other: PatientRecord, where: str) -> None:
    if one.person == other.person:
        return
    connection = ledger.connection
    ours, theirs = ([m.id for m in store.matching_members(connection, [p])] for p in (one.person, other.person))
    if persons.are_denied(connection, ours, theirs):
        raise rejected(Condition.MERGE_IMPOSSIBLE, where, "it was decided that these are different people")
    stays, goes = persons.survivor_of(connection, one.person, other.person)
    persons.join(ledger, goes, stays, Why(LinkKind.SOURCE, SOURCE_SAYS, via=one.id))


def _unlink(ledger: Ledger, one: PatientRecord, other: PatientRecord, where: str) -> None:
    if one.id == other.id or one.person != other.person:
        raise rejected(Condition.MERGE_IMPOSSIBLE, where, "these identifiers are not linked")
    persons.separate_for_good(ledger, other)
