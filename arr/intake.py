"""From bytes received to a row: the XML is found and read, search terms are drawn, the bytes hashed and packed.

Nothing is turned away: what cannot be read is kept as it came and marked.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from arr.chain import canonical, leaf_hash
from arr.likeness import summary_of
from arr.model import Channel, Prepared, Received, Summary
from arr.packing import packed
from arr.skimming import skim
from arr.terms import FLAWED, Kind, term, terms_of
from atna.fhir_reader import read_audit_event
from atna.message import AuditMessage, Defect
from atna.reader import LIMIT, read
from atna.syslog import Flaw, parse
from fhir_r4.reading import read_resource
from kernel.errors import HieError

_BEGIN: Final = re.compile(rb"<\?xml|<(?:[\w.-]{1,32}:)?AuditMessage[\s>]")
_END: Final = re.compile(rb".*</(?:[\w.-]{1,32}:)?AuditMessage\s{0,16}>", re.DOTALL)
_CUT: Final = re.compile(rb"</[A-Za-z]*\Z")
_CLOSING: Final = b"</AuditMessage>"
_PLAIN_ROOT: Final = b"<AuditMessage>"
_ESCAPED: Final = re.compile(rb"#01[0125]")
"""How rsyslog passes on tab, line feed, form feed and return."""
_NO_TIME: Final = 1
"""An event is at the time of its arrival when it says none, or one before 1970-01-01T00:00:00.001."""


def prepare(received: Received, *, as_packed: tuple[int, bytes] | None = None, in_full: bool = False) -> Prepared:
    """The message ready to be appended; parsed `in_full`, or only skimmed where that finds the same.

    `as_packed` is how it was packed, and the packed bytes, where that was done before.
    """
    origin = received.origin
    content = canonical(origin, received.data)
    packing, small = as_packed or packed(received.data)
    summary, terms = _summary(received, in_full=in_full)
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
    """The XML within the bytes received: from its declaration or root to its end; empty when there is none. Of an AuditEvent it is
    what says the same.

    Where a relay has escaped line ends and only that keeps it from being read, they are spaces.
    """
    xml, _ = _xml_and_flaws(received)
    return _ESCAPED.sub(b" ", xml) if _ESCAPED.search(xml) and _read(xml) is None else xml


def _xml_and_flaws(received: Received) -> tuple[bytes, tuple[str, ...]]:
    if received.channel is Channel.LOCAL:
        return received.data, received.flaws
    if received.channel is Channel.FHIR:
        return _from_fhir(received)
    message = parse(received.data)
    flaws = (*received.flaws, *(flaw.name for flaw in message.flaws)) if message.flaws else received.flaws
    if message.body.startswith(_PLAIN_ROOT) and message.body.endswith(_CLOSING):
        return message.body, flaws
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


def _from_fhir(received: Received) -> tuple[bytes, tuple[str, ...]]:
    """An AuditEvent as the XML of the same event: what is searched and shown is the same whichever way a message came."""
    try:
        message = read_audit_event(read_resource(received.data, limit=LIMIT))
    except HieError:
        return b"", received.flaws
    return message.to_xml(), (*received.flaws, *(defect.name for defect in message.defects))


def _read(xml: bytes) -> AuditMessage | None:
    try:
        return read(xml) if xml else None
    except HieError:
        return None


def _summary(received: Received, *, in_full: bool) -> tuple[Summary, tuple[int, ...]]:
    xml, found = _xml_and_flaws(received)
    skimmed = None if in_full else skim(xml)
    if skimmed is not None:
        return skimmed if not found else _flawed(*skimmed, found)
    message = _read(xml) or (_read(_ESCAPED.sub(b" ", xml)) if _ESCAPED.search(xml) else None)
    if message is None:
        return Summary(received.received_at, flaws=" ".join(dict.fromkeys(found))), (term(Kind.FLAW, FLAWED),)
    flaws = (*found, *(defect.name for defect in message.defects))
    summary = summary_of(message)
    if Defect.TIME_UNREADABLE in message.defects or summary.event_at < _NO_TIME:
        summary = replace(summary, event_at=received.received_at)
    return _flawed(summary, terms_of(message), flaws) if flaws else (summary, terms_of(message))


def _flawed(summary: Summary, terms: tuple[int, ...], flaws: tuple[str, ...]) -> tuple[Summary, tuple[int, ...]]:
    return replace(summary, flaws=" ".join(dict.fromkeys(flaws))), (*terms, term(Kind.FLAW, FLAWED))
