"""ITI-20 Record Audit Event (ITI TF-2, 3.20)."""

from __future__ import annotations

from collections.abc import Sequence

from arr.model import Channel, Received
from arr.service import AuditService
from atna.syslog import Frame
from kernel.peer import Peer
from kernel.times import Clock


class RecordAuditEvent:
    """Takes syslog frames of any channel. Nothing is answered: the transaction has no response."""

    def __init__(self, service: AuditService, clock: Clock) -> None:
        self._service = service
        self._clock = clock

    def received(self, frame: Frame, channel: Channel, peer: Peer) -> Received:
        """A frame as it came, with the instant of its arrival."""
        return Received(
            data=frame.data,
            channel=channel,
            received_at=int(self._clock().timestamp() * 1000),
            peer=peer.address,
            certificate_subject=peer.certificate_subject,
            flaws=tuple(flaw.name for flaw in frame.flaws),
        )

    def record(self, messages: Sequence[Received]) -> None:
        """Appends them in one unit of work. Raises `Unavailable` when the database is away; trying again is safe."""
        self._service.record(messages)
