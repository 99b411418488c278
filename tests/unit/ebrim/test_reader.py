"""Real submissions are understood whole; what is odd in one is reported and kept."""

from __future__ import annotations

import pytest

from ebrim.model import EntryType, LocalText, ObjectRef, Slot, Submission
from ebrim.namespaces import LCM, RIM, RS
from ebrim.reader import read_association, read_entry, read_folder, read_object_refs, read_set, read_submission
from kernel.xml import parse_xml
from tests.support.shared import sample

APPROVED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
SUBMIT = f"{{{LCM}}}SubmitObjectsRequest"
SET_NODE = "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd"
FOLDER_NODE = "urn:uuid:d9d542f3-6cc4-48b6-8870-ea235fbc94c2"


def submitted(*parts: str) -> Submission:
    """The submission inside a sample, whatever wraps it."""
    root = parse_xml(sample(*parts))
    element = root if root.tag == SUBMIT else next(root.iter(SUBMIT))
    return read_submission(element)


def a_request(objects: str) -> Submission:
    """A request with these objects, ebRIM being the default namespace."""
    return read_submission(
        parse_xml(
            f'<l:SubmitObjectsRequest xmlns:l="{LCM}" xmlns="{RIM}" xmlns:rs="{RS}"><RegistryObjectList>{objects}'
            "</RegistryObjectList></l:SubmitObjectsRequest>".encode()
        )
    )


def test_every_attribute_of_a_published_entry_is_read() -> None:
    submission = submitted("iti-42", "RegisterDocumentSet-bRequest_SOAP.xml")

    (entry,) = submission.entries
    assert (entry.id, entry.object_type, entry.mime_type) == ("Document01", EntryType.STABLE.value, "text/xml")
    assert entry.creation_time == ("20051224",)
    assert entry.language_code == ("en-us",)
    assert (entry.service_start_time, entry.service_stop_time) == (("200412230800",), ("200412230801",))
    assert entry.source_patient_id == ("ST-1000^^^&1.3.6.1.4.1.21367.2003.3.9&ISO",)
    assert len(entry.source_patient_info) == 5
    assert entry.title == (LocalText("Physical"),)
    assert entry.comments == ()
    assert entry.authors[0].institution == ("Cleveland Clinic", "Parma Community")
    assert entry.authors[0].classified_object == "Document01"
    assert entry.class_codes[0].code.key == ("History and Physical", "Connect-a-thon classCodes")
    assert entry.type_codes[0].code.display == "Outpatient Evaluation And Management"
    assert entry.patient_id == "SELF-5^^^&1.3.6.1.4.1.21367.2005.3.7&ISO"
    assert entry.unique_id == "1.3.6.1.4.1.21367.2005.3.9999.32"
    assert entry.sub_ids == ("cl01", "cl02", "cl03", "cl04", "cl05", "cl06", "cl07", "ei01", "ei02")
    assert entry.faults == ()
    assert entry.slots == ()


def test_a_set_classified_beside_its_package_is_a_set() -> None:
    submission = submitted("iti-42", "RegisterDocumentSet-bRequest_SOAP.xml")

    (submission_set,) = submission.submission_sets
    assert submission_set.source_id == "3670984664"
    assert submission_set.unique_id == "1.3.6.1.4.1.21367.2005.3.9999.33"
    assert submission_set.submission_time == ("20041225235050",)
    assert submission_set.content_type_codes[0].code.code == "History and Physical"
    assert submission_set.sub_ids[-1] == "cl10"
    assert submission.folders == ()
    assert submission.faults == ()


def test_the_association_of_a_published_submission_is_read() -> None:
    (association,) = submitted("iti-42", "RegisterDocumentSet-bRequest_SOAP.xml").associations

    assert (association.source, association.target) == ("SubmissionSet01", "Document01")
    assert association.slot("SubmissionSetStatus") == ("Original",)


