"""ITI-8 Patient Identity Feed (ITI TF-2, 3.8)."""

from __future__ import annotations

from typing import Final

from atna.vocabulary import Action
from hl7v2.ack import acknowledged, refused
from hl7v2.exchange import MessageKind, V2Exchange
from hl7v2.header import OutgoingMessage
from hl7v2.patient import read_merge, read_update
from kernel.errors import HieError
from kernel.identifiers import PatientId
from kernel.patient_update import PatientMerge
from mpi.audit import V2, Dialect
from mpi.service import MpiService
from mpi.transactions.exchanges import on_record, receipt_of_v2, subject_of_v2, tolerated_v2

MERGE: Final = "A40"
_ACTIONS: Final = {"A01": Action.CREATE, "A04": Action.CREATE, "A05": Action.CREATE, "A08": Action.UPDATE}


class PatientIdentityFeed:
    """Takes what a source says of a patient, and answers once it is committed."""

    handles: frozenset[MessageKind] = frozenset(("ADT", event) for event in (*_ACTIONS, MERGE))

    def __init__(self, service: MpiService) -> None:
        self._service = service

    def answer(self, exchange: V2Exchange) -> OutgoingMessage:
        """AA, perhaps with warnings."""
        event = exchange.header.event
        if event != MERGE:
            return take_update(self._service, exchange, V2, _ACTIONS[event])
        merge = read_merge(exchange.message, lenient=exchange.lenient)
        fed = self._service.merge(merge, subject_of_v2(exchange), receipt_of_v2(exchange), V2)
        return acknowledged(exchange, tolerated_v2(exchange, fed.warnings))

    def refuse(self, exchange: V2Exchange, error: HieError) -> OutgoingMessage:
        """AE or AR with every fault, on the record."""
        event = exchange.header.event
        if event != MERGE:
            return refuse_update(self._service, exchange, (V2, _ACTIONS.get(event, Action.CREATE)), error)
        subject, merge = subject_of_v2(exchange), _merge(exchange)
        on_record(lambda: self._service.refused_merge(subject, V2, merge, error))
        return refused(exchange, error)


def take_update(service: MpiService, exchange: V2Exchange, dialect: Dialect, action: Action) -> OutgoingMessage:
    """Feeds one patient, and says AA."""
    update = read_update(exchange.message, lenient=exchange.lenient)
    fed = service.feed(update, subject_of_v2(exchange), receipt_of_v2(exchange), dialect, action)
    return acknowledged(exchange, tolerated_v2(exchange, fed.warnings))


def refuse_update(service: MpiService, exchange: V2Exchange, event: tuple[Dialect, Action], error: HieError) -> OutgoingMessage:
    """Says why a patient was not taken, on the record."""
    subject, ids = subject_of_v2(exchange), _patient_ids(exchange)
    on_record(lambda: service.refused_feed(subject, *event, ids, error))
    return refused(exchange, error)


def _merge(exchange: V2Exchange) -> PatientMerge | None:
    """What can be read of a merge that is refused."""
    try:
        return read_merge(exchange.message, lenient=True)
    except HieError:
        return None


def _patient_ids(exchange: V2Exchange) -> tuple[PatientId, ...]:
    """What can be read of a feed that is refused."""
    try:
        return read_update(exchange.message, lenient=True).patient_ids
    except HieError:
        return ()
