"""A sender that lost our answer asks again, as often as it likes: nothing new comes of it, and the answer is one it may get."""

from __future__ import annotations

import os
import random
import socket
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import messages as m
from tests.support.raw import http_head
from tests.support.service import OPEN_DOMAIN, Service, running
from tests.support.wire import SOAP_TYPE, MllpWire, Reply, SoapWire, field

REPLAYS = int(os.environ.get("HIE_TEST_REPLAYS", "150"))
"""Of each transaction; 10,000 before a release."""
MESSAGES = 20
LOST = 5
"""One answer in so many is not read: the connection is closed once the request is out."""
SEED = int(os.environ.get("HIE_TEST_SEED", "20261122"))
TABLES = ("repository_document", "repository_submission", "entry", "submission_set", "association")


@dataclass(frozen=True)
class Message:
    """A request, and what an answer to its repetition may say."""

    path: str
    kind: str
    data: bytes
    may_say: frozenset[tuple[str, ...]]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service of its own: its tables are counted."""
    with running(tmp_path / "data", {**OPEN_DOMAIN, "HIE_LOG__LEVEL": "ERROR"}) as service:
        yield service


def a_patient(service: Service) -> str:
    with MllpWire(service.mllp_port) as mllp:
        mllp.send(m.adt("1"))
        return m.cx(field(mllp.send(m.pix_query("1")), "PID", 3).split("^")[0])


def provisions(patient: str) -> list[Message]:
    """ITI-41: a repetition is recognised, so it succeeds as the first one did."""
    made = [m.provide_and_register(m.Entry(patient, hash=None, size=None), f"content {n}".encode()) for n in range(MESSAGES)]
    return [Message("/xds/repository", kind, data, frozenset({("Success",)})) for kind, data in made]


def registrations(patient: str) -> list[Message]:
    """ITI-42: the set is there (ITI TF-3 4.2.4.1), and the sender may take that for an answer to its first request."""
    made = [m.envelope(m.ACTION_42, m.submission(m.Entry(patient))) for _ in range(MESSAGES)]
    there = frozenset({("Failure", "XDSDuplicateUniqueIdInRegistry")})
    return [Message("/xds/registry", SOAP_TYPE, data, there) for data in made]


def outcome(reply: Reply) -> tuple[str, ...]:
    """Status and error codes, without the warnings."""
    return (reply.status_urn, *sorted({code for code, _ in reply.refusals}))


def lose(service: Service, message: Message) -> None:
    """Sends a request and goes away before its answer."""
    with socket.create_connection(("127.0.0.1", service.http_port), timeout=30) as wire:
        wire.sendall(http_head(len(message.data), path=message.path, kind=message.kind) + message.data)


def counted(service: Service) -> dict[str, int]:
    """How many rows and files there are."""
    database = sqlite3.connect(service.data / "affinity.db")
    known = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert set(TABLES) <= known
    found = {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
    database.close()
    folder = service.data / "documents"
    return found | {"documents": sum(f.is_file() for f in (folder / "content").rglob("*"))}


def staged(service: Service) -> int:
    return sum(1 for _ in (service.data / "documents" / "staging").iterdir())


@pytest.mark.timeout(300 + REPLAYS // 5)
@pytest.mark.parametrize("kind", [provisions, registrations])
def test_repeated_requests_create_nothing_and_are_answered_as_the_profile_allows(service: Service, kind: object) -> None:
    chance = random.Random(SEED)
    messages = kind(a_patient(service))  # type: ignore[operator]
    with SoapWire(service.http_port) as soap:
        first = [soap.post(one.data, one.kind, one.path).status_urn for one in messages]
        before = counted(service)
        said: Counter[tuple[str, ...]] = Counter()
        for number in range(REPLAYS):
            one = chance.choice(messages)
            if number % LOST == 0:
                lose(service, one)
                continue
            reply = soap.post(one.data, one.kind, one.path)
            answer = outcome(reply)
            assert answer in one.may_say, reply.data[:2000]
            said[answer] += 1
        # a request is worked on to its end when its sender is gone; these come behind all of them
        last = [soap.post(one.data, one.kind, one.path) for one in messages]

    assert set(first) == {"Success"}
    assert sum(said.values()) + -(-REPLAYS // LOST) == REPLAYS
    assert {outcome(reply) for reply in last} == set(messages[0].may_say)
    service.stop()
    assert counted(service) == before
    assert staged(service) == 0
