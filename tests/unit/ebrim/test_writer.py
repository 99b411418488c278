"""What is written is valid, says what the model says, and fills its open places without being read again."""

from __future__ import annotations

import dataclasses
import uuid

import pytest

from ebrim.model import (
    Association,
    Author,
    CodedValue,
    DocumentEntry,
    Folder,
    Identifier,
    LocalText,
    ObjectRef,
    RegistryLeaf,
    Slot,
    Status,
    Submission,
    SubmissionSet,
)
from ebrim.namespaces import LCM, QUERY, RIM
from ebrim.reader import read_association, read_entry, read_folder, read_set, read_submission
from ebrim.writer import derived_uuid, finish, render, render_object_ref, submit_objects_request, write
from kernel.codes import Code
from kernel.errors import Condition, Rejected
from kernel.identifiers import is_entry_uuid
from kernel.xml import Element, canonical, parse_xml
from tests.support.metadata import PATIENT, a_code, a_document_entry, a_folder, a_membership, a_submission, a_submission_set
from tests.support.shared import faults, sample

ENTRY_ID = "urn:uuid:00000000-0000-4000-8000-000000000001"
HOSTILE = "<&>\"']]>\t\n\r é 😀"
SUBMIT = f"{{{LCM}}}SubmitObjectsRequest"


def wrapped(*fragments: bytes) -> Element:
    """The fragments in a query answer, as a registry splices them."""
    head = f'<q:AdhocQueryResponse xmlns:q="{QUERY}" xmlns="{RIM}" status="urn:x"><RegistryObjectList>'
    return parse_xml(head.encode() + b"".join(fragments) + b"</RegistryObjectList></q:AdhocQueryResponse>")


def first(root: Element) -> Element:
    return root[0][0]


def stored_objects() -> list[RegistryLeaf]:
    return [
        a_document_entry(id=ENTRY_ID),
        a_submission_set(id="urn:uuid:00000000-0000-4000-8000-000000000002", limited_metadata=True),
        a_folder(id="urn:uuid:00000000-0000-4000-8000-000000000003"),
        a_membership(id="urn:uuid:00000000-0000-4000-8000-000000000004", source=ENTRY_ID, target=ENTRY_ID),
    ]


def test_every_kind_of_object_is_valid_when_finished() -> None:
    fragments = [finish(render(o), Status.APPROVED.value, PATIENT, updated="20260102030405") for o in stored_objects()]

    assert faults("xds", wrapped(*fragments, render_object_ref(ObjectRef("urn:uuid:x", "urn:oid:1.2")))) == []


def test_every_kind_of_object_is_valid_when_submitted() -> None:
    submission = a_submission(folders=(a_folder(limited_metadata=True),), request_slots=(Slot("a", ("1",)), Slot("b", ())))

    assert faults("xds", parse_xml(submit_objects_request(submission))) == []


def test_a_stored_object_is_shown_with_its_present_status_patient_and_time() -> None:
    stored = render(a_folder(id=ENTRY_ID, status="ignored", last_update_time=("1999",)))

    other = "P-2&<^^^&1.2.3&ISO"
    shown = read_folder(first(wrapped(finish(stored, Status.DEPRECATED.value, other, updated="20260102030405"))))

    assert shown.status == Status.DEPRECATED.value
    assert shown.patient_id == other
    assert shown.last_update_time == ("20260102030405",)


def test_a_stored_object_has_a_logical_id_a_version_and_no_home() -> None:
    shown = read_entry(first(wrapped(finish(render(a_document_entry(id=ENTRY_ID, home="urn:oid:1.2")), "s", PATIENT))))

    assert (shown.logical_id, shown.version, shown.home) == (ENTRY_ID, "1", "")


def test_a_later_version_keeps_the_logical_id_and_version_it_was_given() -> None:
    later = a_document_entry(id=ENTRY_ID, logical_id="urn:uuid:00000000-0000-4000-8000-00000000000a", version="3")

    shown = read_entry(first(wrapped(finish(render(later), "s", PATIENT))))

    assert (shown.logical_id, shown.version) == ("urn:uuid:00000000-0000-4000-8000-00000000000a", "3")


