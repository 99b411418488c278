"""Invented people as three hospitals know them: the same people with the differences that real registrations have."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final


def _lists(text: str) -> dict[str, list[str]]:
    """Words by heading; a heading stands at the beginning of its line."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in text.splitlines():
        if line.startswith(" "):
            found[heading] += line.split()
        else:
            heading = line
            found[heading] = []
    return found


HOSPITALS: Final = (("ALDER", "2.999.10.1"), ("BIRCH", "2.999.10.2"), ("CEDAR", "2.999.10.3"))
_NAMES: Final = _lists(Path(__file__).with_name("names.txt").read_text(encoding="utf-8"))
_TOWNS: Final = (("Northfield", "04120"), ("Lakemouth", "04131"), ("Stonebridge", "04155"), ("Hartwell", "04162"))


@dataclass(frozen=True, slots=True)
class Registration:
    """What one hospital wrote down of a person. `person` tells who it is; the index does not see it."""

    person: int
    hospital: int
    local_id: str
    family: str
    given: str
    sex: str
    birth: str
    street: str
    town: str
    postcode: str
    phone: str


def population(people: int, seed: int = 7) -> Iterator[Registration]:
    """Each person at one to three hospitals; the later registrations differ as such things do."""
    chance = random.Random(seed)  # noqa: S311 - invented data
    for person in range(people):
        first = _invented(chance, person)
        yield first
        for hospital in chance.sample((1, 2), chance.choice((0, 0, 1, 1, 2))):
            yield replace(_altered(chance, first), hospital=hospital, local_id=f"{'BC'[hospital - 1]}{70000 + person * 3}")
    yield from _doubtful(people)


def _invented(chance: random.Random, person: int) -> Registration:
    sex = chance.choice("FM")
    town, postcode = chance.choice(_TOWNS)
    return Registration(
        person,
        0,
        f"A{10000 + person}",
        chance.choice(_NAMES["families"]),
        chance.choice(_NAMES["women" if sex == "F" else "men"]),
        sex,
        f"{chance.randint(1932, 2023)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}",
        f"{chance.randint(1, 180)} {chance.choice(_NAMES['streets'])} Street",
        town,
        postcode,
        f"413555{chance.randint(0, 9999):04}",
    )


def _altered(chance: random.Random, known: Registration) -> Registration:
    kind = chance.choice(("same", "same", "case", "typo", "moved", "phone", "initial"))
    if kind == "case":
        return replace(known, family=known.family.upper(), given=known.given.upper())
    if kind == "typo":
        at = chance.randrange(1, len(known.family) - 1)
        letters = list(known.family)
        letters[at], letters[at + 1] = letters[at + 1], letters[at]
        return replace(known, family="".join(letters))
    if kind == "moved":
        return replace(known, street=f"{chance.randint(1, 180)} {chance.choice(_NAMES['streets'])} Street", phone="")
    if kind == "phone":
        return replace(known, phone="")
    if kind == "initial":
        return replace(known, given=known.given[0])
    return known


def _doubtful(people: int) -> Iterator[Registration]:
    """Twins, and somebody written down in haste: pairs that a person has to settle. Father and son of one name are kept apart."""
    at, home = people, ("12 Lantern Street", "Hartwell", "04162", "4135550199")
    yield Registration(at, 0, "A90001", "Lindqvist", "Ella", "F", "20110704", *home)
    yield Registration(at + 1, 1, "B90001", "Lindqvist", "Emma", "F", "20110704", *home)
    quarry = ("4 Quarry Street", "Lakemouth", "04131", "4135550142")
    yield Registration(at + 2, 0, "A90002", "Okafor", "Daniel", "M", "19580312", *quarry)
    yield Registration(at + 3, 2, "C90002", "Okafor", "Daniel", "M", "19850321", *quarry)
    yield Registration(at + 4, 0, "A90003", "Lukic", "Anna", "F", "19770918", "33 Mill Street", "Northfield", "04120", "")
    yield Registration(at + 4, 2, "C90003", "Lukic", "Anja", "F", "19770909", "87 River Street", "Hartwell", "04162", "")
