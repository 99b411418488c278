"""Decisions of administrators, and taking them back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from access.subject import Subject
from kernel.demographics import HumanName
from kernel.errors import Condition, HieError
from kernel.identifiers import PatientId
from kernel.times import Dtm
from mpi import review_store
from mpi.index import NOTIFY
from mpi.model import ActKind, LinkKind, RecordState, ReviewReason, ReviewState
from mpi.review_store import Question
from mpi.stewardship import Verdict
from tests.conftest import MakeDatabase
from tests.support.audit import a_subject, schema_faults
from tests.support.clocks import TickingClock
from tests.support.patients import ADMINISTRATOR, CLINIC, LAB, LENA, OTTO, XAD, PatientIndex, a_patient_index, an_id, an_update

BERTA = a_subject(source="console", user="berta")
DOUBTFUL = replace(LENA, names=(HumanName("Rivera", ("Lia",)),), telecoms=())
"""A twin, a relative or Lena herself: a machine does not decide."""


def refusal(act: object) -> HieError:
    """The error that an act ends with."""
    assert callable(act)
    with pytest.raises(HieError) as caught:
        act()
    return caught.value


@pytest.fixture
def index(make_database: MakeDatabase) -> PatientIndex:
    """An empty index."""
    return a_patient_index(make_database)


def a_review(index: PatientIndex) -> int:
    """A doubtful pair that waits: hospital 1 and clinic 9."""
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("9", CLINIC), demographics=DOUBTFUL))
    index.work()
    assert len(index.clusters()) == 2
    (waiting,) = index.viewing.reviews()
    return waiting.review.id


def record(index: PatientIndex, patient_id: PatientId) -> int:
    """The id of a record."""
    return index.record(patient_id).id


# --- reviews ---------------------------------------------------------------------------------------------------------------


def test_a_doubtful_pair_waits_for_a_person(index: PatientIndex) -> None:
    a_review(index)

    (waiting,) = index.viewing.reviews()
    assert waiting.review.reason is ReviewReason.MAYBE_SAME
    assert waiting.review.weight != 0
    pair = {waiting.review.record, waiting.review.person}
    assert pair == {record(index, an_id("9", CLINIC)), record(index, an_id("1"))}


def test_of_two_persons_one_question_is_open_however_often_either_is_looked_at(index: PatientIndex) -> None:
    review = a_review(index)

    for patient_id, person in ((an_id("1"), LENA), (an_id("9", CLINIC), DOUBTFUL)):
        index.feed(an_update(patient_id, demographics=replace(person, religion="x")))
        index.work()

    assert [w.review.id for w in index.viewing.reviews()] == [review]


def test_a_question_is_withdrawn_when_the_evidence_is_gone(index: PatientIndex) -> None:
    for patient_id in (an_id("1"), an_id("9", CLINIC)):
        a_review(index)

        index.feed(an_update(patient_id, demographics=OTTO))
        index.work()

        assert index.viewing.open_reviews() == 0
        index.feed(an_update(an_id("1")))
        index.work()


def test_same_joins_the_two_with_the_administrators_name_on_it(index: PatientIndex) -> None:
    review = a_review(index)

    index.stewardship.resolve_review(review, Verdict.SAME, ADMINISTRATOR, "met her")

    assert index.clusters() == {frozenset({"1", "9"})}
    links = index.viewing.person(record(index, an_id("1")), ADMINISTRATOR).links
    (link,) = [link for link in links if link.kind is not LinkKind.INITIAL]
    assert (link.kind, link.author, link.reason) == (LinkKind.MANUAL, "anna", "met her")
    assert link.weight is not None
    assert link.explanation
    (settled,) = index.viewing.reviews(ReviewState.SAME)
    assert (settled.review.decided_by, settled.review.comment) == ("anna", "met her")


def test_different_keeps_the_two_apart_for_good(index: PatientIndex) -> None:
    review = a_review(index)

    index.stewardship.resolve_review(review, Verdict.DIFFERENT, ADMINISTRATOR)
    index.feed(an_update(an_id("9", CLINIC), demographics=LENA))
    index.feed(an_update(an_id("1"), demographics=replace(LENA, religion="x")))
    index.work()

    assert index.clusters() == {frozenset("1"), frozenset("9")}
    assert index.viewing.reviews() == ()


def test_a_word_against_two_binds_through_a_third(index: PatientIndex) -> None:
    review = a_review(index)
    index.stewardship.resolve_review(review, Verdict.DIFFERENT, ADMINISTRATOR)

    index.feed(an_update(an_id("L1", LAB)))
    index.work()
    error = refusal(
        lambda: index.stewardship.link(record(index, an_id("L1", LAB)), record(index, an_id("9", CLINIC)), ADMINISTRATOR)
    )

    assert frozenset({"1", "L1"}) in index.clusters()
    assert error.condition is Condition.MERGE_IMPOSSIBLE


def test_a_decision_is_on_record_and_told_to_consumers(index: PatientIndex) -> None:
    review = a_review(index)

    act = index.stewardship.resolve_review(review, Verdict.SAME, ADMINISTRATOR)

    message = index.audited()[-1]
    assert schema_faults(message) == []
    assert b"anna" in message
    assert [(t, k) for _, t, k in index.told() if t == NOTIFY]
    (entry, *_) = index.viewing.acts()
    assert (entry.id, entry.kind, entry.author) == (act, ActKind.RESOLVE, "anna")


def test_a_review_is_decided_once(index: PatientIndex) -> None:
    review = a_review(index)
    index.stewardship.resolve_review(review, Verdict.SAME, ADMINISTRATOR)

    assert refusal(lambda: index.stewardship.resolve_review(review, Verdict.SAME, BERTA)).condition is Condition.UPDATE_INVALID
    assert refusal(lambda: index.stewardship.resolve_review(404, Verdict.SAME, BERTA)).condition is Condition.IDENTIFIER_UNKNOWN


def test_two_people_do_not_take_one_review(index: PatientIndex, clock: TickingClock) -> None:
    review = a_review(index)
    steward = index.stewardship

    assert steward.lease(review, ADMINISTRATOR)
    assert steward.lease(review, ADMINISTRATOR)
    assert not steward.lease(review, BERTA)
    assert refusal(lambda: steward.resolve_review(review, Verdict.SAME, BERTA)).condition is Condition.RECORD_LOCKED
    steward.give_back(review, BERTA)
    assert not steward.lease(review, BERTA)
    steward.give_back(review, ADMINISTRATOR)
    assert steward.lease(review, BERTA)
    for _ in range(index.index.matching.lease_seconds):
        clock()
    assert steward.lease(review, ADMINISTRATOR)


def test_a_decision_withdraws_the_other_questions_about_the_same_two(index: PatientIndex) -> None:
    review = a_review(index)
    index.feed(an_update(an_id("L5", LAB), demographics=OTTO))
    other, one = record(index, an_id("L5", LAB)), record(index, an_id("1"))
    with index.database.begin() as work:
        question = Question(other, record(index, an_id("9", CLINIC)), ReviewReason.MAYBE_SAME, "", 1.0, "")
        review_store.ask(work.connection, question, 4711, work.now)
    index.stewardship.link(one, other, ADMINISTRATOR)
    assert index.viewing.open_reviews() == 2

    index.stewardship.resolve_review(review, Verdict.DIFFERENT, ADMINISTRATOR)

    assert index.viewing.reviews() == ()
    assert index.viewing.open_reviews() == 0


def test_a_decision_taken_back_opens_the_question_again(index: PatientIndex) -> None:
    review = a_review(index)

    for verdict in Verdict:
        act = index.stewardship.resolve_review(review, verdict, ADMINISTRATOR)
        index.stewardship.undo(act, BERTA)

        (waiting,) = index.viewing.reviews()
        assert (waiting.review.id, waiting.review.state, waiting.review.decided_by) == (review, ReviewState.OPEN, "")
        assert index.clusters() == {frozenset("1"), frozenset("9")}


def test_a_doubt_about_a_link_is_confirmed_or_the_record_taken_out(index: PatientIndex) -> None:
    for verdict, clusters in ((Verdict.SAME, {frozenset({"1", "9"})}), (Verdict.DIFFERENT, {frozenset("1"), frozenset("9")})):
        index.feed(an_update(an_id("1")))
        index.feed(an_update(an_id("9", CLINIC)))
        index.work()
        index.feed(an_update(an_id("9", CLINIC), demographics=OTTO))
        index.work()
        (doubt,) = index.viewing.reviews()
        assert doubt.review.reason is ReviewReason.WEAKENED
        assert index.clusters() == {frozenset({"1", "9"})}

        act = index.stewardship.resolve_review(doubt.review.id, verdict, ADMINISTRATOR)

        assert index.clusters() == clusters
        index.stewardship.undo(act, ADMINISTRATOR)
        index.feed(an_update(an_id("9", CLINIC)))
        index.work()
        assert index.viewing.reviews() == ()


# --- link, unlink, merge -----------------------------------------------------------------------------------------------------


def test_a_link_by_hand_needs_no_resemblance(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2", CLINIC), demographics=OTTO))

    index.stewardship.link(record(index, an_id("1")), record(index, an_id("2", CLINIC)), ADMINISTRATOR, "witness protection")

    assert index.local_ids(an_id("1")) == [an_id("2", CLINIC)]


def test_the_older_person_stays_unless_the_younger_has_an_identifier_that_a_source_gave(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2", CLINIC), demographics=OTTO))
    index.feed(an_update(an_id("X1", XAD), demographics=replace(OTTO, birth=Dtm("19000404"))))
    older = index.affinity_id(an_id("1"))

    index.stewardship.link(record(index, an_id("2", CLINIC)), record(index, an_id("1")), ADMINISTRATOR)
    assert index.affinity_id(an_id("2", CLINIC)) == older

    index.stewardship.link(record(index, an_id("1")), record(index, an_id("X1", XAD)), ADMINISTRATOR)
    assert index.affinity_id(an_id("2", CLINIC)) == an_id("X1", XAD)
    assert index.directory.standing(older).active


def test_what_is_one_person_cannot_be_linked_and_what_is_alone_cannot_be_unlinked(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    one = record(index, an_id("1"))

    assert refusal(lambda: index.stewardship.link(one, one, ADMINISTRATOR)).condition is Condition.MERGE_IMPOSSIBLE
    assert refusal(lambda: index.stewardship.unlink(one, ADMINISTRATOR)).condition is Condition.UPDATE_INVALID
    assert refusal(lambda: index.stewardship.unlink(404, ADMINISTRATOR)).condition is Condition.IDENTIFIER_UNKNOWN


def three(index: PatientIndex) -> dict[str, int]:
    """Lena in three sources, one person; the hospital's record is the oldest."""
    for patient_id in (an_id("1"), an_id("9", CLINIC), an_id("L5", LAB)):
        index.feed(an_update(patient_id))
    index.work()
    assert len(index.clusters()) == 1
    return {i.id: record(index, i) for i in (an_id("1"), an_id("9", CLINIC), an_id("L5", LAB))}


