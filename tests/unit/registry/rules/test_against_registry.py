"""A submission against what is registered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from affinity.model import Standing
from ebrim.model import Association, AssociationType, EntryType, Identifier, Slot, Submission
from kernel.errors import Condition
from registry.model import Kind, Life, RegisteredObject, key_of
from registry.rules.against_registry import Registered, references, registry_faults, submitted_uuids
from registry.rules.structure import Contents
from tests.support.metadata import PATIENT, SHA1_OF_ABC, a_document_entry, a_folder, a_membership, a_submission
from tests.support.registry import OTHER_PATIENT, patient

TARGET = "urn:uuid:11111111-1111-4111-8111-111111111111"
KNOWN = Standing(known=True, active=True, survivor=patient(PATIENT), all_ids=(patient(PATIENT),))


def a_registered(**changes: Any) -> RegisteredObject:
    """An Approved entry of the patient."""
    key = key_of(TARGET)
    whole: dict[str, Any] = {"kind": Kind.ENTRY, "key": key, "logical_key": key, "life": Life.APPROVED, "patient": PATIENT}
    return RegisteredObject(**(whole | changes))


def conditions(submission: Submission, *objects: RegisteredObject, standing: Standing | None = KNOWN) -> list[Condition]:
    """The conditions of everything that is wrong, with these objects registered."""
    namesakes: dict[str, list[RegisteredObject]] = {}
    for obj in objects:
        namesakes.setdefault(obj.unique_id, []).append(obj)
    registered = Registered(standing, {obj.uuid: obj for obj in objects}, namesakes)
    return [v.condition for v in registry_faults(Contents.of(submission), registered)]


def leading_to_target(type_: AssociationType, **changes: Any) -> Submission:
    """A submission with a relationship to a registered entry."""
    whole = a_submission()
    more = Association(**({"id": "rel", "type": type_.value, "source": "Document01", "target": TARGET} | changes))
    return replace(whole, associations=(*whole.associations, more))


def referring() -> Submission:
    """A submission whose set refers to a registered entry."""
    slots = (Slot("SubmissionSetStatus", ("Reference",)),)
    return leading_to_target(AssociationType.HAS_MEMBER, source="SubmissionSet01", slots=slots)


def test_a_submission_for_a_known_patient_has_no_fault() -> None:
    assert conditions(a_submission()) == []


def test_an_unknown_patient_is_told() -> None:
    assert conditions(a_submission(), standing=replace(KNOWN, known=False)) == [Condition.PATIENT_UNKNOWN]


def test_a_subsumed_patient_takes_no_submissions() -> None:
    assert conditions(a_submission(), standing=replace(KNOWN, active=False)) == [Condition.PATIENT_UNKNOWN]


def test_an_entry_of_another_patient_is_told_together_with_the_unknown_one() -> None:
    mixed = a_submission(a_document_entry(patient_ids=(Identifier(OTHER_PATIENT),)))

    found = conditions(mixed, standing=replace(KNOWN, known=False))

    assert found == [Condition.PATIENT_MISMATCH, Condition.PATIENT_UNKNOWN]


def test_a_chosen_uuid_that_is_registered_is_refused() -> None:
    submission = a_submission(a_document_entry(id=TARGET))

    assert submitted_uuids(Contents.of(submission)) == {TARGET}
    assert conditions(submission, a_registered(unique_id="1.2.3")) == [Condition.METADATA_INVALID]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"hash": bytes.fromhex(SHA1_OF_ABC), "size": 3}, []),
        ({"hash": bytes(20), "size": 3}, [Condition.HASH_DIFFERS]),
        ({"hash": bytes.fromhex(SHA1_OF_ABC), "size": 4}, [Condition.SIZE_DIFFERS]),
        ({"hash": bytes(20), "size": 4}, [Condition.HASH_DIFFERS, Condition.SIZE_DIFFERS]),
        ({"on_demand": True}, [Condition.UNIQUE_ID_IN_USE]),
        ({"kind": Kind.FOLDER}, []),
    ],
)
def test_a_used_unique_id_is_let_pass_for_the_same_content_only(known: dict[str, Any], expected: list[Condition]) -> None:
    assert conditions(a_submission(), a_registered(unique_id="2.999.7.1", **known)) == expected


def test_the_hash_is_compared_without_regard_to_case() -> None:
    submission = a_submission(a_document_entry(hash=(SHA1_OF_ABC.upper(),)))

    assert conditions(submission, a_registered(unique_id="2.999.7.1", hash=bytes.fromhex(SHA1_OF_ABC), size=3)) == []


@pytest.mark.parametrize(
    ("kind", "unique_id", "expected"),
    [
        (Kind.SUBMISSION_SET, "2.999.8.1", [Condition.UNIQUE_ID_IN_USE]),
        (Kind.FOLDER, "2.999.10.1", [Condition.UNIQUE_ID_IN_USE]),
        (Kind.FOLDER, "2.999.8.1", []),
    ],
)
def test_the_unique_id_of_a_set_or_folder_is_used_once(kind: Kind, unique_id: str, expected: list[Condition]) -> None:
    submission = a_submission(folders=(a_folder(),))

    assert conditions(submission, a_registered(kind=kind, unique_id=unique_id)) == expected


@pytest.mark.parametrize("type_", ["RPLC", "APND", "XFRM", "XFRM_RPLC", "SIGNS", "IS_SNAPSHOT_OF"])
def test_a_target_that_is_not_registered_is_an_unresolved_reference(type_: str) -> None:
    submission = leading_to_target(AssociationType[type_])

    assert references(Contents.of(submission)) == {TARGET}
    assert conditions(submission) == [Condition.REFERENCE_UNRESOLVED]


@pytest.mark.parametrize("type_", ["RPLC", "APND", "XFRM", "XFRM_RPLC"])
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, []),
        ({"life": Life.DEPRECATED}, [Condition.TARGET_DEPRECATED]),
        ({"patient": OTHER_PATIENT}, [Condition.PATIENT_MISMATCH]),
        ({"kind": Kind.FOLDER}, [Condition.METADATA_INVALID]),
    ],
)
def test_a_relationship_leads_to_an_approved_entry_of_the_patient(
    type_: str, target: dict[str, Any], expected: list[Condition]
) -> None:
    assert conditions(leading_to_target(AssociationType[type_]), a_registered(**target)) == expected


def test_an_entry_filed_under_another_id_of_the_same_person_is_of_the_patient() -> None:
    merged = replace(KNOWN, all_ids=(patient(PATIENT), patient(OTHER_PATIENT)))

    found = conditions(leading_to_target(AssociationType.RPLC), a_registered(patient=OTHER_PATIENT), standing=merged)

    assert found == []


def test_a_snapshot_is_of_an_approved_on_demand_entry() -> None:
    submission = leading_to_target(AssociationType.IS_SNAPSHOT_OF)

    assert conditions(submission, a_registered(on_demand=True)) == []
    assert conditions(submission, a_registered()) == [Condition.METADATA_INVALID]
    assert conditions(submission, a_registered(on_demand=True, life=Life.DEPRECATED)) == [Condition.TARGET_DEPRECATED]


def test_a_set_may_refer_to_a_deprecated_entry_of_another_patient() -> None:
    assert conditions(referring(), a_registered(life=Life.DEPRECATED, patient=OTHER_PATIENT)) == []


def test_a_set_may_not_refer_to_a_registered_folder() -> None:
    assert conditions(referring(), a_registered(kind=Kind.FOLDER)) == [Condition.METADATA_INVALID]


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ({}, []),
        ({"life": Life.DEPRECATED}, [Condition.TARGET_DEPRECATED]),
        ({"patient": OTHER_PATIENT}, [Condition.PATIENT_MISMATCH]),
        ({"kind": Kind.ENTRY}, [Condition.METADATA_INVALID]),
    ],
)
def test_a_new_entry_joins_an_approved_folder_of_the_patient(folder: dict[str, Any], expected: list[Condition]) -> None:
    whole = a_submission()
    joining = a_membership(source=TARGET, target="Document01", id="join", slots=())
    submission = replace(whole, associations=(*whole.associations, joining))

    assert conditions(submission, a_registered(**({"kind": Kind.FOLDER} | folder))) == expected


def test_a_deprecated_entry_does_not_join_a_folder() -> None:
    whole = a_submission(folders=(a_folder(),))
    joining = a_membership(source="Folder01", target=TARGET, id="join", slots=())
    submission = replace(whole, associations=(*whole.associations, joining))

    assert conditions(submission, a_registered(life=Life.DEPRECATED)) == [Condition.TARGET_DEPRECATED]


def test_an_on_demand_entry_may_take_the_unique_id_of_another() -> None:
    entry = a_document_entry(object_type=EntryType.ON_DEMAND.value, creation_time=(), hash=(), size=())

    assert conditions(a_submission(entry), a_registered(unique_id="2.999.7.1", on_demand=True)) == []
    assert conditions(a_submission(entry), a_registered(unique_id="2.999.7.1", hash=bytes(20), size=1)) == [
        Condition.UNIQUE_ID_IN_USE
    ]
