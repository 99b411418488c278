"""mpi.linkage.vetoes"""

from __future__ import annotations

import math

import pytest

from mpi.linkage.comparison import compare
from mpi.linkage.normalise import Prepared
from mpi.linkage.vetoes import VETOES, contradicts, leaves_open_who, surplus_of, vetoes_of
from tests.support.people import a_record


def _names(one: Prepared, other: Prepared) -> set[str]:
    return {veto.name for veto in vetoes_of(compare(one, other).levels)}


@pytest.mark.parametrize(
    ("ours", "theirs", "veto"),
    [
        ({"flags": ("given",), "given": ""}, {}, "placeholder"),
        ({"order": 1}, {"order": 2}, "birth order"),
        ({"suffix": "JR"}, {"suffix": "SR"}, "suffix"),
        ({"person_ids": ("national:761882795",)}, {"person_ids": ("national:555120000",)}, "identifiers"),
        ({}, {"birth": "19990911"}, "generation"),
        ({}, {"given": "BETTY"}, "given names"),
        ({}, {"birth": "19751129"}, "birth dates"),
        ({}, {"birth": ""}, "birth dates"),
        ({}, {"given": "ANNABELL", "sex": "M", "middle": ""}, "sex"),
        ({}, {"given": "MARIA", "middle": ""}, "twin"),
        ({"given": "MARGARET"}, {"given": "MARGARTE", "middle": "LOUISE"}, "middle names"),
        ({"sex": "M"}, {"sex": "M", "given": "ANNE", "middle": "", "families": ("XU",)}, "both names"),
        ({}, {"source_id": "A:2", "local_ids": (), "birth": "1970"}, "one source"),
    ],
)
def test_a_contradiction_is_named(ours: dict[str, object], theirs: dict[str, object], veto: str) -> None:
    there = a_record(**{"source_id": "B:7", "local_ids": (), **theirs})

    assert veto in _names(a_record(**{"emails": (), **ours}), there)


def test_a_record_does_not_contradict_itself() -> None:
    assert _names(a_record(), a_record()) == set()


def test_a_shared_identifier_excuses_a_placeholder_or_a_missing_date() -> None:
    known = {"person_ids": ("national:761882795",)}

    assert _names(a_record(given="", flags=("given",), **known), a_record(**known)) == set()
    assert _names(a_record(birth="", **known), a_record(**known)) == set()


def test_twins_and_relatives_of_one_name_exclude_each_other_for_good() -> None:
    twins = compare(a_record(order=1), a_record(order=2)).levels
    juniors = compare(a_record(suffix="JR"), a_record(suffix="SR")).levels

    assert contradicts(twins)
    assert contradicts(juniors)
    assert surplus_of(twins) == surplus_of(juniors) == math.inf
    assert not contradicts(compare(a_record(), a_record(given="BETTY")).levels)


def test_a_weak_veto_yields_to_enough_weight_and_an_absolute_one_never() -> None:
    by_name = {veto.name: veto for veto in VETOES}

    assert by_name["sex"].is_overcome(10.0, 7.0)
    assert not by_name["sex"].is_overcome(9.9, 7.0)
    assert not by_name["birth order"].is_overcome(1e9, 7.0)
    assert surplus_of(compare(a_record(), a_record()).levels) == 0.0


def test_every_veto_says_a_sentence() -> None:
    assert all(veto.sentence.endswith(".") for veto in VETOES)
    assert len({veto.name for veto in VETOES}) == len(VETOES)


def test_a_name_that_only_stands_for_one_leaves_open_which_sibling_it_is() -> None:
    newborn = compare(a_record(given="", flags=("given",), person_ids=(), local_ids=(), source_id="B:7"), a_record()).levels
    sure = compare(a_record(), a_record()).levels

    assert leaves_open_who(vetoes_of(newborn))
    assert not leaves_open_who(vetoes_of(sure))
