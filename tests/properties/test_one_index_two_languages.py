"""The same question in HL7 v2 and in HL7 v3 gets the same answer: 500 random ones on one index."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from kernel.demographics import Demographics, HumanName, Telecom
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.times import Dtm
from tests.conftest import MakeDatabase
from tests.support.patients import CLINIC, HOSPITAL, LAB, LENA, OTTO, XAD, Wires, an_id, an_update, wires
from tests.support.two_languages import in_v2, in_v3

QUESTIONS = 500
NOBODY = AssigningAuthority("NOBODY", "2.999.77", "ISO")
FAMILIES = ("Rivera", "Rivero", "Müller", "Mueller", "Smith")
GIVEN = ("Lena", "Otto", "Maria", "Tom")
BIRTHS = ("19840317", "19510902", "19840713", "20120105")


def a_population(wires: Wires, dice: random.Random) -> list[PatientId]:
    """Sixty records of three sources, linked by the worker, some merged."""
    known: list[PatientId] = []
    for number in range(20):
        for authority in (HOSPITAL, CLINIC, LAB):
            name = HumanName(dice.choice(FAMILIES), (dice.choice(GIVEN),))
            person = replace(dice.choice((LENA, OTTO)), names=(name,), birth=Dtm(dice.choice(BIRTHS)), sex=dice.choice("FM"))
            wires.index.feed(an_update(an_id(f"{number}", authority), demographics=person))
            known.append(an_id(f"{number}", authority))
    for number in (3, 7):
        wires.index.merge(an_id(f"{number}"), an_id(f"{number + 1}"))
    wires.index.work()
    return known


def a_question(dice: random.Random, known: Sequence[PatientId]) -> object:
    """A cross-reference or a description, now and then with something that nobody knows."""
    wanted = dice.sample((HOSPITAL, CLINIC, LAB, XAD, NOBODY), k=dice.choice((0, 0, 1, 2)))
    identifier = dice.choice((*known, an_id("404"), an_id("1", NOBODY)))
    if dice.random() < 0.5:
        return (identifier, wanted)
    name = HumanName(dice.choice(("", *FAMILIES, "Ri*", "M*", "Nobody")), tuple(dice.sample(GIVEN, k=dice.choice((0, 0, 1)))))
    asked = Demographics(
        names=() if name.is_empty else (name,),
        sex=dice.choice(("", "", "F", "M")),
        birth=dice.choice((None, None, *map(Dtm, (*BIRTHS, "1984")))),
        telecoms=dice.choice(((), (), (Telecom("413-555-0187"),))),
    )
    identifiers = dice.choice(([], [], [identifier]))
    if asked == Demographics(sex=asked.sex) and not identifiers:
        asked = replace(asked, names=(HumanName("Rivera"),))
    return {"known": asked, "identifiers": identifiers, "wanted": wanted}


@pytest.mark.parametrize("seed", [20261122])
def test_both_languages_tell_the_same(make_database: MakeDatabase, seed: int) -> None:
    dice = random.Random(seed)
    both = wires(make_database)
    known = a_population(both, dice)
    kinds: set[object] = set()

    for number in range(QUESTIONS):
        question = a_question(dice, known)
        one, other = in_v2(both, question, number), in_v3(both, question, number)
        assert one == other, question
        kinds.add((type(question), one[:1] if one[:1] in (("ids",), ("refused",)) else len(one) > 0))

    assert len(kinds) == 5
