"""ITI-57, ITI-62 and ITI-92 at their doors."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from lxml import etree

from ebrim.model import Identifier, Slot
from ebrim.namespaces import LCM, RIM
from ebrim.query import quoted_list
from ebrim.responses import RegistryAnswer, ResponseStatus, read_registry_response
from ebrim.uuids import QueryId
from ebrim.writer import submit_objects_request
from kernel.errors import HieError
from kernel.outbox import AUDIT_OUTBOX
from kernel.xml import parse_xml
from registry.tables import METADATA
from registry.transactions.iti57_update_document_set import UpdateDocumentSet
from registry.transactions.iti62_remove_metadata import RemoveMetadata
from registry.transactions.iti92_restricted_update import RestrictedUpdateDocumentSet
from soap.exchange import Door
from tests.conftest import MakeDatabase
from tests.support.audit import schema_faults
from tests.support.metadata import PATIENT, a_document_entry, a_membership, a_submission, a_submission_set
from tests.support.registry import Registry, a_registry, an_exchange
from tests.support.shared import faults, sample


@pytest.fixture
def registry(make_database: MakeDatabase) -> Registry:
    registry = a_registry(make_database(METADATA))
    registry.register(a_submission())
    return registry


def put(door: Door, body: bytes) -> RegistryAnswer:
    """What a source gets back; the answer is valid."""
    exchange = an_exchange(parse_xml(body))
    try:
        answer = door.answer(exchange)
    except HieError as error:
        answer = door.refuse(exchange, error)
    element = etree.XML(b"".join(answer.body))
    assert faults("xds", element) == []
    return read_registry_response(element)


def last_audit(registry: Registry) -> str:
    """The audit message that came last; it is valid."""
    with registry.database.read() as connection:
        messages = connection.execute(sa.select(AUDIT_OUTBOX.c.message).order_by(AUDIT_OUTBOX.c.id)).scalars().all()
    assert schema_faults(messages[-1]) == []
    return bytes(messages[-1]).decode()


def an_update(registry: Registry, previous: str = "1") -> bytes:
    """A new version of the entry."""
    slots = (Slot("SubmissionSetStatus", ("Original",)), Slot("PreviousVersion", (previous,)))
    entry = a_document_entry(logical_id=registry.find().objects.entries[0].logical_id)
    own = a_submission_set(unique_ids=(Identifier("2.999.8.2"),))
    return submit_objects_request(a_submission(entry, submission_sets=(own,), associations=(a_membership(slots=slots),)))


@pytest.mark.parametrize(("door", "transaction"), [(UpdateDocumentSet, "ITI-57"), (RestrictedUpdateDocumentSet, "ITI-92")])
def test_an_update_is_answered_and_recorded(registry: Registry, door: type[UpdateDocumentSet], transaction: str) -> None:
    answer = put(door(registry.service), an_update(registry))

    message = last_audit(registry)
    assert (answer.status, answer.errors) == (ResponseStatus.SUCCESS, ())
    assert registry.find().objects.entries[0].version == "2"
    assert f'csd-code="{transaction}"' in message
    assert 'EventActionCode="U"' in message


@pytest.mark.parametrize(("door", "transaction"), [(UpdateDocumentSet, "ITI-57"), (RestrictedUpdateDocumentSet, "ITI-92")])
def test_a_refused_update_is_answered_and_recorded(registry: Registry, door: type[UpdateDocumentSet], transaction: str) -> None:
    answer = put(door(registry.service), an_update(registry, previous="3"))

    assert answer.status is ResponseStatus.FAILURE
    assert [e.code for e in answer.errors] == ["XDSMetadataVersionError"]
    message = last_audit(registry)
    assert f'csd-code="{transaction}"' in message
    assert 'EventOutcomeIndicator="8"' in message


def test_the_published_update_is_refused_for_a_logical_id_nobody_has(registry: Registry) -> None:
    answer = put(UpdateDocumentSet(registry.service), sample("iti-57", "update.xml"))

    assert sorted(e.code for e in answer.errors) == ["XDSMetadataVersionError", "XDSUnknownPatientId"]


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

    answer = put(RemoveMetadata(registry.service), a_removal(*uuids))

    message = last_audit(registry)
    assert (answer.status, registry.found()) == (ResponseStatus.SUCCESS, [])
    assert 'csd-code="ITI-62"' in message
    assert all(uuid in message for uuid in uuids)
    assert PATIENT.replace("&", "&amp;") in message


def test_a_refused_removal_is_recorded_with_the_patient_of_what_was_to_go(registry: Registry) -> None:
    answer = put(RemoveMetadata(registry.service), a_removal(registry.find().objects.entries[0].id))

    assert [e.code for e in answer.errors] == ["ReferencesExistException"]
    message = last_audit(registry)
    assert 'EventOutcomeIndicator="8"' in message
    assert PATIENT.replace("&", "&amp;") in message


def test_the_published_removal_is_refused_for_ids_nobody_has(registry: Registry) -> None:
    root = parse_xml(sample("iti-62", "RemoveMetadataRequest_SOAP.xml"))

    answer = put(RemoveMetadata(registry.service), etree.tostring(next(root.iter(f"{{{LCM}}}RemoveObjectsRequest"))))

    assert [e.code for e in answer.errors] == ["UnresolvedReferenceException"] * 4
