"""mpi.linkage.values"""

from __future__ import annotations

import numpy as np

from bench.linkage.population import COLUMNS, Population
from mpi.linkage.batch import patterns_of_pairs
from mpi.linkage.candidates import candidate_pairs
from mpi.linkage.columns import Columns, from_raw
from mpi.linkage.values import KINDS, ValueLevels, column_of, levels_of_values, texts_of, value_pairs


def some_columns() -> Columns:
    """Made-up people."""
    rows = [row for _, row in Population(5).records(800)]
    return from_raw({name: [row[name] for row in rows] for name in COLUMNS})


def test_pairs_have_the_same_levels_when_their_values_were_compared_elsewhere() -> None:
    columns = some_columns()
    pairs = candidate_pairs(columns)
    known = {}
    for kind in KINDS:
        keys = value_pairs(columns, pairs, kind)
        levels = levels_of_values(kind, *texts_of(column_of(columns, kind), keys))
        known[kind] = ValueLevels(keys, np.frombuffer(levels, np.uint8))

    found = patterns_of_pairs(columns, pairs, known=known)

    assert found.tolist() == patterns_of_pairs(columns, pairs).tolist()


def test_each_pair_of_different_values_is_named_once_in_order() -> None:
    columns = some_columns()

    keys = value_pairs(columns, candidate_pairs(columns), "given")

    ones, others = texts_of(columns.given, keys)
    assert len(keys) > 100
    assert keys.tolist() == sorted(set(keys.tolist()))
    assert len({frozenset(pair) for pair in zip(ones, others, strict=True)}) == len(keys)
    assert all(one and other and one != other for one, other in zip(ones, others, strict=True))


def test_a_level_that_is_not_known_is_asked_for() -> None:
    known = ValueLevels(np.array([3, 9]), np.array([1, 2], np.uint8))
    asked = []

    def compare(key: int) -> int:
        asked.append(key)
        return 7

    assert known.of(np.array([2, 3, 9, 10]), compare).tolist() == [7, 1, 2, 7]
    assert asked == [2, 10]
    assert ValueLevels(np.zeros(0, np.int64), np.zeros(0, np.uint8)).of(np.array([4]), compare).tolist() == [7]
