"""The registry's use cases, each one unit of work with its audit record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy.engine import Connection

from access.subject import Subject
from atna import events
from atna.events import AuditedQuery
from atna.message import AuditMessage, Outcome
from atna.participants import AuditContext, outcome_of
from ebrim.model import EntryType, Submission
from ebrim.query import StoredQuery
from kernel.database import Database, was_cancelled
from kernel.errors import Condition, HieError, Unavailable, Violation, rejected
from kernel.identifiers import NewUuid
from kernel.times import Clock
from registry.dividing import Dividing
from registry.enforcing import Enforcing, enforcing
from registry.leniency import Mended, mended, telling
from registry.ports import CodeSets, PatientDirectory
from registry.querying import Querying, Question
from registry.registering import Registering
from registry.removing import Removing
from registry.settings import RegistrySettings
from registry.store import RegistryStore
from registry.terms import Terms
from registry.updating import Updating


class RegistryService:
    """An XDS.b Document Registry."""

    def __init__(
        self,
        database: Database,
        *,
        directory: PatientDirectory,
        code_sets: CodeSets,
        audit: AuditContext,
        settings: RegistrySettings,
        clock: Clock,
        new_uuid: NewUuid,
    ) -> None:
        self._settings = settings
        terms = Terms(database, limit=settings.cached_terms)
        self._database = database
        self._audit = audit
        self._clock = clock
        self.dividing = Dividing(terms)
        self._querying = Querying(terms=terms, directory=directory, settings=settings)
        store = RegistryStore()
        self._removing = Removing(database, store=store, settings=settings)
        self._registering = Registering(
            database,
            store=store,
            terms=terms,
            directory=directory,
            code_sets=code_sets,
            settings=settings,
            new_uuid=new_uuid,
        )
        self._updating = Updating(
            database,
            store=store,
            terms=terms,
            directory=directory,
            code_sets=code_sets,
            settings=settings,
            new_uuid=new_uuid,
        )

    def register(self, submission: Submission, subject: Subject) -> Sequence[Violation]:
        """ITI-42. Gives warnings; raises `Rejected` with everything that is wrong, and then nothing is stored."""
        return self._registered(events.register_document_set, submission, EntryType.STABLE, subject)

    def register_on_demand(self, submission: Submission, subject: Subject) -> Sequence[Violation]:
        """ITI-61: as ITI-42, for on-demand entries only."""
        return self._registered(events.register_on_demand, submission, EntryType.ON_DEMAND, subject)

    def update(self, submission: Submission, subject: Subject) -> Sequence[Violation]:
        """ITI-57: new versions, changed statuses, submitted associations. Gives warnings; `Rejected` means nothing was changed."""
        return self._updated(events.update_document_set, submission, subject, is_restricted=False)

    def update_restricted(self, submission: Submission, subject: Subject) -> Sequence[Violation]:
        """ITI-92: as ITI-57, for what a restricted update may change."""
        return self._updated(events.restricted_update, submission, subject, is_restricted=True)

    def remove(self, uuids: Sequence[str], subject: Subject) -> None:
        """ITI-62: takes objects out of the registry; raises `Rejected`, and then nothing is removed."""
        self._removing.remove(uuids, lambda patients: self._removed(uuids, patients, subject, Outcome.SUCCESS).to_xml())

    def query(self, query: StoredQuery, subject: Subject) -> tuple[bytes, ...]:
        """ITI-18: the fragments of the answer. Its audit record is committed before anything is given out.

        Raises `Rejected` when the query is wrong or its answer too large.
        """
        question = self._querying.read(query, multi_patient=False)
        event = events.stored_query(
            self._audit,
            subject,
            when=self._clock(),
            outcome=Outcome.SUCCESS,
            query=_audited(query),
            patient_ids=question.patient_ids,
        )
        return self._answered(question, (event,))

    def query_multiple_patients(self, query: StoredQuery, subject: Subject) -> tuple[bytes, ...]:
        """ITI-51: as ITI-18, for the queries over several patients; an audit record for each of them."""
        question = self._querying.read(query, multi_patient=True)
        told = events.multi_patient_query(
            self._audit,
            subject,
            when=self._clock(),
            outcome=Outcome.SUCCESS,
            query=_audited(query),
            patient_ids=question.patient_ids,
        )
        return self._answered(question, told)

    def refuse_submission(
        self,
        event: Callable[..., AuditMessage],
        submission: Submission | None,
        subject: Subject,
        error: HieError,
    ) -> None:
        """Records that a submission was refused; `event` is that of its transaction in `atna.events`."""
        self._record((self._submitted(event, submission, subject, outcome_of(error)),))

    def refuse_removal(self, uuids: Sequence[str], subject: Subject, error: HieError) -> None:
        """Records that an ITI-62 was refused."""
        try:
            patients = self._removing.patient_ids(uuids)
        except HieError:
            patients = ()
        self._record((self._removed(uuids, patients, subject, outcome_of(error)),))

    def refuse_query(self, query: StoredQuery | None, subject: Subject, error: HieError) -> None:
        """Records that an ITI-18 was refused."""
        self._record(
            (
                events.stored_query(
                    self._audit,
                    subject,
                    when=self._clock(),
                    outcome=outcome_of(error),
                    query=_audited(query),
                    patient_ids=self._asked(query),
                ),
            )
        )

    def refuse_multi_patient_query(self, query: StoredQuery | None, subject: Subject, error: HieError) -> None:
        """Records that an ITI-51 was refused."""
        self._record(
            events.multi_patient_query(
                self._audit,
                subject,
                when=self._clock(),
                outcome=outcome_of(error),
                query=_audited(query),
                patient_ids=self._asked(query),
            )
        )

    def _registered(
        self, event: Callable[..., AuditMessage], sent: Submission, type_: EntryType, subject: Subject
    ) -> Sequence[Violation]:
        meant = self._meant(sent, type_, subject)
        message = self._submitted(event, meant.submission, subject, Outcome.SUCCESS)
        with telling(meant.warnings):
            found = self._registering.register(meant.submission, meant.type, message.to_xml(), self._enforcing(sent, subject))
        return (*meant.warnings, *found)

    def _updated(
        self, event: Callable[..., AuditMessage], sent: Submission, subject: Subject, *, is_restricted: bool
    ) -> Sequence[Violation]:
        meant = self._meant(sent, EntryType.STABLE, subject)
        message = self._submitted(event, meant.submission, subject, Outcome.SUCCESS)
        with telling(meant.warnings):
            judged = self._enforcing(sent, subject)
            found = self._updating.update(meant.submission, message.to_xml(), judged, is_restricted=is_restricted)
        return (*meant.warnings, *found)

    def _meant(self, sent: Submission, type_: EntryType, subject: Subject) -> Mended:
        return mended(sent, type_, subject, self._settings.lenient, self._settings.extra_slots)

    def _enforcing(self, sent: Submission, subject: Subject) -> Enforcing:
        return enforcing(subject.peer, sent, self._settings.codes)

    def _asked(self, query: StoredQuery | None) -> Sequence[str]:
        """The patients of a query, where it can be read."""
        return self._querying.patients_named(query) if query else ()

    def _removed(self, uuids: Sequence[str], patients: Sequence[str], subject: Subject, outcome: Outcome) -> AuditMessage:
        return events.remove_metadata(
            self._audit,
            subject,
            when=self._clock(),
            outcome=outcome,
            object_ids=tuple(dict.fromkeys(uuids)),
            patient_ids=patients,
        )

    def _submitted(
        self, event: Callable[..., AuditMessage], submission: Submission | None, subject: Subject, outcome: Outcome
    ) -> AuditMessage:
        submission_set = submission.submission_set if submission else None
        return event(
            self._audit,
            subject,
            when=self._clock(),
            outcome=outcome,
            patient_id=submission_set.patient_id if submission_set else None,
            submission_set_unique_id=submission_set.unique_id if submission_set else None,
        )

    def _answered(self, question: Question, told: Iterable[AuditMessage]) -> tuple[bytes, ...]:
        messages = [event.to_xml() for event in told]
        if question.is_broad and not self._database.is_sqlite:
            return self._answered_in_time(question, messages)
        if question.is_one_statement or self._database.is_sqlite:  # whose one writer shall not wait while we read
            with self._looking() as connection:
                audit = None if self._database.is_sqlite else self._database.audit_parameters(messages)
                fragments = self._querying.answer_at_once(connection, question, audit)
                if fragments is not None and audit is not None:
                    return fragments
                if fragments is None:
                    fragments = self._querying.answer(connection, question)
            self._database.record(messages)
            return fragments
        with self._database.begin(snapshot=True) as work:
            work.audited += messages
            return self._querying.answer(work.connection, question)

    def _looking(self) -> AbstractContextManager[Connection]:
        """A connection on which one statement, and on SQLite several, sees one moment."""
        return self._at_one_moment() if self._database.is_sqlite else self._database.glance()

    @contextmanager
    def _at_one_moment(self) -> Iterator[Connection]:
        with self._database.read() as connection, connection.begin():
            yield connection

    def _answered_in_time(self, question: Question, messages: Sequence[bytes]) -> tuple[bytes, ...]:
        """An answer that may have to look at everything there is. Raises `Rejected` when that takes too long."""
        milliseconds = int(self._settings.broad_query_seconds * 1000)
        try:
            with self._database.begin(snapshot=True) as work:
                work.connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")
                fragments = self._querying.answer(work.connection, question)
                work.audited += messages
                return fragments
        except Unavailable as problem:
            if not was_cancelled(problem):
                raise
            told = "the question over all patients took too long; name patients, or ask for less"
            raise rejected(Condition.TOO_MANY_RESULTS, "", told) from None

    def _record(self, told: Iterable[AuditMessage]) -> None:
        messages = [event.to_xml() for event in told]
        self._database.record_refusal(lambda work: work.audited.extend(messages))


def _audited(query: StoredQuery | None) -> AuditedQuery:
    if query is None:
        return AuditedQuery()
    return AuditedQuery(query.raw, query.query_id.strip(), query.home)
