"""Audit messages on the wire: syslog over TLS (RFC 5425), TCP (RFC 6587) and UDP (RFC 5426).

Syslog has no acknowledgement. On a stream a batch counts as taken when the receiver, told that nothing follows, has read to the
end and closed the connection in order: what it did not read would have reset it.
"""

from __future__ import annotations

import fcntl
import socket
import ssl
import struct
import termios
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from atna.feed import Patience, Waiting
from atna.reader import read
from atna.syslog import Sender, encode, frame
from kernel.errors import Condition, HieError, Unavailable, violation
from kernel.tls import TlsPipe, explain

CONNECT_SECONDS: Final = 5.0
SEND_SECONDS: Final = 30.0
CLOSE_SECONDS: Final = 5.0
DATAGRAM_LIMIT: Final = 65_507
"""Bytes of a UDP datagram over IPv4."""
_CHUNK: Final = 1 << 16

Monotonic = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a repository listens, and what certificate name it must show over TLS."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class StreamSink:
    """Sends a batch as one connection; with a TLS context by RFC 5425, without one over plain TCP."""

    def __init__(self, address: Address, sender: Sender, *, monotonic: Monotonic, tls: ssl.SSLContext | None = None) -> None:
        self._address = address
        self._sender = sender
        self._tls = tls
        self._monotonic = monotonic
        self._patience = Patience()

    def send(self, messages: Sequence[Waiting]) -> None:
        """See `atna.feed.RemoteSink`."""
        _wait_for(self._patience, self._monotonic(), self._address)
        try:
            self._deliver(messages)
        except OSError as problem:
            self._patience.failed(self._monotonic())
            raise _away(self._address, explain(problem)) from problem
        self._patience.worked()

    def _deliver(self, messages: Sequence[Waiting]) -> None:
        with socket.create_connection((self._address.host, self._address.port), timeout=CONNECT_SECONDS) as connection:
            stream = _TlsStream(connection, self._tls, self._address.host) if self._tls else _PlainStream(connection)
            connection.settimeout(SEND_SECONDS)
            for message in messages:
                stream.send(frame(encode(message.message, self._sender, _instant(message))))
            connection.settimeout(CLOSE_SECONDS)
            stream.end()
            try:
                while not stream.has_ended():
                    pass
            except TimeoutError:
                # it keeps its side open: that its kernel has everything is all that can be known
                if _unacknowledged(connection):
                    raise


class _PlainStream:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def end(self) -> None:
        self._connection.shutdown(socket.SHUT_WR)

    def has_ended(self) -> bool:
        """Waits for the other side; whether it has ended. Raises `OSError` when it reset the connection."""
        return not self._connection.recv(_CHUNK)


class _TlsStream:
    def __init__(self, connection: socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._connection = connection
        self._pipe = TlsPipe(context, server_hostname=host)
        self._receive(b"")
        while not self._pipe.is_ready:
            if not (data := connection.recv(_CHUNK)):
                raise ConnectionAbortedError("ended within the handshake")
            self._receive(data)

    def send(self, data: bytes) -> None:
        self._pipe.send(data)
        self._connection.sendall(self._pipe.outgoing())

    def end(self) -> None:
        self._pipe.close()
        self._connection.sendall(self._pipe.outgoing())

    def has_ended(self) -> bool:
        """Waits for the other side; whether it has ended, with its closing alert or, as many do, without.

        Raises `OSError` when it reset the connection, or refuses our certificate after all.
        """
        if not (data := self._connection.recv(_CHUNK)):
            return True
        self._receive(data)
        return self._pipe.is_ended

    def _receive(self, data: bytes) -> None:
        try:
            self._pipe.receive(data)
        except ssl.SSLError:
            with suppress(OSError):  # why it failed matters more than whether they hear of it
                self._connection.sendall(self._pipe.outgoing())
            raise
        self._connection.sendall(self._pipe.outgoing())


class DatagramSink:
    """Sends each message as one datagram; nobody can say whether it was taken."""

    def __init__(self, address: Address, sender: Sender, *, monotonic: Monotonic) -> None:
        self._address = address
        self._sender = sender
        self._monotonic = monotonic
        self._patience = Patience()

    def send(self, messages: Sequence[Waiting]) -> None:
        """See `atna.feed.RemoteSink`."""
        _wait_for(self._patience, self._monotonic(), self._address)
        try:
            kind = socket.getaddrinfo(self._address.host, self._address.port, type=socket.SOCK_DGRAM)[0]
            with socket.socket(*kind[:3]) as connection:
                connection.connect(kind[4])
                for message in messages:
                    connection.send(self._datagram(message))
        except OSError as problem:
            self._patience.failed(self._monotonic())
            raise _away(self._address, explain(problem)) from problem
        self._patience.worked()

    def _datagram(self, message: Waiting) -> bytes:
        when = _instant(message)
        data = encode(message.message, self._sender, when)
        if len(data) > DATAGRAM_LIMIT:
            room = DATAGRAM_LIMIT - (len(data) - len(message.message))
            data = encode(fitted(message.message, room), self._sender, when)
        return data[:DATAGRAM_LIMIT]


def fitted(message: bytes, room: int) -> bytes:
    """The audit message with its queries left out where it is larger than `room`; their lengths are noted."""
    if len(message) <= room:
        return message
    try:
        whole = read(message)
    except HieError:
        return message
    objects = tuple(
        what
        if what.query is None
        else replace(what, query=None, details=(*what.details, ("originalLength", b"%d" % len(what.query))))
        for what in whole.objects
    )
    return replace(whole, objects=objects).to_xml()


def _unacknowledged(connection: socket.socket) -> int:
    """Bytes that the other end's kernel has not confirmed (Linux, tcp(7) SIOCOUTQ)."""
    count: int = struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0]
    return count


def _instant(message: Waiting) -> datetime:
    return datetime.fromtimestamp(message.told_at / 1000, UTC)


def _wait_for(patience: Patience, now: float, address: Address) -> None:
    if not patience.is_over(now):
        raise _away(address, "it is tried again in a while")


def _away(address: Address, why: str) -> Unavailable:
    return Unavailable(
        violation(Condition.PEER_UNAVAILABLE, str(address), f"the audit record repository does not take what it is sent: {why}")
    )
