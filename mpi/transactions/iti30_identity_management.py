"""ITI-30 Patient Identity Management (ITI TF-2, 3.30): A28 and A31, A24 (link), A37 (unlink), A47 (another identifier).

A40 has the door of ITI-8."""

from __future__ import annotations

from typing import Final

from atna.vocabulary import Action
from hl7v2.ack import acknowledged, refused
from hl7v2.exchange import MessageKind, V2Exchange
from hl7v2.header import OutgoingMessage
from hl7v2.patient import read_merge, read_pair
from kernel.errors import HieError
from kernel.identifiers import PatientId
from mpi.audit import V2_MANAGEMENT
from mpi.service import MpiService
from mpi.source_links import SourceLinks
from mpi.transactions.exchanges import on_record, receipt_of_v2, subject_of_v2, tolerated_v2
from mpi.transactions.iti08_identity_feed import refuse_update, take_update

LINK: Final = "A24"
UNLINK: Final = "A37"
RENAME: Final = "A47"
_ACTIONS: Final = {"A28": Action.CREATE, "A31": Action.UPDATE}


class PatientIdentityManagement:
    """Takes what a demographics supplier says of a patient, or of two."""

    handles: frozenset[MessageKind] = frozenset(("ADT", event) for event in (*_ACTIONS, LINK, UNLINK, RENAME))

    def __init__(self, service: MpiService, links: SourceLinks) -> None:
        self._service = service
        self._links = links

    def answer(self, exchange: V2Exchange) -> OutgoingMessage:
        """AA, perhaps with warnings."""
        event = exchange.header.event
        if event in _ACTIONS:
            return take_update(self._service, exchange, V2_MANAGEMENT, _ACTIONS[event])
        if event == RENAME:
            change = read_merge(exchange.message, lenient=exchange.lenient)
            fed = self._service.change_identifier(change, subject_of_v2(exchange), receipt_of_v2(exchange), V2_MANAGEMENT)
            return acknowledged(exchange, tolerated_v2(exchange, fed.warnings))
        act = self._links.link if event == LINK else self._links.unlink
        pair = read_pair(exchange.message)
        fed = act(pair, subject_of_v2(exchange), receipt_of_v2(exchange), V2_MANAGEMENT)
        return acknowledged(exchange, tolerated_v2(exchange, fed.warnings))

    def refuse(self, exchange: V2Exchange, error: HieError) -> OutgoingMessage:
        """AE or AR with every fault, on the record."""
        event = exchange.header.event
        if event in _ACTIONS:
            return refuse_update(self._service, exchange, (V2_MANAGEMENT, _ACTIONS[event]), error)
        subject, ids = subject_of_v2(exchange), _pair(exchange)
        on_record(lambda: self._service.refused_feed(subject, V2_MANAGEMENT, Action.UPDATE, ids, error))
        return refused(exchange, error)


def _pair(exchange: V2Exchange) -> tuple[PatientId, ...]:
    """What can be read of a pair that is refused."""
    try:
        if exchange.header.event == RENAME:
            change = read_merge(exchange.message, lenient=True)
            return (change.survivor.patient_id, change.subsumed.patient_id)
        return tuple(i.patient_id for i in read_pair(exchange.message))
    except HieError:
        return ()
