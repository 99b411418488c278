"""ITI-44: patients announced, revised and merged in HL7 v3, refusals with their places (ITI TF-2 3.44), recorded messages."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from lxml import etree

from tests.support import messages as m
from tests.support.checked import CheckedSoapWire
from tests.support.service import Service
from tests.support.shared import sample
from tests.support.v2 import birth_of
from tests.support.v3 import HOSPITAL, Detail, V3Reply, ask, feed, identifier, parameter, pdq, person, pix

PATIENT = "controlActProcess/subject/registrationEvent/subject1/patient"
REVISE, MERGE = "PRPA_IN201302UV02", "PRPA_IN201304UV02"


def fresh() -> str:
    """A local identifier that nobody has."""
    return f"V{uuid.uuid4().hex[:12]}"  # noqa: TID251 - a client's own


def family(number: str) -> str:
    """A family name that nobody else has, made of letters."""
    return "Y" + "".join(chr(ord("a") + int(d, 16)) for d in number[1:])


def announced(soap: CheckedSoapWire) -> str:
    """The identifier of a patient who was just announced."""
    number = fresh()
    reply = ask(soap, feed(identifier(HOSPITAL, number), person(family(number), "Ann")))
    assert reply.code == "CA", reply.details
    return number


def is_known(soap: CheckedSoapWire, number: str) -> bool:
    """Whether a query by the identifier finds somebody."""
    return ask(soap, pix(HOSPITAL, number)).query_code == "OK"


def shown(soap: CheckedSoapWire, number: str) -> etree._Element:
    """The patient as a demographics query shows her."""
    reply = ask(soap, pdq(parameter("livingSubjectId", f'<value root="{HOSPITAL}" extension="{number}"/>')), path="/pdq")
    (found,) = reply.body.iter("{urn:hl7-org:v3}patientPerson")
    return found


@pytest.mark.parametrize("path", ["/pix", "/xds/registry"])
@pytest.mark.parametrize("name", ["PRPA_IN201301UV02", REVISE])
def test_a_patient_is_announced(soap: CheckedSoapWire, name: str, path: str) -> None:
    number = fresh()

    reply = ask(soap, feed(identifier(HOSPITAL, number), person(family(number), "Ann"), name=name, message_id=number), path=path)

    assert (reply.interaction, reply.code, reply.details) == ("MCCI_IN000002UV01", "CA", [])
    assert reply.target == ("2.999.9.99", number)
    assert is_known(soap, number)


def test_a_revision_replaces_what_was_said(soap: CheckedSoapWire) -> None:
    number = announced(soap)

    ask(soap, feed(identifier(HOSPITAL, number), person(family(number), "Beth", birth="19850318", sex="M"), name=REVISE))

    found = etree.tostring(shown(soap, number)).decode()
    assert "Beth" in found
    assert "19850318" in found
    assert 'code="M"' in found
    assert birth_of(family(number)) not in found


def test_other_identifiers_are_taken_with_the_patient(soap: CheckedSoapWire) -> None:
    number = fresh()
    other = (
        f'<asOtherIDs classCode="PAT"><id root="2.999.1.7" extension="O-{number}"/>'
        '<scopingOrganization classCode="ORG" determinerCode="INSTANCE"><id root="2.999.1.7"/></scopingOrganization></asOtherIDs>'
    )

    ask(soap, feed(identifier(HOSPITAL, number), person(family(number), "Ann", more=other)))

    (ids,) = ask(soap, pix(HOSPITAL, number)).patients()
    assert ids["2.999.1.7"] == f"O-{number}"


def test_a_merge_leaves_the_survivor_alone(soap: CheckedSoapWire) -> None:
    stays, goes = announced(soap), announced(soap)

    reply = ask(
        soap, feed(identifier(HOSPITAL, stays), person(family(stays), "Ann"), name=MERGE, replaced=identifier(HOSPITAL, goes))
    )

    assert (reply.code, reply.details) == ("CA", [])
    assert is_known(soap, stays)
    assert not is_known(soap, goes)


@pytest.mark.parametrize("case", ["equal", "unknown survivor", "unknown subsumed", "subsumed twice", "survivor subsumed"])
def test_a_merge_that_makes_no_sense_is_refused(soap: CheckedSoapWire, case: str) -> None:
    one, other, third = announced(soap), announced(soap), announced(soap)
    old = "controlActProcess/subject/registrationEvent/replacementOf/priorRegistration/subject1/priorRegisteredRole/id"
    pairs = {
        "equal": (one, one, old),
        "unknown survivor": (fresh(), one, f"{PATIENT}/id"),
        "unknown subsumed": (one, fresh(), old),
        "subsumed twice": (third, other, old),
        "survivor subsumed": (other, third, f"{PATIENT}/id"),
    }
    if case in ("subsumed twice", "survivor subsumed"):
        assert merged(soap, one, other).code == "CA"
    survivor, subsumed, where = pairs[case]

    reply = merged(soap, survivor, subsumed)

    assert (reply.code, reply.details) == ("CE", [Detail("204", where)])


def merged(soap: CheckedSoapWire, survivor: str, subsumed: str) -> V3Reply:
    """The answer to a merge."""
    text = feed(identifier(HOSPITAL, survivor), person("Merged", "Ann"), name=MERGE, replaced=identifier(HOSPITAL, subsumed))
    return ask(soap, text)


@pytest.mark.parametrize(
    ("ids", "who", "expected"),
    [
        ('<id nullFlavor="NA"/>', person("Nobody", "Ann"), [Detail("SYN105", f"{PATIENT}/id")]),
        (
            identifier(HOSPITAL, "X"),
            person("Nobody", "Ann", birth="19841399"),
            [Detail("SYN102", f"{PATIENT}/patientPerson/birthTime/@value")],
        ),
    ],
    ids=["no identifier", "no date"],
)
def test_what_is_wrong_is_told_with_its_place(soap: CheckedSoapWire, ids: str, who: str, expected: list[Detail]) -> None:
    reply = ask(soap, feed(ids, who))

    assert (reply.code, reply.details) == ("CE", expected)


def test_the_same_message_again_has_the_same_answer(soap: CheckedSoapWire) -> None:
    number = fresh()
    text = feed(identifier(HOSPITAL, number), person(family(number), "Ann"), message_id=f"again-{number}")

    assert [ask(soap, text).code for _ in range(2)] == ["CA", "CA"]


def test_another_message_under_an_id_that_was_used_is_refused(soap: CheckedSoapWire) -> None:
    one, other = fresh(), fresh()
    ask(soap, feed(identifier(HOSPITAL, one), person(family(one), "Ann"), message_id=f"used-{one}"))

    reply = ask(soap, feed(identifier(HOSPITAL, other), person(family(other), "Ben"), message_id=f"used-{one}"))

    assert reply.code == "CE"
    assert [d.where for d in reply.details] == ["id"]
    assert not is_known(soap, other)


@pytest.fixture
def strict(narrow: Service) -> Iterator[CheckedSoapWire]:
    """A client of a domain that lists who may feed what."""
    with CheckedSoapWire(narrow.http_port) as wire:
        yield wire


@pytest.mark.parametrize("root", [HOSPITAL, "2.999.66"])
def test_who_may_not_feed_an_authority_is_told_so(strict: CheckedSoapWire, root: str) -> None:
    reply = ask(strict, feed(identifier(root, "X"), person("Nobody", "Ann")))

    assert (reply.code, reply.details) == ("CE", [Detail("204", f"{PATIENT}/id")])


def test_a_body_that_breaks_the_schema_is_refused_before_it_is_read(soap: CheckedSoapWire) -> None:
    text = feed(identifier(HOSPITAL, "X"), "<nickname>Ann</nickname>")

    reply = soap.call("urn:hl7-org:v3:PRPA_IN201301UV02", text, "/pix")

    assert reply.fault[0] == "Sender" or V3Reply(reply).code in ("CE", "CR")


# messages recorded elsewhere


def recorded(name: str) -> str:
    """A recorded message."""
    return etree.tostring(etree.fromstring(sample("iti-44", name))).decode()  # noqa: TID251 - the test's own reading


def test_the_examples_of_the_profile_announce_revise_and_merge(soap: CheckedSoapWire) -> None:
    names = ["01_PatientRegistryRecordAdded1_20110504.xml", "04_PatientRegistryRecordRevised2_20110328.xml"]
    codes = [ask(soap, recorded(name)).code for name in (*names, "05_PatientRegistryDuplicatesResolved_20110504.xml")]

    assert codes == ["CA", "CA", "CA"]
    assert ask(soap, pix("1.2.840.114350.1.13.99998.8734", "34827G409")).query_code == "OK"
    assert ask(soap, pix("1.2.840.114350.1.13.99998.8734", "34827G234")).query_code == "AE"


def test_the_fullest_message_that_was_recorded_is_taken_with_a_warning(soap: CheckedSoapWire) -> None:
    reply = ask(soap, recorded("PIX_FEED_REG_Maximal_Request.xml"))

    assert (reply.code, reply.details) == ("CA", [])
    assert len(reply.body.findall(".//{urn:hl7-org:v3}acknowledgementDetail[@typeCode='W']")) == 1


def test_the_index_knows_one_patient_by_both_languages(soap: CheckedSoapWire, service: Service) -> None:
    number = announced(soap)

    (ids,) = ask(soap, pix(HOSPITAL, number)).patients()

    assert set(ids) == {m.XAD_OID}
