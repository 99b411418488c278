"""app.spool"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from app.metrics import TARGET_FULL, TARGET_OLDEST, TARGET_WAITING
from app.spool import AuditSpool, Bounds, Policy
from kernel.database import Database
from kernel.errors import Condition, Unavailable
from kernel.outbox import AUDIT_OUTBOX, METADATA
from tests.support.clocks import TickingClock

Told = list[tuple[str, bool, int]]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'outbox.db'}", clock=TickingClock(), audit_targets=("local", "far"))
    METADATA.create_all(made.engine)
    yield made
    made.close()


def a_spool(database: Database, policy: Policy, told: Told, *, alarm: float = 1e9) -> AuditSpool:
    bounds = Bounds(10, policy, alarm)
    return AuditSpool(database, ["far"], bounds, clock=TickingClock(), tell=lambda *what: told.append(what))


def tell(database: Database, count: int) -> None:
    with database.begin() as work:
        for number in range(count):
            work.audit(b"<AuditMessage>%d</AuditMessage>" % number)


def take(database: Database, count: int) -> None:
    with database.begin() as work:
        oldest = sa.select(AUDIT_OUTBOX.c.id).where(AUDIT_OUTBOX.c.target == "far").order_by(AUDIT_OUTBOX.c.id).limit(count)
        work.connection.execute(AUDIT_OUTBOX.delete().where(AUDIT_OUTBOX.c.id.in_(oldest)))


def waiting(database: Database, target: str) -> int:
    with database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).where(AUDIT_OUTBOX.c.target == target)).scalar_one())


def test_nobody_is_served_while_too_many_wait_and_everybody_when_there_is_room(database: Database) -> None:
    told: Told = []
    spool = a_spool(database, Policy.BLOCK, told)
    tell(database, 10)

    spool.look()
    with pytest.raises(Unavailable) as raised:
        spool.require_room()
    take(database, 1)
    spool.look()
    with pytest.raises(Unavailable):
        spool.require_room()
    take(database, 1)
    spool.look()

    spool.require_room()
    assert raised.value.condition is Condition.BUSY
    assert told == [("far", True, 10), ("far", False, 8)]
    assert waiting(database, "far") == 8


def test_a_full_repository_is_kept_nothing_more_for_and_that_is_told(database: Database) -> None:
    told: Told = []
    spool = a_spool(database, Policy.MARK, told)
    tell(database, 12)

    spool.look()
    tell(database, 5)
    spool.require_room()
    left_out = (waiting(database, "far"), waiting(database, "local"))
    take(database, 4)
    spool.look()
    tell(database, 1)

    assert left_out == (12, 17)
    assert told == [("far", True, 12), ("far", False, 8)]
    assert (waiting(database, "far"), waiting(database, "local")) == (9, 18)


def test_our_own_repository_is_never_full(database: Database) -> None:
    spool = AuditSpool(database, [], Bounds(1, Policy.BLOCK, 1.0), clock=TickingClock(), tell=lambda *_: None)
    tell(database, 5)

    spool.look()

    spool.require_room()


def test_what_waits_is_measured_and_said_once_when_it_waits_too_long(database: Database) -> None:
    spool = a_spool(database, Policy.BLOCK, [], alarm=-1)
    tell(database, 3)

    with capture_logs() as logs:
        for _ in range(3):
            spool.look()

    assert [line["target"] for line in logs if line["event"] == "audit messages wait too long"] == ["far"]
    assert TARGET_WAITING.labels("far")._value.get() == 3
    assert TARGET_OLDEST.labels("far")._value.get() >= 0
    assert TARGET_FULL.labels("far")._value.get() == 0
