"""The body of an HTTP request as it arrives: by its length or in chunks (RFC 9112, 6 and 7), strict, a piece in memory at a time.

cheroot's own reader keeps a whole chunk in memory, takes a negative length for the end, and reads what an answer left unread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Protocol

from kernel.errors import Condition, Unreadable, violation

_PIECE: Final = 64 << 10
_LINE: Final = 1 << 10
"""Bytes of a chunk's first line, extensions included, or of a trailer field."""
_TRAILERS: Final = 64
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?\r\n\Z")


class Stream(Protocol):
    """What bytes are read from: a buffered file of a socket."""

    def read(self, size: int, /) -> bytes:
        """So many bytes, fewer where the sender has ended."""
        ...

    def readline(self, size: int, /) -> bytes:
        """A line with its end, at most so many bytes of it."""
        ...


class RequestBody:
    """What WSGI calls `wsgi.input`. `is_at_end` tells whether the next request can follow on the same connection."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.is_at_end = False

    def read(self, size: int | None = -1, /) -> bytes:
        """So many bytes, fewer at the end only; all that is left without a size. Raises `Unreadable` for chunks that are none."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_PIECE), b""))
        pieces: list[bytes] = []
        while size > 0 and (piece := self._next(min(size, _PIECE))):
            pieces.append(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def readline(self, size: int | None = -1, /) -> bytes:
        """A line with its end."""
        line = bytearray()
        while (size is None or size < 0 or len(line) < size) and (byte := self._next(1)):
            line += byte
            if byte == b"\n":
                break
        return bytes(line)

    def readlines(self, _hint: int = -1, /) -> list[bytes]:
        """Every line that is left."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        """Every line that is left."""
        return iter(self.readline, b"")

    def _next(self, most: int) -> bytes:
        raise NotImplementedError


class KnownLengthBody(RequestBody):
    """A body of so many bytes."""

    def __init__(self, stream: Stream, length: int) -> None:
        super().__init__(stream)
        self._left = length
        self.is_at_end = length == 0

    def _next(self, most: int) -> bytes:
        if self._left <= 0:
            return b""
        data = self._stream.read(min(most, self._left))
        self._left = self._left - len(data) if data else 0
        self.is_at_end = bool(data) and not self._left
        return data


class ChunkedBody(RequestBody):
    """A body in chunks."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self._left = 0
        self._is_broken = False

    def _next(self, most: int) -> bytes:
        if self.is_at_end or self._is_broken:
            return b""
        self._is_broken = True  # until this piece is found to be right
        if not self._left:
            self._left = self._size()
            if not self._left:
                self._pass_trailers()
                self.is_at_end, self._is_broken = True, False
                return b""
        data = self._stream.read(min(most, self._left))
        if not data:
            raise _malformed("the connection ended within a chunk")
        self._left -= len(data)
        if not self._left and self._stream.read(2) != b"\r\n":
            raise _malformed("a chunk is longer than it says")
        self._is_broken = False
        return data

    def _size(self) -> int:
        found = _SIZE.match(self._stream.readline(_LINE))
        if found is None:
            raise _malformed("a chunk does not begin with its size")
        return int(found[1], 16)

    def _pass_trailers(self) -> None:
        for _ in range(_TRAILERS):
            line = self._stream.readline(_LINE)
            if line == b"\r\n":
                return
            if not line.endswith(b"\r\n"):
                break
        raise _malformed("the last chunk is not followed by an empty line")


def _malformed(detail: str) -> Unreadable:
    return Unreadable(violation(Condition.MALFORMED, "HTTP", f"chunked transfer coding: {detail}"))
