"""mpi.importing.writing"""

from __future__ import annotations

from pathlib import Path

from mpi import ledger as journal
from mpi import review_store
from mpi.importing.writing import Joining, write_joins, write_questions
from mpi.index import NOTIFY
from mpi.ledger import Ledger
from mpi.model import ActKind, LinkKind, ReviewReason
from mpi.persons import Why, join
from mpi.review_store import Question
from tests.conftest import MakeDatabase
from tests.support.imports import JOHN, a_file, a_row, load
from tests.support.patients import CLINIC, PatientIndex, a_patient_index, an_id


def two_marys(make_database: MakeDatabase, folder: Path) -> tuple[PatientIndex, int, int]:
    """An index with two records of Mary and one of John; the ids of the first two."""
    index = a_patient_index(make_database)
    load(index, a_file(folder, [a_row("1"), a_row("2", source="CLINIC_B"), a_row("3", JOHN)]))
    return index, index.record(an_id("1")).id, index.record(an_id("2", CLINIC)).id


def joined(index: PatientIndex, *joins: Joining, notify: bool = False) -> int:
    """Joins persons; gives how many others joined."""
    with index.database.begin() as work:
        return len(write_joins(work, joins, index.index.keys, author="matching", comment="batch", notify=notify))


def test_the_journal_is_what_a_ledger_would_have_written(make_database: MakeDatabase, tmp_path: Path) -> None:
    index, one, two = two_marys(make_database, tmp_path)
    with index.database.begin() as work:
        ledger = Ledger(work.connection, index.index.act(work, ActKind.MATCH, "matching"))
        join(ledger, two, one, Why(LinkKind.AUTOMATIC, "because", 9.5, "{}", "m", one))
        first = ledger.close()
    assert first is not None
    with index.database.begin() as work:
        journal.undo(Ledger(work.connection, index.index.act(work, ActKind.UNDO, "anna")), first)

    joined(index, Joining(one, ((two, 9.5, "because", "{}", "m", one),)))

    with index.database.read() as connection:
        acts = journal.acts(connection, kinds=[ActKind.MATCH])
        ours, theirs = (journal.changes_of(connection, act.id) for act in acts)
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine.thing, mine.key, mine.before) == (other.thing, other.key, other.before)
        assert {**(mine.after or {}), "at": 0} == {**(other.after or {}), "at": 0}


def test_consumers_are_told_where_that_is_asked_for(make_database: MakeDatabase, tmp_path: Path) -> None:
    index, one, two = two_marys(make_database, tmp_path)

    joined(index, Joining(one, ((two, 9.5, "because", "{}", "m", one),)), notify=True)

    assert [(topic, key) for _, topic, key in index.told()] == [(NOTIFY, str(one))]


def test_a_person_that_went_over_to_another_meanwhile_is_passed_over(make_database: MakeDatabase, tmp_path: Path) -> None:
    index, one, two = two_marys(make_database, tmp_path)
    john = index.record(an_id("3")).id
    joined(index, Joining(john, ((two, None, "", "", "", None),)))

    assert joined(index, Joining(one, ((two, 9.5, "because", "{}", "m", one),))) == 0
    assert index.clusters() == {frozenset("1"), frozenset("23")}


def test_questions_about_records_that_are_one_person_or_gone_are_not_asked(make_database: MakeDatabase, tmp_path: Path) -> None:
    index, one, two = two_marys(make_database, tmp_path)
    john = index.record(an_id("3")).id
    joined(index, Joining(one, ((two, 9.5, "because", "{}", "m", one),)))

    def about(record: int, person: int) -> Question:
        return Question(record, person, ReviewReason.MAYBE_SAME, "", 1.0, "")

    with index.database.begin() as work:
        asked = write_questions(work, [about(one, two), about(john, two), about(john, one), about(5, one)], index.index.keys)

    assert asked == 1
    with index.database.read() as connection:
        (review,) = review_store.open_reviews_of(connection, [john])
    assert (review.record, review.person) == (john, one)
