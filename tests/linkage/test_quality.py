"""The figures of record linkage on a small made-up population may not fall. Its seed is one nothing was tuned on."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from bench.linkage.online import Index
from bench.linkage.population import COLUMNS, Population
from bench.linkage.scoring import Numbers, of_clusters, wrong_pairs
from mpi.linkage.columns import Columns, from_raw
from mpi.linkage.linking import LinkedBatch, link_batch
from mpi.linkage.normalise import Prepared

_RECORDS = 10_000
_SEED = 4242


@lru_cache(1)
def _linked() -> tuple[LinkedBatch, Columns, Numbers]:
    rows = list(Population(_SEED).records(_RECORDS))
    columns = from_raw({name: [row[name] for _, row in rows] for name in COLUMNS})
    return link_batch(columns), columns, np.array([person for person, _ in rows], np.int64)


def test_automatic_links_are_right_in_999_of_1000_and_find_most_pairs() -> None:
    linked, _, truth = _linked()

    quality = of_clusters(linked.automatic, truth)

    assert quality.precision >= 0.999
    assert quality.recall >= 0.92
    assert quality.f1 >= 0.96


def test_probable_clusters_come_close_to_the_truth() -> None:
    linked, _, truth = _linked()

    quality = of_clusters(linked.probable, truth)

    assert quality.precision >= 0.99
    assert quality.f1 >= 0.98


def test_hardly_any_two_people_are_merged_by_the_machine() -> None:
    linked, _, truth = _linked()

    assert len(wrong_pairs(linked.automatic, truth)) <= 5


def test_records_one_by_one_end_where_a_batch_ends() -> None:
    linked, columns, truth = _linked()
    records = [columns.prepared(index) for index in range(3000)]

    one_by_one = of_clusters(_fed(records, linked), truth[:3000])
    at_once = of_clusters(link_batch(_first(3000), model=linked.model.for_population(3000)).automatic, truth[:3000])

    assert abs(one_by_one.f1 - at_once.f1) < 0.005


def _first(records: int) -> Columns:
    rows = list(Population(_SEED).records(_RECORDS))[:records]
    return from_raw({name: [row[name] for _, row in rows] for name in COLUMNS})


def _fed(records: list[Prepared], linked: LinkedBatch) -> Numbers:
    index = Index(linked.model)
    for record in records:
        index.feed(record)
    return np.array(index.labels(), np.int64)
