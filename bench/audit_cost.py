"""What an audit record costs from its making to its place in the log: CPU microseconds for each message, by its steps.

    python -m bench.audit_cost [sqlite|postgres] [--messages N] [--batch N]

The first figure is the CPU of this process, the second that of PostgreSQL's processes. Neither depends on what else the machine
does, so far as caches are not concerned.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from access.subject import Subject
from app.wiring import House
from atna import events
from atna.feed import drain
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


def ladder(house: House, name: str, make: Callable[[int], AuditMessage], count: int, batch: int) -> None:
    """The steps of one kind of message."""
    made = []
    with spent(house, f"{name}: make the event", count):
        made = [make(number) for number in range(count)]
    with spent(house, f"{name}: write it", count):
        written = [event.to_xml() for event in made]
    print(f"{name}: {sum(map(len, written)) // count} bytes")
    with spent(house, f"{name}: prepare (read, terms, hash, pack)", count):
        prepared = house.arr.prepare(written)
    size = sum(len(one.packed) for one in prepared) // count
    print(f"{name}: {sum(len(one.terms) for one in prepared) / count:.1f} terms, packed {size} bytes")
    with spent(house, f"{name}: append, {batch} at a time", count):
        for start in range(0, count, batch):
            with house.database.begin() as work:
                house.arr.append(work, prepared[start : start + batch])
    moved = 0
    with spent(house, f"{name}: into the outbox, one at a time", count // 10):
        for message in written[: count // 10]:
            house.database.record([message])
    with spent(house, f"{name}: move, as many as there are", count // 10):
        drain(house.database, TARGET, house.arr)
    for start in range(0, count, 50):
        house.database.record(written[start : start + 50])
    with spent(house, f"{name}: move, {batch} at a time", count):
        while moved < count:
            moved += drain(house.database, TARGET, house.arr, batch)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", nargs="?", default="postgres", choices=("sqlite", "postgres"))
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=70)
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
            ladder(house, name, make, options.messages, options.batch)
    finally:
        house.close()


if __name__ == "__main__":
    main()
