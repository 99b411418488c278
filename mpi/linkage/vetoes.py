"""Contradictions that keep a machine from linking two records, whatever their weight. They read levels only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mpi.linkage.levels import (
    BIRTH,
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
    """A reason against an automatic link: its name, and a sentence for the person who decides."""

    name: str
    sentence: str


def _is_alike(levels: Levels) -> bool:
    return levels[GIVEN] in _ALIKE


def _has_identifier(levels: Levels) -> bool:
    return levels[IDENTIFIER] == Identifier.EQUAL


_ALIKE = frozenset({Given.EXACT, Given.VARIANT, Given.NICKNAME, Given.CLOSE, Given.SWAPPED, Given.MIDDLE})
_BORN_ALIKE = frozenset({Birth.EXACT, Birth.SWAPPED, Birth.EDIT, Birth.PARTIAL})
_SURE_NAMES = frozenset({Given.EXACT, Given.VARIANT, Given.NICKNAME, Given.SWAPPED})


def _placeholder(levels: Levels) -> bool:
    return levels[GIVEN] == Given.PLACEHOLDER


def _birth_order(levels: Levels) -> bool:
    return levels[ORDER] == Order.DIFFERENT


def _suffix(levels: Levels) -> bool:
    return levels[SUFFIX] == Suffix.DIFFERENT


def _identifiers(levels: Levels) -> bool:
    return levels[IDENTIFIER] == Identifier.DIFFERENT


def _generation(levels: Levels) -> bool:
    return levels[BIRTH] == Birth.GENERATION


def _given(levels: Levels) -> bool:
    return (
        not _is_alike(levels)
        and levels[GIVEN] != Given.PLACEHOLDER
        and not (
            _has_identifier(levels)
            and levels[GIVEN] in (Given.MISSING, Given.INITIAL, Given.SIMILAR)
            and levels[BIRTH] in _BORN_ALIKE
        )
    )


def _birth(levels: Levels) -> bool:
    if levels[BIRTH] in _BORN_ALIKE or levels[BIRTH] == Birth.GENERATION:
        return False
    return not (_has_identifier(levels) and _is_alike(levels))


def _sex(levels: Levels) -> bool:
    return levels[SEX] == Sex.DIFFERENT and levels[GIVEN] not in _SURE_NAMES


def _twin(levels: Levels) -> bool:
    """Born the same day in the same home, and the given names are not certainly one name: perhaps twins with names alike."""
    return (
        levels[BIRTH] == Birth.EXACT
        and levels[GIVEN] in (Given.MIDDLE, Given.SIMILAR)
        and levels[PLACE] in (Place.BOTH, Place.HOME, Place.PHONE, Place.CLOSE)
        and not _has_identifier(levels)
    )


def _middle_names(levels: Levels) -> bool:
    return (
        levels[MIDDLE] == Middle.DIFFERENT
        and levels[GIVEN] not in (Given.EXACT, Given.VARIANT)
        and not _has_identifier(levels)
    )


def _both_names(levels: Levels) -> bool:
    return (
        levels[FAMILY] == Family.DIFFERENT
        and not _has_identifier(levels)
        and levels[GIVEN] not in (Given.EXACT, Given.VARIANT)
    )


def _one_source(levels: Levels) -> bool:
    return (
        levels[SOURCE] == Source.SAME
        and not _has_identifier(levels)
        and (levels[GIVEN] not in _SURE_NAMES or levels[BIRTH] not in (Birth.EXACT, Birth.SWAPPED, Birth.EDIT))
    )


_RULES: tuple[tuple[Veto, Callable[[Levels], bool]], ...] = (
    (Veto("placeholder", "One of the given names only stands for a name that was not known."), _placeholder),
    (Veto("birth order", "The two have different places in the order of a multiple birth."), _birth_order),
    (Veto("suffix", "One is the junior or senior of the other."), _suffix),
    (Veto("identifiers", "An authority that gives each person one identifier gave them different ones."), _identifiers),
    (Veto("generation", "They were born fifteen years apart or more."), _generation),
    (Veto("given names", "The given names are not alike."), _given),
    (Veto("birth dates", "The dates of birth differ by more than a slip of the pen."), _birth),
    (Veto("sex", "They differ in sex, and the given names do not settle it."), _sex),
    (Veto("twin", "Born on one day in one home, with given names that may be two names: they may be twins."), _twin),
    (Veto("middle names", "The given names only resemble each other, and the middle names differ."), _middle_names),
    (Veto("both names", "The family names differ, and the given names only resemble each other."), _both_names),
    (Veto("one source", "One source keeps them apart, and names and dates do not say it is mistaken."), _one_source),
)
VETOES: tuple[Veto, ...] = tuple(veto for veto, _ in _RULES)

_HARD = (_birth_order, _suffix, _identifiers, _generation)


def vetoes_of(levels: Levels) -> tuple[Veto, ...]:
    """All that speaks against an automatic link of a pair."""
    return tuple(veto for veto, applies in _RULES if applies(levels))


def contradicts(levels: Levels) -> bool:
    """Whether the two can hardly be in one person, even if a third record is like both."""
    if any(applies(levels) for applies in _HARD):
        return not (_has_identifier(levels) and levels[BIRTH] != Birth.GENERATION and levels[ORDER] != Order.DIFFERENT)
    # Two people of one home: another name on the same day of birth, or another sex.
    apart = levels[GIVEN] == Given.DIFFERENT and not _has_identifier(levels)
    return apart and (levels[SEX] == Sex.DIFFERENT or levels[BIRTH] in (Birth.DIFFERENT, Birth.YEAR, Birth.NEAR))
