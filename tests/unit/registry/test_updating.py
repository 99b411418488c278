"""Metadata updates on a real database (ITI-57, ITI-92)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ebrim.model import Association, AssociationType, DocumentEntry, Folder, Identifier, LocalText, Slot, Submission
from ebrim.query import quoted, quoted_list
from ebrim.uuids import DOCUMENT_OFFLINE, QueryId
from kernel.errors import Condition, Rejected
from registry.tables import METADATA
from tests.conftest import MakeDatabase
from tests.support.metadata import PATIENT, a_document_entry, a_folder, a_membership, a_submission, a_submission_set
from tests.support.registry import APPROVED, DEPRECATED, OTHER_PATIENT, SUBJECT, Registry, a_registry

UNKNOWN = "urn:uuid:99999999-9999-4999-8999-999999999999"
LEVEL_2 = ("$MetadataLevel", "2")
BOTH = (APPROVED, DEPRECATED)


@pytest.fixture
def registry(make_database: MakeDatabase) -> Registry:
    """A registry with entry 1 in a folder, and entry 2 appended to it."""
    registry = a_registry(make_database(METADATA))
    in_folder = (
        a_membership(target="Folder01", slots=()),
        a_membership(source="Folder01", target="Document01", id="in-folder", slots=()),
        a_membership(target="in-folder", id="fd-de", slots=()),
    )
    whole = a_submission(folders=(a_folder(),))
    registry.register(replace(whole, associations=(*whole.associations, *in_folder)))
    second = a_submission(
        a_document_entry(unique_ids=(Identifier("2.999.7.2"),)),
        submission_sets=(a_submission_set(unique_ids=(Identifier("2.999.8.2"),)),),
    )
    appended = Association(id="r", type=AssociationType.APND.value, source="Document01", target=latest(registry).id)
    registry.register(replace(second, associations=(*second.associations, appended)))
    return registry


def latest(registry: Registry, number: int = 1) -> DocumentEntry:
    """The entry with this number as the first level shows it."""
    (entry,) = (e for e in registry.find(status=BOTH).objects.entries if e.unique_id == f"2.999.7.{number}")
    return entry


def versions(registry: Registry, number: int = 1) -> dict[str, str]:
    """Version to status, of an entry."""
    found = registry.find(LEVEL_2, status=BOTH).objects.entries
    return {e.version: e.status for e in found if e.unique_id == f"2.999.7.{number}"}


def everything(registry: Registry) -> Submission:
    """GetAll at the second level."""
    statuses = [(f"$XDS{kind}Status", quoted_list(BOTH)) for kind in ("DocumentEntry", "SubmissionSet", "Folder")]
    return registry.ask(QueryId.GET_ALL, ("$patientId", quoted(PATIENT)), *statuses, LEVEL_2).objects


def the_folder(registry: Registry) -> Folder:
    """The folder as the first level shows it."""
    asked = (("$XDSFolderPatientId", quoted(PATIENT)), ("$XDSFolderStatus", quoted_list([APPROVED])))
    (folder,) = registry.ask(QueryId.FIND_FOLDERS, *asked).objects.folders
    return folder


def an_update(*associations: Association, number: int = 9, **changes: Any) -> Submission:
    """A submission set of its own with these operations."""
    own: dict[str, Any] = {"submission_sets": (a_submission_set(unique_ids=(Identifier(f"2.999.8.{number}"),)),)}
    return Submission(**(own | {"associations": associations} | changes))


def a_version(previous: str = "1", *slots: Slot, target: str = "Document01", **changes: Any) -> Association:
    """The membership that brings a new version."""
    whole = (Slot("SubmissionSetStatus", ("Original",)), Slot("PreviousVersion", (previous,)), *slots)
    return a_membership(target=target, **({"slots": whole} | changes))


def revised(entry: DocumentEntry, **changes: Any) -> DocumentEntry:
    """A new version of a registered entry, as a source sends it."""
    whole: dict[str, Any] = {"unique_ids": (Identifier(entry.unique_id),), "logical_id": entry.logical_id}
    return a_document_entry(**(whole | changes))


def a_status(target: str, original: str = APPROVED, new: str = DEPRECATED, **changes: Any) -> Association:
    """A change of status."""
    whole: dict[str, Any] = {
        "id": "status",
        "type": AssociationType.UPDATE_AVAILABILITY_STATUS.value,
        "source": "SubmissionSet01",
        "target": target,
        "slots": (Slot("OriginalStatus", (original,)), Slot("NewStatus", (new,))),
    }
    return Association(**(whole | changes))


def submitted(type_: AssociationType, source: str, target: str) -> tuple[Association, Association]:
    """An association that is submitted, and what submits it."""
    return (
        Association(id="new", type=type_.value, source=source, target=target),
        Association(id="submit", type=AssociationType.SUBMIT_ASSOCIATION.value, source="SubmissionSet01", target="new"),
    )


def update(registry: Registry, submission: Submission, *, restricted: bool = False) -> None:
    """ITI-57, or ITI-92."""
    put = registry.service.update_restricted if restricted else registry.service.update
    put(submission, SUBJECT)


def refused(registry: Registry, submission: Submission, *, restricted: bool = False) -> list[Condition]:
    """What an update is refused for; it changes nothing."""
    before = everything(registry)
    with pytest.raises(Rejected) as caught:
        update(registry, submission, restricted=restricted)
    after = everything(registry)
    assert sorted(a.id for a in after.associations) == sorted(a.id for a in before.associations)
    assert {o.id: o.status for o in after.objects()} == {o.id: o.status for o in before.objects()}
    return [v.condition for v in caught.value.violations if v.is_error]


@pytest.mark.parametrize("restricted", [False, True])
def test_a_new_version_is_approved_and_the_former_one_deprecated(registry: Registry, restricted: bool) -> None:
    old = latest(registry)
    new = revised(old, title=(LocalText("Corrected", "en"),))

    update(registry, an_update(a_version(), entries=(new,)), restricted=restricted)

    shown = latest(registry)
    assert (shown.title_text, shown.version, shown.logical_id, shown.status) == ("Corrected", "2", old.id, APPROVED)
    assert shown.id != old.id
    assert versions(registry) == {"1": DEPRECATED, "2": APPROVED}


def test_a_third_version_follows_the_second(registry: Registry) -> None:
    for previous in ("1", "2"):
        update(registry, an_update(a_version(previous), number=10 + int(previous), entries=(revised(latest(registry)),)))

    assert versions(registry) == {"1": DEPRECATED, "2": DEPRECATED, "3": APPROVED}


def test_a_new_version_of_a_deprecated_entry_stays_deprecated(registry: Registry) -> None:
    update(registry, an_update(a_status(latest(registry).id), number=11))

    update(registry, an_update(a_version(), entries=(revised(latest(registry)),)))

    assert versions(registry) == {"1": DEPRECATED, "2": DEPRECATED}


def test_the_first_level_hides_former_versions_from_every_query(registry: Registry) -> None:
    old = latest(registry)
    update(registry, an_update(a_version(), entries=(revised(old),)))
    by_id = ("$XDSDocumentEntryEntryUUID", quoted_list([old.id]))
    by_logical_id = ("$XDSDocumentEntryLogicalID", quoted_list([old.logical_id]))

    assert registry.ask(QueryId.GET_DOCUMENTS, by_id).objects.entries == ()
    assert [e.version for e in registry.ask(QueryId.GET_DOCUMENTS, by_id, LEVEL_2).objects.entries] == ["1"]
    assert [e.version for e in registry.ask(QueryId.GET_DOCUMENTS, by_logical_id).objects.entries] == ["2"]
    assert len(registry.ask(QueryId.GET_DOCUMENTS, by_logical_id, LEVEL_2).objects.entries) == 2


def joins(held: Submission, entry_id: str) -> set[str]:
    """The types of the associations of an entry, and what its folders' memberships hang on."""
    names = {a.type.rpartition(":")[2] for a in held.associations if entry_id in (a.source, a.target)}
    of_folders = [a.id for a in held.associations if a.target == entry_id and a.source in {f.id for f in held.folders}]
    linked = {a.target for a in held.associations}
    return names | {"in a folder" for id_ in of_folders if id_ in linked}


