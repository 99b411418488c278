"""The header of CDA documents: what published examples say, and what is not said is left out."""

from __future__ import annotations

import pytest

from content.cda import facts_of_cda
from content.facts import SILENCE, DocumentFacts, FactualAuthor
from kernel.codes import Code
from kernel.xml import parse_xml
from tests.support.shared import sample

LOINC = "2.16.840.1.113883.6.1"


def facts(inside: str) -> DocumentFacts:
    return facts_of_cda(parse_xml(f'<ClinicalDocument xmlns="urn:hl7-org:v3">{inside}</ClinicalDocument>'.encode()))


def test_a_scanned_document_says_who_whose_what_and_when() -> None:
    found = facts_of_cda(parse_xml(sample("cda", "XDS-SD.TEXT.xml")))

    assert found.unique_id == "1.3.6.4.1.4.1.2835.2.7777"
    assert (found.title, found.language) == ("Good Health Clinic Care Record Summary", "en-US")
    assert found.type_code == Code("34133-9", LOINC, "SUMMARIZATION OF EPISODE NOTE")
    assert [c.key for c in found.confidentiality_codes] == [("N", "2.16.840.1.113883.5.25")]
    assert (found.creation_time, found.service_start, found.service_stop) == ("20050329174411", "19800127", "19990522")
    assert [i.cx for i in found.patient_ids] == ["12345^^^&2.16.840.1.113883.3.933&ISO"]
    assert found.patient_info == (
        "PID-3|12345^^^&2.16.840.1.113883.3.933&ISO",
        "PID-5|Ross^Ellen",
        "PID-7|19600127",
        "PID-8|F",
        "PID-11|17 Daws Rd.^^Blue Bell^MA^02368^USA",
    )
    assert found.legal_authenticator == "11111111^Wiseman^Bernard^^Sr.^Dr.^^^&1.3.5.35.1.4436.7&ISO"
    assert found.authors == (
        FactualAuthor(
            "11111111^Wiseman^Bernard^^Sr.^Dr.^^^&1.3.5.35.1.4436.7&ISO",
            "Dr. Wiseman\u2019s Clinic^^^^^&1.3.5.35.1.4436.7&ISO^^^^aaaaabbbbb",
        ),
    )


@pytest.mark.parametrize("name", ["CCD.xml", "Diagnostic_Imaging_Report.xml"])
def test_other_published_documents_are_read(name: str) -> None:
    found = facts_of_cda(parse_xml(sample("cda", name)))

    assert found.type_code.scheme == LOINC
    assert found.title
    assert len(found.creation_time) == 14
    assert any(text.startswith("PID-5|") for text in found.patient_info)
    assert found.authors


def test_a_document_that_says_nothing_has_no_facts_but_its_kind() -> None:
    found = facts("")

    assert found == DocumentFacts(mime_type="text/xml")
    assert found.type_code == SILENCE.type_code


def test_what_is_marked_as_unknown_is_not_said() -> None:
    found = facts(
        '<id nullFlavor="UNK"/><code nullFlavor="NI" code="X" codeSystem="2.999"/><title nullFlavor="NI">T</title>'
        '<effectiveTime nullFlavor="UNK"/><languageCode nullFlavor="UNK"/>'
        '<recordTarget><patientRole><id nullFlavor="MSK" root="2.999.1" extension="1"/>'
        '<patient><name nullFlavor="MSK"><given>A</given><family>B</family></name><birthTime nullFlavor="UNK"/></patient>'
        "</patientRole></recordTarget>"
    )

    assert found == DocumentFacts(mime_type="text/xml")


@pytest.mark.parametrize(
    ("element", "unique_id"),
    [
        ('<id root="2.999.1"/>', "2.999.1"),
        ('<id root="2.999.1" extension="A1"/>', "2.999.1^A1"),
        ('<id root="2.999.1" extension="more than sixteen letters"/>', ""),
        ('<id root="be84a8e4-a22e-4210-a4a6-b3c48273e84c" extension="1"/>', ""),
        ('<id extension="1"/>', ""),
    ],
)
def test_an_id_that_cannot_be_a_unique_id_is_none(element: str, unique_id: str) -> None:
    assert facts(element).unique_id == unique_id


def test_a_code_without_its_system_is_not_a_code() -> None:
    assert facts('<code code="X"/>').type_code.code == ""


def test_an_author_who_has_neither_id_nor_name_and_a_device_are_left_out() -> None:
    found = facts(
        "<author><assignedAuthor><assignedPerson><name><family>Only</family></name></assignedPerson></assignedAuthor></author>"
        '<author><assignedAuthor><id root="2.999.1"/><assignedAuthoringDevice/></assignedAuthor></author>'
        "<author><assignedAuthor><assignedPerson><name><given>A</given><given>B</given><family>C^D</family></name></assignedPerson>"
        '<representedOrganization><id root="2.999.3"/><name>Clinic</name></representedOrganization></assignedAuthor></author>'
    )

    assert found.authors == (FactualAuthor("^C D^A^B", "Clinic^^^^^^^^^2.999.3"),)


def test_the_encounter_tells_times_and_place_where_no_service_does() -> None:
    found = facts(
        '<componentOf><encompassingEncounter><effectiveTime value="20260102"/><location><healthCareFacility>'
        '<code code="HOSP" codeSystem="2.16.840.1.113883.5.111" displayName="Hospital"/>'
        "</healthCareFacility></location></encompassingEncounter></componentOf>"
    )

    assert (found.service_start, found.service_stop) == ("20260102", "20260102")
    assert found.facility_code == Code("HOSP", "2.16.840.1.113883.5.111", "Hospital")
