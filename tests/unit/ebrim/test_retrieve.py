"""Requests and answers with documents: what is written is valid and read back; only parts of the same message are followed."""

from __future__ import annotations

import base64

import pytest
from lxml import etree

from ebrim.model import ObjectRef
from ebrim.namespaces import LCM, RMD, XDSB, XOP
from ebrim.responses import ResponseStatus
from ebrim.retrieve import (
    RETRIEVE_RESPONSE_TAIL,
    Content,
    DocumentRequest,
    DocumentResponse,
    document_response,
    include,
    provide_request,
    read_document_requests,
    read_provide_request,
    read_remove_objects_request,
    read_retrieve_response,
    remove_documents_request,
    remove_objects_request,
    retrieve_request,
    retrieve_response_head,
)
from kernel.errors import Condition, Unreadable, violation
from kernel.xml import Element, parse_xml
from tests.support.metadata import a_submission
from tests.support.shared import faults, sample

PROVIDE = f"{{{XDSB}}}ProvideAndRegisterDocumentSetRequest"
RETRIEVE = f"{{{XDSB}}}RetrieveDocumentSetRequest"
REQUESTS = (DocumentRequest("1.2.3", "1.2.3.4"), DocumentRequest("1.2.3", "1.2.3.5^<&x", "urn:oid:1.2"))


def inlined(element: Element) -> Element:
    """The element with base64 in place of every include, as a schema sees it."""
    for found in list(element.iter(f"{{{XOP}}}Include")):
        parent = found.getparent()
        assert parent is not None
        parent.remove(found)
        parent.text = "AAAA"
    return element


def a_document(inside: str) -> Content:
    """The content of a Document element with this inside."""
    request = (
        f'<x:ProvideAndRegisterDocumentSetRequest xmlns:x="{XDSB}" xmlns:xop="{XOP}"><l:SubmitObjectsRequest xmlns:l="{LCM}"/>'
        f'<x:Document id="d">{inside}</x:Document></x:ProvideAndRegisterDocumentSetRequest>'
    )
    return read_provide_request(parse_xml(request.encode())).documents[0].content


def test_a_sample_without_documents_has_entries_alone() -> None:
    request = read_provide_request(next(parse_xml(sample("iti-41", "soap-pnr.xml")).iter(PROVIDE)))

    assert len(request.submission.entries) == 2
    assert request.documents == ()


def test_inline_documents_of_a_sample_are_paired_by_entry_id() -> None:
    root = next(parse_xml(sample("iti-41", "ProvideAndRegisterDocumentSet-bRequest_SOAP.xml")).iter(PROVIDE))

    request = read_provide_request(root)

    assert {d.entry_id for d in request.documents} == {e.id for e in request.submission.entries}
    assert all(base64.b64decode(d.content.base64) for d in request.documents)
    assert all(not d.content.problem and not d.content.content_id for d in request.documents)


def test_an_included_document_of_a_captured_message_is_named_by_its_content_id() -> None:
    text = sample("iti-41", "http-mtom-pnr.txt")
    start = text.index(b"<?xml")
    root = parse_xml(text[start : text.index(b"\r\n--MIMEBoundary" if b"\r\n--MIME" in text else b"\n--MIMEBoundary", start)])

    request = read_provide_request(next(root.iter(PROVIDE)))

    assert [d.content.content_id for d in request.documents] == ["1.urn:uuid:3D4B161591CD1DEC0C1286850962319@apache.org"]


@pytest.mark.parametrize(
    ("inside", "content"),
    [
        ("QUJD", Content(base64="QUJD")),
        ("", Content(base64="")),
        ('<xop:Include href="cid:a%2Bb%40c"/>', Content(content_id="a+b@c")),
        ('\n <xop:Include href="cid:urn:uuid:1"/>\n', Content(content_id="urn:uuid:1")),
        ('<xop:Include href=" CID:%3Ca@b%3E"/>', Content(content_id="a@b")),
    ],
)
def test_content_is_in_place_or_a_part_of_this_message(inside: str, content: Content) -> None:
    assert a_document(inside) == content


@pytest.mark.parametrize(
    "inside",
    [
        '<xop:Include href="http://example.org/x"/>',
        '<xop:Include href="file:///etc/passwd"/>',
        '<xop:Include href="cid:"/>',
        "<xop:Include/>",
        '<xop:Include href="cid:a"/><xop:Include href="cid:b"/>',
        "<x:other/>",
    ],
)
def test_anything_else_is_a_problem_and_names_no_part(inside: str) -> None:
    content = a_document(inside)

    assert content.problem
    assert (content.content_id, content.base64) == ("", "")


