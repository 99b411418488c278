"""mpi.linkage.training"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.linkage.population import COLUMNS, Population
from mpi.linkage.batch import patterns_of_pairs
from mpi.linkage.candidates import candidate_pairs
from mpi.linkage.columns import from_raw
from mpi.linkage.levels import BIRTH, FIELDS, GIVEN, SEX, SUFFIX, Birth, Given, pattern_of
from mpi.linkage.model import HOUSEHOLD, NAMESAKE, SAME, STRANGER, TWIN, Model
from mpi.linkage.shipped import shipped_model
from mpi.linkage.training import Labels, train


def _trained(records: int = 4000) -> tuple[Model, float]:
    rows = list(Population(10).records(records))
    columns = from_raw({name: [row[name] for _, row in rows] for name in COLUMNS})
    pairs = candidate_pairs(columns)
    model = train(columns, pairs, patterns_of_pairs(columns, pairs), shipped_model(), version="t")
    counts = np.unique([person for person, _ in rows], return_counts=True)[1]
    return model, float((counts * (counts - 1) // 2).sum() / records)


def test_training_finds_how_many_pairs_there_are_without_being_told() -> None:
    model, truth = _trained()

    assert abs(model.per_record[SAME] - truth) < 0.06
    assert model.population == 4000
    assert model.version == "t"


def test_the_same_records_train_the_same_model() -> None:
    assert _trained(1200)[0].to_json() == _trained(1200)[0].to_json()


def test_what_defines_a_class_is_not_learnt() -> None:
    model, start = _trained()[0], shipped_model()

    assert model.levels[SAME][SUFFIX] == start.levels[SAME][SUFFIX]
    assert model.levels[TWIN][GIVEN][Given.EXACT] <= 2 * start.levels[TWIN][GIVEN][Given.EXACT]
    assert model.levels[NAMESAKE][BIRTH][Birth.EXACT] < 0.01


def test_people_of_a_household_look_like_people_of_a_household() -> None:
    model = _trained()[0]

    assert model.levels[HOUSEHOLD][GIVEN][Given.EXACT] < 0.02 < model.levels[SAME][GIVEN][Given.EXACT]
    assert 0.2 < model.levels[HOUSEHOLD][SEX][1] < 0.6
    assert model.levels[STRANGER][BIRTH][Birth.EXACT] < 0.001


def test_without_pairs_the_start_is_kept() -> None:
    columns = from_raw({"given": ["Anna"]})
    nothing = np.zeros(0, np.int64)

    assert train(columns, nothing, nothing, shipped_model(), version="t") == replace(shipped_model().for_population(1), version="t")


def test_what_people_decided_is_learnt() -> None:
    rows = list(Population(10).records(1500))
    columns = from_raw({name: [row[name] for _, row in rows] for name in COLUMNS})
    pairs = candidate_pairs(columns)
    patterns = patterns_of_pairs(columns, pairs)
    swapped = np.full(400, pattern_of((Given.SWAPPED, *([1] * (len(FIELDS) - 1)))), np.int64)

    plain = train(columns, pairs, patterns, shipped_model(), version="t")
    same, different = (
        train(columns, pairs, patterns, shipped_model(), version="t", labels=Labels(swapped, np.full(400, verdict)))
        for verdict in (True, False)
    )

    assert same.levels[SAME][GIVEN][Given.SWAPPED] > 2 * plain.levels[SAME][GIVEN][Given.SWAPPED]
    assert different.levels[SAME][GIVEN][Given.SWAPPED] <= plain.levels[SAME][GIVEN][Given.SWAPPED] * 1.01
