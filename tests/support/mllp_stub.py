"""An MLLP listener that answers as it is told and remembers what it was sent; threads and the standard library only."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

START, END = b"\x0b", b"\x1c\r"


class MllpStub:
    """The running listener: its `port`, what it `received`, and the `script` that gives the bytes to answer with, frame and all."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.received: list[bytes] = []
        self.script: Callable[[bytes], bytes] = lambda _: b""


def framed(message: bytes) -> bytes:
    """A message in its frame."""
    return START + message + END


@contextmanager
def mllp_stub(tls: ssl.SSLContext | None = None) -> Iterator[MllpStub]:
    """A listener on a free port of this machine. It answers one message of a connection and closes it."""
    server = _Server(("127.0.0.1", 0), _Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    stub = MllpStub(server.server_address[1])
    server.stub = stub
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    stub: MllpStub

    def handle_error(self, *_: object) -> None:
        """Quiet: a client that goes away is part of the tests."""


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        wire = b""
        while not wire.endswith(END):
            data = self.request.recv(4096)
            if not data:
                return
            wire += data
        assert isinstance(self.server, _Server)
        stub = self.server.stub
        stub.received.append(wire.removeprefix(START).removesuffix(END))
        self.request.sendall(stub.script(stub.received[-1]))