def test_a_record_that_is_unlinked_goes_home_and_stays_away(index: PatientIndex) -> None:
    ids = three(index)
    before = index.affinity_id(an_id("1"))

    index.stewardship.unlink(ids["9"], ADMINISTRATOR)
    index.feed(an_update(an_id("9", CLINIC), demographics=replace(LENA, religion="x")))
    index.work()

    assert index.clusters() == {frozenset({"1", "L5"}), frozenset("9")}
    assert index.affinity_id(an_id("1")) == before
    assert index.affinity_id(an_id("9", CLINIC)) != before


def test_the_record_a_person_began_with_keeps_the_person_when_it_is_unlinked(index: PatientIndex) -> None:
    ids = three(index)
    before = index.affinity_id(an_id("1"))

    index.stewardship.unlink(ids["1"], ADMINISTRATOR)

    assert index.clusters() == {frozenset("1"), frozenset({"9", "L5"})}
    assert index.affinity_id(an_id("1")) == before
    assert index.affinity_id(an_id("9", CLINIC)) == index.affinity_id(an_id("L5", LAB)) != before


def test_a_record_takes_those_merged_into_it_along(index: PatientIndex) -> None:
    ids = three(index)
    index.feed(an_update(an_id("2"), demographics=OTTO))
    index.merge(an_id("1"), an_id("2"))

    assert refusal(lambda: index.stewardship.unlink(record(index, an_id("2")), ADMINISTRATOR)).condition is Condition.UPDATE_INVALID
    index.stewardship.unlink(ids["1"], ADMINISTRATOR)

    assert index.clusters() == {frozenset({"1", "2"}), frozenset({"9", "L5"})}


