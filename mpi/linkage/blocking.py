"""Blocking rules: the keys under which a record is found. Two records that share one are worth comparing.

A key is a signed 64-bit number made of the number of the rule and the hashes of its parts, the same in every process and
release (`KEYS_VERSION` says when they change). A rule with a part missing gives no key. Parts are hashed once per distinct
value, so that a batch can mix whole columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from itertools import product
from typing import Final

from mpi.linkage.names import family_skeleton, skeleton, sound_code
from mpi.linkage.nicknames import root_of
from mpi.linkage.normalise import Prepared

KEYS_VERSION = 1
MASK: Final = (1 << 64) - 1
MULTIPLIER: Final = 0x9E3779B97F4A7C15
_CACHE = 50_000
_MOST_KEYS = 96
_MOST_HISTORY = 4

RULES: tuple[str, ...] = (
    "identifier",
    "telephone",
    "email",
    "birth_family",
    "birth_given",
    "birth_postcode",
    "family_given_year",
    "family_given_postcode",
    "names_day",
    "names_year",
    "home_given",
    "birth_home",
    "family_given_city",
    "names",
    "names_initial",
    "given_year_postcode",
    "family_home_year",
)
"""Names of the rules; the place of a name is the number of its rule."""
RULE_NUMBERS: Final = {name: number for number, name in enumerate(RULES, start=1)}


@lru_cache(_CACHE)
def part_hash(text: str) -> int:
    """The hash of a part: 64 bits, never zero; zero for an empty text."""
    if not text:
        return 0
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") | 1


def mix(rule: str, *parts: int) -> int:
    """The key of a rule, signed; zero when a part is missing. `batch` does the same on columns."""
    if not all(parts):
        return 0
    key = RULE_NUMBERS[rule]
    for part in parts:
        key = ((key * MULTIPLIER) ^ part) & MASK
        key ^= key >> 29
    key = (key * MULTIPLIER) & MASK
    return key - (1 << 64) if key >> 63 else key


@lru_cache(_CACHE)
def family_code(name: str) -> str:
    """How a family name sounds; of a double name the first part."""
    return sound_code(family_skeleton(name.split()[0])) if name else ""


@lru_cache(_CACHE)
def given_code(name: str) -> str:
    """How the full form of a given name sounds; nothing for an initial."""
    return sound_code(skeleton(root_of(name))) if len(name) > 1 else ""


@lru_cache(_CACHE)
def given_start(name: str) -> str:
    """The first letters of the full form of a given name."""
    return skeleton(root_of(name))[:3] if len(name) > 1 else ""


@lru_cache(_CACHE)
def names_code(given: str, family: str) -> str:
    """Given and family name in the order of the alphabet, so that exchanged names meet."""
    if len(given) < 2 or not family:
        return ""
    return " ".join(sorted((skeleton(given), skeleton(family))))


@lru_cache(_CACHE)
def birth_code(birth: str) -> str:
    """A full date with day and month in the order of their size, so that exchanged ones meet."""
    if len(birth) != 8:
        return ""
    day, month = sorted((birth[4:6], birth[6:]))
    return birth[:4] + day + month


def home_code(number: str, street: str) -> str:
    """House number and the start of the street."""
    return f"{number} {skeleton(street)[:5]}" if street and number else ""


def family_parts(families: Iterable[str]) -> tuple[str, ...]:
    """Family names, former ones and the parts of double ones."""
    found: dict[str, None] = {}
    for name in families:
        found[name] = None
        for part in name.split()[1:]:
            if len(part) > 2:
                found[part] = None
    return tuple(found)[:_MOST_HISTORY]


def blocking_keys(record: Prepared) -> tuple[int, ...]:
    """All keys of a record, its history included, each once and in order. At most 96."""
    keys = [*_contact_keys(record), *_birth_keys(record), *_name_keys(record)]
    return tuple(dict.fromkeys(key for key in keys if key))[:_MOST_KEYS]


def _contact_keys(record: Prepared) -> Iterable[int]:
    for identifier in dict.fromkeys((*record.person_ids, record.source_id, *record.local_ids)):
        yield mix("identifier", part_hash(identifier))
    for phone in record.phones:
        yield mix("telephone", part_hash(phone))
    for email in record.emails:
        yield mix("email", part_hash(email))


def _givens(record: Prepared) -> tuple[str, ...]:
    return tuple(dict.fromkeys((record.given, *record.other_givens[:2])))


def _starts(record: Prepared) -> set[str]:
    return {given_start(name) for name in (*_givens(record), record.middle.partition(" ")[0])}


def _birth_keys(record: Prepared) -> Iterable[int]:
    birth = part_hash(birth_code(record.birth))
    if not birth:
        return
    for name in family_parts((*record.families, record.mother)):
        yield mix("birth_family", birth, part_hash(family_code(name)))
    for start in sorted(_starts(record)):
        yield mix("birth_given", birth, part_hash(start))
    for home in record.homes[:_MOST_HISTORY]:
        yield mix("birth_postcode", birth, part_hash(home.postcode))
        yield mix("birth_home", birth, part_hash(home_code(home.number, home.street)))


def _name_keys(record: Prepared) -> Iterable[int]:
    year = part_hash(record.birth[:4])
    day = part_hash(record.birth[4:]) if len(record.birth) == 8 else 0
    initial = part_hash(record.middle[:1])
    givens = _givens(record)
    for family, given in product(family_parts(record.families), givens):
        names = part_hash(names_code(given, family))
        yield mix("names_day", names, day)
        yield mix("names_year", names, year)
        yield mix("names", names)
        yield mix("names_initial", names, initial)
        sounds = (part_hash(family_code(family)), part_hash(given_code(given)))
        yield mix("family_given_year", *sounds, year)
        for home in record.homes[:_MOST_HISTORY]:
            yield mix("family_given_postcode", *sounds, part_hash(home.postcode))
            yield mix("family_given_city", *sounds, part_hash(home.city))
    for home, given in product(record.homes[:_MOST_HISTORY], givens):
        yield mix("given_year_postcode", part_hash(given_code(given)), year, part_hash(home.postcode))
    for home, family in product(record.homes[:_MOST_HISTORY], family_parts(record.families)):
        yield mix("family_home_year", part_hash(family_code(family)), part_hash(home_code(home.number, home.street)), year)
    for home, start in product(record.homes[:_MOST_HISTORY], sorted(_starts(record))):
        yield mix("home_given", part_hash(home_code(home.number, home.street)), part_hash(start))
