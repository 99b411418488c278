"""ITI-44 Patient Identity Feed HL7 V3 (ITI TF-2, 3.44)."""

from __future__ import annotations

from atna.vocabulary import Action
from hl7v3.elements import NAMESPACE
from hl7v3.messages import V3Exchange, accepted, refused
from hl7v3.patient import read_merge, read_update
from kernel.errors import HieError
from kernel.identifiers import PatientId
from kernel.patient_update import PatientMerge
from kernel.xml import Element
from mpi.audit import V3
from mpi.model import Fed
from mpi.service import MpiService
from mpi.transactions.exchanges import V3Context, on_record, receipt_of_v3, subject_of_v3, tolerated
from soap.exchange import Answer, BodySchema, Exchange, Operation


def _operation(interaction: str) -> Operation:
    return Operation(
        name=f"PIXManager_{interaction}",
        action=f"urn:hl7-org:v3:{interaction}",
        answer_action="urn:hl7-org:v3:MCCI_IN000002UV01",
        root=f"{{{NAMESPACE}}}{interaction}",
        schema=BodySchema.HL7V3,
    )


def _accepted(exchange: Exchange, request: V3Exchange, fed: Fed) -> Answer:
    warnings = tolerated(request.transmission.source, exchange.peer.request_id, fed.warnings)
    return Answer((accepted(request, warnings),))


class IdentityFeedV3:
    """Takes one interaction of the feed, and answers once it is committed."""

    def __init__(self, service: MpiService, context: V3Context, interaction: str, action: Action) -> None:
        self.operation = _operation(interaction)
        self._service = service
        self._context = context
        self._action = action

    def answer(self, exchange: Exchange) -> Answer:
        """MCCI_IN000002UV01 with CA, perhaps with warnings."""
        request = self._context.request(exchange)
        return _accepted(exchange, request, self._taken(exchange, request))

    def _taken(self, exchange: Exchange, request: V3Exchange) -> Fed:
        subject = subject_of_v3(exchange, request)
        update = read_update(request.body, lenient=self._service.is_lenient(subject))
        return self._service.feed(update, subject, receipt_of_v3(request), V3, self._action)

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        """MCCI_IN000002UV01 with CE or CR and every fault, on the record."""
        request = self._context.request(exchange)
        subject, ids = subject_of_v3(exchange, request), _patient_ids(request.body)
        on_record(lambda: self._service.refused_feed(subject, V3, self._action, ids, error))
        return Answer((refused(request, error),))


class IdentityMergeV3:
    """Takes "Patient Registry Duplicates Resolved"."""

    operation = _operation("PRPA_IN201304UV02")

    def __init__(self, service: MpiService, context: V3Context) -> None:
        self._service = service
        self._context = context

    def answer(self, exchange: Exchange) -> Answer:
        """MCCI_IN000002UV01 with CA, perhaps with warnings."""
        request = self._context.request(exchange)
        subject = subject_of_v3(exchange, request)
        merge = read_merge(request.body, lenient=self._service.is_lenient(subject))
        fed = self._service.merge(merge, subject, receipt_of_v3(request), V3)
        return _accepted(exchange, request, fed)

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        """MCCI_IN000002UV01 with CE or CR and every fault, on the record."""
        request = self._context.request(exchange)
        subject, merge = subject_of_v3(exchange, request), _merge(request.body)
        on_record(lambda: self._service.refused_merge(subject, V3, merge, error))
        return Answer((refused(request, error),))


def identity_feed_v3(service: MpiService, context: V3Context) -> tuple[IdentityFeedV3 | IdentityMergeV3, ...]:
    """The doors of the three interactions."""
    return (
        IdentityFeedV3(service, context, "PRPA_IN201301UV02", Action.CREATE),
        IdentityFeedV3(service, context, "PRPA_IN201302UV02", Action.UPDATE),
        IdentityMergeV3(service, context),
    )


def _patient_ids(body: Element) -> tuple[PatientId, ...]:
    """What can be read of a feed that is refused."""
    try:
        return read_update(body, lenient=True).patient_ids
    except HieError:
        return ()


def _merge(body: Element) -> PatientMerge | None:
    """What can be read of a merge that is refused."""
    try:
        return read_merge(body, lenient=True)
    except HieError:
        return None
