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

    def received(self, frames: Sequence[Frame], channel: Channel, peer: Peer) -> list[Received]:
        """Frames as they came together, with the instant of their arrival."""
        now = int(self._clock().timestamp() * 1000)
        address, subject = peer.address, peer.certificate_subject
        return [Received(f.data, channel, now, address, subject, tuple(flaw.name for flaw in f.flaws)) for f in frames]

    def record(self, messages: Sequence[Received]) -> None:
        """Appends them in one unit of work. Raises `Unavailable` when the database is away; trying again is safe."""
        self._service.record(messages)