def test_relationships_and_folders_go_over_to_the_new_version(registry: Registry) -> None:
    update(registry, an_update(a_version(), entries=(revised(latest(registry)),)))

    assert joins(everything(registry), latest(registry).id) == {"HasMember", "APND", "in a folder"}


def test_they_stay_behind_where_the_source_says_so(registry: Registry) -> None:
    version = a_version("1", Slot("AssociationPropagation", ("no",)))

    update(registry, an_update(version, entries=(revised(latest(registry)),)))

    assert joins(everything(registry), latest(registry).id) == {"HasMember"}


def test_a_new_version_of_a_folder_keeps_its_entries(registry: Registry) -> None:
    old = the_folder(registry)
    new = a_folder(logical_id=old.logical_id, title=(LocalText("Birth"),))

    update(registry, an_update(a_version(target="Folder01"), folders=(new,)))

    shown = the_folder(registry)
    assert (shown.title_text, shown.version, shown.logical_id) == ("Birth", "2", old.id)
    assert shown.last_update_time > old.last_update_time
    contents = registry.ask(QueryId.GET_FOLDER_AND_CONTENTS, ("$XDSFolderEntryUUID", quoted(shown.id))).objects
    assert [e.unique_id for e in contents.entries] == ["2.999.7.1"]


def test_a_former_version_of_a_folder_is_shown_at_the_second_level_only(registry: Registry) -> None:
    old = the_folder(registry)
    update(registry, an_update(a_version(target="Folder01"), folders=(a_folder(logical_id=old.logical_id),)))
    by_id = ("$XDSFolderEntryUUID", quoted_list([old.id]))

    assert registry.ask(QueryId.GET_FOLDERS, by_id).objects.folders == ()
    assert [f.status for f in registry.ask(QueryId.GET_FOLDERS, by_id, LEVEL_2).objects.folders] == [DEPRECATED]


