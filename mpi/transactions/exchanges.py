"""What every door of the index does with a request: who asks, what makes a message the same, and refusals that are audited."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain

import structlog

from access.subject import Subject
from hl7v2.exchange import V2Exchange
from hl7v3.messages import V3Exchange, v3_exchange
from kernel.errors import HieError, Violation
from kernel.identifiers import NewUuid, Oid
from kernel.times import Clock
from kernel.xml import canonical
from mpi.model import Receipt
from soap.exchange import Exchange

log = structlog.get_logger("mpi.doors")


def subject_of_v2(exchange: V2Exchange) -> Subject:
    """Who sends: MSH-4|MSH-3."""
    header = exchange.header
    return Subject(exchange.peer, header.source, header.receiver, header.control_id)


def receipt_of_v2(exchange: V2Exchange) -> Receipt:
    """The same message is one with the same bytes."""
    return Receipt(exchange.header.source, exchange.header.control_id, sha256(exchange.raw).digest(), "MSH-10")


@dataclass(frozen=True, slots=True)
class V3Context:
    """What answers in HL7 v3 need: the OID of our device, the time, ids."""

    device: Oid
    clock: Clock
    new_uuid: NewUuid

    def request(self, exchange: Exchange) -> V3Exchange:
        """The request as the language's functions take it."""
        return v3_exchange(exchange.body, now=self.clock(), answer_id=self.new_uuid(), device=self.device)


def subject_of_v3(exchange: Exchange, request: V3Exchange) -> Subject:
    """Who sends: the OID of the sending device."""
    sent = request.transmission
    return Subject(exchange.peer, sent.source, exchange.peer.endpoint, str(sent.message_id))


def receipt_of_v3(request: V3Exchange) -> Receipt:
    """The same message is one with the same canonical XML."""
    sent = request.transmission
    return Receipt(sent.source, str(sent.message_id), sha256(canonical(request.body)).digest(), f"/{sent.interaction}/id")


def tolerated(source: str, request_id: str, *found: Iterable[Violation]) -> tuple[Violation, ...]:
    """Deviations of a sender that were let pass: the operator reads of each in the log, the sender in the answer."""
    warnings = tuple(chain.from_iterable(found))
    for v in warnings:
        log.warning("deviation tolerated", condition=v.condition.name, where=v.where, source=source, request_id=request_id)
    return warnings


def tolerated_v2(exchange: V2Exchange, *found: Iterable[Violation]) -> tuple[Violation, ...]:
    """What a door let pass, after what its dispatcher did, which has logged that itself."""
    return (*exchange.warnings, *tolerated(exchange.header.source, exchange.peer.request_id, *found))


def on_record(write: Callable[[], None]) -> None:
    """Writes the audit record of a refusal; where even that is not possible, the refusal is given all the same."""
    try:
        write()
    except HieError as error:
        log.exception("a refusal could not be put on record", problem=error.condition.name)
