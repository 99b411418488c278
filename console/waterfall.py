"""A match weight as a waterfall: from what is known before looking, field by field, to the total. Geometry; a template draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from console.wording import OTHERS, PRIOR, field_words, level_words, rival_words
from mpi.linkage.weights import Explanation

WIDTH: Final = 760
_LEFT: Final = 190
_RIGHT: Final = 64
_TOP: Final = 34
_ROW: Final = 26
_BAR: Final = 16
_LEAST: Final = 2.0
"""The narrowest bar that can be seen."""
_TICKS: Final = (1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the table: a field, its level in words, what it adds, what the frequency of the value adds, and the sum so far."""

    label: str
    level: str
    words: str
    weight: float
    frequency: float
    before: float
    after: float

    @property
    def change(self) -> float:
        """Both together."""
        return self.weight + self.frequency

    @property
    def is_missing(self) -> bool:
        """Whether one of the two says nothing, and so nothing is counted."""
        return self.level == "missing"

    @property
    def is_drawn(self) -> bool:
        """Whether it is worth a bar."""
        return abs(self.change) >= 0.05


@dataclass(frozen=True, slots=True)
class Bar:
    """A step as it is drawn: a bar from `x` of `width`, its value at `value_x`, a line on to the next at `joint_x`."""

    step: Step
    kind: str
    x: float
    y: float
    width: float
    value_x: float
    joint_x: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line: a tick of the axis or a threshold."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Everything the template needs."""

    steps: tuple[Step, ...]
    bars: tuple[Bar, ...]
    ticks: tuple[Mark, ...]
    review: Mark
    link: Mark
    zero: float
    total: float
    rival: str
    """The likeliest innocent explanation, in words."""
    width: int = WIDTH
    top: int = _TOP
    label_x: int = _LEFT - 10
    bar_height: int = _BAR
    row_height: int = _ROW

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields that are not known of both."""
        return tuple(step.label for step in self.steps if step.is_missing)

    @property
    def floor(self) -> int:
        """Where the rows end."""
        return _TOP + len(self.bars) * _ROW + 4

    @property
    def height(self) -> int:
        """All of it, with the axis."""
        return self.floor + 24


def steps_of(explanation: Explanation) -> tuple[Step, ...]:
    """The parts of an explanation as rows of a table, with the running total."""
    found: list[Step] = []
    total = 0.0
    for part in explanation.parts:
        after = total + part.weight + part.frequency
        label, words = field_words(part.field), level_words(part.field, part.level)
        if part.field == PRIOR:
            words = f"the odds before any field is looked at: one person, against {rival_words(explanation.rival)}"
        elif part.field == OTHERS:
            words = "what the less likely innocent explanations take off"
        found.append(Step(label, part.level, words, part.weight, part.frequency, total, after))
        total = after
    return tuple(found)


def waterfall(explanation: Explanation) -> Waterfall:
    """The drawing of an explanation."""
    steps = steps_of(explanation)
    drawn = [step for step in steps if step.is_drawn]
    reached = [value for step in drawn for value in (step.before, step.after)]
    lowest = min(0.0, explanation.review_threshold, *reached, explanation.weight) - 1
    highest = max(0.0, explanation.link_threshold, *reached, explanation.weight) + 1
    scale = (WIDTH - _LEFT - _RIGHT) / (highest - lowest)

    def at(value: float) -> float:
        return round(_LEFT + (value - lowest) * scale, 1)

    bars = [_bar(step, number, at) for number, step in enumerate(drawn)]
    total = Step("Match weight", "", "the sum", explanation.weight, 0.0, 0.0, explanation.weight)
    bars.append(_bar(total, len(bars), at, kind="sum"))
    spacing = next((tick for tick in _TICKS if (highest - lowest) / tick <= 10), _TICKS[-1])
    ticks = range(math.ceil(lowest / spacing) * spacing, math.floor(highest) + 1, spacing)
    return Waterfall(
        steps,
        tuple(bars),
        tuple(Mark(at(tick), str(tick).replace("-", "−")) for tick in ticks),
        Mark(at(explanation.review_threshold), "ask"),
        Mark(at(explanation.link_threshold), "link"),
        at(0.0),
        explanation.weight,
        rival_words(explanation.rival),
    )


def _bar(step: Step, number: int, at: Callable[[float], float], *, kind: str = "") -> Bar:
    low, high = sorted((at(step.before), at(step.after)))
    return Bar(
        step,
        kind or ("up" if step.change >= 0 else "down"),
        low,
        _TOP + number * _ROW + (_ROW - _BAR) / 2,
        max(round(high - low, 1), _LEAST),
        round(high + 5, 1),
        at(step.after),
    )
