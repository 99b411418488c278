"""What a repository finds wrong with a submission before it keeps a byte."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ebrim.model import EntryType, Identifier, Submission
from kernel.errors import Condition
from repository.model import DocumentRecord, ReceivedDocument
from repository.rules import judge, missing_from
from repository.vault import Content
from soap.exchange import Attachment
from tests.support.metadata import (
    REPOSITORY,
    SHA1_OF_ABC,
    a_document_entry,
    a_membership,
    a_provided_entry,
    a_submission,
    a_submission_set,
)

ABC = Attachment("p@test", "text/plain", Path("/nowhere"), 3, SHA1_OF_ABC, "0" * 64)


def a_document(entry_id: str = "Document01", attachment: Attachment = ABC) -> ReceivedDocument:
    return ReceivedDocument(entry_id, attachment)


def found(submission: Submission, *documents: ReceivedDocument) -> list[tuple[Condition, str]]:
    return [(v.condition, v.where) for v in judge(submission, documents)]


def test_a_whole_submission_has_nothing_wrong() -> None:
    assert found(a_submission(a_provided_entry()), a_document()) == []


def test_declared_hash_and_size_that_fit_are_fine_in_either_case() -> None:
    assert found(a_submission(a_document_entry(hash=(SHA1_OF_ABC.upper(),))), a_document()) == []


def test_metadata_without_a_document_are_found() -> None:
    assert found(a_submission()) == [(Condition.DOCUMENT_MISSING, "Document01")]


def test_a_document_without_metadata_is_found() -> None:
    assert found(a_submission(), a_document(), a_document("Document02")) == [(Condition.METADATA_MISSING, "Document02")]


def test_two_documents_for_one_entry_are_found() -> None:
    assert found(a_submission(), a_document(), a_document()) == [(Condition.METADATA_INVALID, "Document01")]


def test_two_entries_with_one_id_are_found() -> None:
    submission = a_submission(a_document_entry(), a_document_entry(unique_ids=(Identifier("2.999.7.2"),)))

    assert found(submission, a_document()) == [(Condition.METADATA_INVALID, "Document01")]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"hash": ("0" * 40,)}, "hash"),
        ({"size": ("4",)}, "size"),
        ({"size": ("three",)}, "size"),
        ({"size": ("9" * 5000,)}, "size"),
    ],
)
def test_a_declaration_that_is_not_the_documents_is_found(change: dict[str, tuple[str, ...]], where: str) -> None:
    violations = list(judge(a_submission(a_document_entry(**change)), [a_document()]))

    assert [v.condition for v in violations] == [Condition.CONTENT_DIFFERS]
    assert violations[0].detail.startswith(where)


@pytest.mark.parametrize("name", ["hash", "size"])
def test_a_declaration_that_stands_twice_is_found(name: str) -> None:
    entry = a_document_entry()
    twice = dataclasses.replace(entry, **{name: getattr(entry, name) * 2})

    assert found(a_submission(twice), a_document()) == [(Condition.METADATA_INVALID, "Document01")]


def test_every_fault_of_the_reader_is_told() -> None:
    submission = a_submission(
        a_document_entry(faults=("one", "two")),
        submission_sets=(a_submission_set(faults=("three",)),),
        associations=(a_membership(faults=("four",)),),
        faults=("five",),
    )

    assert sorted(v.detail for v in judge(submission, [a_document()])) == ["five", "four", "one", "three", "two"]


@pytest.mark.parametrize("sets", [0, 2])
def test_one_submission_set_is_expected(sets: int) -> None:
    several = tuple(a_submission_set(id=f"s{n}", unique_ids=(Identifier(f"1.2.{n}"),)) for n in range(sets))

    assert found(a_submission(submission_sets=several), a_document()) == [(Condition.METADATA_INVALID, "SubmissionSet")]


def test_a_set_without_unique_id_cannot_be_followed() -> None:
    submission = a_submission(submission_sets=(a_submission_set(unique_ids=()),))

    assert found(submission, a_document()) == [(Condition.METADATA_INVALID, "SubmissionSet01")]


@pytest.mark.parametrize("unique_ids", [(), ("not an oid",), ("1.2.3", "1.2.4")])
def test_an_entry_needs_one_good_unique_id(unique_ids: tuple[str, ...]) -> None:
    submission = a_submission(a_document_entry(unique_ids=tuple(map(Identifier, unique_ids))))

    assert found(submission, a_document()) == [(Condition.METADATA_INVALID, "Document01")]


def test_a_unique_id_that_stands_twice_is_found_across_kinds() -> None:
    submission = a_submission(a_document_entry(unique_ids=(Identifier("2.999.8.1"),)))

    assert found(submission, a_document()) == [(Condition.UNIQUE_ID_REPEATED, "2.999.8.1")]


def test_an_on_demand_entry_is_not_provided() -> None:
    submission = a_submission(a_document_entry(object_type=EntryType.ON_DEMAND.value))

    assert found(submission) == [(Condition.METADATA_INVALID, "Document01")]


def test_a_submission_without_documents_is_fine() -> None:
    assert found(dataclasses.replace(a_submission(), entries=(), associations=())) == []


def test_a_document_is_missing_from_a_registry_unless_an_entry_agrees_in_everything() -> None:
    record = DocumentRecord("2.999.7.1", Content("0" * 64, 3), SHA1_OF_ABC, "text/plain", "")
    same = a_document_entry(hash=(SHA1_OF_ABC.upper(),))

    assert missing_from([record], [same], REPOSITORY) == []
    assert missing_from([record], [], REPOSITORY) == [record]
    assert missing_from([record], [dataclasses.replace(same, hash=("0" * 40,))], REPOSITORY) == [record]
    assert missing_from([record], [dataclasses.replace(same, repository_unique_id=("1.2.3",))], REPOSITORY) == [record]
    assert missing_from([record], [dataclasses.replace(same, unique_ids=(Identifier("1.2.3"),))], REPOSITORY) == [record]
