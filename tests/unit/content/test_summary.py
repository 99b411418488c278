"""The summary as a document of the standard: valid, complete, and with nothing that nobody said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from lxml import etree

from content.summary import SummarizedDocument, SummarizedPatient, SummaryHead, clinical_document
from kernel.codes import Code
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.xml import Element, parse_xml
from tests.support.shared import shared

V3 = "{urn:hl7-org:v3}"
LOINC = "2.16.840.1.113883.6.1"
AT = datetime(2026, 11, 22, 10, 15, 30, tzinfo=UTC)
HEAD = SummaryHead(
    "2.25.4711",
    Code("60591-5", LOINC, "Patient summary Document"),
    "Patient summary",
    "en-US",
    Code("N", "2.999.5", "normal"),
    "2.999",
)
PATIENT = SummarizedPatient(
    (PatientId("P-1", AssigningAuthority.of_oid("2.999.1")),), "O'Brien & Sons", ("Lena", "M"), "19840317", "F"
)
LETTER = SummarizedDocument("2.999.7^A", "Letter <1>", "Letters", Code("34133-9", LOINC, "Summary"), "20260114103000", "Dr. Welby")
REPORT = SummarizedDocument("2.999.8", "Report", "Reports", Code("11502-2", "local words", "Report"), "2026")


def written(*documents: SummarizedDocument, head: SummaryHead = HEAD, patient: SummarizedPatient = PATIENT) -> Element:
    """The summary, valid."""
    root = parse_xml(clinical_document(head, patient, documents, at=AT))
    schema = etree.XMLSchema(etree.parse(str(shared("schemas", "cda", "infrastructure", "cda", "CDA_SDTC.xsd"))))
    assert schema.validate(root), schema.error_log
    return root


def attributes(root: Element, name: str) -> list[dict[str, str]]:
    return [{str(k): str(v) for k, v in e.attrib.items()} for e in root.iter(f"{V3}{name}")]


def test_it_names_itself_its_patient_and_its_keeper() -> None:
    root = written(LETTER)

    assert root.find(f"{V3}id").attrib == {"root": "2.25.4711"}  # type: ignore[union-attr]
    assert root.find(f"{V3}effectiveTime").get("value") == "20261122101530+0000"  # type: ignore[union-attr]
    role = root.find(f"{V3}recordTarget/{V3}patientRole")
    assert role is not None
    assert role.find(f"{V3}id").attrib == {"root": "2.999.1", "extension": "P-1"}  # type: ignore[union-attr]
    assert [e.text for e in role.iter(f"{V3}given", f"{V3}family")] == ["Lena", "M", "O'Brien & Sons"]
    assert attributes(role, "administrativeGenderCode")[0]["code"] == "F"
    assert attributes(role, "birthTime") == [{"value": "19840317"}]


def test_documents_stand_in_sections_by_class_the_newest_first() -> None:
    older = replace(LETTER, unique_id="2.999.9", title="Older", created="20250101")

    root = written(older, REPORT, LETTER)

    assert [e.findtext(f"{V3}title") for e in root.iter(f"{V3}section")] == ["Letters", "Reports"]
    rows = [[cell.text or "" for cell in row] for row in root.iter(f"{V3}tr") if row[0].tag == f"{V3}td"]
    assert rows[0] == ["2026-01-14", "Summary", "Letter <1>", "Dr. Welby", "2.999.7^A"]
    assert [row[2] for row in rows] == ["Letter <1>", "Older", "Report"]
    assert rows[2][0] == "2026"


def test_each_document_is_referred_to_by_its_id() -> None:
    root = written(LETTER, REPORT)

    ids = [e.find(f"{V3}id").attrib for e in root.iter(f"{V3}externalDocument")]  # type: ignore[union-attr]
    assert ids == [{"root": "2.999.7", "extension": "A"}, {"root": "2.999.8"}]


def test_a_scheme_that_is_no_oid_is_a_name() -> None:
    codes = attributes(written(REPORT), "code")

    assert {"code": "11502-2", "codeSystemName": "local words", "displayName": "Report"} in codes


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    patient = SummarizedPatient(PATIENT.ids)

    root = written(REPORT, head=replace(HEAD, title="", confidentiality=Code("", "")), patient=patient)

    for name in ("name", "birthTime", "administrativeGenderCode", "confidentialityCode"):
        assert attributes(root, name) == [{"nullFlavor": "UNK"}]
    assert root.find(f"{V3}title") is None


@pytest.mark.parametrize("text", ["\x00\x0b\x1f\ufffe", "<script>", "\"'&amp;", "\ud800", "Zoë 名前 🜁"])
def test_any_text_makes_a_document_that_is_well_formed(text: str) -> None:
    strange = SummarizedDocument(text, text, text, Code(text or "x", text, text), text, text)

    written(strange, head=replace(HEAD, title=text), patient=replace(PATIENT, family=text, given=(text,), birth=text, sex=text))


def test_a_patient_without_documents_has_a_summary_that_says_so() -> None:
    assert "No document is registered." in [e.text for e in written().iter(f"{V3}text")]
