"""What random histories found: acts that met records which sleep or ended, or of which somebody said that they are not the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kernel.demographics import HumanName
from kernel.errors import Condition, HieError
from kernel.identifiers import PatientId
from mpi import store
from mpi.model import ActKind, RecordState, ReviewReason
from mpi.stewardship import Verdict
from tests.conftest import MakeDatabase
from tests.support.patients import (
    ADMINISTRATOR,
    CLINIC,
    LAB,
    LENA,
    OTTO,
    XAD,
    PatientIndex,
    a_patient_index,
    an_id,
    an_update,
    born,
    called,
)

DOUBTFUL = replace(LENA, names=(HumanName("Rivera", ("Lia",)),), telecoms=())
MINE = an_id("9", CLINIC)
RENAMED = an_id("N", CLINIC)


@pytest.fixture
def index(make_database: MakeDatabase) -> PatientIndex:
    """A patient of a hospital."""
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    return index


def key(index: PatientIndex, patient_id: PatientId) -> int:
    """The id of a record."""
    return index.record(patient_id).id


def link(index: PatientIndex, one: PatientId, other: PatientId) -> int:
    """An administrator links two."""
    return index.stewardship.link(key(index, one), key(index, other), ADMINISTRATOR)


def unlink(index: PatientIndex, one: PatientId) -> int:
    """An administrator takes one out of its person."""
    return index.stewardship.unlink(key(index, one), ADMINISTRATOR)


def undo(index: PatientIndex, kind: ActKind | None = None) -> int:
    """Takes the latest act back, or the latest of its kind."""
    act = next(act for act in index.viewing.acts() if kind in (None, act.kind))
    return index.stewardship.undo(act.id, ADMINISTRATOR)


def refusal(index: PatientIndex, act: int) -> list[tuple[Condition, str]]:
    """Why an act is not taken back."""
    with pytest.raises(HieError) as refused:
        index.stewardship.undo(act, ADMINISTRATOR)
    return [(v.condition, v.where) for v in refused.value.violations]


def apart(index: PatientIndex, one: PatientId) -> set[int]:
    """The records that this one is never the same as."""
    with index.database.read() as connection:
        return store.denied(connection, [key(index, one)]).get(key(index, one), set())


# --- records that sleep ----------------------------------------------------------------------------------------------------


def test_a_match_taken_back_does_not_keep_a_record_apart_from_what_sleeps_behind_it(index: PatientIndex) -> None:
    index.feed(an_update(MINE))
    index.work()
    index.rename(RENAMED, MINE)
    undo(index)

    undo(index, ActKind.MATCH)

    assert apart(index, MINE) == {key(index, an_id("1"))}
    index.rename(RENAMED, MINE)
    assert index.record(MINE).person == index.record(RENAMED).person
    assert index.viewing.reviews() == ()


def test_a_match_is_taken_back_though_a_feed_used_an_identifier_that_slept_there(index: PatientIndex) -> None:
    index.feed(an_update(MINE))
    index.rename(RENAMED, MINE)
    undo(index)
    sleeper = key(index, RENAMED)
    index.work()
    assert index.pix(MINE, an_id("1").authority) == [an_id("1")]
    index.feed(an_update(RENAMED, demographics=OTTO))

    undo(index, ActKind.MATCH)

    with index.database.read() as connection:
        (retired,) = store.records(connection, [sleeper])
    assert (retired.state, retired.person) == (RecordState.RETIRED, key(index, MINE))
    assert index.local_ids(MINE) == []
    undo(index, ActKind.UNDO)
    assert index.local_ids(MINE) == [an_id("1")]


def test_a_move_is_taken_back_though_what_it_began_was_kept_apart_since(index: PatientIndex) -> None:
    index.feed(an_update(MINE))
    left, current = index.affinity_id(an_id("1")), index.affinity_id(MINE)
    index.move(an_id("1"), left, current)
    index.feed(an_update(left))
    index.work()
    assert index.record(left).person == index.record(MINE).person
    undo(index, ActKind.MATCH)
    assert key(index, an_id("1")) in apart(index, left)

    undo(index, ActKind.SOURCE_MOVE)

    assert (index.affinity_id(an_id("1")), index.affinity_id(MINE)) == (left, current)


def test_an_identifier_that_sleeps_means_whoever_else_is_said_to_have_it(index: PatientIndex) -> None:
    old, new = an_id("5", LAB), an_id("N", LAB)
    index.feed(an_update(old))
    index.rename(new, old)
    undo(index)
    index.feed(an_update(an_id("4", XAD), new))
    assert index.pix(new) == [an_id("4", XAD)]

    link(index, an_id("4", XAD), old)

    everything = {an_id("4", XAD), old, new}
    assert set(index.pix(new)) == everything - {new}
    assert set(index.pix(old)) == everything - {old}
    hits = index.search(called(family="Rivera", birth=born("19840317"))).hits
    assert {replace(i, type_code="") for i in next(h for h in hits if len(h.identifiers) > 2).identifiers} == everything


# --- records that ended ----------------------------------------------------------------------------------------------------


def test_a_link_is_not_taken_back_while_others_ended_in_what_it_linked(index: PatientIndex) -> None:
    index.feed(an_update(MINE, demographics=OTTO))
    index.feed(an_update(an_id("8", CLINIC), demographics=replace(OTTO, names=(HumanName("Doe", ("Jim",)),))))
    linked = link(index, an_id("1"), MINE)
    index.merge(MINE, an_id("8", CLINIC))
    (merge, *_) = index.viewing.acts()

    assert refusal(index, linked) == [(Condition.UPDATE_INVALID, f"act {merge.id}")]

    index.stewardship.undo(merge.id, ADMINISTRATOR)
    index.stewardship.undo(linked, ADMINISTRATOR)
    assert index.clusters() == {frozenset("1"), frozenset("9"), frozenset("8")}


def test_a_merge_is_not_made_again_when_what_was_to_survive_is_elsewhere(index: PatientIndex) -> None:
    index.feed(an_update(MINE))
    index.feed(an_update(an_id("2", CLINIC), demographics=OTTO))
    index.work()
    index.merge(MINE, an_id("2", CLINIC))
    undone = undo(index)
    unlinked = unlink(index, MINE)

    assert refusal(index, undone) == [(Condition.UPDATE_INVALID, f"act {unlinked}")]

    index.stewardship.undo(unlinked, ADMINISTRATOR)
    index.stewardship.undo(undone, ADMINISTRATOR)
    assert index.clusters() == {frozenset({"1", "9", "2"})}


def test_what_ended_and_was_kept_apart_keeps_its_place_when_the_other_leaves(index: PatientIndex) -> None:
    survivor = an_id("2", CLINIC)
    index.feed(an_update(MINE, demographics=OTTO))
    index.feed(an_update(survivor, demographics=OTTO))
    link(index, MINE, survivor)
    unlink(index, survivor)
    link(index, an_id("1"), MINE)
    index.merge(survivor, MINE)
    assert {waiting.review.reason for waiting in index.viewing.reviews()} == {ReviewReason.KEPT_APART}

    unlink(index, an_id("1"))

    assert index.clusters() == {frozenset("1"), frozenset("9"), frozenset("2")}


# --- records that are not the same -----------------------------------------------------------------------------------------


def test_a_merge_of_a_renamed_patient_who_is_kept_apart_is_asked_about(index: PatientIndex) -> None:
    survivor = an_id("6", CLINIC)
    index.feed(an_update(MINE))
    index.feed(an_update(survivor, demographics=OTTO))
    link(index, MINE, survivor)
    unlink(index, survivor)
    index.rename(RENAMED, MINE)

    index.merge(survivor, RENAMED)

    assert index.record(survivor).person != index.record(RENAMED).person
    assert [waiting.review.reason for waiting in index.viewing.reviews()] == [ReviewReason.KEPT_APART]
    undo(index)
    assert index.record(RENAMED).is_active


def test_two_who_were_linked_since_are_not_kept_apart_again_by_an_undoing(index: PatientIndex) -> None:
    third = an_id("5", LAB)
    index.feed(an_update(third))
    link(index, an_id("1"), third)
    index.feed(an_update(MINE, demographics=DOUBTFUL))
    index.work()
    (waiting,) = index.viewing.reviews()
    index.stewardship.resolve_review(waiting.review.id, Verdict.DIFFERENT, ADMINISTRATOR)
    unlink(index, third)
    undone = undo(index, ActKind.RESOLVE)
    link(index, third, MINE)

    assert refusal(index, undone) == [(Condition.MERGE_IMPOSSIBLE, "record")]
    assert index.clusters() == {frozenset("1"), frozenset({"5", "9"})}


def test_a_move_takes_what_stands_for_the_identifier_from_where_it_is(index: PatientIndex) -> None:
    left, other = index.affinity_id(an_id("1")), an_id("2", CLINIC)
    index.feed(an_update(left))
    unlink(index, left)
    index.feed(an_update(other, demographics=OTTO))
    index.feed(an_update(MINE))
    link(index, other, left)

    index.move(an_id("1"), left, index.affinity_id(MINE))

    assert index.pix(left) == []
    assert index.local_ids(an_id("1")) == [MINE]
    assert index.local_ids(other) == []


def test_a_move_that_would_leave_two_together_who_are_kept_apart_is_refused(index: PatientIndex) -> None:
    left, stays = index.affinity_id(an_id("1")), an_id("5", LAB)
    index.feed(an_update(stays))
    link(index, an_id("1"), stays)
    index.feed(an_update(left))
    unlink(index, left)
    index.feed(an_update(MINE))

    with pytest.raises(HieError) as refused:
        index.move(an_id("1"), left, index.affinity_id(MINE))

    assert [(v.condition, v.where) for v in refused.value.violations] == [(Condition.MERGE_IMPOSSIBLE, "MRG-1[1].1")]
