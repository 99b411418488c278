"""What another linkage of the same records would change: the report of a dry run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Changes:
    """Pairs of records that come together and apart, persons split and joined, and records by their places as samples."""

    gained_pairs: int
    lost_pairs: int
    kept_pairs: int
    split: int
    joined: int
    split_samples: tuple[tuple[int, ...], ...]
    joined_samples: tuple[tuple[int, ...], ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.gained_pairs or self.lost_pairs)


def changes_between(before: Labels, after: Labels, *, samples: int = 20) -> Changes:
    """Compare two clusterings of the same records; names of clusters do not matter."""
    both = np.unique(np.stack((before, after)), axis=1, return_inverse=True)[1].ravel() if len(before) else before
    kept = _pairs(both)
    split, joined = _scattered(before, after), _scattered(after, before)
    return Changes(
        _pairs(after) - kept,
        _pairs(before) - kept,
        kept,
        len(split),
        len(joined),
        tuple(_members(before, split[:samples])),
        tuple(_members(after, joined[:samples])),
    )


def _pairs(labels: Labels) -> int:
    counts = np.unique(labels, return_counts=True)[1].astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())


def _scattered(labels: Labels, others: Labels) -> Labels:
    """Clusters whose records stand in more than one of the others, in order of name."""
    if not len(labels):
        return labels
    distinct = np.unique(np.stack((labels, others)), axis=1)
    names, counts = np.unique(distinct[0], return_counts=True)
    found: Labels = names[counts > 1]
    return found


def _members(labels: Labels, names: Labels) -> Iterator[tuple[int, ...]]:
    for name in names.tolist():
        yield tuple(np.flatnonzero(labels == name).tolist())
