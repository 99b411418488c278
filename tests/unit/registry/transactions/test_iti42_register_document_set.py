"""ITI-42 at its door: bodies in, bodies out, and what is recorded."""

from __future__ import annotations

import pytest
from lxml import etree

from ebrim.responses import ResponseStatus, read_registry_response
from ebrim.writer import submit_objects_request
from kernel.xml import parse_xml
from registry.tables import METADATA
from registry.transactions.iti42_register_document_set import RegisterDocumentSet
from registry.transactions.iti61_register_on_demand import RegisterOnDemandDocumentEntry
from tests.conftest import MakeDatabase
from tests.support.metadata import PATIENT, a_document_entry, a_submission
from tests.support.registry import Registry, a_registry, audits, put
from tests.support.shared import sample


@pytest.fixture
def registry(make_database: MakeDatabase) -> Registry:
    return a_registry(make_database(METADATA))


def test_a_registered_submission_is_answered_with_success_and_recorded(registry: Registry) -> None:
    answer = read_registry_response(put(RegisterDocumentSet(registry.service), submit_objects_request(a_submission())))

    assert (answer.status, answer.errors) == (ResponseStatus.SUCCESS, ())
    (message,) = audits(registry)
    assert 'csd-code="ITI-42"' in message
    assert 'EventOutcomeIndicator="0"' in message
    assert 'ParticipantObjectID="2.999.8.1"' in message
    assert PATIENT.replace("&", "&amp;") in message


def test_a_refused_submission_is_answered_with_every_error_and_recorded(registry: Registry) -> None:
    submission = a_submission(a_document_entry(hash=(), class_codes=()))

    answer = read_registry_response(put(RegisterDocumentSet(registry.service), submit_objects_request(submission)))

    assert answer.status is ResponseStatus.FAILURE
    assert [e.code for e in answer.errors] == ["XDSRegistryMetadataError"] * 2
    (message,) = audits(registry)
    assert 'EventOutcomeIndicator="8"' in message
    assert 'ParticipantObjectID="2.999.8.1"' in message


def test_an_unknown_patient_has_its_own_code(registry: Registry) -> None:
    registry.patients.known.clear()

    answer = read_registry_response(put(RegisterDocumentSet(registry.service), submit_objects_request(a_submission())))

    assert [e.code for e in answer.errors] == ["XDSUnknownPatientId"]


def test_a_warning_is_told_with_success(registry: Registry) -> None:
    registry.codes.unregulated.add("classCode")

    answer = read_registry_response(put(RegisterDocumentSet(registry.service), submit_objects_request(a_submission())))

    assert answer.status is ResponseStatus.SUCCESS
    assert [e.severity.value for e in answer.errors] == ["warning"]


@pytest.mark.parametrize("name", ["RegisterDocumentSet-bRequest_SOAP.xml", "SubmitObjectsRequest_ebrs30.xml"])
def test_the_published_examples_are_refused_for_what_they_lack(registry: Registry, name: str) -> None:
    root = parse_xml(sample("iti-42", name))
    request = next(root.iter("{*}SubmitObjectsRequest"))

    answer = read_registry_response(put(RegisterDocumentSet(registry.service), etree.tostring(request)))

    told = [e.context for e in answer.errors if e.code == "XDSRegistryMetadataError"]
    assert answer.status is ResponseStatus.FAILURE
    assert {"Document01: hash: missing", "Document01: size: missing"} <= set(told)


def test_an_on_demand_entry_is_registered_at_its_own_door(registry: Registry) -> None:
    entry = a_document_entry(object_type="urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248", creation_time=(), hash=(), size=())
    body = submit_objects_request(a_submission(entry))

    refused = read_registry_response(put(RegisterDocumentSet(registry.service), body))
    answer = read_registry_response(put(RegisterOnDemandDocumentEntry(registry.service), body))

    assert (refused.status, answer.status) == (ResponseStatus.FAILURE, ResponseStatus.SUCCESS)
    assert ['csd-code="ITI-42"' in message for message in audits(registry)] == [True, False]
