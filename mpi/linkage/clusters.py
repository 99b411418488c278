"""Puts records into persons: never by plain connected components.

Within each set of records that links hold together, all pairs are weighed. Clusters then grow from the heaviest link down, and
two only become one when a link joins them, no two of their records exclude each other, and their pairs on the average speak
for it. What is left over is a link that was not taken, for a person to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpi.linkage.candidates import Pairs
from mpi.linkage.decision import MOST_WEIGHT
from mpi.linkage.weighing import Mask, Weighed

Labels = npt.NDArray[np.int64]
Weigh = Callable[[Pairs], Weighed]
_MOST_MEMBERS = 60
"""A larger set of records held together by links is first cut down to its heaviest links."""
_HEAVIER = 6.0


def components(size: int, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> Labels:
    """For each record the smallest record it is connected to."""
    parent = list(range(size))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    for a, b in zip(one.tolist(), other.tolist(), strict=True):
        first, second = root(a), root(b)
        if first != second:
            parent[max(first, second)] = min(first, second)
    return np.array([root(at) for at in range(size)], np.int64)


@dataclass(slots=True)
class _Component:
    """A set of records and all their pairs: weight and whether the two exclude each other."""

    members: tuple[int, ...]
    weights: dict[tuple[int, int], float]
    apart: set[tuple[int, int]]


def cluster(size: int, weighed: Weighed, usable: Mask, weigh: Weigh, *, mean: float, start: Labels | None = None) -> Labels:
    """The cluster of each record, named by its smallest member.

    `usable` says which pairs are links, `weigh` weighs pairs that were no candidates, `mean` is what the pairs between two
    clusters must weigh on the average, `start` are clusters that stay together.
    """
    one, other = weighed.pairs // size, weighed.pairs % size
    links = np.flatnonzero(usable)
    ends = (one[links], other[links])
    if start is not None:
        joined = np.flatnonzero(start != np.arange(size))
        ends = (np.concatenate((ends[0], joined)), np.concatenate((ends[1], start[joined])))
    labels = components(size, *ends)
    labels = _cut_large(size, labels, weighed, links, start)
    inner = labels[one] == labels[other]
    complete = _complete(size, labels, weighed, inner, weigh)
    suspect = _suspects(size, labels, complete, mean)
    starts = start if start is not None else np.arange(size)
    usable_links = {int(pair) for pair in weighed.pairs[links][suspect[labels[one[links]]]].tolist()}
    for component in _components_of(size, labels, complete, suspect):
        for group in _grow(component, usable_links, size, starts, mean):
            name = min(group)
            for member in group:
                labels[member] = name
    return labels


def _cut_large(size: int, labels: Labels, weighed: Weighed, links: npt.NDArray[np.intp], start: Labels | None) -> Labels:
    """Records of overlarge sets are held together anew by heavier links only, until no set is too large."""
    least = 0.0
    while True:
        counts = np.bincount(labels, minlength=size)
        large = counts[labels] > _MOST_MEMBERS
        if not large.any() or least > 100:
            return labels
        least = max(least, float(weighed.weights[links].min(initial=0.0))) + _HEAVIER
        one, other = weighed.pairs[links] // size, weighed.pairs[links] % size
        keep = large[one] & (weighed.weights[links] >= least)
        fresh = components(size, one[keep], other[keep])
        labels = np.where(large, fresh if start is None else _never_split(fresh, start, size), labels)


def _never_split(labels: Labels, start: Labels, size: int) -> Labels:
    return components(size, np.concatenate((np.arange(size), np.arange(size))), np.concatenate((labels, start)))


def _complete(size: int, labels: Labels, weighed: Weighed, inner: Mask, weigh: Weigh) -> Weighed:
    """All pairs within the sets, those that were no candidates weighed now."""
    order = np.argsort(labels, kind="stable")
    keys = labels[order]
    counts = np.bincount(labels, minlength=size)
    wanted: list[Pairs] = []
    for distance in range(1, int(counts.max(initial=1))):
        same = np.flatnonzero(keys[distance:] == keys[:-distance])
        if not len(same):
            break
        a, b = order[same].astype(np.int64), order[same + distance].astype(np.int64)
        wanted.append(np.minimum(a, b) * size + np.maximum(a, b))
    have = weighed.pairs[inner]
    every = np.concatenate(wanted) if wanted else np.zeros(0, np.int64)
    more = weigh(np.setdiff1d(every, have, assume_unique=True))
    return Weighed(
        np.concatenate((have, more.pairs)),
        np.concatenate((weighed.weights[inner], more.weights)),
        np.concatenate((weighed.surplus[inner], more.surplus)),
        np.concatenate((weighed.apart[inner], more.apart)),
    )


def _suspects(size: int, labels: Labels, complete: Weighed, mean: float) -> Mask:
    """By name of set: whether some pair in it excludes itself or weighs less than the mean asked for."""
    bad = complete.apart | (complete.weights < mean)
    found = np.zeros(size, np.bool_)
    found[labels[complete.pairs[bad] // size]] = True
    return found


def _components_of(size: int, labels: Labels, complete: Weighed, suspect: Mask) -> Iterable[_Component]:
    within = np.flatnonzero(suspect[labels[complete.pairs // size]])
    pairs = complete.pairs[within]
    names = labels[pairs // size]
    order = np.argsort(names, kind="stable")
    bounds = (
        np.flatnonzero(np.concatenate(([True], names[order][1:] != names[order][:-1], [True])))
        if len(order)
        else np.zeros(0, np.int64)
    )
    for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        at = within[order[begin:end]]
        keys = [(int(pair) // size, int(pair) % size) for pair in complete.pairs[at].tolist()]
        members = tuple(sorted({member for key in keys for member in key}))
        weights = dict(zip(keys, complete.weights[at].tolist(), strict=True))
        yield _Component(members, weights, {key for key, apart in zip(keys, complete.apart[at].tolist(), strict=True) if apart})


def _grow(component: _Component, links: set[int], size: int, start: Labels, mean: float) -> Iterable[Sequence[int]]:
    """Clusters of one set, from the heaviest link down."""
    cluster_of = {member: int(start[member]) for member in component.members}
    groups: dict[int, list[int]] = {}
    for member, name in cluster_of.items():
        groups.setdefault(name, []).append(member)
    ranked = sorted(component.weights, key=lambda key: (-component.weights[key], key))
    for key in ranked:
        first, second = cluster_of[key[0]], cluster_of[key[1]]
        if first == second or key[0] * size + key[1] not in links:
            continue
        if not _may_join(component, groups[first], groups[second], mean):
            continue
        for member in groups[second]:
            cluster_of[member] = first
        groups[first] += groups.pop(second)
    return groups.values()


def _may_join(component: _Component, ours: Sequence[int], theirs: Sequence[int], mean: float) -> bool:
    total = 0.0
    for one in ours:
        for other in theirs:
            key = (min(one, other), max(one, other))
            if key in component.apart:
                return False
            total += max(-MOST_WEIGHT, min(MOST_WEIGHT, component.weights.get(key, 0.0)))
    return total / (len(ours) * len(theirs)) >= mean
