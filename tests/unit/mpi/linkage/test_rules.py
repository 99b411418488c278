"""mpi.linkage.rules"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpi.linkage.batch import patterns_of_pairs
from mpi.linkage.columns import from_prepared
from mpi.linkage.decision import Candidate, Outcome
from mpi.linkage.linking import link_batch
from mpi.linkage.normalise import Prepared
from mpi.linkage.rules import RULES_VERSION, Condition, Rules
from mpi.linkage.shipped import shipped_model
from tests.support.people import RECORDS, a_record

_MODEL = shipped_model()
_NATIONAL = "2.999.7"
RULES = Rules.parse([[f"identifier:{_NATIONAL}"], ["given=exact|nickname", "family", "birth"]], [["family", "birth=exact|edit"]])
ANNA = a_record(person_ids=(f"{_NATIONAL}:123456788",))
OTHER_NAME = replace(ANNA, given="PETRA", families=("LOHR",), birth="19991231", source_id="B:1", local_ids=())
NO_NUMBER = replace(ANNA, person_ids=(), source_id="B:2", local_ids=())


def test_one_national_identifier_links_whatever_the_rest_says() -> None:
    decision = RULES.decide(OTHER_NAME, [Candidate("p1", [ANNA])], _MODEL)

    assert (decision.outcome, decision.person) == (Outcome.LINK, "p1")
    assert f"identifier:{_NATIONAL}" in decision.reason
    assert decision.explanation is not None
    assert decision.explanation.model_version == RULES_VERSION


def test_the_same_number_of_another_authority_is_another_number() -> None:
    elsewhere = replace(OTHER_NAME, person_ids=("2.999.8:123456788",))

    assert RULES.decide(elsewhere, [Candidate("p1", [ANNA])], _MODEL).outcome is Outcome.NEW


def test_a_combination_of_fields_links_only_when_all_of_them_agree() -> None:
    born_later = replace(NO_NUMBER, birth="19710503")

    assert RULES.decide(NO_NUMBER, [Candidate("p1", [ANNA])], _MODEL).outcome is Outcome.LINK
    assert RULES.decide(born_later, [Candidate("p1", [ANNA])], _MODEL).outcome is not Outcome.LINK


def test_a_rule_that_asks_opens_a_review_and_links_nothing() -> None:
    sister = replace(NO_NUMBER, given="BERTA")

    decision = RULES.decide(sister, [Candidate("p1", [ANNA]), Candidate("p2", [OTHER_NAME])], _MODEL)

    assert (decision.outcome, decision.person, decision.reviews) == (Outcome.REVIEW, None, ("p1",))


def test_neither_a_contradiction_nor_the_word_of_a_person_is_overruled() -> None:
    junior, senior = replace(NO_NUMBER, suffix="JR"), replace(ANNA, suffix="SR")

    contradicted = RULES.decide(junior, [Candidate("p1", [ANNA, senior])], _MODEL)
    denied = RULES.decide(NO_NUMBER, [Candidate("p1", [ANNA], is_denied=True)], _MODEL)

    assert contradicted.outcome is Outcome.REVIEW
    assert denied.outcome is Outcome.NEW
    assert RULES.judge_persons([junior], [ANNA, senior], _MODEL).outcome is Outcome.REVIEW


def test_two_persons_that_a_rule_holds_together_are_named_to_be_joined() -> None:
    decision = RULES.decide(NO_NUMBER, [Candidate("p1", [ANNA]), Candidate("p2", [ANNA])], _MODEL)

    assert decision.person is not None
    assert {decision.person, *decision.joins} == {"p1", "p2"}
    assert RULES.judge_persons([ANNA], [NO_NUMBER], _MODEL).outcome is Outcome.LINK
    assert RULES.judge_persons([ANNA], [a_record(given="JO", families=("LI",), birth="")], _MODEL).outcome is Outcome.NEW


@pytest.mark.parametrize("text", ["shoes", "birth=roughly", "birth:2.999.7", "", "given="])
def test_what_is_no_condition_is_refused_or_means_the_best_level(text: str) -> None:
    if text == "given=":
        assert Condition.parse(text).levels == frozenset({1})
        return
    with pytest.raises(ValueError, match=r"fields are|levels of"):
        Condition.parse(text)


@settings(max_examples=40, deadline=None)
@given(st.lists(RECORDS, min_size=2, max_size=4))
def test_many_pairs_at_once_are_decided_as_one_by_one(records: list[Prepared]) -> None:
    columns = from_prepared(records)
    pairs = np.array(
        [one * len(records) + other for one in range(len(records)) for other in range(one + 1, len(records))], np.int64
    )

    linked, asked, _ = RULES.of_pairs(columns, pairs, patterns_of_pairs(columns, pairs))

    for at, pair in enumerate(pairs.tolist()):
        one, other = (columns.prepared(end) for end in divmod(pair, columns.size))
        outcome = RULES.judge_persons([one], [other], _MODEL).outcome
        assert (outcome is Outcome.LINK, outcome is Outcome.REVIEW) == (bool(linked[at]), bool(asked[at]))


def test_a_batch_by_rules_links_what_the_rules_say() -> None:
    sister = replace(NO_NUMBER, given="BERTA", source_id="C:1")
    columns = from_prepared([ANNA, NO_NUMBER, OTHER_NAME, sister])

    linked = link_batch(columns, model=_MODEL, rules=RULES)

    assert linked.automatic.tolist() == [0, 0, 0, 3]
    assert linked.doubtful.any()
