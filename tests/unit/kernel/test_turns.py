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
