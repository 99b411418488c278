"""SQL on reviews."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mpi import review_store
from mpi.model import ReviewReason, ReviewState
from mpi.review_store import Question
from tests.conftest import MakeDatabase
from tests.support.patients import ADMINISTRATOR, CLINIC, OTTO, PatientIndex, a_patient_index, an_id, an_update


@pytest.fixture
def index(make_database: MakeDatabase) -> PatientIndex:
    """Three records."""
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2"), demographics=OTTO))
    index.feed(an_update(an_id("3", CLINIC), demographics=replace(OTTO, sex="F", names=())))
    return index


def question(index: PatientIndex, weight: float = 5.0, detail: str = "") -> Question:
    """Is the first the second?"""
    one, two = index.record(an_id("1")).id, index.record(an_id("2")).id
    return Question(one, two, ReviewReason.MAYBE_SAME, detail, weight, "")


def test_a_question_asked_again_is_the_same_question_with_the_latest_evidence(index: PatientIndex) -> None:
    with index.database.begin() as work:
        review_store.ask(work.connection, question(index), 10, now=1)
        review_store.lease(work.connection, 10, "anna", now=1, until=100)
        review_store.ask(work.connection, question(index, 7.0, "more"), 11, now=2)
        (found,) = review_store.reviews(work.connection, ReviewState.OPEN, None, 10)

    assert (found.id, found.weight, found.detail, found.created_at, found.leased_by) == (10, 7.0, "more", 1, "anna")


def test_a_question_that_was_settled_is_opened_anew(index: PatientIndex) -> None:
    with index.database.begin() as work:
        review_store.ask(work.connection, question(index), 10, now=1)
        review_store.withdraw(work.connection, [10], now=2)
        review_store.withdraw(work.connection, [], now=2)
        assert review_store.open_count(work.connection) == 0
        review_store.ask(work.connection, question(index), 11, now=3)
        found = review_store.review(work.connection, 10)

    assert found is not None
    assert (found.state, found.created_at, found.decided_at) == (ReviewState.OPEN, 3, None)


def test_a_review_names_the_person_where_the_other_record_is_now(index: PatientIndex) -> None:
    with index.database.begin() as work:
        review_store.ask(work.connection, question(index), 10, now=1)
    two, three = index.record(an_id("2")).id, index.record(an_id("3", CLINIC)).id

    index.stewardship.link(two, three, ADMINISTRATOR)

    with index.database.read() as connection:
        (found,) = review_store.open_reviews_of(connection, [two])
        assert review_store.open_reviews_of(connection, [three]) == ()
        assert review_store.review(connection, 404) is None
    assert found.person == index.record(an_id("3", CLINIC)).person


def test_the_queue_is_read_heaviest_first_page_by_page(index: PatientIndex) -> None:
    records = [index.record(i).id for i in (an_id("1"), an_id("2"), an_id("3", CLINIC))]
    pairs = [(a, b) for a in records for b in records if a != b]
    with index.database.begin() as work:
        for n, (record, person) in enumerate(pairs):
            asked = Question(record, person, ReviewReason.MAYBE_SAME, "", float(n % 3), "")
            review_store.ask(work.connection, asked, n, now=1)
        everything = review_store.reviews(work.connection, ReviewState.OPEN, None, 10)
        first = review_store.reviews(work.connection, ReviewState.OPEN, None, 4)
        rest = review_store.reviews(work.connection, ReviewState.OPEN, (first[-1].weight, first[-1].id), 4)

    assert [r.weight for r in everything] == [2.0, 2.0, 1.0, 1.0, 0.0, 0.0]
    assert first + rest == everything


def test_a_lease_holds_until_it_is_given_back_or_runs_out(index: PatientIndex) -> None:
    with index.database.begin() as work:
        connection = work.connection
        review_store.ask(connection, question(index), 10, now=1)
        assert review_store.lease(connection, 10, "anna", now=1, until=100)
        assert not review_store.lease(connection, 10, "berta", now=99, until=200)
        assert review_store.lease(connection, 10, "berta", now=100, until=200)
        review_store.give_back(connection, 10, "anna")
        assert not review_store.lease(connection, 10, "anna", now=150, until=300)
        review_store.give_back(connection, 10, "berta")
        assert review_store.lease(connection, 10, "anna", now=150, until=300)
        review_store.withdraw(connection, [10], now=200)
        assert not review_store.lease(connection, 10, "anna", now=201, until=300)


def test_the_open_reviews_of_a_record_are_found_without_going_through_all_that_are_open(index: PatientIndex) -> None:
    if not index.database.is_sqlite:
        return  # which has no statistics to know better by
    asked: list[str] = []
    with index.database.read() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_trace_callback(asked.append)
        review_store.open_reviews_of(connection, [1, 2])
        driver.set_trace_callback(None)

        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[-1]}")]

    assert any("mpi_review" in step for step in plan)
    assert not any("mpi_review_queue" in step for step in plan)
