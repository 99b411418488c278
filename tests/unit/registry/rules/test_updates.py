"""The operations of an update, as they are read; what they do is tested with the registry."""

from __future__ import annotations

from typing import Any

import pytest

from ebrim.model import Association, AssociationType, Slot, Submission
from kernel.errors import Condition
from registry.model import Life
from registry.rules.structure import Contents
from registry.rules.updates import Operations, immutable_faults, read_operations
from tests.support.metadata import a_document_entry, a_folder, a_membership, a_submission_set

LOGICAL = "urn:uuid:11111111-1111-4111-8111-111111111111"
OTHER = "urn:uuid:22222222-2222-4222-8222-222222222222"
APPROVED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
DEPRECATED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated"


def read(*associations: Association, restricted: bool = False, **objects: Any) -> tuple[Operations, list[Condition]]:
    """Operations and the conditions of what is malformed."""
    submission = Submission(submission_sets=(a_submission_set(),), associations=associations, **objects)
    found, faults = read_operations(Contents.of(submission), (), is_restricted=restricted)
    return found, [v.condition for v in faults]


def a_version(*slots: Slot, **changes: Any) -> Association:
    """The membership of a new version."""
    return a_membership(**({"slots": (Slot("PreviousVersion", ("3",)), *slots)} | changes))


def test_a_new_version_is_read_with_its_number_and_propagation() -> None:
    entry = a_document_entry(logical_id=LOGICAL)

    plain, _ = read(a_version(), entries=(entry,))
    kept, faults = read(a_version(Slot("AssociationPropagation", ("no",))), entries=(entry,))

    assert [(v.previous, v.propagates) for v in plain.versions] == [(3, True)]
    assert [(v.previous, v.propagates) for v in kept.versions] == [(3, False)]
    assert faults == []
    assert plain.logical_ids() == {LOGICAL}


def test_a_change_of_status_and_a_submitted_association_are_read() -> None:
    status = Association(
        id="u",
        type=AssociationType.UPDATE_AVAILABILITY_STATUS.value,
        source="SubmissionSet01",
        target=LOGICAL,
        slots=(Slot("OriginalStatus", (APPROVED,)), Slot("NewStatus", (DEPRECATED,))),
    )
    new = Association(id="n", type=AssociationType.APND.value, source=OTHER, target=LOGICAL)
    submit = Association(id="s", type=AssociationType.SUBMIT_ASSOCIATION.value, source="SubmissionSet01", target="n")

    found, faults = read(status, new, submit)

    assert faults == []
    assert [(s.original, s.new) for s in found.statuses] == [(Life.APPROVED, Life.DEPRECATED)]
    assert found.associations == [new]
    assert found.targets() == {LOGICAL, OTHER}


@pytest.mark.parametrize(
    ("association", "objects", "condition"),
    [
        (a_version(), {"entries": (a_document_entry(),)}, Condition.UPDATE_INVALID),
        (a_membership(), {"entries": (a_document_entry(logical_id=LOGICAL),)}, Condition.VERSION_WRONG),
        (
            a_version(slots=(Slot("PreviousVersion", ("1", "2")),)),
            {"entries": (a_document_entry(logical_id=LOGICAL),)},
            Condition.VERSION_WRONG,
        ),
        (
            a_version(slots=(Slot("PreviousVersion", ("99999",)),)),
            {"entries": (a_document_entry(logical_id=LOGICAL),)},
            Condition.VERSION_WRONG,
        ),
        (a_version(source=OTHER), {}, Condition.METADATA_INVALID),
        (
            Association(id="s", type=AssociationType.SUBMIT_ASSOCIATION.value, source="SubmissionSet01", target=OTHER),
            {},
            Condition.UPDATE_OPERATION_INVALID,
        ),
        (a_version(faults=("slot x stands more than once",), source=OTHER), {}, Condition.METADATA_INVALID),
    ],
)
def test_a_malformed_operation_is_left_out_and_told(
    association: Association, objects: dict[str, Any], condition: Condition
) -> None:
    found, faults = read(association, **objects)

    assert set(faults) == {condition}
    assert found == Operations()


def test_a_folder_is_no_object_of_a_restricted_update() -> None:
    folder = a_folder(logical_id=LOGICAL)

    assert read(a_version(target="Folder01"), folders=(folder,))[1] == []
    assert read(a_version(target="Folder01"), folders=(folder,), restricted=True)[1] == [Condition.UPDATE_REQUEST_INVALID]


def test_a_new_version_that_is_no_member_of_the_set_is_refused() -> None:
    assert read(entries=(a_document_entry(logical_id=LOGICAL),))[1] == [Condition.METADATA_INVALID]


def test_what_a_restricted_update_leaves_as_it_is() -> None:
    former = a_document_entry()
    changed = a_document_entry(
        repository_unique_id=("2.999.1",), source_patient_id=("X^^^&2.999&ISO",), document_availability=("x",)
    )

    assert list(immutable_faults(former, former)) == []
    assert len(list(immutable_faults(changed, former))) == 3
