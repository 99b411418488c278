"""From the bytes of a frame to the door that answers it, and from any error to an answer: the error edge of HL7 v2."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from hl7v2.answers import query_refused
from hl7v2.er7 import STANDARD, Message, Segment, parse
from hl7v2.exchange import MessageKind, V2Door, V2Exchange
from hl7v2.header import Header, OutgoingMessage, peek
from kernel.errors import Condition, HieError, Rejected, Unreadable, Violation, violation, warning
from kernel.peer import Peer
from kernel.times import Clock

VERSIONS = frozenset({"2.3.1", "2.5"})
LENIENT_VERSIONS = frozenset({"2.3", "2.3.1", "2.4", "2.5", "2.5.1"})
CONTROL_ID_LENGTH = 20
CONTROL_ID_LIMIT = 199
_PROCESSING_IDS = frozenset("PTD")
_STRUCTURES: dict[MessageKind, frozenset[str]] = {
    **{("ADT", event): frozenset({"ADT_A01"}) for event in ("A01", "A04", "A08")},
    **{("ADT", event): frozenset({"ADT_A05", "ADT_A01"}) for event in ("A05", "A28", "A31")},
    ("ADT", "A24"): frozenset({"ADT_A24"}),
    ("ADT", "A37"): frozenset({"ADT_A37"}),
    ("ADT", "A40"): frozenset({"ADT_A39", "ADT_A40"}),
    ("ADT", "A43"): frozenset({"ADT_A43"}),
    ("ADT", "A47"): frozenset({"ADT_A30"}),
    ("QBP", "Q22"): frozenset({"QBP_Q21", "QBP_Q22"}),
    ("QBP", "Q23"): frozenset({"QBP_Q21", "QBP_Q23"}),
    ("QBP", "ZV1"): frozenset({"QBP_Q21", "QBP_ZV1"}),
    ("QCN", "J01"): frozenset({"QCN_J01"}),
}

Leniency = Callable[[str, str], bool]
"""Whether the source of this MSH-3 and MSH-4 is one whose known deviations are tolerated."""

OnUnreadable = Callable[[Peer, Header, HieError], None]
"""Told of a message that never came to a door, so that the audit trail has it; the header is what could be read."""

Admit = Callable[[V2Exchange, V2Door], None]
"""Raises `Refused` where this node may not ask this door."""

log = structlog.get_logger("hl7v2")


def _strict(_application: str, _facility: str) -> bool:
    return False


def _nothing(_peer: Peer, _header: Header, _error: HieError) -> None:
    return


def _everybody(_exchange: V2Exchange, _door: V2Door) -> None:
    return


class V2Dispatcher:
    """Answers every frame: `dispatcher(raw, peer)` gives the bytes of the answer, never raises."""

    def __init__(
        self,
        doors: Iterable[V2Door],
        *,
        clock: Clock,
        new_control_id: Callable[[], str],
        leniency: Leniency = _strict,
        on_unreadable: OnUnreadable = _nothing,
        admit: Admit = _everybody,
    ) -> None:
        """`new_control_id` gives MSH-10 of our answers, at most 20 characters and never the same twice."""
        self._doors: dict[MessageKind, V2Door] = {}
        for door in doors:
            for kind in door.handles:
                if kind in self._doors:
                    raise ValueError(f"two doors handle {'^'.join(kind)}")
                self._doors[kind] = door
        self._clock = clock
        self._new_control_id = new_control_id
        self._leniency = leniency
        self._on_unreadable = on_unreadable
        self._admit = admit

    def __call__(self, raw: bytes, peer: Peer) -> bytes:
        """The answer to one frame. A frame that is not ER7 at all is answered with AR and an empty MSA-2."""
        header = peek(raw) or _NO_HEADER
        try:
            return self._answered(raw, peer, header)
        except HieError as error:
            return self._bare(raw, peer, header, error)
        except Exception:
            log.exception("a message was not dispatched", **_who(peer, header))
            return self._bare(raw, peer, header, _internal())

    def _answered(self, raw: bytes, peer: Peer, header: Header) -> bytes:
        lenient = self._leniency(header.sending_application, header.sending_facility)
        try:
            message = parse(raw, lenient=lenient)
        except Unreadable as error:
            return self._unreadable(raw, peer, header, error)
        return self._dispatch(raw, peer, message, lenient=lenient).to_bytes()

    def too_long(self, head: bytes, peer: Peer) -> bytes:
        """The answer to a frame over the limit, of which only the beginning was kept."""
        error = Unreadable(violation(Condition.TOO_LARGE, "MSH", "the message is longer than is taken here"))
        return self._unreadable(head, peer, peek(head) or _NO_HEADER, error)

    def _dispatch(self, raw: bytes, peer: Peer, message: Message, *, lenient: bool) -> OutgoingMessage:
        header = Header(message.segments[0])
        found = (*judge_header(header, self._doors.keys(), lenient=lenient), *_charset(header, message))
        warnings = tuple(v for v in found if not v.is_error)
        exchange = V2Exchange(peer, message, raw, self._clock(), self._new_control_id(), lenient, warnings)
        for v in warnings:
            log.warning("deviation tolerated", condition=v.condition.name, where=v.where, **_who(peer, header))
        door = self._doors.get((header.message_type, header.event))
        errors = tuple(v for v in found if v.is_error)
        if door is None:
            error = Rejected(errors)
            self._on_unreadable(peer, header, error)
            return query_refused(exchange, error)
        try:
            self._admit(exchange, door)
            if errors:
                return door.refuse(exchange, Rejected(errors))
            return door.answer(exchange)
        except HieError as error:
            return self._refuse(door, exchange, error)
        except Exception:
            log.exception("a door failed", **_who(peer, header))
            return self._refuse(door, exchange, _internal())

    def _refuse(self, door: V2Door, exchange: V2Exchange, error: HieError) -> OutgoingMessage:
        try:
            return door.refuse(exchange, error)
        except Exception:
            log.exception("a door could not refuse", **_who(exchange.peer, exchange.header))
            return query_refused(exchange, _internal())

    def _unreadable(self, raw: bytes, peer: Peer, header: Header, error: HieError) -> bytes:
        log.warning("message unreadable", size=len(raw), problem=str(error), **_who(peer, header))
        self._on_unreadable(peer, header, error)
        return self._bare(raw, peer, header, error)

    def _bare(self, raw: bytes, peer: Peer, header: Header, error: HieError) -> bytes:
        """An ACK, or the answer to a query, from what is known of the header alone."""
        message = Message((header.segment,), header.segment.encoding)
        exchange = V2Exchange(peer, message, raw, self._clock(), self._new_control_id())
        return query_refused(exchange, error).to_bytes()


_NO_HEADER = Header(Segment("MSH", ("MSH", STANDARD.field, STANDARD.characters)))


def _who(peer: Peer, header: Header) -> dict[str, str]:
    return {"request_id": peer.request_id, "peer": peer.address, "source": header.source}


def _internal() -> HieError:
    return HieError(violation(Condition.INTERNAL, "", "internal error"))


def judge_header(header: Header, served: Iterable[MessageKind], *, lenient: bool) -> tuple[Violation, ...]:
    """What is wrong with MSH-9 to MSH-12: errors and, for what is tolerated, warnings (ITI TF-2 appendix C)."""
    return (
        *_message_type(header, frozenset(served), lenient=lenient),
        *_control_id(header),
        *_processing_id(header),
        *_version(header, lenient=lenient),
    )


def _charset(header: Header, message: Message) -> Iterable[Violation]:
    if message.charset.declared != header.segment.value(18):
        yield warning(Condition.CHARSET_UNSUPPORTED, "MSH-18", "the bytes are not in this character set; they are read as Latin-1")


def _message_type(header: Header, served: frozenset[MessageKind], *, lenient: bool) -> Iterable[Violation]:
    kind = (header.message_type, header.event)
    if not kind[0]:
        yield violation(Condition.FIELD_MISSING, "MSH-9.1", "the message type is missing")
    elif kind[0] not in {message_type for message_type, _ in served}:
        yield violation(Condition.MESSAGE_TYPE_UNSUPPORTED, "MSH-9.1", "this message type is not served here")
    elif not kind[1]:
        yield violation(Condition.FIELD_MISSING, "MSH-9.2", "the trigger event is missing")
    elif kind not in served:
        yield violation(Condition.EVENT_UNSUPPORTED, "MSH-9.2", "this trigger event is not served here")
    elif header.structure and header.structure not in _STRUCTURES.get(kind, {header.structure}):
        expected = " or ".join(sorted(_STRUCTURES[kind]))
        tell = warning if lenient else violation
        yield tell(Condition.MESSAGE_TYPE_UNSUPPORTED, "MSH-9.3", f"the structure of this event is {expected}")


def _control_id(header: Header) -> Iterable[Violation]:
    length = len(header.control_id)
    if not length:
        yield violation(Condition.FIELD_MISSING, "MSH-10", "the message control id is missing")
    elif length > CONTROL_ID_LIMIT:
        yield violation(Condition.FIELD_INVALID, "MSH-10", f"the control id has more than {CONTROL_ID_LIMIT} characters")
    elif length > CONTROL_ID_LENGTH:
        # senders that put a UUID here are many; it does no harm
        yield warning(Condition.FIELD_INVALID, "MSH-10", f"the control id has more than {CONTROL_ID_LENGTH} characters")


def _processing_id(header: Header) -> Iterable[Violation]:
    if not header.processing_id:
        yield violation(Condition.FIELD_MISSING, "MSH-11", "the processing id is missing")
    elif header.processing_id not in _PROCESSING_IDS:
        yield violation(Condition.PROCESSING_ID_UNSUPPORTED, "MSH-11", "the processing id is P, T or D")


def _version(header: Header, *, lenient: bool) -> Iterable[Violation]:
    if not header.version:
        yield violation(Condition.FIELD_MISSING, "MSH-12", "the version id is missing")
    elif header.version in VERSIONS:
        return
    elif lenient and header.version in LENIENT_VERSIONS:
        yield warning(Condition.VERSION_UNSUPPORTED, "MSH-12", "this version is read as its neighbour")
    else:
        yield violation(Condition.VERSION_UNSUPPORTED, "MSH-12", f"versions served here: {', '.join(sorted(VERSIONS))}")
