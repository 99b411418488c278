"""kernel.database"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from kernel.database import Database, Work, execute_text, insert_into
from kernel.errors import Condition, Rejected, Unavailable, rejected
from kernel.outbox import AUDIT_INSERT, AUDIT_OUTBOX, OUTBOX, Carriage
from tests.conftest import MakeDatabase
from tests.support.clocks import TickingClock
from tests.support.postgres import Server

METADATA = sa.MetaData()
THING = sa.Table("thing", METADATA, sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))


def rows(database: Database, table: sa.Table) -> int:
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def test_what_a_unit_tells_is_committed_with_it(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    woken: list[None] = []
    database.on_told = lambda: woken.append(None)

    with database.begin() as work:
        work.connection.execute(THING.insert(), {"id": 1, "n": 1})
        work.tell("topic", "1")
        work.tell("topic", "1")
        work.audit(b"<AuditMessage/>")

    assert (rows(database, THING), rows(database, OUTBOX), rows(database, AUDIT_OUTBOX)) == (1, 1, 1)
    assert len(woken) == 1


def test_audit_messages_wake_nobody(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    woken: list[None] = []
    database.on_told = lambda: woken.append(None)

    with database.begin() as work:
        work.audit(b"<AuditMessage/>")

    assert (rows(database, AUDIT_OUTBOX), woken) == (1, [])


def test_audit_messages_of_many_threads_are_all_committed(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: database.record([b"<a/>"] * (n % 3)), range(60)))

    assert rows(database, AUDIT_OUTBOX) == sum(n % 3 for n in range(60))


def test_a_unit_that_raises_leaves_nothing_and_wakes_nobody(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    woken: list[None] = []
    database.on_told = lambda: woken.append(None)

    with pytest.raises(ValueError, match="stop"), database.begin() as work:
        work.connection.execute(THING.insert(), {"id": 1, "n": 1})
        work.tell("topic", "1")
        raise ValueError("stop")

    assert (rows(database, THING), rows(database, OUTBOX), woken) == (0, 0, [])


def test_units_of_many_threads_are_each_whole(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)

    def write(thread: int) -> None:
        for number in range(40):
            with suppress(Rejected), database.begin() as work:
                work.connection.execute(THING.insert(), {"id": thread * 1000 + number, "n": number})
                work.tell("topic", f"{thread}-{number}")
                if number % 4 == 3:
                    raise rejected(Condition.METADATA_INVALID, "x", "x")

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (rows(database, THING), rows(database, OUTBOX)) == (240, 240)


def test_a_broken_constraint_reaches_the_store_as_it_is_and_the_next_unit_works(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    with database.begin() as work:
        work.connection.execute(THING.insert(), {"id": 1, "n": 1})

    with pytest.raises(sa.exc.IntegrityError), database.begin() as work:
        work.connection.execute(THING.insert(), {"id": 1, "n": 2})
    with database.begin() as work:
        work.connection.execute(insert_into(work.connection, THING).values(id=1, n=3).on_conflict_do_nothing())

    assert rows(database, THING) == 1


def test_a_database_that_is_away_is_unavailable_and_not_a_bug() -> None:
    database = Database("postgresql+psycopg://nobody@127.0.0.1:9/none", clock=TickingClock())

    with pytest.raises(Unavailable) as away, database.begin():
        pass

    assert away.value.condition is Condition.BUSY


@pytest.mark.postgres
def test_units_that_stand_in_each_others_way_are_tried_again(postgres_server: Server) -> None:
    database = Database(f"{postgres_server.address}/postgres", clock=TickingClock())
    METADATA.drop_all(database.engine)
    METADATA.create_all(database.engine)
    with database.begin() as work:
        work.connection.execute(THING.insert(), [{"id": 1, "n": 0}, {"id": 2, "n": 0}])
    meet = threading.Barrier(2, timeout=10)
    tries: list[int] = []

    def cross(first: int, second: int) -> None:
        def act(work: Work) -> None:
            tries.append(first)
            work.connection.execute(sa.update(THING).where(THING.c.id == first).values(n=THING.c.n + 1))
            if len(tries) <= 2:
                meet.wait()
            work.connection.execute(sa.update(THING).where(THING.c.id == second).values(n=THING.c.n + 1))

        database.attempt(act)

    threads = [threading.Thread(target=cross, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with database.read() as connection:
        assert sorted(connection.execute(sa.select(THING.c.n)).scalars()) == [2, 2]
    assert len(tries) > 2
    METADATA.drop_all(database.engine)
    database.close()


def test_a_full_disk_is_out_of_resources(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'small.db'}", clock=TickingClock())
    METADATA.create_all(database.engine)
    with database.begin() as work:
        pages = work.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        work.connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    with pytest.raises(Unavailable) as full, database.begin() as work:
        work.connection.execute(THING.insert(), [{"id": n, "n": n} for n in range(100_000)])

    assert full.value.condition is Condition.OUT_OF_RESOURCES
    database.close()


def test_text_in_the_drivers_words_gives_plain_rows_and_counts(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    mark = ":n" if database.is_sqlite else "%(n)s"

    with database.begin() as work:
        written = execute_text(work.connection, f"INSERT INTO thing (id, n) VALUES (1, {mark})", {"n": 7}).rowcount
    with database.glance() as connection:
        found = execute_text(connection, f"SELECT id, n FROM thing WHERE n = {mark}", {"n": 7}).fetchall()

    assert (written, [tuple(row) for row in found]) == (1, [(1, 7)])


def test_text_that_breaks_a_constraint_raises_as_any_statement_does(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)

    with pytest.raises(sa.exc.IntegrityError), database.begin() as work:
        for _ in range(2):
            execute_text(work.connection, "INSERT INTO thing (id, n) VALUES (1, 1)", {})

    assert rows(database, THING) == 0


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)  # SQLite has one writer, and gains nothing
def test_a_statement_that_is_a_unit_by_itself_carries_its_audit_messages(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)

    with database.glance() as connection:
        text = f"WITH told AS ({AUDIT_INSERT}) INSERT INTO thing (id, n) VALUES (1, 1)"
        execute_text(connection, text, database.audit_parameters([b"<a/>", b"<b/>"]))

    assert (rows(database, THING), rows(database, AUDIT_OUTBOX)) == (1, 2)


def test_a_refusal_is_put_on_record_and_answered_also_where_it_cannot_be(make_database: MakeDatabase, tmp_path: Path) -> None:
    database = make_database()
    away = Database(f"sqlite:///{tmp_path / 'nowhere' / 'db'}", clock=TickingClock())

    for one in (database, away):
        one.record_refusal(lambda work: work.audit(b"<refused/>"))
    away.close()

    with database.read() as connection:
        assert connection.execute(sa.select(AUDIT_OUTBOX.c.message)).scalars().all() == [b"<refused/>"]


def test_audit_messages_are_carried_as_the_database_is_told(make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    database = make_database(METADATA)
    monkeypatch.setattr(database, "carriage", Carriage(lambda message: message[::-1], lambda message: message[::-1]))

    with database.begin() as work:
        work.audit(b"12")
        work.audit(b"34")
    database.record([b"56"])

    with database.read() as connection:
        assert connection.execute(sa.select(AUDIT_OUTBOX.c.message).order_by(AUDIT_OUTBOX.c.id)).scalars().all() == [
            b"21",
            b"43",
            b"65",
        ]
