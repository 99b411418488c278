"""Required attributes, how often they stand, and their formats."""

from __future__ import annotations

from typing import Any

import pytest

from ebrim.model import Author, CodedValue, EntryType, Identifier, LocalText, Slot
from kernel.codes import Code
from kernel.errors import Condition
from registry.rules.attributes import entry_faults, folder_faults, set_faults
from tests.support.metadata import a_code, a_document_entry, a_folder, a_submission_set

ON_DEMAND = {"object_type": EntryType.ON_DEMAND.value, "creation_time": (), "hash": (), "size": ()}


def told(faults: Any) -> list[str]:
    """The details, each of a metadata error."""
    found = list(faults)
    assert {v.condition for v in found} <= {Condition.METADATA_INVALID}
    return [v.detail for v in found]


def test_a_whole_entry_set_and_folder_have_no_fault() -> None:
    assert told(entry_faults(a_document_entry(), EntryType.STABLE)) == []
    assert told(set_faults(a_submission_set())) == []
    assert told(folder_faults(a_folder())) == []
    assert told(entry_faults(a_document_entry(**ON_DEMAND), EntryType.ON_DEMAND)) == []


@pytest.mark.parametrize(
    ("field", "attribute"),
    [
        ("class_codes", "classCode"),
        ("type_codes", "typeCode"),
        ("format_codes", "formatCode"),
        ("facility_codes", "healthcareFacilityTypeCode"),
        ("practice_codes", "practiceSettingCode"),
        ("confidentiality_codes", "confidentialityCode"),
        ("creation_time", "creationTime"),
        ("hash", "hash"),
        ("size", "size"),
        ("language_code", "languageCode"),
        ("repository_unique_id", "repositoryUniqueId"),
        ("source_patient_id", "sourcePatientId"),
        ("patient_ids", "patientId"),
        ("unique_ids", "uniqueId"),
    ],
)
def test_an_entry_without_a_required_attribute_is_refused_with_its_name(field: str, attribute: str) -> None:
    entry = a_document_entry(**{field: ()})

    assert told(entry_faults(entry, EntryType.STABLE)) == [f"{attribute}: missing"]


@pytest.mark.parametrize(
    ("field", "attribute"),
    [
        ("class_codes", "classCode"),
        ("type_codes", "typeCode"),
        ("creation_time", "creationTime"),
        ("hash", "hash"),
        ("service_start_time", "serviceStartTime"),
        ("unique_ids", "uniqueId"),
        ("legal_authenticator", "legalAuthenticator"),
    ],
)
def test_a_single_valued_attribute_of_an_entry_may_not_stand_twice(field: str, attribute: str) -> None:
    present = getattr(a_document_entry(), field) or ("20260101",)
    entry = a_document_entry(**{field: (*present, *present)})

    assert told(entry_faults(entry, EntryType.STABLE)) == [f"{attribute}: 2 values where one is expected"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"creation_time": ("2026-01-02",)}, "creationTime: not a DTM of 4, 6, 8, 10, 12 or 14 digits"),
        ({"creation_time": ("20261302",)}, "creationTime: not a DTM of 4, 6, 8, 10, 12 or 14 digits"),
        ({"service_stop_time": ("202601021",)}, "serviceStopTime: not a DTM of 4, 6, 8, 10, 12 or 14 digits"),
        ({"hash": ("xyz",)}, "hash: not a SHA-1 of 40 hex digits"),
        ({"size": ("-1",)}, "size: not a non-negative integer"),
        ({"size": ("9223372036854775808",)}, "size: larger than any document"),
        ({"type_codes": (a_code("a\0b"),)}, "typeCode: holds characters that cannot be kept"),
        ({"type_codes": (a_code("x" * 257),)}, "typeCode: longer than 256 characters"),
        ({"unique_ids": (Identifier("1.2^a\0b"),)}, "uniqueId: holds characters that cannot be kept"),
        ({"patient_ids": (Identifier("P\ud800^^^&1.2&ISO"),)}, "patientId: holds characters that cannot be kept"),
        ({"language_code": ("english language",)}, "languageCode: not a language tag"),
        ({"repository_unique_id": ("1.02.3",)}, "repositoryUniqueId: not an OID of at most 64 characters"),
        ({"source_patient_id": ("S-1",)}, "sourcePatientId: not of the form id^^^&OID&ISO"),
        ({"source_patient_info": ("Jones",)}, "sourcePatientInfo: not of the form PID-n|value"),
        ({"patient_ids": (Identifier("P-1^^^HOSP&1.2.3&ISO"),)}, "patientId: not of the form id^^^&OID&ISO"),
        ({"unique_ids": (Identifier("abc"),)}, "uniqueId: does not begin with an OID of at most 64 characters"),
        ({"unique_ids": (Identifier("1.2.3^" + "x" * 17),)}, "uniqueId: the extension after ^ has not 1 to 16 characters"),
        ({"mime_type": "text"}, "mimeType: not a MIME type"),
        ({"mime_type": ""}, "mimeType: missing"),
        ({"document_availability": ("Online",)}, "documentAvailability: neither Online nor Offline"),
        ({"reference_id_list": ("x^^^&1.2&ISO",)}, "referenceIdList: CXi component 5, the identifier type code, is empty"),
        ({"reference_id_list": ("x" * 300 + "^^^&1.2&ISO^t",)}, "referenceIdList: longer than 256 characters"),
        ({"home": "1.2.3"}, "home: not urn:oid: with an OID, of at most 64 characters"),
        (
            {"slots": (Slot("colour", ("red",)),)},
            "slot colour: not an attribute of this object, and its name does not begin with urn:",
        ),
        ({"object_type": "urn:uuid:0"}, "objectType: not that of a stable document"),
        ({"faults": ("slot size stands more than once",)}, "slot size stands more than once"),
        ({"class_codes": (a_code(code=""),)}, "classCode: a Classification has no nodeRepresentation"),
        ({"class_codes": (a_code(display=""),)}, "classCode: a Classification has no Name"),
        ({"class_codes": (CodedValue(Code("a", "", "A")),)}, "classCode: a Classification has not one codingScheme"),
        (
            {"class_codes": (CodedValue(Code("a", "s", "A"), scheme_values=("s", "t")),)},
            "classCode: a Classification has not one codingScheme",
        ),
        (
            {"class_codes": (CodedValue(Code("a", "s", "A"), classified_object="Other", scheme_values=("s",)),)},
            "classCode: classifiedObject is not the id of the object around it",
        ),
        ({"unique_ids": (Identifier("1.2.3", "e1", "Other"),)}, "uniqueId: registryObject is not the id of the object around it"),
        ({"authors": (Author(institution=("Clinic",)),)}, "authorPerson: 0 values where one is expected"),
        ({"authors": (Author(person=("^Smith",)),)}, "authorPerson: XCN holds neither an id nor family and given names"),
        ({"authors": (Author(person=("x",), node_representation="x"),)}, "author: the nodeRepresentation of an author is empty"),
        ({"authors": (Author(person=("x",), institution=("^a",)),)}, "authorInstitution: XON component 1, the name, is empty"),
        ({"authors": (Author(person=("x",), other_slots=(Slot("hair", ()),)),)}, "slot hair: not part of an author"),
    ],
)
def test_a_bad_value_of_an_entry_is_named_with_its_attribute(changes: dict[str, Any], expected: str) -> None:
    assert told(entry_faults(a_document_entry(**changes), EntryType.STABLE)) == [expected]


