"""Connections that are held between two statements."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kernel import held
from kernel.database import execute_text
from kernel.held import HeldConnections
from kernel.prepared import keep_prepared
from tests.support.postgres import Server

pytestmark = pytest.mark.postgres


@pytest.fixture
def engine(postgres_server: Server) -> Iterator[sa.Engine]:
    name = postgres_server.name()
    postgres_server.create(name)
    engine = sa.create_engine(f"{postgres_server.address}/{name}", isolation_level="AUTOCOMMIT")
    keep_prepared(engine)
    yield engine
    engine.dispose()
    postgres_server.drop(name)


def backend(connection: Connection) -> int:
    found = execute_text(connection, "SELECT pg_backend_pid()", {}).fetchall()[0][0]
    assert isinstance(found, int)
    return found


def test_the_same_connection_is_used_again(engine: sa.Engine) -> None:
    connections = HeldConnections(engine, 2)

    with connections.one() as one:
        first = backend(one)
    with connections.one() as one:
        second = backend(one)

    assert first == second
    connections.close()


def test_two_at_once_have_one_each_and_no_more_are_held_than_may_be(engine: sa.Engine) -> None:
    connections = HeldConnections(engine, 1)

    with connections.one() as one, connections.one() as other:
        assert backend(one) != backend(other)

    assert len(connections._free) == 1
    connections.close()
    assert connections._free == []


def test_nothing_is_left_open_of_what_was_begun(engine: sa.Engine) -> None:
    connections = HeldConnections(engine, 1)

    with connections.one() as one:
        one.execute(sa.text("SELECT 1"))
        assert one.in_transaction()
    with connections.one() as one:
        assert not one.in_transaction()

    connections.close()


def test_a_connection_within_a_transaction_of_the_servers_is_not_kept(engine: sa.Engine) -> None:
    connections = HeldConnections(engine, 1)

    with connections.one() as one:
        driver = one.connection.driver_connection
        assert driver is not None
        driver.pgconn.exec_(b"BEGIN")

    assert connections._free == []


def test_when_one_was_lost_none_is_used_again(engine: sa.Engine, postgres_server: Server) -> None:
    connections = HeldConnections(engine, 2)
    with connections.one() as one, connections.one() as other:
        lost = [backend(one), backend(other)]
    with postgres_server.admin.connect() as admin:
        for number in lost:
            admin.execute(sa.text("SELECT pg_terminate_backend(:number, 5000)"), {"number": number})

    with pytest.raises(sa.exc.OperationalError), connections.one() as one:
        backend(one)
    with connections.one() as one:
        found = backend(one)

    assert found not in lost
    connections.close()


def test_a_connection_is_not_held_for_ever(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    connections = HeldConnections(engine, 1)
    with connections.one() as one:
        first = one
    monkeypatch.setattr(held, "SECONDS", 0)

    with connections.one() as one:
        assert one is not first

    connections.close()
