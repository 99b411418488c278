"""The connections of the HTTP server: whichever thread has a place at work and is free takes the next that has something to read.

cheroot's own way is a thread that watches all connections, a queue, and threads that wait for the queue, which take turns at the
interpreter for each request. Here such a thread waits in the kernel (epoll), which wakes one for each connection.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from app.places import LONG_SECONDS, Places

log = structlog.get_logger("http")

_WANTED: Final = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT
_LOOK_SECONDS: Final = LONG_SECONDS
"""Between two looks for requests that take long, and for connections that have been silent for too long."""
_LAST: Final = 64
"""Connections that a thread takes at once in the end."""
_EXHAUSTED_SECONDS: Final = 0.05
"""Pause when the process has no descriptor left for one more."""


class Served(Protocol):
    """A connection."""

    last_used: float

    def fileno(self) -> int:
        """Its socket's descriptor."""
        ...

    def communicate(self) -> bool:
        """Answers one request; False when the connection is to end."""
        ...

    def has_data(self) -> bool:
        """Whether more was read from the socket than was asked for."""
        ...

    def close(self) -> None:
        """Ends it."""
        ...


class Connections:
    """Accepts connections and serves each request in one of `threads` threads, of which `at_work` run at once (see `places`).
    `open_` makes a connection of what was accepted.

    A connection that says nothing for `idle_seconds` is closed; of more than `limit` silent ones the longest silent are.
    """

    def __init__(
        self,
        threads: int,
        limit: int,
        idle_seconds: float,
        open_: Callable[[socket.socket, tuple[str, int]], Served | None],
        *,
        at_work: int,
    ) -> None:
        self.places = Places(at_work)
        self._open = open_
        self._limit = limit
        self._idle_seconds = idle_seconds
        # every step on it is one operation of a dictionary, so it needs no lock; in it the longest silent come first
        self._silent: dict[int, Served] = {}
        self._stop = threading.Event()
        self._poll = select.epoll()
        self._bell = os.eventfd(0)
        self._listener: socket.socket | None = None
        self._threads = [threading.Thread(target=self._work, name=f"http-{n}", daemon=True) for n in range(threads)]

    @property
    def can_keep_more(self) -> bool:
        """Whether another connection may be kept after its answer."""
        return not self._stop.is_set() and len(self._silent) < self._limit

    def start(self, listener: socket.socket) -> None:
        """Begins to accept."""
        listener.setblocking(False)
        self._listener = listener
        self._poll.register(self._bell, select.EPOLLIN)
        self._poll.register(listener, select.EPOLLIN | select.EPOLLONESHOT)
        for thread in self._threads:
            thread.start()

    def watch(self) -> None:
        """Closes what is silent for too long, until `stop`."""
        while not self._stop.wait(_LOOK_SECONDS):
            self.places.look()
            self._close_silent(lambda connection: connection.last_used < time.monotonic() - self._idle_seconds)

    def stop(self, patience: float) -> None:
        """Accepts no more and returns when every request that has begun to arrive is answered, or after so many seconds."""
        if self._stop.is_set():
            return
        if self._listener is not None:
            self._accept()  # who waits to be accepted may have sent all of a request
        self._stop.set()
        self.places.open(len(self._threads))
        if self._listener is not None:
            self._listener.close()
        os.eventfd_write(self._bell, 1)
        end = time.monotonic() + patience
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, end - time.monotonic()))
        self._close_silent(lambda _: True)
        if not any(thread.is_alive() for thread in self._threads):
            self._poll.close()
            os.close(self._bell)

    def _work(self) -> None:
        assert self._listener is not None
        listener = self._listener.fileno()
        while True:
            self.places.take()
            # in the end the bell rings for ever, and what has something to read besides is served first
            ready = self._poll.poll(0, _LAST) if self._stop.is_set() else self._poll.poll(-1, 1)
            numbers = [number for number, _ in ready if number != self._bell]
            if not numbers and self._stop.is_set():
                return
            for number in numbers:
                if number == listener:
                    self._accept()
                    continue
                connection = self._silent.pop(number, None)
                if connection is not None:
                    self.places.began(time.monotonic())
                    self._serve_safely(connection)

    def _serve(self, connection: Served) -> None:
        is_kept = connection.communicate()
        while is_kept and connection.has_data():
            is_kept = connection.communicate()
        if is_kept and not self._stop.is_set():
            self._wait_for(connection, self._poll.modify)
        else:
            connection.close()

    def _serve_safely(self, connection: Served) -> None:
        try:
            self._serve(connection)
        except Exception as problem:  # the thread goes on with the next connection
            if not isinstance(problem, OSError):  # the other side went away
                log.exception("bug")
            with contextlib.suppress(OSError):
                connection.close()

    def _wait_for(self, connection: Served, arm: Callable[[int, int], None]) -> None:
        connection.last_used = time.monotonic()
        number = connection.fileno()
        self._silent[number] = connection
        arm(number, _WANTED)

    def _accept(self) -> None:
        """Takes every connection that waits."""
        listener = self._listener
        assert listener is not None
        try:
            while True:
                accepted, address = listener.accept()
                connection = self._open(accepted, address)
                if connection is not None:
                    self._wait_for(connection, self._poll.register)
                    if len(self._silent) > self._limit:
                        self._close_silent(lambda _: len(self._silent) > self._limit)
        except BlockingIOError:
            pass
        except OSError as problem:
            if self._stop.is_set():
                return
            log.warning("no connection accepted", problem=problem.strerror or "")
            self._stop.wait(_EXHAUSTED_SECONDS)
        if not self._stop.is_set():
            self._poll.modify(listener, select.EPOLLIN | select.EPOLLONESHOT)

    def _close_silent(self, is_to_end: Callable[[Served], bool]) -> None:
        """Closes silent connections, the longest silent first, as long as `is_to_end`."""
        while True:
            try:
                number, connection = next(iter(self._silent.items()))
            except StopIteration:
                return
            except RuntimeError:
                continue  # another thread came between
            if not is_to_end(connection):
                return
            taken = self._silent.pop(number, None)
            if taken is connection:
                connection.close()
            elif taken is not None:
                self._silent[number] = taken
