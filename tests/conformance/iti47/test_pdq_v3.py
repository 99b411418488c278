"""ITI-47: parameters, domains, pages and their end, every case of the answer table (ITI TF-2 3.47), recorded messages."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from lxml import etree

from tests.support import messages as m
from tests.support.checked import CheckedMllpWire, CheckedSoapWire
from tests.support.service import Service
from tests.support.shared import sample
from tests.support.v2 import admission, code, pid
from tests.support.v3 import HOSPITAL, Detail, V3Reply, ask, continuation, feed, identifier, named, parameter, pdq, person

LIST = "controlActProcess/queryByParameter/parameterList"
GIVEN = ("Ada", "Bela", "Cara", "Dora", "Emil", "Finn", "Gero")


@dataclass(frozen=True)
class Family:
    """Seven brothers and sisters."""

    name: str
    mark: str


@pytest.fixture(scope="module")
def family(service: Service) -> Family:
    """Announced, each with a birth date and a given name of its own."""
    mark = uuid.uuid4().hex[:10]  # noqa: TID251 - a client's own
    name = "W" + "".join(chr(ord("a") + int(d, 16)) for d in mark)
    with CheckedSoapWire(service.http_port) as soap:
        for number, first in enumerate(GIVEN):
            place = f"<addr><streetAddressLine>{number} Oak Rd</streetAddressLine><city>{name}ton</city></addr>"
            who = person(name, first, birth=f"{1950 + 10 * number}0{number + 1}15", sex="F" if number < 4 else "M", more=place)
            reply = ask(soap, feed(identifier(HOSPITAL, f"{mark}{number}"), who))
            assert reply.code == "CA", reply.details
    return Family(name, mark)


def demographics(soap: CheckedSoapWire, text: str) -> V3Reply:
    """The answer of /pdq."""
    return ask(soap, text, path="/pdq")


def gender(code: str) -> str:
    """A parameter."""
    return parameter("livingSubjectAdministrativeGender", f'<value code="{code}" codeSystem="2.16.840.1.113883.5.1"/>')


def birth(xml: str) -> str:
    """A parameter."""
    return parameter("livingSubjectBirthTime", xml)


def living_id(*ids: tuple[str, str]) -> str:
    """A parameter."""
    return parameter("livingSubjectId", *(f'<value root="{root}" extension="{extension}"/>' for root, extension in ids))


@pytest.mark.parametrize(
    ("parameters", "given"),
    [
        (lambda f: named(f.name), list(GIVEN)),
        (lambda f: named(f.name.upper()), list(GIVEN)),
        (lambda f: named(f.name, "Emil"), ["Emil"]),
        (lambda f: gender("M") + named(f.name), ["Emil", "Finn", "Gero"]),
        (lambda f: birth('<value value="19600215"/>') + named(f.name), ["Bela"]),
        (lambda f: birth('<value value="1960"/>') + named(f.name), ["Bela"]),
        (lambda f: birth('<value><low value="1955"/><high value="1975"/></value>') + named(f.name), ["Bela", "Cara"]),
        (lambda f: living_id((HOSPITAL, f"{f.mark}6")), ["Gero"]),
        (lambda f: living_id((HOSPITAL, f"{f.mark}6"), (HOSPITAL, f"{f.mark}1")), ["Bela", "Gero"]),
        (lambda _: living_id((HOSPITAL, "NOBODY")), []),
        (lambda f: named(f.name, "Hans"), []),
        (
            lambda f: named(f.name) + parameter("patientAddress", f'<value xsi:type="AD"><city>{f.name}ton</city></value>'),
            list(GIVEN),
        ),
    ],
)
def test_all_parameters_have_to_fit(soap: CheckedSoapWire, family: Family, parameters: object, given: list[str]) -> None:
    reply = demographics(soap, pdq(parameters(family)))  # type: ignore[operator]  # a function of the family

    assert (reply.interaction, reply.code, reply.query_code) == ("PRPA_IN201306UV02", "AA", "OK" if given else "NF"), reply.details
    assert reply.given() == given
    assert reply.quantities == (str(len(given)), str(len(given)), "0")


def test_a_patient_is_shown_with_demographics_and_every_identifier(soap: CheckedSoapWire, family: Family) -> None:
    reply = demographics(soap, pdq(named(family.name, "Emil")))

    (ids,) = reply.patients()
    text = etree.tostring(reply.body).decode()
    assert ids[HOSPITAL] == f"{family.mark}4"
    assert m.XAD_OID in ids
    assert "19900515" in text
    assert "4 Oak Rd" in text
    (confidence,) = reply.body.iterfind(".//{urn:hl7-org:v3}queryMatchObservation/{urn:hl7-org:v3}value")
    assert 0 < int(confidence.get("value")) <= 100


def test_only_identifiers_of_the_wanted_domains_are_shown(soap: CheckedSoapWire, family: Family) -> None:
    assert [set(ids) for ids in demographics(soap, pdq(named(family.name, "Emil"), m.XAD_OID)).patients()] == [{m.XAD_OID}]


def test_a_patient_without_identifier_in_a_wanted_domain_says_so(soap: CheckedSoapWire, family: Family) -> None:
    demographics(soap, feed(identifier("2.999.1.31", "E-1"), person("Else", "Some")))

    reply = demographics(soap, pdq(named(family.name, "Emil"), HOSPITAL, "2.999.1.31"))

    others = list(reply.body.iter("{urn:hl7-org:v3}asOtherIDs"))
    lacking = [o for o in others if o.find("{urn:hl7-org:v3}id").get("nullFlavor")]
    assert reply.given() == ["Emil"]
    assert [o.find(".//{urn:hl7-org:v3}scopingOrganization/{urn:hl7-org:v3}id").get("root") for o in lacking] == ["2.999.1.31"]


def test_each_unknown_domain_is_told_with_its_place(soap: CheckedSoapWire, family: Family) -> None:
    reply = demographics(soap, pdq(named(family.name), "2.999.66", HOSPITAL, "2.999.67"))

    assert (reply.code, reply.query_code, reply.given()) == ("AE", "AE", [])
    assert reply.details == [Detail("204", f"{LIST}/otherIDsScopingOrganization[{n}]/value") for n in (1, 3)]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (pdq(""), LIST),
        (pdq(birth('<value value="19841399"/>') + named("Xyz")), f"{LIST}/livingSubjectBirthTime"),
        (pdq(gender("W") + named("Xyz")), f"{LIST}/livingSubjectAdministrativeGender"),
        (pdq(named("Xyz"), quantity="0"), "controlActProcess/queryByParameter/initialQuantity"),
        (pdq(named("Xyz"), degree="101"), "controlActProcess/queryByParameter/matchCriterionList"),
    ],
    ids=["no parameters", "no date", "no gender", "no quantity", "no degree"],
)
def test_a_broken_query_is_told_with_its_place(soap: CheckedSoapWire, text: str, where: str) -> None:
    reply = demographics(soap, text)

    assert reply.code == "AE"
    assert reply.query_code in ("AE", "QE")
    assert [d.where.startswith(where) for d in reply.details] == [True], reply.details


def test_a_degree_of_match_leaves_out_who_fits_less(soap: CheckedSoapWire, family: Family) -> None:
    exact = demographics(soap, pdq(named(family.name, "Emil"), degree="100"))

    assert exact.given() == ["Emil"]


def message_id(reply: V3Reply) -> str:
    """The extension of the answer's own id."""
    return str(reply.body.find("{urn:hl7-org:v3}id").get("extension"))


