"""Random histories of feeds, merges, links, moves, decisions and undoings by several sources: what holds after every step.

There are 10,000 of them, numbered, and every run does some. `HIE_TEST_IDENTITIES` says which: `all`, `3000:4000`, or `3117`, as a
failure told it; without it the time of day chooses.
"""

from __future__ import annotations

import os
import time

import pytest
import sqlalchemy as sa

from kernel.database import Database
from mpi import ledger
from tests.conftest import MakeDatabase
from tests.support.clocks import TickingClock
from tests.support.identity_acts import HOW_OFTEN, Happening, happenings
from tests.support.identity_history import Broken, Laboratory

HISTORIES = 10_000
SLICE = 50
"""Histories of a run on SQLite; a tenth of them on PostgreSQL, where each takes longer."""
QUARTER_OF_AN_HOUR = 900


def chosen(option: str, now: float, size: int = SLICE) -> range:
    """The numbers of the histories to be run; `now` is seconds since 1970."""
    if option == "all":
        return range(HISTORIES)
    if option:
        start, _, stop = option.partition(":")
        return range(int(start), int(stop or int(start) + 1))
    first = int(now) // QUARTER_OF_AN_HOUR % (HISTORIES // SLICE) * SLICE
    return range(first, first + size)


@pytest.fixture
def laboratory(make_database: MakeDatabase, clock: TickingClock) -> Laboratory:
    """An index whose database waits for no disk."""

    def make(*parts: sa.MetaData) -> Database:
        database = make_database(*parts)
        if database.is_sqlite:
            sa.event.listen(database.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
        return database

    return Laboratory(make, clock)


def test_every_history_holds_and_leads_back_to_its_beginning(laboratory: Laboratory) -> None:
    option = os.environ.get("HIE_TEST_IDENTITIES", "")
    numbers = chosen(option, time.time(), SLICE if laboratory.index.database.is_sqlite else SLICE // 10)

    for number in numbers:
        laboratory.run(number)

    print(laboratory.tally)
    assert laboratory.tally.histories == len(numbers)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_history_that_breaks_is_told_with_nothing_that_it_does_not_need(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [Happening("feed", (0, 1, 2, 7)), Happening("match", (0, 0, 0, 0)), Happening("administrator_links", (0, 3, 0, 0))]
    laboratory.run(1, events)
    monkeypatch.setattr(ledger, "_add_changes", lambda *_: None)

    with pytest.raises(Broken) as broken:
        laboratory.run(1, events)

    first, *story = str(broken.value).splitlines()
    assert first == "history 1 from beginning 1: AssertionError('the journal tells another present')"
    assert len(story) == 1


def test_a_number_always_means_the_same_history_and_everything_happens_in_some() -> None:
    assert happenings(7) == happenings(7) != happenings(8)
    assert {event.kind for number in range(50) for event in happenings(number)} == HOW_OFTEN.keys()


def test_runs_take_turns_until_every_history_was_run() -> None:
    runs = [chosen("", turn * QUARTER_OF_AN_HOUR) for turn in range(HISTORIES // SLICE)]

    assert sorted(number for run in runs for number in run) == list(range(HISTORIES))
    assert list(chosen("", 5 * QUARTER_OF_AN_HOUR, 2)) == [250, 251]
    assert (chosen("all", 0), chosen("20:30", 0), chosen("3117", 0)) == (range(HISTORIES), range(20, 30), range(3117, 3118))
