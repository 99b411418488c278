"""The words of linkage are complete."""

from __future__ import annotations

import pytest

from console import wording
from console.wording import Band, band
from mpi.linkage.levels import FIELDS
from mpi.linkage.model import CLASSES, RIVALS
from mpi.linkage.weights import Explanation, Part
from mpi.model import ActKind, LinkKind, ReviewReason, ReviewState


def test_every_level_of_every_field_has_words() -> None:
    known = {spec.name: {spec.level_name(level) for level in range(spec.size)} for spec in FIELDS}

    assert {field: set(levels) for field, levels in wording.LEVELS.items()} == known
    assert set(wording.FIELDS) == {*known, wording.PRIOR, wording.OTHERS}


def test_everything_else_that_linkage_says_has_words() -> None:
    assert set(wording.RIVALS) == {CLASSES[rival] for rival in RIVALS}
    assert set(wording.REASONS) == set(ReviewReason)
    assert set(wording.STATES) == set(ReviewState)
    assert set(wording.ACTS) == set(ActKind)
    assert set(wording.LINKS) == set(LinkKind)


@pytest.mark.parametrize(
    ("weight", "found"), [(7.0, Band.STRONG), (6.0, Band.STRONG), (5.9, Band.MIDDLING), (0.0, Band.MIDDLING), (-0.1, Band.WEAK)]
)
def test_a_band_goes_by_the_thresholds_of_its_time(weight: float, found: Band) -> None:
    explanation = Explanation("m", "twin", (Part("prior", "", weight),), weight, (), 6.0, 0.0)

    assert band(explanation) is found
    assert band(None) is Band.UNWEIGHED


def test_what_a_later_release_invents_is_shown_by_its_own_name() -> None:
    assert wording.level_words("given", "quite_alike") == "quite alike"
    assert wording.field_words("shoe size") == "shoe size"
    assert wording.rival_words("clone") == "clone"
