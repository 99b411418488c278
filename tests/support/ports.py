"""Ports of loopback that no other test takes: each process has a block of them, locked for as long as it lives."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from functools import cache
from itertools import cycle
from pathlib import Path

FIRST, LAST = 20_000, 32_000
"""Below the range from which Linux gives out ports by itself, so that no client's connection sits on one of them."""
BLOCK = 100


def free_port() -> int:
    """A port nobody listens on, over TCP or UDP, and that no other process of the tests is given."""
    return next(port for port in _ports() if is_free(port))


def is_free(port: int) -> bool:
    """Whether nobody uses a port of loopback."""
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        try:
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _ports() -> Iterator[int]:
    return _block(os.getpid())


@cache
def _block(process: int) -> Iterator[int]:
    """The block of this process, round and round; a port comes again when all others were given out."""
    folder = Path(tempfile.gettempdir()) / f"affinity-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    starts = list(range(FIRST, LAST, BLOCK))
    random.shuffle(starts)
    for start in starts:
        lock = os.open(folder / str(start), os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return cycle(range(start, start + BLOCK))  # the lock is let go when the process ends
    raise AssertionError("every block of ports is taken")
