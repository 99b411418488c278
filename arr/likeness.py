"""What messages of one make have in common: what stands between their values, and where the values stand that vary.

A message is cut at its quotation marks. A system writes its messages alike, so the pieces between the values are the same again and
again, and so are most values; the others are read once with marks in their places, and each mark must come back as the whole value
of a field. So any value that XML takes literally may stand there.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from arr.model import Summary
from arr.terms import Kind, identified, message_words, term, terms_of
from arr.value_terms import (
    Draw,
    Terms,
    of_address,
    of_alternative,
    of_detail,
    of_name_words,
    of_object,
    of_patient,
    of_source,
    of_user_id,
    of_user_name,
)
from atna.message import AuditMessage
from atna.reader import read
from kernel.errors import HieError

QUERY: Final = b"<ParticipantObjectQuery>"
_MARK: Final = "mark%04d"
"""Stands for the value at a place; it is base64 too, for details."""
_A_TIME: Final = "1971-02-03T04:05:06.789Z"
_A_QUERY: Final = "bWFyaw=="

_TIME: Final = (b"EventIdentification", b"EventDateTime")
_FREE: Final = frozenset(
    {
        _TIME,
        (b"ActiveParticipant", b"UserID"),
        (b"ActiveParticipant", b"UserName"),
        (b"ActiveParticipant", b"AlternativeUserID"),
        (b"ActiveParticipant", b"NetworkAccessPointID"),
        (b"AuditSourceIdentification", b"AuditSourceID"),
        (b"AuditSourceIdentification", b"AuditEnterpriseSiteID"),
        (b"ParticipantObjectIdentification", b"ParticipantObjectID"),
        (b"ParticipantObjectDetail", b"value"),
    }
)
"""The attributes that vary from message to message; what the others are is a part of what a message is like."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What messages have in common whose frame is one and whose other values are the same.

    `terms`, `words` of them words; and where in the message the values that vary stand.
    """

    common: Summary
    terms: Terms
    words: int
    source: int
    site: int | None
    draws: tuple[tuple[Draw, int], ...]
    word_draws: tuple[tuple[Draw, int], ...]


@dataclass(slots=True)
class Frame:
    """The places of values in messages of one frame: those that vary, and the rest; and the kinds of messages it has."""

    time: int
    free: tuple[int, ...]
    rest: tuple[int, ...]
    patterns: dict[bytes, Pattern | None] = field(default_factory=dict)


def summary_of(message: AuditMessage) -> Summary:
    """What is kept in columns of a message that has no flaws."""
    return Summary(
        event_at=int(message.when.timestamp() * 1000),
        event_code=message.event.code,
        event_type=message.types[0].code if message.types else "",
        action=message.action.value,
        outcome=message.outcome.indicator.value,
        source_id=message.source.id,
        site=message.source.site,
        is_readable=True,
    )


def frame_of(parts: Sequence[bytes]) -> Frame | None:
    """Where the values seem to stand; `pattern_of` makes sure."""
    element, time, free = b"", -1, []
    for place, before in enumerate(parts[:-1:2]):
        names = before.rpartition(b"<")[2].split()
        if not names or not names[-1].endswith(b"="):
            return None
        element = names[0] if b"<" in before else element
        name = (element, names[-1][:-1])
        if name in _FREE:
            free.append(place)
            time = place if name == _TIME else time
    rest = sorted(set(range(len(parts) // 2)) - set(free))
    return Frame(time, tuple(free), tuple(rest)) if time >= 0 else None


def pattern_of(frame: Frame, parts: Sequence[bytes]) -> Pattern | None:
    """What messages like this one have in common; None when a value is not where it seemed to be, or there are defects."""
    marks = {place: _MARK % place for place in frame.free} | {frame.time: _A_TIME}
    text = b'"'.join(parts).decode("utf-8", "replace")
    if any(mark in text for mark in (*marks.values(), _A_QUERY)):
        return None
    try:
        marked = read(_with(parts, marks))
        bound = _Bound({mark: place for place, mark in marks.items()})
        bound.follow(marked)
        # nothing in the places that vary but what must not be empty
        blank = dict.fromkeys(frame.free, "") | {frame.time: _A_TIME, bound.source: marks[bound.source]}
        plain = read(_with(parts, blank))
    except (HieError, KeyError):
        return None
    is_all_bound = not bound.left and (QUERY not in text.encode() or bound.queries == 1)
    if plain.defects or not is_all_bound:
        return None
    terms = tuple(t for t in terms_of(plain) if t != term(Kind.SOURCE, marks[bound.source]))
    return Pattern(
        summary_of(plain),
        terms,
        sum(1 for _ in message_words(plain)),
        bound.source,
        bound.site,
        tuple(bound.draws),
        tuple(bound.word_draws),
    )


class _Bound:
    """Which value of a message that was read with marks in it stands at which place."""

    def __init__(self, marks: Mapping[str, int]) -> None:
        self.left = dict(marks)
        self.source = -1
        self.site: int | None = None
        self.queries = 0
        self.draws: list[tuple[Draw, int]] = []
        self.word_draws: list[tuple[Draw, int]] = []

    def follow(self, message: AuditMessage) -> None:
        """Finds the marks in the message. Raises `KeyError` when what has to vary does not."""
        if message.when == datetime.fromisoformat(_A_TIME):
            del self.left[_A_TIME]
        self.source = self.left.pop(message.source.id)
        self.site = self.left.pop(message.source.site, None)
        self.draws.append((of_source, self.source))
        for who in message.participants:
            self._bind(who.user_id, of_user_id)
            self._bind(who.user_name, of_user_name, of_name_words)
            self._bind(who.alternative_user_id, of_alternative)
            self._bind(who.network_id, of_address)
        for what in message.objects:
            self._bind(what.id, of_patient if identified(what.type_code, what.role) is Kind.PATIENT else of_object)
            self.queries += what.query == b64decode(_A_QUERY)
            for _, value in what.details:
                self._bind(b64encode(value).decode(), None, of_detail)

    def _bind(self, mark: str, draw: Draw | None, word_draw: Draw | None = None) -> None:
        place = self.left.pop(mark, None)
        if place is None:
            return
        self.draws += [(draw, place)] if draw else []
        self.word_draws += [(word_draw, place)] if word_draw else []


def _with(parts: Sequence[bytes], values: Mapping[int, str]) -> bytes:
    """The message with these values, and a query where its own was."""
    given = [values[n // 2].encode() if n % 2 and n // 2 in values else part for n, part in enumerate(parts)]
    return b'"'.join(given).replace(QUERY, QUERY + _A_QUERY.encode(), 1)
