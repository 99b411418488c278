"""ITI-10 PIX Update Notification (ITI TF-2, 3.10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from atna import events
from hl7v2.ack import read_acknowledgement
from hl7v2.consumer import Envelope, Parties, require_accepted
from hl7v2.er7 import parse
from hl7v2.notification import update_notification
from kernel.errors import Condition, Unavailable, violation
from kernel.identifiers import PatientId
from mpi.audit import NotificationEvent
from mpi.ports import Wire


class UpdateNotification:
    """Tells one consumer over MLLP."""

    audited: NotificationEvent = events.update_notification

    def __init__(self, parties: Parties, wire: Wire) -> None:
        self._parties = parties
        self._wire = wire

    def tell(self, identifiers: Sequence[PatientId], message_id: str, when: datetime) -> None:
        """ADT^A31. Raises `Unavailable` for AR and for silence, `Rejected` for AE, `Unreadable` for what is no answer."""
        sent = update_notification(identifiers, Envelope(self._parties, when, message_id))
        answer = parse(self._wire(sent.to_bytes()), lenient=True)
        acknowledgement = read_acknowledgement(answer)
        if acknowledgement.control_id != message_id:
            raise Unavailable(violation(Condition.PEER_UNAVAILABLE, "MSA-2", "the answer is to another message"))
        if acknowledgement.code in ("AR", "CR"):
            raise Unavailable(violation(Condition.PEER_UNAVAILABLE, "MSA-1", "the consumer does not take messages at the moment"))
        require_accepted(answer)
