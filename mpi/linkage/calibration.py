"""Sets the thresholds by what people decided and by what the weights say: how sure may one be of the links above a weight?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mpi.linkage.weights import probability_of

TARGET_PRECISION = 0.999
_Z_95_ONE_SIDED = 1.6449


@dataclass(frozen=True, slots=True)
class Calibration:
    """A threshold, the reviewed pairs from it up, how many of them were wrong, and the bound of precision they bear out."""

    link: float | None
    """None: no threshold is borne out; the evidence is too thin or too bad."""
    reviewed: int
    wrong: int
    lower_bound: float


def lower_bound(right: int, wrong: int) -> float:
    """The precision that is exceeded with 95 % confidence (Wilson's score interval, one-sided); 0 without evidence."""
    total = right + wrong
    if total == 0:
        return 0.0
    share, z = right / total, _Z_95_ONE_SIDED
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return (share + z * z / (2 * total) - spread) / (1 + z * z / total)


def calibrate(reviewed: Sequence[tuple[float, bool]], *, target: float = TARGET_PRECISION) -> Calibration:
    """The lowest weight from which the reviewed pairs (weight, were they one person) bear out the target precision.

    With no error seen the target of 99.9 % takes about 2,700 reviewed pairs. Pairs of one weight stand or fall together.
    """
    ranked = sorted(reviewed, key=lambda pair: -pair[0])
    best = Calibration(None, 0, 0, 0.0)
    right = wrong = 0
    for position, (weight, is_same) in enumerate(ranked):
        right, wrong = right + is_same, wrong + (not is_same)
        is_last_of_weight = position + 1 == len(ranked) or ranked[position + 1][0] < weight
        bound = lower_bound(right, wrong)
        if is_last_of_weight and (bound >= target or (best.link is None and bound > best.lower_bound)):
            best = Calibration(weight if bound >= target else None, right + wrong, wrong, bound)
    return best


@dataclass(frozen=True, slots=True)
class Curve:
    """What answers say of match weights: the log2 of the odds they bear out is `shift + slope * weight`."""

    shift: float = 0.0
    slope: float = 1.0

    def weight(self, weight: float) -> float:
        """The match weight as the answers see it."""
        return self.shift + self.slope * weight

    def at(self, weight: float) -> float:
        """The match weight that they see as this one."""
        return (weight - self.shift) / self.slope


_SHIFT_SPREAD = 2.0
_SLOPE_SPREAD = 0.1
"""Without answers a weight means what it says, give or take so much: few answers change little."""
_LEAST_SLOPE = 0.5
_ROUNDS = 30
_FARTHEST = 30.0


def curve_of(reviewed: Sequence[tuple[float, bool]]) -> Curve:
    """The curve that fits answers best (weight, were they one person): logistic regression that holds on to `Curve()`."""
    shift, slope, log2 = 0.0, 1.0, math.log(2.0)
    for _ in range(_ROUNDS):
        gradient = [shift / _SHIFT_SPREAD**2, (slope - 1.0) / _SLOPE_SPREAD**2]
        a, b, d = _SHIFT_SPREAD**-2, 0.0, _SLOPE_SPREAD**-2
        for weight, is_same in reviewed:
            weight = max(-_FARTHEST, min(_FARTHEST, weight))
            p = probability_of(max(-_FARTHEST, min(_FARTHEST, shift + slope * weight)))
            off, steep = log2 * (p - is_same), log2 * log2 * p * (1.0 - p)
            gradient = [gradient[0] + off, gradient[1] + off * weight]
            a, b, d = a + steep, b + steep * weight, d + steep * weight * weight
        scale = 1.0 / (a * d - b * b)
        steps = (scale * (d * gradient[0] - b * gradient[1]), scale * (a * gradient[1] - b * gradient[0]))
        shift, slope = shift - max(-2.0, min(2.0, steps[0])), max(_LEAST_SLOPE, slope - max(-0.5, min(0.5, steps[1])))
        if abs(steps[0]) + abs(steps[1]) < 1e-9:
            break
    return Curve(shift, slope)


@dataclass(frozen=True, slots=True)
class Expected:
    """A threshold with the pairs of at least its weight, and how many of them are wrong at the most (95 % confidence)."""

    link: float
    pairs: int
    wrong: float


_STEP = 0.25
_WORST_ODDS = 3.0
"""Match weight that the lightest automatic link has at the least, as the answers see it: 8 to 1."""
_HIGHEST = 15.0


def expected(weights: Sequence[float], curve: Curve, *, target: float = TARGET_PRECISION) -> Expected | None:
    """The lowest threshold at which the pairs with these weights are right often enough.

    None when there is none: too few pairs, or answers that deny what the weights say.
    """
    ranked = sorted(weights, reverse=True)
    lowest = max(curve.at(_WORST_ODDS), 0.0)
    found: Expected | None = None
    wrong = spread = 0.0
    at = 0
    link = _HIGHEST
    while link >= lowest:
        while at < len(ranked) and ranked[at] >= link:
            doubt = 1.0 - probability_of(curve.weight(ranked[at]))
            wrong, spread, at = wrong + doubt, spread + doubt * (1.0 - doubt), at + 1
        most = wrong + _Z_95_ONE_SIDED * math.sqrt(spread)
        if at and most <= (1.0 - target) * at:
            found = Expected(link, at, most)
        link -= _STEP
    return found
