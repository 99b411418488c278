"""ITI-42: every rule of the submission (ITI TF-3 4.2), broken once, is named with its exact code and nothing is stored."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.conformance.conftest import NewPatient, Patient
from tests.support import messages as m
from tests.support.checked import CheckedSoapWire
from tests.support.edits import (
    ENTRY,
    FOLDER,
    MEMBER,
    SET,
    Edit,
    again,
    code_of,
    drop,
    edited,
    identifier_of,
    insert,
    put,
    remove,
    slot_of,
    text,
    value_of,
)

METADATA = "XDSRegistryMetadataError"
CLASS, TYPE, FORMAT = (
    "41a5887f-8865-4c09-adf7-e362475b143a",
    "f0306f51-975f-434e-a61c-c59651d33983",
    "a09d5840-386c-46f2-b5ad-9c3699a4309d",
)
FACILITY, PRACTICE, CONFIDENTIALITY = (
    "f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1",
    "cccf5598-8b07-4b77-a05e-ae952c785ead",
    "f4f85eac-e6cb-4883-b524-f2705394840f",
)
EVENT, AUTHOR, CONTENT_TYPE = (
    "2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4",
    "93606bcf-9494-43ec-9b4e-a7748d1a838d",
    "aa543740-bdda-424e-8c96-df4873be8500",
)
ENTRY_PATIENT, ENTRY_UNIQUE_ID = "58a6f841-87b3-4a3e-92fd-a8ffeff98427", "2e82c1f6-a085-4c72-9da3-8640a32e42ab"
SET_PATIENT, SET_SOURCE, SET_UNIQUE_ID = (
    "6b5aea1a-874d-4603-a4bc-96a0a7b38446",
    "554ac39e-e3fe-47fe-b233-965d2a147832",
    "96fdda7c-d067-4183-912e-bf5ee74998a8",
)
FOLDER_CODES, FOLDER_PATIENT, FOLDER_UNIQUE_ID = (
    "1ba97051-7806-41a8-a48b-8fce7af683c5",
    "f64ffdf0-4b97-4e06-b79f-a52b38ec2f8a",
    "75df8f67-9973-4fbe-a900-df66cefecc5a",
)
DOCUMENTATION = "abd807a3-4432-4053-87b4-fd82c643d1f3"
ON_DEMAND = "urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248"
NOWHERE = "urn:uuid:00000000-0000-4000-8000-00000000dead"
IHE = "urn:ihe:iti:2007:AssociationType:"
IHE_2010 = "urn:ihe:iti:2010:AssociationType:"
LIST = "//rim:RegistryObjectList"


@dataclass(frozen=True)
class Case:
    """What is done to a right submission, and what must be said of it: codes, and words that stand in the first context."""

    name: str
    edits: tuple[Edit, ...]
    words: str = ""
    codes: tuple[str, ...] = (METADATA,)


def case(name: str, *edits: Edit, words: str = "", codes: tuple[str, ...] = (METADATA,)) -> Case:
    """In short."""
    return Case(name, edits, words, codes)


def slot(name: str, *values: str, at: str = ENTRY) -> Edit:
    """Adds a slot."""
    return insert(at, m.slot(name, *values), before="rim:Name")


def code_xml(scheme: str, code: str = "X", of: str = "Document") -> str:
    """A classification with a code, for an object whose id a test does not know."""
    return m.classification(of, scheme, code)


def link(kind: str, source: str, target: str) -> Edit:
    """Adds an association; `Document` stands for the submitted entry."""
    return insert(LIST, m.association(kind, source, target))


REQUIRED = [
    *(
        case(f"an entry without {name}", remove(ENTRY + code_of(scheme)), words=name)
        for name, scheme in (
            ("classCode", CLASS),
            ("typeCode", TYPE),
            ("formatCode", FORMAT),
            ("healthcareFacilityTypeCode", FACILITY),
            ("practiceSettingCode", PRACTICE),
            ("confidentialityCode", CONFIDENTIALITY),
        )
    ),
    *(
        case(f"an entry without {name}", remove(ENTRY + slot_of(name)), words=name)
        for name in ("creationTime", "languageCode", "sourcePatientId", "repositoryUniqueId", "hash", "size")
    ),
    case("an entry without mimeType", drop(ENTRY, "mimeType"), words="mimeType"),
    case("an entry without uniqueId", remove(ENTRY + identifier_of(ENTRY_UNIQUE_ID)), words="uniqueId"),
    case(
        "an entry without patientId",
        remove(ENTRY + identifier_of(ENTRY_PATIENT)),
        words="patientId",
        codes=(METADATA, "XDSPatientIdDoesNotMatch"),
    ),
    case("a set without contentTypeCode", remove(SET + code_of(CONTENT_TYPE)), words="contentTypeCode"),
    case("a set without submissionTime", remove(SET + slot_of("submissionTime")), words="submissionTime"),
    case("a set without sourceId", remove(SET + identifier_of(SET_SOURCE)), words="sourceId"),
    case("a set without uniqueId", remove(SET + identifier_of(SET_UNIQUE_ID)), words="uniqueId"),
    case(
        "a set without patientId",
        remove(SET + identifier_of(SET_PATIENT)),
        words="patientId",
        codes=(METADATA, "XDSPatientIdDoesNotMatch"),
    ),
]
REPEATED = [
    *(
        case(f"two {name}", again(ENTRY + code_of(scheme)), words=name)
        for name, scheme in (
            ("classCode", CLASS),
            ("typeCode", TYPE),
            ("formatCode", FORMAT),
            ("healthcareFacilityTypeCode", FACILITY),
            ("practiceSettingCode", PRACTICE),
        )
    ),
    case("a slot that stands twice", again(ENTRY + slot_of("creationTime")), words="creationTime", codes=(METADATA, METADATA)),
    *(
        case(
            f"two values of {name}", insert(ENTRY + slot_of(name) + "/rim:ValueList", f"<rim:Value>{value}</rim:Value>"), words=name
        )
        for name, value in (
            ("creationTime", "2026"),
            ("languageCode", "fr"),
            ("sourcePatientId", m.cx("S-2", "2.999.5.1").replace("&", "&amp;")),
            ("repositoryUniqueId", "2.999.8"),
            ("hash", m.EMPTY_SHA1),
            ("size", "0"),
        )
    ),
    case("two uniqueIds of an entry", again(ENTRY + identifier_of(ENTRY_UNIQUE_ID)), words="uniqueId"),
    case("two sourceIds of a set", again(SET + identifier_of(SET_SOURCE)), words="sourceId"),
    case("two contentTypeCodes", again(SET + code_of(CONTENT_TYPE)), words="contentTypeCode"),
    case("two values of submissionTime", insert(SET + slot_of("submissionTime") + "/rim:ValueList", "<rim:Value>2026</rim:Value>")),
]
FORMATS = [
    *(
        case(f"{name} as {value!r}", text(ENTRY + value_of(name), value), words=name)
        for name, value in (
            ("creationTime", "2026-01-14"),
            ("creationTime", "20261301"),
            ("creationTime", "202601141030000"),
            ("creationTime", "20260114103000+0100"),
            ("languageCode", "english language"),
            ("repositoryUniqueId", "1.3.6.01"),
            ("repositoryUniqueId", "repository"),
            ("sourcePatientId", "4711"),
            ("sourcePatientId", "4711^^^HOSP&2.999.5.1&ISO"),
            ("hash", "not hexadecimal"),
            ("size", "-1"),
            ("size", "12 KB"),
            ("sourcePatientInfo", "PID3|x"),
        )
    ),
    *(
        case(f"{name} as {value!r}", slot(name, value), words=name.rpartition(":")[2])
        for name, value in (
            ("serviceStartTime", "yesterday"),
            ("serviceStopTime", "2026011"),
            ("legalAuthenticator", "^^^"),
            ("documentAvailability", "Nearline"),
            ("urn:ihe:iti:xds:2013:referenceIdList", "only an id"),
        )
    ),
    case("a uniqueId that is no OID", put(ENTRY + identifier_of(ENTRY_UNIQUE_ID), "value", "document 1"), words="uniqueId"),
    case("a uniqueId with a zero before", put(ENTRY + identifier_of(ENTRY_UNIQUE_ID), "value", "2.999.01"), words="uniqueId"),
    case("a uniqueId of 65 characters", put(ENTRY + identifier_of(ENTRY_UNIQUE_ID), "value", "2." + "1" * 63), words="uniqueId"),
    case(
        "a uniqueId with an extension of 17",
        put(ENTRY + identifier_of(ENTRY_UNIQUE_ID), "value", "2.999.1^" + "e" * 17),
        words="uniqueId",
    ),
    case("a sourceId that is no OID", put(SET + identifier_of(SET_SOURCE), "value", "3670984664"), words="sourceId"),
    case("a set's uniqueId that is no OID", put(SET + identifier_of(SET_UNIQUE_ID), "value", "visit"), words="uniqueId"),
    case("submissionTime as '2026-01-14'", text(SET + value_of("submissionTime"), "2026-01-14"), words="submissionTime"),
    case("an intendedRecipient of nothing", slot("intendedRecipient", "||", at=SET), words="intendedRecipient"),
    case("a mimeType that is none", put(ENTRY, "mimeType", "text"), words="mimeType"),
    case("a home that is no community", put(ENTRY, "home", "1.2.3"), words="home"),
    case("a home that is too long", put(ENTRY, "home", "urn:oid:2." + "1" * 60), words="home"),
    case("an author of nobody", text(ENTRY + code_of(AUTHOR) + value_of("authorPerson"), "^^^"), words="authorPerson"),
    case("an institution without name", text(ENTRY + code_of(AUTHOR) + value_of("authorInstitution"), "^^^"), words="authorInst"),
    case("an author with a nodeRepresentation", put(ENTRY + code_of(AUTHOR), "nodeRepresentation", "X"), words="author"),
    case(
        "two persons in one author",
        insert(ENTRY + code_of(AUTHOR) + slot_of("authorPerson") + "/rim:ValueList", "<rim:Value>^A^B</rim:Value>"),
        words="authorPerson",
    ),
    case(
        "an author's address that is none",
        insert(ENTRY + code_of(AUTHOR), m.slot("authorTelecommunication", "^^Internet^nowhere")),
        words="authorTelecommunication",
    ),
    case("a code without value", put(ENTRY + code_of(CLASS), "nodeRepresentation", ""), words="classCode"),
    case("a code without name", remove(ENTRY + code_of(CLASS) + "/rim:Name"), words="classCode"),
    case("a code without scheme", remove(ENTRY + code_of(CLASS) + slot_of("codingScheme")), words="classCode"),
    case(
        "a code of two schemes",
        insert(ENTRY + code_of(CLASS) + slot_of("codingScheme") + "/rim:ValueList", "<rim:Value>2.999.2</rim:Value>"),
        words="classCode",
    ),
    case("an event code without name", remove(ENTRY + code_of(EVENT) + "/rim:Name"), words="eventCodeList"),
    case("a code of another object", put(ENTRY + code_of(CLASS), "classifiedObject", "Elsewhere"), words="classifiedObject"),
    case(
        "an identifier of another object",
        put(ENTRY + identifier_of(ENTRY_UNIQUE_ID), "registryObject", "Elsewhere"),
        words="registryObject",
    ),
    case("a slot of nobody's profile", slot("favouriteColour", "blue"), words="favouriteColour"),
    case("a slot of nobody's profile at a set", slot("favouriteColour", "blue", at=SET), words="favouriteColour"),
    case(
        "a scheme of nobody's profile",
        insert(ENTRY, code_xml("00000000-0000-4000-8000-000000000001"), before="rim:ExternalIdentifier"),
    ),
    case("an on-demand entry", put(ENTRY, "objectType", ON_DEMAND), words="objectType"),
    case("an object of an unknown kind", put(ENTRY, "objectType", "urn:uuid:00000000-0000-4000-8000-000000000001")),
]
STRUCTURE = [
    case("no member of the set", remove(MEMBER), words="HasMember"),
    case("a member twice", again(MEMBER), words="HasMember"),
    case("a member without SubmissionSetStatus", remove(MEMBER + "/rim:Slot"), words="SubmissionSetStatus"),
    case("a new entry as Reference", text(MEMBER + value_of("SubmissionSetStatus"), "Reference"), words="SubmissionSetStatus"),
    case("a package that is nothing", remove(SET + "/rim:Classification[@classificationNode]"), words="RegistryPackage"),
    case("an id that stands twice", put(SET + code_of(CONTENT_TYPE), "id", "Set"), words="2 times"),
    case("an upper-case UUID", put(MEMBER, "id", "urn:uuid:00000000-0000-4000-8000-00000000ABCD"), words="lower-case"),
    case("an association from nowhere", link(m.HAS_MEMBER, "Nobody", "Document"), words="HasMember", codes=(METADATA, METADATA)),
    case("an association to itself", link(IHE + "APND", "Document", "Document"), words="same object", codes=(METADATA, METADATA)),
    case("an association to the set", link(IHE + "signs", "Document", "Set"), words="no target", codes=(METADATA, METADATA)),
    case(
        "an association of an unknown type",
        link(IHE + "Likes", "Document", "Document2"),
        words="no object",
        codes=(METADATA, METADATA),
    ),
    case("a short association type", put(MEMBER, "associationType", "HasMember"), words="HasMember", codes=(METADATA, METADATA)),
    case(
        "an update of metadata by ITI-42", link(IHE_2010 + "UpdateAvailabilityStatus", "Set", "Document"), words="associationType"
    ),
    *(
        case(f"{kind} to nowhere", link(IHE + kind, "Document", NOWHERE), codes=("UnresolvedReferenceException",))
        for kind in ("RPLC", "APND", "XFRM", "XFRM_RPLC", "signs")
    ),
    case("a snapshot of nothing", link(IHE_2010 + "IsSnapshotOf", "Document", NOWHERE), codes=("UnresolvedReferenceException",)),
    case(
        "a reference to nowhere",
        insert(LIST, m.association(m.HAS_MEMBER, "Set", NOWHERE, m.slot("SubmissionSetStatus", "Reference"))),
        codes=("UnresolvedReferenceException",),
    ),
    case(
        "a documented membership",
        insert(MEMBER, code_xml(DOCUMENTATION)),
        put(MEMBER + "/rim:Classification", "classifiedObject", ""),
        words="associationDocumentation",
    ),
    case(
        "another patient's entry",
        put(ENTRY + identifier_of(ENTRY_PATIENT), "value", m.cx("OTHER")),
        codes=("XDSPatientIdDoesNotMatch",),
    ),
    case(
        "a patient nobody announced",
        put(ENTRY + identifier_of(ENTRY_PATIENT), "value", m.cx("NOBODY")),
        put(SET + identifier_of(SET_PATIENT), "value", m.cx("NOBODY")),
        codes=("XDSUnknownPatientId",),
    ),
    case(
        "a patient of another authority",
        put(ENTRY + identifier_of(ENTRY_PATIENT), "value", m.cx("4711", "2.999.1.1")),
        put(SET + identifier_of(SET_PATIENT), "value", m.cx("4711", "2.999.1.1")),
        codes=("XDSUnknownPatientId",),
    ),
    case(
        "a patient id that is none",
        put(ENTRY + identifier_of(ENTRY_PATIENT), "value", "4711"),
        put(SET + identifier_of(SET_PATIENT), "value", "4711"),
        words="patientId",
        codes=(METADATA, METADATA),
    ),
]
WITH_FOLDER = [
    case("a folder without code", remove(FOLDER + code_of(FOLDER_CODES)), words="codeList"),
    case("a folder without uniqueId", remove(FOLDER + identifier_of(FOLDER_UNIQUE_ID)), words="uniqueId"),
    case(
        "a folder without patientId",
        remove(FOLDER + identifier_of(FOLDER_PATIENT)),
        words="patientId",
        codes=(METADATA, "XDSPatientIdDoesNotMatch"),
    ),
    case("a folder's uniqueId that is no OID", put(FOLDER + identifier_of(FOLDER_UNIQUE_ID), "value", "knee"), words="uniqueId"),
    case(
        "a folder of another patient",
        put(FOLDER + identifier_of(FOLDER_PATIENT), "value", m.cx("OTHER")),
        codes=("XDSPatientIdDoesNotMatch",),
    ),
    case("a folder that is no member of the set", remove("//rim:Association[@targetObject='Folder']"), words="HasMember"),
    case("a membership that is no member of the set", remove("//rim:Association[@targetObject='Filed']"), words="HasMember"),
    case("a folder in a folder", put("//rim:Association[@id='Filed']", "targetObject", "Folder"), codes=(METADATA, METADATA)),
    case(
        "one uniqueId for folder and entry",
        put(FOLDER + identifier_of(FOLDER_UNIQUE_ID), "value", "2.999.4.4"),
        put(ENTRY + identifier_of(ENTRY_UNIQUE_ID), "value", "2.999.4.4"),
        codes=("XDSRegistryDuplicateUniqueIdInMessage", "XDSRegistryDuplicateUniqueIdInMessage"),
    ),
]


@pytest.fixture(scope="module")
def nobody_yet(new_patient: NewPatient) -> Patient:
    """A patient without documents, as she stays where everything is refused."""
    return new_patient()


def with_folder(entry: m.Entry) -> str:
    """An entry in a new folder."""
    return m.submit_objects(
        [
            m.entry_xml(entry),
            m.set_xml(entry.patient),
            m.folder_xml(entry.patient),
            m.member(entry.id),
            m.association(m.HAS_MEMBER, "Set", "Folder"),
            m.association(m.HAS_MEMBER, "Folder", entry.id, id="Filed"),
            m.association(m.HAS_MEMBER, "Set", "Filed"),
        ]
    )


def assert_refused(soap: CheckedSoapWire, patient: Patient, body: str, broken: Case) -> None:
    """Refused with exactly these codes, and nothing is there afterwards."""
    reply = soap.call(m.ACTION_42, body)

    assert reply.status_urn == "Failure"
    assert sorted(code for code, _ in reply.refusals) == sorted(broken.codes), reply.refusals
    assert broken.words in reply.refusals[0][1], reply.refusals
    assert soap.call(m.ACTION_18, m.find_documents(patient.cx, return_type="ObjectRef")).ids() == []


@pytest.mark.parametrize("broken", [*REQUIRED, *REPEATED, *FORMATS, *STRUCTURE], ids=lambda c: c.name)
def test_a_broken_rule_is_named_and_nothing_is_stored(soap: CheckedSoapWire, nobody_yet: Patient, broken: Case) -> None:
    entry = m.Entry(nobody_yet.cx, id="Document")

    assert_refused(soap, nobody_yet, edited(m.submission(entry), *broken.edits), broken)


@pytest.mark.parametrize("broken", WITH_FOLDER, ids=lambda c: c.name)
def test_a_broken_rule_of_folders_is_named_and_nothing_is_stored(soap: CheckedSoapWire, nobody_yet: Patient, broken: Case) -> None:
    entry = m.Entry(nobody_yet.cx, id="Document")

    assert_refused(soap, nobody_yet, edited(with_folder(entry), *broken.edits), broken)


def test_every_broken_rule_stands_in_one_answer(soap: CheckedSoapWire, nobody_yet: Patient) -> None:
    broken = [c for c in (*REQUIRED[:6], *FORMATS[:1], *STRUCTURE[:1]) if c.codes == (METADATA,)]
    wrong = edited(
        m.submission(m.Entry(nobody_yet.cx, id="Document")),
        *(edit for one in broken for edit in one.edits),
        put(ENTRY + identifier_of(ENTRY_PATIENT), "value", m.cx("OTHER")),
        put(SET + identifier_of(SET_PATIENT), "value", m.cx("NOBODY")),
        link(IHE + "RPLC", "Document", NOWHERE),
    )

    reply = soap.call(m.ACTION_42, wrong)

    codes = [code for code, _ in reply.refusals]
    assert codes.count(METADATA) == len(broken)
    assert set(codes) == {METADATA, "XDSPatientIdDoesNotMatch", "XDSUnknownPatientId", "UnresolvedReferenceException"}


def test_no_set_and_two_sets_are_both_one_too_few_or_many(soap: CheckedSoapWire, nobody_yet: Patient) -> None:
    entry = m.Entry(nobody_yet.cx)

    none = soap.call(m.ACTION_42, m.submit_objects([m.entry_xml(entry)]))
    two = soap.call(
        m.ACTION_42,
        m.submit_objects([m.entry_xml(entry), m.set_xml(entry.patient), m.set_xml(entry.patient, id="Set2"), m.member(entry.id)]),
    )

    assert any("0 submission sets" in context for _, context in none.refusals)
    assert any("2 submission sets" in context for _, context in two.refusals)
    assert none.status_urn == two.status_urn == "Failure"
