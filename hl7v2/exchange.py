"""What an HL7 v2 request hands to a door and what the door gives back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hl7v2.er7 import Message
from hl7v2.header import Header, OutgoingMessage, header_of
from kernel.errors import HieError, Violation
from kernel.peer import Peer

MessageKind = tuple[str, str]
"""Message type and trigger event, MSH-9.1 and MSH-9.2."""


@dataclass(frozen=True, slots=True)
class V2Exchange:
    """One request: who sent it, the message, its bytes, and what an answer needs: the time and a control id of ours.

    `lenient` is the setting of this source: deviations that real senders are known for are warnings then, not errors. `warnings`
    are those found in the header.
    """

    peer: Peer
    message: Message
    raw: bytes
    now: datetime
    answer_id: str
    lenient: bool = False
    warnings: tuple[Violation, ...] = ()

    @property
    def header(self) -> Header:
        """The message's MSH."""
        return header_of(self.message)


class V2Door(Protocol):
    """A transaction: turns one request into one call of a service and what comes back into an answer."""

    handles: frozenset[MessageKind]

    def answer(self, exchange: V2Exchange) -> OutgoingMessage:
        """The answer. Raises `HieError`; anything else is a bug."""
        ...

    def refuse(self, exchange: V2Exchange, error: HieError) -> OutgoingMessage:
        """The protocol's own answer to an error, and the audit record of the refusal (written in a unit of its own)."""
        ...
