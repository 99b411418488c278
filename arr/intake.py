"""From bytes received to a row: the XML is found and read, search terms are drawn, the bytes hashed and packed.

Nothing is turned away: what cannot be read is kept as it came and marked.
"""

from __future__ import annotations

import re
from typing import Final

from arr.chain import canonical, leaf_hash
from arr.model import Channel, Prepared, Received, Summary
from arr.packing import packed
from arr.terms import FLAWED, Kind, term, terms_of
from atna.message import AuditMessage, Defect
from atna.reader import read
from atna.syslog import Flaw, parse
from kernel.errors import HieError

_BEGIN: Final = re.compile(rb"<\?xml|<(?:[\w.-]{1,32}:)?AuditMessage[\s>]")
_END: Final = re.compile(rb".*</(?:[\w.-]{1,32}:)?AuditMessage\s{0,16}>", re.DOTALL)
_CUT: Final = re.compile(rb"</[A-Za-z]*\Z")
_CLOSING: Final = b"</AuditMessage>"
_ESCAPED: Final = re.compile(rb"#01[0125]")
"""How rsyslog passes on tab, line feed, form feed and return."""
_NO_TIME: Final = 1
"""An event is at the time of its arrival when it says none, or one before 1970-01-01T00:00:00.001."""


def prepare(received: Received) -> Prepared:
    """The message ready to be appended."""
    origin = received.origin
    content = canonical(origin, received.data)
    packing, small = packed(received.data)
    summary, terms = _summary(received)
    return Prepared(
        origin=origin,
        leaf=leaf_hash(content),
        packing=packing,
        packed=small,
        received_at=received.received_at,
        summary=summary,
        terms=terms,
    )


def audit_xml(received: Received) -> bytes:
    """The XML within the bytes received: from its declaration or root to its end; empty when there is none.

    Where a relay has escaped line ends and only that keeps it from being read, they are spaces.
    """
    xml, _ = _xml_and_flaws(received)
    return _ESCAPED.sub(b" ", xml) if _ESCAPED.search(xml) and _read(xml) is None else xml


def _xml_and_flaws(received: Received) -> tuple[bytes, tuple[str, ...]]:
    if received.channel is Channel.LOCAL:
        return received.data, received.flaws
    message = parse(received.data)
    flaws = (*received.flaws, *(flaw.name for flaw in message.flaws)) if message.flaws else received.flaws
    begin = _BEGIN.search(message.body)
    if begin is None:
        return b"", flaws
    end = _END.match(message.body, begin.start())
    if end is not None:
        return message.body[begin.start() : end.end()], flaws
    # some senders count a datagram in characters too, and so cut its last tag
    cut = _CUT.search(message.body, begin.start())
    rest = _CLOSING[len(message.body) - cut.start() :] if cut and _CLOSING.startswith(cut.group()) else b""
    return message.body[begin.start() :] + rest, (*flaws, Flaw.INCOMPLETE.name)


def _read(xml: bytes) -> AuditMessage | None:
    try:
        return read(xml) if xml else None
    except HieError:
        return None


def _summary(received: Received) -> tuple[Summary, tuple[int, ...]]:
    xml, found = _xml_and_flaws(received)
    message = _read(xml) or (_read(_ESCAPED.sub(b" ", xml)) if _ESCAPED.search(xml) else None)
    if message is None:
        return Summary(received.received_at, flaws=" ".join(dict.fromkeys(found))), (term(Kind.FLAW, FLAWED),)
    flaws = tuple(dict.fromkeys((*found, *(defect.name for defect in message.defects))))
    is_timeless = Defect.TIME_UNREADABLE in message.defects
    event_at = int(message.when.timestamp() * 1000)
    summary = Summary(
        event_at=received.received_at if is_timeless or event_at < _NO_TIME else event_at,
        event_code=message.event.code,
        event_type=message.types[0].code if message.types else "",
        action=message.action.value,
        outcome=message.outcome.indicator.value,
        source_id=message.source.id,
        site=message.source.site,
        is_readable=True,
        flaws=" ".join(flaws),
    )
    terms = terms_of(message)
    return summary, (*terms, term(Kind.FLAW, FLAWED)) if flaws else terms
