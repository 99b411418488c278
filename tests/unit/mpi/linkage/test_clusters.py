"""mpi.linkage.clusters"""

from __future__ import annotations

import numpy as np

from mpi.linkage.candidates import Pairs
from mpi.linkage.clusters import cluster, components
from mpi.linkage.weighing import Weighed

_SIZE = 6


def _weighed(weights: dict[tuple[int, int], float], apart: set[tuple[int, int]] = frozenset()) -> Weighed:  # type: ignore[assignment]
    keys = sorted(weights)
    return Weighed(
        np.array([a * _SIZE + b for a, b in keys], np.int64),
        np.array([weights[key] for key in keys], np.float32),
        np.zeros(len(keys), np.float32),
        np.array([key in apart for key in keys], np.bool_),
    )


def _not_compared(weight: float, apart: bool = False) -> object:
    def weigh(pairs: Pairs) -> Weighed:
        count = len(pairs)
        return Weighed(pairs, np.full(count, weight, np.float32), np.zeros(count, np.float32), np.full(count, apart))

    return weigh


def _clusters(weighed: Weighed, weigh: object, link: float = 7.0, start: list[int] | None = None) -> list[int]:
    usable = (weighed.weights >= link) & ~weighed.apart
    first = np.array(start, np.int64) if start is not None else None
    return cluster(_SIZE, weighed, usable, weigh, mean=0.0, start=first).tolist()  # type: ignore[arg-type]


def test_records_that_agree_all_round_are_one_person() -> None:
    weighed = _weighed({(0, 1): 12, (1, 2): 12, (0, 2): 3})

    assert _clusters(weighed, _not_compared(0)) == [0, 0, 0, 3, 4, 5]


def test_a_bridge_does_not_join_two_who_exclude_each_other() -> None:
    weighed = _weighed({(0, 1): 15, (1, 2): 12, (0, 2): -1}, apart={(0, 2)})

    assert _clusters(weighed, _not_compared(0)) == [0, 0, 2, 3, 4, 5]


def test_two_clusters_joined_by_one_link_only_stay_apart() -> None:
    weighed = _weighed({(0, 1): 15, (2, 3): 15, (1, 2): 8, (0, 2): -9, (0, 3): -9, (1, 3): -9})

    assert _clusters(weighed, _not_compared(0)) == [0, 0, 2, 2, 4, 5]


def test_pairs_that_were_no_candidates_are_weighed_before_they_are_joined() -> None:
    weighed = _weighed({(0, 1): 15, (1, 2): 12})

    assert _clusters(weighed, _not_compared(-3, apart=True)) == [0, 0, 2, 3, 4, 5]
    assert _clusters(weighed, _not_compared(1)) == [0, 0, 0, 3, 4, 5]


def test_clusters_to_start_from_stay_together() -> None:
    weighed = _weighed({(0, 1): 2, (1, 2): 9})

    assert _clusters(weighed, _not_compared(4), start=[0, 0, 2, 3, 3, 5]) == [0, 0, 0, 3, 3, 5]


def test_components_are_named_by_their_smallest_member() -> None:
    assert components(5, np.array([3, 1]), np.array([4, 3])).tolist() == [0, 1, 2, 1, 1]