@pytest.mark.parametrize("obj", stored_objects(), ids=lambda o: type(o).__name__)
def test_home_is_shown_where_it_is_asked_for(obj: RegistryLeaf) -> None:
    element = first(wrapped(finish(render(obj), "s", PATIENT, updated="2026", home="urn:oid:1.2.3")))

    assert element.get("home") == "urn:oid:1.2.3"
    assert element.get("id") == obj.id


def test_every_id_inside_a_stored_object_is_a_uuid_of_its_own_and_stays_the_same() -> None:
    entry = a_document_entry(
        id=ENTRY_ID,
        class_codes=(dataclasses.replace(a_code(), classification_id="cl01", classified_object="Document01"),),
        unique_ids=(Identifier("1.2.3", "ei01", "Document01"),),
    )

    shown = read_entry(first(wrapped(finish(render(entry), "s", PATIENT))))

    assert len(shown.sub_ids) == 9
    assert len(set(shown.sub_ids)) == 9
    assert all(map(is_entry_uuid, shown.sub_ids))
    assert shown.class_codes[0].classified_object == ENTRY_ID
    assert shown.unique_ids[0].registry_object == ENTRY_ID
    assert render(entry) == render(entry)


def test_a_uuid_that_was_sent_for_a_classification_is_kept() -> None:
    given = "urn:uuid:11111111-1111-4111-8111-111111111111"
    entry = a_document_entry(id=ENTRY_ID, class_codes=(dataclasses.replace(a_code(), classification_id=given),))

    shown = read_entry(first(wrapped(finish(render(entry), "s", PATIENT))))

    assert shown.class_codes[0].classification_id == given


def test_a_derived_uuid_is_a_name_based_one() -> None:
    derived = uuid.UUID(derived_uuid(ENTRY_ID, 3).removeprefix("urn:uuid:"))

    assert derived.version == 5
    assert derived.variant == uuid.RFC_4122
    assert derived_uuid(ENTRY_ID, 3) != derived_uuid(ENTRY_ID, 4)


def test_a_request_gives_symbolic_ids_to_the_parts_of_symbolic_objects() -> None:
    entry = a_document_entry(id='Doc"1')

    sent = read_entry(first(wrapped(write(entry))))

    assert sent.sub_ids[0] == 'Doc"1.1'
    assert len(set(sent.sub_ids)) == len(sent.sub_ids)


def test_a_request_says_what_was_sent_even_where_it_is_wrong() -> None:
    entry = a_document_entry(
        home="urn:oid:1.2",
        status="urn:x",
        creation_time=("2020", "2021"),
        patient_ids=(Identifier("a", "i1", "Other"), Identifier("b", "i2", "")),
        class_codes=(CodedValue(Code("c", "1"), "k", ("1", "2"), "Other"),),
        object_type="",
    )

    sent = read_entry(first(wrapped(write(entry))))

    assert sent.home == "urn:oid:1.2"
    assert sent.creation_time == ("2020", "2021")
    assert [(i.value, i.registry_object) for i in sent.patient_ids] == [("a", "Other"), ("b", "Document01")]
    assert sent.class_codes[0].scheme_values == ("1", "2")
    assert sent.class_codes[0].classified_object == "Other"
    assert (sent.logical_id, sent.version, sent.object_type) == ("", "", "")


