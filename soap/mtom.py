"""multipart/related with XOP (SOAP MTOM, RFC 2387): bytes in, parts out and back, never a whole document in memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Protocol
from urllib.parse import quote, unquote

from kernel.errors import Condition, Unavailable, violation
from soap.exchange import Attachment, OutgoingPart, PartHeaders, PartSink, Stage
from soap.mime import ContentType, content_id, parse_content_type, parse_part_headers, unreadable
from soap.settings import SoapSettings
from soap.transfer import Decoder, decoder

XOP_INCLUDE = "{http://www.w3.org/2004/08/xop/include}Include"
ROOT_ID = "root@affinity"
ROOT_TYPES = ("application/xop+xml", "application/soap+xml", "text/xml", "application/xml")

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]\Z")
_DELIMITER_LINE_LIMIT = 200
_HEADER_VALUE = re.compile(r"[\x20-\x7e]+\Z")


class RootSink(Protocol):
    """Where the bytes of the root part go: the envelope."""

    def write(self, data: bytes | memoryview, /) -> None:
        """The next bytes."""
        ...

    def close(self, headers: PartHeaders, /) -> object:
        """The root part is complete. May raise to end the reading before a document is kept."""
        ...


class _State(Enum):
    PREAMBLE = 0
    HEADERS = 1
    FIRST = 2
    BODY = 3
    EPILOGUE = 4


class MtomDecoder:
    """Push parser of one multipart/related body. Feed it bytes in chunks of any size, then `close` it.

    The part that `start` names, else the first, goes to `root`; every other part to a sink that `stage` opens. `attachments`
    holds what was staged, by content id, `opened` every sink. Raises `Unreadable` for a body that breaks a rule or a limit; then
    call `abort`.
    """

    def __init__(self, content_type: str | ContentType, *, root: RootSink, stage: Stage, limits: SoapSettings) -> None:
        kind = parse_content_type(content_type) if isinstance(content_type, str) else content_type
        self._delimiter = b"\r\n--" + _boundary(kind)
        start = kind.parameters.get("start")
        self._start = None if start is None else content_id(start)
        self._root = root
        self._stage = stage
        self._limits = limits
        self._buffer = bytearray(b"\r\n")  # so that a delimiter at the very start is found like any other
        self._state = _State.PREAMBLE
        self._parts = 0
        self._root_seen = False
        self._part: _Part | None = None
        self._ids: set[str] = set()
        self.opened: list[PartSink] = []
        self.attachments: dict[str, Attachment] = {}

    def feed(self, data: bytes | memoryview) -> None:
        """Takes the next bytes."""
        self._buffer += data
        while _STEPS[self._state](self):
            pass

    def close(self) -> None:
        """The body ends here. Raises `Unreadable` when it is not complete or has no root part."""
        if self._state is _State.PREAMBLE:
            raise unreadable("MIME", "the boundary of Content-Type does not stand in the body (lines end in CRLF)")
        if self._state is not _State.EPILOGUE:
            raise unreadable("MIME", "the body ends before its last boundary")
        if bytes(self._buffer).split(b"\r\n", 1)[0].strip(b" \t"):
            raise unreadable("MIME", "the line of the last boundary holds something else")
        if not self._root_seen:
            raise unreadable("MIME", "no part has the content id that start names")

    def abort(self) -> None:
        """Forgets every part that was staged."""
        for sink in self.opened:
            sink.abort()

    def _preamble(self) -> bool:
        at = self._buffer.find(self._delimiter)
        if at > self._limits.part_header_bytes or (at < 0 and len(self._buffer) > self._limits.part_header_bytes):
            raise unreadable("MIME", "the boundary of Content-Type does not stand in the body (lines end in CRLF)")
        if at < 0:
            return False
        del self._buffer[:at]
        return self._delimiter_line()

    def _body(self) -> bool:
        part, buffer = self._part, self._buffer
        assert part is not None
        at = buffer.find(self._delimiter)
        # without a delimiter the tail stays: it may hold the half of one
        ready = len(buffer) - len(self._delimiter) if at < 0 else at
        if ready > 0:
            with memoryview(buffer) as view, view[:ready] as piece:
                part.write(piece)
            del buffer[:ready]
        return at >= 0 and self._delimiter_line()

    def _delimiter_line(self) -> bool:
        """The buffer starts with a delimiter: ends the part when the line is complete; True when there is more to do."""
        buffer, after = self._buffer, len(self._delimiter)
        if len(buffer) < after + 2:
            return False
        if buffer[after : after + 2] == b"--":
            self._end_part()
            del buffer[: after + 2]
            self._state = _State.EPILOGUE
            return True
        end = buffer.find(b"\r\n", after, after + _DELIMITER_LINE_LIMIT)
        if end < 0 and len(buffer) < after + _DELIMITER_LINE_LIMIT:
            return False
        if end < 0 or buffer[after:end].strip(b" \t"):
            # RFC 2046 5.1.1 takes such a line for a delimiter, many readers for content: nobody shall be able to choose
            raise unreadable("MIME", "a line begins like the boundary and goes on; choose a boundary that is no prefix")
        self._end_part()
        del buffer[:end]  # CRLF stays, so that an empty header block is found too
        self._state = _State.HEADERS
        return True

    def _headers(self) -> bool:
        limit = self._limits.part_header_bytes
        end = self._buffer.find(b"\r\n\r\n")
        if end > limit or (end < 0 and len(self._buffer) > limit):
            raise unreadable("MIME part", f"its headers are longer than {limit} bytes", Condition.TOO_LARGE)
        if end < 0:
            return False
        self._open_part(parse_part_headers(bytes(self._buffer[2:end])))
        del self._buffer[: end + 2]  # one CRLF stays: the delimiter that ends an empty part starts with it
        self._state = _State.FIRST
        return True

    def _first(self) -> bool:
        known = min(len(self._buffer), len(self._delimiter))
        if self._buffer[:known] != self._delimiter[:known]:
            del self._buffer[:2]
        elif known < len(self._delimiter):
            return False
        self._state = _State.BODY
        return True

    def _epilogue(self) -> bool:
        if len(self._buffer) > self._limits.part_header_bytes:
            raise unreadable("MIME", "too much follows the last boundary", Condition.TOO_LARGE)
        return False

    def _open_part(self, headers: PartHeaders) -> None:
        self._parts += 1
        if self._parts > self._limits.parts:
            raise unreadable("MIME", f"more than {self._limits.parts} parts", Condition.TOO_LARGE)
        if headers.content_id and headers.content_id in self._ids:
            raise unreadable("MIME part", "two parts have the same content id")
        self._ids.add(headers.content_id)
        if not self._root_seen and self._start in (None, headers.content_id):
            self._root_seen = True
            _check_root(headers)
            self._part = _RootPart(headers, self._root)
        else:
            sink = self._stage(headers)
            self.opened.append(sink)
            self._part = _DocumentPart(headers, sink, self.attachments)

    def _end_part(self) -> None:
        if self._part is not None:
            part, self._part = self._part, None
            part.close()


_STEPS: dict[_State, Callable[[MtomDecoder], bool]] = {
    _State.PREAMBLE: MtomDecoder._preamble,
    _State.HEADERS: MtomDecoder._headers,
    _State.FIRST: MtomDecoder._first,
    _State.BODY: MtomDecoder._body,
    _State.EPILOGUE: MtomDecoder._epilogue,
}


class _Part:
    """A part that is being read: undoes the transfer encoding."""

    def __init__(self, headers: PartHeaders, to: RootSink | PartSink) -> None:
        self.headers = headers
        self._decoder: Decoder = decoder(headers.transfer_encoding, to)
        self.write = self._decoder.write

    def close(self) -> None:
        self._decoder.finish()


class _RootPart(_Part):
    def __init__(self, headers: PartHeaders, root: RootSink) -> None:
        super().__init__(headers, root)
        self._root = root

    def close(self) -> None:
        super().close()
        self._root.close(self.headers)


class _DocumentPart(_Part):
    def __init__(self, headers: PartHeaders, sink: PartSink, attachments: dict[str, Attachment]) -> None:
        super().__init__(headers, sink)
        self._sink = sink
        self._attachments = attachments

    def close(self) -> None:
        super().close()
        self._attachments[self.headers.content_id] = self._sink.close()


def _boundary(kind: ContentType) -> bytes:
    if kind.media_type != "multipart/related":
        raise unreadable("Content-Type", "multipart/related was expected")
    boundary = kind.parameters.get("boundary", "")
    if not _BOUNDARY.match(boundary):
        raise unreadable("Content-Type", "the boundary is missing, longer than 70 characters or holds a character it may not")
    return boundary.encode("ascii")


def _check_root(headers: PartHeaders) -> None:
    declared = parse_content_type(headers.content_type).media_type if headers.content_type else ""
    if declared.startswith(("multipart/", "message/")):
        raise unreadable("MIME part", "the root part is itself a multipart; the envelope must stand in it directly")
    if declared and declared not in ROOT_TYPES:
        raise unreadable("MIME part", "the root part is not declared as application/xop+xml")


def content_id_of(href: str) -> str | None:
    """The content id that an xop:Include names (RFC 2392); None for anything but a cid URL."""
    scheme, colon, rest = href.strip().partition(":")
    identifier = unquote(rest, errors="replace").strip("<>")
    if not colon or scheme.lower() != "cid" or not identifier.isprintable() or not identifier:
        return None
    return identifier


def include_href(identifier: str) -> str:
    """The href of an xop:Include for a content id."""
    return "cid:" + quote(identifier, safe="@:!$&'()*+,;=-._~")


class MtomEncoder:
    """A root part and documents as multipart/related. The length is known before the first byte; `chunks` streams once."""

    def __init__(self, root: Sequence[bytes], parts: Sequence[OutgoingPart], *, boundary: str) -> None:
        self._root = root
        self._parts = parts
        self._head = (
            f"--{boundary}\r\n"
            'Content-Type: application/xop+xml; charset=UTF-8; type="application/soap+xml"\r\n'
            f"Content-Transfer-Encoding: binary\r\nContent-ID: <{ROOT_ID}>\r\n\r\n"
        ).encode("ascii")
        self._between = [_part_head(boundary, part) for part in parts]
        self._tail = f"\r\n--{boundary}--\r\n".encode("ascii")
        self.content_type = (
            f'multipart/related; boundary="{boundary}"; type="application/xop+xml"; '
            f'start="<{ROOT_ID}>"; start-info="application/soap+xml"'
        )
        fixed = (self._head, *root, *self._between, self._tail)
        self.content_length = sum(map(len, fixed)) + sum(part.size for part in parts)

    def chunks(self) -> Iterator[bytes]:
        """The bytes. Raises `Unavailable` where a document is not as long as was said; the connection must then be cut."""
        yield b"".join((self._head, *self._root))
        for head, part in zip(self._between, self._parts, strict=True):
            yield head
            yield from _exactly(part)
        yield self._tail


def _part_head(boundary: str, part: OutgoingPart) -> bytes:
    if not _HEADER_VALUE.match(part.content_id):
        raise ValueError("a content id of ours is printable ASCII")
    # the type may be a sender's word about a document: it must not end the header
    kind = part.content_type if _HEADER_VALUE.match(part.content_type) else "application/octet-stream"
    return (
        f"\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{part.content_id}>\r\n\r\n"
    ).encode("ascii")


def _exactly(part: OutgoingPart) -> Iterator[bytes]:
    left, chunks = part.size, iter(part.chunks)
    try:
        for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                break
            yield chunk
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    if left:
        raise Unavailable(violation(Condition.CONTENT_DAMAGED, "document", "its size is not the size that was said"))
