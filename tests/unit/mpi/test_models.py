"""mpi.models"""

from __future__ import annotations

from dataclasses import replace

import pytest

from kernel.errors import Rejected
from mpi.linkage.model import Model
from mpi.linkage.shipped import shipped_model
from mpi.models import REFRESH_SECONDS, Models, version_name
from mpi.tables import METADATA
from tests.conftest import MakeDatabase
from tests.support.clocks import TickingClock


def a_model(version: str) -> Model:
    """The shipped model under another name."""
    return replace(shipped_model(), version=version, population=5000)


def kept(models: Models, make: MakeDatabase, *versions: str) -> None:
    """Adds models."""
    with make(METADATA).begin() as work:
        for version in versions:
            models.keep(work, a_model(version), "anna")


class Seconds:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_shipped_model_is_in_force_until_another_is(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    models = Models(database)
    kept(models, make_database, "one", "two")

    assert models.in_force() == shipped_model()

    with database.begin() as work:
        before = models.use(work, "two")
    assert before == shipped_model().version
    assert models.in_force() == a_model("two")

    with database.begin() as work:
        assert models.use(work, before) == "two"
    assert models.in_force() is shipped_model()


def test_another_process_notices_within_seconds_and_keeps_its_object_until_then(make_database: MakeDatabase) -> None:
    database, seconds = make_database(METADATA), Seconds()
    here, there = Models(database), Models(database, monotonic=seconds)
    kept(here, make_database, "one")
    assert there.in_force() is shipped_model()

    with database.begin() as work:
        here.use(work, "one")

    assert there.in_force() is shipped_model()
    seconds.now += REFRESH_SECONDS
    found = there.in_force()
    assert found == a_model("one")
    seconds.now += REFRESH_SECONDS
    assert there.in_force() is found


def test_a_change_that_is_rolled_back_was_none(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    models = Models(database)
    kept(models, make_database, "one")

    with pytest.raises(ZeroDivisionError), database.begin() as work:
        models.use(work, "one")
        raise ZeroDivisionError

    assert models.in_force() is shipped_model()


def test_versions_are_listed_the_newest_first_and_the_shipped_one_last(make_database: MakeDatabase, clock: TickingClock) -> None:
    database = make_database(METADATA)
    models = Models(database)
    for version in ("one", "two"):
        kept(models, make_database, version)
    with database.begin() as work:
        models.use(work, "one")

    found = models.versions()

    assert [(m.version, m.author, m.records, m.is_in_force) for m in found] == [
        ("two", "anna", 5000, False),
        ("one", "anna", 5000, True),
        (shipped_model().version, "", 0, False),
    ]
    assert models.model("two") == a_model("two")


@pytest.mark.parametrize("version", ["one", shipped_model().version])
def test_a_version_is_never_used_twice(make_database: MakeDatabase, version: str) -> None:
    models = Models(make_database(METADATA))
    kept(models, make_database, "one")

    with pytest.raises(Rejected):
        kept(models, make_database, version)


def test_a_model_that_is_not_there_cannot_be_used(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    models = Models(database)

    with pytest.raises(Rejected), database.begin() as work:
        models.use(work, "none")

    with pytest.raises(Rejected):
        models.model("none")


def test_a_version_tells_how_and_when_a_model_came_to_be() -> None:
    assert version_name("trained", 1_700_000_000_123) == "trained-20231114T221320.123"
