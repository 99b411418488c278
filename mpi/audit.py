"""Which audit events the index writes for each language it is spoken to in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from access.subject import Subject
from atna import events
from atna.events import AuditedQuery
from atna.message import AuditMessage, Outcome
from atna.participants import AuditContext, Side
from atna.vocabulary import Action
from kernel.identifiers import PatientId


class FeedEvent(Protocol):
    """A patient is announced or changed."""

    def __call__(
        self,
        context: AuditContext,
        subject: Subject,
        *,
        when: datetime,
        outcome: Outcome,
        action: Action,
        patient_ids: Sequence[str],
    ) -> AuditMessage:
        """The event."""
        ...


class MergeEvent(Protocol):
    """Two identifiers become one."""

    def __call__(
        self, context: AuditContext, subject: Subject, *, when: datetime, outcome: Outcome, subsumed: str, survivor: str
    ) -> tuple[AuditMessage, AuditMessage]:
        """The events."""
        ...


class QueryEvent(Protocol):
    """Somebody asks."""

    def __call__(
        self,
        context: AuditContext,
        subject: Subject,
        *,
        when: datetime,
        outcome: Outcome,
        query: AuditedQuery,
        patient_ids: Sequence[str] = (),
    ) -> AuditMessage:
        """The event."""
        ...


class NotificationEvent(Protocol):
    """A consumer is told that identifiers changed."""

    def __call__(
        self,
        context: AuditContext,
        subject: Subject,
        *,
        when: datetime,
        outcome: Outcome,
        patient_ids: Sequence[str],
        side: Side,
    ) -> AuditMessage:
        """The event."""
        ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """The events of one language."""

    feed: FeedEvent
    merge: MergeEvent
    cross_reference: QueryEvent
    search: QueryEvent


V2 = Dialect(events.identity_feed, events.identity_merge, events.pix_query, events.pdq)
"""ITI-8, ITI-9, ITI-21."""
V2_VISITS = Dialect(events.identity_feed, events.identity_merge, events.pix_query, events.pdvq)
"""ITI-8, ITI-9, ITI-22."""
V2_MANAGEMENT = Dialect(events.identity_management, events.identity_management_merge, events.pix_query, events.pdq)
"""ITI-30, ITI-9, ITI-21."""
V3 = Dialect(events.identity_feed_v3, events.identity_merge_v3, events.pix_query_v3, events.pdq_v3)
"""ITI-44, ITI-45, ITI-47."""


def cx(patient_id: PatientId) -> str:
    """A patient id as audit messages hold it."""
    return f"{patient_id.id}^^^{patient_id.authority}"


def instant(now: int) -> datetime:
    """Milliseconds since 1970 as an instant."""
    return datetime.fromtimestamp(now / 1000, UTC)
