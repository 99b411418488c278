"""mpi.linkage.levels"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mpi.linkage.levels import FIELDS, Levels, levels_of, pattern_of


@given(levels=st.tuples(*(st.integers(0, spec.size - 1) for spec in FIELDS)))
def test_a_pattern_stands_for_its_levels(levels: Levels) -> None:
    assert levels_of(pattern_of(levels)) == levels


def test_level_zero_is_missing_everywhere_and_ordered_levels_exist() -> None:
    assert all(spec.level_name(0) == "missing" for spec in FIELDS)
    assert all(0 < spec.ordered < spec.size for spec in FIELDS)