@pytest.mark.parametrize(
    ("folder", "name", "entries", "sets", "folders", "associations"),
    [
        ("iti-41", "ProvideAndRegisterDocumentSet-bRequest_SOAP.xml", 1, 1, 0, 1),
        ("iti-41", "soap-pnr.xml", 2, 1, 0, 2),
        ("iti-41", "document_replacement.xml", 1, 1, 0, 2),
        ("iti-57", "update.xml", 1, 1, 0, 1),
        ("iti-61", "RegisterOnDemandDocumentEntryRequest_SOAP.xml", 1, 1, 0, 1),
    ],
)
def test_the_objects_of_a_sample_are_all_found(
    folder: str, name: str, entries: int, sets: int, folders: int, associations: int
) -> None:
    submission = submitted(folder, name)

    assert len(submission.entries) == entries
    assert len(submission.submission_sets) == sets
    assert len(submission.folders) == folders
    assert len(submission.associations) == associations
    assert submission.faults == ()
    assert [o.faults for o in submission.objects() if o.faults] == []


def test_a_scheme_with_a_blank_in_it_is_reported_and_not_guessed_at() -> None:
    submission = submitted("iti-42", "SubmitObjectsRequest_ebrs30.xml")

    assert len(submission.associations) == 2
    assert submission.entries[0].patient_id == ""
    assert len(submission.entries[0].faults) == 1
    assert len(submission.submission_sets[0].faults) == 3


def test_white_space_around_an_address_does_not_count() -> None:
    submission = a_request('<ExtrinsicObject id=" d " lid="\n" objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1 "/>')

    entry = submission.entries[0]
    assert (entry.id, entry.logical_id, entry.object_type) == ("d", "", EntryType.STABLE.value)


def test_an_on_demand_entry_is_known_by_its_type() -> None:
    (entry,) = submitted("iti-61", "RegisterOnDemandDocumentEntryRequest_SOAP.xml").entries

    assert entry.is_on_demand


def test_an_update_carries_lid_and_previous_version() -> None:
    submission = submitted("iti-57", "update.xml")

    assert submission.entries[0].logical_id == "urn:uuid:20744602-ba65-44e9-87ee-a52303a5183e"
    assert submission.entries[0].status == APPROVED
    assert submission.associations[0].slot("PreviousVersion") == ("1",)


def test_a_slot_sent_twice_is_reported_and_both_values_are_kept() -> None:
    submission = a_request(
        '<ExtrinsicObject id="d"><Slot name="creationTime"><ValueList><Value>2020</Value></ValueList></Slot>'
        '<Slot name="creationTime"><ValueList><Value>2021</Value></ValueList></Slot></ExtrinsicObject>'
    )

    (entry,) = submission.entries
    assert entry.creation_time == ("2020", "2021")
    assert entry.faults == ("slot creationTime stands more than once",)


def test_a_slot_without_a_field_is_kept_as_sent() -> None:
    submission = a_request(
        '<ExtrinsicObject id="d"><Slot name="urn:x:y"><ValueList><Value> a </Value><Value/></ValueList></Slot>'
        '<Slot name="urn:x:z"><ValueList/></Slot></ExtrinsicObject>'
    )

    assert submission.entries[0].slots == (Slot("urn:x:y", (" a ", "")), Slot("urn:x:z", ()))
    assert submission.entries[0].faults == ()


def test_schemes_outside_the_object_are_reported_one_by_one() -> None:
    submission = a_request(
        '<ExtrinsicObject id="d"><Classification id="c1" classificationScheme="urn:uuid:x" nodeRepresentation="n"/>'
        '<Classification id="c2"/><Classification id="c3" classificationNode="urn:uuid:y"/>'
        '<ExternalIdentifier id="e1" identificationScheme="urn:uuid:z" value="v"/><ExternalLink id="l"/></ExtrinsicObject>'
    )

    assert submission.entries[0].faults == (
        "classificationScheme urn:uuid:x has no place in a DocumentEntry",
        "classificationScheme (none) has no place in a DocumentEntry",
        "classificationNode urn:uuid:y has no place in a DocumentEntry",
        "identificationScheme urn:uuid:z has no place in a DocumentEntry",
        "ExternalLink has no place in a DocumentEntry",
    )


def test_a_code_without_or_with_two_coding_schemes_is_kept_for_the_rules() -> None:
    scheme = "urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a"
    submission = a_request(
        f'<ExtrinsicObject id="d"><Classification id="c1" classificationScheme="{scheme}" nodeRepresentation="a"/>'
        f'<Classification id="c2" classificationScheme="{scheme}"><Slot name="codingScheme"><ValueList><Value>1</Value>'
        '<Value>2</Value></ValueList></Slot><Slot name="more"><ValueList><Value>m</Value></ValueList></Slot>'
        '<Name><LocalizedString xml:lang="de" value="eins"/><LocalizedString value="one"/></Name></Classification>'
        "</ExtrinsicObject>"
    )

    bare, full = submission.entries[0].class_codes
    assert (bare.code.code, bare.code.scheme, bare.scheme_values) == ("a", "", ())
    assert (full.code.code, full.code.scheme, full.scheme_values) == ("", "1", ("1", "2"))
    assert full.code.display == "eins"
    assert full.names == (LocalText("eins", "de"), LocalText("one"))
    assert full.other_slots == (Slot("more", ("m",)),)


