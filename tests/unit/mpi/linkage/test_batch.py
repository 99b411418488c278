"""mpi.linkage.batch"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.linkage.population import COLUMNS, Population
from mpi.linkage import batch
from mpi.linkage.batch import level_table, patterns_of_pairs
from mpi.linkage.candidates import candidate_pairs
from mpi.linkage.columns import from_prepared, from_raw
from mpi.linkage.comparison import compare
from mpi.linkage.levels import levels_of
from mpi.linkage.normalise import Prepared
from tests.support.people import RECORDS


@settings(max_examples=60)
@given(records=st.lists(RECORDS, min_size=2, max_size=5))
def test_a_batch_compares_as_one_pair_is_compared(records: list[Prepared]) -> None:
    columns = from_prepared(records)
    size = columns.size
    pairs = np.array([a * size + b for a in range(size) for b in range(a + 1, size)], np.int64)

    patterns = patterns_of_pairs(columns, pairs).tolist()

    for pair, pattern in zip(pairs.tolist(), patterns, strict=True):
        assert levels_of(pattern) == compare(columns.prepared(pair // size), columns.prepared(pair % size)).levels


def test_candidates_of_a_population_compare_as_single_pairs() -> None:
    columns = from_raw({name: [row[name] for _, row in Population(8).records(700)] for name in COLUMNS})
    pairs = candidate_pairs(columns)

    table = level_table(patterns_of_pairs(columns, pairs)).tolist()

    for pair, levels in zip(pairs.tolist(), table, strict=True):
        one, other = columns.prepared(pair // columns.size), columns.prepared(pair % columns.size)
        assert tuple(levels) == compare(one, other).levels


def test_several_processes_compare_as_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = from_raw({name: [row[name] for _, row in Population(8).records(400)] for name in COLUMNS})
    pairs = candidate_pairs(columns)
    alone = patterns_of_pairs(columns, pairs)
    monkeypatch.setattr(batch, "CHUNK", len(pairs) // 3)

    together = patterns_of_pairs(columns, pairs, processes=2)

    assert np.array_equal(alone, together)
    assert together.any()
