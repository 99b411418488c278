"""Answers are valid, tell every violation with its code, and always carry a location."""

from __future__ import annotations

import pytest

from ebrim.errors import ErrorCodes
from ebrim.model import ObjectRef
from ebrim.namespaces import QUERY, RS
from ebrim.responses import (
    RegistryError,
    ResponseStatus,
    query_response,
    query_response_head,
    read_query_response,
    read_registry_response,
    registry_response,
    status_of,
)
from ebrim.writer import finish, render, render_object_ref
from kernel.errors import Condition, Severity, violation, warning
from kernel.xml import Element, parse_xml
from tests.support.metadata import PATIENT, a_document_entry
from tests.support.shared import faults, sample

UNKNOWN = violation(Condition.PATIENT_UNKNOWN, "Document01", "no such patient")
EXTRA = warning(Condition.EXTRA_METADATA_DROPPED, "", "slot x")


def answered(*parts: str, root: str) -> Element:
    return next(parse_xml(sample(*parts)).iter(root))


def test_success_has_no_error_list() -> None:
    answer = parse_xml(registry_response((), ErrorCodes.REGISTRY))

    assert faults("xds", answer) == []
    assert len(answer) == 0
    assert answer.get("status") == ResponseStatus.SUCCESS.value


def test_errors_are_told_with_code_context_severity_and_an_empty_location() -> None:
    answer = parse_xml(registry_response((UNKNOWN, EXTRA), ErrorCodes.REGISTRY))

    assert faults("xds", answer) == []
    assert answer.get("status") == ResponseStatus.FAILURE.value
    assert answer[0].get("highestSeverity") == "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error"
    assert {str(k): str(v) for k, v in answer[0][0].attrib.items()} == {
        "errorCode": "XDSUnknownPatientId",
        "codeContext": "Document01: no such patient",
        "location": "",
        "severity": "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error",
    }


def test_warnings_alone_leave_success_a_success() -> None:
    answer = parse_xml(registry_response((EXTRA,), ErrorCodes.REGISTRY))

    assert status_of((EXTRA,)) is ResponseStatus.SUCCESS
    assert answer.get("status") == ResponseStatus.SUCCESS.value
    assert answer[0].get("highestSeverity", "").endswith("Warning")
    assert answer[0][0].get("codeContext") == "slot x"


def test_a_violation_without_words_is_told_in_those_of_its_condition() -> None:
    answer = parse_xml(registry_response((violation(Condition.BUSY, "", ""),), ErrorCodes.REPOSITORY))

    assert answer[0][0].get("codeContext") == Condition.BUSY.value
    assert answer[0][0].get("errorCode") == "XDSRepositoryBusy"


def test_a_detail_that_quotes_a_control_character_or_markup_is_still_xml() -> None:
    answer = parse_xml(registry_response((violation(Condition.MALFORMED, "a\x00", '<"&\ud800'),), ErrorCodes.REGISTRY))

    assert answer[0][0].get("codeContext") == 'a?: <"&?'


def test_a_query_answer_is_valid_with_objects_and_with_nothing() -> None:
    fragment = finish(render(a_document_entry(id="urn:uuid:00000000-0000-4000-8000-000000000001")), "urn:s", PATIENT)

    full = parse_xml(b"".join(query_response([fragment, render_object_ref(ObjectRef("urn:uuid:x"))])))
    empty = parse_xml(b"".join(query_response([], [UNKNOWN])))

    assert faults("xds", full) == []
    assert faults("xds", empty) == []
    assert read_query_response(full).objects.entries[0].patient_id == PATIENT
    assert read_query_response(full).refs == (ObjectRef("urn:uuid:x"),)
    assert read_query_response(empty).answer.violations[0].condition is Condition.PATIENT_UNKNOWN
    assert read_query_response(empty).answer.status is ResponseStatus.FAILURE


def test_a_gateway_tells_its_community_as_location() -> None:
    head = query_response_head([UNKNOWN], ErrorCodes.REGISTRY, status=ResponseStatus.PARTIAL_SUCCESS, location="urn:oid:1.2")

    answer = read_query_response(parse_xml(head + b"</RegistryObjectList></query:AdhocQueryResponse>"))

    assert answer.answer.errors[0].location == "urn:oid:1.2"
    assert answer.answer.status is ResponseStatus.PARTIAL_SUCCESS


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("iti-41", "ProvideAndRegisterDocumentSet-bResponse_SOAP.xml"),
        ("iti-42", "RegisterDocumentSet-bResponse_SOAP.xml"),
        ("iti-61", "RegisterOnDemandDocumentEntryResponse_SOAP.xml"),
        ("iti-62", "RemoveMetadataResponse_SOAP.xml"),
        ("iti-86", "RemoveDocumentsResponse_SOAP.xml"),
    ],
)
def test_the_answers_of_others_are_understood(folder: str, name: str) -> None:
    answer = read_registry_response(answered(folder, name, root=f"{{{RS}}}RegistryResponse"))

    assert answer.status is ResponseStatus.SUCCESS
    assert answer.errors == ()


def test_a_query_answer_of_another_registry_is_read_with_every_object() -> None:
    answer = read_query_response(answered("iti-38", "soap-xcq-resp.xml", root=f"{{{QUERY}}}AdhocQueryResponse"))

    assert answer.answer.status is ResponseStatus.SUCCESS
    assert len(answer.objects.entries) == 2
    assert {e.home for e in answer.objects.entries} == {"urn:oid:2.3.4"}
    assert answer.objects.faults == ()


def test_a_bare_status_of_an_old_registry_is_understood() -> None:
    answer = read_query_response(answered("iti-18", "RegistryStoredQueryResponse_SOAP.xml", root=f"{{{QUERY}}}AdhocQueryResponse"))

    assert answer.answer.status is ResponseStatus.SUCCESS


def test_an_error_outside_the_profile_keeps_its_code_in_the_detail() -> None:
    error = RegistryError("HouseRule7", "not on Sundays", severity=Severity.WARNING)

    assert error.violation.condition is Condition.INTERNAL
    assert error.violation.detail == "HouseRule7: not on Sundays"
    assert not error.violation.is_error


def test_a_status_outside_the_profile_is_none() -> None:
    assert read_registry_response(parse_xml(f'<r:RegistryResponse xmlns:r="{RS}" status="Fine"/>'.encode())).status is None
    assert read_registry_response(parse_xml(f'<r:RegistryResponse xmlns:r="{RS}"/>'.encode())).status is None


def test_a_query_answer_without_a_list_has_no_objects() -> None:
    answer = read_query_response(parse_xml(f'<q:AdhocQueryResponse xmlns:q="{QUERY}" status="urn:x:Failure"/>'.encode()))

    assert answer.objects.entries == ()
    assert answer.answer.status is ResponseStatus.FAILURE
