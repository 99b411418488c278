"""What administrators see, and that they leave a record of having seen it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from atna.reader import read
from kernel.errors import Rejected
from mpi.stewardship import Verdict
from tests.conftest import MakeDatabase
from tests.support.audit import a_subject
from tests.support.clocks import TickingClock
from tests.support.patients import ADMINISTRATOR, CLINIC, LAB, OTTO, XAD, PatientIndex, a_patient_index, an_id, an_update
from tests.support.reviews import doubt

BRUNO = a_subject(source="console", user="bruno")


def seen_last(index: PatientIndex) -> set[str]:
    """The patients whom the latest audit record names."""
    return {what.id for what in read(index.audited()[-1]).objects}


def named(index: PatientIndex, *ids: str) -> set[str]:
    """The affinity-domain identifiers of hospital (A) and clinic (B) records, as audit records have them."""
    found = (index.affinity_id(an_id(i) if i.startswith("A") else an_id(i, CLINIC)) for i in ids)
    return {f"{i.id}^^^{XAD}" for i in found}


def test_the_queue_has_the_identifiers_of_both_sides_and_names_whom_it_showed(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    doubt(index)
    patients = named(index, "A1", "B1")

    queue = index.viewing.waiting(ADMINISTRATOR)

    (summary,) = queue.reviews
    assert ([i.id for i in summary.our_ids], [i.id for i in summary.their_ids]) == (["B1"], ["A1"])
    assert (queue.count, queue.following) == (1, None)
    assert seen_last(index) == patients


def test_an_empty_queue_shows_nobody_and_records_nothing(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)

    queue = index.viewing.waiting(ADMINISTRATOR)

    assert (queue.reviews, queue.count, queue.oldest) == ((), 0, None)
    assert index.audited() == []


def test_the_queue_tells_since_when_the_oldest_waits(make_database: MakeDatabase, clock: TickingClock) -> None:
    index = a_patient_index(make_database)
    first = doubt(index, 1)
    clock.present += timedelta(days=3)
    doubt(index, 2, OTTO)

    assert index.viewing.waiting(ADMINISTRATOR).oldest == first.created_at


def test_a_page_of_the_queue_leads_to_the_next(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    all_of_them = {doubt(index, 1).id, doubt(index, 2, OTTO).id}

    first = index.viewing.waiting(ADMINISTRATOR, limit=1)
    second = index.viewing.waiting(ADMINISTRATOR, limit=1, after=first.following)

    assert {s.review.id for s in (*first.reviews, *second.reviews)} == all_of_them
    assert second.following is None


def test_the_next_review_goes_down_the_queue_and_begins_anew_at_its_end(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    heavy, light = sorted((doubt(index, 1), doubt(index, 2, OTTO)), key=lambda review: -review.weight)

    walk = [index.viewing.next_review(ADMINISTRATOR, after) for after in (None, heavy.id, light.id)]

    assert walk == [heavy.id, light.id, heavy.id]


def test_the_next_review_is_none_that_somebody_else_has_nor_the_one_just_seen(
    make_database: MakeDatabase, clock: TickingClock
) -> None:
    index = a_patient_index(make_database)
    review = doubt(index)
    index.stewardship.lease(review.id, BRUNO)

    while_held = index.viewing.next_review(ADMINISTRATOR)
    of_holder = index.viewing.next_review(BRUNO)
    only_one = index.viewing.next_review(BRUNO, review.id)
    clock.present += timedelta(hours=1)
    later = index.viewing.next_review(ADMINISTRATOR)

    assert (while_held, of_holder, only_one, later) == (None, review.id, None, review.id)


def test_a_review_tells_which_identifier_both_would_go_by(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    review = doubt(index)
    foretold = index.viewing.review(review.id, ADMINISTRATOR).survivor

    index.stewardship.resolve_review(review.id, Verdict.SAME, ADMINISTRATOR)

    assert {index.affinity_id(i).id for i in (an_id("A1"), an_id("B1", CLINIC))} == {foretold}


def test_a_review_has_the_identifiers_of_each_record_its_own_first(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    review = doubt(index)
    index.feed(an_update(an_id("B1", CLINIC), an_id("L7", LAB)))

    view = index.viewing.review(review.id, ADMINISTRATOR)

    assert [i.id for i in view.ours.ids_of[view.record.id]] == ["B1", "L7"]


def test_a_settled_review_names_the_act_that_stands(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    review = doubt(index)
    act = index.stewardship.resolve_review(review.id, Verdict.DIFFERENT, ADMINISTRATOR)

    settled = index.viewing.review(review.id, ADMINISTRATOR).settled_by
    index.stewardship.undo(act, ADMINISTRATOR)
    open_again = index.viewing.review(review.id, ADMINISTRATOR).settled_by

    assert settled is not None
    assert settled.id == act
    assert open_again is None


def test_whoever_opens_a_review_leaves_a_record_of_both_patients(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    review = doubt(index)
    patients = named(index, "A1", "B1")

    index.viewing.review(review.id, BRUNO)

    assert seen_last(index) == patients
    assert read(index.audited()[-1]).participants[0].user_id == "bruno"


def test_a_review_that_never_was_is_rejected(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)

    with pytest.raises(Rejected, match="IDENTIFIER_UNKNOWN"):
        index.viewing.review(4711, ADMINISTRATOR)
