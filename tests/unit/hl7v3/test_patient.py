"""hl7v3.patient"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hl7v3.patient import read_merge, read_update, write_match, write_subject
from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.errors import Condition, Rejected, Severity, Violation
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.patient_update import ALL_FIELDS
from kernel.times import Dtm
from kernel.xml import Element, parse_xml
from tests.support.hl7 import PERSON, patient_id, v3_feed, v3_merge
from tests.support.shared import faults

OID_1 = AssigningAuthority.of_oid("2.999.1.1")
OID_2 = AssigningAuthority.of_oid("2.999.1.2")
NATIONAL = "2.16.840.1.113883.4.1"
PATIENT = "/PRPA_IN201301UV02/controlActProcess/subject/registrationEvent/subject1/patient"
FULL = """<name use="L"><given>Lena</given><family>Rivera</family></name>
<name><given>Lena</given><family qualifier="BR">Lopez</family></name>
<telecom value="tel:555" use="HP"/><administrativeGenderCode code="F"/><birthTime value="19840317"/><deceasedInd value="true"/>
<deceasedTime value="20200102"/><multipleBirthInd value="true"/><multipleBirthOrderNumber value="2"/>
<addr use="H"><streetAddressLine>12 Elm St</streetAddressLine><city>Town</city></addr><maritalStatusCode code="M"/>
<religiousAffiliationCode code="1022"/><raceCode code="2106-3"/><ethnicGroupCode code="2178-2"/>
<asCitizen classCode="CIT"><politicalNation classCode="NAT" determinerCode="INSTANCE"><code code="US"/></politicalNation>
</asCitizen>
<personalRelationship classCode="PRS"><id root="2.999.1.1" extension="M-1"/><code code="MTH"/>
<relationshipHolder1 classCode="PSN" determinerCode="INSTANCE"><name><family>Lopez</family></name></relationshipHolder1>
</personalRelationship>
<birthPlace classCode="BIRTHPL"><birthplace classCode="PLC" determinerCode="INSTANCE"><name>Town</name></birthplace></birthPlace>
<languageCommunication><languageCode code="es"/></languageCommunication>"""
LENA = Demographics(
    names=(HumanName("Rivera", ("Lena",), use="L"), HumanName("Lopez", ("Lena",), use="B")),
    sex="F",
    birth=Dtm("19840317"),
    addresses=(Address(("12 Elm St",), "Town", use="H"),),
    telecoms=(Telecom("555", "PH", "PRN"),),
    mother_name=HumanName("Lopez"),
    mother_ids=(PatientId("M-1", OID_1),),
    multiple_birth=True,
    birth_order=2,
    deceased=True,
    death=Dtm("20200102"),
    marital_status="M",
    race="2106-3",
    religion="1022",
    language="es",
    nationality="US",
    ethnicity="2178-2",
    birth_place="Town",
)


def other(root: str, extension: str, role: str = "PAT") -> str:
    return f"""<asOtherIDs classCode="{role}"><id root="{root}" extension="{extension}"/>
    <scopingOrganization classCode="ORG" determinerCode="INSTANCE"><id root="{root}"/></scopingOrganization></asOtherIDs>"""


def refusal(read: Callable[[Element], object], body: Element) -> tuple[Violation, ...]:
    with pytest.raises(Rejected) as refused:
        read(body)
    return refused.value.violations


def test_every_part_of_a_person_is_read() -> None:
    body = v3_feed(FULL)

    assert faults("hl7v3", body) == []
    assert read_update(body).demographics == LENA


def test_identifiers_know_where_they_stood() -> None:
    update = read_update(v3_feed(ids='<id root="2.999.1.1" extension="1"/><id root="2.999.1.1" extension="2"/>'))

    assert update.patient_ids == (PatientId("1", OID_1), PatientId("2", OID_1))
    assert [i.where for i in update.identifiers] == [f"{PATIENT}/id[1]", f"{PATIENT}/id[2]"]


def test_other_identifiers_are_told_apart_from_those_of_the_source() -> None:
    update = read_update(v3_feed(PERSON + other("2.999.1.2", "L-1")))

    assert update.patient_ids == (PatientId("4711", OID_1),)
    assert [i.patient_id for i in update.others] == [PatientId("L-1", OID_2)]


def test_the_national_identifier_is_known_by_its_root() -> None:
    update = read_update(v3_feed(PERSON + other(NATIONAL, "999", "CIT") + other("2.999.1.2", "E-1", "EMP")))

    assert update.demographics.national_id == "999"
    assert update.others == ()
    assert "national_id" in update.spoken


def test_a_revision_replaces_all_that_v3_can_say() -> None:
    update = read_update(v3_feed(interaction="PRPA_IN201302UV02"))

    assert update.spoken == ALL_FIELDS - {"account", "driver_licence", "national_id"}
    assert update.applied_to(Demographics(race="x", account=patient_id("A"))) == Demographics(
        names=(HumanName("Rivera", ("Lena",), use="L"),), sex="F", birth=Dtm("19840317"), account=patient_id("A")
    )


def test_a_null_name_is_not_spoken_of() -> None:
    assert "names" not in read_update(v3_feed('<name nullFlavor="NA"/>')).spoken


def test_address_and_telephone_may_stand_with_the_role() -> None:
    ids = '<id root="2.999.1.1" extension="1"/><addr><city>Town</city></addr><telecom value="tel:1"/>'

    found = read_update(v3_feed(ids=ids)).demographics

    assert (found.addresses, found.telecoms) == ((Address(city="Town"),), (Telecom("1"),))


def test_an_identifier_without_root_is_passed_over_with_a_warning() -> None:
    ids = '<id root="2.999.1.1" extension="1"/><id assigningAuthorityName="X" extension="2"/><id nullFlavor="NA"/>'

    update = read_update(v3_feed(ids=ids))

    assert len(update.identifiers) == 1
    assert [(v.where, v.severity) for v in update.warnings] == [(f"{PATIENT}/id[2]/@root", Severity.WARNING)]


@pytest.mark.parametrize(
    ("person", "condition", "where"),
    [
        ('<administrativeGenderCode code="W"/>', Condition.VALUE_UNKNOWN, "administrativeGenderCode/@code"),
        ('<birthTime value="19840231"/>', Condition.FIELD_INVALID, "birthTime/@value"),
        ('<deceasedTime value="x"/>', Condition.FIELD_INVALID, "deceasedTime/@value"),
        ('<multipleBirthOrderNumber value="0"/>', Condition.FIELD_INVALID, "multipleBirthOrderNumber/@value"),
    ],
)
def test_a_bad_value_is_refused_with_its_place_and_tolerated_from_a_lenient_source(
    person: str, condition: Condition, where: str
) -> None:
    body = v3_feed("<name><family>Rivera</family></name>" + person)

    violations = refusal(read_update, body)
    update = read_update(body, lenient=True)

    assert [(v.condition, v.where) for v in violations] == [(condition, f"{PATIENT}/patientPerson/{where}")]
    assert len(update.warnings) == 1


@pytest.mark.parametrize(
    ("ids", "where"),
    [
        ('<id nullFlavor="NA"/>', f"{PATIENT}/id"),
        ('<id root="2.999.1.1"/><id root="2.999.1.1" extension="1"/>', f"{PATIENT}/id[1]/@extension"),
        (f'<id root="2.999.1.1" extension="{"1" * 256}"/>', f"{PATIENT}/id/@extension"),
    ],
)
def test_a_missing_or_endless_identifier_is_refused(ids: str, where: str) -> None:
    assert where in {v.where for v in refusal(read_update, v3_feed(ids=ids))}


def test_a_message_without_patient_is_refused() -> None:
    body = parse_xml(b'<PRPA_IN201301UV02 xmlns="urn:hl7-org:v3"><controlActProcess/></PRPA_IN201301UV02>')

    assert refusal(read_update, body)[0].condition is Condition.SEGMENT_MISSING


def test_two_patients_in_a_message_are_refused() -> None:
    body = v3_feed()
    act = body[-1]
    act.append(parse_xml(b'<subject xmlns="urn:hl7-org:v3"/>'))

    assert refusal(read_update, body)[0].condition is Condition.PARAMETER_COUNT


def test_a_feed_may_not_replace_another() -> None:
    body = v3_merge()
    body.tag = "{urn:hl7-org:v3}PRPA_IN201302UV02"

    assert refusal(read_update, body)[0].where.endswith("/replacementOf")


def test_a_merge_names_survivor_and_subsumed_and_changes_no_demographics() -> None:
    body = v3_merge()

    merge = read_merge(body)

    assert faults("hl7v3", body) == []
    assert merge.survivor.patient_id == PatientId("4711", OID_1)
    assert merge.subsumed.patient_id == PatientId("4699", OID_1)
    assert merge.subsumed.where.endswith("/replacementOf/priorRegistration/subject1/priorRegisteredRole/id")
    assert merge.update.spoken == frozenset()


@pytest.mark.parametrize(
    "subsumed", ["", '<id nullFlavor="NA"/>', '<id root="2.999.1.1" extension="1"/><id root="2.999.1.1" extension="2"/>']
)
def test_a_merge_has_one_pair(subsumed: str) -> None:
    assert any("replacementOf" in v.where for v in refusal(read_merge, v3_merge(subsumed)))


def test_violations_hold_nothing_of_the_patient() -> None:
    violations = refusal(read_update, v3_feed('<name><family>Rivera</family></name><birthTime value="17.3.1984"/>'))

    assert not any(word in v.detail + v.where for v in violations for word in ("1984", "Rivera", "4711"))


def test_a_person_is_read_as_it_was_written() -> None:
    subject = write_subject([PatientId("1", OID_1), PatientId("2", OID_2)], LENA, "2.999.9", replaced=PatientId("3", OID_1))
    body = v3_feed()
    act = body[-1]
    act.replace(act[0], parse_xml(f'<x xmlns="urn:hl7-org:v3">{subject}</x>'.encode())[0])
    body.tag = "{urn:hl7-org:v3}PRPA_IN201304UV02"

    merge = read_merge(body)

    assert faults("hl7v3", body) == []
    assert merge.update.demographics == LENA
    assert merge.subsumed.patient_id == PatientId("3", OID_1)
    assert [i.patient_id for i in merge.update.others] == [PatientId("2", OID_2)]


def test_an_identifier_without_oid_cannot_be_told() -> None:
    text = write_subject([PatientId("secret", AssigningAuthority("ONLY-A-NAME")), PatientId("2", OID_2)], LENA, "2.999.9")

    assert "secret" not in text
    assert '<id root="2.999.1.2" extension="2"/>' in text


def test_an_authority_in_which_there_is_nothing_is_told_with_a_null() -> None:
    text = write_subject([PatientId("1", OID_1)], LENA, "2.999.9", lacking=[OID_2])

    assert '<asOtherIDs classCode="PAT"><id nullFlavor="NA"/>' in text


@pytest.mark.parametrize(("confidence", "value"), [(95, 'value="95"'), (0, 'value="0"'), (None, 'nullFlavor="UNK"')])
def test_a_match_always_has_a_value(confidence: int | None, value: str) -> None:
    assert f'<value xsi:type="INT" {value}/>' in write_match(confidence)
