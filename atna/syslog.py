"""Syslog for audit messages: the header (RFC 5424), frames on a stream (RFC 5425, RFC 6587), and the habits of real senders.

A decoder never raises and never loses a byte that may belong to a message: what is wrong is told as a `Flaw` of the frame.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Final

PRIORITY: Final = 85
"""authpriv (10) * 8 + notice (5) (ITI TF-2 3.20.4.1.2)."""
MESSAGE_ID: Final = "IHE+RFC-3881"
BOM: Final = b"\xef\xbb\xbf"


class Flaw(Enum):
    """What was wrong with a frame or its header that was taken all the same."""

    LENGTH_TOO_SMALL = "the length counts less than the message has, perhaps characters; read to the end of the XML"
    LENGTH_TOO_LARGE = "the length reaches into the next message; read to the end of the XML"
    LENGTH_MALFORMED = "the length is no number of octets"
    NOT_COUNTED = "the frame has no length and ends with a line feed"
    CUT_OFF = "the connection ended within the message"
    TRUNCATED = "the message is longer than this receiver takes; its head is kept"
    INCOMPLETE = "the XML has no end"
    HEADER_OBSOLETE = "the header is that of RFC 3164"
    HEADER_MISSING = "there is no syslog header"
    BYTE_ORDER_MARK = "a byte order mark stands before the message"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who we are in the header; what RFC 5424 does not allow there is replaced by `_`."""

    hostname: str
    app_name: str
    process_id: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One message as it came, without its length."""

    data: bytes
    flaws: tuple[Flaw, ...] = ()


@dataclass(frozen=True, slots=True)
class SyslogMessage:
    """The parts of a message; what the header does not say is empty, `priority` None."""

    body: bytes
    priority: int | None = None
    timestamp: str = ""
    hostname: str = ""
    app_name: str = ""
    process_id: str = ""
    message_id: str = ""
    structured_data: str = ""
    flaws: tuple[Flaw, ...] = ()


def encode(body: bytes, sender: Sender, when: datetime, *, message_id: str = MESSAGE_ID, priority: int = PRIORITY) -> bytes:
    """An RFC 5424 message without structured data; `body` is UTF-8 and gets no byte order mark (IHE discourages it)."""
    time = when.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
    header = (
        f"<{priority}>1 {time} {_token(sender.hostname, 255)} {_token(sender.app_name, 48)} "
        f"{_token(sender.process_id, 128)} {_token(message_id, 32)} - "
    )
    return header.encode("ascii") + body


def frame(message: bytes) -> bytes:
    """The message with its length in octets (RFC 5425 4.3.1)."""
    return b"%d %s" % (len(message), message)


def _token(text: str, limit: int) -> str:
    return re.sub(r"[^\x21-\x7e]", "_", text)[:limit] or "-"


_RFC5424: Final = re.compile(
    rb"<(\d{1,3})>[1-9]\d{0,2} (\S{1,64}) (\S{1,255}) (\S{1,255}) (\S{1,255}) (\S{1,255}) "
    rb'(-|(?:\[[^\s="\]]{1,64}(?: [^\s="\]]{1,64}="(?:[^"\\]|\\.)*")*\])+)(?: (.*))?\Z',
    re.DOTALL,
)
_RFC3164: Final = re.compile(
    rb"<(\d{1,3})>([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S{1,40}) (\S{1,255}) "
    rb"([^\s:\[]{1,255})(?:\[([^\]\s]{0,128})\])?:? ?(.*)\Z",
    re.DOTALL,
)
_PRIORITY_ONLY: Final = re.compile(rb"<(\d{1,3})>(?:1 )?(.*)\Z", re.DOTALL)


def parse(data: bytes, flaws: tuple[Flaw, ...] = ()) -> SyslogMessage:
    """The parts of one message; `flaws` are those of its frame. What has no header is all body."""
    data = data.removeprefix(BOM)
    found = _RFC5424.match(data)
    if found is not None:
        priority, time, host, app, process, message, structured, body = found.groups()
        return _message(body or b"", flaws, priority, (time, host, app, process, message, structured))
    found = _RFC3164.match(data)
    if found is not None:
        priority, time, host, app, process, body = found.groups()
        return _message(body, (*flaws, Flaw.HEADER_OBSOLETE), priority, (time, host, app, process or b"-", b"-", b"-"))
    found = _PRIORITY_ONLY.match(data)
    body = data if found is None else found[2]
    return _message(body, (*flaws, Flaw.HEADER_MISSING), None if found is None else found[1], (b"-",) * 6)


def _message(body: bytes, flaws: tuple[Flaw, ...], priority: bytes | None, parts: tuple[bytes, ...]) -> SyslogMessage:
    if body.startswith(BOM):
        body, flaws = body[len(BOM) :], (*flaws, Flaw.BYTE_ORDER_MARK)
    time, host, app, process, message, structured = ("" if p == b"-" else p.decode("utf-8", "replace") for p in parts)
    number = None if priority is None else int(priority)
    return SyslogMessage(body, number, time, host, app, process, message, structured, flaws)


_COUNT: Final = re.compile(rb"(0{0,4}\d{1,9}) (?=[<\xef])")
_PERHAPS_COUNT: Final = re.compile(rb"\d{1,13} ?\Z")
_START: Final = re.compile(rb"[1-9]\d{0,8} <\d{1,3}>")
_PERHAPS_START: Final = re.compile(rb"[1-9]\d{0,8}(?: (?:<(?:\d{1,3}(?:>.*)?)?)?)?\Z|<(?:\d{1,3}(?:>.*)?)?\Z", re.DOTALL)
_OPEN: Final = re.compile(rb"<(?:[\w.-]{1,32}:)?AuditMessage[\s>]")
_CLOSE: Final = re.compile(rb"</(?:[\w.-]{1,32}:)?AuditMessage\s{0,16}>")
_TOKEN: Final = re.compile(
    rb"(?P<close></(?:[\w.-]{1,32}:)?AuditMessage\s{0,16}>)"
    rb"|(?P<open><\?xml|<(?:[\w.-]{1,32}:)?AuditMessage[\s>])"
    rb"|(?P<restart>(?<=\n)<\d{1,3}>1 |(?<![\d-])[1-9]\d{0,8} <\d{1,3}>1 )"
    rb"|(?P<line>[\n\0])"
)
_REST: Final = re.compile(rb"[\n\0]|(?<![\d-])[1-9]\d{0,8} <\d{1,3}>1 ")
_IN_HEADER: Final = re.compile(rb"<(?:\d{1,3}(?:>(?:1(?: (?:\S+(?: \S+){0,4} ?)?)?)?)?)?\Z")
_BEFORE_ROOT: Final = re.compile(rb"<\?xml[^<]*(?:<[A-Za-z.:-]*)?\Z| (?:\xef\xbb\xbf)?<[\w.:?-]{0,50}\Z")
_LONGEST_TOKEN: Final = 96
_BEGINNING: Final = 1024
"""Bytes in which a header ends and the XML begins."""
_BETWEEN: Final = b" \t\r\n\0"


class SyslogDecoder:
    """Bytes of a stream in, frames out.

    `limit` bounds a message in bytes: of a longer one the head is kept and the rest passed over. A length that does not fit the
    XML it counts is corrected by the end of the XML; bytes that are no frame are given as they stand, up to where the next begins.
    """

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._skip = 0
        self._searched = 0
        self._in_xml = False
        self._text_flaws: tuple[Flaw, ...] = ()
        self._is_passing_over = False
        self._is_ended = False

    @property
    def held(self) -> int:
        """Bytes of a message that is not whole."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Takes what arrived."""
        self._buffer += data

    def messages(self) -> list[Frame]:
        """The frames that are complete."""
        found = []
        while (one := self._next()) is not None:
            found.append(one)
        return found

    def close(self) -> list[Frame]:
        """The connection ended: what is left, whole or not."""
        self._is_ended = True
        return self.messages()

    def _next(self) -> Frame | None:
        if not self._is_at_a_start():
            return None
        head = None if self._text_flaws else _COUNT.match(self._buffer)
        if head is not None:
            return self._counted(head.end(), int(head[1]), is_odd=head[1].startswith(b"0"))
        if not self._is_ended and not self._text_flaws and _PERHAPS_COUNT.match(self._buffer):
            return None
        return self._uncounted()

    def _is_at_a_start(self) -> bool:
        """Passes over what belongs to no frame; whether anything is left."""
        buffer = self._buffer
        if self._skip:
            passed = min(self._skip, len(buffer))
            del buffer[:passed]
            self._skip -= passed
        if self._is_passing_over:
            self._pass_over()
        if not self._searched and not self._text_flaws and buffer[:1] and buffer[0] in _BETWEEN:
            del buffer[: len(buffer) - len(buffer.lstrip(_BETWEEN))]
        return bool(buffer)

    def _pass_over(self) -> None:
        """Within the rest of an uncounted message over the limit: goes to the next line or frame."""
        found = _REST.search(self._buffer)
        if found is not None:
            self._is_passing_over = False
            del self._buffer[: found.start()]
        else:
            del self._buffer[: max(0, len(self._buffer) - _LONGEST_TOKEN)]
            if self._is_ended:
                self._buffer.clear()

    def _counted(self, begin: int, declared: int, *, is_odd: bool) -> Frame | None:
        buffer, flaws = self._buffer, (Flaw.LENGTH_MALFORMED,) if is_odd else ()
        if declared > self._limit:
            return self._oversized(begin, declared)
        if declared == 0:
            return self._disregard_length(begin, Flaw.LENGTH_MALFORMED)
        end = begin + declared
        if len(buffer) < end and not self._is_ended:
            return None
        is_short = len(buffer) < end
        opened = _OPEN.search(buffer, begin, end)
        if opened is None and not is_short and _is_beginning(bytes(buffer[begin : min(end, begin + _BEGINNING)])):
            return self._disregard_length(begin, Flaw.LENGTH_TOO_SMALL)
        if opened is None:
            return self._take(begin, end, (*flaws, Flaw.CUT_OFF) if is_short else flaws)
        closed = _CLOSE.search(buffer, opened.end(), end)
        if closed is None:
            return self._read_on(begin, end, flaws)
        rest = bytes(buffer[closed.end() : end].lstrip(_BETWEEN)[:32])
        if is_short or (rest and _PERHAPS_START.match(rest)):
            return self._take(begin, closed.end(), (*flaws, Flaw.LENGTH_TOO_LARGE))
        return self._take(begin, end, flaws)

    def _oversized(self, begin: int, declared: int) -> Frame | None:
        have = len(self._buffer) - begin
        if have < self._limit and not self._is_ended:
            return None
        kept = min(have, self._limit)
        self._skip = declared - kept
        return self._take(begin, begin + kept, (Flaw.TRUNCATED,))

    def _read_on(self, begin: int, end: int, flaws: tuple[Flaw, ...]) -> Frame | None:
        """The XML has no end within the length: either the sender cut it, and a frame follows, or it counted too little."""
        buffer = self._buffer
        if len(buffer) >= end and _START.match(buffer, end):
            return self._take(begin, end, (*flaws, Flaw.INCOMPLETE))
        closed = _CLOSE.search(buffer, max(begin, end - _LONGEST_TOKEN, self._searched))
        if closed is not None:
            return self._take(begin, closed.end(), (*flaws, Flaw.LENGTH_TOO_SMALL))
        if len(buffer) - begin > self._limit or self._is_ended:
            whole = min(len(buffer), end)
            is_cut = len(buffer) < end
            return self._take(begin, whole, (*flaws, Flaw.CUT_OFF if is_cut else Flaw.INCOMPLETE))
        self._searched = max(0, len(buffer) - _LONGEST_TOKEN)
        return None

    def _disregard_length(self, begin: int, flaw: Flaw) -> Frame | None:
        """The length means nothing: the message is read as one without."""
        del self._buffer[:begin]
        self._text_flaws = (flaw,)
        return self._uncounted()

    def _uncounted(self) -> Frame | None:
        """A message without length: to the end of its XML, else of its line, else to where a frame begins."""
        buffer, flaws = self._buffer, self._text_flaws
        if not flaws and buffer.startswith(b"<"):
            flaws = (Flaw.NOT_COUNTED,)
        at = self._searched
        while (token := _TOKEN.search(buffer, at)) is not None:
            at, kind = token.end(), token.lastgroup
            if token.start() > self._limit:
                break
            if kind == "open":
                self._in_xml = True
            elif kind == "close" and self._in_xml:
                return self._take(0, at, flaws)
            elif kind == "restart" and token.start():
                return self._take(0, token.start(), (*flaws, Flaw.INCOMPLETE) if self._in_xml else flaws)
            elif kind == "line" and not self._in_xml:
                return self._take(0, token.start(), flaws)
        if len(buffer) > self._limit:
            frame = self._take(0, self._limit, (*flaws, Flaw.TRUNCATED))
            self._is_passing_over = True
            return frame
        if self._is_ended:
            return self._take(0, len(buffer), (*flaws, Flaw.INCOMPLETE) if self._in_xml else flaws)
        self._searched = max(0, len(buffer) - _LONGEST_TOKEN)
        return None

    def _take(self, begin: int, end: int, flaws: tuple[Flaw, ...]) -> Frame:
        end = min(end, len(self._buffer))
        data = bytes(self._buffer[begin : min(end, begin + self._limit)])
        if end - begin > self._limit:
            flaws = (*flaws, Flaw.TRUNCATED)
        del self._buffer[:end]
        self._searched = 0
        self._in_xml = False
        self._text_flaws = ()
        return Frame(data, flaws)


def _is_beginning(data: bytes) -> bool:
    """Whether a length ends it before it could be a message: within the header, or before the root of the XML."""
    if len(data) == _BEGINNING:
        return False
    return _IN_HEADER.match(data) is not None or _BEFORE_ROOT.search(data) is not None
