"""ER7, the vertical-bar encoding of HL7 v2: bytes to an immutable message and back (HL7 2.5, chapter 2.5 to 2.7)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NewType

from hl7v2.charsets import UNDECLARED, Charset, decode
from hl7v2.places import parse_place
from kernel.errors import Condition, Rejected, Unreadable, violation

SEGMENT_LIMIT = 2_000
FIELD_LIMIT = 500
REPETITION_LIMIT = 1_000
COMPONENT_LIMIT = 200

NULL = '""'
"""What a field holds to have the stored value deleted."""

Er7Text = NewType("Er7Text", str)
"""Text that is escaped and composed already; only `Writer` makes it."""

_SEGMENT_NAME = re.compile(r"[A-Z][A-Z0-9]{2}\Z")
_SHORTEST_HEADER = len("MSH|^")
_FORMATTING = frozenset("HN")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Encoding:
    """The delimiters a message declares, and the codec of its bytes, which `\\X..\\` needs. An absent delimiter is empty."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    codec: str = "utf-8"

    @property
    def characters(self) -> str:
        """MSH-2."""
        return self.component + self.repetition + self.escape + self.subcomponent

    def is_plain(self, text: str) -> bool:
        """Whether a field is one value without anything to take apart or to unescape."""
        return (
            self.component not in text
            and (not self.repetition or self.repetition not in text)
            and (not self.subcomponent or self.subcomponent not in text)
            and (not self.escape or self.escape not in text)
        )

    @property
    def completed(self) -> Encoding:
        """The same with every delimiter there: an answer needs them all."""
        used = self.field + self.characters
        free = [c for c in "~\\&^!$%*" if c not in used]
        missing = [name for name in ("repetition", "escape", "subcomponent") if not getattr(self, name)]
        return replace(self, **dict(zip(missing, free, strict=False))) if missing else self


STANDARD = Encoding()


