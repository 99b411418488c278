"""A repository elsewhere that is away, resets and dies in the middle of a frame: nothing of ours is lost, and the order stays."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import secrets
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from app.mllp_client import MllpAddress, mllp_call
from atna import feed
from atna.feed import backlog, drain
from atna.fhir_transport import FhirSink
from atna.syslog import Flaw, Sender, SyslogDecoder, parse
from atna.transport import Address, StreamSink
from kernel.database import Database
from kernel.errors import Unavailable
from kernel.outbox import METADATA
from kernel.times import system_clock
from tests.support.audit import an_event
from tests.support.fhir_stub import fhir_stub
from tests.support.ports import free_port
from tests.support.service import OPEN_DOMAIN, running
from tests.support.v2 import admission, pid

COUNT = int(os.environ.get("HIE_TEST_AUDIT_MESSAGES", "4000"))
"""The whole proof is with 100,000."""
TRIES = max(2_000, COUNT // 2)


class Unreliable:
    """A receiver that reads on some connections to the end, and on others resets them wherever it likes."""

    def __init__(self, seed: int, port: int = 0, *, mishaps: bool = True) -> None:
        self._left = [0, 1, 50, 1_000, 20_000, 1 << 40, 1 << 40] if mishaps else [1 << 40]
        self.received: list[bytes] = []
        self.mishaps = 0
        self._chance = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", port))
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
        left = self._chance.choice(self._left)
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


def tell(database: Database, numbers: Iterable[int]) -> None:
    """Messages of these numbers, in one unit of work."""
    with database.begin() as work:
        for number in numbers:
            work.audit(an_event(user=f"user-{number}").to_xml())


@pytest.mark.timeout(max(300, COUNT // 50))
def test_nothing_is_lost_and_the_order_stays_whatever_the_receiver_does(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "BATCH", 50)
    seed = secrets.randbits(32)
    messages = [an_event(user=f"user-{n}").to_xml() for n in range(COUNT)]
    tell(database, range(COUNT))
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


def test_nothing_is_lost_as_fhir_either(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "BATCH", 50)
    seed = secrets.randbits(32)
    chance = random.Random(seed)
    count = COUNT // 4
    tell(database, range(count))
    hours, mishaps = itertools.count(0, 3600), 0

    with fhir_stub() as stub:
        sink = FhirSink(f"http://127.0.0.1:{stub.port}/fhir", monotonic=lambda: next(hours))
        for _ in range(TRIES):
            # a batch is refused in parts, answered by nothing, or turned away whole
            stub.drops = int(chance.random() < 0.1)
            stub.batch_status = 503 if chance.random() < 0.1 else 200
            stub.verdict = lambda _event: 500 if chance.random() < 0.01 else 201
            try:
                drain(database, "local", sink)
            except Unavailable:
                mishaps += 1
            if not backlog(database):
                break
        taken = [event["agent"][0]["who"]["identifier"]["value"] for event in stub.taken]

    assert backlog(database) == (), f"seed {seed}"
    assert mishaps > 3, f"seed {seed}"
    assert sorted(taken) == sorted(f"user-{n}" for n in range(count)), f"seed {seed}"
    assert all(abs(place - int(user[5:])) < feed.BATCH for place, user in enumerate(taken)), f"seed {seed}"


def test_an_hour_without_a_repository_loses_nothing(database: Database) -> None:
    port, now = free_port(), 0.0
    sink = StreamSink(Address("127.0.0.1", port), Sender("h", "a", "1"), monotonic=lambda: now)
    numbers = iter(range(COUNT))

    while now < 3600:
        tell(database, itertools.islice(numbers, COUNT // 600))
        for _ in range(3):
            with pytest.raises(Unavailable):
                drain(database, "local", sink)
            now += 2.0
    tell(database, numbers)
    assert backlog(database)[0].count == COUNT
    receiver = Unreliable(1, port=port, mishaps=False)
    now += 60
    drain(database, "local", sink)
    receiver.close()

    assert backlog(database) == ()
    assert receiver.received == [an_event(user=f"user-{n}").to_xml() for n in range(COUNT)]


def test_a_node_is_refused_while_the_spool_is_full_and_served_when_the_repository_is_back(tmp_path: Path) -> None:
    port = free_port()
    environment = {
        **OPEN_DOMAIN,
        "HIE_AUDIT__TARGETS": f'[{{ name = "far", url = "syslog+tcp://127.0.0.1:{port}" }}]',
        "HIE_AUDIT__SPOOL_MESSAGES": "5",
    }
    with running(tmp_path / "data", environment) as service:
        mllp = MllpAddress("127.0.0.1", service.mllp_port)
        refused = [answered_until(mllp, "MSA|AR"), *(mllp_call(mllp, admission(pid("S9"))).decode() for _ in range(3))]
        receiver = Unreliable(1, port=port, mishaps=False)
        back = answered_until(mllp, "MSA|AA")
        receiver.close()

    assert all("MSA|AR" in answer for answer in refused)
    assert "MSA|AA" in back
    assert receiver.received


def answered_until(mllp: MllpAddress, answer: str) -> str:
    """The first answer to a feed that holds this, of all that come within a minute."""
    deadline = time.monotonic() + 60
    said = ""
    for number in itertools.count():
        said = mllp_call(mllp, admission(pid(f"S{number % 20}"))).decode()
        if answer in said or time.monotonic() > deadline:
            break
        time.sleep(0.1)  # as a sender waits that is told to come back
    return said