def test_every_fault_is_told_at_once() -> None:
    entry = a_document_entry(class_codes=(), hash=("zz",), language_code=("en", "de"))

    assert len(told(entry_faults(entry, EntryType.STABLE))) == 3


def test_a_fault_never_repeats_what_may_name_a_person() -> None:
    entry = a_document_entry(source_patient_info=("Jones^Anna",), authors=(Author(person=("^Jones",)),))

    assert "Jones" not in " ".join(told(entry_faults(entry, EntryType.STABLE)))


def test_slots_of_the_domain_and_titles_in_several_languages_are_let_pass() -> None:
    entry = a_document_entry(slots=(Slot("urn:example:ward", ("7",)),), title=(LocalText("a", "en"), LocalText("b", "de")))

    assert told(entry_faults(entry, EntryType.STABLE)) == []


def test_an_on_demand_entry_has_no_creation_time_hash_or_size() -> None:
    entry = a_document_entry(object_type=EntryType.ON_DEMAND.value)

    assert told(entry_faults(entry, EntryType.ON_DEMAND)) == [
        f"{name}: an on-demand entry has none" for name in ("creationTime", "hash", "size")
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"content_type_codes": ()}, "contentTypeCode: missing"),
        ({"source_ids": ()}, "sourceId: missing"),
        ({"source_ids": (Identifier("hospital"),)}, "sourceId: not an OID of at most 64 characters"),
        ({"submission_time": ()}, "submissionTime: missing"),
        ({"unique_ids": (Identifier("1.2.3^x"),)}, "uniqueId: not an OID of at most 64 characters"),
        ({"patient_ids": ()}, "patientId: missing"),
        ({"intended_recipients": ("||",)}, "intendedRecipient: not of the form XON|XCN|XTN with at least one part"),
        ({"slots": (Slot("note", ("x",)),)}, "slot note: not an attribute of this object, and its name does not begin with urn:"),
    ],
)
def test_a_bad_value_of_a_submission_set_is_named(changes: dict[str, Any], expected: str) -> None:
    assert told(set_faults(a_submission_set(**changes))) == [expected]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"codes": ()}, "codeList: missing"),
        ({"unique_ids": ()}, "uniqueId: missing"),
        ({"patient_ids": (Identifier("x"),)}, "patientId: not of the form id^^^&OID&ISO"),
    ],
)
def test_a_bad_value_of_a_folder_is_named(changes: dict[str, Any], expected: str) -> None:
    assert told(folder_faults(a_folder(**changes))) == [expected]
