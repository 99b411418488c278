"""mpi.linkage.decision"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpi.linkage.decision import Candidate, Outcome, decide, judge, judge_persons
from mpi.linkage.normalise import Prepared
from mpi.linkage.shipped import shipped_model
from tests.support.people import RECORDS, a_record

_MODEL = shipped_model()
_AGAIN = {"source_id": "B:7", "local_ids": ()}


def test_the_same_person_is_linked_and_the_reason_given() -> None:
    decision = decide(a_record(), [Candidate("p1", [a_record(**_AGAIN)])], _MODEL)

    assert (decision.outcome, decision.person) == (Outcome.LINK, "p1")
    assert decision.explanation is not None
    assert decision.explanation.weight >= _MODEL.thresholds.link
    assert "Match weight" in decision.reason


def test_a_stranger_and_an_empty_index_make_a_new_person() -> None:
    stranger = Prepared(given="JOHN", families=("SMITH",), birth="20010911", sex="M", source_id="B:2")

    assert decide(a_record(), [Candidate("p1", [stranger])], _MODEL).outcome is Outcome.NEW
    assert decide(a_record(), [], _MODEL).outcome is Outcome.NEW


def test_a_twin_goes_to_a_person_or_stays_apart_but_is_never_linked() -> None:
    twin = a_record(given="ANNE", middle="", order=2, **_AGAIN)

    decision = decide(a_record(order=1, middle=""), [Candidate("p1", [twin])], _MODEL)

    assert decision.outcome is not Outcome.LINK


def test_a_member_that_contradicts_keeps_a_record_out_of_a_person() -> None:
    like, unlike = a_record(suffix="JR", **_AGAIN), a_record(suffix="SR", source_id="C:1", local_ids=())

    decision = decide(a_record(suffix="JR"), [Candidate("p1", [like, unlike])], _MODEL)

    assert decision.outcome is Outcome.REVIEW
    assert decision.reviews == ("p1",)
    assert "contradicts" in decision.reason


def test_what_a_person_ruled_out_is_not_proposed_again() -> None:
    decision = decide(a_record(), [Candidate("p1", [a_record(**_AGAIN)], is_denied=True)], _MODEL)

    assert decision.outcome is Outcome.NEW
    assert decision.reviews == ()


def test_a_record_that_fits_two_persons_names_the_second_to_be_joined() -> None:
    persons = [Candidate("p1", [a_record(**_AGAIN)]), Candidate("p2", [a_record(source_id="C:3", local_ids=())])]

    decision = decide(a_record(), persons, _MODEL)

    assert (decision.outcome, decision.person, decision.joins) == (Outcome.LINK, "p1", ("p2",))


def test_a_rival_that_may_not_be_linked_but_fits_as_well_calls_for_a_person() -> None:
    certain = Candidate("p1", [a_record(**_AGAIN)])
    rival = Candidate("p2", [a_record(source_id="C:1", local_ids=()), a_record(suffix="SR", source_id="D:1", local_ids=())])

    decision = decide(a_record(suffix="JR"), [certain, rival], _MODEL)

    assert decision.outcome is Outcome.REVIEW
    assert set(decision.reviews) == {"p1", "p2"}


def test_a_newborn_without_a_name_is_no_witness_for_a_sibling_once_the_person_has_a_name() -> None:
    born = {"birth": "20200505", "middle": "", "emails": (), "person_ids": (), "local_ids": ()}
    newborn = a_record(given="", flags=("given",), source_id="C:1", **born)
    eric, thomas = a_record(given="ERIC", source_id="D:1", **born), a_record(given="THOMAS", source_id="E:1", **born)

    alone = judge(thomas, Candidate("p", [newborn]), _MODEL)
    named = judge(thomas, Candidate("p", [newborn, eric]), _MODEL)

    assert named.weight < alone.weight
    assert not named.is_linkable


@settings(max_examples=40)
@given(record=RECORDS, others=st.lists(RECORDS, min_size=1, max_size=3))
def test_the_order_of_candidates_does_not_matter(record: Prepared, others: list[Prepared]) -> None:
    candidates = [Candidate(f"p{number}", [other]) for number, other in enumerate(others)]

    decisions = {
        (d.outcome, d.person, d.reviews, d.joins)
        for d in (decide(record, list(order), _MODEL) for order in itertools.permutations(candidates))
    }

    assert len(decisions) == 1


def test_persons_are_joined_only_above_the_higher_bar_and_without_contradiction() -> None:
    here, there = [a_record()], [a_record(**_AGAIN)]
    barred = [*there, a_record(order=2, source_id="C:1", local_ids=())]

    assert judge_persons(here, there, _MODEL).outcome is Outcome.LINK
    assert judge_persons([a_record(order=1)], barred, _MODEL).outcome is Outcome.REVIEW
    assert judge_persons(here, [Prepared(given="JOHN", birth="20010911")], _MODEL).outcome is Outcome.NEW


def test_a_candidate_without_records_is_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="members"):
        judge(a_record(), Candidate("p1", []), _MODEL)
    with pytest.raises(ValueError, match="members"):
        judge_persons([], [a_record()], _MODEL)
