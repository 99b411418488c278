"""HL7 v2 by HTTP POST, as modules of OpenMRS and HAPI's "HL7 over HTTP" send it: one message there, its answer back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from app.gateway import PEER
from hl7v2.header import peek
from hl7v2.mllp import END, START, MllpDecoder, frame
from kernel.errors import Condition, Unreadable, violation
from kernel.peer import Peer

Dispatch = Callable[[bytes, Peer], bytes]
Start = Callable[..., Any]

PATH: Final = "/hl7"
TYPES: Final = ("application/hl7-v2", "x-application/hl7-v2", "application/hl7-v2+er7", "x-application/hl7-v2+er7", "text/plain")
_CHUNK: Final = 64 << 10
_AS_UTF_8: Final = ("", "ASCII", "UNICODE UTF-8")
_STATUS: Final = {
    200: "200 OK",
    400: "400 Bad Request",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    415: "415 Unsupported Media Type",
}


class Hl7OverHttp:
    """The WSGI application at /hl7. Whatever HL7 says of a message, the status is 200: the acknowledgement tells the rest."""

    def __init__(self, dispatch: Dispatch, too_long: Dispatch, *, limit: int) -> None:
        """`limit` is the most bytes of a message; `too_long` answers one with more of them from its beginning."""
        self._dispatch = dispatch
        self._too_long = too_long
        self._limit = limit

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """Answers one POST. Raises `Unreadable` for a body that is not one message."""
        if environ["PATH_INFO"] != PATH:
            return _plain(start, 404, f"HL7 v2 messages are posted to {PATH}.")
        if environ["REQUEST_METHOD"] != "POST":
            return _plain(start, 405, "Post one HL7 v2 message here.", ("Allow", "POST"))
        kind, charset = _content_type(environ.get("CONTENT_TYPE", ""))
        if kind not in TYPES or environ.get("HTTP_CONTENT_ENCODING", "identity") not in ("", "identity"):
            return _plain(start, 415, f"Send the message as it is, as one of: {', '.join(TYPES)}.")
        body, peer = _read(environ["wsgi.input"], self._limit + len(START) + len(END)), environ[PEER]
        if not body.startswith(START):
            return _hl7(start, kind, self._answer(_in_utf_8(body, charset), peer))
        return _hl7(start, kind, frame(self._answer(_in_utf_8(_unframed(body, self._limit), charset), peer)))

    def _answer(self, message: bytes, peer: Peer) -> bytes:
        return (self._too_long if len(message) > self._limit else self._dispatch)(message, peer)


def _read(stream: Any, most: int) -> bytes:
    """The body, cut off where it is longer than anything that is taken; the rest is read and thrown away."""
    kept = bytearray()
    read = 0
    while chunk := stream.read(_CHUNK):
        read += len(chunk)
        if read > 2 * most + _CHUNK:
            raise Unreadable(violation(Condition.TOO_LARGE, "HTTP", "the message is longer than is taken here"))
        kept += chunk[: max(most + 1 - len(kept), 0)]
    return bytes(kept)


def _unframed(body: bytes, limit: int) -> bytes:
    """The message of a body in the frame of MLLP. Raises `Unreadable` for half of one, and for several."""
    if len(body) > limit + len(START) + len(END):
        return body[len(START) :]
    decoder = MllpDecoder(limit)
    decoder.feed(body)
    messages = decoder.messages()
    if len(messages) != 1 or decoder.is_within_frame:
        raise Unreadable(violation(Condition.MALFORMED, "HTTP", "one message in one frame is expected"))
    return messages[0]


def _content_type(value: str) -> tuple[str, str]:
    """Type and charset parameter."""
    kind, *parameters = (part.strip() for part in value.lower().split(";"))
    charset = next((p.removeprefix("charset=").strip('"') for p in parameters if p.startswith("charset=")), "")
    return kind, charset


def _in_utf_8(message: bytes, charset: str) -> bytes:
    """Where the message does not say its character set and HTTP does, HTTP's is believed. Raises `Unreadable`."""
    header = peek(message)
    if not charset or header is None or header.segment.raw(18):
        return message
    try:
        return message.decode(charset).encode()
    except (LookupError, UnicodeDecodeError):
        raise Unreadable(violation(Condition.CHARSET_UNSUPPORTED, "HTTP", "the body is not in its charset")) from None


def _hl7(start: Start, kind: str, answer: bytes) -> Iterable[bytes]:
    header = peek(answer.removeprefix(START))
    is_utf_8 = header is not None and header.segment.value(18) in _AS_UTF_8
    return _bytes(start, 200, f"{kind}; charset=utf-8" if is_utf_8 else kind, answer)


def _plain(start: Start, code: int, text: str, *headers: tuple[str, str]) -> Iterable[bytes]:
    return _bytes(start, code, "text/plain; charset=utf-8", text.encode(), *headers)


def _bytes(start: Start, code: int, kind: str, body: bytes, *headers: tuple[str, str]) -> Iterable[bytes]:
    start(
        _STATUS[code],
        [
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
            *headers,
        ],
    )
    return (body,)