def test_an_administrator_merges_identifiers_of_one_authority(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2"), demographics=OTTO))
    index.feed(an_update(an_id("3", CLINIC), demographics=OTTO))
    one, two, three_ = (record(index, i) for i in (an_id("1"), an_id("2"), an_id("3", CLINIC)))

    act = index.stewardship.merge(one, two, ADMINISTRATOR)

    assert index.record(an_id("2")).state is RecordState.SUBSUMED
    for pair in ((one, one), (one, three_), (one, two)):
        error = refusal(lambda pair=pair: index.stewardship.merge(*pair, ADMINISTRATOR))
        assert error.condition is Condition.MERGE_IMPOSSIBLE
    index.stewardship.undo(act, ADMINISTRATOR)
    assert index.record(an_id("2")).state is RecordState.ACTIVE
    assert an_id("1") not in index.pix(an_id("2"))


def test_a_merge_against_an_earlier_decision_is_refused(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2"), demographics=OTTO))
    one, two = record(index, an_id("1")), record(index, an_id("2"))
    index.stewardship.link(one, two, ADMINISTRATOR)
    index.stewardship.unlink(two, ADMINISTRATOR)

    assert refusal(lambda: index.stewardship.merge(one, two, ADMINISTRATOR)).condition is Condition.MERGE_IMPOSSIBLE


# --- undo ------------------------------------------------------------------------------------------------------------------


def test_a_source_merge_taken_back_restores_identifiers_persons_and_standing(index: PatientIndex) -> None:
    for number, person in (("X1", LENA), ("X2", OTTO)):
        index.feed(an_update(an_id(number, XAD), demographics=person))
    index.merge(an_id("X1", XAD), an_id("X2", XAD))
    act = index.viewing.acts()[0]

    index.stewardship.undo(act.id, ADMINISTRATOR)

    standing = index.directory.standing(an_id("X2", XAD))
    assert (standing.active, standing.survivor, standing.all_ids) == (True, an_id("X2", XAD), (an_id("X2", XAD),))
    assert index.clusters() == {frozenset({"X1"}), frozenset({"X2"})}


def test_a_match_taken_back_is_not_made_again(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("9", CLINIC)))
    index.work()
    (match,) = index.viewing.acts()

    index.stewardship.undo(match.id, ADMINISTRATOR)
    index.feed(an_update(an_id("9", CLINIC), demographics=replace(LENA, religion="x")))
    index.work()

    assert index.clusters() == {frozenset("1"), frozenset("9")}


def test_an_undoing_can_be_undone(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("9", CLINIC)))
    index.work()
    (match,) = index.viewing.acts()
    undone = index.stewardship.undo(match.id, ADMINISTRATOR)

    index.stewardship.undo(undone, ADMINISTRATOR)

    assert index.clusters() == {frozenset({"1", "9"})}
    entry = next(a for a in index.viewing.acts() if a.id == match.id)
    assert entry.undone_by is None


