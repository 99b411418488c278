"""ITI-20 Record Audit Event as FHIR (RESTful ATNA: Send Audit Resource, Send Audit Bundle).

An AuditEvent is kept as it came and found like any other record. Everything of one request is appended in one unit of work, in the
order of the Bundle; an answer is given after the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from arr.model import Channel, Received
from arr.service import AuditService
from atna.fhir import numbered
from atna.fhir_reader import NAME, read_audit_event
from atna.reader import LIMIT
from fhir_r4.json import Json, Resource, made
from fhir_r4.outcome import outcome_of, status_of
from fhir_r4.reading import Cut, entries_of, read_resource
from kernel.errors import Condition, HieError, Rejected, Violation, rejected
from kernel.peer import Peer
from kernel.times import Clock

EVENT_BYTES: Final = LIMIT
BUNDLE_BYTES: Final = 8 << 20
ENTRIES: Final = 1_000
"""Of one Bundle."""
VERSION: Final = "1"
"""Of every AuditEvent: none is ever changed."""
_BATCH, _TRANSACTION = "batch", "transaction"


@dataclass(frozen=True, slots=True)
class Created:
    """The number of a record, and the resource as it is given out from now on."""

    sequence: int
    resource: Resource

    @property
    def location(self) -> str:
        """Where it is, below our FHIR base."""
        return f"{NAME}/{self.sequence}/_history/{VERSION}"


class SendAuditResource:
    """Takes AuditEvents, one or a Bundle of them; who sends is let in by then."""

    def __init__(self, service: AuditService, clock: Clock) -> None:
        self._service = service
        self._clock = clock

    def create(self, body: bytes, peer: Peer) -> Created:
        """One AuditEvent. Raises `Unreadable`, `Rejected`, and `Unavailable` when the database is away."""
        resource = read_resource(body, limit=EVENT_BYTES)
        read_audit_event(resource)
        (created,) = self._recorded([(body, resource)], peer)
        return created

    def bundle(self, body: bytes, peer: Peer) -> Resource:
        """A Bundle: of a batch every entry for itself, of a transaction all or none. Raises as `create` does."""
        bundle, cuts = entries_of(body, limit=BUNDLE_BYTES, entries=ENTRIES)
        kind = bundle.get("type")
        if bundle.get("resourceType") != "Bundle" or kind not in (_BATCH, _TRANSACTION):
            raise rejected(Condition.MESSAGE_TYPE_UNSUPPORTED, "Bundle.type", "a Bundle of type batch or transaction is taken here")
        judged = [_judged(cut, f"Bundle.entry[{number}]") for number, cut in enumerate(cuts)]
        faults = [fault for one in judged if isinstance(one, HieError) for fault in one.violations]
        if kind == _TRANSACTION and faults:
            raise Rejected(faults)
        good = [(cut.text.encode(), one) for cut, one in zip(cuts, judged, strict=True) if not isinstance(one, HieError)]
        taken = iter(self._recorded(good, peer))
        entries: list[Json] = [_refusal(one) if isinstance(one, HieError) else _assent(next(taken)) for one in judged]
        return made(resourceType="Bundle", type=f"{kind}-response", entry=entries)

    def _recorded(self, given: Sequence[tuple[bytes, Resource]], peer: Peer) -> list[Created]:
        if not given:
            return []
        at = int(self._clock().timestamp() * 1000)
        received = [Received(data, Channel.FHIR, at, peer.address, peer.certificate_subject) for data, _ in given]
        first = self._service.record(received) - len(given) + 1  # one unit of work numbers them one after the other
        return [Created(first + n, numbered(resource, first + n, at)) for n, (_, resource) in enumerate(given)]


def _judged(cut: Cut, where: str) -> Resource | HieError:
    """The entry's resource, or what is wrong with it, told by its place in the Bundle."""
    try:
        _require_create(cut.entry)
        if len(cut.text) > EVENT_BYTES:
            raise rejected(Condition.TOO_LARGE, "resource", f"more than {EVENT_BYTES} bytes")
        resource = cut.entry.get("resource")
        if not isinstance(resource, dict):
            raise rejected(Condition.FIELD_MISSING, "resource", "the entry has no resource")
        read_audit_event(resource)
    except HieError as error:
        return type(error)(_within(fault, where) for fault in error.violations)
    return resource


def _within(fault: Violation, where: str) -> Violation:
    return replace(fault, where=f"{where}.{fault.where}")


def _require_create(entry: Resource) -> None:
    request = entry.get("request")
    asked = request if isinstance(request, dict) else {}
    if (asked.get("method"), asked.get("url")) != ("POST", NAME):
        raise rejected(Condition.MESSAGE_TYPE_UNSUPPORTED, "request", f"an entry's request is POST {NAME}; nothing else is served")


def _assent(created: Created) -> Resource:
    meta = created.resource["meta"]
    at = meta.get("lastUpdated") if isinstance(meta, dict) else None
    return made(response=made(status="201 Created", location=created.location, etag=f'W/"{VERSION}"', lastModified=at))


def _refusal(error: HieError) -> Resource:
    return made(response=made(status=str(status_of(error)), outcome=outcome_of(error)))
