"""`hie verify`: invariants over the whole store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from access.subject import Subject
from app.wiring import House
from kernel.outbox import OUTBOX
from registry.verification import verify as verify_registry


@dataclass(frozen=True, slots=True)
class Invariant:
    """One invariant: `ok` or `broken`, and where."""

    check: str
    state: str
    detail: str = ""


def verify_store(house: House, subject: Subject) -> Iterator[Invariant]:
    """Tables, audit chain, every document's bytes, the registry's objects among each other, work that was given up."""
    late = house.behind()
    yield _invariant("tables are those of this release", not late, ", ".join(late))
    report = house.arr.verify(subject)
    faults = "; ".join(f"{fault.kind.value} at {fault.sequence}" for fault in report.faults[:5])
    yield _invariant(f"audit chain of {report.records} records", report.is_whole, faults)
    damaged = [f"{d.unique_id} is {'missing' if d.is_missing else 'damaged'}" for d in house.upkeep.scrub()]
    yield _invariant("every document is what was stored", not damaged, "; ".join(damaged[:5]))
    for check, uuids in verify_registry(house.database):
        yield _invariant(check, not uuids, "; ".join(uuids))
    with house.database.read() as connection:
        dead = connection.execute(sa.select(sa.func.count()).select_from(OUTBOX).where(OUTBOX.c.dead)).scalar_one()
    yield _invariant("no work was given up", not dead, f"{dead} rows of the outbox" if dead else "")


def _invariant(check: str, holds: bool, detail: str) -> Invariant:
    return Invariant(check, "ok" if holds else "broken", detail)
