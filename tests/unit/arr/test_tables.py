"""The tables of the audit record repository."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app.migrations import HISTORIES, upgrade
from arr.tables import METADATA
from kernel.database import Database
from tests.conftest import MakeDatabase
from tests.support.arr import a_service, some_records


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE arr_record SET origin = 'x'",
        "DELETE FROM arr_record",
        "UPDATE arr_checkpoint SET note = 'x'",
        "DELETE FROM arr_checkpoint",
    ],
)
def test_the_database_itself_refuses_to_change_or_remove_a_record(make_database: MakeDatabase, statement: str) -> None:
    database = make_database(METADATA)
    a_service(database, every=1).record(some_records(2))

    with pytest.raises(DBAPIError, match="never changed"), database.engine.begin() as connection:
        connection.execute(sa.text(statement))


def _guards(database: Database) -> list[str]:
    statement = "SELECT sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    if not database.is_sqlite:
        statement = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgname"
    with database.read() as connection:
        return list(connection.execute(sa.text(statement)).scalars())


def test_the_steps_that_make_the_tables_guard_them_in_the_same_way(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    declared = _guards(database)
    with database.engine.begin() as connection:
        METADATA.drop_all(connection)
        if not database.is_sqlite:
            connection.execute(sa.text("DROP FUNCTION arr_refuse()"))

    list(upgrade(database.engine, [history for history in HISTORIES if history.name == "arr"]))

    assert _guards(database) == declared
    assert len(declared) == (8 if database.is_sqlite else 4)
