"""The SOAP 1.2 envelope: taken apart, its mustUnderstand headers checked, and written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kernel.xml import Element
from soap.faults import SOAP, WSA, WSSE, invalid_header, must_understand, sender_fault, version_mismatch

ENVELOPE = f"{{{SOAP}}}Envelope"
HEADER = f"{{{SOAP}}}Header"
BODY = f"{{{SOAP}}}Body"
SECURITY = f"{{{WSSE}}}Security"

_MUST_UNDERSTAND = f"{{{SOAP}}}mustUnderstand"
_ROLE = f"{{{SOAP}}}role"
_OUR_ROLES = ("", f"{SOAP}/role/ultimateReceiver", f"{SOAP}/role/next")
_YES = ("1", "true")
_NO = ("0", "false")
_WSA = f"{{{WSA}}}"
_NAMES_LIMIT = 20
_NAME_LIMIT = 200

_OPEN = f'<s:Envelope xmlns:s="{SOAP}" xmlns:a="{WSA}"><s:Header>'
_BETWEEN = "</s:Header><s:Body>"
_CLOSE = b"</s:Body></s:Envelope>"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request: the header blocks meant for us, by name in Clark notation, and the one element of the body."""

    headers: Mapping[str, Element]
    body: Element


def read_envelope(root: Element) -> Envelope:
    """Takes an envelope apart. Raises `SoapFault` for another version, a header not understood, or no single body element."""
    if root.tag != ENVELOPE:
        raise version_mismatch(str(root.tag)[:_NAME_LIMIT])
    header, body = _halves(root)
    if len(body) != 1:
        raise sender_fault("the body is empty" if len(body) == 0 else "the body holds more than one element")
    return Envelope({} if header is None else _blocks(header), body[0])


def _halves(root: Element) -> tuple[Element | None, Element]:
    names = [child.tag for child in root]
    if names == [HEADER, BODY]:
        return root[0], root[1]
    if names == [BODY]:
        return None, root[0]
    if BODY not in names:
        raise sender_fault("the envelope has no body")
    raise sender_fault("an envelope holds one Header, if any, then one Body, and nothing else")


def _blocks(header: Element) -> dict[str, Element]:
    blocks: dict[str, Element] = {}
    strange: list[str] = []
    for block in header:
        name = str(block.tag)
        if block.get(_ROLE, "").strip() not in _OUR_ROLES:
            continue
        if not _understood(name) and _must_understand(block):
            strange.append(name[:_NAME_LIMIT])
        if name in blocks:
            _refuse_repetition(name)
        blocks.setdefault(name, block)
    if strange:
        raise must_understand(strange[:_NAMES_LIMIT])
    return blocks


def _understood(name: str) -> bool:
    return name.startswith(_WSA) or name == SECURITY


def _must_understand(block: Element) -> bool:
    value = block.get(_MUST_UNDERSTAND, "0").strip()
    if value not in _YES and value not in _NO:
        raise sender_fault("a mustUnderstand attribute is neither true nor false")
    return value in _YES


def _refuse_repetition(name: str) -> None:
    # two of these, one of them signed or checked and the other obeyed, is how messages are wrapped around others
    if name == SECURITY:
        raise sender_fault("the header wsse:Security stands twice")
    if name.startswith(_WSA) and name != f"{_WSA}RelatesTo":
        local = name[len(_WSA) :][:_NAME_LIMIT]
        raise invalid_header(local, "InvalidCardinality", f"the header wsa:{local} stands twice")


def envelope(headers: str, body: Sequence[bytes]) -> Iterator[bytes]:
    """An envelope in pieces, to be joined or sent; `headers` may use the prefixes `s` (SOAP) and `a` (WS-Addressing).

    It has no XML declaration: some readers decode the text first and then refuse one.
    """
    yield (_OPEN + headers + _BETWEEN).encode()
    yield from body
    yield _CLOSE
