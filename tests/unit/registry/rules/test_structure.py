"""What has to hold between the objects of a submission."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ebrim.model import Association, AssociationType, Slot, Submission
from kernel.errors import Condition, Violation
from registry.rules.structure import Contents, structure_faults
from tests.support.metadata import a_code, a_document_entry, a_folder, a_membership, a_submission, a_submission_set

REGISTERED = "urn:uuid:11111111-1111-4111-8111-111111111111"


def found(submission: Submission, *extra_types: str) -> list[Violation]:
    """The faults of a submission."""
    return list(structure_faults(Contents.of(submission), extra_types))


def with_more(*associations: Association, **changes: Any) -> Submission:
    """A valid submission with more associations."""
    whole = a_submission()
    return replace(whole, associations=(*whole.associations, *associations), **changes)


def relationship(type_: AssociationType = AssociationType.RPLC, **changes: Any) -> Association:
    """From the new entry to a registered one."""
    whole = {"id": "rel", "type": type_.value, "source": "Document01", "target": REGISTERED}
    return Association(**(whole | changes))


def a_filled_folder() -> Submission:
    """A new folder with the new entry in it."""
    return with_more(
        a_membership(target="Folder01", slots=()),
        a_membership(source="Folder01", target="Document01", id="in-folder", slots=()),
        a_membership(target="in-folder", id="fd-de", slots=()),
        folders=(a_folder(),),
    )


def test_a_set_with_one_entry_is_whole() -> None:
    assert found(a_submission()) == []


def test_a_new_folder_with_the_entry_in_it_is_whole() -> None:
    assert found(a_filled_folder()) == []


@pytest.mark.parametrize("sets", [(), (a_submission_set(), a_submission_set(id="Second", unique_ids=()))])
def test_there_is_exactly_one_submission_set(sets: tuple[Any, ...]) -> None:
    faults = found(a_submission(submission_sets=sets))

    assert f"{len(sets)} submission sets where one is expected" in [v.detail for v in faults]


def test_an_entry_that_is_no_member_of_the_set_is_refused() -> None:
    faults = found(a_submission(associations=()))

    assert [(v.where, v.condition) for v in faults] == [("Document01", Condition.METADATA_INVALID)]


def test_an_entry_that_is_a_member_twice_is_refused() -> None:
    faults = found(with_more(a_membership(id="again")))

    assert [v.detail for v in faults] == ["2 HasMember associations from the submission set where one is expected"]


def test_ids_are_unique_over_objects_and_their_parts() -> None:
    entry = a_document_entry(sub_ids=("SubmissionSet01", "c1", "c1"))

    faults = found(a_submission(entry))

    assert sorted(v.where for v in faults) == ["SubmissionSet01", "c1"]


def test_an_upper_case_uuid_is_no_id() -> None:
    faults = found(a_submission(a_document_entry(id=REGISTERED.upper().replace("URN:UUID", "urn:uuid").replace("1111-", "AAAA-"))))

    assert "not urn:uuid: with a lower-case UUID" in [v.detail for v in faults]


def test_a_unique_id_that_stands_twice_in_the_message_is_told_for_both_objects() -> None:
    one, other = a_document_entry(), a_document_entry(id="Document02")

    faults = found(a_submission(one, other))

    assert [(v.condition, v.where) for v in faults] == [
        (Condition.UNIQUE_ID_REPEATED, "Document01"),
        (Condition.UNIQUE_ID_REPEATED, "Document02"),
    ]


@pytest.mark.parametrize(
    ("slots", "target", "expected"),
    [
        ((), "Document01", "SubmissionSetStatus is not Original"),
        ((Slot("SubmissionSetStatus", ("Reference",)),), "Document01", "SubmissionSetStatus is not Original"),
        ((Slot("SubmissionSetStatus", ("Original", "Original")),), "Document01", "SubmissionSetStatus is not Original"),
        ((Slot("SubmissionSetStatus", ("Original",)),), REGISTERED, "SubmissionSetStatus is not Reference"),
    ],
)
def test_the_membership_of_an_entry_says_whether_it_is_new(slots: tuple[Slot, ...], target: str, expected: str) -> None:
    membership = a_membership(target=target, slots=slots, id="m")
    others = () if target == "Document01" else (a_membership(),)

    faults = found(a_submission(associations=(membership, *others)))

    assert [v.detail for v in faults] == [expected]


def test_a_set_may_refer_to_a_registered_entry() -> None:
    reference = a_membership(target=REGISTERED, slots=(Slot("SubmissionSetStatus", ("Reference",)),), id="m")

    assert found(with_more(reference)) == []


@pytest.mark.parametrize(
    ("association", "expected"),
    [
        (relationship(source="Nowhere"), "sourceObject: there is no object with this id in the message"),
        (relationship(target="Nowhere"), "targetObject: there is no object with this id in the message"),
        (relationship(source="Document01", target="Document01"), "source and target are the same object"),
        (relationship(target="SubmissionSet01"), "a submission set is no target"),
        (
            relationship(source=REGISTERED, target=REGISTERED[:-1] + "2"),
            "the source of this association is a document entry of the submission",
        ),
        (
            relationship(target="Document01", source="SubmissionSet01"),
            "the target of this association is a document entry in the registry",
        ),
        (relationship(type="urn:example:likes"), "associationType: not one of this transaction"),
        (relationship(AssociationType.SUBMIT_ASSOCIATION), "associationType: not one of this transaction"),
        (relationship(AssociationType.UPDATE_AVAILABILITY_STATUS), "associationType: not one of this transaction"),
        (relationship(documentation=(a_code(), a_code())), "associationDocumentation: 2 values where one is expected"),
        (
            relationship(AssociationType.SIGNS, documentation=(a_code(),)),
            "associationDocumentation: not with an association of this type",
        ),
        (relationship(faults=("slot x stands more than once",)), "slot x stands more than once"),
        (a_membership(source="Document01", target=REGISTERED, id="m"), "the source of HasMember is a submission set or a folder"),
    ],
)
def test_a_broken_association_is_refused(association: Association, expected: str) -> None:
    assert expected in [v.detail for v in found(with_more(association))]


@pytest.mark.parametrize("type_", ["RPLC", "APND", "XFRM", "XFRM_RPLC", "SIGNS", "IS_SNAPSHOT_OF"])
def test_each_relationship_of_the_profile_is_known(type_: str) -> None:
    assert found(with_more(relationship(AssociationType[type_]))) == []


@pytest.mark.parametrize("type_", ["RPLC", "APND", "XFRM", "XFRM_RPLC", "IS_SNAPSHOT_OF"])
def test_only_a_signature_may_lead_to_an_entry_of_the_same_submission(type_: str) -> None:
    one, other = a_document_entry(), a_document_entry(id="Document02", unique_ids=())
    inside = relationship(AssociationType[type_], target="Document02")
    whole = a_submission(one, other)

    faults = found(replace(whole, associations=(*whole.associations, inside)))
    signed = found(replace(whole, associations=(*whole.associations, replace(inside, type=AssociationType.SIGNS.value))))

    assert "the target of this association is a document entry in the registry" in [v.detail for v in faults]
    assert signed == []


def test_an_association_type_of_the_affinity_domain_is_let_pass() -> None:
    national = relationship(type="urn:example:AssociationType:Comments")

    assert found(with_more(national), "urn:example:AssociationType:Comments") == []


def test_the_membership_of_a_folder_is_a_member_of_the_set_once() -> None:
    whole = a_filled_folder()

    faults = found(replace(whole, associations=tuple(a for a in whole.associations if a.id != "fd-de")))

    assert [v.where for v in faults] == ["in-folder"]


def test_a_folder_holds_no_folders() -> None:
    inner = a_folder(id="Folder02", unique_ids=())
    whole = a_filled_folder()
    nested = (
        a_membership(target="Folder02", slots=()),
        a_membership(source="Folder01", target="Folder02", id="nested", slots=()),
        a_membership(target="nested", id="fd-fd", slots=()),
    )

    faults = found(replace(whole, folders=(*whole.folders, inner), associations=(*whole.associations, *nested)))

    assert [v.detail for v in faults] == ["the member of a folder is a document entry"]


def test_a_set_holds_no_relationships() -> None:
    faults = found(with_more(relationship(), a_membership(target="rel", slots=())))

    assert [v.detail for v in faults] == ["the only association that is a member of a set is the membership of a folder"]
