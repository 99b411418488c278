"""app.health"""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from app.health import LEAST_FREE, Health, database_answers, folder_is_writable, measure_outboxes
from app.metrics import REGISTRY
from kernel.database import Database
from kernel.errors import Condition, Unavailable, violation
from kernel.outbox import OUTBOX
from kernel.times import system_clock
from mpi import notice_store
from mpi.tables import METADATA as MPI
from tests.conftest import MakeDatabase
from tests.support.clocks import TickingClock
from tests.support.ports import free_port


class Disk(NamedTuple):
    """As `shutil.disk_usage` tells it."""

    total: int
    used: int
    free: int


def sample(name: str, **labels: str) -> float:
    value = REGISTRY.get_sample_value(name, labels)
    assert value is not None
    return value


def test_each_part_is_ok_or_the_kind_of_its_problem() -> None:
    def away() -> None:
        raise Unavailable(violation(Condition.PEER_UNAVAILABLE, "here", "a password may stand here"))

    def full() -> None:
        raise OSError(28, "No space left on device", "/var/lib/hie/documents")

    report = Health({"a": lambda: None, "b": away, "c": full}).report()

    assert report == {"a": "ok", "b": "PEER_UNAVAILABLE", "c": "No space left on device"}


def test_a_database_that_answers_is_ok(make_database: MakeDatabase) -> None:
    database = make_database(MPI)

    assert Health({"database": database_answers(database)}).report() == {"database": "ok"}


def test_a_database_that_is_away_is_busy() -> None:
    database = Database(f"postgresql+psycopg://hie@127.0.0.1:{free_port()}/hie", clock=system_clock)

    report = Health({"database": database_answers(database)}).report()
    database.close()

    assert report == {"database": "BUSY"}


def test_a_folder_with_room_is_ok(tmp_path: Path) -> None:
    assert Health({"documents": folder_is_writable(tmp_path)}).report() == {"documents": "ok"}


def test_a_folder_that_is_gone_is_a_problem(tmp_path: Path) -> None:
    assert Health({"documents": folder_is_writable(tmp_path / "gone")}).report() != {"documents": "ok"}


def test_a_disk_that_is_nearly_full_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(LEAST_FREE, 1, LEAST_FREE - 1))

    assert "64 MB" in Health({"documents": folder_is_writable(tmp_path)}).report()["documents"]


def test_what_waits_is_measured_with_its_age(make_database: MakeDatabase, clock: TickingClock) -> None:
    database = make_database(MPI)
    with database.begin() as work:
        work.tell("topic", "1")
        work.tell("topic", "2")
        work.audit(b"<AuditMessage/>")

    clock.present += timedelta(seconds=60)
    measure_outboxes(database, clock)

    assert sample("hie_outbox_rows", box="work") == 2
    assert sample("hie_outbox_rows", box="audit") == 1
    assert 60 <= sample("hie_outbox_oldest_seconds", box="work") < 65


def test_what_was_given_up_no_longer_waits_and_is_counted(make_database: MakeDatabase, clock: TickingClock) -> None:
    database = make_database(MPI)
    with database.begin() as work:
        work.tell("topic", "1")
    with database.begin() as work:
        work.connection.execute(sa.update(OUTBOX).values(dead=True))

    measure_outboxes(database, clock)

    assert sample("hie_outbox_rows", box="work") == 0
    assert sample("hie_outbox_oldest_seconds", box="work") == 0
    assert sample("hie_outbox_dead_rows") == 1


def test_an_empty_outbox_has_no_age(make_database: MakeDatabase, clock: TickingClock) -> None:
    measure_outboxes(make_database(MPI), clock)

    assert sample("hie_outbox_rows", box="work") == 0
    assert sample("hie_outbox_oldest_seconds", box="work") == 0


def test_notifications_that_wait_and_that_were_refused_are_measured(make_database: MakeDatabase, clock: TickingClock) -> None:
    database = make_database(MPI)
    with database.begin() as work:
        for person in (1, 2):
            notice_store.put(work.connection, "C|PIX", person, ((1, "A"), (2, "B")), f"m{person}", work.now)
        first = notice_store.first(work.connection, "C|PIX")
        assert first is not None
        notice_store.refuse(work.connection, first.id, "no")

    measure_outboxes(database, clock)

    assert sample("hie_outbox_rows", box="notices") == 1
    assert sample("hie_notices_refused") == 1
