"""The fields two records are compared on and the levels of agreement each can have, best first.

Level 0 is always "missing": one of the two says nothing, and that counts nothing. The order of the other levels is the order
of agreement; the last ones of `Given` stand outside it. Everything that decides about a pair (weights, vetoes) reads levels,
so a million pairs need only be judged once per pattern of levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Given(IntEnum):
    """First given name against first given name, with a look at the middle names and at a swap with the family name."""

    MISSING = 0
    EXACT = 1
    VARIANT = 2
    """Another spelling or transliteration of the same name."""
    NICKNAME = 3
    CLOSE = 4
    """One slip of the pen, or Jaro-Winkler 0.92."""
    MIDDLE = 5
    """The middle name of one is the given name of the other."""
    INITIAL = 6
    SIMILAR = 7
    DIFFERENT = 8
    SWAPPED = 9
    """Given and family name stand in each other's place; the family name then counts nothing of its own."""
    PLACEHOLDER = 10
    """One of the two is "baby", "unknown" or the like: counts nothing, and no machine links on it."""


class Middle(IntEnum):
    """Middle names."""

    MISSING = 0
    EXACT = 1
    CLOSE = 2
    INITIAL = 3
    DIFFERENT = 4


class Family(IntEnum):
    """Family names, present, former and alias."""

    MISSING = 0
    EXACT = 1
    VARIANT = 2
    CLOSE = 3
    FORMER = 4
    """A former name or an alias of one is the name of the other, or one is a part of the other's double name."""
    SIMILAR = 5
    CHANGED = 6
    """Different, of a woman of an age to marry."""
    DIFFERENT = 7


class Suffix(IntEnum):
    """Junior, senior, second, third."""

    MISSING = 0
    EQUAL = 1
    DIFFERENT = 2


class Birth(IntEnum):
    """Dates of birth."""

    MISSING = 0
    EXACT = 1
    SWAPPED = 2
    """Day and month in each other's place."""
    EDIT = 3
    """One digit wrong, or two neighbours exchanged."""
    PARTIAL = 4
    """Agree as far as the less precise of the two goes; 1 January is taken for a year alone."""
    NEAR = 5
    """Two of year, month and day agree."""
    YEAR = 6
    DIFFERENT = 7
    GENERATION = 8
    """Fifteen years apart or more."""


class Sex(IntEnum):
    """Administrative sex, female or male."""

    MISSING = 0
    SAME = 1
    IMPLIED = 2
    """The same, but the same given name says that already."""
    CONFLICT = 3
    """They differ though the given name is the same."""
    DIFFERENT = 4


class Identifier(IntEnum):
    """Identifiers that are meant to be one per person: national, insurance."""

    MISSING = 0
    EQUAL = 1
    EDIT = 2
    DIFFERENT = 3


class Place(IntEnum):
    """Street, postcode and telephone as one comparison, over everything known of both."""

    MISSING = 0
    BOTH = 1
    """Same home and same telephone."""
    HOME = 2
    PHONE = 3
    CLOSE = 4
    """The same home, written differently."""
    POSTCODE = 5
    AREA = 6
    DIFFERENT = 7


class Email(IntEnum):
    """Electronic addresses."""

    MISSING = 0
    EQUAL = 1
    DIFFERENT = 2


class Mother(IntEnum):
    """The mother, by her identifier or her family name."""

    MISSING = 0
    EQUAL = 1
    CLOSE = 2
    DIFFERENT = 3


class Order(IntEnum):
    """Birth order of a multiple birth."""

    MISSING = 0
    EQUAL = 1
    DIFFERENT = 2


class Source(IntEnum):
    """Whether one authority gave the two records two different identifiers."""

    MISSING = 0
    OTHER = 1
    SAME = 2


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field of the comparison: its name, its levels, and how many of them are in order of agreement."""

    name: str
    levels: type[IntEnum]
    ordered: int
    """Levels 1 to `ordered` go from agreement to disagreement; those above stand by themselves."""

    @property
    def size(self) -> int:
        """How many levels there are, missing included."""
        return len(self.levels)

    def level_name(self, level: int) -> str:
        """The name of a level for people and files."""
        return self.levels(level).name.lower()


FIELDS: tuple[FieldSpec, ...] = (
    FieldSpec("given", Given, 8),
    FieldSpec("middle", Middle, 4),
    FieldSpec("family", Family, 7),
    FieldSpec("suffix", Suffix, 2),
    FieldSpec("birth", Birth, 8),
    FieldSpec("sex", Sex, 4),
    FieldSpec("identifier", Identifier, 3),
    FieldSpec("place", Place, 7),
    FieldSpec("email", Email, 2),
    FieldSpec("mother", Mother, 3),
    FieldSpec("order", Order, 2),
    FieldSpec("source", Source, 2),
)
FIELD_NAMES: tuple[str, ...] = tuple(field.name for field in FIELDS)
(GIVEN, MIDDLE, FAMILY, SUFFIX, BIRTH, SEX, IDENTIFIER, PLACE, EMAIL, MOTHER, ORDER, SOURCE) = range(len(FIELDS))

Levels = tuple[int, ...]
"""A level per field, in the order of `FIELDS`."""


def pattern_of(levels: Levels) -> int:
    """The levels as one number, in mixed radix."""
    code = 0
    for spec, level in zip(FIELDS, levels, strict=True):
        code = code * spec.size + level
    return code


def levels_of(pattern: int) -> Levels:
    """The levels a number from `pattern_of` stands for."""
    levels: list[int] = []
    for spec in reversed(FIELDS):
        pattern, level = divmod(pattern, spec.size)
        levels.append(level)
    return tuple(reversed(levels))
