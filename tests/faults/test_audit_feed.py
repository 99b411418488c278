"""A repository elsewhere that is away, resets and dies in the middle of a frame: nothing of ours is lost, and the order stays."""

from __future__ import annotations

import contextlib
import random
import secrets
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from atna import feed
from atna.feed import backlog, drain
from atna.syslog import Flaw, Sender, SyslogDecoder, parse
from atna.transport import Address, StreamSink
from kernel.database import Database
from kernel.errors import Unavailable
from kernel.outbox import METADATA
from kernel.times import system_clock
from tests.support.audit import an_event

COUNT = 4_000
TRIES = 2_000


class Unreliable:
    """A receiver that reads on some connections to the end, and on others resets them wherever it likes."""

    def __init__(self, seed: int) -> None:
        self.received: list[bytes] = []
        self.mishaps = 0
        self._chance = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed: the end
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        decoder = SyslogDecoder(limit=1 << 20)
        left = self._chance.choice([0, 1, 50, 1_000, 20_000, 1 << 40, 1 << 40])
        try:
            while left > 0 and (data := connection.recv(min(left, 65536))):
                left -= len(data)
                decoder.feed(data)
                self._keep(decoder)
            if left <= 0:
                self.mishaps += 1
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            self.mishaps += 1

    def _keep(self, decoder: SyslogDecoder) -> None:
        for frame in decoder.messages():
            assert Flaw.CUT_OFF not in frame.flaws
            self.received.append(parse(frame.data).body)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'outbox.db'}", clock=system_clock)
    METADATA.create_all(made.engine)
    yield made
    made.close()


def test_nothing_is_lost_and_the_order_stays_whatever_the_receiver_does(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "BATCH", 50)
    seed = secrets.randbits(32)
    messages = [an_event(user=f"user-{n}").to_xml() for n in range(COUNT)]
    with database.begin() as work:
        for message in messages:
            work.audit(message)
    receiver = Unreliable(seed)
    hours = iter(range(0, 1 << 30, 3600))  # each look at the clock is an hour later: patience is always over
    sink = StreamSink(Address("127.0.0.1", receiver.port), Sender("h", "a", "1"), monotonic=lambda: next(hours))

    for _ in range(TRIES):
        with contextlib.suppress(Unavailable):
            drain(database, "local", sink)
        if not backlog(database):
            break
    receiver.close()

    assert backlog(database) == (), f"seed {seed}"
    assert receiver.mishaps > 10, f"seed {seed}"
    assert list(dict.fromkeys(receiver.received)) == messages, f"seed {seed}"
