"""MSH: what a message says of itself, and the header of an answer to it (HL7 2.5, 2.15.9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from hl7v2.charsets import UNDECLARED, Charset, for_answer
from hl7v2.er7 import STANDARD, Encoding, Er7Text, Message, Segment, Writer, delimiters, header_line
from kernel.errors import Unreadable
from kernel.times import dtm_of

OLD_ERRORS_BELOW = (2, 5)
"""ERR has its fields ERR-2 to ERR-8 from HL7 2.5 on; before, ERR-1 says all."""

_VERSION = re.compile(r"2(?:\.\d){1,2}\Z")
_DEFAULT_VERSION = "2.5"
_NOT_SENT = dict.fromkeys((0x00, 0x0B, 0x1C), " ")
"""What is repeated from a request as it came may hold bytes that would end our frame; values of ours are escaped."""


@dataclass(frozen=True, slots=True)
class Header:
    """An MSH segment, read without judging it."""

    segment: Segment

    @property
    def sending_application(self) -> str:
        """MSH-3: its namespace, else its universal id."""
        return self._hd(3)

    @property
    def sending_facility(self) -> str:
        """MSH-4."""
        return self._hd(4)

    @property
    def receiving_application(self) -> str:
        """MSH-5."""
        return self._hd(5)

    @property
    def receiving_facility(self) -> str:
        """MSH-6."""
        return self._hd(6)

    @property
    def source(self) -> str:
        """The sender as the audit trail names it: `facility|application`."""
        return f"{self.sending_facility}|{self.sending_application}"

    @property
    def receiver(self) -> str:
        """We, as the sender names us: `facility|application`."""
        return f"{self.receiving_facility}|{self.receiving_application}"

    @property
    def message_type(self) -> str:
        """MSH-9.1."""
        return self.segment.value(9)

    @property
    def event(self) -> str:
        """MSH-9.2."""
        return self.segment.value(9, 2)

    @property
    def structure(self) -> str:
        """MSH-9.3."""
        return self.segment.value(9, 3)

    @property
    def control_id(self) -> str:
        """MSH-10."""
        return self.segment.value(10)

    @property
    def processing_id(self) -> str:
        """MSH-11.1."""
        return self.segment.value(11)

    @property
    def version(self) -> str:
        """MSH-12.1."""
        return self.segment.value(12)

    @property
    def has_old_errors(self) -> bool:
        """Whether an answer writes its errors the way of HL7 2.3.1."""
        return version_numbers(self.answer_version) < OLD_ERRORS_BELOW

    @property
    def answer_version(self) -> str:
        """The version to answer in: the sender's, where it names one."""
        return self.version if _VERSION.match(self.version) else _DEFAULT_VERSION

    def _hd(self, number: int) -> str:
        return self.segment.value(number) or self.segment.value(number, 2)


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message to be sent: MSH fields by number (3 to 21, composed text, without MSH-18), and the segments after it."""

    header: dict[int, str]
    segments: tuple[Er7Text, ...]
    encoding: Encoding = STANDARD
    charset: Charset = UNDECLARED

    def to_bytes(self) -> bytes:
        """The message, in the wanted character set where that can hold it and in UTF-8, declared, where it cannot."""
        writer = Writer(self.encoding)
        fields = dict(self.header)
        body = "\r".join(self.segments)
        charset = for_answer(body + "".join(fields.values()), self.charset)
        if charset.declared:
            fields[18] = charset.declared
        # MSH-1 is the separator: the field after the name is MSH-2
        head = writer.segment("MSH", {1: self.encoding.characters, **{n - 1: text for n, text in fields.items()}})
        return f"{head}\r{body}\r".translate(_NOT_SENT).encode(charset.codec)


def header_of(message: Message) -> Header:
    """The header of a parsed message."""
    return Header(message.segments[0])


def peek(raw: bytes) -> Header | None:
    """What can be read of a header before, or instead of, parsing the message; None when nothing can.

    Where the delimiters cannot be used, but the first is the usual bar, the others are supposed to be the usual ones, so that the
    control id may still be found.
    """
    raw = raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    try:
        line = header_line(raw)
    except Unreadable:
        return None
    try:
        encoding = delimiters(line)
    except Unreadable:
        if line[3] != STANDARD.field:
            return None
        encoding = STANDARD
    parts = line.split(line[3], 30)
    return Header(Segment("MSH", ("MSH", line[3], *parts[1:]), encoding))


def answer_header(request: Header, *, message_type: str, control_id: str, now: datetime) -> dict[int, str]:
    """MSH of an answer: sender and receiver swapped, version, processing id and delimiters of the request.

    `message_type` is composed text.
    """
    msh = request.segment
    version = request.answer_version
    return {
        3: msh.raw(5),
        4: msh.raw(6),
        5: msh.raw(3),
        6: msh.raw(4),
        7: f"{dtm_of(now)}+0000",
        9: message_type,
        10: control_id,
        11: msh.raw(11) or "P",
        12: version,
    }


def version_numbers(version: str) -> tuple[int, ...]:
    """`2.3.1` as (2, 3, 1), for comparing; nothing for what is not a version."""
    return tuple(map(int, version.split("."))) if _VERSION.match(version) else ()
