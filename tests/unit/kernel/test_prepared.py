"""Statements run by libpq itself give what the driver's cursor gives."""

from __future__ import annotations

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kernel.database import Database, execute_text
from kernel.prepared import execute_prepared
from kernel.times import system_clock
from tests.conftest import MakeDatabase

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("database_url", ["postgres"], indirect=True)]
METADATA = sa.MetaData()
THING = sa.Table("thing", METADATA, sa.Column("id", sa.BigInteger, primary_key=True), sa.Column("data", sa.LargeBinary))
VALUES = {
    "text": 'O\'Brien \\ {"%s"} żółw',
    "data": bytes(range(256)),
    "number": -7,
    "nothing": None,
    "texts": ["a,b", '"', "\\", "", "ü"],
    "blobs": [b"", b"\x00\xff", b"x" * 3000],
    "no_texts": [],
    "no_blobs": [],
}
TEXT = (
    "SELECT %(text)s::text, %(data)s::bytea, %(number)s::bigint, %(nothing)s::text, %(texts)s::text[], %(blobs)s::bytea[],"
    " %(no_texts)s::text[], %(no_blobs)s::bytea[], %(number)s::smallint, true, 5 %% 3"
)


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    return make_database(METADATA)


def backend(connection: Connection) -> int:
    return connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]


def test_every_kind_of_value_comes_back_as_it_went(database: Database) -> None:
    with database.glance() as connection:
        executed = execute_prepared(connection, TEXT, VALUES)

    assert executed is not None
    assert executed.fetchall() == [(*VALUES.values(), -7, True, 2)]
    assert executed.rowcount == 1


def test_a_statement_is_prepared_once_for_a_connection(database: Database) -> None:
    with database.glance() as connection:
        for number in range(3):
            execute_prepared(connection, "SELECT %(n)s::bigint", {"n": number})
        kept = connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'hie%%'").scalar_one()

    assert kept == 1


def test_rows_touched_are_counted_and_none_are_given(database: Database) -> None:
    with database.begin() as work:
        written = execute_prepared(work.connection, "INSERT INTO thing SELECT n FROM generate_series(1, 3) AS n", {})

    assert written is not None
    assert (written.rowcount, written.fetchall()) == (3, [])


def test_what_is_written_in_a_unit_goes_with_the_unit(database: Database) -> None:
    with pytest.raises(ValueError, match="stop"), database.begin() as work:
        execute_prepared(work.connection, "INSERT INTO thing (id) VALUES (%(n)s)", {"n": 1})
        raise ValueError("stop")

    with database.read() as connection:
        assert connection.execute(sa.select(THING)).all() == []


def test_a_broken_constraint_is_the_drivers_error_with_its_state(database: Database) -> None:
    with database.glance() as connection:
        execute_prepared(connection, "INSERT INTO thing (id) VALUES (%(n)s)", {"n": 1})
        with pytest.raises(psycopg.errors.UniqueViolation):
            execute_prepared(connection, "INSERT INTO thing (id) VALUES (%(n)s)", {"n": 1})


def test_a_lost_connection_is_an_operational_error(database: Database) -> None:
    with database.glance() as connection, database.engine.connect() as other:
        execute_prepared(connection, "SELECT 1", {})
        other.execute(sa.select(sa.func.pg_terminate_backend(backend(connection))))

        with pytest.raises(psycopg.OperationalError):
            execute_prepared(connection, "SELECT 1", {})
        connection.invalidate()


def test_a_database_that_must_keep_nothing_prepared_is_left_to_the_driver(make_database: MakeDatabase) -> None:
    made = make_database(METADATA)
    database = Database(made.engine.url.render_as_string(hide_password=False), clock=system_clock, prepare=False)

    for _ in range(10):
        with database.begin() as work:
            assert execute_text(work.connection, "SELECT %(n)s::bigint", {"n": 1}).fetchall() == [(1,)]
    with database.read() as connection:
        kept = connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar_one()

    assert kept == 0
    database.close()


def test_what_is_prepared_outlives_a_transaction_that_is_taken_back(database: Database) -> None:
    with database.engine.connect() as connection:
        for _ in range(10):
            connection.execute(sa.select(THING.c.id).where(THING.c.id == 1)).all()
            execute_prepared(connection, "SELECT %(n)s::bigint", {"n": 1})
            connection.rollback()
        kept = connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar_one()

        assert execute_prepared(connection, "SELECT %(n)s::bigint", {"n": 7}).fetchall() == [(7,)]  # type: ignore[union-attr]

    assert kept == 2


def test_a_commit_that_the_database_refuses_is_an_error(database: Database) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql("CREATE TEMP TABLE late (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        connection.exec_driver_sql("INSERT INTO late VALUES (1), (1)")

        with pytest.raises(sa.exc.IntegrityError):
            connection.commit()


def test_a_unit_at_one_moment_begins_as_such_also_with_a_prepared_statement(database: Database) -> None:
    with database.begin(snapshot=True) as work:
        found = execute_prepared(work.connection, "SHOW transaction_isolation", {})

    assert found is not None
    assert found.fetchall() == [("repeatable read",)]
