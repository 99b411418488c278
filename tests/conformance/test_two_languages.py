"""PIX and PDQ answer the same in HL7 v2 and in HL7 v3: a hundred random questions of each, asked both ways over the wire."""

from __future__ import annotations

import http.client
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from lxml import etree

from tests.support import messages as m
from tests.support import v2, v3
from tests.support.brokers import wait_for
from tests.support.checked import CheckedMllpWire, CheckedSoapWire
from tests.support.service import Service, running
from tests.support.wire import field

SEED = 20261122
QUESTIONS = 100
AUTHORITIES = {"2.999.1.1": "HOSP_A", "2.999.1.2": "HOSP_B", "2.999.1.3": "HOSP_C"}
UNKNOWN = "2.999.66"
FAMILIES = ("Berger", "Bergmann", "Novak", "Nováková", "O'Neil", "Schröder", "Smith", "Smythe", "Zhang", "Álvarez")
GIVEN = ("Anna", "Anne", "Bela", "Carla", "Zoë", "John", "Jon", "Mei", "Siân", "Tom")
CITIES = ("Springfield", "Shelby", "Köln", "Łódź")
Ids = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Person:
    """Somebody as a hospital announces her."""

    ids: tuple[tuple[str, str], ...]
    family: str
    given: str
    birth: str
    sex: str
    city: str