def test_an_answer_comes_in_pages_until_there_is_no_more(soap: CheckedSoapWire, family: Family) -> None:
    query_id = f"pages-{family.mark}"
    pages = [demographics(soap, pdq(named(family.name), quantity="3", query_id=query_id))]
    while pages[-1].quantities[2] != "0":
        text = continuation(query_id, message_id(pages[-1]), status="waitContinuedQueryResponse", quantity="3")
        pages.append(ask(soap, text, suffix="_Continue", path="/pdq"))

    assert [page.interaction for page in pages] == ["PRPA_IN201306UV02"] * 3
    assert [page.quantities for page in pages] == [("7", "3", "4"), ("7", "3", "1"), ("7", "1", "0")]
    assert sorted(name for page in pages for name in page.given()) == list(GIVEN)


@pytest.mark.parametrize("name", ["QUQI_IN000003UV01", "QUQI_IN000003UV01_Cancel"])
def test_a_cancelled_answer_does_not_go_on(soap: CheckedSoapWire, family: Family, name: str) -> None:
    query_id = f"cancel-{name}-{family.mark}"
    first = demographics(soap, pdq(named(family.name), quantity="3", query_id=query_id))
    end = continuation(query_id, message_id(first), status="aborted", quantity="0", name=name)
    more = continuation(query_id, message_id(first), status="waitContinuedQueryResponse", quantity="3")

    cancelled = V3Reply(soap.call("urn:hl7-org:v3:QUQI_IN000003UV01_Cancel", end, "/pdq"))
    after = ask(soap, more, suffix="_Continue", path="/pdq")

    assert (cancelled.interaction, cancelled.code) == ("MCCI_IN000002UV01", "CA")
    assert (after.code, after.query_code) == ("AE", "AE")


