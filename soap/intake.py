"""A SOAP request while it arrives: the envelope to a tree, every document to a sink, inline or as a part alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

from kernel.errors import Condition
from kernel.xml import Element, encoding_of, parse_xml
from kernel.xml_stream import DivertingParser, Replacement
from soap.exchange import Attachment, PartHeaders, PartSink, SoapRequest, Stage
from soap.faults import unsupported_media_type
from soap.mime import ContentType, parse_content_type, unreadable
from soap.mtom import XOP_INCLUDE, MtomDecoder, content_id_of, include_href
from soap.settings import SoapSettings
from soap.transfer import Base64

DOCUMENT = "{urn:ihe:iti:xds-b:2007}Document"
"""The element whose text is a document in base64, where it holds no xop:Include (ITI TF-2 3.41.4.1.2)."""

TREE_BYTES = 4 << 20
"""Up to this size an envelope is parsed at once, which is faster and keeps line numbers; beyond it, while it arrives."""

Admit = Callable[[Element], None]
"""Sees the root element as soon as it is complete, before a part that follows it is kept. Raises to end the reading."""

_PLAIN_TYPES = ("application/soap+xml", "text/xml", "application/xml")
_UTF8 = ("utf-8", "utf8", "us-ascii", "ascii")
_HEAD = 512


class Intake:
    """Reads one request. After `receive`, `root` is the envelope and every document in it an xop:Include of `attachments`."""

    def __init__(self, request: SoapRequest, *, stage: Stage, limits: SoapSettings, admit: Admit) -> None:
        self._kind = parse_content_type(request.content_type)
        self.is_mtom = self._kind.media_type == "multipart/related"
        if not self.is_mtom and self._kind.media_type not in _PLAIN_TYPES:
            raise unsupported_media_type(self._kind.media_type)
        self._chunks = iter(request.body)
        self._length = request.length
        self._stage = stage
        self._limits = limits
        self._admit = admit
        self._inline = _InlineDocuments(stage, limits.documents)
        self._envelope = _EnvelopeReader(self._inline, limits.envelope_bytes)
        self._parts: list[PartSink] = []
        self._referenced: set[str] = set()
        self.root: Element | None = None
        self.attachments: dict[str, Attachment] = {}

    def receive(self) -> None:
        """Reads to the end. Raises `Unreadable`, or whatever a sink or `admit` raises; then call `abort`."""
        if self.is_mtom:
            self._receive_parts()
        else:
            for chunk in self._arriving():
                self._envelope.write(chunk)
            self._complete(self._kind)
        self._take_over(self._inline.attachments)
        missing = self._referenced - self.attachments.keys()
        if missing:
            raise unreadable("xop:Include", f"no part of this message has the content id {min(missing)[:200]}")

    def abort(self) -> None:
        """Forgets every document that was staged."""
        with ExitStack() as stack:  # one that fails does not keep the others
            for sink in (*self._inline.opened, *self._parts):
                stack.callback(sink.abort)

    def drain(self, limit: int) -> None:
        """Reads on and drops, up to `limit` bytes: a sender that still writes would not see an answer that came early."""
        for chunk in self._chunks:
            limit -= len(chunk)
            if limit < 0:
                return

    def _arriving(self) -> Iterator[bytes]:
        received = 0
        while True:
            try:
                chunk = next(self._chunks, None)
            except OSError:
                raise unreadable("HTTP", "the connection ended before the request was complete") from None
            if chunk is None:
                break
            received += len(chunk)
            yield chunk
        if self._length is not None and received < self._length:
            raise unreadable("HTTP", "the request is shorter than its Content-Length")

    def _receive_parts(self) -> None:
        root = _RootPart(self._envelope, self._complete, self._kind)
        # not kept: it would keep this intake, and so the tree, beyond the request
        decoder = MtomDecoder(self._kind, root=root, stage=self._stage_part, limits=self._limits)
        self._parts = decoder.opened
        for chunk in self._arriving():
            decoder.feed(chunk)
        decoder.close()
        for identifier in decoder.attachments:
            self._require_reference(identifier)
        self._take_over(decoder.attachments)

    def _take_over(self, attachments: Mapping[str, Attachment]) -> None:
        if self.attachments.keys() & attachments.keys():
            raise unreadable("MIME part", "a part has the content id of an inline document")
        self.attachments |= attachments

    def _stage_part(self, headers: PartHeaders) -> PartSink:
        if not headers.content_id:
            raise unreadable("MIME part", "a part has no Content-ID, so nothing can refer to it")
        if self.root is not None:
            self._require_reference(headers.content_id)
        return self._stage(headers)

    def _require_reference(self, identifier: str) -> None:
        if identifier not in self._referenced:
            raise unreadable("MIME part", f"no xop:Include refers to the part {identifier[:200]}")

    def _complete(self, kind: ContentType) -> None:
        root = self._envelope.close(kind.charset)
        self._admit(root)
        for document in list(root.iter(DOCUMENT)):
            if len(document) == 0:
                self._move_out(document)
            elif document[0].tag != XOP_INCLUDE:
                raise unreadable("Document", "it holds neither base64 text nor an xop:Include")
        for include in root.iter(XOP_INCLUDE):
            self._reference(include)
        self.root = root

    def _move_out(self, document: Element) -> None:
        inline = self._inline()
        inline.write(document.text or "")
        tag, attributes = inline.close()
        document.text = None
        document.append(document.makeelement(tag, dict(attributes)))

    def _reference(self, include: Element) -> None:
        identifier = content_id_of(include.get("href", ""))
        if identifier is None:
            raise unreadable("xop:Include", "its href must be a cid: URL that names a part of the same message")
        if identifier in self._referenced:
            raise unreadable("xop:Include", "two of them refer to the same part")
        parent = include.getparent()
        texts = ("" if parent is None else parent.text or "") + (include.tail or "")
        if parent is None or len(parent) != 1 or texts.strip():
            raise unreadable("xop:Include", "it must be all that its element holds")
        self._referenced.add(identifier)


class _InlineDocuments:
    """Opens a sink for each document that stands as base64 in the envelope."""

    def __init__(self, stage: Stage, limit: int) -> None:
        self._stage = stage
        self._limit = limit
        self.opened: list[PartSink] = []
        self.attachments: dict[str, Attachment] = {}

    def __call__(self) -> _InlineDocument:
        if len(self.opened) >= self._limit:
            raise unreadable("SOAP", f"more than {self._limit} documents", Condition.TOO_LARGE)
        identifier = f"inline-{len(self.opened) + 1}@affinity"
        sink = self._stage(PartHeaders(identifier, inline=True))
        self.opened.append(sink)
        return _InlineDocument(identifier, sink, self.attachments)


class _EnvelopeReader:
    """Bytes to the root element: at once when they are few, else while they arrive, documents diverted."""

    def __init__(self, open_inline: _InlineDocuments, limit: int) -> None:
        self._open_inline = open_inline
        self._limit = limit
        self._at_once = min(TREE_BYTES, limit)
        self._buffer = bytearray()
        self._head = b""
        self._parser: DivertingParser | None = None

    def write(self, data: bytes | memoryview, /) -> None:
        if self._parser is not None:
            self._parser.feed(data)
            return
        self._buffer += data
        if len(self._buffer) > self._at_once:
            self._head = bytes(self._buffer[:_HEAD])
            self._parser = DivertingParser(DOCUMENT, self._open_inline, limit=self._limit)
            self._parser.feed(bytes(self._buffer))
            self._buffer = bytearray()

    def close(self, charset: str) -> Element:
        data, self._buffer = bytes(self._buffer), bytearray()
        if not data and self._parser is None:
            raise unreadable("SOAP", "the message is empty")
        _check_charset(charset, self._head or data)
        return parse_xml(data, limit=self._limit) if self._parser is None else self._parser.close()


class _RootPart:
    """The root part as the MTOM decoder sees it."""

    def __init__(self, envelope: _EnvelopeReader, complete: Callable[[ContentType], None], kind: ContentType) -> None:
        self.write = envelope.write
        self._complete = complete
        self._kind = kind

    def close(self, headers: PartHeaders, /) -> None:
        self._complete(parse_content_type(headers.content_type) if headers.content_type else self._kind)


class _InlineDocument:
    """Base64 text of the body on its way to a sink; leaves an xop:Include in its place."""

    def __init__(self, identifier: str, sink: PartSink, attachments: dict[str, Attachment]) -> None:
        self._sink = sink
        self._identifier = identifier
        self._decoder = Base64(sink)
        self._attachments = attachments

    def write(self, text: str, /) -> None:
        try:
            self._decoder.write(text.encode("ascii"))
        except UnicodeEncodeError:
            raise unreadable("Document", "its text is not base64") from None

    def close(self) -> Replacement:
        self._decoder.finish()
        self._attachments[self._identifier] = self._sink.close()
        return Replacement(XOP_INCLUDE, {"href": include_href(self._identifier)})


def _check_charset(charset: str, head: bytes) -> None:
    """Refuses an envelope whose Content-Type and first bytes disagree: one of them would be read by somebody else."""
    shown = encoding_of(head)
    same = charset == shown or (charset in _UTF8 and shown in _UTF8) or (shown == "utf-16" and charset.startswith(shown))
    if charset and not same:
        detail = f"Content-Type says {charset[:40]}, the XML says {shown[:40]}; send UTF-8"
        raise unreadable("SOAP", detail, Condition.CHARSET_UNSUPPORTED)
