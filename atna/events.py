"""The audit event of each transaction, as the tables of ITI TF-2 ask for it.

Every event is called with the context of our process, the subject, and by name: `when`, `outcome`, what it is about, and
`side`, which end of the request we are. Where the tables ask for several messages the answer is a tuple of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from access.subject import Subject
from atna import vocabulary as v
from atna.message import AuditMessage, Outcome, ParticipantObject
from atna.participants import AuditContext, Side, both_ends
from atna.vocabulary import Action, LifeCycle, ObjectRole, ObjectType, Transaction
from kernel.codes import Code

QUERY_LIMIT: Final = 256 << 10
"""Bytes of a query that are kept in an audit message; a longer one is cut and its length noted."""
_V2: Final = "MSH-10"
_V3: Final = "II"
_XCA_COMMUNITY: Final = "urn:ihe:iti:xca:2010:homeCommunityId"
_XPID: Final = "urn:ihe:iti:xpid:2017:patientIdentifierType"

Details = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class AuditedQuery:
    """A query as sent: the v2 message, `queryByParameter` or `AdhocQueryRequest`.

    `id` is the query tag (v2), the query id (v3) or the UUID of the stored query.
    """

    content: bytes = b""
    id: str = ""
    home_community_id: str = ""


@dataclass(frozen=True, slots=True)
class AuditedDocument:
    """A document that was asked for; without an `outcome` of its own that of the whole counts. `patient_id` where it is known."""

    unique_id: str
    repository_unique_id: str
    home_community_id: str = ""
    patient_id: str = ""
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class LinkChange:
    """What ITI-64 tells of one patient: CX texts, empty where they do not apply (3.64.5)."""

    local_patient_id: str
    new_patient_id: str = ""
    previous_patient_id: str = ""
    subsumed_patient_id: str = ""


@dataclass(frozen=True, slots=True)
class _Exchange:
    """What all events of one exchange say."""

    transaction: Transaction
    context: AuditContext
    subject: Subject
    when: datetime
    outcome: Outcome
    side: Side

    def event(self, *objects: ParticipantObject, action: Action | None = None, reverse: bool = False) -> AuditMessage:
        """The event about these objects, with the usual action of the transaction unless another is named."""
        event, usual = self.transaction.sender if self.side is Side.SENDER else self.transaction.receiver
        return AuditMessage(
            event=event,
            action=action or usual,
            when=self.when,
            outcome=self.outcome,
            participants=both_ends(self.context, self.subject, self.side, reverse=reverse),
            source=self.context.source,
            types=(self.transaction.code,),
            purposes=self.subject.purposes,
            objects=objects,
        )


@dataclass(frozen=True, slots=True)
class _Feed:
    """A patient is announced, changed or gone: `action` is CREATE, UPDATE or DELETE; one patient object for each id."""

    transaction: Transaction
    detail: str

    def __call__(
        self,
        context: AuditContext,
        subject: Subject,
        *,
        when: datetime,
        outcome: Outcome,
        action: Action,
        patient_ids: Sequence[str],
        side: Side = Side.RECEIVER,
    ) -> AuditMessage:
        """The event of one feed message."""
        exchange = _Exchange(self.transaction, context, subject, when, outcome, side)
        return exchange.event(*_patients(patient_ids, _message_id(subject, self.detail)), action=action)


@dataclass(frozen=True, slots=True)
class _Merge:
    """Two patients become one: D for the one that is gone, U for the one that stays."""

    transaction: Transaction
    detail: str

    def __call__(
        self,
        context: AuditContext,
        subject: Subject,
        *,
        when: datetime,
        outcome: Outcome,
        subsumed: str,
        survivor: str,
        side: Side = Side.RECEIVER,
    ) -> tuple[AuditMessage, AuditMessage]:
        """The two events of one merge message."""
        exchange = _Exchange(self.transaction, context, subject, when, outcome, side)
        detail = _message_id(subject, self.detail)
        return (
            exchange.event(*_patients([subsumed], detail), action=Action.DELETE),
            exchange.event(*_patients([survivor], detail), action=Action.UPDATE),
        )


@dataclass(frozen=True, slots=True)
class _Notification:
    """Identifiers of a patient changed: we tell (SENDER) or are told."""

    transaction: Transaction
    detail: str

    def __call__(
        self,
        context: AuditContext,
        subject: Subject,
        *,
        when: datetime,
        outcome: Outcome,
        patient_ids: Sequence[str],
        side: Side = Side.SENDER,
    ) -> AuditMessage:
        """The event of one notification."""
        exchange = _Exchange(self.transaction, context, subject, when, outcome, side)
        return exchange.event(*_patients(patient_ids, _message_id(subject, self.detail)))


@dataclass(frozen=True, slots=True)
class _Query:
    """Patients or documents are asked for.

    `patient_ids` are those of the question, for demographics queries those of the answer.
    """

    transaction: Transaction
    detail: str = ""
    encoding: str = ""

    def __call__(
        self,
        context: AuditContext,
        subject: Subject,
        *,
        when: datetime,
        outcome: Outcome,
        query: AuditedQuery,
        patient_ids: Sequence[str] = (),
        side: Side = Side.RECEIVER,
    ) -> AuditMessage:
        """The event of one query. A partial success is told by two calls, one with each outcome."""
        details = _message_id(subject, self.detail)
        if self.encoding:
            details += (("QueryEncoding", self.encoding.encode()),)
        exchange = _Exchange(self.transaction, context, subject, when, outcome, side)
        return exchange.event(*_patients(patient_ids), _query_object(self.transaction.code, query, details))


@dataclass(frozen=True, slots=True)
class _Submission:
    """Metadata are sent to a repository or a registry."""

    transaction: Transaction

    def __call__(
        self,
        context: AuditContext,
        subject: Subject,
        *,
        when: datetime,
        outcome: Outcome,
        patient_id: str | None,
        submission_set_unique_id: str | None,
        side: Side = Side.RECEIVER,
    ) -> AuditMessage:
        """The event of one submission; what could not be read is None."""
        exchange = _Exchange(self.transaction, context, subject, when, outcome, side)
        return exchange.event(*_patients([patient_id or ""]), *_submission_set(submission_set_unique_id or ""))


identity_feed: Final = _Feed(v.ITI_8, _V2)
"""ITI-8: CREATE for A01, A04, A05, UPDATE for A08."""
identity_merge: Final = _Merge(v.ITI_8, _V2)
"""ITI-8, A40."""
identity_management: Final = _Feed(v.ITI_30, _V2)
"""ITI-30: CREATE for A28, UPDATE for A31, A47, A24, A37."""
identity_management_merge: Final = _Merge(v.ITI_30, _V2)
"""ITI-30, A40."""
identity_feed_v3: Final = _Feed(v.ITI_44, _V3)
"""ITI-44: CREATE for 201301, UPDATE for 201302."""
identity_merge_v3: Final = _Merge(v.ITI_44, _V3)
"""ITI-44, 201304."""
pix_query: Final = _Query(v.ITI_9, _V2)
"""ITI-9."""
pdq: Final = _Query(v.ITI_21, _V2)
"""ITI-21."""
pdvq: Final = _Query(v.ITI_22, _V2)
"""ITI-22."""
pix_query_v3: Final = _Query(v.ITI_45)
"""ITI-45."""
pdq_v3: Final = _Query(v.ITI_47)
"""ITI-47."""
stored_query: Final = _Query(v.ITI_18, encoding="UTF-8")
"""ITI-18."""
update_notification: Final = _Notification(v.ITI_10, _V2)
"""ITI-10."""
update_notification_v3: Final = _Notification(v.ITI_46, _V3)
"""ITI-46."""
provide_and_register: Final = _Submission(v.ITI_41)
"""ITI-41."""
register_document_set: Final = _Submission(v.ITI_42)
"""ITI-42."""
submission_registered: Final = register_document_set
"""ITI-42 by its effect."""
update_document_set: Final = _Submission(v.ITI_57)
"""ITI-57."""
register_on_demand: Final = _Submission(v.ITI_61)
"""ITI-61."""
restricted_update: Final = _Submission(v.ITI_92)
"""ITI-92."""


def multi_patient_query(
    context: AuditContext,
    subject: Subject,
    *,
    when: datetime,
    outcome: Outcome,
    query: AuditedQuery,
    patient_ids: Sequence[str] = (),
    side: Side = Side.RECEIVER,
) -> tuple[AuditMessage, ...]:
    """ITI-51: an event for each patient, one without patient when the query names none."""
    one = _Query(v.ITI_51, encoding="UTF-8")
    return tuple(
        one(context, subject, when=when, outcome=outcome, query=query, patient_ids=[patient], side=side)
        for patient in dict.fromkeys(patient_ids) or ("",)
    )


def retrieve_document_set(
    context: AuditContext,
    subject: Subject,
    *,
    when: datetime,
    outcome: Outcome,
    documents: Sequence[AuditedDocument],
    side: Side = Side.RECEIVER,
) -> tuple[AuditMessage, ...]:
    """ITI-43: an event for each patient and outcome, so that a partial success makes two; one when no document was named.

    The holder of the documents is the source, so roles are opposite to the direction of the request.
    """
    return tuple(
        _Exchange(v.ITI_43, context, subject, when, found, side).event(*objects, reverse=True)
        for found, objects in _by_outcome(documents, outcome, None)
    )


def remove_documents(
    context: AuditContext,
    subject: Subject,
    *,
    when: datetime,
    outcome: Outcome,
    documents: Sequence[AuditedDocument],
    side: Side = Side.RECEIVER,
) -> tuple[AuditMessage, ...]:
    """ITI-86: an event for each patient and outcome."""
    return tuple(
        _Exchange(v.ITI_86, context, subject, when, found, side).event(*objects)
        for found, objects in _by_outcome(documents, outcome, LifeCycle.PERMANENT_ERASURE)
    )


def remove_metadata(
    context: AuditContext,
    subject: Subject,
    *,
    when: datetime,
    outcome: Outcome,
    object_ids: Sequence[str],
    patient_ids: Sequence[str] = (),
    side: Side = Side.RECEIVER,
) -> AuditMessage:
    """ITI-62: the entryUUIDs that were to be removed."""
    objects = tuple(
        ParticipantObject(uuid, v.REGISTRY_OBJECT, ObjectType.SYSTEM, ObjectRole.REPORT, LifeCycle.PERMANENT_ERASURE)
        for uuid in object_ids
    )
    return _Exchange(v.ITI_62, context, subject, when, outcome, side).event(*_patients(patient_ids), *objects)


def link_change(
    context: AuditContext,
    subject: Subject,
    *,
    when: datetime,
    outcome: Outcome,
    change: LinkChange,
    submission_set_unique_id: str = "",
    side: Side = Side.RECEIVER,
) -> AuditMessage:
    """ITI-64: the identifiers before and after, each saying which it is."""
    born, dead = LifeCycle.ORIGINATION, LifeCycle.LOGICAL_DELETION
    is_changed = bool(change.previous_patient_id) and change.previous_patient_id != change.new_patient_id
    rows = (
        ("localPatientId", change.local_patient_id, born if change.subsumed_patient_id else None),
        ("subsumedPatientId", change.subsumed_patient_id, dead),
        ("newPatientId", change.new_patient_id, born if is_changed else None),
        ("previousPatientId", change.previous_patient_id, dead if is_changed else None),
    )
    message_id = _message_id(subject, _V2)
    patients = tuple(
        _patient(patient_id, ((_XPID, kind.encode()), *message_id), life_cycle)
        for kind, patient_id, life_cycle in rows
        if patient_id
    )
    exchange = _Exchange(v.ITI_64, context, subject, when, outcome, side)
    return exchange.event(*patients, *_submission_set(submission_set_unique_id))


def _message_id(subject: Subject, kind: str) -> Details:
    return ((kind, subject.message_id.encode()),) if kind and subject.message_id else ()


def _patient(patient_id: str, details: Details = (), life_cycle: LifeCycle | None = None) -> ParticipantObject:
    return ParticipantObject(patient_id, v.PATIENT_NUMBER, ObjectType.PERSON, ObjectRole.PATIENT, life_cycle, details=details)


def _patients(patient_ids: Sequence[str], details: Details = ()) -> tuple[ParticipantObject, ...]:
    return tuple(_patient(patient_id, details) for patient_id in dict.fromkeys(patient_ids) if patient_id)


def _submission_set(unique_id: str) -> tuple[ParticipantObject, ...]:
    if not unique_id:
        return ()
    return (ParticipantObject(unique_id, v.SUBMISSION_SET, ObjectType.SYSTEM, ObjectRole.JOB),)


def _query_object(code: Code, query: AuditedQuery, details: Details) -> ParticipantObject:
    if query.home_community_id:
        details += ((_XCA_COMMUNITY, query.home_community_id.encode()),)
    if len(query.content) > QUERY_LIMIT:
        details += (("originalLength", str(len(query.content)).encode()),)
    content = query.content[:QUERY_LIMIT]
    return ParticipantObject(query.id, code, ObjectType.SYSTEM, ObjectRole.QUERY, query=content, details=details)


def _by_outcome(
    documents: Sequence[AuditedDocument], outcome: Outcome, life_cycle: LifeCycle | None
) -> list[tuple[Outcome, tuple[ParticipantObject, ...]]]:
    def of(document: AuditedDocument) -> Outcome:
        return document.outcome or outcome

    def key(document: AuditedDocument) -> tuple[int, str]:
        return (of(document).indicator, document.patient_id)

    groups = []
    for (_, patient_id), members in groupby(sorted(documents, key=key), key):
        found = list(members)
        reasons = dict.fromkeys(of(d).description for d in found if of(d).description)
        ended = of(found[0]).because("; ".join(reasons))
        groups.append((ended, (*_patients([patient_id]), *(_document(d, life_cycle) for d in found))))
    return groups or [(outcome, ())]


def _document(document: AuditedDocument, life_cycle: LifeCycle | None) -> ParticipantObject:
    details: Details = ()
    if document.repository_unique_id:
        details += (("Repository Unique Id", document.repository_unique_id.encode()),)
    if document.home_community_id:
        details += (("ihe:homeCommunityID", document.home_community_id.encode()),)
    return ParticipantObject(document.unique_id, v.REPORT_NUMBER, ObjectType.SYSTEM, ObjectRole.REPORT, life_cycle, details=details)
