"""One HL7 v2 message to an MLLP listener and its answer back, on a connection of its own."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass

from hl7v2.mllp import MllpDecoder, OverLimit, frame
from kernel.errors import Condition, Unavailable, Unreadable, violation

ANSWER_LIMIT = 16 << 20
"""Bytes of an answer."""
_CHUNK = 64 << 10


@dataclass(frozen=True, slots=True)
class MllpAddress:
    """Where to send: with `tls`, the certificate must be that of `host`. `timeout` is in seconds for the whole exchange."""

    host: str
    port: int
    timeout: float = 30.0
    tls: ssl.SSLContext | None = None


def mllp_call(address: MllpAddress, message: bytes) -> bytes:
    """Sends a message and gives the answer, both without their frames.

    Raises `Unavailable` when there is no connection or no answer in time, and `Unreadable` when the answer is too long. A message
    without an answer may have been taken all the same.
    """
    end = time.monotonic() + address.timeout
    try:
        with socket.create_connection((address.host, address.port), address.timeout) as plain:
            if address.tls is None:
                return _exchange(plain, frame(message), end)
            with address.tls.wrap_socket(plain, server_hostname=address.host) as secured:
                return _exchange(secured, frame(message), end)
    except TimeoutError:
        raise _away(address, "no answer within the time limit") from None
    except ssl.SSLError:
        raise _away(address, "no TLS connection could be made: certificate or protocol do not fit") from None
    except OSError as problem:
        raise _away(address, problem.strerror or "no connection") from None


def _exchange(connection: socket.socket, framed: bytes, end: float) -> bytes:
    connection.sendall(framed)
    decoder = MllpDecoder(limit=ANSWER_LIMIT)
    while True:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        data = connection.recv(_CHUNK)
        if not data:
            raise ConnectionResetError(0, "the connection ended without an answer")
        decoder.feed(data)
        for event in decoder.events():
            if isinstance(event, OverLimit):
                raise Unreadable(violation(Condition.TOO_LARGE, "answer", f"more than {ANSWER_LIMIT} bytes"))
            return event


def _away(address: MllpAddress, detail: str) -> Unavailable:
    return Unavailable(violation(Condition.PEER_UNAVAILABLE, f"{address.host}:{address.port}", detail))
