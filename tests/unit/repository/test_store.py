"""The tables keep one document for a uniqueId, and settle only what belongs to a submission."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kernel.database import Database
from repository.model import DocumentRecord, State, SubmissionRecord
from repository.store import METADATA, RepositoryStore
from repository.vault import Content

STORE = RepositoryStore()
ONE = SubmissionRecord("1.1", b"one")
TWO = SubmissionRecord("1.2", b"two")


def a_record(unique_id: str = "2.1", key: str = "a" * 64, state: State = State.STORED) -> DocumentRecord:
    return DocumentRecord(unique_id, Content(key, 3), "b" * 40, "text/plain", "P^^^&1.2&ISO", state)


@pytest.fixture
def database(make_database: Callable[..., Database]) -> Database:
    return make_database(METADATA)


def states(database: Database, *unique_ids: str) -> dict[str, State]:
    with database.read() as connection:
        return {k: r.state for k, r in STORE.documents(connection, unique_ids).items()}


def test_a_document_is_read_as_it_was_added(database: Database) -> None:
    with database.begin() as work:
        assert STORE.add_document(work, a_record(), ONE)

    with database.read() as connection:
        assert STORE.documents(connection, ["2.1", "2.2"]) == {"2.1": a_record()}
        assert STORE.documents(connection, []) == {}


def test_a_second_document_of_a_unique_id_is_not_added(database: Database) -> None:
    with database.begin() as work:
        STORE.add_document(work, a_record(), ONE)
        assert not STORE.add_document(work, a_record(key="c" * 64), TWO)

    with database.read() as connection:
        assert STORE.documents(connection, ["2.1"])["2.1"].content.sha256 == "a" * 64


def test_an_orphan_makes_room(database: Database) -> None:
    with database.begin() as work:
        STORE.add_submission(work, ONE)
        STORE.add_document(work, a_record(), ONE)
        STORE.settle_orphan(work, ONE)
        assert STORE.add_document(work, a_record(key="c" * 64), TWO)

    with database.read() as connection:
        assert STORE.documents(connection, ["2.1"]) == {"2.1": a_record(key="c" * 64)}


def test_a_rejected_submission_leaves_what_others_brought_or_registered(database: Database) -> None:
    with database.begin() as work:
        for submission in (ONE, TWO):
            STORE.add_submission(work, submission)
        STORE.add_document(work, a_record("2.1"), ONE)
        STORE.add_document(work, a_record("2.2"), TWO)
        STORE.add_document(work, a_record("2.3"), TWO)
        STORE.settle_registered(work, ONE, [a_record("2.1"), a_record("2.3")])
        STORE.settle_orphan(work, TWO)

    assert states(database, "2.1", "2.2", "2.3") == {"2.1": State.REGISTERED, "2.2": State.ORPHAN, "2.3": State.REGISTERED}


def test_what_is_registered_wins_over_another_content_that_took_an_orphans_place(database: Database) -> None:
    with database.begin() as work:
        STORE.add_document(work, a_record(key="c" * 64), TWO)
        STORE.settle_registered(work, ONE, [a_record()])

    with database.read() as connection:
        assert STORE.documents(connection, ["2.1"]) == {"2.1": a_record(state=State.REGISTERED)}


def test_a_submission_is_added_once_and_begins_again_with_its_attempts(database: Database) -> None:
    with database.begin() as work:
        assert STORE.add_submission(work, ONE)
        assert not STORE.add_submission(work, SubmissionRecord("1.1", b"other"))
        STORE.restart_submission(work, SubmissionRecord("1.1", b"other", attempts=2))

    with database.read() as connection:
        assert STORE.submission(connection, "1.1") == SubmissionRecord("1.1", b"other", State.STORED, 2)
        assert STORE.submission(connection, "1.9") is None


def test_settling_touches_the_very_submission_only_and_never_takes_registration_back(database: Database) -> None:
    with database.begin() as work:
        STORE.add_submission(work, ONE)
        STORE.settle_registered(work, SubmissionRecord("1.1", b"other"), [])
        before = STORE.submission(work.connection, "1.1", lock=True)
        STORE.settle_registered(work, ONE, [])
        STORE.settle_orphan(work, ONE)
        after = STORE.submission(work.connection, "1.1")

    assert before is not None
    assert after is not None
    assert (before.state, after.state) == (State.STORED, State.REGISTERED)


def test_unsettled_documents_are_old_and_not_registered(database: Database) -> None:
    with database.begin() as work:
        for number in range(4):
            STORE.add_document(work, a_record(f"2.{number}"), ONE)
        STORE.settle_registered(work, ONE, [a_record("2.3")])
        now = work.now

    with database.read() as connection:
        assert STORE.unsettled(connection, before=now, limit=9) == []
        assert [r.unique_id for r in STORE.unsettled(connection, before=now + 1, limit=2)] == ["2.0", "2.1"]
        assert len(STORE.unsettled(connection, before=now + 1, limit=9)) == 3


def test_unsettled_documents_are_settled_or_forgotten_unless_they_changed(database: Database) -> None:
    with database.begin() as work:
        for number in range(3):
            STORE.add_document(work, a_record(f"2.{number}"), ONE)
        now = work.now

    with database.begin() as work:
        assert STORE.mark_registered(work, ["2.0"], before=now) == 0
        assert STORE.mark_registered(work, ["2.0"], before=now + 1) == 1
        assert STORE.forget_documents(work, ["2.0", "2.1"], before=now) == 0
        assert STORE.forget_documents(work, ["2.0", "2.1"], before=now + 1) == 1
        assert STORE.mark_registered(work, [], before=now + 1) == 0

    assert states(database, "2.0", "2.1", "2.2") == {"2.0": State.REGISTERED, "2.2": State.STORED}


def test_old_submissions_are_forgotten(database: Database) -> None:
    with database.begin() as work:
        STORE.add_submission(work, ONE)
        now = work.now

    with database.begin() as work:
        assert STORE.forget_submissions(work, before=now) == 0
        assert STORE.forget_submissions(work, before=now + 1) == 1


def test_a_content_is_referred_to_by_any_document(database: Database) -> None:
    with database.begin() as work:
        STORE.add_document(work, a_record("2.1", "a" * 64), ONE)
        STORE.add_document(work, a_record("2.2", "a" * 64), ONE)

    with database.read() as connection:
        assert STORE.referred(connection, ["a" * 64, "c" * 64]) == {"a" * 64}


def test_documents_are_read_page_by_page_without_orphans(database: Database) -> None:
    with database.begin() as work:
        for number in range(5):
            STORE.add_document(work, a_record(f"2.{number}"), TWO if number == 2 else ONE)
        STORE.settle_orphan(work, TWO)

    seen: list[str] = []
    after = 0
    with database.read() as connection:
        while page := STORE.page(connection, after=after, limit=2):
            seen += [record.unique_id for _, record in page]
            after = page[-1][0]

    assert seen == ["2.0", "2.1", "2.3", "2.4"]


def test_more_unique_ids_than_fit_one_statement_are_found(database: Database) -> None:
    with database.begin() as work:
        for number in (0, 499, 500, 1400):
            STORE.add_document(work, a_record(f"2.{number}"), ONE)

    assert len(states(database, *(f"2.{number}" for number in range(1500)))) == 4
