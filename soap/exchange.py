"""What a SOAP request hands to a door and what the door gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol

from kernel.errors import HieError
from kernel.peer import Peer
from kernel.xml import Element

ANONYMOUS = "http://www.w3.org/2005/08/addressing/anonymous"


class BodySchema(Enum):
    """Which of the schemas in `wsdl/` a body is checked against."""

    XDS = "xds"
    HL7V3 = "hl7v3"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Addressing:
    """The WS-Addressing headers of a request; `reply_to` is the address, `ANONYMOUS` when absent.

    `reply_parameters` and `fault_parameters` are the reference parameters of the two endpoints as header blocks of an answer.
    """

    action: str
    message_id: str
    to: str = ""
    reply_to: str = ANONYMOUS
    fault_to: str = ""
    relates_to: str = ""
    reply_parameters: str = ""
    fault_parameters: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document that came with the message, already on disk: where, how long, and its digests in lower-case hex."""

    content_id: str
    content_type: str
    path: Path
    size: int
    sha1: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request: addressing, body element, other headers, and attachments by content id (without angle brackets).

    `is_mtom` tells whether it came as multipart/related. xop:Include elements stay in the body.
    """

    peer: Peer
    addressing: Addressing
    body: Element
    headers: Mapping[str, Element] = field(default_factory=dict)
    attachments: Mapping[str, Attachment] = field(default_factory=dict)
    is_mtom: bool = False


@dataclass(frozen=True, slots=True)
class OutgoingPart:
    """A document that leaves as an MTOM part; `open` gives its bytes in chunks, `size` their number."""

    content_id: str
    content_type: str
    size: int
    chunks: Iterable[bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """A body in bytes (spliced, never re-parsed) and the parts that its xop:Include elements name."""

    body: tuple[bytes, ...]
    parts: tuple[OutgoingPart, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One transaction at the SOAP door.

    `root` is the body's name in Clark notation, `other_roots` names that real senders use for it as well, `other_actions` aliases
    of the action.
    `mtom` answers are multipart even without parts, when the request was multipart or `mtom` says always.
    """

    name: str
    action: str
    answer_action: str
    root: str
    schema: BodySchema
    mtom: bool = False
    other_actions: tuple[str, ...] = ()
    other_roots: tuple[str, ...] = ()


class Door(Protocol):
    """A transaction: turns one request into one call of a service and what comes back into an answer."""

    operation: Operation

    def answer(self, exchange: Exchange) -> Answer:
        """The answer. Raises `HieError`; anything else is a bug."""
        ...

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        """The protocol's own answer to an error, and the audit record of the refusal (written in a unit of its own)."""
        ...


@dataclass(frozen=True, slots=True)
class PartHeaders:
    """What a MIME part says of itself: content id without angle brackets, content type, transfer encoding in lower case.

    All of it is the sender's word: never a path, never a key. `inline` marks a document that stood as base64 in the body
    and has an id of ours.
    """

    content_id: str
    content_type: str = ""
    transfer_encoding: str = "binary"
    inline: bool = False


class PartSink(Protocol):
    """Where the decoded bytes of one document go while they arrive."""

    def write(self, data: bytes | memoryview, /) -> None:
        """Takes the next bytes; a memoryview is valid during the call only. May raise `HieError` (disk full, too large)."""
        ...

    def close(self) -> Attachment:
        """No more bytes will come: what was staged."""
        ...

    def abort(self) -> None:
        """Forgets the part. Called before or after `close`, perhaps twice; harmless once the file was moved to its place."""
        ...


Stage = Callable[[PartHeaders], PartSink]
"""Opens a sink for a document that is about to arrive."""


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """A POST as the socket saw it: `body` gives its bytes in chunks of any size and is read once, in order.

    An `OSError` raised by `body` means that the sender went away, and so do fewer bytes than `length` (Content-Length, where one
    was sent); a `HieError` (a limit of the listener) becomes a fault.
    """

    peer: Peer
    content_type: str
    body: Iterable[bytes]
    length: int | None = None


@dataclass(frozen=True, slots=True)
class DeferredAnswer:
    """An answer that goes to an address of the sender and not back on its connection."""

    address: str
    content_type: str
    body: bytes


Defer = Callable[[DeferredAnswer], None]
"""Keeps an answer until it is delivered. Raises `Unavailable`, and then it is not kept."""


class Outcome(Enum):
    """How a request ended: with the door's answer, with its refusal in its own language, or with a SOAP fault."""

    ANSWERED = "answered"
    REFUSED = "refused"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class SoapResponse:
    """What goes back: `headers` hold Content-Type and Content-Length, `chunks` is closed by whoever sends it.

    `operation` is the name of the operation, empty where none was found.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    chunks: Iterator[bytes]
    operation: str = ""
    outcome: Outcome = Outcome.ANSWERED


def _nothing(*_: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class SoapHooks:
    """Told of every request. `before` may raise `HieError`, `after` must not raise.

    `before` runs once an envelope is found to be for an operation: before the parts that follow it are kept and before its body is
    checked, so that one who may not ask learns nothing of either. Its exchange has no attachments yet.

    `after` gets the response, before its chunks are sent, and what went wrong, if anything did.

    `unread` is told of a request that never came to a door, so that the audit trail has it; it must not raise.

    `defer` keeps answers that go to an address of the sender; without it they go back on the connection alone.
    """

    before: Callable[[Operation, Exchange], None] = _nothing
    after: Callable[[SoapResponse, HieError | None], None] = _nothing
    defer: Defer | None = None
    unread: Callable[[Peer, HieError], None] = _nothing
