"""Places at work: of the threads that could, only so many run at once.

More of them would only take turns at the interpreter, which costs each of them more than it wins. Who waits for the other side of
a connection gives the place away, and who works for long is replaced, so that nobody who is slow holds up the others.
"""

from __future__ import annotations

import threading
import time
from typing import Final

LONG_SECONDS: Final = 0.05
"""Work that takes longer is most likely waiting for something."""


class Places:
    """So many places; each thread calls `take` before a piece of work, and `began` when it has found some."""

    def __init__(self, number: int) -> None:
        self._free = threading.Semaphore(number)
        # every change of these is one operation, so they need no lock
        self._holders: set[int] = set()
        self._replaced: set[int] = set()
        self._since: dict[int, float] = {}

    def take(self) -> None:
        """Returns when this thread has a place; the work it had begun is done."""
        thread = threading.get_ident()
        if thread in self._holders:
            self._since.pop(thread, None)
            if thread not in self._replaced:
                return
            self._holders.discard(thread)
            self._replaced.discard(thread)
        self._free.acquire()
        self._holders.add(thread)

    def began(self, now: float) -> None:
        """This thread begins a piece of work; `now` is of `time.monotonic`."""
        self._since[threading.get_ident()] = now

    def leave(self) -> None:
        """This thread is about to wait for somebody outside: the place is for another. It goes on without one until `take`."""
        thread = threading.get_ident()
        if thread not in self._holders:
            return
        self._holders.discard(thread)
        self._since.pop(thread, None)
        if thread in self._replaced:
            self._replaced.discard(thread)
        else:
            self._free.release()

    def look(self) -> None:
        """To be called now and then: gives one place more for each piece of work that takes long, until it is done."""
        long_ago = time.monotonic() - LONG_SECONDS
        for thread, since in list(self._since.items()):
            if since < long_ago and thread not in self._replaced:
                self._replaced.add(thread)
                self._free.release()

    def open(self, number: int) -> None:
        """Lets so many more in, for good."""
        self._free.release(number)
