"""ITI-57: new versions, statuses, submitted associations, and what is wrong with an update (Metadata Update, 3.57.4.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from lxml import etree

from tests.conformance.conftest import NewPatient, Patient
from tests.support import messages as m
from tests.support.checked import CheckedSoapWire
from tests.support.edits import ENTRY, FOLDER, Edit, again, drop, edited, put, remove, slot_of, text, value_of
from tests.support.service import Service
from tests.support.shared import sample
from tests.support.updates import (
    ACTION_57,
    ACTION_62,
    APND,
    DEPRECATED,
    ON_DEMAND,
    SUBMIT,
    UPDATE_STATUS,
    Desk,
    Filed,
    folder_version,
    removal,
    status_change,
    status_of,
    submitted,
    title_of,
    version,
    version_of,
)

MEMBERSHIP = f"//rim:Association[@associationType='{m.HAS_MEMBER}']"
STATUS_CHANGE = f"//rim:Association[@associationType='{UPDATE_STATUS}']"
SUBMISSION = f"//rim:Association[@associationType='{SUBMIT}']"
NOBODYS = "urn:uuid:00000000-0000-4000-8000-000000000001"


@pytest.fixture
def desk(soap: CheckedSoapWire) -> Desk:
    """Who reads what there is."""
    return Desk(soap)


def update(desk: Desk, body: str, *edits: Edit) -> None:
    """An update that succeeds."""
    desk.register(body, *edits, action=ACTION_57)


# versions


def test_a_new_version_takes_the_place_of_the_former_one(desk: Desk, patient: Patient) -> None:
    entry, uuid = desk.entry(patient.cx, title="As it was")

    update(desk, version(replace(entry, title="As it is"), uuid))

    first, second = desk.entries(entry.unique_id)
    assert [(title_of(e), version_of(e), status_of(e)) for e in (first, second)] == [
        ("As it was", 1, "Deprecated"),
        ("As it is", 2, "Approved"),
    ]
    assert {e.get("lid") for e in (first, second)} == {uuid}
    assert [title_of(e) for e in desk.entries(entry.unique_id, level="1")] == ["As it is"]
    assert desk.found(patient.cx) == {second.get("id")}


def test_a_third_version_follows_the_second_whatever_lid_it_was_called_by(desk: Desk, patient: Patient) -> None:
    entry, uuid = desk.entry(patient.cx)
    update(desk, version(entry, uuid))

    update(desk, version(replace(entry, title="Third"), uuid, previous="2"))

    assert [(version_of(e), status_of(e)) for e in desk.entries(entry.unique_id)] == [
        (1, "Deprecated"),
        (2, "Deprecated"),
        (3, "Approved"),
    ]


@pytest.mark.parametrize(("propagation", "is_in_folder"), [("", True), ("yes", True), ("no", False)])
def test_a_new_version_stays_in_the_folders_of_the_former_one_unless_it_is_not_to(
    desk: Desk, patient: Patient, propagation: str, is_in_folder: bool
) -> None:
    filed = desk.filed(patient.cx)

    update(desk, version(filed.entry, filed.uuid, propagation=propagation))

    assert desk.in_folder(filed.folder) == ({desk.uuid(filed.entry)} if is_in_folder else set())


def test_relationships_move_to_the_new_version(desk: Desk, patient: Patient) -> None:
    entry, uuid = desk.entry(patient.cx)
    appendix = m.Entry(patient.cx)
    appending = m.association(APND, appendix.id, uuid)
    desk.register(m.submit_objects([m.entry_xml(appendix), m.set_xml(patient.cx), m.member(appendix.id), appending]))

    update(desk, version(entry, uuid))

    links = [a for a in desk.associations(desk.uuid(entry)) if a.get("associationType") == APND]
    assert [(a.get("sourceObject"), a.get("targetObject")) for a in links] == [(desk.uuid(appendix), desk.uuid(entry))]


def test_a_folder_has_versions_too(desk: Desk, patient: Patient) -> None:
    filed = desk.filed(patient.cx)

    update(desk, folder_version(patient.cx, filed.folder_unique_id, filed.folder, title="Renamed"))

    first, second = desk.folders(filed.folder_unique_id)
    assert [(title_of(f), version_of(f), status_of(f)) for f in (first, second)] == [
        ("Knee", 1, "Deprecated"),
        ("Renamed", 2, "Approved"),
    ]
    assert desk.in_folder(str(second.get("id"))) == {filed.uuid}


def test_an_entry_may_be_moved_to_another_patient(desk: Desk, patient: Patient, new_patient: NewPatient) -> None:
    other = new_patient()
    entry, uuid = desk.entry(patient.cx)

    update(desk, version(replace(entry, patient=other.cx), uuid, propagation="no"))

    assert desk.found(patient.cx) == set()
    assert desk.found(other.cx) == {desk.uuid(entry)}


@pytest.mark.parametrize("what", ["entry", "folder"])
def test_what_moves_to_another_patient_leaves_no_association_between_two(
    soap: CheckedSoapWire, desk: Desk, patient: Patient, new_patient: NewPatient, what: str
) -> None:
    other, filed = new_patient(), desk.filed(patient.cx)
    bodies = {
        "entry": version(replace(filed.entry, patient=other.cx), filed.uuid),
        "folder": folder_version(other.cx, filed.folder_unique_id, filed.folder, title="Moved"),
    }

    reply = soap.call(ACTION_57, bodies[what])

    assert [code for code, _ in reply.refusals] == ["XDSPatientIDReconciliationError"]
    assert desk.found(patient.cx) == {filed.uuid}
    assert desk.in_folder(filed.folder) == {filed.uuid}


def test_an_entry_and_its_folder_may_move_to_another_patient_together(
    desk: Desk, patient: Patient, new_patient: NewPatient
) -> None:
    other, filed = new_patient(), desk.filed(patient.cx)
    entry = replace(filed.entry, patient=other.cx)
    objects = [
        m.entry_xml(entry),
        m.folder_xml(other.cx, unique_id=filed.folder_unique_id),
        m.set_xml(other.cx),
        m.association(m.HAS_MEMBER, "Set", entry.id, m.slot("SubmissionSetStatus", "Original"), m.slot("PreviousVersion", "1")),
        m.association(m.HAS_MEMBER, "Set", "Folder", m.slot("PreviousVersion", "1")),
    ]

    update(desk, m.submit_objects(objects), put(ENTRY, "lid", filed.uuid), put(FOLDER, "lid", filed.folder))

    assert desk.found(patient.cx) == set()
    assert desk.found(other.cx) == {desk.uuid(entry)}


def test_an_on_demand_entry_has_versions(desk: Desk, patient: Patient) -> None:
    entry, uuid = desk.entry(patient.cx, object_type=ON_DEMAND, hash=None, size=None)

    update(desk, version(replace(entry, title="Newer"), uuid), remove(ENTRY + slot_of("creationTime")))

    assert [title_of(e) for e in desk.entries(entry.unique_id)] == ["Discharge letter", "Newer"]


# statuses


def test_a_status_is_changed_and_changed_back(desk: Desk, patient: Patient) -> None:
    entry, uuid = desk.entry(patient.cx)

    update(desk, status_change(patient.cx, uuid))
    changed = [status_of(e) for e in desk.entries(entry.unique_id)]
    update(desk, status_change(patient.cx, uuid, DEPRECATED, m.APPROVED))

    assert changed == ["Deprecated"]
    assert [(status_of(e), version_of(e)) for e in desk.entries(entry.unique_id)] == [("Approved", 1)]


def test_a_folder_is_deprecated(desk: Desk, patient: Patient) -> None:
    filed = desk.filed(patient.cx)

    update(desk, status_change(patient.cx, filed.folder))

    assert [status_of(f) for f in desk.folders(filed.folder_unique_id)] == ["Deprecated"]
    assert desk.folders(filed.folder_unique_id, level="1") == []


def test_an_association_is_deprecated_and_then_not_shown(desk: Desk, patient: Patient) -> None:
    filed = desk.filed(patient.cx)
    (membership,) = (a for a in desk.associations(filed.folder) if a.get("sourceObject") == filed.folder)

    update(desk, status_change(patient.cx, str(membership.get("id"))))

    assert desk.in_folder(filed.folder) == set()


# associations


def test_a_submitted_association_joins_what_is_registered(desk: Desk, patient: Patient) -> None:
    (_, one), filed = desk.entry(patient.cx), desk.filed(patient.cx)

    update(desk, submitted(patient.cx, m.HAS_MEMBER, filed.folder, one))
    update(desk, submitted(patient.cx, APND, one, filed.uuid))

    assert desk.in_folder(filed.folder) == {one, filed.uuid}
    assert APND in {a.get("associationType") for a in desk.associations(one)}


def test_a_submitted_replacement_deprecates_its_target(desk: Desk, patient: Patient) -> None:
    (_, one), (other, target) = desk.entry(patient.cx), desk.entry(patient.cx)

    update(desk, submitted(patient.cx, m.RPLC, one, target))

    assert [status_of(e) for e in desk.entries(other.unique_id)] == ["Deprecated"]


# what is wrong

Wrong = Callable[[Filed, str, str], str]
"""A body, given an entry in a folder, another entry, and an entry of another patient."""


def _version(*edits: Edit, **changes: str | None) -> Wrong:
    return lambda filed, _other, _foreign: edited(version(replace(filed.entry, **changes), filed.uuid), *edits)  # type: ignore[arg-type]


def _status(*edits: Edit, original: str = m.APPROVED, new: str = DEPRECATED) -> Wrong:
    return lambda filed, _other, _foreign: edited(status_change(filed.entry.patient, filed.uuid, original, new), *edits)


def _submitted(*edits: Edit, kind: str = APND, twice: bool = False) -> Wrong:
    def body(filed: Filed, other: str, _foreign: str) -> str:
        ends = (filed.folder, filed.uuid) if twice else (other, filed.uuid)
        return edited(submitted(filed.entry.patient, m.HAS_MEMBER if twice else kind, *ends), *edits)

    return body


MISTAKES: list[tuple[str, Wrong, list[str]]] = [
    (
        "a version that is not the latest",
        _version(text(MEMBERSHIP + value_of("PreviousVersion"), "7")),
        ["XDSMetadataVersionError"],
    ),
    ("no previous version", _version(remove(MEMBERSHIP + slot_of("PreviousVersion"))), ["XDSMetadataVersionError"]),
    (
        "a previous version that is no number",
        _version(text(MEMBERSHIP + value_of("PreviousVersion"), "x")),
        ["XDSMetadataVersionError"],
    ),
    ("a logicalID nobody has", _version(put(ENTRY, "lid", NOBODYS)), ["XDSMetadataVersionError"]),
    ("no logicalID", _version(drop(ENTRY, "lid")), ["XDSMetadataUpdateError"]),
    ("another uniqueId", _version(unique_id="2.999.66.1"), ["XDSMetadataUpdateError"]),
    ("another hash", _version(hash="a" * 40), ["XDSMetadataUpdateError"]),
    ("another size", _version(size="1"), ["XDSMetadataUpdateError"]),
    (
        "another objectType",
        _version(put(ENTRY, "objectType", ON_DEMAND), remove(ENTRY + slot_of("creationTime")), hash=None, size=None),
        ["XDSMetadataUpdateError"],
    ),
    ("an incomplete entry", _version(remove(ENTRY + slot_of("languageCode"))), ["XDSRegistryMetadataError"]),
    (
        "a propagation that is neither yes nor no",
        lambda f, _o, _p: version(f.entry, f.uuid, propagation="perhaps"),
        ["XDSMetadataUpdateOperationError"],
    ),
    ("an unknown patient", _version(patient=m.cx("NOBODY")), ["XDSUnknownPatientId"]),
    ("an association that is no operation", lambda f, o, _p: _plain(f, o), ["XDSRegistryMetadataError"]),
    (
        "the same object twice",
        lambda f, _o, _p: edited(status_change(f.entry.patient, f.uuid), again(STATUS_CHANGE)),
        ["XDSMetadataUpdateError"],
    ),
    ("a status that it has not", _status(original=DEPRECATED, new=m.APPROVED), ["XDSMetadataUpdateError"]),
    ("a status that is none", _status(new="urn:oasis:names:tc:ebxml-regrep:StatusType:Lost"), ["XDSMetadataUpdateError"]),
    ("no change", _status(new=m.APPROVED), ["XDSMetadataUpdateError"]),
    (
        "a status change without its slots",
        _status(remove(STATUS_CHANGE + slot_of("NewStatus"))),
        ["XDSMetadataUpdateOperationError"],
    ),
    ("a status change of nothing", _status(put(STATUS_CHANGE, "targetObject", NOBODYS)), ["UnresolvedReferenceException"]),
    (
        "a status change of another patient's entry",
        lambda f, _o, foreign: status_change(f.entry.patient, foreign),
        ["XDSPatientIdDoesNotMatch"],
    ),
    (
        "an association that leads nowhere",
        _submitted(put("//rim:Association[@id='New']", "targetObject", NOBODYS)),
        ["UnresolvedReferenceException"],
    ),
    ("an association of no type of ours", _submitted(kind="urn:ihe:iti:2007:AssociationType:LIKES"), ["XDSMetadataUpdateError"]),
    ("an association that is there", _submitted(twice=True), ["XDSMetadataUpdateError"]),
    (
        "an association with another patient's entry",
        lambda f, _o, foreign: submitted(f.entry.patient, APND, f.uuid, foreign),
        ["XDSMetadataUpdateError"],
    ),
    (
        "a submission of nothing",
        _submitted(put(SUBMISSION, "targetObject", NOBODYS)),
        ["XDSMetadataUpdateOperationError", "XDSRegistryMetadataError"],
    ),
]


def _plain(filed: Filed, other: str) -> str:
    return m.submit_objects([m.set_xml(filed.entry.patient), m.association(APND, other, filed.uuid)])


@pytest.mark.parametrize(("body", "codes"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_what_is_wrong_with_an_update_is_named_and_nothing_is_changed(
    soap: CheckedSoapWire, desk: Desk, patient: Patient, new_patient: NewPatient, body: Wrong, codes: list[str]
) -> None:
    filed, (_, other) = desk.filed(patient.cx), desk.entry(patient.cx)
    (_, foreign) = desk.entry(new_patient().cx)

    reply = soap.call(ACTION_57, body(filed, other, foreign))

    assert reply.status_urn == "Failure"
    assert sorted({code for code, _ in reply.refusals}) == sorted(codes)
    assert [(version_of(e), status_of(e)) for e in desk.entries(filed.entry.unique_id)] == [(1, "Approved")]


def test_the_set_of_an_update_is_a_new_one(soap: CheckedSoapWire, desk: Desk, patient: Patient) -> None:
    set_id, (entry, uuid) = m.fresh_oid(), desk.entry(patient.cx)
    desk.register(m.submission(m.Entry(patient.cx), set_unique_id=set_id))
    unique_id = "//rim:ExternalIdentifier[@identificationScheme='urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8']"

    reply = soap.call(ACTION_57, edited(version(entry, uuid), put(unique_id, "value", set_id)))

    assert [code for code, _ in reply.refusals] == ["XDSDuplicateUniqueIdInRegistry"]


def test_a_status_of_a_submission_set_does_not_change(soap: CheckedSoapWire, desk: Desk, patient: Patient) -> None:
    _, uuid = desk.entry(patient.cx)
    (own,) = desk.sets(uuid)

    reply = soap.call(ACTION_57, status_change(patient.cx, own))

    assert [code for code, _ in reply.refusals] == ["XDSMetadataUpdateError"]


def test_more_objects_than_one_submission_may_bring_are_refused(narrow: Service) -> None:
    entries = [m.Entry(m.cx("NOBODY")) for _ in range(21)]
    with CheckedSoapWire(narrow.http_port) as soap:
        replies = [soap.call(action, m.submission(*entries)) for action in (ACTION_57, m.ACTION_42)]
        replies.append(soap.call(ACTION_62, removal(*(f"urn:uuid:00000000-0000-4000-8000-{n:012}" for n in range(21)))))

    assert [reply.codes for reply in replies] == [["XDSRegistryOutOfResources"]] * 3


def test_the_published_update_is_refused_for_a_logical_id_nobody_has(soap: CheckedSoapWire) -> None:
    body = sample("iti-57", "update.xml").decode().partition("?>")[2]

    reply = soap.call(ACTION_57, body)

    assert {code for code, _ in reply.refusals} == {"XDSMetadataVersionError", "XDSUnknownPatientId"}


def test_the_published_update_is_done_for_an_entry_there_is(soap: CheckedSoapWire, desk: Desk, patient: Patient) -> None:
    root = etree.fromstring(sample("iti-57", "update.xml"))  # noqa: TID251 - a recorded message
    (sent,) = root.iter(f"{{{m.RIM}}}ExtrinsicObject")
    slots = {slot.get("name"): slot.findtext(f".//{{{m.RIM}}}Value") for slot in sent.iter(f"{{{m.RIM}}}Slot")}
    entry, uuid = desk.entry(patient.cx, hash=slots["hash"], size=slots["size"])
    sent.set("lid", uuid)
    for identifier in root.iter(f"{{{m.RIM}}}ExternalIdentifier"):
        name = identifier.find(f"{{{m.RIM}}}Name/{{{m.RIM}}}LocalizedString").get("value")
        if name.endswith(".patientId"):
            identifier.set("value", patient.cx)
        elif name == "XDSDocumentEntry.uniqueId":
            identifier.set("value", entry.unique_id)
        elif name.endswith(".uniqueId"):
            identifier.set("value", m.fresh_oid())

    reply = soap.call(ACTION_57, etree.tostring(root, encoding="unicode"))

    assert reply.status_urn == "Success", reply.errors
    assert [(version_of(e), title_of(e)) for e in desk.entries(entry.unique_id)] == [(1, "Discharge letter"), (2, "DocA")]
