"""ITI-42: what a registration does (ITI TF-2 3.42.4.1.3), what the registry's state forbids, and messages recorded elsewhere."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from tests.conformance.conftest import NewPatient, Patient
from tests.support import messages as m
from tests.support.checked import CheckedMllpWire, CheckedSoapWire
from tests.support.edits import ENTRY, Edit, edited, identifier_of, insert, put, text
from tests.support.shared import sample
from tests.support.wire import Reply, field, unique_id

METADATA = "XDSRegistryMetadataError"
ENTRY_UNIQUE_ID = "2e82c1f6-a085-4c72-9da3-8640a32e42ab"
DEPRECATED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated"
GET_RELATED = "urn:uuid:d90e5407-b356-4d91-a89f-873917b4b0e6"
GET_ASSOCIATIONS = "urn:uuid:a7ae438b-4bc2-4642-93e9-be891f7bb155"
GET_FOLDER_AND_CONTENTS = "urn:uuid:b909a503-523d-4517-8acf-8e5834dfc4c7"
GET_FOLDERS = "urn:uuid:5737b14c-8a1a-4539-b659-e03a34a5e1e4"
IHE = "urn:ihe:iti:2007:AssociationType:"
LIST = "//rim:RegistryObjectList"


def register(soap: CheckedSoapWire, *entries: m.Entry, set_unique_id: str = "", edits: tuple[Edit, ...] = ()) -> Reply:
    """Entries in one set."""
    return soap.call(m.ACTION_42, edited(m.submission(*entries, set_unique_id=set_unique_id), *edits))


def entries_of(soap: CheckedSoapWire, *unique_ids: str) -> list[etree._Element]:
    """The entries with these uniqueIds, of any status."""
    wanted = ",".join(f"'{u}'" for u in unique_ids)
    reply = soap.call(m.ACTION_18, m.stored_query(m.GET_DOCUMENTS, m.slot("$XDSDocumentEntryUniqueId", f"({wanted})")))
    assert reply.status_urn == "Success", reply.errors
    return reply.entries()


def uuid_of(soap: CheckedSoapWire, entry: m.Entry) -> str:
    """The entryUUID that the registry gave."""
    (found,) = entries_of(soap, entry.unique_id)
    return str(found.get("id"))


def status_of(soap: CheckedSoapWire, entry: m.Entry) -> str:
    """The last word of the availability status."""
    (found,) = entries_of(soap, entry.unique_id)
    return str(found.get("status")).rpartition(":")[2]


def link(kind: str, source: m.Entry, target: str) -> Edit:
    """Adds an association."""
    return insert(LIST, m.association(kind, source.id, target))


# what it does


def test_an_entry_is_given_its_identity_and_is_approved(soap: CheckedSoapWire, patient: Patient) -> None:
    entry = m.Entry(patient.cx)

    reply = register(soap, entry)

    (found,) = entries_of(soap, entry.unique_id)
    assert reply.status_urn == "Success"
    assert reply.header["Action"] == "urn:ihe:iti:2007:RegisterDocumentSet-bResponse"
    assert re.fullmatch("urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", found.get("id"))
    assert found.get("lid") == found.get("id")
    assert found.get("status") == m.APPROVED
    assert found.find(f"{{{m.RIM}}}VersionInfo").get("versionName") == "1"


def test_an_entry_comes_back_as_it_was_sent(soap: CheckedSoapWire, patient: Patient) -> None:
    slots = {
        "serviceStartTime": ("202601130800",),
        "serviceStopTime": ("2026011308",),
        "legalAuthenticator": ("11375^Welby^Marcus^J^Jr. MD^Dr^^^&2.999.5.2&ISO",),
        "urn:ihe:iti:xds:2013:referenceIdList": ("A-1^^^&2.999.5.3&ISO^urn:ihe:iti:xds:2013:accession",),
        "urn:example:ward": ("7", "7b"),
    }
    entry = m.Entry(patient.cx, title="Entlassungsbrief Größe <1> & mehr", slots=slots)

    reply = register(soap, entry)

    (found,) = entries_of(soap, entry.unique_id)
    shown = {
        slot.get("name"): tuple(value.text for value in slot.iter(f"{{{m.RIM}}}Value"))
        for slot in found.findall(f"{{{m.RIM}}}Slot")
    }
    assert reply.status_urn == "Success", reply.errors
    assert shown.items() >= slots.items()
    assert found.find(f"{{{m.RIM}}}Name/{{{m.RIM}}}LocalizedString").get("value") == entry.title
    assert {c.get("nodeRepresentation") for c in found.findall(f"{{{m.RIM}}}Classification")} >= {entry.class_code, entry.type_code}


def test_a_set_and_its_members_are_found_together(soap: CheckedSoapWire, patient: Patient) -> None:
    entries, set_id = [m.Entry(patient.cx), m.Entry(patient.cx)], m.fresh_oid()

    register(soap, *entries, set_unique_id=set_id)

    query = m.stored_query("urn:uuid:e8e3cb2c-e39c-46b9-99e4-c12f57260b83", m.slot("$XDSSubmissionSetUniqueId", f"'{set_id}'"))
    found = soap.call(m.ACTION_18, query)
    assert {unique_id(e) for e in found.entries()} == {e.unique_id for e in entries}
    assert len(list(found.body.iter(f"{{{m.RIM}}}Association"))) == 2
    assert [unique_id(p) for p in found.body.iter(f"{{{m.RIM}}}RegistryPackage")] == [set_id]


def test_the_kind_of_the_set_may_stand_beside_it(soap: CheckedSoapWire, patient: Patient) -> None:
    body = m.submission(m.Entry(patient.cx))
    node = re.search(r"<rim:Classification [^>]*classificationNode=[^>]*/>", body)[0]
    beside = body.replace(node, "").replace("</rim:RegistryObjectList>", node + "</rim:RegistryObjectList>")

    assert soap.call(m.ACTION_42, beside).status_urn == "Success"


def test_a_replaced_entry_and_what_depends_on_it_are_deprecated(soap: CheckedSoapWire, patient: Patient) -> None:
    first, addition, form, second = (m.Entry(patient.cx) for _ in range(4))
    register(soap, first)
    target = uuid_of(soap, first)
    register(soap, addition, edits=(link(f"{IHE}APND", addition, target),))
    register(soap, form, edits=(link(f"{IHE}XFRM", form, target),))

    reply = soap.call(m.ACTION_42, m.submission(second, replaces=target))

    assert reply.status_urn == "Success", reply.errors
    assert [status_of(soap, e) for e in (first, addition, form, second)] == ["Deprecated", "Deprecated", "Deprecated", "Approved"]


def test_a_replacement_joins_the_folders_of_what_it_replaces(soap: CheckedSoapWire, patient: Patient) -> None:
    first, second, folder_id = m.Entry(patient.cx), m.Entry(patient.cx), m.fresh_oid()
    soap.call(m.ACTION_42, in_folder(first, folder_id))
    before = folder(soap, folder_id)

    soap.call(m.ACTION_42, m.submission(second, replaces=uuid_of(soap, first)))

    after = folder(soap, folder_id)
    assert {unique_id(e) for e in after.entries()} == {first.unique_id, second.unique_id}
    assert last_update(after) >= last_update(before)


def in_folder(entry: m.Entry, folder_unique_id: str) -> str:
    """An entry in a new folder."""
    return m.submit_objects(
        [
            m.entry_xml(entry),
            m.set_xml(entry.patient),
            m.folder_xml(entry.patient, unique_id=folder_unique_id),
            m.member(entry.id),
            m.association(m.HAS_MEMBER, "Set", "Folder"),
            m.association(m.HAS_MEMBER, "Folder", entry.id, id="Filed"),
            m.association(m.HAS_MEMBER, "Set", "Filed"),
        ]
    )


def folder(soap: CheckedSoapWire, folder_unique_id: str) -> Reply:
    """A folder with its contents."""
    reply = soap.call(m.ACTION_18, m.stored_query(GET_FOLDER_AND_CONTENTS, m.slot("$XDSFolderUniqueId", f"'{folder_unique_id}'")))
    assert reply.status_urn == "Success", reply.errors
    return reply


def last_update(reply: Reply) -> str:
    """lastUpdateTime of the folder in an answer."""
    (slot,) = [s for s in reply.body.iter(f"{{{m.RIM}}}Slot") if s.get("name") == "lastUpdateTime"]
    value = slot.findtext(f"{{{m.RIM}}}ValueList/{{{m.RIM}}}Value")
    assert re.fullmatch(r"\d{14}", value)
    return value


def test_an_entry_of_the_registry_may_be_referred_to(soap: CheckedSoapWire, patient: Patient) -> None:
    old, new = m.Entry(patient.cx), m.Entry(patient.cx)
    register(soap, old)
    reference = m.association(m.HAS_MEMBER, "Set", uuid_of(soap, old), m.slot("SubmissionSetStatus", "Reference"))

    assert register(soap, new, edits=(insert(LIST, reference),)).status_urn == "Success"


def test_extra_slots_with_a_urn_are_kept_and_do_no_harm(soap: CheckedSoapWire, patient: Patient) -> None:
    reply = register(soap, m.Entry(patient.cx, slots={"urn:example:colour": ("blue",)}))

    assert reply.status_urn == "Success"
    assert reply.refusals == []


# what the registry's state forbids


def test_a_set_may_be_registered_once_only(soap: CheckedSoapWire, patient: Patient) -> None:
    set_id = m.fresh_oid()
    register(soap, m.Entry(patient.cx), set_unique_id=set_id)

    again = register(soap, m.Entry(patient.cx), set_unique_id=set_id)

    assert [code for code, _ in again.refusals] == ["XDSDuplicateUniqueIdInRegistry"]


def test_a_folder_may_be_registered_once_only(soap: CheckedSoapWire, patient: Patient) -> None:
    folder_id = m.fresh_oid()
    soap.call(m.ACTION_42, in_folder(m.Entry(patient.cx), folder_id))

    again = soap.call(m.ACTION_42, in_folder(m.Entry(patient.cx), folder_id))

    assert [code for code, _ in again.refusals] == ["XDSDuplicateUniqueIdInRegistry"]


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({"hash": "A" * 40}, ["XDSNonIdenticalHash"]),
        ({"size": "7"}, ["XDSNonIdenticalSize"]),
        ({"hash": "a" * 40, "size": "7"}, ["XDSNonIdenticalHash", "XDSNonIdenticalSize"]),
        ({"hash": m.EMPTY_SHA1.upper()}, []),
    ],
)
def test_a_uniqueid_names_one_document_for_ever(
    soap: CheckedSoapWire, patient: Patient, changed: dict[str, str], codes: list[str]
) -> None:
    first = m.Entry(patient.cx)
    register(soap, first)

    again = register(soap, m.Entry(patient.cx, unique_id=first.unique_id, **changed))

    assert [code for code, _ in again.refusals] == codes
    assert len(entries_of(soap, first.unique_id)) == (1 if codes else 2)


def test_a_uniqueid_stands_once_in_a_message(soap: CheckedSoapWire, patient: Patient) -> None:
    one = m.Entry(patient.cx)

    reply = register(soap, one, m.Entry(patient.cx, unique_id=one.unique_id))

    assert {code for code, _ in reply.refusals} == {"XDSRegistryDuplicateUniqueIdInMessage"}


def test_an_entry_uuid_of_the_registry_is_taken(soap: CheckedSoapWire, patient: Patient) -> None:
    first = m.Entry(patient.cx)
    register(soap, first)

    again = register(soap, m.Entry(patient.cx, id=uuid_of(soap, first)))

    assert [code for code, _ in again.refusals] == [METADATA]
    assert "entryUUID is registered" in again.refusals[0][1]


@pytest.mark.parametrize("kind", ["RPLC", "APND", "XFRM", "XFRM_RPLC"])
def test_nothing_is_added_to_a_deprecated_entry(soap: CheckedSoapWire, patient: Patient, kind: str) -> None:
    first, second, late = (m.Entry(patient.cx) for _ in range(3))
    register(soap, first)
    target = uuid_of(soap, first)
    soap.call(m.ACTION_42, m.submission(second, replaces=target))

    reply = register(soap, late, edits=(link(IHE + kind, late, target),))

    assert [code for code, _ in reply.refusals] == ["XDSRegistryDeprecatedDocumentError"]
    assert entries_of(soap, late.unique_id) == []


@pytest.mark.parametrize("kind", ["RPLC", "APND", "XFRM"])
def test_another_patients_entry_is_not_touched(soap: CheckedSoapWire, patient: Patient, new_patient: NewPatient, kind: str) -> None:
    theirs, ours = m.Entry(new_patient().cx), m.Entry(patient.cx)
    register(soap, theirs)

    reply = register(soap, ours, edits=(link(IHE + kind, ours, uuid_of(soap, theirs)),))

    assert [code for code, _ in reply.refusals] == ["XDSPatientIdDoesNotMatch"]
    assert status_of(soap, theirs) == "Approved"


def test_a_snapshot_is_of_an_on_demand_entry(soap: CheckedSoapWire, patient: Patient) -> None:
    stable, snapshot = m.Entry(patient.cx), m.Entry(patient.cx)
    register(soap, stable)
    kind = "urn:ihe:iti:2010:AssociationType:IsSnapshotOf"

    reply = register(soap, snapshot, edits=(link(kind, snapshot, uuid_of(soap, stable)),))

    assert [code for code, _ in reply.refusals] == [METADATA]


XAD = f"XAD&{m.XAD_OID}&ISO"


def test_an_identifier_that_its_source_merged_away_takes_no_more_documents(
    soap: CheckedSoapWire, mllp: CheckedMllpWire, new_patient: NewPatient
) -> None:
    stays, goes = new_patient(XAD), new_patient(XAD)
    first = m.Entry(goes.cx)
    register(soap, first)

    merged = mllp.send(m.merge(stays.local_id, goes.local_id, authority=XAD))
    refused, taken = register(soap, m.Entry(goes.cx)), register(soap, m.Entry(stays.cx))

    assert field(merged, "MSA", 1) == "AA", merged
    assert [code for code, _ in refused.refusals] == ["XDSUnknownPatientId"]
    assert taken.status_urn == "Success", taken.errors
    assert soap.call(m.ACTION_18, m.find_documents(goes.cx)).entries() == []
    assert first.unique_id in [unique_id(e) for e in soap.call(m.ACTION_18, m.find_documents(stays.cx)).entries()]


def test_identifiers_of_ours_go_on_meaning_the_person_that_a_source_merged(
    soap: CheckedSoapWire, mllp: CheckedMllpWire, new_patient: NewPatient
) -> None:
    stays, goes = new_patient(), new_patient()
    before, after = m.Entry(goes.cx), m.Entry(goes.cx)
    register(soap, before)

    merged = mllp.send(m.merge(stays.local_id, goes.local_id))
    reply = register(soap, after)

    assert field(merged, "MSA", 1) == "AA", merged
    assert reply.status_urn == "Success", reply.errors
    for cx in (stays.cx, goes.cx):
        found = soap.call(m.ACTION_18, m.find_documents(cx)).entries()
        assert {unique_id(e) for e in found} == {before.unique_id, after.unique_id}


# messages recorded elsewhere


def test_the_example_of_the_profile_is_refused_for_what_it_lacks(soap: CheckedSoapWire) -> None:
    reply = soap.post(sample("iti-42", "RegisterDocumentSet-bRequest_SOAP.xml"))

    told = " ".join(context for _, context in reply.refusals)
    assert reply.status_urn == "Failure"
    assert {code for code, _ in reply.refusals} == {METADATA, "XDSUnknownPatientId"}
    for fault in ("hash", "size", "repositoryUniqueId", "sourceId", "HasMember", "associationType"):
        assert fault in told


def test_the_example_of_the_profile_is_registered_once_it_is_whole(soap: CheckedSoapWire, patient: Patient) -> None:
    raw = sample("iti-42", "RegisterDocumentSet-bRequest_SOAP.xml").decode()
    unique = m.fresh_oid()
    raw = raw.replace("SELF-5^^^&amp;1.3.6.1.4.1.21367.2005.3.7&amp;ISO", m.escape(patient.cx))
    raw = raw.replace('associationType="HasMember"', f'associationType="{m.HAS_MEMBER}"').replace("3670984664", "2.999.3670984664")
    raw = raw.replace("1.3.6.1.4.1.21367.2005.3.9999.32", unique).replace("1.3.6.1.4.1.21367.2005.3.9999.33", m.fresh_oid())
    missing = "".join((m.slot("hash", m.EMPTY_SHA1), m.slot("repositoryUniqueId", m.REPOSITORY), m.slot("size", "0")))
    raw = raw.replace('<rim:Slot name="languageCode">', f'{missing}<rim:Slot name="languageCode">', 1)

    reply = soap.post(raw.encode())

    assert reply.status_urn == "Success", reply.refusals
    assert len(entries_of(soap, unique)) == 1


def test_a_recorded_submission_with_broken_identifiers_is_refused(soap: CheckedSoapWire) -> None:
    body = etree.fromstring(sample("iti-42", "SubmitObjectsRequest_ebrs30.xml"))  # noqa: TID251 - the test's own reading

    reply = soap.call(m.ACTION_42, etree.tostring(body).decode())

    assert reply.status_urn == "Failure"
    assert {code for code, _ in reply.refusals} >= {METADATA}
    assert any("authorSpeciality" in context for _, context in reply.refusals)


def test_the_action_of_the_old_asynchronous_exchange_is_heard_too(soap: CheckedSoapWire, patient: Patient) -> None:
    reply = soap.post(m.envelope("urn:ihe:iti:2008:RegisterDocumentSet-bAsync", m.submission(m.Entry(patient.cx))))

    assert reply.status_urn == "Success"


def test_the_path_does_not_matter_the_action_does(soap: CheckedSoapWire, patient: Patient) -> None:
    reply = soap.call(m.ACTION_42, m.submission(m.Entry(patient.cx)), path="/pix")

    assert reply.status_urn == "Success"


def test_a_time_in_the_future_and_a_size_beyond_32_bits_are_taken(soap: CheckedSoapWire, patient: Patient) -> None:
    entry = m.Entry(patient.cx, creation_time="2199", size=str(5 << 30), hash="b" * 40)

    reply = register(soap, entry, edits=(text(f"{ENTRY}/rim:Slot[@name='languageCode']/rim:ValueList/rim:Value", "de-CH"),))

    assert reply.status_urn == "Success", reply.errors
    assert status_of(soap, entry) == "Approved"


def test_an_extension_of_16_characters_and_an_oid_of_64_make_a_uniqueid(soap: CheckedSoapWire, patient: Patient) -> None:
    long = ("2." + m.fresh_oid().removeprefix("2.25.")).ljust(64, "1")[:64]
    entry = m.Entry(patient.cx, unique_id=f"{long}^{'e' * 16}")

    reply = register(soap, entry, edits=(put(ENTRY + identifier_of(ENTRY_UNIQUE_ID), "value", entry.unique_id),))

    assert reply.status_urn == "Success", reply.errors
    assert len(entries_of(soap, entry.unique_id)) == 1
