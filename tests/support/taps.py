"""Listens to what goes over a Redis broker: every command that every client sends it."""

from __future__ import annotations

import base64
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_BODY = re.compile(rb'\\"body\\": \\"([A-Za-z0-9+/=]+)\\"')


class Tap:
    """What was heard so far."""

    def __init__(self, port: int) -> None:
        self._wire = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._wire.sendall(b"MONITOR\r\n")
        assert self._wire.recv(5) == b"+OK\r\n"
        self._wire.settimeout(None)
        self._data = bytearray()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while piece := self._wire.recv(65536):
            self._data += piece

    def heard(self) -> bytes:
        """The commands, and after them the bodies of the tasks, which Celery sends as base64."""
        data = bytes(self._data)
        return data + b"\n".join(base64.b64decode(body) for body in _BODY.findall(data))

    def close(self) -> None:
        """Ends the connection and the thread."""
        self._wire.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=10)
        self._wire.close()


@contextmanager
def tapped(port: int) -> Iterator[Tap]:
    """A tap on the Redis server at a port."""
    tap = Tap(port)
    try:
        yield tap
    finally:
        tap.close()
