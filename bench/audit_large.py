"""The audit log at ten million records on PostgreSQL: how long appending, searches, reports and verification take.

`HIE_TEST_AUDIT_RECORDS` is how many records the log has (10,000,000 unless told otherwise; 2 kB of disk each),
`HIE_TEST_AUDIT_SECONDS` how long loading may take at the most.
"""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from app.wiring import House
from arr.model import AuditSearch
from arr.reports import Asked, Kind, make_report
from atna.message import Indicator
from bench.audit import AUDITOR, FIRST, PATIENTS, USERS, a_house, fill, patient, user
from bench.topology import database

RECORDS = int(os.environ.get("HIE_TEST_AUDIT_RECORDS", "10000000"))
SECONDS = float(os.environ.get("HIE_TEST_AUDIT_SECONDS", "7200"))
STEP = 1_000_000
TIMES = 200
SERVER = ("-c shared_buffers=1GB", "-c max_wal_size=4GB")
"""What anybody would set for a log of this size."""


def loaded(house: House, until: int, seconds: float) -> Iterator[str]:
    """Appends by the product's own path, indexes, hashes, signatures and all, and tells how fast each million was."""
    end, size, wanted = time.monotonic() + seconds, 0, min(STEP, until)
    while size < until and time.monotonic() < end:
        began, before = time.perf_counter(), size
        size = fill(house, wanted, seconds=end - time.monotonic())
        wanted = min(size + STEP, until)
        yield f"appended up to record {size} at {(size - before) / (time.perf_counter() - began):,.0f}/s"


def timed(name: str, act: Callable[[], object], times: int) -> str:
    """How long it takes each time."""
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        spent.append(1000 * (time.perf_counter() - began))
    p95 = statistics.quantiles(spent, n=20)[18] if times > 1 else spent[0]
    return f"{name}: p50 {statistics.median(spent):.1f} ms, p95 {p95:.1f} ms, longest {max(spent):.1f} ms ({times} times)"


def searched(house: House, times: int = TIMES) -> Iterator[str]:
    """Searches, each with its own audit record, as an auditor asks them."""
    chance = random.Random(11)
    middle = FIRST + timedelta(days=30)
    month, day = (middle, middle + timedelta(days=30)), (middle, middle + timedelta(days=1))
    failures = tuple(i for i in Indicator if i is not Indicator.SUCCESS)
    cases: dict[str, Callable[[], AuditSearch]] = {
        "patient": lambda: AuditSearch(patients=(patient(chance.randrange(PATIENTS)),)),
        "patient nobody knows": lambda: AuditSearch(patients=(f"X{chance.random()}^^^&2.999.1.1&ISO",)),
        "user": lambda: AuditSearch(users=(user(chance.randrange(USERS)),)),
        "patient and user": lambda: AuditSearch(
            patients=(patient(chance.randrange(PATIENTS)),), users=(user(chance.randrange(USERS)),)
        ),
        "user, failures": lambda: AuditSearch(users=(user(chance.randrange(USERS)),), text="NOT_ALLOWED"),
        "two users": lambda: AuditSearch(users=(user(chance.randrange(USERS)), user(chance.randrange(USERS)))),
        "two roles, all years": lambda: AuditSearch(roles=("role-3", "role-4")),
        "role in a month": lambda: AuditSearch(roles=("role-3",), since=month[0], until=month[1]),
        "day": lambda: AuditSearch(since=day[0], until=day[1]),
        "failures of a day": lambda: AuditSearch(outcomes=failures, since=day[0], until=day[1]),
        "newest": AuditSearch,
    }
    for name, make in cases.items():
        yield timed(f"search by {name}", lambda make=make: house.arr.search(make(), AUDITOR), times)  # type: ignore[misc]


def reported(house: House) -> Iterator[str]:
    """The reports; a month from the middle for those of no patient and no user."""
    chance = random.Random(12)
    since, now = FIRST + timedelta(days=30), house.clock()
    until = since + timedelta(days=30)
    asked: dict[Kind, tuple[Callable[[], Asked], int]] = {
        Kind.WHO_SAW: (lambda: Asked(Kind.WHO_SAW, patient=patient(chance.randrange(PATIENTS))), 50),
        Kind.WHAT_DID: (lambda: Asked(Kind.WHAT_DID, user=user(chance.randrange(USERS))), 5),
        Kind.FAILURES: (lambda: Asked(Kind.FAILURES, since=since, until=until), 2),
        Kind.BREAK_GLASS: (lambda: Asked(Kind.BREAK_GLASS, since=since, until=until), 5),
        Kind.DAILY: (lambda: Asked(Kind.DAILY, since=since, until=until), 3),
    }
    for kind, (make, times) in asked.items():
        name = f"report {kind.value}"
        yield timed(name, lambda make=make: make_report(house.arr, make(), AUDITOR, now), times)  # type: ignore[misc]


def verified(house: House) -> Iterator[str]:
    """The whole chain, every block and every signature."""
    began = time.perf_counter()
    report = house.arr.verify(None)
    seconds = time.perf_counter() - began
    assert report.is_whole, report.faults[:3]
    yield f"verified {report.records} records in {seconds:.1f} s, {seconds * 1e6 / report.records:.1f} s a million"


def run() -> Iterator[str]:
    """Loads, searches, reports, verifies."""
    with tempfile.TemporaryDirectory(prefix="hie-bench-audit-") as place, database(*SERVER) as url:
        house = a_house(url, Path(place))
        try:
            for measure in (loaded(house, RECORDS, SECONDS), searched(house), reported(house), verified(house)):
                yield from measure
        finally:
            house.close()
