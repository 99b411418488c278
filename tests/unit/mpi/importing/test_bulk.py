"""mpi.importing.bulk"""

from __future__ import annotations

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from kernel.database import Database
from mpi.importing.bulk import put, put_pairs, quick_writer
from tests.conftest import MakeDatabase

METADATA = sa.MetaData()
THING = sa.Table(
    "thing",
    METADATA,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("text", sa.Text),
    sa.Column("flag", sa.Boolean),
    sa.Column("weight", sa.Double),
)
PAIR = sa.Table(
    "pair",
    METADATA,
    sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("record", sa.BigInteger, primary_key=True, autoincrement=False),
)


def everything(database: Database, table: sa.Table) -> list[tuple[object, ...]]:
    """The rows of a table."""
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]


def test_rows_are_as_they_were_given(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    rows = [
        (1, 'a\tb\\n\n"c"', True, 0.1),
        (2, None, False, None),
        (3, "", None, -1e300),
        (4, "\\N", True, 2.0),
        (2**62, "ü€𝄞", True, 1.0),
    ]

    with database.begin() as work:
        put(work.connection, THING, rows)
        put(work.connection, THING, [])

    assert everything(database, THING) == rows


def test_pairs_of_64_bit_numbers_are_as_they_were_given(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    keys, records = np.array([-(2**63), -1, 0, 2**63 - 1]), np.array([1, 2**62, 3, 4])

    with database.begin() as work:
        put_pairs(work.connection, PAIR, keys, records)

    assert everything(database, PAIR) == list(zip(keys.tolist(), records.tolist(), strict=True))


@pytest.mark.parametrize("pairs", [False, True])
def test_a_key_that_is_taken_is_told_in_sqlalchemys_words_and_nothing_is_kept(make_database: MakeDatabase, pairs: bool) -> None:
    database = make_database(METADATA)

    with pytest.raises(IntegrityError), database.begin() as work:
        if pairs:
            put_pairs(work.connection, PAIR, np.array([1, 1]), np.array([1, 1]))
        else:
            put(work.connection, THING, [(1, "a", True, None), (1, "b", True, None)])

    assert everything(database, THING) + everything(database, PAIR) == []


def test_the_writer_has_its_cache_back_afterwards(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    if not database.is_sqlite:
        with quick_writer(database):
            return

    def size() -> object:
        with database.begin() as work:
            return work.connection.exec_driver_sql("PRAGMA cache_size").scalar()

    before = size()
    with pytest.raises(ZeroDivisionError), quick_writer(database):
        within = size()
        raise ZeroDivisionError

    assert within != before
    assert size() == before
