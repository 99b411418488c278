"""One at a time."""

from __future__ import annotations

import pytest

from kernel.turns import alone
from tests.conftest import MakeDatabase


def test_a_second_one_is_told_that_the_work_is_taken(make_database: MakeDatabase) -> None:
    database = make_database()

    with alone(database, "sweep") as first, alone(database, "sweep") as second, alone(database, "feed") as other:
        found = (first, second, other)

    assert found == (True, False, True)


def test_the_work_is_free_again_after_a_failure(make_database: MakeDatabase) -> None:
    database = make_database()

    with pytest.raises(ValueError), alone(database, "sweep"):
        raise ValueError

    with alone(database, "sweep") as is_alone:
        assert is_alone


def test_long_work_holds_no_connection_of_the_pool(make_database: MakeDatabase) -> None:
    database = make_database()
    pool = database.engine.pool

    with alone(database, "feed", is_long=True) as is_alone:
        assert is_alone
        assert pool.checkedout() == 0  # type: ignore[attr-defined]  # of a queue pool, which both databases have
        with alone(database, "feed", is_long=True) as second:
            assert not second

    with alone(database, "feed", is_long=True) as again:
        assert again
