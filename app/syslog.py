"""The syslog listeners: audit messages of others over UDP, TCP and TLS. Awaits bytes in one thread, records them in another.

A client that ends its stream in order sees it closed when all it sent is recorded. When the database is away or slow, streams are
read no further and datagrams wait in the socket; nothing that was read is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import structlog

from arr.model import Channel, Received
from arr.transactions.iti20_record_audit_event import RecordAuditEvent
from atna.syslog import Frame, SyslogDecoder
from kernel.errors import HieError
from kernel.peer import Peer
from kernel.tls import NodeRefused, TlsPipe, explain

log = structlog.get_logger("syslog")
BATCH = 500
"""Messages recorded in one unit of work."""
RETRY_SECONDS = 1.0
DATAGRAMS_AT_ONCE = 64
DATAGRAM_BYTES = 1 << 16
BACKLOG = 1024
_STOP_MARGIN = 5.0

Admits = Callable[[Peer], str]
"""Why a node whose certificate is good may still not send; empty when it may."""


@dataclass(frozen=True, slots=True)
class SyslogLimits:
    """What the listeners take.

    `message_bytes` of one message; `held_bytes` is what may wait to be recorded, and what all connections may hold of messages that
    are not whole; `idle_seconds` of silence close a connection, `partial_seconds` when it is within a message or a handshake.
    """

    message_bytes: int = 1 << 20
    held_bytes: int = 64 << 20
    connections: int = 1_000
    idle_seconds: float = 3_600.0
    partial_seconds: float = 60.0
    socket_bytes: int = 8 << 20


@dataclass(frozen=True, slots=True)
class SyslogAddresses:
    """Where to listen, each host and port; port 0 is any free one, None is not at all."""

    udp: tuple[str, int] | None = None
    tcp: tuple[str, int] | None = None
    tls: tuple[str, int] | None = None


@dataclass(slots=True)
class SyslogCounters:
    """Written by the listeners' threads alone."""

    messages: Counter[str] = field(default_factory=Counter)
    """By channel."""
    flawed: int = 0
    connections_open: int = 0
    connections_refused: int = 0
    handshakes_failed: int = 0
    recorded: int = 0
    retries: int = 0


