"""Links that a second person contests, and what their number says about the others.

A record is of one person. Where it is like two records that cannot both be of that person, each of the two pairs is weaker than its
weight says, and a machine takes neither: the *margin*. In a batch all those cases are on the table, and they are a witness besides.
A wrong link is mostly contested, for the record that is rightly meant is there too; where next to no links are contested, next to
none are wrong, and links of less weight can be trusted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mpi.linkage.candidates import Pairs
from mpi.linkage.decision import MOST_WEIGHT, SUPPORT_WEIGHT
from mpi.linkage.model import Model
from mpi.linkage.weighing import Mask, Weighed

Weigh = Callable[[Pairs], Weighed]
TRUSTING_LINK = 0.0
"""The lowest link threshold a batch without contested links comes to: even odds for the very worst link."""
FIRM_WEIGHT = 16.0
"""A batch does not look for rivals of heavier pairs; there are none but by far-fetched chance."""
_MOST_LIKE = 64
"""Of a record that resembles more others than this, only as many are set against each other."""
_WRONG_SHARE = 0.0015
"""Contested links among all links, at most."""
_CONTESTED_SHARE = 0.07
"""Contested links among those a lower threshold adds, at most."""
_UNSEEN = 3.0
"""Contested links there may be when none were seen (95 % confidence)."""


class _Sides:
    """Every likely pair from both its ends, ordered by the record it is seen from."""

    def __init__(self, size: int, weighed: Weighed, least: float) -> None:
        likely = np.flatnonzero(weighed.weights >= least)
        one, other = weighed.pairs[likely] // size, weighed.pairs[likely] % size
        order = np.argsort(np.concatenate((one, other)), kind="stable")
        self.seen_from = np.concatenate((one, other))[order]
        self.to = np.concatenate((other, one))[order]
        self.pair = np.concatenate((likely, likely))[order]
        self.weight = weighed.weights[self.pair]


def contested(size: int, weighed: Weighed, weigh: Weigh, model: Model, together: npt.NDArray[np.int64] | None = None) -> Mask:
    """Which pairs of at least `TRUSTING_LINK` have a rival within the margin that cannot be the same person.

    Two records that are both like a third are so much the likelier one person, unless the third may be a sibling's: a newborn
    without a name is like either twin. `weigh` weighs pairs that were no candidates. `together` are clusters people decided;
    members of one are no rivals.
    """
    sides = _Sides(size, weighed, TRUSTING_LINK - model.thresholds.margin)
    held: list[npt.NDArray[np.intp]] = []
    rivals: list[npt.NDArray[np.float32]] = []
    between: list[Pairs] = []
    for distance in range(1, _MOST_LIKE):
        same = np.flatnonzero(sides.seen_from[distance:] == sides.seen_from[:-distance])
        if not len(same):
            break
        for mine, rival in ((same, same + distance), (same + distance, same)):
            weight = sides.weight[mine]
            close = (weight >= TRUSTING_LINK) & (weight < FIRM_WEIGHT) & (sides.weight[rival] > weight - model.thresholds.margin)
            mine, rival = mine[close], rival[close]
            held.append(sides.pair[mine])
            rivals.append(sides.weight[rival])
            between.append(np.minimum(sides.to[mine], sides.to[rival]) * size + np.maximum(sides.to[mine], sides.to[rival]))
    found = np.zeros(len(weighed.pairs), np.bool_)
    if held:
        pairs, place = np.unique(np.concatenate(between), return_inverse=True)
        middle = weigh(pairs)
        pair = np.concatenate(held)
        bridge = np.minimum(np.concatenate(rivals), MOST_WEIGHT)
        if weighed.open_who is not None:
            bridge[weighed.open_who[pair]] = 0.0
        support = middle.weights[place] + bridge
        excludes = middle.apart[place] | (support < SUPPORT_WEIGHT)
        if together is not None:
            excludes &= (together[pairs // size] != together[pairs % size])[place]
        found[pair[excludes]] = True
    return found


def trusted(model: Model, size: int, weighed: Weighed, disputed: Mask) -> Model:
    """The model with a lower link threshold where contested links are so few that 99.9 % of all links are right without it.

    It comes down by steps of a bit, to `TRUSTING_LINK` at most, if of the links that adds few are contested, and those, with as
    many more as may be there unseen, are next to nothing of all links: of wrong links most are contested, so those that
    are not are fewer still. Where few records have a partner at all, fewer are allowed, for then the right one is often missing
    and cannot contest.
    """
    marginal = (weighed.weights < model.thresholds.link) & ~weighed.apart
    for link in np.arange(TRUSTING_LINK, model.thresholds.link):
        gained = marginal & (weighed.weights >= link)
        against = float((gained & disputed).sum())
        links = (weighed.weights >= link) & ~weighed.apart & ~disputed
        partnered = np.zeros(size, np.bool_)
        partnered[weighed.pairs[links] // size] = True
        partnered[weighed.pairs[links] % size] = True
        allowed = _WRONG_SHARE * float(links.sum()) * float(partnered.mean())
        if gained.any() and against + _UNSEEN <= allowed and against <= _CONTESTED_SHARE * float(gained.sum()):
            return replace(model, thresholds=replace(model.thresholds, link=float(link)))
    return model
