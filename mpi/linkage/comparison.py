"""Compares two prepared records: one level of agreement per field. Symmetric, deterministic, and the only user of rapidfuzz.

The functions of two texts are public, for a batch calls them once per pair of distinct values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from rapidfuzz.distance import OSA, JaroWinkler

from mpi.linkage.levels import (
    Birth,
    Email,
    Family,
    Given,
    Identifier,
    Levels,
    Middle,
    Mother,
    Order,
    Place,
    Sex,
    Source,
    Suffix,
    pattern_of,
)
from mpi.linkage.names import family_skeleton, skeleton
from mpi.linkage.nicknames import are_related
from mpi.linkage.normalise import Prepared
from mpi.linkage.places import Home

_CACHE = 50_000
_CLOSE = 0.92
_SIMILAR = 0.82
_STREET_CLOSE = 0.88
_EDIT_LEAST = 4
"""Of shorter words one letter is too much to call a slip."""
GENERATION_YEARS = 15


@dataclass(frozen=True, slots=True)
class Comparison:
    """The level of every field, in the order of `levels.FIELDS`."""

    levels: Levels

    @property
    def pattern(self) -> int:
        """The levels as one number."""
        return pattern_of(self.levels)


def compare(a: Prepared, b: Prepared) -> Comparison:
    """The level of agreement of each field; the order of the two does not matter."""
    given, middle, family = _names(a, b)
    sex = _sex(a.sex, b.sex, given)
    if family is Family.DIFFERENT and "M" not in (a.sex, b.sex) and "F" in (a.sex, b.sex):
        family = Family.CHANGED
    return Comparison(
        (
            int(given),
            int(middle),
            int(family),
            int(_equal(a.suffix, b.suffix, Suffix.EQUAL, Suffix.DIFFERENT)),
            int(birth_level(a.birth, b.birth)),
            int(sex),
            int(identifier_level(_all_ids(a), _all_ids(b))),
            int(place_level(a.homes, a.phones, b.homes, b.phones)),
            int(_emails(a.emails, b.emails)),
            int(_mother(a, b)),
            int(_equal(a.order, b.order, Order.EQUAL, Order.DIFFERENT)),
            int(_source(a, b)),
        )
    )


def _equal(one: object, other: object, equal: int, different: int) -> int:
    if not one or not other:
        return 0
    return equal if one == other else different


@lru_cache(_CACHE)
def given_level(one: str, other: str) -> Given:
    """Of two first names, neither empty."""
    if len(one) == 1 or len(other) == 1:
        return Given.INITIAL if one[0] == other[0] else Given.DIFFERENT
    if one == other:
        return Given.EXACT
    one_bare, other_bare = skeleton(one), skeleton(other)
    if one_bare == other_bare:
        return Given.VARIANT
    if are_related(one, other):
        return Given.NICKNAME
    likeness = _likeness(one, other, one_bare, other_bare)
    if likeness >= _CLOSE or _is_slip(one, other):
        return Given.CLOSE
    return Given.SIMILAR if likeness >= _SIMILAR else Given.DIFFERENT


def _likeness(one: str, other: str, one_bare: str, other_bare: str) -> float:
    likeness = JaroWinkler.similarity(one, other)
    if likeness >= _CLOSE or (one == one_bare and other == other_bare):
        return likeness
    return max(likeness, JaroWinkler.similarity(one_bare, other_bare))


def _is_slip(one: str, other: str) -> bool:
    return min(len(one), len(other)) >= _EDIT_LEAST and OSA.distance(one, other, score_cutoff=1) <= 1


def is_middle_used(given: str, middle: str, other: str, other_middle: str) -> bool:
    """Whether the given name of one is a middle name of the other. They begin with the same letter."""
    return _is_among(other, middle) or _is_among(given, other_middle)


def _is_among(given: str, middle: str) -> bool:
    return any(len(m) > 1 and m[0] == given[0] and given_level(m, given) <= Given.CLOSE for m in middle.split())


def is_written_together(given: str, middle: str, other: str, other_middle: str) -> bool:
    """Whether one writes in one word what the other writes in two, as in "Mary Ann"."""
    if given[0] != other[0]:
        return False
    return (bool(middle) and skeleton(given + middle) == skeleton(other)) or (
        bool(other_middle) and skeleton(other + other_middle) == skeleton(given)
    )


@lru_cache(_CACHE)
def middle_level(one: str, other: str) -> Middle:
    """Of two texts of middle names."""
    if not one or not other:
        return Middle.MISSING
    if one == other and len(one) > 1:
        return Middle.EXACT
    if len(one) == 1 or len(other) == 1:
        return Middle.INITIAL if one[0] == other[0] else Middle.DIFFERENT
    if any(given_level(x, y) <= Given.CLOSE for x, y in product(one.split(), other.split())):
        return Middle.CLOSE
    return Middle.DIFFERENT


@lru_cache(_CACHE)
def family_level(one: str, other: str) -> Family:
    """Of two family names, neither empty, without a look at history."""
    if one == other:
        return Family.EXACT
    one_bare, other_bare = family_skeleton(one), family_skeleton(other)
    if one_bare == other_bare:
        return Family.VARIANT
    likeness = _likeness(one, other, one_bare, other_bare)
    if likeness >= _CLOSE or _is_slip(one, other):
        return Family.CLOSE
    return Family.SIMILAR if likeness >= _SIMILAR else Family.DIFFERENT


def families_level(ours: Sequence[str], theirs: Sequence[str]) -> Family:
    """Of two histories of family names, the present one first."""
    if not ours or not theirs:
        return Family.MISSING
    best = family_level(ours[0], theirs[0])
    if best <= Family.CLOSE or _is_plain(ours, theirs):
        return best
    if any(_share_part(one, other) for one, other in product(ours, theirs)):
        return Family.FORMER
    others = list(product(ours, theirs))[1:]
    if any(family_level(one, other) <= Family.CLOSE for one, other in others):
        return Family.FORMER
    return best


def _is_plain(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    return len(ours) == len(theirs) == 1 and " " not in ours[0] and " " not in theirs[0]


def _share_part(one: str, other: str) -> bool:
    parts, others = one.split(), other.split()
    if len(parts) == 1 and len(others) == 1:
        return False
    return any(len(x) > 2 and len(y) > 2 and family_level(x, y) <= Family.CLOSE for x, y in product(parts, others))


def is_swapped(given: str, family: str, other_given: str, other_family: str) -> bool:
    """Whether given and family name of one stand exchanged in the other, or parts of them. They begin with the same letters."""
    return _is_part(given, other_family) and _is_part(other_given, family)


def _is_part(given: str, family: str) -> bool:
    return len(given) > 1 and any(part[0] == given[0] and family_level(given, part) <= Family.CLOSE for part in family.split())


def _names(a: Prepared, b: Prepared) -> tuple[Given, Middle, Family]:
    family = families_level(a.families, b.families)
    if a.has_placeholder_name or b.has_placeholder_name:
        return Given.PLACEHOLDER, Middle.MISSING, family
    if not a.given or not b.given:
        return Given.MISSING, middle_level(a.middle, b.middle), family
    given = given_level(a.given, b.given)
    middle = middle_level(a.middle, b.middle)
    if given <= Given.CLOSE:
        return given, middle, family
    if (a.other_givens or b.other_givens) and _shares_alias(a, b):
        return Given.NICKNAME, middle, family
    if (a.middle or b.middle) and is_written_together(a.given, a.middle, b.given, b.middle):
        return Given.VARIANT, Middle.MISSING, family
    if (a.middle or b.middle) and is_middle_used(a.given, a.middle, b.given, b.middle):
        return Given.MIDDLE, Middle.MISSING, family
    if family >= Family.SIMILAR and is_swapped(a.given, a.family, b.given, b.family):
        return Given.SWAPPED, Middle.MISSING, Family.MISSING
    return given, middle, family


def _shares_alias(a: Prepared, b: Prepared) -> bool:
    pairs = product((a.given, *a.other_givens), (b.given, *b.other_givens))
    return any(len(x) > 1 and len(y) > 1 and given_level(x, y) <= Given.CLOSE for x, y in pairs)


def _sex(one: str, other: str, given: Given) -> Sex:
    if not one or not other:
        return Sex.MISSING
    if given in (Given.EXACT, Given.VARIANT):
        return Sex.IMPLIED if one == other else Sex.CONFLICT
    return Sex.SAME if one == other else Sex.DIFFERENT


@lru_cache(_CACHE)
def birth_level(one: str, other: str) -> Birth:
    """Of two dates of birth of 8, 6 or 4 digits."""
    if not one or not other:
        return Birth.MISSING
    if one == other and not _is_vague(one):
        return Birth.EXACT
    if _is_vague(one) or _is_vague(other):
        shared = min(_precision(one), _precision(other))
        return Birth.PARTIAL if one[:shared] == other[:shared] else _by_years(one, other)
    if one[:4] == other[:4] and one[4:6] == other[6:] and one[6:] == other[4:6]:
        return Birth.SWAPPED
    if OSA.distance(one, other, score_cutoff=1) <= 1:
        return Birth.EDIT
    if (one[:4] == other[:4]) + (one[4:6] == other[4:6]) + (one[6:] == other[6:]) == 2:
        return Birth.NEAR
    return _by_years(one, other)


def _precision(date: str) -> int:
    return 4 if date.endswith("0101") and len(date) == 8 else len(date)


def _is_vague(date: str) -> bool:
    return _precision(date) < 8


def _by_years(one: str, other: str) -> Birth:
    apart = abs(int(one[:4]) - int(other[:4]))
    if apart == 0:
        return Birth.YEAR
    return Birth.GENERATION if apart >= GENERATION_YEARS else Birth.DIFFERENT


def identifier_level(ours: Sequence[str], theirs: Sequence[str]) -> Identifier:
    """Of two sets of `authority:id`. Only ids of one authority can contradict each other."""
    if not ours or not theirs:
        return Identifier.MISSING
    if not set(ours).isdisjoint(theirs):
        return Identifier.EQUAL
    best = Identifier.MISSING
    for one, other in product(ours, theirs):
        if one[0] != "=" and one.partition(":")[0] == other.partition(":")[0]:
            if is_one_slip(one, other):
                return Identifier.EDIT
            best = Identifier.DIFFERENT
    return best


def _all_ids(record: Prepared) -> tuple[str, ...]:
    # Local ids are marked: the same one is the same person, but a person may have several of one source.
    own = (record.source_id,) if record.source_id else ()
    return (*record.person_ids, *(f"={i}" for i in dict.fromkeys((*own, *record.local_ids))))


@lru_cache(_CACHE)
def is_one_slip(one: str, other: str) -> bool:
    """Whether two identifiers differ by one digit or two neighbours exchanged, and are not both valid by their check digit."""
    if OSA.distance(one, other, score_cutoff=1) > 1:
        return False
    return not (_is_valid_mod_11(one.rpartition(":")[2]) and _is_valid_mod_11(other.rpartition(":")[2]))


def _is_valid_mod_11(number: str) -> bool:
    """Ten digits, the last of them a check digit modulo 11 with weights 10 to 2, as of the NHS number."""
    if len(number) != 10 or not number.isdecimal():
        return False
    check = 11 - sum(int(digit) * weight for digit, weight in zip(number, range(10, 1, -1), strict=False)) % 11
    return check % 11 == int(number[-1]) and check != 10


def place_level(homes: Sequence[Home], phones: Sequence[str], other_homes: Sequence[Home], other_phones: Sequence[str]) -> Place:
    """Of everything known of where two records live and ring."""
    same_phone = not set(phones).isdisjoint(other_phones)
    best = min((home_level(x, y) for x, y in product(homes, other_homes)), key=_missing_last, default=Place.MISSING)
    if same_phone:
        return Place.BOTH if best is Place.HOME else Place.PHONE
    return best


def _missing_last(level: Place) -> int:
    return level or len(Place)


def home_level(one: Home, other: Home) -> Place:
    """Of two addresses: HOME, CLOSE, POSTCODE, AREA, DIFFERENT or MISSING."""
    area = area_level(one, other)
    if not one.street or not other.street:
        return area
    near = area in (Place.POSTCODE, Place.AREA, Place.MISSING)
    level = street_level(one.street, one.number, other.street, other.number)
    if level is Place.HOME and (not near or (one.unit and other.unit and one.unit != other.unit)):
        return Place.CLOSE
    if level is Place.HOME or (level is Place.CLOSE and near):
        return level
    return area or Place.DIFFERENT


def area_level(one: Home, other: Home) -> Place:
    """Of postcode and town alone."""
    if one.postcode and one.postcode == other.postcode:
        return Place.POSTCODE
    if one.city and one.city == other.city:
        return Place.AREA
    if one.postcode and other.postcode and is_one_slip(one.postcode, other.postcode):
        return Place.AREA
    comparable = (one.postcode and other.postcode) or (one.city and other.city)
    return Place.DIFFERENT if comparable else Place.MISSING


@lru_cache(_CACHE)
def street_level(street: str, number: str, other_street: str, other_number: str) -> Place:
    """Of street and house number: HOME, CLOSE or DIFFERENT."""
    if street == other_street:
        if number == other_number:
            return Place.HOME
        slip = min(len(number), len(other_number)) > 1 and OSA.distance(number, other_number, score_cutoff=1) <= 1
        return Place.CLOSE if slip or not number or not other_number else Place.DIFFERENT
    if number != other_number or not number:
        return Place.DIFFERENT
    return Place.CLOSE if JaroWinkler.similarity(street, other_street) >= _STREET_CLOSE else Place.DIFFERENT


def _emails(ours: Sequence[str], theirs: Sequence[str]) -> Email:
    if not ours or not theirs:
        return Email.MISSING
    return Email.DIFFERENT if set(ours).isdisjoint(theirs) else Email.EQUAL


def _mother(a: Prepared, b: Prepared) -> Mother:
    if a.mother_ids and b.mother_ids:
        level = identifier_level(a.mother_ids, b.mother_ids)
        if level is not Identifier.MISSING:
            return Mother(int(level))
    return mother_level(a.mother, b.mother)


@lru_cache(_CACHE)
def mother_level(one: str, other: str) -> Mother:
    """Of two mothers' family names."""
    if not one or not other:
        return Mother.MISSING
    level = family_level(one, other)
    if level <= Family.VARIANT:
        return Mother.EQUAL
    return Mother.CLOSE if level is Family.CLOSE else Mother.DIFFERENT


def _source(a: Prepared, b: Prepared) -> Source:
    if not a.source or not b.source or a.source_id == b.source_id:
        return Source.MISSING
    ours, theirs = {a.source_id, *a.local_ids}, {b.source_id, *b.local_ids}
    if not ours.isdisjoint(theirs):
        return Source.MISSING
    authorities = {i.partition(":")[0] for i in ours}
    return Source.SAME if any(i.partition(":")[0] in authorities for i in theirs) else Source.OTHER
