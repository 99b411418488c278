"""What else changes with a submission, where that is not plain to see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ebrim.model import Association, AssociationType, DocumentEntry, Identifier, Submission
from ebrim.query import quoted
from ebrim.uuids import QueryId
from registry.tables import METADATA
from tests.conftest import MakeDatabase
from tests.support.metadata import a_document_entry, a_folder, a_membership, a_submission, a_submission_set
from tests.support.registry import SUBJECT, Registry, a_registry


@pytest.fixture
def registry(make_database: MakeDatabase) -> Registry:
    return a_registry(make_database(METADATA))


def numbered(number: int, *more: Association, entries: tuple[DocumentEntry, ...] = (), **changes: Any) -> Submission:
    """A submission with uniqueIds of its own."""
    own = a_submission_set(unique_ids=(Identifier(f"2.999.8.{number}"),))
    brought = entries or (a_document_entry(unique_ids=(Identifier(f"2.999.7.{number}"),)),)
    whole = a_submission(*brought, submission_sets=(own,), **changes)
    return replace(whole, associations=(*whole.associations, *more))


def replacing(target: str, source: str = "Document01") -> Association:
    """RPLC."""
    return Association(id=f"rplc-{source}", type=AssociationType.RPLC.value, source=source, target=target)


def in_folder(entry: str, folder: str = "Folder01") -> tuple[Association, ...]:
    """The membership of a folder, and that of the membership in the set."""
    membership = a_membership(source=folder, target=entry, id=f"in-{entry}", slots=())
    return membership, a_membership(target=membership.id, id=f"set-{entry}", slots=())


def contents(registry: Registry) -> list[str]:
    """The uniqueIds of the entries in the folder."""
    asked = ("$XDSFolderUniqueId", quoted("2.999.10.1"))
    return sorted(e.unique_id for e in registry.ask(QueryId.GET_FOLDER_AND_CONTENTS, asked).objects.entries)


def test_a_replacement_joins_a_folder_that_its_own_submission_puts_the_replaced_entry_into(registry: Registry) -> None:
    registry.register(numbered(1))
    old = registry.find().objects.entries[0].id
    new_folder = a_membership(target="Folder01", slots=())

    registry.register(numbered(2, replacing(old), new_folder, *in_folder(old), folders=(a_folder(),)))

    assert contents(registry) == ["2.999.7.1", "2.999.7.2"]


def test_two_replacements_of_one_entry_both_join_its_folder(registry: Registry) -> None:
    new_folder = a_membership(target="Folder01", slots=())
    registry.register(numbered(1, new_folder, *in_folder("Document01"), folders=(a_folder(),)))
    old = registry.find().objects.entries[0].id
    halves = tuple(a_document_entry(id=f"D{n}", unique_ids=(Identifier(f"2.999.7.{n}"),)) for n in (2, 3))

    registry.register(numbered(2, replacing(old, "D2"), replacing(old, "D3"), entries=halves))

    assert contents(registry) == ["2.999.7.1", "2.999.7.2", "2.999.7.3"]
    assert registry.found() == ["2.999.7.2", "2.999.7.3"]


def test_appendices_in_a_circle_are_deprecated_once(registry: Registry) -> None:
    registry.register(numbered(1))
    first = registry.find().objects.entries[0].id
    appended = Association(id="a", type=AssociationType.APND.value, source="Document01", target=first)
    registry.register(numbered(2, appended))
    second = next(e.id for e in registry.find().objects.entries if e.unique_id == "2.999.7.2")
    # only an update can close the circle
    circle = Association(id="c", type=AssociationType.XFRM.value, source=first, target=second)
    submit = Association(id="s", type=AssociationType.SUBMIT_ASSOCIATION.value, source="SubmissionSet01", target="c")
    own = a_submission_set(unique_ids=(Identifier("2.999.8.3"),))
    registry.service.update(Submission(submission_sets=(own,), associations=(circle, submit)), SUBJECT)

    registry.register(numbered(4, replacing(first)))

    assert registry.found() == ["2.999.7.4"]
