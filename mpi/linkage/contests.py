"""Looks at a person again when a record arrives that is like some of its records only: does it contest light links between them?

What `rivalry` sees in a batch, where everybody is on the table at once, comes to light here one record after the other. A light
link was good as long as nobody contested it; the rightful person may come later.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

from mpi.linkage.comparison import compare
from mpi.linkage.decision import APART_WEIGHT, MOST_WEIGHT, SUPPORT_WEIGHT
from mpi.linkage.model import Model
from mpi.linkage.normalise import Prepared
from mpi.linkage.rivalry import FIRM_WEIGHT, TRUSTING_LINK
from mpi.linkage.vetoes import contradicts, leaves_open_who
from mpi.linkage.weights import Explanation, score

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Loosened:
    """A record, by its place, that hangs on contested links alone, and the heaviest of them."""

    place: int
    link: Explanation


@dataclass(frozen=True, slots=True)
class _Seen:
    """A pair as it is weighed. `is_apart`: the two exclude each other."""

    explanation: Explanation
    is_apart: bool

    @property
    def weight(self) -> float:
        return self.explanation.weight


def loosened(members: Sequence[Prepared], arrived: Prepared, model: Model, *, joined: bool = False) -> tuple[Loosened, ...]:
    """The records of a person that no uncontested link holds any more now that this record is here; mostly none.

    `joined`: the record that arrived is one of the person's from now on, so whom it is like stays.
    """
    seen = [_pair(arrived, member, model) for member in members]
    least = TRUSTING_LINK - model.thresholds.margin
    near = {at for at, to in enumerate(seen) if to.weight > least}
    far = {at for at, to in enumerate(seen) if to.is_apart or to.weight < SUPPORT_WEIGHT}
    if not near or not far:
        return ()
    every = list(combinations(range(len(members)), 2))
    pairs = {pair: _pair(members[pair[0]], members[pair[1]], model) for pair in every if _may_be_contested(pair, near, far)}
    contested = {pair for pair, link in pairs.items() if link.weight >= TRUSTING_LINK and _is_contested(pair, link, seen, model)}
    if not contested:
        return ()
    pairs |= {pair: _pair(members[pair[0]], members[pair[1]], model) for pair in every if pair not in pairs}
    holding = [pair for pair, link in pairs.items() if link.weight >= TRUSTING_LINK and not link.is_apart]
    parts = _parts(len(members), [pair for pair in holding if pair not in contested])
    nearest = max(range(len(members)), key=lambda at: (seen[at].weight, -at)) if joined else None
    cut = _cut_off(_parts(len(members), holding), parts, nearest)
    return tuple(Loosened(place, _heaviest(place, pairs, contested)) for place in cut)


def _pair(one: Prepared, other: Prepared, model: Model) -> _Seen:
    comparison = compare(one, other)
    explanation = score(comparison, model, one, other)
    return _Seen(explanation, contradicts(comparison.levels) or explanation.weight < APART_WEIGHT)


def _may_be_contested(pair: Pair, near: Collection[int], far: Collection[int]) -> bool:
    return any(here in near and there in far for here, there in (pair, pair[::-1]))


def _is_contested(pair: Pair, link: _Seen, seen: Sequence[_Seen], model: Model) -> bool:
    """Whether a record is about as like one end of a light link as the other end is, and cannot well be that other one."""
    if link.weight >= FIRM_WEIGHT:
        return False
    for here, there in (pair, pair[::-1]):
        near, far = seen[here], seen[there]
        bridge = 0.0 if leaves_open_who(link.explanation.vetoes) else min(near.weight, MOST_WEIGHT)
        if near.weight > link.weight - model.thresholds.margin and (far.is_apart or far.weight + bridge < SUPPORT_WEIGHT):
            return True
    return False


def _parts(size: int, links: Collection[Pair]) -> list[frozenset[int]]:
    """For each record those it hangs together with."""
    part_of = [{at} for at in range(size)]
    for one, other in links:
        if part_of[one] is not part_of[other]:
            part_of[one] |= part_of[other]
            for member in part_of[other]:
                part_of[member] = part_of[one]
    return [frozenset(part) for part in part_of]


def _cut_off(before: Sequence[frozenset[int]], after: Sequence[frozenset[int]], nearest: int | None) -> list[int]:
    """Of every set that fell apart all but one part: the one nearest to what arrived, else the largest, else the oldest."""
    found: set[int] = set()
    for whole in set(before):
        parts = {after[at] for at in whole}
        stays = max(parts, key=lambda part: (nearest in part, len(part), -min(part)))
        found |= whole - stays
    return sorted(found)


def _heaviest(place: int, pairs: dict[Pair, _Seen], contested: Collection[Pair]) -> Explanation:
    """The contested link of a record that weighs most; of one that only hangs on such a record, its heaviest link."""
    own = [pair for pair in contested if place in pair] or [pair for pair in pairs if place in pair]
    return pairs[max(own, key=lambda pair: pairs[pair].weight)].explanation
