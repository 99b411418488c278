"""What a PDF says of itself in its XMP packet (ISO 16684-1), which PDF/A keeps in plain text (ISO 19005-1, 6.7.2)."""

from __future__ import annotations

import re
from typing import Final

from content.facts import DocumentFacts, in_utc
from kernel.errors import Unreadable
from kernel.xml import Element, parse_xml

MAGIC: Final = b"%PDF-"
_PACKET: Final = re.compile(rb"<(?:x|\w+):xmpmeta\b.*?</(?:x|\w+):xmpmeta\s*>", re.DOTALL)
_LIMIT: Final = 1 << 20
"""Bytes of a packet that are read."""
_DC: Final = "{http://purl.org/dc/elements/1.1/}"
_RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_XMP: Final = "{http://ns.adobe.com/xap/1.0/}"
_TIME: Final = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?\Z")


def facts_of_pdf(data: bytes) -> DocumentFacts:
    """Title, language and time of creation, where a packet tells them; the name of an author is no XCN and is left out."""
    found = DocumentFacts(mime_type="application/pdf")
    packets = [m.group() for m in _PACKET.finditer(data) if len(m.group()) <= _LIMIT]
    if not packets:
        return found
    try:
        root = parse_xml(packets[-1])  # a file that was changed has its latest packet last
    except Unreadable:
        return found
    return DocumentFacts(
        mime_type="application/pdf",
        title=_listed(root, f"{_DC}title"),
        language=_listed(root, f"{_DC}language"),
        creation_time=_instant(_property(root, f"{_XMP}CreateDate")),
    )


def _listed(root: Element, name: str) -> str:
    element = next(root.iter(name), None)
    if element is None:
        return ""
    item = next(element.iter(f"{_RDF}li"), element)
    return " ".join((item.text or "").split())


def _property(root: Element, name: str) -> str:
    """A simple property, written as an element or as an attribute."""
    element = next(root.iter(name), None)
    if element is not None:
        return (element.text or "").strip()
    return next((d.get(name, "").strip() for d in root.iter(f"{_RDF}Description") if d.get(name)), "")


def _instant(text: str) -> str:
    match = _TIME.match(text)
    if match is None:
        return ""
    *digits, zone = match.groups(default="")
    return in_utc("".join(digits) + (zone.replace(":", "").replace("Z", "+0000") if digits[3] else ""))