Changed = Callable[[DocumentEntry], DocumentEntry]


@pytest.mark.parametrize(
    ("changes", "plain", "restricted"),
    [
        ({"logical_id": UNKNOWN}, Condition.VERSION_WRONG, Condition.VERSION_WRONG),
        ({"logical_id": ""}, Condition.UPDATE_INVALID, Condition.UPDATE_INVALID),
        ({"unique_ids": (Identifier("2.999.7.7"),)}, Condition.UPDATE_INVALID, Condition.UPDATE_IDENTIFIER_CHANGED),
        ({"hash": ("0" * 40,)}, Condition.UPDATE_INVALID, Condition.UPDATE_IMMUTABLE),
        ({"size": ("4",)}, Condition.UPDATE_INVALID, Condition.UPDATE_IMMUTABLE),
        (
            {"object_type": "urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248", "creation_time": (), "hash": (), "size": ()},
            Condition.UPDATE_INVALID,
            Condition.UPDATE_TYPE_CHANGED,
        ),
        ({"class_codes": ()}, Condition.METADATA_INVALID, Condition.METADATA_INVALID),
        ({"repository_unique_id": ("2.999.1",)}, None, Condition.UPDATE_IMMUTABLE),
        ({"source_patient_id": ("X^^^&2.999.1&ISO",)}, None, Condition.UPDATE_IMMUTABLE),
        ({"document_availability": (DOCUMENT_OFFLINE,)}, None, Condition.UPDATE_IMMUTABLE),
    ],
)
def test_what_an_update_may_not_change(
    registry: Registry, changes: dict[str, Any], plain: Condition | None, restricted: Condition
) -> None:
    submission = an_update(a_version(), entries=(revised(latest(registry), **changes),))

    assert refused(registry, submission, restricted=True) == [restricted]
    if plain is None:
        update(registry, submission)
    else:
        assert refused(registry, submission) == [plain]


def test_a_restricted_update_leaves_the_patient(registry: Registry) -> None:
    whose = (Identifier(OTHER_PATIENT),)
    own = (a_submission_set(patient_ids=whose, unique_ids=(Identifier("2.999.8.9"),)),)
    alone = a_version("1", Slot("AssociationPropagation", ("no",)))
    moved = an_update(alone, entries=(revised(latest(registry), patient_ids=whose),), submission_sets=own)

    assert refused(registry, moved, restricted=True) == [Condition.UPDATE_PATIENT_CHANGED]
    update(registry, moved)
    assert registry.found(patient_id=OTHER_PATIENT) == ["2.999.7.1"]


@pytest.mark.parametrize("previous", ["2", "0", "x", ""])
def test_an_update_names_the_version_it_saw(registry: Registry, previous: str) -> None:
    submission = an_update(a_version(previous), entries=(revised(latest(registry)),))

    assert refused(registry, submission) == [Condition.VERSION_WRONG]


