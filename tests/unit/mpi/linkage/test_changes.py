"""mpi.linkage.changes"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mpi.linkage.changes import changes_between

_LABELS = st.integers(1, 12).flatmap(
    lambda size: st.tuples(*(st.lists(st.integers(0, 4), min_size=size, max_size=size) for _ in "ab"))
)


def test_a_split_and_a_join_are_counted_and_shown() -> None:
    before, after = np.array([0, 0, 0, 3, 4, 5]), np.array([0, 0, 2, 3, 3, 5])

    changes = changes_between(before, after)

    assert (changes.gained_pairs, changes.lost_pairs, changes.kept_pairs) == (1, 2, 1)
    assert (changes.split, changes.split_samples) == (1, ((0, 1, 2),))
    assert (changes.joined, changes.joined_samples) == (1, ((3, 4),))
    assert not changes.is_empty


def test_other_names_for_the_same_clusters_are_no_change() -> None:
    assert changes_between(np.array([0, 0, 2]), np.array([7, 7, 1])).is_empty


def test_no_records_are_no_change() -> None:
    assert changes_between(np.zeros(0, np.int64), np.zeros(0, np.int64)).is_empty


@given(labels=_LABELS)
def test_going_back_undoes_what_going_forth_did(labels: tuple[list[int], list[int]]) -> None:
    before, after = (np.array(values, np.int64) for values in labels)

    forth, back = changes_between(before, after), changes_between(after, before)

    assert (forth.gained_pairs, forth.lost_pairs, forth.split) == (back.lost_pairs, back.gained_pairs, back.joined)
