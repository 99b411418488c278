"""mpi.linkage.model"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest

from mpi.linkage.levels import FIELDS, GIVEN
from mpi.linkage.model import CLASSES, RIVALS, SAME, STRANGER, Frequencies, Model, monotone
from mpi.linkage.shipped import shipped_model


def test_a_model_survives_its_json() -> None:
    model = replace(shipped_model(), frequencies={"given": Frequencies(1000, {"ANNA": 17})})

    again = Model.from_json(model.to_json())

    assert json.loads(again.to_json()) == json.loads(model.to_json())
    assert again.likelihoods((1,) * len(FIELDS)) == pytest.approx(model.likelihoods((1,) * len(FIELDS)))


def test_strangers_grow_likelier_with_the_index_and_nobody_else_does() -> None:
    small, large = shipped_model().for_population(1_000), shipped_model().for_population(1_000_000)

    assert large.prior(STRANGER) - small.prior(STRANGER) == pytest.approx(9.97, abs=0.01)
    assert all(large.prior(number) == small.prior(number) for number in range(len(CLASSES)) if number != STRANGER)


def test_more_agreement_never_speaks_against_the_same_person() -> None:
    model = shipped_model()

    for at, spec in enumerate(FIELDS):
        for rival in RIVALS:
            ratios = [model.log_level(SAME, at, level) - model.log_level(rival, at, level) for level in range(1, spec.ordered + 1)]
            assert all(better >= worse - 1e-9 for better, worse in pairwise(ratios)), spec.name


def test_monotone_pools_only_what_is_out_of_order() -> None:
    levels = [list(map(list, table)) for table in shipped_model().levels]
    levels[STRANGER][GIVEN][1], levels[STRANGER][GIVEN][2] = 0.5, 0.001

    bent = monotone(tuple(tuple(map(tuple, table)) for table in levels))

    same, stranger = bent[SAME][GIVEN], bent[STRANGER][GIVEN]
    assert same[1] / stranger[1] == pytest.approx(same[2] / stranger[2])
    assert stranger[8] == pytest.approx(levels[STRANGER][GIVEN][8])


def test_a_model_in_which_strangers_agree_more_is_refused() -> None:
    model = shipped_model()
    levels = [list(table) for table in model.levels]
    levels[SAME][GIVEN] = (1.0, 0.0001, *levels[SAME][GIVEN][2:])

    with pytest.raises(ValueError, match="given"):
        replace(model, levels=tuple(map(tuple, levels)))


def test_a_level_without_probability_is_refused() -> None:
    model = shipped_model()
    levels = [list(table) for table in model.levels]
    levels[STRANGER][GIVEN] = levels[STRANGER][GIVEN][:-1]

    with pytest.raises(ValueError, match="a probability per level"):
        replace(model, levels=tuple(map(tuple, levels)))


def test_a_value_nobody_else_has_is_rare_but_not_impossible() -> None:
    table = Frequencies(1000, {"ANNA": 11})

    assert table.share("ANNA") == pytest.approx(0.01)
    assert table.share("XYZZY") == pytest.approx(0.0005)