class SyslogListener:
    """Serves syslog on up to three addresses. `start` gives the ports, `stop` records what was read."""

    def __init__(
        self,
        door: RecordAuditEvent,
        addresses: SyslogAddresses,
        *,
        limits: SyslogLimits,
        tls: ssl.SSLContext | None = None,
        refused: NodeRefused = lambda _peer, _reason: None,
        admits: Admits = lambda _peer: "",
    ) -> None:
        self.door = door
        self.limits = limits
        self.refused = refused
        self.admits = admits
        self.tls = tls
        self.counters = SyslogCounters()
        self.loop = asyncio.new_event_loop()
        self.recorder = _Recorder(self)
        self.connections: set[_Connection] = set()
        self.stopping = False
        self._addresses = addresses
        self._servers: list[asyncio.Server] = []
        self._udp: _Datagrams | None = None
        self._thread = threading.Thread(target=self._run, name="syslog-loop", daemon=True)

    def start(self) -> dict[Channel, int]:
        """Binds and serves; the port of each channel. Raises `OSError` when an address cannot be had."""
        self._thread.start()
        self.recorder.start()
        try:
            return asyncio.run_coroutine_threadsafe(self._listen(), self.loop).result()
        except BaseException:
            self.stop(0)
            raise

    def stop(self, grace: float = 10.0) -> None:
        """Reads nothing more, records what was read, and closes; what the database has not taken after `grace` seconds is lost."""
        if not self._thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self._close(), self.loop).result(_STOP_MARGIN)
        self.recorder.stop(grace)
        asyncio.run_coroutine_threadsafe(self._abort(), self.loop).result(_STOP_MARGIN)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_STOP_MARGIN)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    async def _listen(self) -> dict[Channel, int]:
        ports: dict[Channel, int] = {}
        if self._addresses.udp is not None:
            self._udp = _Datagrams(self, *self._addresses.udp)
            ports[Channel.UDP] = self._udp.port
        for channel, address in ((Channel.TCP, self._addresses.tcp), (Channel.TLS, self._addresses.tls)):
            if address is not None:
                ports[channel] = await self._serve(channel, *address)
        self._watch()
        return ports

    async def _serve(self, channel: Channel, host: str, port: int) -> int:
        if channel is Channel.TLS and self.tls is None:
            raise ValueError("TLS needs a certificate")
        server = await self.loop.create_server(lambda: _Connection(self, channel, f"{host}:{port}"), host, port, backlog=BACKLOG)
        self._servers.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    def _watch(self) -> None:
        """Closes what has been silent for too long, and comes back."""
        now = self.loop.time()
        for connection in list(self.connections):
            connection.close_if_late(now)
        if not self.stopping:
            self.loop.call_later(min(1.0, self.limits.idle_seconds / 4, self.limits.partial_seconds / 4), self._watch)

    async def _close(self) -> None:
        self.stopping = True
        for server in self._servers:
            server.close()
        if self._udp is not None:
            self._udp.close()
        for connection in list(self.connections):
            connection.finish()

    async def _abort(self) -> None:
        for connection in list(self.connections):
            connection.close()
        await self.loop.shutdown_default_executor()

    # what the connections call

    def take(self, frames: Sequence[Frame], channel: Channel, peer: Peer, connection: _Connection | None) -> None:
        """Frames to be recorded."""
        self.counters.messages[channel.value] += len(frames)
        self.counters.flawed += sum(1 for frame in frames if frame.flaws)
        self.recorder.add([(one, connection) for one in self.door.received(frames, channel, peer)])

    def held(self) -> int:
        """Bytes that all connections hold of messages that are not whole."""
        return sum(connection.held for connection in self.connections)

    # what the recorder calls, in its own thread

    def recorded(self, connections: Counter[_Connection], has_room: bool) -> None:
        """So many messages of these connections are recorded."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self.loop.call_soon_threadsafe(self._recorded, connections, has_room)

    def _recorded(self, connections: Counter[_Connection], has_room: bool) -> None:
        for connection, count in connections.items():
            connection.recorded(count)
        if has_room:
            for connection in list(self.connections):
                connection.resume()
            if self._udp is not None:
                self._udp.resume()


class _Recorder:
    """A bounded queue, and the thread that records what is in it."""

    def __init__(self, listener: SyslogListener) -> None:
        self._listener = listener
        self._queue: deque[tuple[Received, _Connection | None]] = deque()
        self._changed = threading.Condition()
        self._bytes = 0
        self._deadline: float | None = None
        self._is_stopping = False
        self._gives_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="syslog-recorder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def add(self, messages: Iterable[tuple[Received, _Connection | None]]) -> None:
        """Queues messages."""
        with self._changed:
            for message, connection in messages:
                self._queue.append((message, connection))
                self._bytes += len(message.data)
            self._changed.notify()

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be read until something is recorded."""
        return self._bytes > self._listener.limits.held_bytes

    def stop(self, grace: float) -> None:
        """Records what is queued; gives up after `grace` seconds."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join(grace)
        self._gives_up.set()
        self._thread.join(RETRY_SECONDS)
        if self._queue:
            log.error("audit messages lost at the end", count=len(self._queue))

    def _run(self) -> None:
        while batch := self._next():
            is_recorded = self._record([message for message, _ in batch])
            if not is_recorded:
                return
            connections: Counter[_Connection] = Counter(connection for _, connection in batch if connection is not None)
            with self._changed:
                for message, _ in batch:
                    self._queue.popleft()
                    self._bytes -= len(message.data)
                has_room = self._bytes <= self._listener.limits.held_bytes // 2
            self._listener.counters.recorded += len(batch)
            self._listener.recorded(connections, has_room)

    def _next(self) -> list[tuple[Received, _Connection | None]]:
        """The oldest messages, which stay queued; none when it is time to end."""
        with self._changed:
            while not self._queue and not self._is_stopping:
                self._changed.wait()
            return [self._queue[i] for i in range(min(BATCH, len(self._queue)))]

    def _record(self, messages: Sequence[Received]) -> bool:
        """Tries until the database takes them; False when told to give up."""
        while True:
            try:
                self._listener.door.record(messages)
            except Exception as problem:  # the worker's loop: nothing that was received may be lost, whatever broke
                name = problem.condition.name if isinstance(problem, HieError) else type(problem).__name__
                log.warning("audit messages wait", problem=name, exc_info=not isinstance(problem, HieError))
                self._listener.counters.retries += 1
                if self._gives_up.wait(RETRY_SECONDS):
                    return False
            else:
                return True


class _Datagrams:
    """The UDP socket: each datagram is a message (RFC 5426). What the queue cannot take stays in the socket."""

    def __init__(self, listener: SyslogListener, host: str, port: int) -> None:
        self._listener = listener
        kind = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)[0]
        self._socket = socket.socket(*kind[:3])
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, listener.limits.socket_bytes)
        self._socket.bind(kind[4])
        self.port: int = self._socket.getsockname()[1]
        self._endpoint = f"{host}:{self.port}"
        self._is_reading = True
        listener.loop.add_reader(self._socket, self._read)

    def _read(self) -> None:
        """What has arrived, so many at once; those that one sender sent in a row are taken together."""
        frames: list[Frame] = []
        sender = ""
        for _ in range(DATAGRAMS_AT_ONCE):
            try:
                data, address = self._socket.recvfrom(DATAGRAM_BYTES)
            except OSError:  # nothing more, or the kernel's note of an unreachable other side
                break
            if frames and address[0] != sender:
                self._take(frames, sender)
                frames = []
            sender = address[0]
            if data:
                frames.append(Frame(data))
        if frames:
            self._take(frames, sender)
        if self._listener.recorder.is_full:
            self._is_reading = False
            self._listener.loop.remove_reader(self._socket)

    def _take(self, frames: Sequence[Frame], sender: str) -> None:
        self._listener.take(frames, Channel.UDP, Peer(str(sender), self._endpoint), None)

    def resume(self) -> None:
        """Reads again after the queue was full."""
        if not self._is_reading and not self._listener.stopping:
            self._is_reading = True
            self._listener.loop.add_reader(self._socket, self._read)

    def close(self) -> None:
        """Takes what has arrived, and closes."""
        while self._is_reading and not self._listener.recorder.is_full:
            before = self._listener.counters.messages[Channel.UDP.value]
            self._read()
            if self._listener.counters.messages[Channel.UDP.value] == before:
                break
        self._listener.loop.remove_reader(self._socket)
        self._socket.close()


class _Connection(asyncio.Protocol):
    """One stream. It is closed when the other side has ended it and all it sent is recorded."""

    def __init__(self, listener: SyslogListener, channel: Channel, endpoint: str) -> None:
        self._listener = listener
        self._channel = channel
        self._decoder = SyslogDecoder(limit=listener.limits.message_bytes)
        self._tls = TlsPipe(listener.tls) if channel is Channel.TLS and listener.tls else None
        self._transport: asyncio.Transport | None = None
        self._peer = Peer("", endpoint)
        self._heard = 0.0
        self._waiting = 0
        self._is_ended = False
        self._is_paused = False
        self._has_spoken = False

    @property
    def held(self) -> int:
        """Bytes of a message that is not whole."""
        return self._decoder.held

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the connection, or cuts it when there are too many."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        counters = self._listener.counters
        if self._listener.stopping or len(self._listener.connections) >= self._listener.limits.connections:
            counters.connections_refused += 1
            transport.abort()
            return
        connected = transport.get_extra_info("socket")
        if connected is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        address = transport.get_extra_info("peername")
        self._peer = Peer(str(address[0]) if address else "", self._peer.endpoint)
        self._heard = self._listener.loop.time()
        self._listener.connections.add(self)
        counters.connections_open += 1

    def data_received(self, data: bytes) -> None:
        """Takes what arrived."""
        self._heard = self._listener.loop.time()
        self._has_spoken = True
        if self._is_ended:
            return
        text = data if self._tls is None else self._opened(self._tls, data)
        self._decoder.feed(text)
        self._take(self._decoder.messages())
        if self._tls is not None and self._tls.is_ended:
            self.finish()
        elif self.held > self._listener.limits.message_bytes // 2 and self._listener.held() > self._listener.limits.held_bytes:
            log.warning("connection closed", reason="too many bytes held by all connections", peer=self._peer.address)
            self.finish()
        elif self._listener.recorder.is_full and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """The other side has said all it will say."""
        self.finish()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """What came before is recorded all the same."""
        if self in self._listener.connections:
            if self._tls is not None and not self._tls.is_ready and not self._is_ended and self._has_spoken:
                self._refuse(
                    explain(exc) if isinstance(exc, OSError) else "the other side ended the connection within the handshake"
                )
            self._take(self._decoder.close())
            self._is_ended = True
            self._listener.connections.discard(self)
            self._listener.counters.connections_open -= 1

    # what the listener calls

    def recorded(self, count: int) -> None:
        """So many of its messages are recorded."""
        self._waiting -= count
        if self._is_ended and not self._waiting:
            self.close()

    def resume(self) -> None:
        """Reads again after the queue was full."""
        if self._is_paused and self._transport is not None and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()

    def close_if_late(self, now: float) -> None:
        """Ends the connection when it was silent for too long."""
        limits = self._listener.limits
        is_partial = self.held or (self._tls is not None and not self._tls.is_ready)
        if not self._is_paused and now - self._heard > (limits.partial_seconds if is_partial else limits.idle_seconds):
            if self._tls is not None and not self._tls.is_ready:
                self._refuse("the other side did not finish the handshake in time")
            self.finish()

    def finish(self) -> None:
        """Takes what is left, and closes when it is recorded."""
        if not self._is_ended:
            self._take(self._decoder.close())
            self._is_ended = True
        if not self._waiting:
            self.close()

    def close(self) -> None:
        """Closes, over TLS with the alert that says so."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._tls is not None and self._tls.is_ready:
            self._tls.close()
            self._transport.write(self._tls.outgoing())
        self._transport.close()

    # inside

    def _opened(self, tls: TlsPipe, data: bytes) -> bytes:
        was_ready = tls.is_ready
        try:
            text = tls.receive(data)
        except ssl.SSLError as problem:
            self._refuse(explain(problem))
            self._write(tls.outgoing())
            self.finish()
            return b""
        self._write(tls.outgoing())
        if tls.is_ready and not was_ready:
            self._peer = Peer(self._peer.address, self._peer.endpoint, tls.subject)
            why_not = self._listener.admits(self._peer)
            if why_not:
                self._refuse(why_not)
                self.finish()
                return b""
        return text

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _refuse(self, reason: str) -> None:
        self._listener.counters.handshakes_failed += 1
        self._is_ended = True
        log.warning("TLS refused", peer=self._peer.address, reason=reason)
        self._listener.loop.run_in_executor(None, self._listener.refused, self._peer, reason)

    def _take(self, frames: Sequence[Frame]) -> None:
        if frames:
            self._waiting += len(frames)
            self._listener.take(frames, self._channel, self._peer, self)
