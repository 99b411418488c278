"""The two sides of a connection as files, over a socket that does not block. cheroot's own are written in Python, and cost several
times as much."""

from __future__ import annotations

import io
import select
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final, TypeVar

_BUFFER: Final = 65536
T = TypeVar("T")


class OtherSide:
    """Waits for the other side of a connection, for `seconds` at the most at a time. `waiting` is called before it waits.

    Makes the socket one that does not block: what need not be waited for costs one call of the kernel.
    """

    def __init__(self, connection: socket.socket, seconds: float, waiting: Callable[[], None] = lambda: None) -> None:
        connection.setblocking(False)
        self.connection = connection
        self._milliseconds = seconds * 1000
        self._waiting = waiting

    def patiently(self, act: Callable[..., T], *arguments: object, wanted: int = select.POLLIN) -> T:
        """What `act` gives once the socket lets it; `wanted` is what a plain socket that does not is asked for.

        Raises `TimeoutError` when the other side is silent for too long.
        """
        while True:
            try:
                return act(*arguments)
            except BlockingIOError:
                self._wait(wanted)
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT)

    def _wait(self, wanted: int) -> None:
        self._waiting()
        poll = select.poll()
        poll.register(self.connection.fileno(), wanted)
        if not poll.poll(self._milliseconds):
            raise TimeoutError("the other side is silent")

    def file(self, _connection: socket.socket, mode: str = "r", _size: int = -1) -> SocketReader | SocketWriter:
        """What is read from the connection, or sent over it, as cheroot asks for it."""
        return SocketReader(self) if "r" in mode else SocketWriter(self)


class _Raw(io.RawIOBase):
    """A socket as a file that can be told not to wait for the other side."""

    def __init__(self, side: OtherSide) -> None:
        self._patiently = side.patiently
        self._receive_into = side.connection.recv_into
        self.is_waiting = True

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, room: Any) -> int | None:
        """Bytes received; None when it shall not wait for any."""
        return self._patiently(self._receive_into, room) if self.is_waiting else None


class SocketReader(io.BufferedReader):
    """What a connection sends."""

    bytes_read = 0
    """cheroot's own count of what was read, that nobody asks for."""

    def __init__(self, side: OtherSide) -> None:
        self._source = _Raw(side)
        super().__init__(self._source, _BUFFER)
        self._undeciphered = side.connection.pending if isinstance(side.connection, ssl.SSLSocket) else None

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

    def __init__(self, side: OtherSide) -> None:
        self._patiently = side.patiently
        self._send = side.connection.send

    def write(self, data: bytes) -> int:
        """Returns when all of it is on its way."""
        left = memoryview(data)
        while left:
            left = left[self._patiently(self._send, left, wanted=select.POLLOUT) :]
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The socket is closed by who made it."""
