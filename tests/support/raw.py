"""HTTP and MLLP as a careless or hostile client speaks them: bytes on a socket."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass

from tests.support.wire import Reply

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Answer:
    """What came back before the connection ended or went quiet: informational statuses, then the answer."""

    interim: tuple[int, ...]
    reply: Reply


def http_head(length: int | None, *headers: str, path: str = "/xds/registry", method: str = "POST", kind: str = "") -> bytes:
    """Request line and headers; Content-Length unless `length` is None."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", "Connection: close", *headers]
    if not any(h.lower().startswith("content-type:") for h in headers):
        lines.append(f"Content-Type: {kind or 'application/soap+xml; charset=UTF-8'}")
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def exchange(port: int, *pieces: bytes, half_close: bool = False, timeout: float = 30.0) -> Answer:
    """Sends pieces and reads to the end of the connection. Raises `AssertionError` when nothing came back."""
    with socket.create_connection((HOST, port), timeout=timeout) as wire:
        for piece in pieces:
            try:
                wire.sendall(piece)
            except OSError:
                break  # the server has answered and does not read on
        if half_close:
            with suppress(OSError):  # it may have answered and closed already
                wire.shutdown(socket.SHUT_WR)
        return read_answer(wire)


def read_answer(wire: socket.socket) -> Answer:
    """The answer on a connection that the server will close."""
    data = bytearray()
    while True:
        try:
            piece = wire.recv(65536)
        except ConnectionResetError:
            break
        if not piece:
            break
        data += piece
    interim: list[int] = []
    rest = bytes(data)
    while True:
        assert rest.startswith(b"HTTP/1.1 "), f"no answer: {rest[:200]!r}"
        head, _, rest = rest.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1])
        if status >= 200:
            break
        interim.append(status)
    headers = dict(line.decode("latin-1").split(": ", 1) for line in head.split(b"\r\n")[1:])
    found = {name.lower(): value for name, value in headers.items()}
    if found.get("transfer-encoding", "").lower() == "chunked":
        rest = unchunked(rest)
    elif "content-length" in found:
        assert len(rest) == int(found["content-length"]), "the answer was cut"
    return Answer(tuple(interim), Reply(status, found.get("content-type", ""), rest))


def chunked(*pieces: bytes) -> bytes:
    """A body in chunks, with its end."""
    return b"".join(f"{len(p):x}\r\n".encode() + p + b"\r\n" for p in pieces) + b"0\r\n\r\n"


def unchunked(data: bytes) -> bytes:
    """A body that came in chunks."""
    whole = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        if not length:
            break
        whole, data = whole + data[:length], data[length + 2 :]
    return whole
