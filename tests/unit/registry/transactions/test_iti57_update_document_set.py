"""ITI-57 and ITI-92 at their doors."""

from __future__ import annotations

import pytest

from ebrim.model import Identifier, Slot
from ebrim.responses import ResponseStatus, read_registry_response
from ebrim.writer import submit_objects_request
from registry.tables import METADATA
from registry.transactions.iti57_update_document_set import UpdateDocumentSet
from registry.transactions.iti92_restricted_update import RestrictedUpdateDocumentSet
from tests.conftest import MakeDatabase
from tests.support.metadata import a_document_entry, a_membership, a_submission, a_submission_set
from tests.support.registry import Registry, a_registry, audits, put
from tests.support.shared import sample


@pytest.fixture
def registry(make_database: MakeDatabase) -> Registry:
    registry = a_registry(make_database(METADATA))
    registry.register(a_submission())
    return registry


def an_update(registry: Registry, previous: str = "1") -> bytes:
    """A new version of the entry."""
    slots = (Slot("SubmissionSetStatus", ("Original",)), Slot("PreviousVersion", (previous,)))
    entry = a_document_entry(logical_id=registry.find().objects.entries[0].logical_id)
    own = a_submission_set(unique_ids=(Identifier("2.999.8.2"),))
    return submit_objects_request(a_submission(entry, submission_sets=(own,), associations=(a_membership(slots=slots),)))


@pytest.mark.parametrize(("door", "transaction"), [(UpdateDocumentSet, "ITI-57"), (RestrictedUpdateDocumentSet, "ITI-92")])
def test_an_update_is_answered_and_recorded(registry: Registry, door: type[UpdateDocumentSet], transaction: str) -> None:
    answer = read_registry_response(put(door(registry.service), an_update(registry)))

    message = audits(registry)[-1]
    assert (answer.status, answer.errors) == (ResponseStatus.SUCCESS, ())
    assert registry.find().objects.entries[0].version == "2"
    assert f'csd-code="{transaction}"' in message
    assert 'EventActionCode="U"' in message


@pytest.mark.parametrize(("door", "transaction"), [(UpdateDocumentSet, "ITI-57"), (RestrictedUpdateDocumentSet, "ITI-92")])
def test_a_refused_update_is_answered_and_recorded(registry: Registry, door: type[UpdateDocumentSet], transaction: str) -> None:
    answer = read_registry_response(put(door(registry.service), an_update(registry, previous="3")))

    assert answer.status is ResponseStatus.FAILURE
    assert [e.code for e in answer.errors] == ["XDSMetadataVersionError"]
    message = audits(registry)[-1]
    assert f'csd-code="{transaction}"' in message
    assert 'EventOutcomeIndicator="8"' in message


def test_the_published_update_is_refused_for_a_logical_id_nobody_has(registry: Registry) -> None:
    answer = read_registry_response(put(UpdateDocumentSet(registry.service), sample("iti-57", "update.xml")))

    assert sorted(e.code for e in answer.errors) == ["XDSMetadataVersionError", "XDSUnknownPatientId"]
