"""What an audit record costs from its making to its place in the log: CPU microseconds for each message, by its steps.

    python -m bench.audit_cost [sqlite|postgres] [--messages N]

The first figure is the CPU of this process, the second that of PostgreSQL's processes. Other work on the machine makes both larger
through its share of the caches, by a quarter and more.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from access.subject import Subject
from app.wiring import House
from arr.packing import carried
from atna import events
from atna.feed import backlog, drain
from atna.message import AuditMessage, Outcome
from atna.participants import AuditContext
from bench.audit import a_house
from bench.topology import database
from ebrim.query import QuerySlot, adhoc_query_request
from ebrim.uuids import QueryId
from kernel.peer import Peer

CONTEXT: Final = AuditContext("hie.example.org", "HIE", "4711", "hie1.example.org")
ENDPOINT: Final = "https://hie.example.org/xds/registry"
FIRST: Final = datetime(2026, 1, 1, tzinfo=UTC)
TARGET: Final = "local"
THREADS: Final = 8
BATCHES: Final = (70, 300)
"""What gathers in a tenth of a second and in half a second of a busy service."""


def a_query(number: int) -> AuditMessage:
    """ITI-18 for one of many patients by one of many nodes."""
    patient = f"P{number}^^^&2.999.1.1&ISO"
    slots = (
        QuerySlot("$XDSDocumentEntryPatientId", (f"'{patient}'",)),
        QuerySlot("$XDSDocumentEntryStatus", ("('urn:oasis:names:tc:ebxml-regrep:StatusType:Approved')",)),
    )
    content = adhoc_query_request(QueryId.FIND_DOCUMENTS.value, slots)
    query = events.AuditedQuery(content, QueryId.FIND_DOCUMENTS.value)
    return events.stored_query(CONTEXT, a_subject(number), when=FIRST, outcome=Outcome.SUCCESS, query=query, patient_ids=(patient,))


def a_submission(number: int) -> AuditMessage:
    """ITI-42 likewise."""
    return events.register_document_set(
        CONTEXT,
        a_subject(number),
        when=FIRST,
        outcome=Outcome.SUCCESS,
        patient_id=f"P{number}^^^&2.999.1.1&ISO",
        submission_set_unique_id=f"2.999.7.{number}",
    )


def a_subject(number: int) -> Subject:
    """One of the nodes of a domain."""
    address = f"10.0.0.{number % 50}"
    return Subject(
        Peer(address, ENDPOINT, certificate_subject=f"CN=ehr{number % 50}.example.org,O=Hospital"), address, ENDPOINT, ""
    )


def database_cpu(house: House) -> float:
    """Seconds of CPU of the server's processes for this house's connections, and of those that write for all."""
    if house.database.is_sqlite:
        return 0.0
    with house.database.read() as connection:
        pids = connection.execute(sa.text("SELECT pid FROM pg_stat_activity")).scalars().all()
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids) / 1e9


@contextmanager
def spent(house: House, what: str, count: int) -> Iterator[None]:
    """Prints what the block cost for each of so many messages."""
    theirs, ours, wall = database_cpu(house), time.process_time(), time.perf_counter()
    yield
    ours, wall = time.process_time() - ours, time.perf_counter() - wall
    theirs = database_cpu(house) - theirs
    print(f"{what:52} {ours / count * 1e6:8.1f} {theirs / count * 1e6:8.1f} {wall / count * 1e6:8.1f}", flush=True)


def ladder(house: House, name: str, make: Callable[[int], AuditMessage], count: int) -> None:
    """The steps of one kind of message."""
    with spent(house, f"{name}: make the message", count):
        written = [make(number).to_xml() for number in range(count)]
    with spent(house, f"{name}: into the outbox, one at a time", count // 10):
        for message in written[: count // 10]:
            house.database.record([message])
    with spent(house, f"{name}: into the outbox, {THREADS} threads", count), ThreadPoolExecutor(THREADS) as threads:
        for number in range(THREADS):
            threads.submit(_record, house, written[number::THREADS])
    for batch in BATCHES:
        moved, there = 0, _waiting(house, written)
        with spent(house, f"{name}: into the log, {batch} at a time", there):
            while moved < there:
                moved += drain(house.database, TARGET, house.arr, batch)
    with spent(house, f"{name}:    of it unpack, read, hash", count):
        prepared = house.arr.prepare([carried(message) for message in written])
    for batch in BATCHES:
        with spent(house, f"{name}:    of it append, {batch} at a time", count):
            for start in range(0, count, batch):
                with house.database.begin() as work:
                    house.arr.append(work, prepared[start : start + batch])
    size, terms = sum(len(one.packed) for one in prepared) // count, sum(len(one.terms) for one in prepared) / count
    print(f"{name}: {sum(map(len, written)) // count} bytes, packed {size}, found by {terms:.0f} terms")


def _record(house: House, messages: Sequence[bytes]) -> None:
    for message in messages:
        house.database.record([message])


def _waiting(house: House, messages: Sequence[bytes]) -> int:
    """Fills the outbox where it is empty; gives how many wait."""
    there = sum(one.count for one in backlog(house.database))
    if there:
        return there
    for start in range(0, len(messages), 50):
        house.database.record(messages[start : start + 50])
    return len(messages)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", nargs="?", default="postgres", choices=("sqlite", "postgres"))
    parser.add_argument("--messages", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hie-bench-audit-") as place:
        if options.kind == "sqlite":
            _run("sqlite:///affinity.db", Path(place), options)
        else:
            with database() as url:
                _run(url, Path(place), options)


def _run(url: str, folder: Path, options: argparse.Namespace) -> None:
    house = a_house(url, folder)
    try:
        print(f"{'':52} {'CPU us':>8} {'database':>8} {'wall us':>8}")
        for name, make in (("ITI-18", a_query), ("ITI-42", a_submission)):
            ladder(house, name, make, options.messages)
    finally:
        house.close()


if __name__ == "__main__":
    main()
