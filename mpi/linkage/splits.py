"""Looks at one person again: would the records be put together today, and if not, how would they part?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from mpi.linkage.comparison import compare
from mpi.linkage.decision import APART_WEIGHT, MOST_WEIGHT, SUPPORT_WEIGHT
from mpi.linkage.model import Model
from mpi.linkage.normalise import Prepared
from mpi.linkage.vetoes import contradicts
from mpi.linkage.weights import Explanation, score

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Split:
    """A proposal: the parts by place of the record, and the lightest pair across them, which shows why."""

    parts: tuple[tuple[int, ...], ...]
    across: Explanation


def propose_split(members: Sequence[Prepared], model: Model) -> Split | None:
    """The parts into which the records of a person fall, or None when they hold together.

    Links a person decided are not known here: whoever asks leaves those out.
    """
    explained: dict[Pair, Explanation] = {}
    apart: set[Pair] = set()
    for one, other in combinations(range(len(members)), 2):
        comparison = compare(members[one], members[other])
        explained[one, other] = score(comparison, model, members[one], members[other])
        if contradicts(comparison.levels) or explained[one, other].weight < APART_WEIGHT:
            apart.add((one, other))
    parts = _parts(len(members), explained, apart)
    if len(parts) < 2:
        return None
    across = [pair for pair in explained if not any(pair[0] in part and pair[1] in part for part in parts)]
    return Split(parts, explained[min(across, key=lambda pair: explained[pair].weight)])


def _parts(size: int, explained: dict[Pair, Explanation], apart: set[Pair]) -> tuple[tuple[int, ...], ...]:
    part_of = {member: {member} for member in range(size)}
    for pair in sorted(explained, key=lambda pair: (-explained[pair].weight, pair)):
        ours, theirs = part_of[pair[0]], part_of[pair[1]]
        if ours is theirs or not explained[pair].is_linkable:
            continue
        crossing = [(min(a, b), max(a, b)) for a in ours for b in theirs]
        weights = [max(-MOST_WEIGHT, min(MOST_WEIGHT, explained[cross].weight)) for cross in crossing]
        if apart.isdisjoint(crossing) and sum(weights) / len(weights) >= SUPPORT_WEIGHT:
            ours |= theirs
            part_of.update(dict.fromkeys(theirs, ours))
    return tuple(sorted({tuple(sorted(part)) for part in part_of.values()}))
