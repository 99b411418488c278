"""ITI-62 at its door."""

from __future__ import annotations

import pytest
from lxml import etree

from ebrim.namespaces import LCM, RIM
from ebrim.query import quoted_list
from ebrim.responses import ResponseStatus, read_registry_response
from ebrim.uuids import QueryId
from kernel.xml import parse_xml
from registry.tables import METADATA
from registry.transactions.iti62_remove_metadata import RemoveMetadata
from tests.conftest import MakeDatabase
from tests.support.metadata import PATIENT, a_submission
from tests.support.registry import Registry, a_registry, audits, put
from tests.support.shared import sample


@pytest.fixture
def registry(make_database: MakeDatabase) -> Registry:
    registry = a_registry(make_database(METADATA))
    registry.register(a_submission())
    return registry


def a_removal(*uuids: str) -> bytes:
    """A RemoveObjectsRequest."""
    refs = "".join(f'<rim:ObjectRef id="{uuid}"/>' for uuid in uuids)
    return (
        f'<lcm:RemoveObjectsRequest xmlns:lcm="{LCM}" xmlns:rim="{RIM}"><rim:ObjectRefList>{refs}</rim:ObjectRefList>'
        "</lcm:RemoveObjectsRequest>"
    ).encode()


def test_a_removal_is_answered_and_recorded_with_ids_and_patient(registry: Registry) -> None:
    entry = registry.find().objects.entries[0].id
    held = registry.ask(QueryId.GET_SUBMISSION_SETS, ("$uuid", quoted_list([entry]))).objects
    uuids = [entry, held.submission_sets[0].id, held.associations[0].id]

    answer = read_registry_response(put(RemoveMetadata(registry.service), a_removal(*uuids)))

    message = audits(registry)[-1]
    assert (answer.status, registry.found()) == (ResponseStatus.SUCCESS, [])
    assert 'csd-code="ITI-62"' in message
    assert all(uuid in message for uuid in uuids)
    assert PATIENT.replace("&", "&amp;") in message


def test_a_refused_removal_is_recorded_with_the_patient_of_what_was_to_go(registry: Registry) -> None:
    answer = read_registry_response(put(RemoveMetadata(registry.service), a_removal(registry.find().objects.entries[0].id)))

    assert [e.code for e in answer.errors] == ["ReferencesExistException"]
    message = audits(registry)[-1]
    assert 'EventOutcomeIndicator="8"' in message
    assert PATIENT.replace("&", "&amp;") in message


def test_the_published_removal_is_refused_for_ids_nobody_has(registry: Registry) -> None:
    root = parse_xml(sample("iti-62", "RemoveMetadataRequest_SOAP.xml"))

    answer = read_registry_response(
        put(RemoveMetadata(registry.service), etree.tostring(next(root.iter(f"{{{LCM}}}RemoveObjectsRequest"))))
    )

    assert [e.code for e in answer.errors] == ["UnresolvedReferenceException"] * 4
