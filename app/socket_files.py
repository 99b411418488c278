"""The two sides of a connection as files: cheroot's own are written in Python, and cost several times as much."""

from __future__ import annotations

import io
import socket
import ssl
from typing import Any, Final

_BUFFER: Final = 65536


class _Raw(io.RawIOBase):
    """A socket as a file that can be told not to wait for the other side."""

    def __init__(self, connection: socket.socket) -> None:
        self._receive_into = connection.recv_into
        self.is_waiting = True

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, room: Any) -> int | None:
        """Bytes received; None when it shall not wait for any."""
        return self._receive_into(room) if self.is_waiting else None


class SocketReader(io.BufferedReader):
    """What a connection sends. cheroot's own reader is written in Python, and costs several times as much."""

    bytes_read = 0
    """cheroot's own count of what was read, that nobody asks for."""

    def __init__(self, connection: socket.socket) -> None:
        self._source = _Raw(connection)
        super().__init__(self._source, _BUFFER)
        self._undeciphered = connection.pending if isinstance(connection, ssl.SSLSocket) else None

    def has_data(self) -> bool:
        """Whether the next request has begun to arrive, as far as the kernel has been asked."""
        self._source.is_waiting = False
        try:
            return bool(self.peek(1)) or bool(self._undeciphered and self._undeciphered())
        finally:
            self._source.is_waiting = True


class SocketWriter:
    """What is sent over a connection, as it is given."""

    bytes_written = 0
    closed = False

    def __init__(self, connection: socket.socket) -> None:
        self._send = connection.sendall

    def write(self, data: bytes) -> int:
        """Returns when all of it is on its way."""
        self._send(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The socket is closed by who made it."""


def socket_file(connection: socket.socket, mode: str = "r", _size: int = -1) -> SocketReader | SocketWriter:
    """What is read from a connection, or sent over it."""
    return SocketReader(connection) if "r" in mode else SocketWriter(connection)
