"""ITI-45: every case of the answer table (ITI TF-2 3.45.4.2), and recorded queries."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.conformance.conftest import Patient
from tests.support import messages as m
from tests.support.checked import CheckedSoapWire
from tests.support.shared import sample
from tests.support.v3 import HOSPITAL, Detail, V3Reply, ask, feed, identifier, parameter, person, pix, query

LIST = "controlActProcess/queryByParameter/parameterList"
LAB = "2.999.1.21"


@pytest.fixture
def linked(soap: CheckedSoapWire, patient: Patient) -> Patient:
    """A patient who is known to a laboratory by two identifiers as well."""
    others = "".join(
        f'<asOtherIDs classCode="PAT"><id root="{LAB}" extension="{n}-{patient.local_id}"/>'
        f'<scopingOrganization classCode="ORG" determinerCode="INSTANCE"><id root="{LAB}"/></scopingOrganization></asOtherIDs>'
        for n in (1, 2)
    )
    who = person(patient.family, patient.given, birth=patient.birth, more=others)
    reply = ask(soap, feed(identifier(HOSPITAL, patient.local_id), who, name="PRPA_IN201302UV02"))
    assert reply.code == "CA", reply.details
    return patient


def every_id(reply: V3Reply) -> set[tuple[str, str]]:
    """Root and extension of every identifier in an answer."""
    ids = reply.body.iterfind(".//{urn:hl7-org:v3}patient/{urn:hl7-org:v3}id")
    others = reply.body.iterfind(".//{urn:hl7-org:v3}asOtherIDs/{urn:hl7-org:v3}id")
    return {(i.get("root"), i.get("extension")) for i in (*ids, *others)}


def test_every_other_identifier_is_given(soap: CheckedSoapWire, linked: Patient) -> None:
    reply = ask(soap, pix(HOSPITAL, linked.local_id, message_id=f"q-{linked.local_id}"))

    assert (reply.interaction, reply.code, reply.query_code, reply.details) == ("PRPA_IN201310UV02", "AA", "OK", [])
    assert reply.target == ("2.999.9.99", f"q-{linked.local_id}")
    assert every_id(reply) == {
        (m.XAD_OID, linked.affinity_id),
        (LAB, f"1-{linked.local_id}"),
        (LAB, f"2-{linked.local_id}"),
    }
    assert len(list(reply.body.iter("{urn:hl7-org:v3}registrationEvent"))) == 1


def test_only_what_is_wanted_is_given(soap: CheckedSoapWire, linked: Patient) -> None:
    assert every_id(ask(soap, pix(HOSPITAL, linked.local_id, m.XAD_OID))) == {(m.XAD_OID, linked.affinity_id)}
    assert len(every_id(ask(soap, pix(HOSPITAL, linked.local_id, m.XAD_OID, LAB)))) == 3


def test_the_query_is_given_back_as_it_was_asked(soap: CheckedSoapWire, linked: Patient) -> None:
    reply = ask(soap, pix(HOSPITAL, linked.local_id, LAB, query_id="mine"))

    (asked,) = reply.body.iter("{urn:hl7-org:v3}queryByParameter")
    values = [(v.get("root"), v.get("extension")) for v in asked.iter("{urn:hl7-org:v3}value")]
    assert values == [(LAB, None), (HOSPITAL, linked.local_id)]
    (status,) = reply.body.iterfind(".//{urn:hl7-org:v3}queryAck/{urn:hl7-org:v3}statusCode")
    assert status.get("code") == "deliveredResponse"


def test_a_patient_without_identifier_in_what_is_wanted_is_not_found(
    soap: CheckedSoapWire, linked: Patient, patient: Patient
) -> None:
    ask(soap, feed(identifier("2.999.1.22", "E-1"), person("Somebody", "Else")))

    reply = ask(soap, pix(HOSPITAL, patient.local_id, "2.999.1.22"))

    assert (reply.code, reply.query_code, reply.details, every_id(reply)) == ("AA", "NF", [], set())


@pytest.mark.parametrize(
    ("root", "extension", "wanted", "expected"),
    [
        (HOSPITAL, "NOBODY", (), [Detail("204", f"{LIST}/patientIdentifier/value")]),
        ("2.999.66", "1", (), [Detail("204", f"{LIST}/patientIdentifier/value")]),
        (HOSPITAL, "", ("2.999.66",), [Detail("204", f"{LIST}/dataSource[1]/value")]),
        (HOSPITAL, "", (m.XAD_OID, "2.999.66", "2.999.67"), [Detail("204", f"{LIST}/dataSource[{n}]/value") for n in (2, 3)]),
    ],
    ids=["unknown id", "unknown authority", "unknown domain", "two of three domains"],
)
def test_what_is_not_known_is_told_with_its_place(
    soap: CheckedSoapWire, patient: Patient, root: str, extension: str, wanted: tuple[str, ...], expected: list[Detail]
) -> None:
    reply = ask(soap, pix(root, extension or patient.local_id, *wanted))

    assert (reply.code, reply.query_code) == ("AE", "AE")
    assert [Detail(d.code, d.where.removesuffix("/@root")) for d in reply.details] == expected or reply.details == [
        Detail("204", e.where.replace("dataSource[1]", "dataSource")) for e in expected
    ]
    assert every_id(reply) == set()


def test_two_identifiers_are_one_too_many(soap: CheckedSoapWire, patient: Patient) -> None:
    value = f'<value root="{HOSPITAL}" extension="{patient.local_id}"/>'
    text = query("PRPA_IN201309UV02", parameter("patientIdentifier", value, value), before='<responsePriorityCode code="I"/>')

    reply = ask(soap, text)

    assert reply.code == "AE"
    assert reply.details[0].where.startswith(f"{LIST}/patientIdentifier")


def recorded(name: str) -> str:
    """A recorded message."""
    return etree.tostring(etree.fromstring(sample("iti-45", name))).decode()  # noqa: TID251 - the test's own reading


def test_the_example_of_the_profile_is_answered_once_the_patient_is_known(soap: CheckedSoapWire) -> None:
    other = (
        '<asOtherIDs classCode="PAT"><id root="2.999.1.24" extension="38273N237"/>'
        '<scopingOrganization classCode="ORG" determinerCode="INSTANCE"><id root="2.999.1.24"/>'
        "</scopingOrganization></asOtherIDs>"
    )
    fed = ask(soap, feed(identifier("2.999.1.23", "T-1"), person("Dean", "Jimmy", birth="19570323", sex="M", more=other)))
    assert fed.code == "CA", fed.details

    reply = ask(soap, recorded("06_PIXQuery1_20110328.xml").replace("1.2.840.114350.1.13.99997.2.3412", "2.999.1.24"))

    assert (reply.code, reply.query_code) == ("AA", "OK")
    assert m.XAD_OID in {root for root, _ in every_id(reply)}


def test_a_recorded_query_for_a_patient_nobody_announced(soap: CheckedSoapWire) -> None:
    reply = ask(soap, recorded("PIXQuery-unknown-id.xml"))

    assert (reply.code, reply.query_code) == ("AE", "AE")
    assert [d.code for d in reply.details] == ["204"]