@pytest.fixture
def strict(narrow: Service) -> Iterator[CheckedSoapWire]:
    """A client of a domain that gives out three patients at the most."""
    with CheckedSoapWire(narrow.http_port) as wire:
        yield wire


def test_a_question_that_fits_too_many_is_refused(strict: CheckedSoapWire, narrow: Service) -> None:
    with CheckedMllpWire(narrow.mllp_port) as mllp:
        for number in range(5):
            fed = mllp.send(admission(pid(f"LOTS-{number}", name=f"Plenty^{'ABCDE'[number]}rthur", birth=f"196{number}0101")))
            assert code(fed) == "AA", fed

    reply = ask(strict, pdq(named("Plenty")), path="/pdq")

    assert (reply.code, reply.given()) == ("AE", [])
    assert len(reply.details) == 1


# messages recorded elsewhere


def recorded(name: str) -> str:
    """A recorded message."""
    return etree.tostring(etree.fromstring(sample("iti-47", name))).decode()  # noqa: TID251 - the test's own reading


def test_the_example_of_the_profile_names_domains_that_have_to_be_known(soap: CheckedSoapWire) -> None:
    reply = demographics(soap, recorded("01_PDQQuery1_20110328.xml"))

    assert (reply.code, reply.query_code) == ("AE", "AE")
    assert {d.code for d in reply.details} == {"204"}


def test_the_example_of_the_profile_is_answered_in_pages_once_everything_is_known(soap: CheckedSoapWire) -> None:
    for root in ("1.2.840.114350.1.13.99997.2.3412", "2.16.840.1.113883.4.1", "1.2.840.114350.1.13.99998.8734"):
        for number in range(2):
            who = person("Jones", "Jimmy", birth="19630804", sex="M")
            assert ask(soap, feed(identifier(root, f"JJ-{number}"), who)).code == "CA"

    first = demographics(soap, recorded("01_PDQQuery1_20110328.xml"))
    more = ask(soap, recorded("03_PDQQuery1Continuation-1_20110328.xml"), suffix="_Continue", path="/pdq")
    end = ask(soap, recorded("05_PDQQuery1Cancel_20110328.xml"), path="/pdq")

    assert (first.code, first.query_code) == ("AA", "OK"), first.details
    assert int(first.quantities[1]) <= 2
    assert more.code == ("AA" if first.quantities[2] != "0" else "AE")
    assert end.code == "CA"


def test_the_continuation_of_a_query_nobody_asked_is_refused(narrow: Service) -> None:
    with CheckedSoapWire(narrow.http_port) as soap:
        reply = ask(soap, recorded("03_PDQQuery1Continuation-1_20110328.xml"), suffix="_Continue", path="/pdq")

    assert (reply.interaction, reply.code, reply.query_code) == ("PRPA_IN201306UV02", "AE", "AE")
