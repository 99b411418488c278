"""ITI-8 Patient Identity Feed (ITI TF-2, 3.8), and of ITI-30 Patient Identity Management (3.30) what announces and updates."""

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
from mpi.audit import V2, V2_MANAGEMENT, Dialect
from mpi.service import MpiService
from mpi.transactions.exchanges import on_record, receipt_of_v2, subject_of_v2

MERGE: Final = "A40"
_ACTIONS: Final = {
    "A01": Action.CREATE,
    "A04": Action.CREATE,
    "A05": Action.CREATE,
    "A08": Action.UPDATE,
    "A28": Action.CREATE,
    "A31": Action.UPDATE,
}
_MANAGEMENT: Final = frozenset({"A28", "A31"})


class PatientIdentityFeed:
    """Takes what a source says of a patient, and answers once it is committed."""

    handles: frozenset[MessageKind] = frozenset(("ADT", event) for event in (*_ACTIONS, MERGE))

    def __init__(self, service: MpiService) -> None:
        self._service = service

    def answer(self, exchange: V2Exchange) -> OutgoingMessage:
        """AA, perhaps with warnings."""
        subject, receipt = subject_of_v2(exchange), receipt_of_v2(exchange)
        event = exchange.header.event
        if event == MERGE:
            fed = self._service.merge(read_merge(exchange.message, lenient=exchange.lenient), subject, receipt, V2)
        else:
            update = read_update(exchange.message, lenient=exchange.lenient)
            fed = self._service.feed(update, subject, receipt, _dialect(event), _ACTIONS[event])
        return acknowledged(exchange, (*exchange.warnings, *fed.warnings))

    def refuse(self, exchange: V2Exchange, error: HieError) -> OutgoingMessage:
        """AE or AR with every fault, on the record."""
        subject, event = subject_of_v2(exchange), exchange.header.event
        if event == MERGE:
            merge = _merge(exchange)
            on_record(lambda: self._service.refused_merge(subject, V2, merge, error))
        else:
            ids = _patient_ids(exchange)
            action = _ACTIONS.get(event, Action.CREATE)
            on_record(lambda: self._service.refused_feed(subject, _dialect(event), action, ids, error))
        return refused(exchange, error)


def _dialect(event: str) -> Dialect:
    return V2_MANAGEMENT if event in _MANAGEMENT else V2


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
