"""app.migrations"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from app.migrations import HISTORIES, History, _context, behind, differences, grants, upgrade
from arr.model import AuditSearch
from kernel.database import Database
from kernel.times import system_clock
from tests.support.arr import a_service, some_records
from tests.support.audit import a_subject
from tests.support.postgres import Server


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = sa.create_engine(database_url)
    yield made
    made.dispose()


def tables(engine: Engine) -> set[str]:
    return set(sa.inspect(engine).get_table_names())


def taken_back(engine: Engine, history: History) -> None:
    """Takes every step of a history back, the latest first."""
    for step in history.scripts().walk_revisions():
        with engine.begin() as connection, Operations.context(_context(connection, history)):
            step.module.downgrade()


def test_the_steps_lead_to_the_tables_that_the_code_declares(engine: Engine) -> None:
    list(upgrade(engine))

    with engine.connect() as connection:
        assert {history.name: differences(connection, history) for history in HISTORIES} == {h.name: [] for h in HISTORIES}


def test_a_difference_is_found(engine: Engine) -> None:
    list(upgrade(engine))
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE outbox ADD COLUMN surplus INTEGER")

    with engine.connect() as connection:
        assert differences(connection, HISTORIES[0])


def test_every_table_belongs_to_one_package(engine: Engine) -> None:
    list(upgrade(engine))
    declared = [name for history in HISTORIES for name in (*history.metadata.tables, history.version_table)]

    assert len(declared) == len(set(declared))
    assert tables(engine) == set(declared)


def test_a_second_upgrade_does_nothing(engine: Engine) -> None:
    first = list(upgrade(engine))

    assert first
    assert list(upgrade(engine)) == []


def test_packages_that_are_behind_are_told(engine: Engine) -> None:
    before = behind(engine)
    list(upgrade(engine, [h for h in HISTORIES if h.name != "arr"]))
    between = behind(engine)
    list(upgrade(engine))

    assert before == tuple(history.name for history in HISTORIES)
    assert between == ("arr",)
    assert behind(engine) == ()


def test_every_step_can_be_taken_back_and_taken_again(engine: Engine) -> None:
    list(upgrade(engine))

    for history in reversed(HISTORIES):
        taken_back(engine, history)
    left = tables(engine)
    with engine.begin() as connection:
        for history in HISTORIES:
            connection.exec_driver_sql(f"DROP TABLE {history.version_table}")
    again = list(upgrade(engine))

    assert left == {history.version_table for history in HISTORIES}
    assert again
    assert behind(engine) == ()


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_of_two_upgrades_at_once_one_takes_the_steps(engine: Engine) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: list(upgrade(engine)), range(2))

    assert len({*first, *second}) == len(first) + len(second)
    assert behind(engine) == ()


def test_no_constraint_leads_from_one_package_to_another() -> None:
    owner = {name: history.name for history in HISTORIES for name in history.metadata.tables}
    crossing = [
        f"{table.name} -> {key.column.table.name}"
        for history in HISTORIES
        for table in history.metadata.tables.values()
        for key in table.foreign_keys
        if owner[key.column.table.name] != history.name
    ]

    assert crossing == []


@pytest.mark.postgres
def test_the_role_that_is_granted_what_the_service_needs_adds_audit_records_and_changes_none(postgres_server: Server) -> None:
    name = postgres_server.name()
    postgres_server.create(name)
    owner = sa.create_engine(f"{postgres_server.address}/{name}")
    role = f"role_{name}"
    list(upgrade(owner))
    with owner.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
        for statement in grants(role):
            connection.exec_driver_sql(statement)
    database = Database(f"{re.sub('//[^@/]*@', f'//{role}@', postgres_server.address)}/{name}", clock=system_clock)

    service = a_service(database)
    service.record(some_records(3))
    service.checkpoint()
    found = len(service.search(AuditSearch(), a_subject()).records)
    refused = []
    for statement in (
        "UPDATE arr_record SET origin = 'x'",
        "DELETE FROM arr_record",
        "TRUNCATE arr_record",
        "DELETE FROM arr_checkpoint",
        "DROP TRIGGER arr_record_guard ON arr_record",
        "ALTER TABLE arr_record DISABLE TRIGGER ALL",
        "CREATE OR REPLACE FUNCTION arr_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    ):
        with pytest.raises(DBAPIError) as raised, database.engine.begin() as connection:
            connection.exec_driver_sql(statement)
        refused.append(getattr(raised.value.orig, "sqlstate", ""))

    assert (found, service.verify(None).is_whole, behind(database.engine)) == (3, True, ())
    assert set(refused) == {"42501"}
    database.close()
    with owner.begin() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {role}")
        connection.exec_driver_sql(f"DROP ROLE {role}")
    owner.dispose()
    postgres_server.drop(name)
