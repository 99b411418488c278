"""What acts of the journal were about."""

from __future__ import annotations

import pytest

from kernel.errors import Rejected
from mpi.model import ActKind, ReviewState
from mpi.stewardship import Verdict
from tests.conftest import MakeDatabase
from tests.support.patients import ADMINISTRATOR, CLINIC, HOSPITAL, a_patient_index, an_id, an_update
from tests.support.reviews import doubt


def test_a_decided_review_names_its_two_records_and_the_verdict(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    review = doubt(index).id
    act = index.stewardship.resolve_review(review, Verdict.SAME, ADMINISTRATOR, "same passport")

    (decided,), following = index.viewing.decisions(ADMINISTRATOR)

    assert (decided.act.id, decided.act.author, decided.act.comment) == (act, "anna", "same passport")
    assert (decided.review, decided.verdict, decided.moved) == (review, ReviewState.SAME, 1)
    assert {(n.patient_id.id, n.patient_id.authority) for n in decided.records} == {
        ("A1", HOSPITAL),
        ("B1", CLINIC),
    }
    assert following is None


def test_a_different_verdict_tells_how_many_pairs_are_kept_apart(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    review = doubt(index).id

    index.stewardship.resolve_review(review, Verdict.DIFFERENT, ADMINISTRATOR)

    (decided,), _ = index.viewing.decisions(ADMINISTRATOR)
    assert (decided.verdict, decided.moved, decided.apart) == (ReviewState.DIFFERENT, 0, 1)


def test_what_was_taken_back_says_by_which_act_and_the_other_says_which(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    act = index.stewardship.resolve_review(doubt(index).id, Verdict.SAME, ADMINISTRATOR)
    undo = index.stewardship.undo(act, ADMINISTRATOR, "wrong")

    taken_back, decided = index.viewing.decision(undo, ADMINISTRATOR), index.viewing.decision(act, ADMINISTRATOR)

    assert taken_back.undone == act
    assert decided.act.undone_by == undo


def test_matching_is_not_among_the_decisions_of_people_unless_asked_for(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("4711")))
    index.feed(an_update(an_id("99", CLINIC)))
    index.work()

    people, _ = index.viewing.decisions(ADMINISTRATOR)
    matching, _ = index.viewing.decisions(ADMINISTRATOR, kinds=(ActKind.MATCH,))

    assert people == ()
    assert [(d.act.author, d.moved) for d in matching] == [("matching", 1)]


def test_decisions_come_page_by_page(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    act = index.stewardship.resolve_review(doubt(index).id, Verdict.SAME, ADMINISTRATOR)
    undo = index.stewardship.undo(act, ADMINISTRATOR)

    first, following = index.viewing.decisions(ADMINISTRATOR, limit=1)
    second, end = index.viewing.decisions(ADMINISTRATOR, limit=1, before=following)

    assert ([d.act.id for d in first], [d.act.id for d in second], end) == ([undo], [act], None)


def test_an_act_that_never_was_is_rejected(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)

    with pytest.raises(Rejected, match="IDENTIFIER_UNKNOWN"):
        index.viewing.decision(4711, ADMINISTRATOR)