def test_two_updates_of_one_version_are_not_both_taken(registry: Registry) -> None:
    submission = an_update(a_version(), entries=(revised(latest(registry)),))
    update(registry, submission)

    again = replace(submission, submission_sets=(a_submission_set(unique_ids=(Identifier("2.999.8.10"),)),))

    assert refused(registry, again) == [Condition.VERSION_WRONG]


def test_an_update_comes_with_a_set_nobody_sent_before(registry: Registry) -> None:
    submission = an_update(a_version(), number=1, entries=(revised(latest(registry)),))

    assert refused(registry, submission) == [Condition.UNIQUE_ID_IN_USE]


def test_a_membership_without_a_previous_version_is_no_update(registry: Registry) -> None:
    submission = an_update(a_membership(), entries=(revised(latest(registry)),))

    assert refused(registry, submission) == [Condition.VERSION_WRONG]


def test_propagation_is_yes_or_no(registry: Registry) -> None:
    version = a_version("1", Slot("AssociationPropagation", ("maybe",)))

    assert refused(registry, an_update(version, entries=(revised(latest(registry)),))) == [Condition.UPDATE_OPERATION_INVALID]


def test_a_restricted_update_has_no_folders(registry: Registry) -> None:
    folder = a_folder(logical_id=the_folder(registry).logical_id)
    submission = an_update(a_version(target="Folder01"), folders=(folder,))

    assert refused(registry, submission, restricted=True) == [Condition.UPDATE_REQUEST_INVALID]


@pytest.mark.parametrize("restricted", [False, True])
def test_a_status_changes_there_and_back(registry: Registry, restricted: bool) -> None:
    entry = latest(registry)

    update(registry, an_update(a_status(entry.id), number=11), restricted=restricted)
    deprecated = registry.found()
    update(registry, an_update(a_status(entry.id, DEPRECATED, APPROVED), number=12), restricted=restricted)

    assert (deprecated, registry.found()) == (["2.999.7.2"], ["2.999.7.1", "2.999.7.2"])


def test_the_status_of_folders_and_associations_changes(registry: Registry) -> None:
    folder = the_folder(registry)
    (appended,) = (a for a in everything(registry).associations if a.type == AssociationType.APND.value)

    update(registry, an_update(a_status(folder.id), number=11))
    update(registry, an_update(a_status(appended.id), number=12))

    held = everything(registry)
    assert held.folders[0].status == DEPRECATED
    first = ("$uuid", quoted_list([latest(registry).id]))
    assert appended.id not in {a.id for a in registry.ask(QueryId.GET_ASSOCIATIONS, first).objects.associations}
    statuses = {a.id: a.status for a in registry.ask(QueryId.GET_ASSOCIATIONS, first, LEVEL_2).objects.associations}
    assert statuses[appended.id] == DEPRECATED


@pytest.mark.parametrize(
    ("changes", "plain", "restricted"),
    [
        ({"original": DEPRECATED, "new": APPROVED}, Condition.UPDATE_INVALID, Condition.UPDATE_IMMUTABLE),
        ({"new": APPROVED}, Condition.UPDATE_INVALID, Condition.UPDATE_IMMUTABLE),
        ({"new": "urn:oasis:names:tc:ebxml-regrep:StatusType:Gone"}, Condition.UPDATE_INVALID, Condition.UPDATE_IMMUTABLE),
        ({"slots": ()}, Condition.UPDATE_OPERATION_INVALID, Condition.UPDATE_OPERATION_INVALID),
        ({"source": UNKNOWN}, Condition.UPDATE_OPERATION_INVALID, Condition.UPDATE_OPERATION_INVALID),
        ({"target": UNKNOWN}, Condition.REFERENCE_UNRESOLVED, Condition.REFERENCE_UNRESOLVED),
    ],
)
def test_a_change_of_status_that_cannot_be(
    registry: Registry, changes: dict[str, Any], plain: Condition, restricted: Condition
) -> None:
    submission = an_update(a_status(**({"target": latest(registry).id} | changes)))

    assert refused(registry, submission) == [plain]
    assert refused(registry, submission, restricted=True) == [restricted]


