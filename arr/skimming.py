"""Reads messages that are built like ones read before, without parsing them: what varies in them is cut out and looked at alone.

`arr.likeness` says how that is done, and why it is sound. What is not as plain as that is left to the full reader (`atna.reader`),
which this one agrees with always.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from arr.likeness import QUERY, Frame, Pattern, frame_of, pattern_of
from arr.model import Summary
from arr.terms import WORDS_LIMIT
from arr.value_terms import NotPlain, text_of

Skimmed = tuple[Summary, tuple[int, ...]]

_LIMIT: Final = 350_000
"""Bytes of a message that is skimmed; beyond it the full reader's limits might count."""
_FRAME_LIMIT: Final = 8 << 10
"""Bytes of a message, its query apart, that is remembered as the like of others."""
_REMEMBERED: Final = 2_000
"""Frames, and kinds of messages within them, that are remembered; when there are more, all are forgotten."""

_DECLARATION: Final = re.compile(rb'<\?xml version="1\.0" encoding="(?:UTF|utf)-8"(?: standalone="(?:yes|no)")? ?\?>')
_QUERY_END: Final = b"</ParticipantObjectQuery>"
_NOT_LITERAL: Final = bytes(range(32)) + b"<"
_ODD_REFERENCE: Final = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos);)")
_NONCHARACTER: Final = re.compile("[\ufffe\uffff]")
_WHITE: Final = b" \t\r\n\0"
_YEARS: Final = (1970, 9999)
"""Between these an instant is after 1970 in every zone, and none that a computer cannot tell."""


class Skimmer:
    """Remembers what it has seen. Several threads may use one."""

    def __init__(self) -> None:
        self._frames: dict[bytes, Frame | None] = {}
        self._seen_once: set[bytes] = set()
        self._count = 0

    def skim(self, xml: bytes) -> Skimmed | None:
        """What the full reader would find in the message, which has no defects then; None when that one has to be asked."""
        plain = _without_query(xml)
        if plain is None:
            return None
        parts = plain.split(b'"')
        values = parts[1::2]
        if len(parts) % 2 == 0 or not _are_literal(b'"'.join(values)):
            return None
        text = b'"'.join(parts[::2])
        frame = self._frames.get(text) or self._new_frame(text, parts)
        if frame is None:
            return None
        rest = b'"'.join([values[place] for place in frame.rest])
        pattern = frame.patterns.get(rest) or self._new_pattern(frame, rest, parts)
        try:
            return None if pattern is None else _filled(frame, pattern, values)
        except NotPlain:
            return None

    def _new_frame(self, text: bytes, parts: Sequence[bytes]) -> Frame | None:
        """The frame of a message; None when it has not been seen before, or is none to be skimmed."""
        if text in self._frames or sum(map(len, parts)) > _FRAME_LIMIT:
            return None
        if text not in self._seen_once:
            if len(self._seen_once) >= _REMEMBERED:
                self._seen_once.clear()
            self._seen_once.add(text)
            return None
        self._make_room()
        frame = self._frames[text] = frame_of(parts)
        return frame

    def _new_pattern(self, frame: Frame, rest: bytes, parts: Sequence[bytes]) -> Pattern | None:
        if rest in frame.patterns or sum(map(len, parts)) > _FRAME_LIMIT:
            return None
        self._make_room()
        pattern = frame.patterns[rest] = pattern_of(frame, parts)
        return pattern

    def _make_room(self) -> None:
        self._count += 1
        if self._count > _REMEMBERED:
            self._frames.clear()
            self._count = 1


skim: Final = Skimmer().skim
"""With one memory for the process."""


def _without_query(xml: bytes) -> bytes | None:
    """The message without its declaration and without the text of its first query; None when it is not so plain."""
    if len(xml) > _LIMIT:
        return None
    if xml.startswith(b"<?"):
        declared = _DECLARATION.match(xml)
        if declared is None:
            return None
        xml = xml[declared.end() :]
    xml = xml.strip(_WHITE)
    begin = xml.find(QUERY) + len(QUERY)
    if begin < len(QUERY):
        return xml
    end = xml.find(_QUERY_END, begin)
    try:
        a2b_base64(xml[begin:end], strict_mode=True)
    except Error:
        return None
    return xml[:begin] + xml[end:] if end >= 0 else None


def _are_literal(values: bytes) -> bool:
    """Whether XML takes the values as they stand: no markup, no control characters, no references but the five, UTF-8."""
    if len(values.translate(None, _NOT_LITERAL)) != len(values) or _ODD_REFERENCE.search(values) is not None:
        return False
    if values.isascii():
        return True
    try:
        return _NONCHARACTER.search(values.decode()) is None
    except UnicodeDecodeError:
        return False


def _filled(frame: Frame, pattern: Pattern, values: Sequence[bytes]) -> Skimmed:
    source = values[pattern.source]
    if not source:
        raise NotPlain
    words, terms = pattern.words, list(pattern.terms)
    for draw, place in pattern.draws:
        terms += draw(values[place])
    for draw, place in pattern.word_draws:
        found = draw(values[place])
        words += len(found)
        terms += found
    if words > WORDS_LIMIT:
        raise NotPlain
    common = pattern.common
    summary = Summary(
        _instant(values[frame.time]),
        common.event_code,
        common.event_type,
        common.action,
        common.outcome,
        text_of(source),
        common.site if pattern.site is None else text_of(values[pattern.site]),
        is_readable=True,
    )
    return summary, tuple(dict.fromkeys(terms))


def _instant(value: bytes) -> int:
    """Milliseconds since 1970 of a time with a zone."""
    try:
        when = datetime.fromisoformat(value.decode().strip())
    except ValueError:
        raise NotPlain from None
    if when.tzinfo is None or not _YEARS[0] < when.year < _YEARS[1]:
        raise NotPlain
    return int(when.timestamp() * 1000)
