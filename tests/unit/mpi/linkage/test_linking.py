"""mpi.linkage.linking"""

from __future__ import annotations

import numpy as np

from bench.linkage.population import COLUMNS, Population
from mpi.linkage.columns import Columns, from_prepared, from_raw
from mpi.linkage.linking import Decided, LinkedBatch, link_batch
from mpi.linkage.shipped import shipped_model
from tests.support.people import a_record


def _columns(records: int) -> Columns:
    return from_raw({name: [row[name] for _, row in Population(11).records(records)] for name in COLUMNS})


def _linked() -> LinkedBatch:
    sister = a_record(source_id="B:8", local_ids=(), given="BETTY", middle="", birth="19730911", emails=())
    return link_batch(from_prepared([a_record(), a_record(source_id="B:7", local_ids=()), sister]))


def test_a_few_records_are_linked_by_the_starting_model() -> None:
    linked = _linked()

    assert linked.automatic.tolist() == [0, 0, 2]
    assert linked.model.version == shipped_model().version
    assert [(link.one, link.other, link.is_automatic) for link in linked.links()] == [(0, 1, True)]


def test_each_record_knows_its_heaviest_link() -> None:
    first, second, alone = _linked().best_weight()

    assert first == second is not None
    assert alone is None


def test_the_same_batch_is_linked_the_same_way_and_steps_are_told() -> None:
    steps: list[str] = []
    columns = _columns(1100)

    first, second = link_batch(columns, tell=steps.append), link_batch(columns)

    assert np.array_equal(first.automatic, second.automatic)
    assert np.array_equal(first.probable, second.probable)
    assert [step.split()[0] for step in steps] == ["blocking", "comparing", "training", "weighing", "clustering"]


def test_probable_clusters_only_add_to_automatic_ones() -> None:
    linked = link_batch(_columns(1100))

    assert np.array_equal(linked.probable, linked.probable[linked.automatic])
    assert len(np.unique(linked.probable)) < len(np.unique(linked.automatic))


def test_a_single_record_and_none_are_a_batch() -> None:
    assert link_batch(from_prepared([a_record()])).automatic.tolist() == [0]
    assert link_batch(from_prepared([])).automatic.tolist() == []


def test_what_people_decided_stands() -> None:
    sister = a_record(source_id="B:8", local_ids=(), given="BETTY", middle="", birth="19730911", emails=())
    columns = from_prepared([a_record(), a_record(source_id="B:7", local_ids=()), sister])
    same, apart = np.array([0 * 3 + 2], np.int64), np.array([0 * 3 + 1], np.int64)

    linked = link_batch(columns, decided=Decided(same, apart))

    assert linked.automatic.tolist() == [0, 1, 0]
    assert linked.probable.tolist() == [0, 1, 0]
