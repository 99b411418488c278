"""mpi.linkage.fairness"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from bench.linkage.population import COLUMNS, Population
from bench.linkage.scoring import of_clusters
from mpi.linkage.columns import Columns, from_prepared, from_raw
from mpi.linkage.fairness import EVERYBODY, Served, groups_of, served
from mpi.linkage.linking import LinkedBatch, link_batch
from mpi.linkage.normalise import Prepared
from tests.support.people import a_record

_NONE = np.zeros(0, np.int64)


@lru_cache(1)
def _linked() -> tuple[Columns, LinkedBatch, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    rows = list(Population(4242).records(4000))
    columns = from_raw({name: [row[name] for _, row in rows] for name in COLUMNS})
    return columns, link_batch(columns), np.array([person for person, _ in rows], np.int64)


def _served() -> dict[str, Served]:
    columns, linked, _ = _linked()
    found = served(columns, linked.weighed, linked.automatic, _NONE, _NONE, linked.model.thresholds.review)
    return {group.group: group for group in found}


def test_a_record_is_in_the_groups_of_what_it_lacks() -> None:
    columns = from_prepared([a_record(person_ids=("7:123456788",)), Prepared(given="JO", families=("LI",), birth="1970", sex="M")])

    groups = {name: mask.tolist() for name, mask in groups_of(columns).items()}

    assert groups["without a full date of birth"] == [False, True]
    assert groups["without an identifier of the person"] == [False, True]
    assert groups["without an address"] == groups["lacking 3 or more of these"] == groups["men"] == [False, True]
    assert groups["women"] == groups["lacking at most one of these"] == [True, False]
    assert groups[EVERYBODY] == [True, True]


def test_the_estimates_for_everybody_are_near_the_truth() -> None:
    _, linked, truth = _linked()
    quality = of_clusters(linked.automatic, truth)

    everybody = _served()[EVERYBODY]

    assert everybody.precision == pytest.approx(quality.precision, abs=0.002)
    assert everybody.recall == pytest.approx(quality.recall, abs=0.03)


def test_who_has_less_on_record_is_seen_to_be_served_worse() -> None:
    found = _served()

    poor, rich = found["lacking 3 or more of these"], found["lacking at most one of these"]
    assert poor.recall is not None
    assert rich.recall is not None
    assert poor.recall < rich.recall - 0.03
    assert poor.doubtful > rich.doubtful


def test_what_people_said_is_certain() -> None:
    columns, linked, _ = _linked()
    weighed, size = linked.weighed, columns.size
    between = linked.automatic[weighed.pairs // size] != linked.automatic[weighed.pairs % size]
    doubtful = weighed.pairs[between & (weighed.weights > 0)]

    before = _served()[EVERYBODY]
    after = served(columns, weighed, linked.automatic, _NONE, doubtful, linked.model.thresholds.review)[0]

    assert before.doubtful > after.doubtful == 0
    assert before.recall is not None
    assert after.recall is not None
    assert after.recall > before.recall


def test_an_empty_index_serves_nobody() -> None:
    columns = from_prepared([])
    linked = link_batch(columns)

    assert all(group.records == 0 for group in served(columns, linked.weighed, linked.automatic, _NONE, _NONE, 0.0))