@dataclass(frozen=True, slots=True)
class Repetition:
    """One repetition of a field: components of subcomponents, unescaped."""

    components: tuple[tuple[str, ...], ...]

    def get(self, component: int = 1, subcomponent: int = 1) -> str:
        """A value, counted from 1; empty when it is not there, and when it is the null `\"\"`."""
        try:
            value = self.components[component - 1][subcomponent - 1]
        except IndexError:
            return ""
        return "" if value == NULL else value

    @property
    def is_null(self) -> bool:
        """Whether it asks for the stored value to be deleted."""
        return self.components == ((NULL,),)

    @property
    def is_empty(self) -> bool:
        """Whether no part of it holds anything."""
        return not any(value for parts in self.components for value in parts)


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment: `fields[n]` is the text of field n as it came, `fields[0]` the name."""

    name: str
    fields: tuple[str, ...]
    encoding: Encoding = STANDARD

    def raw(self, number: int) -> str:
        """A field as it came, escaped; empty when it is not there."""
        return self.fields[number] if number < len(self.fields) else ""

    def is_null(self, number: int) -> bool:
        """Whether the field is `\"\"`: delete the stored value."""
        return self.raw(number) == NULL

    def repetitions(self, number: int) -> tuple[Repetition, ...]:
        """A field, parsed; no repetition when the field is empty. Raises `Rejected` over a limit."""
        text = self.raw(number)
        if not text:
            return ()
        if self.name == "MSH" and number < 3:
            return (Repetition(((text,),)),)
        separator = self.encoding.repetition
        if not separator or separator not in text:
            return (_repetition(text, self.encoding),)
        parts = text.split(separator, REPETITION_LIMIT)
        if len(parts) > REPETITION_LIMIT:
            text = f"more than {REPETITION_LIMIT} repetitions"
            raise Rejected(violation(Condition.TOO_LARGE, f"{self.name}-{number}", text))
        return tuple(_repetition(part, self.encoding) for part in parts)

    def value(self, number: int, component: int = 1, subcomponent: int = 1, repetition: int = 1) -> str:
        """One value of a field, unescaped; empty when it is not there or null."""
        text = self.raw(number)
        if not text or text == NULL:
            return ""
        if self.encoding.is_plain(text):
            return text if component == subcomponent == repetition == 1 else ""
        found = self.repetitions(number)
        return found[repetition - 1].get(component, subcomponent) if repetition <= len(found) else ""


@dataclass(frozen=True, slots=True)
class Message:
    """A parsed message; `text` is what was received, decoded, for the audit trail."""

    segments: tuple[Segment, ...]
    encoding: Encoding = STANDARD
    charset: Charset = UNDECLARED
    text: str = field(default="", repr=False)

    def segment(self, name: str, occurrence: int = 1) -> Segment | None:
        """A segment by name; None when there are not so many of them."""
        for segment in self.segments:
            if segment.name == name:
                occurrence -= 1
                if not occurrence:
                    return segment
        return None

    def all(self, name: str) -> tuple[Segment, ...]:
        """Every segment of that name, in order."""
        return tuple(s for s in self.segments if s.name == name)

    def get(self, path: str) -> str:
        """A value by its place, `PID-3[2].4.2`; a number that is not said is 1. Empty when absent or null."""
        place = parse_place(path)
        if place is None or not place.field:
            raise ValueError(f"not a place of a value: {path}")
        segment = self.segment(place.segment, place.occurrence)
        if segment is None:
            return ""
        return segment.value(place.field, place.component or 1, place.subcomponent or 1, place.repetition or 1)

    def raw(self, path: str) -> str:
        """A whole field as it came, `QPD-3`; empty when absent."""
        place = parse_place(path)
        if place is None or not place.field:
            raise ValueError(f"not a place of a field: {path}")
        segment = self.segment(place.segment, place.occurrence)
        return segment.raw(place.field) if segment else ""


def parse(raw: bytes, *, lenient: bool = False) -> Message:
    """A message from the bytes of one frame. CR, LF and CRLF end a segment; empty lines and a byte order mark are passed over.

    `lenient` is that of `charsets.decode`. Raises `Unreadable` when it is not ER7, with as exact a place as there is.
    """
    raw = raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    header = header_line(raw)
    encoding = delimiters(header)
    text, charset = decode(raw, _declared_charset(header, encoding), lenient=lenient)
    if "\x00" in text:
        raise Unreadable(violation(Condition.MALFORMED, "MSH", "a message must not hold null characters"))
    if charset.codec != encoding.codec:
        encoding = replace(encoding, codec=charset.codec)
    segments = tuple(_segments(text, encoding))
    return Message(segments, encoding, charset, text)


def header_line(raw: bytes) -> str:
    """The MSH segment in Latin-1, which is enough to read delimiters and character set from. Raises `Unreadable`."""
    line = re.split(rb"[\r\n]", raw[:20_000], maxsplit=1)[0].decode("latin-1")
    if not line.startswith("MSH") or len(line) < _SHORTEST_HEADER:
        raise Unreadable(violation(Condition.MALFORMED, "MSH", "a message begins with an MSH segment"))
    return line


def delimiters(line: str) -> Encoding:
    """The delimiters that an MSH segment declares. Raises `Unreadable` when they cannot be told apart from data or each other."""
    separator = line[3]
    return _delimiters(separator, line[4:].split(separator, 1)[0][:6])


@lru_cache(maxsize=64)
def _delimiters(separator: str, characters: str) -> Encoding:
    declared = separator + characters[:4]
    if any(c.isalnum() or c.isspace() or not c.isprintable() or not c.isascii() or c == '"' for c in declared):
        raise Unreadable(violation(Condition.MALFORMED, "MSH-2", "delimiters are printable signs, neither letters nor digits"))
    if len(set(declared)) != len(declared) or not 1 <= len(characters) <= 5:
        raise Unreadable(violation(Condition.MALFORMED, "MSH-2", "one to five delimiters, all different, are expected"))
    component, repetition, escape, subcomponent = (characters[n : n + 1] for n in range(4))
    return Encoding(separator, component, repetition, escape, subcomponent)


def _declared_charset(line: str, encoding: Encoding) -> str:
    # MSH-1 is the separator itself, so MSH-18 is the 17th part; its first repetition is the set of the whole message
    parts = line.split(encoding.field, 18)
    text = parts[17] if len(parts) > 17 else ""
    return (text.split(encoding.repetition, 1)[0] if encoding.repetition else text).strip()


def _segments(text: str, encoding: Encoding) -> list[Segment]:
    if "\n" in text:
        text = text.replace("\r\n", "\r").replace("\n", "\r")
    found: list[Segment] = []
    for number, line in enumerate(text.split("\r", SEGMENT_LIMIT * 2), 1):
        if not line.strip():
            continue
        if len(found) == SEGMENT_LIMIT or number > SEGMENT_LIMIT * 2:
            raise Unreadable(violation(Condition.TOO_LARGE, "MSH", f"more than {SEGMENT_LIMIT} segments"))
        found.append(_segment(line, number, encoding))
    return found


def _segment(line: str, number: int, encoding: Encoding) -> Segment:
    name = line[:3]
    if _SEGMENT_NAME.match(name) is None or (len(line) > 3 and line[3] != encoding.field):
        raise Unreadable(violation(Condition.SEGMENT_MISSING, "MSH", f"line {number} does not begin as a segment does"))
    parts = line.split(encoding.field, FIELD_LIMIT)
    if len(parts) > FIELD_LIMIT:
        raise Unreadable(violation(Condition.TOO_LARGE, name, f"more than {FIELD_LIMIT} fields"))
    if name == "MSH":
        parts.insert(1, encoding.field)
    return Segment(name, tuple(parts), encoding)


def _repetition(text: str, encoding: Encoding) -> Repetition:
    if encoding.is_plain(text):
        return Repetition(((text,),))
    components = text.split(encoding.component, COMPONENT_LIMIT)
    sub = encoding.subcomponent
    if not sub or sub not in text:
        return Repetition(tuple((unescape(c, encoding),) for c in components))
    return Repetition(
        tuple(tuple(unescape(s, encoding) for s in c.split(sub, COMPONENT_LIMIT)) for c in components),
    )


def unescape(text: str, encoding: Encoding) -> str:
    """A value without its escape sequences (HL7 2.5, 2.7).

    Highlighting is dropped, a formatting command becomes a space, what is unknown stays as it is.
    """
    if not encoding.escape or encoding.escape not in text:
        return text

    def meaning(match: re.Match[str]) -> str:
        return _meaning(match[1], encoding, match[0])

    return _sequence(encoding.escape).sub(meaning, text)


@lru_cache(maxsize=16)
def _sequence(escape: str) -> re.Pattern[str]:
    sign = re.escape(escape)
    return re.compile(f"{sign}([^{sign}]*){sign}")


def _meaning(code: str, encoding: Encoding, whole: str) -> str:
    simple = {
        "F": encoding.field,
        "S": encoding.component,
        "R": encoding.repetition,
        "E": encoding.escape,
        "T": encoding.subcomponent,
    }
    if code in simple:
        return simple[code]
    if code in _FORMATTING:
        return ""
    if code[:1] == ".":
        return " "
    if code[:1] != "X":
        return whole
    try:
        text = bytes.fromhex(code[1:]).decode(encoding.codec)
    except ValueError:
        return whole
    # a null character cannot be kept by every database: it stays the sequence that it was sent as
    return whole if "\x00" in text or not text else text


class Writer:
    """Composes ER7 in one encoding. Values are escaped exactly once, in `text`; everything else joins what is escaped already."""

    def __init__(self, encoding: Encoding = STANDARD) -> None:
        """`encoding` is that of the message which is written."""
        self.encoding = encoding
        pairs = {
            encoding.field: "F",
            encoding.component: "S",
            encoding.repetition: "R",
            encoding.subcomponent: "T",
            encoding.escape: "E",
        }
        escape = encoding.escape
        self._table = {ord(c): f"{escape}{code}{escape}" if escape else " " for c, code in pairs.items() if c}

    def text(self, value: str) -> Er7Text:
        """A value, escaped; control characters as `\\X..\\`."""
        if value.isalnum():
            return Er7Text(value)
        value = value.translate(self._table)
        return Er7Text(_CONTROLS.sub(self._control, value))

    def component(self, *subcomponents: str) -> Er7Text:
        """A component of plain values; empty ones at the end are left out."""
        return self._join(self.encoding.subcomponent, [self.text(s) for s in subcomponents])

    def repetition(self, *components: Er7Text) -> Er7Text:
        """One repetition of a field."""
        return self._join(self.encoding.component, components)

    def plain(self, *components: str) -> Er7Text:
        """One repetition whose components are plain values."""
        return self._join(self.encoding.component, [self.text(c) for c in components])

    def repeated(self, *repetitions: Er7Text) -> Er7Text:
        """A field of several repetitions, each in its place, none left out."""
        return Er7Text(self.encoding.repetition.join(repetitions))

    def segment(self, name: str, fields: Mapping[int, str]) -> Er7Text:
        """A segment from its fields by number; the values are composed text."""
        last = max((n for n, value in fields.items() if value), default=0)
        return Er7Text(self.encoding.field.join([name, *(fields.get(n, "") for n in range(1, last + 1))]))

    @staticmethod
    def _join(separator: str, parts: list[Er7Text] | tuple[Er7Text, ...]) -> Er7Text:
        last = len(parts)
        while last and not parts[last - 1]:
            last -= 1
        return Er7Text(separator.join(parts[:last]) if separator else "".join(parts[:1]))

    def _control(self, match: re.Match[str]) -> str:
        escape = self.encoding.escape
        return f"{escape}X{ord(match[0]):02X}{escape}" if escape else " "
