"""registry.verification"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ebrim.model import Identifier, Slot
from registry.tables import ASSOCIATION, ENTRY, METADATA, SUBMISSION_SET
from registry.verification import verify
from tests.conftest import MakeDatabase
from tests.support.metadata import a_document_entry, a_folder, a_membership, a_submission, a_submission_set
from tests.support.registry import SUBJECT, Registry, a_registry

VERSIONS, DOCUMENTS, ENDS, MEMBERS, METADATA_READ = (
    "every entry and folder has one latest version, and each version once",
    "a uniqueId names one document",
    "associations lead from and to objects that are there",
    "every entry and folder is a member of a submission set",
    "the metadata of every object can be read",
)


@pytest.fixture
def registry(make_database: MakeDatabase) -> Registry:
    """An entry of two versions in a folder."""
    made = a_registry(make_database(METADATA))
    filed = a_membership("Folder01", "Document01", id="filed", slots=())
    memberships = (a_membership(), a_membership(target="Folder01", slots=()), filed, a_membership(target="filed", slots=()))
    made.register(a_submission(folders=(a_folder(),), associations=memberships))
    (entry,) = made.find().objects.entries
    slots = (Slot("SubmissionSetStatus", ("Original",)), Slot("PreviousVersion", ("1",)))
    own = a_submission_set(unique_ids=(Identifier("2.999.8.2"),))
    revised = a_document_entry(logical_id=entry.logical_id)
    made.service.update(a_submission(revised, submission_sets=(own,), associations=(a_membership(slots=slots),)), SUBJECT)
    return made


def broken(registry: Registry) -> dict[str, int]:
    """What does not hold, and for how many."""
    return {check: len(ids) for check, ids in verify(registry.database) if ids}


def test_a_registry_in_use_is_whole(registry: Registry) -> None:
    assert broken(registry) == {}


def _update(table: sa.Table, **values: object) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(table.update().values(**values))


@pytest.mark.parametrize(
    ("harm", "check"),
    [
        (_update(ENTRY, latest=1), VERSIONS),
        (_update(ENTRY, latest=0), VERSIONS),
        (_update(ENTRY, version=1), VERSIONS),
        (lambda c: c.execute(ENTRY.update().where(ENTRY.c.copy == 0).values(hash=b"x" * 20)), DOCUMENTS),
        (_update(ASSOCIATION, target=b"x" * 16), ENDS),
        (lambda c: c.execute(SUBMISSION_SET.delete()), MEMBERS),
        (_update(ENTRY, xml=b"nothing that was packed"), METADATA_READ),
    ],
)
def test_what_is_harmed_is_found(registry: Registry, harm: Callable[[Connection], object], check: str) -> None:
    with registry.database.begin() as work:
        harm(work.connection)

    assert check in broken(registry)
