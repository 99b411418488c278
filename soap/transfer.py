"""Content-Transfer-Encoding undone while the bytes stream (RFC 2045, 6.7 and 6.8); also base64 text inside XML."""

from __future__ import annotations

import binascii
import re
from typing import Protocol

from soap.mime import unreadable


class Writer(Protocol):
    """Takes bytes."""

    def write(self, data: bytes | memoryview, /) -> None:
        """The next bytes."""
        ...


class Decoder(Writer, Protocol):
    """Takes encoded bytes and writes what they stand for."""

    def finish(self) -> None:
        """No more bytes will come. Raises `Unreadable` when the encoding is not complete."""
        ...


class Identity:
    """binary, 8bit and 7bit: the bytes are the bytes."""

    def __init__(self, to: Writer) -> None:
        self.write = to.write

    def finish(self) -> None:
        """Nothing is held back."""


class Base64:
    """base64 in pieces of any size; white space is ignored, anything else outside the alphabet is refused."""

    def __init__(self, to: Writer) -> None:
        self._to = to
        self._rest = b""
        self._ended = False

    def write(self, data: bytes | memoryview, /) -> None:
        """The next characters, as bytes."""
        text = self._rest + bytes(data).translate(None, b" \t\r\n")
        whole = len(text) & ~3
        self._rest = text[whole:]
        if self._ended and text:
            raise unreadable("base64", "characters follow the padding")
        if whole:
            quanta = text[:whole]
            self._to.write(_base64(quanta))
            self._ended = quanta.endswith(b"=")
            if self._ended and self._rest:
                raise unreadable("base64", "characters follow the padding")

    def finish(self) -> None:
        """Raises `Unreadable` when the last group of four is not complete."""
        if self._rest:
            raise unreadable("base64", "the number of characters is not a multiple of four")


def _base64(quanta: bytes) -> bytes:
    problem = "a character is not of the base64 alphabet, or padding is misplaced"
    if b"=" in quanta[:-2]:
        raise unreadable("base64", problem)  # the strict mode below takes four of them after a whole group
    try:
        return binascii.a2b_base64(quanta, strict_mode=True)
    except binascii.Error:
        raise unreadable("base64", problem) from None


class QuotedPrintable:
    """quoted-printable in pieces of any size. White space at a line's end is dropped, as RFC 2045 6.7 (3) asks."""

    _UNDECIDED = re.compile(rb"(?:=[0-9A-Fa-f]?|=?[ \t]*\r?)\Z")
    _TOKEN = re.compile(rb"=([0-9A-Fa-f]{2})|=[ \t]*\r\n|[ \t]+(?=\r\n)|=")
    _HELD_LIMIT = 1_000

    def __init__(self, to: Writer) -> None:
        self._to = to
        self._rest = b""

    def write(self, data: bytes | memoryview, /) -> None:
        """The next bytes."""
        text = self._rest + bytes(data)
        undecided = self._UNDECIDED.search(text, max(0, len(text) - self._HELD_LIMIT - 2))
        cut = undecided.start() if undecided else len(text)
        self._rest = text[cut:]
        if len(self._rest) > self._HELD_LIMIT:
            raise unreadable("quoted-printable", "a run of white space is too long")
        if cut:
            self._to.write(self._TOKEN.sub(_unquote, text[:cut]))

    def finish(self) -> None:
        """What was held back ends the last line: white space goes, a lone `=` there is a soft line break."""
        text = self._rest.rstrip(b" \t")
        if text.endswith(b"\r") and not text.startswith(b"="):
            self._to.write(text)  # no line break, so it stays as it is
        elif text not in (b"", b"="):
            raise unreadable("quoted-printable", "the last escape is not complete")


def _unquote(token: re.Match[bytes]) -> bytes:
    if token.group(1):
        return bytes.fromhex(token.group(1).decode("ascii"))
    if token.group() == b"=":
        raise unreadable("quoted-printable", "= must be followed by two hexadecimal digits or a line break")
    return b""


def decoder(encoding: str, to: Writer) -> Decoder:
    """The decoder of a transfer encoding in lower case, one of `TRANSFER_ENCODINGS`."""
    if encoding == "base64":
        return Base64(to)
    if encoding == "quoted-printable":
        return QuotedPrintable(to)
    return Identity(to)