@pytest.fixture(scope="module")
def chance() -> random.Random:
    """Repeatable."""
    return random.Random(SEED)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that nobody else asks, so that nothing changes between the two ways."""
    with running(tmp_path_factory.mktemp("languages") / "data") as service:
        yield service


@pytest.fixture(scope="module")
def people(alone: Service, chance: random.Random) -> list[Person]:
    """Announced by three hospitals, matched, and at rest."""
    made = []
    for number in range(60):
        roots = chance.sample(sorted(AUTHORITIES), chance.choice((1, 1, 2)))
        who = Person(
            tuple((root, f"{chance.choice('PQR')}{number}") for root in roots),
            chance.choice(FAMILIES),
            chance.choice(GIVEN),
            f"{chance.randint(1940, 2019)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}",
            chance.choice("FM"),
            chance.choice(CITIES),
        )
        made.append(who)
        if chance.random() < 0.3:  # the same person, at another hospital
            root = chance.choice(sorted(AUTHORITIES))
            made.append(Person(((root, f"S{number}"),), who.family, who.given, who.birth, who.sex, who.city))
    with CheckedMllpWire(alone.mllp_port) as mllp:
        for who in made:
            cxs = "~".join(f"{extension}^^^{AUTHORITIES[root]}&{root}&ISO" for root, extension in who.ids)
            text = v2.admission(
                f"PID|||{cxs}||{who.family}^{who.given}||{who.birth}|{who.sex}|||1 Elm St^^{who.city}", msh="||||||UNICODE UTF-8"
            )
            assert v2.code(mllp.send(text)) == "AA"
    wait_for(lambda: is_at_rest(alone))
    return made


def is_at_rest(service: Service) -> bool:
    """Whether nothing waits to be matched."""
    connection = http.client.HTTPConnection("127.0.0.1", service.http_port, timeout=10)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    waiting = [line for line in lines if line.startswith("hie_outbox_rows")]
    time.sleep(0.02)
    return all(float(line.rpartition(" ")[2]) == 0 for line in waiting)


def pix_v2(mllp: CheckedMllpWire, root: str, extension: str, wanted: list[str]) -> tuple[str, Ids]:
    """Outcome and identifiers."""
    answer = mllp.send(v2.pix(f"{extension}^^^&{root}&ISO", "~".join(f"^^^&{oid}&ISO" for oid in wanted)))
    ids = frozenset(tuple(i.split("^")[::-1]) for i in v2.identifiers(answer))
    return v2.query_status(answer), ids  # type: ignore[return-value]  # pairs


def pix_v3(soap: CheckedSoapWire, root: str, extension: str, wanted: list[str]) -> tuple[str, Ids]:
    """Outcome and identifiers."""
    reply = v3.ask(soap, v3.pix(root, extension, *wanted))
    return reply.query_code, frozenset().union(*map(every_id, reply.body.iter(f"{{{v3.V3}}}patient")))


def every_id(patient: etree._Element) -> Ids:
    """Root and extension of every identifier of a patient."""
    ids = [*patient.findall(f"{{{v3.V3}}}id"), *patient.iterfind(f".//{{{v3.V3}}}asOtherIDs/{{{v3.V3}}}id")]
    return frozenset((i.get("root"), i.get("extension")) for i in ids if i.get("root"))


def test_pix_gives_the_same_identifiers_both_ways(alone: Service, people: list[Person], chance: random.Random) -> None:
    outcomes = set()
    with CheckedMllpWire(alone.mllp_port) as mllp, CheckedSoapWire(alone.http_port) as soap:
        for _ in range(QUESTIONS):
            root, extension = chance.choice(chance.choice(people).ids)
            if chance.random() < 0.1:
                extension = "NOBODY"
            wanted = chance.sample([*AUTHORITIES, m.XAD_OID, UNKNOWN], chance.choice((0, 0, 1, 2)))

            asked, again = pix_v2(mllp, root, extension, wanted), pix_v3(soap, root, extension, wanted)

            assert asked == again, (root, extension, wanted)
            outcomes.add(asked[0])
    assert outcomes == {"OK", "NF", "AE"}


@dataclass(frozen=True)
class Question:
    """A description, in both languages."""

    er7: str
    xml: str


def described(chance: random.Random, who: Person) -> Question:
    """Some of what is known of a person, sometimes wrong, sometimes the beginning only."""
    er7, xml = [], []
    family = who.family if chance.random() < 0.7 else f"{who.family[:3]}*"
    er7.append(f"@PID.5.1.1^{family}")
    given = chance.choice(("", who.given, chance.choice(GIVEN)))
    if given:
        er7.append(f"@PID.5.2^{given}")
    if chance.random() < 0.3:
        sex = chance.choice("FM")
        er7.append(f"@PID.8^{sex}")
        xml.append(v3.parameter("livingSubjectAdministrativeGender", f'<value code="{sex}" codeSystem="2.16.840.1.113883.5.1"/>'))
    if chance.random() < 0.4:
        birth = who.birth[: chance.choice((4, 6, 8))]
        er7.append(f"@PID.7^{birth}")
        xml.append(v3.parameter("livingSubjectBirthTime", f'<value value="{birth}"/>'))
    xml.append(v3.named(family, given))
    if chance.random() < 0.3:
        city = chance.choice((who.city, chance.choice(CITIES)))
        er7.append(f"@PID.11.3^{city}")
        xml.append(v3.parameter("patientAddress", f'<value xsi:type="AD"><city>{city}</city></value>'))
    return Question("~".join(er7), "".join(xml))


def pdq_v2(mllp: CheckedMllpWire, question: Question) -> tuple[str, list[tuple[Ids, str, str]]]:
    """Outcome, and of each patient identifiers, birth date and confidence."""
    answer = mllp.send(v2.pdq(question.er7, msh="||||||UNICODE UTF-8"))
    count = sum(line.startswith("PID|") for line in answer.split("\r"))
    found = [
        (
            frozenset(tuple(i.split("^")[::-1]) for i in v2.identifiers(answer, n)),
            field(answer, "PID", 7, n),
            field(answer, "QRI", 1, n),
        )
        for n in range(1, count + 1)
    ]
    return v2.query_status(answer), sorted(found, key=lambda hit: sorted(hit[0]))  # type: ignore[return-value, arg-type]  # pairs


def pdq_v3(soap: CheckedSoapWire, question: Question) -> tuple[str, list[tuple[Ids, str, str]]]:
    """Outcome, and of each patient identifiers, birth date and confidence."""
    reply = v3.ask(soap, v3.pdq(question.xml), path="/pdq")
    found = [
        (
            every_id(who),
            who.find(f".//{{{v3.V3}}}birthTime").get("value"),
            who.find(f".//{{{v3.V3}}}queryMatchObservation/{{{v3.V3}}}value").get("value"),
        )
        for who in reply.body.iter(f"{{{v3.V3}}}patient")
    ]
    return reply.query_code, sorted(found, key=lambda hit: sorted(hit[0]))


def test_pdq_finds_the_same_patients_both_ways(alone: Service, people: list[Person], chance: random.Random) -> None:
    outcomes, hits = set(), 0
    with CheckedMllpWire(alone.mllp_port) as mllp, CheckedSoapWire(alone.http_port) as soap:
        for _ in range(QUESTIONS):
            question = described(chance, chance.choice(people))

            asked, again = pdq_v2(mllp, question), pdq_v3(soap, question)

            assert asked == again, question
            outcomes.add(asked[0])
            hits += len(asked[1])
    assert outcomes == {"OK", "NF"}
    assert hits > QUESTIONS
