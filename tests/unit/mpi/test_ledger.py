"""The journal."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import sqlalchemy as sa

from kernel.errors import Condition, Rejected
from mpi import ledger, review_store, store
from mpi.ledger import Change, Ledger
from mpi.model import Act, ActKind, ReviewReason
from mpi.review_store import Question
from mpi.tables import JOURNAL_CHANGE, PERSON, REVIEW
from tests.conftest import MakeDatabase
from tests.support.patients import OTTO, PatientIndex, a_patient_index, an_id, an_update

LINK = {"kind": "manual", "weight": 1.5, "reason": "r", "explanation": "", "model": "", "at": 1, "author": "anna", "via": None}


@pytest.fixture
def index(make_database: MakeDatabase) -> PatientIndex:
    """Two records."""
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2"), demographics=OTTO))
    return index


def act(number: int, kind: ActKind = ActKind.LINK) -> Act:
    """An act."""
    return Act(number, kind, number, "anna", "why")


def test_an_act_is_written_with_exactly_what_it_changed(index: PatientIndex) -> None:
    one, two = index.record(an_id("1")).id, index.record(an_id("2")).id

    with index.database.begin() as work:
        book = Ledger(work.connection, act(1))
        book.put("record", (two,), {"person": one})
        book.put("record", (two,), {"state": 1})
        book.put("link", (two,), LINK)
        book.put("negative", (one, two), {"at": 1, "author": "anna"})
        book.put("negative", (one, two), None)
        assert book.close() == 1
        found = ledger.changes_of(work.connection, 1)

    before = {"person": two, "state": 0, "subsumed_by": None}
    assert found == (
        Change("record", (two,), before, {**before, "person": one, "state": 1}),
        Change("link", (two,), None, LINK),
    )


def test_an_act_that_changed_nothing_is_not_written(index: PatientIndex) -> None:
    one = index.record(an_id("1")).id

    with index.database.begin() as work:
        book = Ledger(work.connection, act(1))
        book.put("record", (one,), {"person": one})
        book.put("link", (one,), None)
        assert book.close() is None
        assert ledger.act_by_id(work.connection, 1) is None


def test_what_is_not_there_cannot_be_changed(index: PatientIndex) -> None:
    with index.database.begin() as work, pytest.raises(LookupError):
        Ledger(work.connection, act(1)).put("record", (404,), {"person": 1})


def test_undoing_restores_rows_that_came_went_and_changed(index: PatientIndex) -> None:
    one, two = index.record(an_id("1")).id, index.record(an_id("2")).id

    with index.database.begin() as work:
        first = Ledger(work.connection, act(1))
        first.put("record", (two,), {"person": one})
        first.put("link", (two,), LINK)
        first.close()
        second = Ledger(work.connection, act(2, ActKind.UNDO))
        done = ledger.undo(second, 1)
        second.close()
        third = Ledger(work.connection, act(3, ActKind.UNDO))
        ledger.undo(third, 2)
        third.close()
        present = ledger.act_by_id(work.connection, 1)

    assert [c.after for c in done] == [{"person": two, "state": 0, "subsumed_by": None}, None]
    assert index.record(an_id("2")).person == one
    assert present is not None
    assert present.undone_by is None


def test_an_act_that_others_built_on_cannot_be_undone(index: PatientIndex) -> None:
    one, two = index.record(an_id("1")).id, index.record(an_id("2")).id

    with index.database.begin() as work:
        for number, person in ((1, one), (2, two), (3, one)):
            book = Ledger(work.connection, act(number))
            book.put("record", (two,), {"person": person})
            book.put("link", (two,), {**LINK, "at": number})
            book.close()
        with pytest.raises(Rejected) as refused:
            ledger.undo(Ledger(work.connection, act(4, ActKind.UNDO)), 1)

    assert [v.where for v in refused.value.violations] == ["act 2", "act 3"]


def test_a_row_changed_behind_the_journals_back_is_noticed(index: PatientIndex) -> None:
    one, two = index.record(an_id("1")).id, index.record(an_id("2")).id

    with index.database.begin() as work:
        book = Ledger(work.connection, act(1))
        book.put("record", (two,), {"person": one})
        book.close()
        Ledger(work.connection, act(9)).put("record", (two,), {"person": two})
        with pytest.raises(Rejected) as refused:
            ledger.undo(Ledger(work.connection, act(2, ActKind.UNDO)), 1)

    assert refused.value.condition is Condition.UPDATE_INVALID


def test_the_journal_is_read_latest_first_page_by_page_and_by_record(index: PatientIndex) -> None:
    one, two = index.record(an_id("1")).id, index.record(an_id("2")).id

    with index.database.begin() as work:
        for number, record in ((1, two), (2, one), (3, two)):
            book = Ledger(work.connection, act(number))
            book.put("link", (record,), {**LINK, "at": number})
            book.close()
        assert [a.id for a in ledger.acts(work.connection)] == [3, 2, 1]
        assert [a.id for a in ledger.acts(work.connection, before=3, limit=1)] == [2]
        assert [a.id for a in ledger.acts(work.connection, records=[two])] == [3, 1]
        assert ledger.acts(work.connection, records=[404]) == ()


def test_a_change_reversed_twice_is_itself() -> None:
    change = Change("record", (1,), {"person": 1}, {"person": 2})

    assert change.reversed.reversed == change
    assert change.reversed.after == {"person": 1}


def test_persons_that_exchanged_their_identifiers_go_back_and_forth(index: PatientIndex) -> None:
    one, two = index.record(an_id("1")).id, index.record(an_id("2")).id
    with index.database.begin() as work:
        given = store.affinity_ids(work.connection, [one, two])
        book = Ledger(work.connection, act(1))
        ledger.give_up_identifiers(book, [(one,), (two,)])
        book.put("person", (one,), {"affinity_id": given[two][0]})
        book.put("person", (two,), {"affinity_id": given[one][0]})
        book.close()
        exchanged = store.affinity_ids(work.connection, [one, two])

        found = []
        for number in (2, 3):
            book = Ledger(work.connection, act(number, ActKind.UNDO))
            ledger.undo(book, number - 1)
            book.close()
            found.append(store.affinity_ids(work.connection, [one, two]))

    assert found == [given, exchanged]


def test_an_act_that_an_earlier_release_wrote_is_undone(index: PatientIndex) -> None:
    one = index.record(an_id("1")).id
    with index.database.begin() as work:
        book = Ledger(work.connection, act(1))
        book.put("person", (one,), {"is_subsumed": True})
        book.close()
        narrow = {"before": '{"is_subsumed":false}', "after": '{"is_subsumed":true}'}
        work.connection.execute(JOURNAL_CHANGE.update().values(**narrow))

        ledger.undo(Ledger(work.connection, act(2, ActKind.UNDO)), 1)

        assert not work.connection.scalar(sa.select(PERSON.c.is_subsumed).where(PERSON.c.id == one))


def test_a_question_that_was_withdrawn_and_asked_again_is_in_nobodys_way(index: PatientIndex) -> None:
    one, two = index.record(an_id("1")).id, index.record(an_id("2")).id
    question = Question(two, one, ReviewReason.MAYBE_SAME, "", 3.0, "")
    with index.database.begin() as work:
        review_store.ask(work.connection, question, 77, work.now)
        book = Ledger(work.connection, act(1))
        book.put("review", (77,), {"state": "withdrawn", "decided_at": 5})
        book.put("negative", (one, two), {"at": 1, "author": "anna"})
        book.close()
        review_store.ask(work.connection, question, 78, work.now)

        ledger.undo(Ledger(work.connection, act(2, ActKind.UNDO)), 1)

        assert store.denied(work.connection, [one]) == {}
        assert work.connection.scalar(sa.select(REVIEW.c.state)) == "open"


@pytest.mark.parametrize("by_an_act", [False, True], ids=["by evidence", "by an act"])
def test_a_question_that_evidence_withdrew_again_is_in_nobodys_way_and_one_that_an_act_withdrew_is(
    index: PatientIndex, by_an_act: bool
) -> None:
    one, two = index.record(an_id("1")).id, index.record(an_id("2")).id
    question = Question(two, one, ReviewReason.MAYBE_SAME, "", 3.0, "")
    with index.database.begin() as work:
        review_store.ask(work.connection, question, 77, work.now)
        for number in (1, 2) if by_an_act else (1,):
            book = Ledger(work.connection, act(number))
            book.put("review", (77,), {"state": "withdrawn", "decided_at": number})
            book.close()
            review_store.ask(work.connection, question, 78, work.now)
        review_store.withdraw(work.connection, [77], work.now)

        with pytest.raises(Rejected) if by_an_act else nullcontext():
            ledger.undo(Ledger(work.connection, act(3, ActKind.UNDO)), 1)

        assert work.connection.scalar(sa.select(REVIEW.c.state)) == ("withdrawn" if by_an_act else "open")
