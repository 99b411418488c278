"""RabbitMQ and Redis carry the work of two services and two workers on PostgreSQL and an object store, all of them processes."""

from __future__ import annotations

import os
import shutil
import signal
import uuid
from collections.abc import Iterator

import pytest

from bench.topology import Topology, domain, start_worker, stop_process
from tests.support import messages as m
from tests.support import object_store, postgres, v2
from tests.support.audit import schema_faults
from tests.support.brokers import rabbitmq_program, wait_for
from tests.support.command import hie
from tests.support.trail import Trail
from tests.support.wire import MllpWire, SoapWire, field, unique_id

REPOSITORY = "/xds/repository"
CONTENT = b"\r\nA letter, byte for byte.\n\x00\xff"
LAB = "HOSP_B&2.999.1.2&ISO"
CAUGHT_UP = 120.0
PROGRAMS = {"rabbitmq": rabbitmq_program, "redis": lambda: shutil.which("redis-server")}
pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", params=sorted(PROGRAMS))
def topology(request: pytest.FixtureRequest) -> Iterator[Topology]:
    """The whole domain, with one of the brokers."""
    if not (postgres.is_available() and object_store.is_available() and PROGRAMS[request.param]()):
        pytest.skip(f"{request.param}, PostgreSQL or the object store is not on this machine")
    with domain(broker=request.param, more={"HIE_WORKER__LEASE_SECONDS": "2"}) as topology:
        yield topology


@pytest.fixture
def trail(topology: Topology) -> Iterator[Trail]:
    """The audit trail, which both services share."""
    trail = Trail(topology.services[0])
    yield trail
    trail.close()


class Person:
    """Somebody whom two hospitals announce, each at a service of its own."""

    def __init__(self) -> None:
        self.number = f"B{uuid.uuid4().hex[:12]}"  # noqa: TID251 - a client's own
        letters = "".join(chr(ord("a") + int(digit, 16)) for digit in self.number[1:])
        self.name = f"{letters[:7].title()}^{letters[7:].title()}"

    def announced(self, port: int, authority: str) -> str:
        """MSA-1 of the feed."""
        rest = f"F|||7 {self.name.split('^')[1]} Rd^^Shelby^^01102^US"
        pid = v2.pid(self.number, authority=authority, name=self.name, rest=rest)
        with MllpWire(port) as wire:
            return v2.code(wire.send(v2.admission(pid)))

    def is_linked(self, port: int) -> bool:
        """Whether the hospitals' records are one person."""
        with MllpWire(port) as wire:
            return v2.query_status(wire.send(v2.pix(f"{self.number}^^^{v2.AUTHORITY}", f"^^^{LAB}"))) == "OK"

    def cx(self, port: int) -> str:
        """The identifier in the affinity domain."""
        with MllpWire(port) as wire:
            return m.cx(field(wire.send(m.pix_query(self.number)), "PID", 3).split("^")[0])


def provided(port: int, cx: str) -> m.Entry:
    """A document that was taken."""
    entry = m.Entry(cx, hash=None, size=None)
    kind, data = m.provide_and_register(entry, CONTENT)
    with SoapWire(port) as wire:
        reply = wire.post(data, kind, REPOSITORY)
    assert reply.status_urn == "Success", reply.errors
    return entry


def retrieved(port: int, cx: str) -> dict[str, bytes]:
    """Every document of the patient, found and retrieved."""
    with SoapWire(port) as wire:
        names = [unique_id(e) for e in wire.call(m.ACTION_18, m.find_documents(cx)).entries()]
        return {n: wire.call(m.ACTION_43, m.retrieve((m.REPOSITORY, n)), REPOSITORY).parts()[1] for n in names}


def test_the_main_job_works_across_processes(topology: Topology, trail: Trail) -> None:
    one, other = topology.services
    person, mark = Person(), trail.mark()

    assert person.announced(one.mllp_port, v2.AUTHORITY) == "AA"
    assert person.announced(other.mllp_port, LAB) == "AA"
    wait_for(lambda: person.is_linked(one.mllp_port), CAUGHT_UP)
    cx = person.cx(other.mllp_port)
    entry = provided(one.http_port, cx)

    assert retrieved(other.http_port, cx) == {entry.unique_id: CONTENT}
    wait_for(lambda: trail.waiting() == 0, CAUGHT_UP)
    records = trail.since(mark)
    kinds = {record.event.find("EventTypeCode").get("csd-code") for record in records}
    assert kinds >= {"ITI-8", "ITI-9", "ITI-18", "ITI-41", "ITI-42", "ITI-43"}
    assert [fault for record in records for fault in schema_faults(record.xml)] == []


def test_a_broker_that_is_away_delays_and_loses_nothing(topology: Topology, trail: Trail) -> None:
    one, other = topology.services
    people, mark = [Person() for _ in range(8)], trail.mark()
    assert topology.broker is not None
    wait_for(lambda: trail.waiting() == 0, CAUGHT_UP)

    topology.broker.stop()
    try:
        for person in people:
            assert person.announced(one.mllp_port, v2.AUTHORITY) == person.announced(other.mllp_port, LAB) == "AA"
        entries = [provided(other.http_port, person.cx(one.mllp_port)) for person in people]
        held = trail.waiting()
        linked = [person.is_linked(one.mllp_port) for person in people]
    finally:
        topology.broker.start()

    assert held >= 2 * len(people)
    assert not any(linked)
    wait_for(lambda: all(person.is_linked(one.mllp_port) for person in people), CAUGHT_UP)
    wait_for(lambda: trail.waiting() == 0, CAUGHT_UP)
    on_record = [record.object_ids for record in trail.since(mark, "ITI-8")]
    for person in people:
        assert sum(any(i.startswith(f"{person.number}^^^") for i in ids) for ids in on_record) == 2
    assert len(trail.since(mark, "ITI-41")) == len(entries)


def test_a_worker_that_is_killed_leaves_its_work_to_the_other(topology: Topology, trail: Trail) -> None:
    one, other = topology.services
    people, victim = [Person() for _ in range(8)], topology.workers.pop()

    for number, person in enumerate(people):
        assert person.announced(one.mllp_port, v2.AUTHORITY) == person.announced(other.mllp_port, LAB) == "AA"
        if number == 3:
            os.killpg(victim.pid, signal.SIGKILL)
    try:
        wait_for(lambda: all(person.is_linked(other.mllp_port) for person in people), CAUGHT_UP)
        wait_for(lambda: trail.waiting() == 0, CAUGHT_UP)
    finally:
        stop_process(victim)
        topology.workers.append(start_worker(topology.environment, one.data.parent / "worker9"))


def test_the_store_is_whole_after_all_of_that(topology: Topology, trail: Trail) -> None:
    wait_for(lambda: trail.waiting() == 0, CAUGHT_UP)

    done = hie("verify", "--data", str(topology.services[0].data), environment=topology.environment)

    assert done.code == 0, done.out + done.err
