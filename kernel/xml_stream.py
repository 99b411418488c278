"""The same hardened parser for messages that carry documents as text: the text goes to a sink, the rest becomes the tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from lxml import etree

from kernel.errors import Condition, Unreadable, violation
from kernel.xml import ELEMENT_LIMIT, Element, encoding_of

DEPTH_LIMIT = 256
"""The depth at which libxml2 itself stops where it builds the tree; here it does not."""

_SLICE = 64 << 10
_HEAD = 512
_WHITESPACE = " \t\r\n"


class Replacement(NamedTuple):
    """The empty element that stands in the tree for the text that was taken out."""

    tag: str
    attributes: Mapping[str, str]


class TextSink(Protocol):
    """Where the text of one element goes."""

    def write(self, text: str, /) -> None:
        """Takes the next characters, in pieces of any size."""
        ...

    def close(self) -> Replacement:
        """The text is complete."""
        ...


class DivertingParser:
    """Push parser. The text of every element named `diverted` goes to a sink of its own, whatever its size.

    White space before that text may be left out. An element `diverted` that holds child elements and no text is built as it stands.
    `limit` counts all bytes but the text that was diverted. Elements built here know no line number, and a prefix without a
    namespace is dropped, not refused: libxml2 tells it to nobody here. Raises `Unreadable` as `parse_xml` does.
    """

    def __init__(self, diverted: str, open_sink: Callable[[], TextSink], *, limit: int) -> None:
        self._target = _Target(diverted, open_sink)
        self._limit = limit
        self._fed = 0
        self._head = b""
        self._parser = etree.XMLParser(
            target=self._target,  # type: ignore[arg-type]  # the stubs ask for bytes beside str, which lxml never gives
            resolve_entities=False,
            load_dtd=False,
            dtd_validation=False,
            no_network=True,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )

    def feed(self, data: bytes | memoryview) -> None:
        """Takes the next bytes."""
        for start in range(0, len(data), _SLICE):
            piece = bytes(data[start : start + _SLICE])
            if len(self._head) < _HEAD:
                self._head += piece[:_HEAD]
                encoding_of(self._head)
            self._fed += len(piece)
            self._run(self._parser.feed, piece)
            self._refuse_above(self._limit + _SLICE)  # libxml2 holds some text back, which may be a document's

    def close(self) -> Element:
        """The root element."""
        self._run(self._parser.close)
        self._refuse_above(self._limit)
        if self._target.root is None:
            raise Unreadable(violation(Condition.MALFORMED, "XML", "the document is not complete"))
        return self._target.root

    def _refuse_above(self, limit: int) -> None:
        if self._fed - self._target.diverted_characters > limit:
            raise Unreadable(violation(Condition.TOO_LARGE, "XML", f"more than {self._limit} bytes beside documents"))

    def _run(self, step: Callable[..., object], *piece: bytes) -> None:
        try:
            step(*piece)
        except etree.XMLSyntaxError as problem:
            line, column = problem.position
            text = f"not well-formed XML at line {line}, column {column}"
            raise Unreadable(violation(Condition.MALFORMED, "XML", text)) from None


class _Target:
    """What lxml tells of the document: everything goes on to a tree builder, the text of some elements does not."""

    def __init__(self, diverted: str, open_sink: Callable[[], TextSink]) -> None:
        self._diverted = diverted
        self._open_sink = open_sink
        self._builder = etree.TreeBuilder()
        self._depth = self._elements = 0
        self._watching = False  # inside a diverted element that has shown no child
        self._sink: TextSink | None = None
        self.diverted_characters = 0
        self.root: Element | None = None

    def start(self, tag: str, attributes: Mapping[str, str], nsmap: Mapping[str, str]) -> None:
        if self._sink is not None:
            raise Unreadable(violation(Condition.MALFORMED, "XML", "an element stands inside the text of a document"))
        self._elements += 1 + len(attributes) + len(nsmap)
        if self._elements > ELEMENT_LIMIT:
            raise Unreadable(violation(Condition.TOO_LARGE, "XML", f"more than {ELEMENT_LIMIT} elements"))
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise Unreadable(violation(Condition.TOO_LARGE, "XML", f"more than {DEPTH_LIMIT} elements inside each other"))
        self._watching = tag == self._diverted
        named = {prefix or None: uri for prefix, uri in nsmap.items()} if nsmap else None
        self._builder.start(tag, attributes, named)  # type: ignore[call-arg,arg-type]  # the stubs know no namespaces

    def data(self, text: str) -> None:
        if not self._watching:
            self._builder.data(text)
        elif self._sink is not None or text.strip(_WHITESPACE):
            if self._sink is None:
                self._sink = self._open_sink()
            self._sink.write(text)
            self.diverted_characters += len(text)

    def end(self, tag: str) -> None:
        if self._watching:
            self._replace(self._sink or self._open_sink())
        self._builder.end(tag)
        self._depth -= 1
        if self._depth == 0:
            self.root = self._builder.close()

    def _replace(self, sink: TextSink) -> None:
        self._watching, self._sink = False, None
        tag, attributes = sink.close()
        self._builder.start(tag, attributes)  # type: ignore[arg-type]  # the stubs ask for bytes beside str
        self._builder.end(tag)

    def doctype(self, *_: object) -> None:
        raise Unreadable(violation(Condition.MALFORMED, "XML", "document type declarations are not accepted"))

    def close(self) -> None:
        # lxml calls this after any failure too, and what is raised here would hide the reason
        return None
