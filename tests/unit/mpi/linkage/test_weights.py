"""mpi.linkage.weights"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpi.linkage.comparison import Comparison, compare
from mpi.linkage.levels import FAMILY, FIELDS, GIVEN, PLACE, Given, Levels
from mpi.linkage.model import SAME, TWIN, Frequencies, Model
from mpi.linkage.normalise import Prepared
from mpi.linkage.shipped import shipped_model
from mpi.linkage.weights import Explanation, is_established, probability_of, score, slip_of
from tests.support.people import RECORDS, a_record

_MODEL = replace(
    shipped_model(),
    frequencies={
        "given": Frequencies(10_000, {"ANNA": 400, "JOHN": 900}),
        "family": Frequencies(10_000, {"SMITH": 300}),
        "birth": Frequencies(10_000, {"19700503": 5}),
    },
)
_LEVELS = st.tuples(*(st.integers(0, spec.size - 1) for spec in FIELDS))


def _weight(levels: Levels, model: Model = _MODEL) -> float:
    return score(Comparison(levels), model, Prepared(), Prepared()).weight


@given(one=RECORDS, other=RECORDS)
def test_an_explanation_sums_to_its_weight(one: Prepared, other: Prepared) -> None:
    explanation = score(compare(one, other), _MODEL, one, other)

    assert sum(part.weight + part.frequency for part in explanation.parts) == pytest.approx(explanation.weight, abs=1e-9)


@given(one=RECORDS, other=RECORDS)
def test_the_weight_is_the_odds_against_all_rivals_together(one: Prepared, other: Prepared) -> None:
    model = shipped_model()
    same, *rivals = model.likelihoods(compare(one, other).levels)

    weight = score(compare(one, other), model, one, other).weight

    both_exact = compare(one, other).levels[GIVEN] == compare(one, other).levels[FAMILY] == 1
    if not both_exact:
        assert weight == pytest.approx(same - math.log2(sum(2.0**rival for rival in rivals)), abs=1e-9)


@given(one=RECORDS, other=RECORDS)
def test_scoring_is_symmetric_and_repeatable(one: Prepared, other: Prepared) -> None:
    first = score(compare(one, other), _MODEL, one, other)

    assert score(compare(other, one), _MODEL, other, one) == first


@given(levels=_LEVELS, at=st.integers(0, len(FIELDS) - 1), data=st.data())
def test_more_agreement_in_one_field_never_lowers_the_weight(levels: Levels, at: int, data: st.DataObject) -> None:
    ordered = FIELDS[at].ordered
    worse = data.draw(st.integers(2, ordered))
    better = data.draw(st.integers(1, worse - 1))
    model = replace(shipped_model(), names_together=1.0)

    low = _weight((*levels[:at], worse, *levels[at + 1 :]), model)
    high = _weight((*levels[:at], better, *levels[at + 1 :]), model)

    assert high >= low - 1e-9


@given(levels=_LEVELS)
def test_a_missing_field_adds_nothing(levels: Levels) -> None:
    parts = score(Comparison(levels), _MODEL, Prepared(), Prepared()).parts

    for part, level in zip(parts[1:-1], levels, strict=True):
        if level == 0:
            assert part.weight == part.frequency == 0.0


def test_a_rare_name_counts_more_than_a_common_one() -> None:
    rare, common = a_record(given="XENOBIA", middle=""), a_record(given="JOHN", middle="")

    assert score(compare(rare, rare), _MODEL, rare, rare).weight > score(compare(common, common), _MODEL, common, common).weight


def test_sharing_a_home_explains_nothing_against_the_household() -> None:
    sister = a_record(given="BETTY", middle="", birth="19730911", source_id="B:2", local_ids=(), emails=())
    explanation = score(compare(a_record(), sister), _MODEL, a_record(), sister)

    place = next(part for part in explanation.parts if part.field == "place")
    assert explanation.rival == "household"
    assert abs(place.weight) < 1.0


@given(one=RECORDS, other=RECORDS)
def test_an_explanation_survives_its_json(one: Prepared, other: Prepared) -> None:
    explanation = score(compare(one, other), _MODEL, one, other)

    assert Explanation.from_json(explanation.to_json()) == explanation


@pytest.mark.parametrize(("weight", "probability"), [(0.0, 0.5), (1.0, 2 / 3), (-1.0, 1 / 3), (5000.0, 1.0), (-5000.0, 0.0)])
def test_a_weight_stands_for_a_probability(weight: float, probability: float) -> None:
    assert probability_of(weight) == pytest.approx(probability)
    assert FIELDS[PLACE].name == "place"


def test_names_alike_of_two_people_are_told_from_a_slip_by_how_often_they_occur() -> None:
    counted = replace(_MODEL, frequencies={"given": Frequencies(10_000, {"LINDA": 80, "LINDE": 6})})
    linda, linde, slip = (
        a_record(given=name, middle="", emails=(), source_id=f"B:{name}", local_ids=()) for name in ("LINDA", "LINDE", "LINDQ")
    )

    established = score(compare(linda, linde), counted, linda, linde)
    slipped = score(compare(linda, slip), counted, linda, slip)

    assert slipped.weight > established.weight + 3
    assert not established.is_linkable
    assert slipped.is_linkable


def test_without_counts_a_known_name_is_a_name() -> None:
    assert is_established(shipped_model(), "LINDA")
    assert not is_established(shipped_model(), "LINDQ")


@given(one=RECORDS, other=RECORDS)
def test_the_compact_form_tells_the_same_but_for_rounding(one: Prepared, other: Prepared) -> None:
    explanation = score(compare(one, other), _MODEL, one, other)

    read = Explanation.from_json(explanation.to_compact_json())

    assert len(explanation.to_compact_json()) < len(explanation.to_json()) / 2
    assert [(p.field, p.level) for p in read.parts] == [(p.field, p.level) for p in explanation.parts]
    assert read.vetoes == explanation.vetoes
    assert read.weight == pytest.approx(explanation.weight, abs=0.002)
    assert read.weight == pytest.approx(math.fsum(p.weight + p.frequency for p in read.parts))
    assert replace(read, parts=(), weight=0.0) == replace(explanation, parts=(), weight=0.0)


def test_a_slip_of_the_pen_never_speaks_more_against_twins_than_a_nickname() -> None:
    def against_twins(level: Given) -> float:
        return _MODEL.log_level(SAME, GIVEN, level) - _MODEL.log_level(TWIN, GIVEN, level)

    assert against_twins(Given.CLOSE) - slip_of(_MODEL) <= against_twins(Given.NICKNAME) + 1e-9
    assert slip_of(_MODEL) < 0
