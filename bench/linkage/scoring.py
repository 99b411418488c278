"""Counts what a linkage got right and wrong against the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Quality:
    """Pairs in common clusters that are right and wrong, and the pairs there are."""

    right: int
    wrong: int
    wanted: int

    @property
    def precision(self) -> float:
        """Right ones of those made."""
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        """Right ones of those wanted."""
        return self.right / max(self.wanted, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)

    def __str__(self) -> str:
        return f"P {self.precision:.4f} R {self.recall:.4f} F1 {self.f1:.4f}"


def _pairs(labels: Numbers) -> int:
    counts = np.unique(labels, return_counts=True)[1].astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())


def of_clusters(labels: Numbers, truth: Numbers) -> Quality:
    """Quality of the pairs that share a cluster."""
    both = np.unique(np.stack((labels, truth)), axis=1, return_inverse=True)[1].ravel()
    right = _pairs(both)
    return Quality(right, _pairs(labels) - right, _pairs(truth))


def of_pairs(one: Numbers, other: Numbers, truth: Numbers) -> Quality:
    """Quality of pairs as such."""
    right = int((truth[one] == truth[other]).sum())
    return Quality(right, len(one) - right, _pairs(truth))


def wrong_pairs(labels: Numbers, truth: Numbers) -> list[tuple[int, int]]:
    """Pairs of different people in one cluster."""
    order = np.argsort(labels, kind="stable")
    bounds = np.flatnonzero(np.diff(labels[order], prepend=-1, append=-1))
    found = []
    for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        members = order[begin:end].tolist()
        if len(members) > 1 and len({int(truth[m]) for m in members}) > 1:
            found += [(a, b) for i, a in enumerate(members) for b in members[i + 1 :] if truth[a] != truth[b]]
    return found
