"""ITI-46 PIXV3 Update Notification (ITI TF-2, 3.46)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from atna import events
from hl7v3.consumer import Envelope
from hl7v3.notification import require_taken, update_notification
from kernel.errors import Condition, Unavailable, violation
from kernel.identifiers import Oid, PatientId
from kernel.xml import Element
from mpi.audit import NotificationEvent

OPERATION = "PIXConsumer_PRPA_IN201302UV02"

Call = Callable[[str, bytes], Element]
"""An operation of the consumer's contract, with its body; gives the body of the answer."""


@dataclass(frozen=True, slots=True)
class Devices:
    """The OIDs of our device and of the consumer's."""

    ours: Oid
    theirs: Oid


class UpdateNotificationV3:
    """Tells one consumer over SOAP."""

    audited: NotificationEvent = events.update_notification_v3

    def __init__(self, devices: Devices, call: Call) -> None:
        self._devices = devices
        self._call = call

    def tell(self, identifiers: Sequence[PatientId], message_id: str, when: datetime) -> None:
        """PRPA_IN201302UV02. Raises `Unavailable` for CR, a fault of its own and silence, `Rejected` for CE and other faults."""
        envelope = Envelope(self._devices.ours, self._devices.theirs, when, message_id)
        if not require_taken(self._call(OPERATION, update_notification(identifiers, envelope))):
            detail = "the consumer does not take messages at the moment"
            raise Unavailable(violation(Condition.PEER_UNAVAILABLE, "acknowledgement/typeCode", detail))