def test_what_was_undone_or_never_done_cannot_be_undone(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("9", CLINIC)))
    index.work()
    (match,) = index.viewing.acts()
    index.stewardship.undo(match.id, ADMINISTRATOR)

    assert refusal(lambda: index.stewardship.undo(match.id, ADMINISTRATOR)).condition is Condition.UPDATE_INVALID
    assert refusal(lambda: index.stewardship.undo(404, ADMINISTRATOR)).condition is Condition.IDENTIFIER_UNKNOWN


def test_an_act_that_others_build_on_is_not_undone_and_they_are_named(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("9", CLINIC)))
    index.work()
    (match,) = index.viewing.acts()
    later = index.stewardship.unlink(record(index, an_id("9", CLINIC)), ADMINISTRATOR)

    error = refusal(lambda: index.stewardship.undo(match.id, ADMINISTRATOR))

    assert [v.where for v in error.violations] == [f"act {later}"]
    index.stewardship.undo(later, ADMINISTRATOR)
    index.stewardship.undo(match.id, ADMINISTRATOR)
    assert index.clusters() == {frozenset("1"), frozenset("9")}


def test_an_undoing_does_not_bring_together_what_was_since_decided_to_be_apart(index: PatientIndex) -> None:
    review = a_review(index)
    joined = index.stewardship.resolve_review(review, Verdict.SAME, ADMINISTRATOR)
    undone = index.stewardship.undo(joined, ADMINISTRATOR)
    index.stewardship.resolve_review(review, Verdict.DIFFERENT, BERTA)

    error = refusal(lambda: index.stewardship.undo(undone, ADMINISTRATOR))

    assert error.violations
    assert index.clusters() == {frozenset("1"), frozenset("9")}


def test_a_record_that_came_later_stays_when_what_it_came_to_is_taken_back(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2", CLINIC), demographics=OTTO))
    joined = index.stewardship.link(record(index, an_id("1")), record(index, an_id("2", CLINIC)), ADMINISTRATOR)
    index.feed(an_update(an_id("L5", LAB)))
    index.work()

    if index.clusters() != {frozenset({"1", "2", "L5"})}:
        index.stewardship.link(record(index, an_id("1")), record(index, an_id("L5", LAB)), ADMINISTRATOR)
    index.stewardship.undo(joined, ADMINISTRATOR)

    assert index.clusters() == {frozenset({"1", "L5"}), frozenset("2")}


def somebody() -> Subject:
    """A subject without a person."""
    return a_subject(source="A|ADT")


def test_an_act_of_a_system_bears_its_name(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2", CLINIC), demographics=OTTO))

    index.stewardship.link(record(index, an_id("1")), record(index, an_id("2", CLINIC)), somebody())

    assert index.viewing.acts()[0].author == "A|ADT"
