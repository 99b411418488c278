"""The geometry of a match weight."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from console.waterfall import WIDTH, steps_of, waterfall
from mpi.linkage.levels import FIELDS
from mpi.linkage.weights import Explanation, Part

weights = st.floats(min_value=-40, max_value=40, allow_nan=False)


@st.composite
def explanations(draw: st.DrawFn) -> Explanation:
    """Explanations whose parts add up."""
    parts = [Part("prior", "", draw(weights))]
    for spec in FIELDS:
        level = draw(st.integers(0, spec.size - 1))
        weight, frequency = (draw(weights), draw(weights) / 8) if level else (0.0, 0.0)
        parts.append(Part(spec.name, spec.level_name(level), weight, frequency))
    parts.append(Part("other explanations", "", -abs(draw(weights)) / 8))
    return Explanation("m-1", "household", tuple(parts), math.fsum(p.weight + p.frequency for p in parts), (), 6.0, 0.0)


@given(explanation=explanations())
def test_the_steps_end_at_the_weight(explanation: Explanation) -> None:
    steps = steps_of(explanation)

    assert math.isclose(steps[-1].after, explanation.weight, abs_tol=1e-9)
    assert all(math.isclose(one.after, other.before) for one, other in pairwise(steps))


@given(explanation=explanations())
def test_every_bar_lies_within_the_drawing(explanation: Explanation) -> None:
    fall = waterfall(explanation)

    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH and bar.width > 0 for bar in fall.bars)
    assert all(0 < bar.y < fall.floor < fall.height for bar in fall.bars)
    assert all(0 <= mark.x <= WIDTH for mark in (*fall.ticks, fall.review, fall.link))
    assert len(fall.ticks) <= 11


def test_what_counts_nothing_has_a_row_and_no_bar() -> None:
    parts = (Part("prior", "", -2.0), Part("middle", "missing", 0.0), Part("birth", "exact", 9.0, -1.0))

    fall = waterfall(Explanation("m-1", "twin", parts, 6.0, (), 6.0, 0.0))

    assert [step.label for step in fall.steps] == ["Before looking", "Middle name", "Date of birth"]
    assert [bar.step.label for bar in fall.bars] == ["Before looking", "Date of birth", "Match weight"]
    assert [bar.kind for bar in fall.bars] == ["down", "up", "sum"]
    assert fall.missing == ("Middle name",)


def test_the_thresholds_lie_where_their_weights_do() -> None:
    fall = waterfall(Explanation("m-1", "twin", (Part("prior", "", 6.0),), 6.0, (), 6.0, 0.0))

    total = fall.bars[-1]
    assert fall.review.x == fall.zero == total.x
    assert math.isclose(fall.link.x, total.x + total.width, abs_tol=0.2)
