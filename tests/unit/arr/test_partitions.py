"""Partitions of the log on PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app.migrations import HISTORIES, grants, upgrade
from arr import partitions
from arr.model import AuditSearch
from arr.tables import METADATA
from kernel.database import Database
from kernel.times import system_clock
from tests.conftest import MakeDatabase
from tests.support.arr import a_service, some_records
from tests.support.audit import PATIENT, a_subject
from tests.support.postgres import Server

on_postgres = [pytest.mark.postgres, pytest.mark.parametrize("database_url", ["postgres"], indirect=True)]
SIZE = 1024


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    return make_database(METADATA)


class TestOnPostgres:
    pytestmark = on_postgres

    def test_records_go_into_partitions_that_are_made_as_they_come(self, database: Database) -> None:
        service = a_service(database, segment=SIZE)

        for _ in range(3):
            service.record(some_records(900))

        with database.read() as connection:
            assert list(partitions.parts(connection)) == [(1, 1024), (1025, 2048), (2049, 3072)]
        assert service.verify(None, deep=True).is_whole
        assert len(service.search(AuditSearch(patients=(PATIENT,)), a_subject(), limit=1000).records) == 1000

    def test_a_partition_is_ready_before_it_is_needed(self, database: Database) -> None:
        service = a_service(database, segment=SIZE)
        service.record(some_records(1))

        service.checkpoint()

        with database.read() as connection:
            assert partitions.room(connection) == 2 * SIZE

    def test_room_that_was_taken_back_with_its_unit_of_work_is_made_again(self, database: Database) -> None:
        service = a_service(database, segment=SIZE)
        with pytest.raises(ZeroDivisionError), database.begin() as work:
            service.append(work, service.prepare([r.data for r in some_records(1)]))
            raise ZeroDivisionError

        assert service.record(some_records(1)) == 1

    @pytest.mark.parametrize("asked", [(1, 1000), (1, 1 << 25), (1 << 30, 1024)])
    def test_no_more_partitions_are_made_than_a_log_can_need(self, database: Database, asked: tuple[int, int]) -> None:
        with pytest.raises(DBAPIError), database.begin() as work:
            partitions.make_room(work.connection, *asked)

    @pytest.mark.parametrize(
        "act", ["UPDATE arr_record_1025 SET origin = 'x'", "DELETE FROM arr_record_1", "TRUNCATE arr_record_1"]
    )
    def test_every_partition_is_guarded(self, database: Database, act: str) -> None:
        a_service(database, segment=SIZE).record(some_records(1030))

        with pytest.raises(DBAPIError, match="never changed"), database.engine.begin() as connection:
            connection.execute(sa.text(act))

    def test_records_from_before_there_were_partitions_become_the_first(self, database: Database) -> None:
        arr = next(h for h in HISTORIES if h.name == "arr")
        with database.engine.begin() as connection:
            METADATA.drop_all(connection)
        list(upgrade(database.engine, [arr]))
        service = a_service(database)
        service.record(some_records(30))
        _back_to(database, "0003")

        list(upgrade(database.engine, [arr]))

        service = a_service(database, segment=SIZE)
        service.record(some_records(5))
        with database.read() as connection:
            assert list(partitions.parts(connection)) == [(1, 262_144)]
        assert service.verify(None, deep=True).records == 35
        assert service.verify(None, deep=True).is_whole


def _back_to(database: Database, revision: str) -> None:
    from alembic.operations import Operations

    from app.migrations import _context

    arr = next(h for h in HISTORIES if h.name == "arr")
    for step in arr.scripts().walk_revisions():
        if step.revision == revision:
            break
        with database.engine.begin() as connection, Operations.context(_context(connection, arr)):
            step.module.downgrade()
    with database.engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE arr_version SET version_num = '{revision}'"))


@pytest.fixture
def service_role(postgres_server: Server) -> Iterator[Database]:
    """A database whose tables another role owns."""
    name = postgres_server.name()
    postgres_server.create(name)
    owner, role = sa.create_engine(f"{postgres_server.address}/{name}"), f"role_{name}"
    list(upgrade(owner))
    with owner.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
        for statement in grants(role):
            connection.exec_driver_sql(statement)
    database = Database(f"{re.sub('//[^@/]*@', f'//{role}@', postgres_server.address)}/{name}", clock=system_clock)
    yield database
    database.close()
    with owner.begin() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {role}")
        connection.exec_driver_sql(f"DROP ROLE {role}")
    owner.dispose()
    postgres_server.drop(name)


@pytest.mark.postgres
def test_a_role_that_may_only_add_makes_partitions_and_can_do_nothing_to_them(service_role: Database) -> None:
    a_service(service_role, segment=SIZE).record(some_records(1030))

    refused = []
    for statement in (
        "DROP TABLE arr_record_1",
        "ALTER TABLE arr_record DETACH PARTITION arr_record_1",
        "DELETE FROM arr_record_1",
        "DELETE FROM arr_term",
        "INSERT INTO arr_record_1 SELECT * FROM arr_record_1",
        "UPDATE arr_seal SET note = 'x'",
        "ALTER TABLE arr_record_1025 DISABLE TRIGGER ALL",
        "CREATE TABLE arr_record_5 PARTITION OF arr_record FOR VALUES FROM (9000) TO (9001)",
    ):
        with pytest.raises(DBAPIError) as raised, service_role.engine.begin() as connection:
            connection.exec_driver_sql(statement)
        refused.append(getattr(raised.value.orig, "sqlstate", ""))
    assert set(refused) == {"42501"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_has_room_for_every_record(database: Database) -> None:
    with database.read() as connection:
        assert (partitions.parts(connection), partitions.room(connection)) == ((), partitions.ENDLESS)
