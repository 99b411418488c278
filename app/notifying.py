"""The lines to consumers that are told of changed identifiers, and a thread for each that sends for as long as it takes."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from affinity.model import Consumer
from app import contracts
from app.mllp_client import MllpAddress, mllp_call
from app.sending import SendingThread
from hl7v2.consumer import Parties
from kernel.errors import Condition, Unavailable
from kernel.identifiers import Oid
from kernel.xml import Element
from mpi.notices import Notices
from mpi.ports import Telling
from mpi.transactions.iti10_update_notification import UpdateNotification
from mpi.transactions.iti46_update_notification_v3 import Devices, UpdateNotificationV3
from soap.zeep_client import SoapClient, SoapFaultReceived

PAUSE: Final = 0.5
"""Seconds between two looks at a queue; a notice that was sent in vain waits longer, as its row says."""

_SECURE: Final = ("mllps", "https")


@dataclass(frozen=True, slots=True)
class Ourselves:
    """Who we are to consumers in HL7 v2 and v3, seconds that an answer may take, and where answers are put down."""

    parties: Parties
    device: Oid
    seconds: float
    spool: Path


def messengers(
    notices: Notices, consumers: Iterable[Consumer], us: Ourselves, make_tls: Callable[[], ssl.SSLContext]
) -> tuple[Messenger, ...]:
    """A sender for each consumer that is told of changes. `make_tls` gives what we show and trust, where one of them needs it."""
    told = [c for c in consumers if c.notify]
    tls = make_tls() if any(urlsplit(c.notify).scheme in _SECURE for c in told) else None
    return tuple(Messenger(notices, c, telling(c, us, tls)) for c in told)


def telling(consumer: Consumer, us: Ourselves, tls: ssl.SSLContext | None) -> Telling:
    """How a consumer is told: over MLLP, or over SOAP where its address begins with http."""
    parts = urlsplit(consumer.notify)
    secured = tls if parts.scheme in _SECURE else None
    if parts.scheme.startswith("mllp"):
        address = MllpAddress(parts.hostname or "", parts.port or 0, us.seconds, secured)
        parties = replace(us.parties, receiving_application=consumer.application, receiving_facility=consumer.facility)
        return UpdateNotification(parties, lambda message: mllp_call(address, message))
    client = SoapClient(
        contracts.FOLDER / "pix-consumer.wsdl",
        consumer.notify,
        timeout=us.seconds,
        spool=us.spool,
        tls=secured,
        away=Condition.PEER_UNAVAILABLE,
    )
    return UpdateNotificationV3(Devices(us.device, Oid(consumer.application)), lambda name, body: _called(client, name, body))


def _called(client: SoapClient, operation: str, body: bytes) -> Element:
    try:
        reply = client.call(operation, body)
    except SoapFaultReceived as fault:
        if fault.is_receiver:
            raise Unavailable(*fault.violations) from None
        raise
    reply.discard()
    return reply.body


class Messenger(SendingThread):
    """Sends what waits for one consumer."""

    what = "notifications"

    def __init__(self, notices: Notices, consumer: Consumer, telling: Telling, *, pause: float = PAUSE) -> None:
        super().__init__(consumer.name, pause=pause)
        self._notices = notices
        self._consumer = consumer
        self._telling = telling

    def send(self) -> None:
        """See `SendingThread`."""
        self._notices.send(self._consumer, self._telling, self.is_stopping)
