"""What keeps a machine from linking two records although their weight would do. It reads levels only.

Some vetoes are absolute. The others say that the model is weak just there, and yield to so many bits more than a link needs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mpi.linkage.levels import (
    BIRTH,
    EMAIL,
    FAMILY,
    GIVEN,
    IDENTIFIER,
    MIDDLE,
    ORDER,
    PLACE,
    SEX,
    SOURCE,
    SUFFIX,
    Birth,
    Email,
    Family,
    Given,
    Identifier,
    Levels,
    Middle,
    Order,
    Place,
    Sex,
    Source,
    Suffix,
)


@dataclass(frozen=True, slots=True)
class Veto:
    """A reason against an automatic link: its name, and a sentence for the person who decides.

    `surplus` is the weight above the threshold that overcomes it; None: nothing does.
    """

    name: str
    sentence: str
    surplus: float | None = None

    def is_overcome(self, weight: float, threshold: float) -> bool:
        """Whether the weight is so far above the threshold that the veto yields."""
        return self.surplus is not None and weight >= threshold + self.surplus


def _is_alike(levels: Levels) -> bool:
    return levels[GIVEN] in _ALIKE


def _has_identifier(levels: Levels) -> bool:
    return levels[IDENTIFIER] == Identifier.EQUAL


_ALIKE = frozenset({Given.EXACT, Given.VARIANT, Given.NICKNAME, Given.CLOSE, Given.SWAPPED, Given.MIDDLE})
_BORN_ALIKE = frozenset({Birth.EXACT, Birth.SWAPPED, Birth.EDIT, Birth.PARTIAL})
_SURE_NAMES = frozenset({Given.EXACT, Given.VARIANT, Given.NICKNAME, Given.SWAPPED})


def _placeholder(levels: Levels) -> bool:
    return levels[GIVEN] == Given.PLACEHOLDER and not (_has_identifier(levels) and levels[BIRTH] in _BORN_ALIKE)


def _birth_order(levels: Levels) -> bool:
    return levels[ORDER] == Order.DIFFERENT


def _suffix(levels: Levels) -> bool:
    return levels[SUFFIX] == Suffix.DIFFERENT


def _identifiers(levels: Levels) -> bool:
    return levels[IDENTIFIER] == Identifier.DIFFERENT


def _generation(levels: Levels) -> bool:
    return levels[BIRTH] == Birth.GENERATION


def _given(levels: Levels) -> bool:
    if levels[GIVEN] in _ALIKE or levels[GIVEN] == Given.PLACEHOLDER:
        return False
    if levels[GIVEN] == Given.INITIAL:
        return levels[BIRTH] not in _BORN_ALIKE
    return not (_has_identifier(levels) and levels[GIVEN] in (Given.MISSING, Given.SIMILAR) and levels[BIRTH] in _BORN_ALIKE)


def _birth(levels: Levels) -> bool:
    if levels[BIRTH] in _BORN_ALIKE or levels[BIRTH] == Birth.GENERATION:
        return False
    return not ((_has_identifier(levels) or levels[EMAIL] == Email.EQUAL) and _is_alike(levels))


def _sex(levels: Levels) -> bool:
    return levels[SEX] == Sex.DIFFERENT and levels[GIVEN] not in _SURE_NAMES


def _twin(levels: Levels) -> bool:
    """Born the same day in the same home, and the given names are not certainly one name: perhaps twins with names alike."""
    return (
        levels[BIRTH] == Birth.EXACT
        and levels[GIVEN] in (Given.CLOSE, Given.MIDDLE, Given.SIMILAR)
        and levels[MIDDLE] not in (Middle.EXACT, Middle.CLOSE)
        and levels[PLACE] in (Place.BOTH, Place.HOME, Place.PHONE, Place.CLOSE)
        and not _has_identifier(levels)
    )


def _middle_names(levels: Levels) -> bool:
    return levels[MIDDLE] == Middle.DIFFERENT and levels[GIVEN] not in (Given.EXACT, Given.VARIANT) and not _has_identifier(levels)


def _both_names(levels: Levels) -> bool:
    return levels[FAMILY] == Family.DIFFERENT and not _has_identifier(levels) and levels[GIVEN] not in (Given.EXACT, Given.VARIANT)


def _one_source(levels: Levels) -> bool:
    return (
        levels[SOURCE] == Source.SAME
        and not _has_identifier(levels)
        and (levels[GIVEN] not in _SURE_NAMES or levels[BIRTH] not in (Birth.EXACT, Birth.SWAPPED, Birth.EDIT))
    )


_RULES: tuple[tuple[Veto, Callable[[Levels], bool]], ...] = (
    (Veto("placeholder", "One of the given names only stands for a name that was not known.", 1.0), _placeholder),
    (Veto("birth order", "The two have different places in the order of a multiple birth."), _birth_order),
    (Veto("suffix", "One is the junior or senior of the other."), _suffix),
    (Veto("identifiers", "An authority that gives each person one identifier gave them different ones.", 1.0), _identifiers),
    (Veto("generation", "They were born fifteen years apart or more.", 1.0), _generation),
    (Veto("given names", "The given names are not alike.", 0.0), _given),
    (Veto("birth dates", "The dates of birth differ by more than a slip of the pen.", 0.0), _birth),
    (Veto("sex", "They differ in sex, and the given names do not settle it.", 3.0), _sex),
    (Veto("twin", "Born on one day in one home, with given names that may be two names: they may be twins.", 1.0), _twin),
    (Veto("middle names", "The given names only resemble each other, and the middle names differ.", 0.0), _middle_names),
    (Veto("both names", "The family names differ, and the given names only resemble each other.", 0.0), _both_names),
    (Veto("one source", "One source keeps them apart, and names and dates do not say it is mistaken.", 0.0), _one_source),
)
_SIBLINGS = frozenset({"placeholder", "twin", "sex"})
VETOES: tuple[Veto, ...] = tuple(veto for veto, _ in _RULES)


def vetoes_of(levels: Levels) -> tuple[Veto, ...]:
    """All that speaks against an automatic link of a pair."""
    return tuple(veto for veto, applies in _RULES if applies(levels))


def leaves_open_who(vetoes: Iterable[Veto]) -> bool:
    """Whether a pair may as well be of two siblings, so that it proves nothing about a third record either is like."""
    return any(veto.name in _SIBLINGS for veto in vetoes)


def surplus_of(levels: Levels) -> float:
    """The weight above the threshold that overcomes all vetoes of a pair; infinite when nothing does, 0 without a veto."""
    return max((math.inf if veto.surplus is None else veto.surplus for veto in vetoes_of(levels)), default=0.0)


def contradicts(levels: Levels) -> bool:
    """Whether the two can hardly be in one person, even if a third record is like both."""
    return _birth_order(levels) or _suffix(levels)
