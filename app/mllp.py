"""The MLLP listener: sockets of HL7 v2. Awaits bytes in one thread, has messages answered in a bounded pool of others."""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from hl7v2.mllp import MllpDecoder, OverLimit, frame
from kernel.logs import bound
from kernel.peer import Peer
from kernel.tls import NodeRefused, TlsPipe, explain

Dispatch = Callable[[bytes, Peer], bytes]
"""From a message to its answer; an empty answer is not sent."""

log = structlog.get_logger("mllp")

JUNK_LIMIT = 64 << 10
"""Bytes outside frames that are passed over before the connection is closed."""
WAITING_LIMIT = 32
"""Messages of one connection that wait for their turn before no more are read from it."""
SMALL = 64 << 10
"""What a connection may hold whatever the others hold."""
BACKLOG = 4096
_STOP_MARGIN = 5.0


def _new_request_id() -> str:
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class MllpLimits:
    """What a listener takes: bytes of a message, seconds of silence, seconds from a frame's first byte to its last.

    `threads` messages are worked on at a time. `held_bytes` is what all connections may hold together of messages that wait or
    are not whole.
    """

    message_bytes: int = 4 << 20
    idle_seconds: float = 300.0
    frame_seconds: float = 30.0
    threads: int = 16
    connections: int = 20_000
    held_bytes: int = 256 << 20


class MllpListener:
    """Serves MLLP on one address. The counters are plain attributes, written by its own thread alone."""

    def __init__(
        self,
        dispatch: Dispatch,
        host: str,
        port: int,
        *,
        limits: MllpLimits,
        tls: ssl.SSLContext | None = None,
        too_long: Dispatch | None = None,
        refused: NodeRefused = lambda _peer, _reason: None,
    ) -> None:
        """Port 0 is any free one. `too_long` answers a frame over the limit from its beginning, else the connection is closed."""
        self.refused = refused
        self.unreadable: NodeRefused = lambda _peer, _reason: None
        """Told of a peer that sends bytes and no frames; set before the start."""
        self.dispatch = dispatch
        self.too_long = too_long
        self.limits = limits
        self.new_request_id = _new_request_id
        self.endpoint = f"{host}:{port}"
        self.connections_open = 0
        self.connections_refused = 0
        self.messages = 0
        self.over_limit = 0
        self.junk_bytes = 0
        self.timeouts = 0
        self.held_bytes = 0
        self.loop = asyncio.new_event_loop()
        self.pool = ThreadPoolExecutor(limits.threads, thread_name_prefix="mllp")
        self.connections: set[_Connection] = set()
        self._address = (host, port)
        self.tls = tls
        self._server: asyncio.Server | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="mllp-loop", daemon=True)

    def start(self) -> int:
        """Binds and serves; the port. Raises `OSError` when the address cannot be had."""
        self._thread.start()
        try:
            return asyncio.run_coroutine_threadsafe(self._listen(), self.loop).result()
        except BaseException:
            self.stop(0)
            raise

    def stop(self, grace: float = 10.0) -> None:
        """Takes nothing more, answers what was accepted, and closes; what is not done after `grace` seconds is cut off."""
        if not self._thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self._close(grace), self.loop).result(grace + _STOP_MARGIN)
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_STOP_MARGIN)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    async def _listen(self) -> int:
        host, port = self._address
        self._server = await self.loop.create_server(lambda: _Connection(self), host, port, backlog=BACKLOG)
        bound: int = self._server.sockets[0].getsockname()[1]
        self.endpoint = f"{host}:{bound}"
        self._watch()
        return bound

    def _watch(self) -> None:
        """Closes what has been silent or slow for too long, and comes back."""
        now = self.loop.time()
        for connection in list(self.connections):
            connection.close_if_late(now)
        if not self._stopping:
            self.loop.call_later(min(1.0, self.limits.idle_seconds / 4, self.limits.frame_seconds / 4), self._watch)

    async def _close(self, grace: float) -> None:
        self._stopping = True
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.close_when_done()
        deadline = self.loop.time() + grace
        while self.connections and self.loop.time() < deadline:
            await asyncio.sleep(0.01)
        for connection in list(self.connections):
            connection.abort()
        while self.connections and self.loop.time() < deadline + 1:
            await asyncio.sleep(0.01)

    def admits(self) -> bool:
        """Whether one more connection may be kept."""
        return not self._stopping and len(self.connections) < self.limits.connections

    def handle(self, event: bytes | OverLimit, peer: Peer) -> bytes | None:
        """The answer to one message, in a thread of the pool; None when there is none and the connection is to be closed."""
        with bound(request_id=peer.request_id):
            try:
                if isinstance(event, bytes):
                    return self.dispatch(event, peer)
                return self.too_long(event.head, peer) if self.too_long else None
            except Exception:
                log.exception("a message was not answered", peer=peer.address)
                return None