def test_no_text_can_leave_its_place() -> None:
    entry = a_document_entry(
        id=HOSTILE,
        title=(LocalText(HOSTILE, "x", HOSTILE),),
        unique_ids=(Identifier(HOSTILE),),
        mime_type=HOSTILE,
        language_code=(HOSTILE, ""),
        slots=(Slot(HOSTILE, (HOSTILE,)),),
        authors=(Author(person=(HOSTILE,), other_slots=(Slot("o", (HOSTILE,)),), node_representation=HOSTILE),),
        event_codes=(CodedValue(Code(HOSTILE, HOSTILE, HOSTILE), names=(LocalText(HOSTILE), LocalText("2", "de"))),),
    )

    sent = read_entry(first(wrapped(write(entry))))

    assert (sent.id, sent.mime_type, sent.title_text, sent.unique_id) == (HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    assert sent.language_code == (HOSTILE, "")
    assert sent.slots == (Slot(HOSTILE, (HOSTILE,)),)
    assert sent.authors[0].person == (HOSTILE,)
    assert sent.authors[0].node_representation == HOSTILE
    assert sent.event_codes[0].code == Code(HOSTILE, HOSTILE, HOSTILE)
    assert sent.event_codes[0].names == (LocalText(HOSTILE), LocalText("2", "de"))


@pytest.mark.parametrize("character", ["\x00", "\x01", "\x02", "\x03", "\x0b", "\x1f", "￾", "￿", "\ud800"])
@pytest.mark.parametrize("act", [render, write])
def test_a_character_that_xml_cannot_carry_is_refused(character: str, act: object) -> None:
    entry = a_document_entry(id=ENTRY_ID, title=(LocalText(f"a{character}b"),))

    with pytest.raises(Rejected) as caught:
        (render if act is render else write)(entry)

    assert caught.value.condition is Condition.METADATA_INVALID
    assert caught.value.violations[0].where == ENTRY_ID


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("iti-41", "ProvideAndRegisterDocumentSet-bRequest_SOAP.xml"),
        ("iti-41", "soap-pnr.xml"),
        ("iti-41", "document_replacement.xml"),
        ("iti-42", "RegisterDocumentSet-bRequest_SOAP.xml"),
        ("iti-57", "update.xml"),
        ("iti-61", "RegisterOnDemandDocumentEntryRequest_SOAP.xml"),
    ],
)
def test_a_sample_is_passed_on_without_loss(folder: str, name: str) -> None:
    root = parse_xml(sample(folder, name))
    submission = read_submission(root if root.tag == SUBMIT else next(root.iter(SUBMIT)))

    written = parse_xml(submit_objects_request(submission))

    assert faults("xds", written) == []
    assert without_node_ids(read_submission(written)) == without_node_ids(submission)


def without_node_ids(submission: Submission) -> Submission:
    """The model does not hold the ids of node classifications, for nobody refers to one."""

    def plain(obj: DocumentEntry | SubmissionSet | Folder) -> object:
        return dataclasses.replace(obj, sub_ids=())

    return dataclasses.replace(
        submission,
        entries=tuple(map(plain, submission.entries)),  # type: ignore[arg-type]
        submission_sets=tuple(map(plain, submission.submission_sets)),  # type: ignore[arg-type]
        folders=tuple(map(plain, submission.folders)),  # type: ignore[arg-type]
        associations=tuple(dataclasses.replace(a, sub_ids=()) for a in submission.associations),
    )


def test_an_association_keeps_its_documentation_and_ends() -> None:
    association = Association(
        id="a", type="urn:t", source="s", target="t", documentation=(a_code(),), title=(LocalText("n"),), slots=(Slot("x", ()),)
    )

    sent = read_association(first(wrapped(write(association))))

    assert (sent.type, sent.source, sent.target) == ("urn:t", "s", "t")
    assert sent.documentation[0].code == a_code().code
    assert sent.slots == (Slot("x", ()),)
    assert sent.title == (LocalText("n"),)


def test_a_set_is_read_back_from_its_stored_form() -> None:
    recipients = ("Hospital^^^^^^^^^1.2.3|^Welby^Marcus",)
    stored = render(a_submission_set(id=ENTRY_ID, intended_recipients=recipients))

    shown = read_set(first(wrapped(finish(stored, Status.APPROVED.value, PATIENT))))

    assert shown.intended_recipients == recipients
    assert shown.source_id == "2.999.9.1"
    assert shown.faults == ()


def test_fragments_are_the_same_whether_spliced_or_alone() -> None:
    fragment = finish(render(a_document_entry(id=ENTRY_ID)), Status.APPROVED.value, PATIENT)

    alone = parse_xml(fragment.replace(b"<ExtrinsicObject ", f'<ExtrinsicObject xmlns="{RIM}" '.encode(), 1))

    assert canonical(first(wrapped(fragment))) == canonical(alone)
