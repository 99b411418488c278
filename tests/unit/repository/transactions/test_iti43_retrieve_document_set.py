"""ITI-43 as a partner sees it: what was asked for, byte for byte, and what is not there by its code."""

from __future__ import annotations

import random

import pytest

from ebrim.responses import ResponseStatus
from ebrim.retrieve import DocumentRequest, RetrieveAnswer, read_retrieve_response, retrieve_request
from repository.transactions.iti43_retrieve_document_set import OPERATION, RetrieveDocumentSet
from tests.support.metadata import REPOSITORY
from tests.support.repositories import Repository, SoapEnd, provided
from tests.support.shared import faults
from tests.support.soap import Reply
from tests.support.vaults import FileHarm

ONE, TWO = "2.999.7.1.1", "2.999.7.1.2"
LARGE = random.Random(7).randbytes(700_000) + b"\r\n"


def retrieve(repository: Repository, *requests: DocumentRequest) -> Reply:
    """One message; nothing may be a bug of ours."""
    end = SoapEnd(repository, RetrieveDocumentSet(repository.service))
    reply = end.post(OPERATION.action, retrieve_request(requests))
    assert end.bugs == []
    return reply


def answered(reply: Reply) -> RetrieveAnswer:
    """What the answer says; as a schema sees it, with base64 in the place of each include, it must be valid."""
    answer = read_retrieve_response(reply.body)
    for include in list(reply.body.iter("{http://www.w3.org/2004/08/xop/include}Include")):
        document = include.getparent()
        assert document is not None
        document.remove(include)
        document.text = "AAAA"
    assert faults("xds", reply.body) == []
    assert reply.header("Action") == OPERATION.answer_action
    return answer


@pytest.fixture
def repository(repository: Repository) -> Repository:
    repository.provide(provided(documents=2), b"abc", LARGE)
    return repository


def test_documents_come_as_parts_in_the_order_asked_for(repository: Repository) -> None:
    reply = retrieve(repository, DocumentRequest(REPOSITORY, TWO), DocumentRequest(REPOSITORY, ONE, "urn:oid:1.2"))

    assert reply.is_mtom
    assert reply.parts == [LARGE, b"abc"]
    answer = answered(reply)
    assert answer.answer.status is ResponseStatus.SUCCESS
    assert [(d.document_unique_id, d.mime_type, d.home) for d in answer.documents] == [
        (TWO, "text/plain", ""),
        (ONE, "text/plain", "urn:oid:1.2"),
    ]


def test_an_unknown_document_among_known_ones_makes_a_partial_success(repository: Repository) -> None:
    reply = retrieve(repository, DocumentRequest(REPOSITORY, ONE), DocumentRequest(REPOSITORY, "9.9.9"))

    assert reply.parts == [b"abc"]
    answer = answered(reply)
    assert answer.answer.status is ResponseStatus.PARTIAL_SUCCESS
    assert [(e.code, e.context.split(":")[0]) for e in answer.answer.errors] == [("XDSDocumentUniqueIdError", "9.9.9")]


def test_nothing_found_is_a_failure_that_is_multipart_all_the_same(repository: Repository) -> None:
    reply = retrieve(repository, DocumentRequest(REPOSITORY, "9.9.9"), DocumentRequest("1.2.3", ONE))

    answer = answered(reply)
    assert reply.is_mtom
    assert answer.answer.status is ResponseStatus.FAILURE
    assert [e.code for e in answer.answer.errors] == ["XDSDocumentUniqueIdError", "XDSUnknownRepositoryId"]
    assert answer.documents == ()


def test_a_damaged_document_is_an_error_of_the_repository_and_no_byte_of_it_leaves(repository: Repository, files: FileHarm) -> None:
    content = repository.documents()[TWO].content
    files.write(content, LARGE[:-1] + b"\r")

    reply = retrieve(repository, DocumentRequest(REPOSITORY, ONE), DocumentRequest(REPOSITORY, TWO))

    assert reply.parts == [b"abc"]
    assert LARGE[:100] not in reply.data
    assert [e.code for e in answered(reply).answer.errors] == ["XDSRepositoryError"]


def test_too_many_documents_are_refused_with_their_code_and_an_audit_record(repository: Repository) -> None:
    repository.retrieve_limit = 1

    reply = retrieve(repository, DocumentRequest(REPOSITORY, ONE), DocumentRequest(REPOSITORY, TWO))

    assert [e.code for e in answered(reply).answer.errors] == ["XDSTooManyResults"]
    assert [o.id for o in repository.audited()[-1].objects] == [ONE, TWO]


def test_a_retrieval_is_audited_with_the_repository_as_source(repository: Repository) -> None:
    retrieve(repository, DocumentRequest(REPOSITORY, ONE))

    event = repository.audited()[-1]
    assert event.types[0].code == "ITI-43"
    assert [(p.roles[0].code, p.user_id) for p in event.participants[:2]] == [
        ("110153", "http://here/xds/repository"),
        ("110152", "10.0.0.7"),
    ]


def test_a_request_that_breaks_the_schema_is_a_fault(repository: Repository) -> None:
    end = SoapEnd(repository, RetrieveDocumentSet(repository.service))

    reply = end.post(OPERATION.action, b'<x:RetrieveDocumentSetRequest xmlns:x="urn:ihe:iti:xds-b:2007"/>')

    assert reply.code == "Sender"
    assert [e.outcome.is_success for e in repository.audited()[1:]] == [False]