def test_the_status_of_a_submission_set_does_not_change(registry: Registry) -> None:
    own = everything(registry).submission_sets[0]

    assert refused(registry, an_update(a_status(own.id))) == [Condition.UPDATE_INVALID]


def test_an_object_is_changed_once_in_a_submission(registry: Registry) -> None:
    entry = latest(registry)
    twice = an_update(a_status(entry.id), a_status(entry.id, id="again"))

    assert refused(registry, twice) == [Condition.UPDATE_INVALID]


def test_an_association_is_submitted_by_itself(registry: Registry) -> None:
    first, second = latest(registry, 1), latest(registry, 2)

    update(registry, an_update(*submitted(AssociationType.XFRM, first.id, second.id)))

    found = [a for a in everything(registry).associations if a.type == AssociationType.XFRM.value]
    assert [(a.source, a.target, a.status) for a in found] == [(first.id, second.id, APPROVED)]
    assert not [a for a in everything(registry).associations if a.type == AssociationType.SUBMIT_ASSOCIATION.value]


def test_an_entry_joins_a_folder_by_a_submitted_association(registry: Registry) -> None:
    folder, second = the_folder(registry), latest(registry, 2)
    membership, submit = submitted(AssociationType.HAS_MEMBER, folder.id, second.id)

    update(registry, an_update(membership, submit))

    contents = registry.ask(QueryId.GET_FOLDER_AND_CONTENTS, ("$XDSFolderEntryUUID", quoted(folder.id))).objects
    assert sorted(e.unique_id for e in contents.entries) == ["2.999.7.1", "2.999.7.2"]
    assert contents.folders[0].last_update_time > folder.last_update_time


def test_a_submitted_replacement_deprecates_its_target(registry: Registry) -> None:
    first, second = latest(registry, 1), latest(registry, 2)
    third = a_submission(
        a_document_entry(unique_ids=(Identifier("2.999.7.3"),)),
        submission_sets=(a_submission_set(unique_ids=(Identifier("2.999.8.3"),)),),
    )
    registry.register(third)

    update(registry, an_update(*submitted(AssociationType.RPLC, latest(registry, 3).id, first.id)))

    # entry 2 was appended to entry 1
    assert registry.found() == ["2.999.7.3"]
    assert second.status == APPROVED


def test_a_second_association_between_two_objects_is_refused(registry: Registry) -> None:
    first, second = latest(registry, 1), latest(registry, 2)

    again = an_update(*submitted(AssociationType.XFRM, second.id, first.id))

    assert refused(registry, again) == [Condition.UPDATE_INVALID]


def test_the_ends_of_a_submitted_association_are_registered_and_approved(registry: Registry) -> None:
    first, own = latest(registry), everything(registry).submission_sets[0]

    assert refused(registry, an_update(*submitted(AssociationType.XFRM, first.id, UNKNOWN))) == [Condition.REFERENCE_UNRESOLVED]
    assert refused(registry, an_update(*submitted(AssociationType.XFRM, first.id, own.id))) == [Condition.UPDATE_INVALID]
    update(registry, an_update(a_status(first.id), number=11))
    second = latest(registry, 2)
    assert refused(registry, an_update(*submitted(AssociationType.XFRM, second.id, first.id))) == [
        Condition.UPDATE_INVALID,
        Condition.UPDATE_INVALID,
    ]


@pytest.mark.parametrize(
    "association",
    [
        Association(id="x", type=AssociationType.APND.value, source=UNKNOWN, target=UNKNOWN.replace("8999", "8998")),
        a_membership(target=UNKNOWN, id="x"),
    ],
)
def test_an_association_that_nothing_submits_is_no_operation(registry: Registry, association: Association) -> None:
    assert refused(registry, an_update(association)) == [Condition.METADATA_INVALID]


def test_every_fault_of_an_update_is_told_at_once(registry: Registry) -> None:
    bad = revised(latest(registry), class_codes=(), unique_ids=(Identifier("2.999.7.7"),))

    found = refused(registry, an_update(a_version("5"), a_status(UNKNOWN), number=1, entries=(bad,)))

    assert sorted(c.name for c in found) == [
        "METADATA_INVALID",
        "REFERENCE_UNRESOLVED",
        "UNIQUE_ID_IN_USE",
        "UPDATE_INVALID",
        "VERSION_WRONG",
    ]