@pytest.mark.parametrize(
    ("nodes", "fault"),
    [
        ((), "RegistryPackage p carries neither the SubmissionSet nor the Folder classification"),
        ((SET_NODE, FOLDER_NODE), "RegistryPackage p carries both the SubmissionSet and the Folder classification"),
    ],
)
def test_a_package_that_is_not_one_thing_is_reported(nodes: tuple[str, ...], fault: str) -> None:
    inside = "".join(f'<Classification id="n{n[-1]}" classificationNode="{n}" classifiedObject="p"/>' for n in nodes)

    submission = a_request(f'<RegistryPackage id="p">{inside}</RegistryPackage>')

    assert submission.faults == (fault,)
    assert [s.id for s in submission.submission_sets] == ["p"]


def test_a_folder_may_be_classified_inside_or_beside_its_package() -> None:
    node = f'<Classification id="n" classificationNode="{FOLDER_NODE}" classifiedObject="%s"/>'

    submission = a_request(f'<RegistryPackage id="a">{node % "a"}</RegistryPackage><RegistryPackage id="b"/>{node % "b"}')

    assert [f.id for f in submission.folders] == ["a", "b"]
    assert [f.sub_ids for f in submission.folders] == [("n",), ("n",)]


def test_what_is_no_object_of_the_profile_is_reported_and_object_refs_are_not() -> None:
    submission = a_request(
        '<Service id="s"/><ObjectRef id="urn:uuid:x"/><Classification id="c" classifiedObject="nobody" classificationNode="x"/>'
    )

    assert submission.faults == (
        "Service is not an object of XDS metadata",
        "Classification of nobody, which is not in the message",
    )


def test_limited_metadata_is_seen_inside_and_beside() -> None:
    limited = '<Classification id="n" classificationNode="urn:uuid:ab9b591b-83ab-4d03-8f5d-f93b1fb92e85" classifiedObject="%s"/>'

    submission = a_request(
        f'<ExtrinsicObject id="a">{limited % "a"}</ExtrinsicObject><ExtrinsicObject id="b"/>{limited % "b"}'
        '<ExtrinsicObject id="c"/>'
    )

    assert [e.limited_metadata for e in submission.entries] == [True, True, False]


def test_a_request_without_a_list_is_reported_and_its_slots_are_kept() -> None:
    request = (
        f'<l:SubmitObjectsRequest xmlns:l="{LCM}" xmlns="{RIM}" xmlns:rs="{RS}"><rs:RequestSlotList>'
        '<Slot name="a"><ValueList><Value>1</Value></ValueList></Slot></rs:RequestSlotList></l:SubmitObjectsRequest>'
    )

    submission = read_submission(parse_xml(request.encode()))

    assert submission.faults == ("0 RegistryObjectList elements where one is expected",)
    assert submission.request_slots == (Slot("a", ("1",)),)


def test_elements_with_nothing_in_them_are_read_as_empty_objects() -> None:
    entry = read_entry(parse_xml(f'<ExtrinsicObject xmlns="{RIM}"/>'.encode()))
    submission_set = read_set(parse_xml(f'<RegistryPackage xmlns="{RIM}"/>'.encode()))
    folder = read_folder(parse_xml(f'<RegistryPackage xmlns="{RIM}"/>'.encode()))
    association = read_association(parse_xml(f'<Association xmlns="{RIM}"/>'.encode()))

    assert (entry.id, entry.object_type, entry.mime_type, entry.patient_id) == ("", "", "", "")
    assert (submission_set.id, folder.id, association.id, association.type) == ("", "", "", "")


def test_references_carry_their_community() -> None:
    element = parse_xml(f'<l xmlns="{RIM}"><ObjectRef id="a"/><ObjectRef id="b" home="urn:oid:1.2"/></l>'.encode())

    assert read_object_refs(element) == (ObjectRef("a"), ObjectRef("b", "urn:oid:1.2"))
