"""mpi.linkage.weighing"""

from __future__ import annotations

import pytest

from bench.linkage.population import COLUMNS, Population
from mpi.linkage.batch import patterns_of_pairs
from mpi.linkage.candidates import candidate_pairs
from mpi.linkage.columns import from_raw
from mpi.linkage.comparison import compare
from mpi.linkage.shipped import shipped_model
from mpi.linkage.training import train
from mpi.linkage.weighing import Weigher
from mpi.linkage.weights import score


@pytest.mark.parametrize("is_trained", [False, True])
def test_a_batch_weighs_as_one_pair_is_weighed(is_trained: bool) -> None:
    columns = from_raw({name: [row[name] for _, row in Population(9).records(600)] for name in COLUMNS})
    pairs = candidate_pairs(columns)
    patterns = patterns_of_pairs(columns, pairs)
    model = train(columns, pairs, patterns, shipped_model(), version="t") if is_trained else shipped_model()

    weighed = Weigher(columns, model).weigh(pairs, patterns)

    linkable = weighed.linkable(model).tolist()
    for pair, weight, may_link, apart in zip(
        pairs.tolist(), weighed.weights.tolist(), linkable, weighed.apart.tolist(), strict=True
    ):
        one, other = columns.prepared(pair // columns.size), columns.prepared(pair % columns.size)
        explanation = score(compare(one, other), model, one, other)
        assert weight == pytest.approx(explanation.weight, abs=1e-4)
        assert may_link == (explanation.is_linkable and not apart)
