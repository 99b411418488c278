"""The tables of the audit record repository."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from arr.tables import METADATA
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
