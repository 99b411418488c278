"""The only XML parser: no DTD, no entities, no network, bounded depth and size."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from lxml import etree

from kernel.errors import Condition, Unreadable, violation

ELEMENT_LIMIT = 200_000
"""Elements, and attributes beside them, in one document: 8 MB of empty siblings would otherwise cost 226 MB."""
BYTE_LIMIT = 16 << 20

Element = etree._Element

_HEAD = 512
_DECLARED = re.compile(r"""<\?xml[^>]*?\sencoding\s*=\s*["']([^"'>]*)["']""")
# the rest (UTF-7, EBCDIC, UTF-32, shift states) would hide markup from everything that counts or looks at bytes
_BYTES_ARE_ASCII = re.compile(r"utf-?8|(us-)?ascii|iso[-_]8859-\d{1,2}|windows-125\d|latin-?1", re.IGNORECASE)


def parse_xml(chunks: bytes | Iterable[bytes], *, limit: int = BYTE_LIMIT) -> Element:
    """The root element. Raises `Unreadable` for malformed text, any DOCTYPE, or a document over its limits.

    Comments and processing instructions are dropped. Depth over 256 and text over 10 MB are refused by libxml2 itself.
    """
    try:
        root = _parsed_at_once(chunks, limit) if isinstance(chunks, bytes) else _parsed(chunks, limit)
    except etree.XMLSyntaxError as problem:
        raise Unreadable(violation(Condition.MALFORMED, "XML", _position(problem))) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unreadable(violation(Condition.MALFORMED, "XML", "document type declarations are not accepted"))
    return root


def _hardened() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _parsed_at_once(data: bytes, limit: int) -> Element:
    """In one call, for each of them lets go of the interpreter."""
    encoding_of(data[:_HEAD])
    _require_bounds(len(data), _tags(data), limit)
    return etree.fromstring(data, _hardened())  # noqa: TID251 - the parser itself


def _parsed(chunks: Iterable[bytes], limit: int) -> Element:
    parser = _hardened()
    size = tags = 0
    for chunk in _in_a_known_encoding(chunks):
        size += len(chunk)
        tags += _tags(chunk)
        _require_bounds(size, tags, limit)
        parser.feed(chunk)
    root: Element = parser.close()
    return root


def _tags(data: bytes) -> int:
    return data.count(b"<") + data.count(b"=")


def _require_bounds(size: int, tags: int, limit: int) -> None:
    if size > limit:
        raise Unreadable(violation(Condition.TOO_LARGE, "XML", f"more than {limit} bytes"))
    if tags > 2 * ELEMENT_LIMIT:
        raise Unreadable(violation(Condition.TOO_LARGE, "XML", f"more than {ELEMENT_LIMIT} elements"))


def encoding_of(head: bytes) -> str:
    """The encoding that the first bytes of a document show: `utf-8` where they show none, `utf-16`, or what is declared.

    Raises `Unreadable` for what cannot be XML and, UTF-16 excepted, where ASCII markup would not be ASCII bytes.
    """
    if head[:1] == b"<" and head[1:2].isalpha():
        return "utf-8"  # most documents: an element at once, without a declaration
    wide = next((name for mark, name in _WIDE if head.startswith(mark)), "")
    text = head[:_HEAD].decode(wide or "latin-1", "ignore").removeprefix("\ufeff" if wide else "\xef\xbb\xbf")
    declared = _DECLARED.match(text)
    name = declared.group(1).lower() if declared else wide or "utf-8"
    if not (name.startswith("utf-16") if wide else _BYTES_ARE_ASCII.fullmatch(name)):
        raise Unreadable(violation(Condition.CHARSET_UNSUPPORTED, "XML", "this encoding is not read here; send UTF-8"))
    if head and not text.lstrip().startswith("<"):
        raise Unreadable(violation(Condition.MALFORMED, "XML", "this is not XML in UTF-8 or UTF-16"))
    return "utf-16" if wide else name


_WIDE = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"<\0\0\0", "utf-32-le"),
    (b"\xff\xfe", "utf-16-le"),
    (b"<\0", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"\0<", "utf-16-be"),
)


def _in_a_known_encoding(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest, head = iter(chunks), b""
    for chunk in rest:
        head += chunk
        if len(head) >= _HEAD:
            break
    encoding_of(head)
    return itertools.chain((head,), rest)


def _position(problem: etree.XMLSyntaxError) -> str:
    # libxml2's own sentence may quote the text, and the text may hold demographics
    line, column = problem.position
    return f"not well-formed XML at line {line}, column {column}"


@cache
def load_schema(path: Path) -> etree.XMLSchema:
    """A schema of ours, compiled once in a process."""
    return etree.XMLSchema(etree.parse(path))


def schema_faults(schema: etree.XMLSchema, element: Element) -> tuple[str, ...]:
    """What the schema finds wrong, element names and lines only; empty when the element is valid."""
    if schema.validate(element):
        return ()
    found: Iterable[etree._LogEntry] = schema.error_log  # type: ignore[assignment]  # the stubs do not know that it iterates
    return tuple(f"line {e.line}: {_without_values(e.message)}" for e in found)


def _without_values(message: str) -> str:
    # "Element 'x': 'Smith' is not a valid value of ...": the element helps, the value may be a patient's
    message = re.sub(r": '.*' is not", ": the value is not", message, flags=re.DOTALL)
    message = re.sub(r"key-sequence \[.*\]", "key-sequence", message, flags=re.DOTALL)
    return re.sub(r"The value '.*' is not", "The value is not", message, flags=re.DOTALL)


def escape(text: str) -> str:
    """Text made fit for XML content and for attribute values in double quotes."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def canonical(element: Element) -> bytes:
    """Exclusive canonical form, for comparing."""
    return etree.tostring(element, method="c14n", exclusive=True)