class _Connection(asyncio.Protocol):
    """One connection: its messages are answered one after the other, in order."""

    __slots__ = (
        "_began",
        "_busy",
        "_closing",
        "_decoder",
        "_frame_began",
        "_heard",
        "_held",
        "_listener",
        "_paused",
        "_peer",
        "_tls",
        "_transport",
        "_waiting",
        "_writable",
    )

    def __init__(self, listener: MllpListener) -> None:
        self._listener = listener
        self._decoder = MllpDecoder(listener.limits.message_bytes)
        self._transport: asyncio.Transport | None = None
        self._peer = Peer("", "")
        self._waiting: deque[bytes | OverLimit] = deque()
        self._busy = False
        self._closing = False
        self._paused = False
        self._writable = True
        self._heard = 0.0
        self._held = 0
        self._frame_began: float | None = None
        self._tls = TlsPipe(listener.tls) if listener.tls else None
        self._began = 0.0

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the connection, or closes it when there are too many."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not self._listener.admits():
            self._listener.connections_refused += 1
            transport.abort()
            return
        connected = transport.get_extra_info("socket")
        if connected is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        address = transport.get_extra_info("peername")
        self._peer = Peer(str(address[0]) if address else "", self._listener.endpoint)
        self._heard = self._began = self._listener.loop.time()
        self._listener.connections.add(self)
        self._listener.connections_open += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection; a message in hand is still handled."""
        if self._is_shaking and self._heard > self._began and not self._closing:
            self._refuse(explain(exc) if isinstance(exc, OSError) else "the other side ended the connection within the handshake")
        self._closing = True
        self._waiting.clear()
        self._listener.held_bytes -= self._held
        self._held = 0
        if self in self._listener.connections:
            self._listener.connections.discard(self)
            self._listener.connections_open -= 1

    def data_received(self, data: bytes) -> None:
        """Takes what arrived, and starts on what became whole."""
        if self._closing:
            return
        now = self._heard = self._listener.loop.time()
        if self._tls is not None:
            data = self._opened(self._tls, data)
        junk = self._decoder.junk
        self._decoder.feed(data)
        self._listener.junk_bytes += self._decoder.junk - junk
        events = self._decoder.events()
        self._waiting.extend(events)
        self._listener.messages += len(events)
        self._listener.over_limit += sum(1 for e in events if isinstance(e, OverLimit))
        if not self._decoder.is_within_frame:
            self._frame_began = None
        elif self._frame_began is None or events:
            self._frame_began = now
        if events:
            self._decoder.junk = 0
        elif self._decoder.junk > JUNK_LIMIT:
            self._give_up("too many bytes outside frames")
            self._tell(self._listener.unreadable, "no MLLP frame in the bytes sent")
        self._hold()
        self._next()
        if self._tls is not None and self._tls.is_ended:
            self.close_when_done()

    def _hold(self) -> None:
        """Counts what this connection holds, and gives it up when all hold too much and it more than a little."""
        held = self._decoder.held + sum(map(_size, self._waiting))
        self._listener.held_bytes += held - self._held
        self._held = held
        if self._listener.held_bytes > self._listener.limits.held_bytes and held > SMALL:
            self._give_up("too many bytes held by all connections")

    def eof_received(self) -> bool:
        """The client has said all it will say: what was accepted is answered, then the connection closed."""
        if self._is_shaking:
            return False
        self.close_when_done()
        return self._busy or bool(self._waiting)

    def pause_writing(self) -> None:
        """The client does not read its answers: nothing more is done for it until it does."""
        self._writable = False

    def resume_writing(self) -> None:
        """The client reads again."""
        self._writable = True
        self._heard = self._listener.loop.time()
        self._next()

    # what the listener calls

    def close_if_late(self, now: float) -> None:
        """Closes the connection when it was silent, slow to send or slow to read for too long."""
        limits = self._listener.limits
        silent = now - self._heard
        if self._is_shaking and now - self._began > limits.frame_seconds:
            if self._heard > self._began and not self._closing:
                self._refuse("the other side did not finish the handshake in time")
            self.abort()
            return
        is_slow = self._frame_began is not None and not self._paused and now - self._frame_began > limits.frame_seconds
        if is_slow:
            self._listener.timeouts += 1
            self._give_up("a frame was not completed in time")
        elif not self._busy and silent > limits.frame_seconds and (self._closing or not self._writable):
            self._listener.timeouts += 1
            self._give_up("answers were not read in time")
        elif not self._busy and not self._waiting and silent > limits.idle_seconds:
            self._listener.timeouts += 1
            self._close()

    def close_when_done(self) -> None:
        """Reads no more, answers what was accepted, and closes."""
        self._closing = True
        self._frame_began = None
        self._pause_reading()
        if not self._busy and not self._waiting:
            self._close()

    def abort(self) -> None:
        """Cuts the connection off."""
        if self._transport is not None:
            self._transport.abort()

    # inside

    def _next(self) -> None:
        """Hands the next message to the pool, one at a time; stops reading while too many wait."""
        too_much = self._held > self._listener.limits.message_bytes
        if len(self._waiting) > WAITING_LIMIT or (self._waiting and too_much):
            self._pause_reading()
        elif self._paused and not self._closing:
            self._resume_reading()
        if self._busy or not self._waiting or not self._writable:
            return
        self._busy = True
        event = self._waiting.popleft()
        self._held -= _size(event)
        self._listener.held_bytes -= _size(event)
        peer = replace(self._peer, request_id=self._listener.new_request_id())
        future = self._listener.pool.submit(self._listener.handle, event, peer)
        future.add_done_callback(self._answered)

    def _answered(self, future: Future[bytes | None]) -> None:
        # in a thread of the pool, or in the one that stops the listener
        try:
            self._listener.loop.call_soon_threadsafe(self._send, future)
        except RuntimeError:
            return  # the loop has ended: nobody is left to be answered

    def _send(self, future: Future[bytes | None]) -> None:
        self._busy = False
        self._heard = self._listener.loop.time()
        answer = None if future.cancelled() else future.result()
        if answer is None:
            self._waiting.clear()
            self._close()
            return
        if answer and self._transport is not None and not self._transport.is_closing():
            self._write(frame(answer))
        self._next()
        if self._closing and not self._busy and not self._waiting:
            self._close()

    def _pause_reading(self) -> None:
        if not self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._paused = False
            if self._frame_began is not None:
                self._frame_began = self._listener.loop.time()
            self._transport.resume_reading()

    @property
    def _is_shaking(self) -> bool:
        return self._tls is not None and not self._tls.is_ready

    def _opened(self, tls: TlsPipe, data: bytes) -> bytes:
        """What the bytes say; nothing where the other side is not let in, which ends the connection."""
        was_ready = tls.is_ready
        try:
            text = tls.receive(data)
        except ssl.SSLError as problem:
            self._refuse(explain(problem))
            self._flush(tls)
            self._close()
            return b""
        self._flush(tls)
        if tls.is_ready and not was_ready:
            self._peer = replace(self._peer, certificate_subject=tls.subject)
        return text

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        if self._tls is None:
            self._transport.write(data)
        else:
            self._tls.send(data)
            self._flush(self._tls)

    def _flush(self, tls: TlsPipe) -> None:
        data = tls.outgoing()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _refuse(self, reason: str) -> None:
        self._closing = True
        log.warning("TLS refused", peer=self._peer.address, reason=reason)
        self._tell(self._listener.refused, reason)

    def _tell(self, told: NodeRefused, reason: str) -> None:
        with suppress(RuntimeError):  # the pool has ended with the listener
            self._listener.pool.submit(told, self._peer, reason)

    def _close(self) -> None:
        self._closing = True
        if self._transport is None or self._transport.is_closing():
            return
        if self._tls is not None and self._tls.is_ready:
            self._tls.close()
            self._flush(self._tls)
        self._transport.close()

    def _give_up(self, reason: str) -> None:
        log.warning("connection closed", reason=reason, peer=self._peer.address)
        self._closing = True
        self._waiting.clear()
        self.abort()


def _size(event: bytes | OverLimit) -> int:
    return len(event) if isinstance(event, bytes) else len(event.head)
