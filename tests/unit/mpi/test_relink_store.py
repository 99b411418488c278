"""mpi.relink_store"""

from __future__ import annotations

from kernel.database import Database
from mpi import relink_store
from mpi.relink_store import COMPARED, Part, PartKind, Run, RunState
from mpi.tables import METADATA
from tests.conftest import MakeDatabase

A_RUN = Run(7, RunState.COMPARING, "ann", "shipped", 0, "")


def begun(make_database: MakeDatabase) -> Database:
    """A run with two parts to compare and one to change."""
    database = make_database(METADATA)
    parts = [
        Part(11, 7, PartKind.GIVEN, "a", b"work"),
        Part(12, 7, PartKind.FAMILIES, "b", b"more"),
        Part(13, 7, PartKind.JOIN, "c", b"x"),
    ]
    with database.begin() as work:
        relink_store.add_run(work.connection, A_RUN)
        relink_store.add_parts(work.connection, parts)
        relink_store.add_parts(work.connection, [])
    return database


def test_a_part_is_finished_once_and_counted(make_database: MakeDatabase) -> None:
    database = begun(make_database)

    with database.begin() as work:
        relink_store.finish_part(work.connection, 12, b"first")
        relink_store.finish_part(work.connection, 12, b"second")

    with database.read() as connection:
        assert relink_store.progress(connection, 7, COMPARED) == (1, 2)
        assert relink_store.open_parts(connection, 7, COMPARED, 9) == [11]
        assert relink_store.results(connection, 7, COMPARED) == [b"first"]
        assert relink_store.part(connection, 12) == Part(12, 7, PartKind.FAMILIES, "b", b"more", b"first")
        assert relink_store.part(connection, 99) is None
        assert relink_store.digests(connection, 7, PartKind.GIVEN) == {"a": 11}


def test_a_run_goes_on_from_the_state_it_is_in_alone(make_database: MakeDatabase) -> None:
    database = begun(make_database)

    with database.begin() as work:
        stepped = relink_store.change_run(work.connection, 7, RunState.COMPARING, state="joining", records=5)
        again = relink_store.change_run(work.connection, 7, RunState.COMPARING, state="done")

    with database.read() as connection:
        assert (stepped, again) == (True, False)
        assert relink_store.unfinished(connection) == Run(7, RunState.JOINING, "ann", "shipped", 5, "")


def test_a_run_that_is_done_is_not_gone_on_with_and_one_that_is_dropped_is_gone(make_database: MakeDatabase) -> None:
    database = begun(make_database)

    with database.begin() as work:
        relink_store.change_run(work.connection, 7, RunState.COMPARING, state="done")
        done = relink_store.unfinished(work.connection)
        relink_store.drop_run(work.connection, 7)

    with database.read() as connection:
        assert done is None
        assert relink_store.part(connection, 11) is None
