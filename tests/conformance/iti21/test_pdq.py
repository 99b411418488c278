"""ITI-21: parameters, domains, pages, cancellation, every case of the answer table (ITI TF-2 3.21), recorded queries."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support import messages as m
from tests.support.checked import CheckedMllpWire
from tests.support.service import Service
from tests.support.shared import sample
from tests.support.v2 import AUTHORITY, Error, admission, code, errors, identifiers, message, pdq, pid, query_status
from tests.support.wire import field


@dataclass(frozen=True)
class Family:
    """Seven brothers and sisters."""

    name: str
    members: tuple[str, ...]


@pytest.fixture(scope="module")
def family(service: Service) -> Family:
    """Announced, each with a birth date and a given name of its own."""
    mark = uuid.uuid4().hex[:10]  # noqa: TID251 - a client's own
    name = "Q" + "".join(chr(ord("a") + int(d, 16)) for d in mark)
    given = ("Ada", "Bela", "Cara", "Dora", "Emil", "Finn", "Gero")
    with CheckedMllpWire(service.mllp_port) as mllp:
        for number, first in enumerate(given):
            sex = "F" if number < 4 else "M"
            rest = f"{sex}|||{number} Elm St^^{name}ville^^0{number}101^US||^PRN^PH^^^41{number}^5550{number}{number}{number}"
            rest += f"|||||AC-{mark}{number}^^^{AUTHORITY}"
            fed = mllp.send(
                admission(pid(f"{mark}{number}", name=f"{name}^{first}", birth=f"{1950 + 10 * number}0{number + 1}15", rest=rest))
            )
            assert code(fed) == "AA", fed
    return Family(name, tuple(f"{mark}{n}" for n in range(7)))


def shown(answer: str) -> list[str]:
    """The given names of the patients in an answer, in alphabetical order."""
    return sorted(line.split("|")[5].split("^")[1] for line in answer.split("\r") if line.startswith("PID|"))


@pytest.mark.parametrize(
    ("parameters", "given"),
    [
        ("@PID.5.1.1^{name}", ["Ada", "Bela", "Cara", "Dora", "Emil", "Finn", "Gero"]),
        ("@PID.5.1^{name}", ["Ada", "Bela", "Cara", "Dora", "Emil", "Finn", "Gero"]),
        ("@PID.5.1.1^{upper}", ["Ada", "Bela", "Cara", "Dora", "Emil", "Finn", "Gero"]),
        ("@PID.5.1.1^{name}~@PID.5.2^Emil", ["Emil"]),
        ("@PID.5.1.1^{start}*~@PID.5.2^F*", ["Finn"]),
        ("@PID.5.1.1^{name}~@PID.8^M", ["Emil", "Finn", "Gero"]),
        ("@PID.5.1.1^{name}~@PID.7^19600215", ["Bela"]),
        ("@PID.5.1.1^{name}~@PID.7.1^19600215", ["Bela"]),
        ("@PID.5.1.1^{name}~@PID.7.1^1960", ["Bela"]),
        ("@PID.5.1.1^{name}~@PID.11.5^05101", ["Finn"]),
        ("@PID.11.3^{name}ville~@PID.8^M", ["Emil", "Finn", "Gero"]),
        ("@PID.5.1.1^{name}~@PID.11.1.1^3 Elm St", ["Dora"]),
        ("@PID.3.1^{mark}6~@PID.3.4.1^HOSP_A", ["Gero"]),
        ("@PID.3.1^{mark}6~@PID.3.4.2^2.999.1.1~@PID.3.4.3^ISO", ["Gero"]),
        ("@PID.18.1^AC-{mark}2~@PID.18.4.1^HOSP_A", ["Cara"]),
        ("@PID.5.1.1^{name}~@PID.13.6^412~@PID.13.7^5550222", ["Cara"]),
        ("@PID.5.1.1^{name}~@PID.5.2^Hans", []),
        ("@PID.3.1^NOBODY~@PID.3.4.1^HOSP_A", []),
    ],
)
def test_all_parameters_have_to_fit(mllp: CheckedMllpWire, family: Family, parameters: str, given: list[str]) -> None:
    filled = parameters.format(name=family.name, upper=family.name.upper(), start=family.name[:8], mark=family.members[0][:-1])

    answer = mllp.send(pdq(filled))

    assert (code(answer), query_status(answer)) == ("AA", "OK" if given else "NF"), answer
    assert shown(answer) == given
    assert field(answer, "MSH", 9) == "RSP^K22^RSP_K21"


def test_a_patient_is_shown_with_demographics_and_every_identifier(mllp: CheckedMllpWire, family: Family) -> None:
    answer = mllp.send(pdq(f"@PID.5.1.1^{family.name}~@PID.5.2^Emil"))

    assert {i.rpartition("^")[2] for i in identifiers(answer)} == {"2.999.1.1", m.XAD_OID}
    assert field(answer, "PID", 7) == "19900515"
    assert field(answer, "PID", 8) == "M"
    assert "4 Elm St" in field(answer, "PID", 11)
    assert 0 < int(field(answer, "QRI", 1)) <= 100


def test_only_identifiers_of_the_wanted_domains_are_shown(mllp: CheckedMllpWire, family: Family) -> None:
    answer = mllp.send(pdq(f"@PID.5.1.1^{family.name}~@PID.5.2^Emil", f"^^^XAD&{m.XAD_OID}&ISO"))

    assert [i.rpartition("^")[2] for i in identifiers(answer)] == [m.XAD_OID]


def test_patients_without_identifier_in_the_wanted_domains_are_left_out(mllp: CheckedMllpWire, family: Family) -> None:
    mllp.send(admission(pid("EMPTY-1", authority="EMPTY&2.999.1.11&ISO", name="Some^Body")))

    answer = mllp.send(pdq(f"@PID.5.1.1^{family.name}", "^^^EMPTY&2.999.1.11&ISO"))

    assert (code(answer), query_status(answer), shown(answer)) == ("AA", "NF", [])


@pytest.mark.parametrize(
    ("domains", "expected"),
    [
        ("^^^NOWHERE&2.999.66&ISO", [Error("QPD^1^8^1", "204")]),
        (f"^^^{AUTHORITY}~^^^NOWHERE&2.999.66&ISO~^^^NOPLACE", [Error("QPD^1^8^2", "204"), Error("QPD^1^8^3", "204")]),
    ],
)
def test_each_unknown_domain_is_told_with_its_place(
    mllp: CheckedMllpWire, family: Family, domains: str, expected: list[Error]
) -> None:
    answer = mllp.send(pdq(f"@PID.5.1.1^{family.name}", domains))

    assert (code(answer), query_status(answer), errors(answer), shown(answer)) == ("AE", "AE", expected, [])
    assert field(answer, "QPD", 8) == domains


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (pdq(""), [Error("QPD^1^3", "101")]),
        (pdq("@PID.3.1^4711"), [Error("QPD^1^3^1", "101")]),
        (pdq("@PID.7^not a date"), [Error("QPD^1^3^1", "102")]),
        (pdq("@XYZ.1^1"), [Error("QPD^1^3^1^1", "102")]),
        (pdq("@PID.5.1.1^Xyz", rcp="RCP|I|many^RD"), [Error("RCP^1^2^1^1", "102")]),
        (pdq("@PID.5.1.1^Xyz", dsc="DSC|no-such-pointer|I"), [Error("DSC^1^1", "204")]),
    ],
    ids=["no parameters", "no authority", "no date", "unknown field", "no number", "unknown pointer"],
)
def test_a_broken_query_is_told_with_its_place(mllp: CheckedMllpWire, text: bytes, expected: list[Error]) -> None:
    answer = mllp.send(text)

    assert (code(answer), query_status(answer)) == ("AE", "AE"), answer
    assert errors(answer) == expected, answer


def test_an_answer_comes_in_pages_until_there_is_no_more(mllp: CheckedMllpWire, family: Family) -> None:
    question, pages = f"@PID.5.1.1^{family.name}", []
    answer = mllp.send(pdq(question, rcp="RCP|I|3^RD", tag="PAGES"))
    pages.append(answer)
    while pointer := field(answer, "DSC", 1):
        answer = mllp.send(pdq(question, rcp="RCP|I|3^RD", tag="PAGES", dsc=f"DSC|{pointer}|I"))
        pages.append(answer)

    assert [len(shown(page)) for page in pages] == [3, 3, 1]
    assert sorted(name for page in pages for name in shown(page)) == ["Ada", "Bela", "Cara", "Dora", "Emil", "Finn", "Gero"]
    assert [(field(p, "QAK", 4), field(p, "QAK", 5), field(p, "QAK", 6)) for p in pages] == [
        ("7", "3", "4"),
        ("7", "3", "1"),
        ("7", "1", "0"),
    ]
    assert {field(page, "QAK", 1) for page in pages} == {"PAGES"}


def test_a_cancelled_answer_does_not_go_on(mllp: CheckedMllpWire, family: Family) -> None:
    question = f"@PID.5.1.1^{family.name}"
    first = mllp.send(pdq(question, rcp="RCP|I|3^RD", tag="CANCEL"))
    cancel = message("QCN^J01^QCN_J01", "QID|CANCEL|IHE PDQ Query", version="2.5")

    cancelled, again = mllp.send(cancel), mllp.send(cancel)
    after = mllp.send(pdq(question, rcp="RCP|I|3^RD", tag="CANCEL", dsc=f"DSC|{field(first, 'DSC', 1)}|I"))

    assert (code(cancelled), field(cancelled, "MSH", 9)) == ("AA", "ACK^J01^ACK")
    assert code(again) == "AA"
    assert errors(after) == [Error("DSC^1^1", "204")]


def test_a_page_belongs_to_who_asked(mllp: CheckedMllpWire, family: Family) -> None:
    question = f"@PID.5.1.1^{family.name}"
    first = mllp.send(pdq(question, rcp="RCP|I|3^RD", tag="MINE"))

    stolen = mllp.send(pdq(question, rcp="RCP|I|3^RD", tag="MINE", dsc=f"DSC|{field(first, 'DSC', 1)}|I", sender="THIEF|T"))

    assert errors(stolen) == [Error("DSC^1^1", "204")]


@pytest.fixture
def strict(narrow: Service) -> Iterator[CheckedMllpWire]:
    """A client of a domain that gives out three patients at the most."""
    with CheckedMllpWire(narrow.mllp_port) as wire:
        yield wire


def test_a_question_that_fits_too_many_is_refused(strict: CheckedMllpWire) -> None:
    for number in range(5):
        fed = strict.send(admission(pid(f"MANY-{number}", name=f"Overmany^{'ABCDE'[number]}lfred", birth=f"195{number}0101")))
        assert code(fed) == "AA", fed

    answer = strict.send(pdq("@PID.5.1.1^Overmany"))

    assert (code(answer), query_status(answer), shown(answer)) == ("AE", "AE", [])
    assert [e.code for e in errors(answer)] == ["207"]


# messages recorded elsewhere


def test_a_recorded_query_by_name_finds_who_is_there(mllp: CheckedMllpWire) -> None:
    before = mllp.send(sample("iti-21", "qbp-q22-name.hl7"))
    mllp.send(admission(pid("78245", authority="FHIR2&1.2.3.4.5.6&ISO", name="Mayer^Hans", birth="19451201", rest="M")))

    after = mllp.send(sample("iti-21", "qbp-q22-name.hl7"))

    assert (code(before), query_status(before)) == ("AA", "NF")
    assert (query_status(after), shown(after)) == ("OK", ["Hans"])


def test_a_recorded_query_for_a_domain_nobody_knows_is_refused(mllp: CheckedMllpWire) -> None:
    text = sample("iti-21", "qbp-q22-dob-domain.hl7").replace(b"HIMSS2005&1.3.6.1.4.1.21367.2005.1.1", b"UNSEEN&2.999.68")

    answer = mllp.send(text)

    assert (code(answer), errors(answer)) == ("AE", [Error("QPD^1^8^1", "204")])


def test_a_recorded_query_by_several_identifiers_is_read(mllp: CheckedMllpWire) -> None:
    answer = mllp.send(sample("iti-21", "qbp-q22-id.hl7"))

    assert (code(answer), query_status(answer)) == ("AA", "NF")