def test_a_provide_request_is_valid_and_read_back() -> None:
    submission = a_submission()

    root = parse_xml(provide_request(submission, [("Document01", "part one@hie")]))

    request = read_provide_request(root)
    assert [(d.entry_id, d.content.content_id) for d in request.documents] == [("Document01", "part one@hie")]
    assert request.submission.entries[0].unique_id == submission.entries[0].unique_id
    assert faults("xds", inlined(root)) == []


def test_a_provide_request_without_metadata_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        read_provide_request(parse_xml(f'<x:ProvideAndRegisterDocumentSetRequest xmlns:x="{XDSB}"/>'.encode()))


def test_an_include_survives_any_content_id() -> None:
    element = etree.XML(include('a b<">&@ü%'), etree.XMLParser(resolve_entities=False))

    assert element.get("href") == "cid:a%20b%3C%22%3E%26@%C3%BC%25"


def test_a_retrieve_request_is_valid_and_read_back() -> None:
    root = parse_xml(retrieve_request(REQUESTS))

    assert faults("xds", root) == []
    assert read_document_requests(root) == REQUESTS


def test_a_removal_is_valid_and_read_back() -> None:
    documents = parse_xml(remove_documents_request(REQUESTS))
    objects = parse_xml(remove_objects_request([ObjectRef("urn:uuid:1"), ObjectRef("urn:uuid:2")]))

    assert faults("xds", documents) == []
    assert faults("xds", objects) == []
    assert documents.tag == f"{{{RMD}}}RemoveDocumentsRequest"
    assert read_document_requests(documents) == REQUESTS
    assert read_remove_objects_request(objects) == (ObjectRef("urn:uuid:1"), ObjectRef("urn:uuid:2"))


@pytest.mark.parametrize(
    ("folder", "name", "number"),
    [
        ("iti-43", "RetrieveDocumentSetRequest_SOAP.xml", 2),
        ("iti-43", "soap-ret-req.xml", 2),
        ("iti-86", "RemoveDocumentsRequest.xml", 2),
    ],
)
def test_the_requests_of_others_are_understood(folder: str, name: str, number: int) -> None:
    root = parse_xml(sample(folder, name))
    element = next((e for e in root.iter(RETRIEVE)), root)

    requests = read_document_requests(element)

    assert len(requests) == number
    assert all(r.repository_unique_id and r.document_unique_id for r in requests)


def test_the_metadata_a_sample_wants_removed_are_named() -> None:
    root = next(parse_xml(sample("iti-62", "RemoveMetadataRequest_SOAP.xml")).iter(f"{{{LCM}}}RemoveObjectsRequest"))

    assert len(read_remove_objects_request(root)) == 4


def test_an_answer_with_documents_is_valid_and_read_back() -> None:
    unknown = violation(Condition.DOCUMENT_UNKNOWN, "1.2.9", "")
    documents = (
        DocumentResponse("1.2.3", "1.2.3.4", "text/xml", Content(content_id="p1@hie"), home="urn:oid:1.2"),
        DocumentResponse(
            "1.2.3", "1.2.3.5", "text/x", Content(base64="QUJD"), new_repository_unique_id="1.9", new_document_unique_id="1.8"
        ),
    )

    body = retrieve_response_head([unknown], ResponseStatus.PARTIAL_SUCCESS) + b"".join(map(document_response, documents))
    root = parse_xml(body + RETRIEVE_RESPONSE_TAIL)

    answer = read_retrieve_response(root)
    assert answer.documents == documents
    assert answer.answer.status is ResponseStatus.PARTIAL_SUCCESS
    assert answer.answer.errors[0].code == "XDSDocumentUniqueIdError"
    assert answer.answer.errors[0].context == "1.2.9"
    assert faults("xds", inlined(root)) == []


def test_an_answer_of_another_repository_is_read() -> None:
    root = next(parse_xml(sample("iti-43", "RetrieveDocumentSetResponse_SOAP.xml")).iter(f"{{{XDSB}}}RetrieveDocumentSetResponse"))

    answer = read_retrieve_response(root)

    assert [d.mime_type for d in answer.documents] == ["text/xml", "text/xml"]
    assert answer.answer.status is ResponseStatus.SUCCESS


def test_an_answer_without_status_is_unreadable_and_one_without_a_document_has_a_problem() -> None:
    empty = f'<x:RetrieveDocumentSetResponse xmlns:x="{XDSB}"><x:DocumentResponse/></x:RetrieveDocumentSetResponse>'

    with pytest.raises(Unreadable):
        read_retrieve_response(parse_xml(empty.encode()))
    with_status = empty.replace(
        "<x:DocumentResponse/>",
        '<r:RegistryResponse xmlns:r="urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0" status="urn:x:Success"/><x:DocumentResponse/>',
    )
    assert read_retrieve_response(parse_xml(with_status.encode())).documents[0].content.problem
