"""The same question in HL7 v2 and in HL7 v3 gets the same answer: 500 random ones on one index."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from hl7v2 import consumer as v2
from hl7v2.er7 import parse
from hl7v3 import consumer as v3
from kernel.demographics import Demographics, HumanName, Telecom
from kernel.demographics_query import DemographicsPage
from kernel.errors import Rejected
from kernel.identifiers import AssigningAuthority, Oid, PatientId
from kernel.times import Dtm
from kernel.xml import parse_xml
from tests.conftest import MakeDatabase
from tests.support.hl7 import NOW
from tests.support.patients import CLINIC, HOSPITAL, LAB, LENA, OTTO, XAD, Wires, an_id, an_update, wires

QUESTIONS = 500
NOBODY = AssigningAuthority("NOBODY", "2.999.77", "ISO")
FAMILIES = ("Rivera", "Rivero", "Müller", "Mueller", "Smith")
GIVEN = ("Lena", "Otto", "Maria", "Tom")
BIRTHS = ("19840317", "19510902", "19840713", "20120105")
Answer = tuple[object, ...]


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


def in_v2(wires: Wires, question: object, number: int) -> Answer:
    """The answer over MLLP."""
    envelope = v2.Envelope(v2.Parties("PIX", "C"), NOW, f"Q{number}")
    try:
        if isinstance(question, tuple):
            message = parse("\r".join(wires.v2(v2.pix_query(*question, envelope).to_bytes())).encode() + b"\r")
            return ("ids", {(i.id, i.authority.universal_id) for i in v2.read_pix_answer(message)})
        assert isinstance(question, dict)
        message = parse("\r".join(wires.v2(v2.pdq_query(**question, envelope=envelope).to_bytes())).encode() + b"\r")
        return described(v2.read_pdq_answer(message))
    except Rejected as error:
        return refused(error)


def in_v3(wires: Wires, question: object, number: int) -> Answer:
    """The answer over SOAP."""
    envelope = v3.Envelope(Oid("2.999.7"), Oid("2.999.9"), NOW, f"Q{number}")
    try:
        if isinstance(question, tuple):
            found = v3.read_pix_answer(wires.v3(parse_xml(v3.pix_query(*question, envelope))))
            return ("ids", {(i.id, i.authority.universal_id) for i in found})
        assert isinstance(question, dict)
        return described(v3.read_pdq_answer(wires.v3(parse_xml(v3.pdq_query(**question, envelope=envelope)))))
    except Rejected as error:
        return refused(error)


def described(page: DemographicsPage) -> Answer:
    """Everything a consumer learns of the patients found, in order."""
    return tuple(
        (
            frozenset((i.id, i.authority.universal_id) for i in hit.identifiers),
            hit.demographics.names,
            hit.demographics.sex,
            hit.demographics.birth,
            tuple(a.city for a in hit.demographics.addresses),
            hit.confidence,
        )
        for hit in page.hits
        if hit.identifiers  # v3 also shows who lacks every identifier that was wanted
    )


def refused(error: Rejected) -> Answer:
    """A refusal: how many faults of which kind."""
    return ("refused", *sorted(v.condition.name for v in error.violations if v.is_error))


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
