"""ITI-86 as a document administrator sees it: success, partial success, failure, each with its codes."""

from __future__ import annotations

import pytest

from ebrim.responses import RegistryAnswer, ResponseStatus, read_registry_response
from ebrim.retrieve import DocumentRequest, remove_documents_request
from repository.removing import DocumentRemover
from repository.transactions.iti86_remove_documents import OPERATION, RemoveDocuments
from tests.support.metadata import REPOSITORY
from tests.support.repositories import Repository, SoapEnd, provided
from tests.support.shared import faults

ONE, TWO = "2.999.7.1.1", "2.999.7.1.2"


def removed(repository: Repository, *requests: DocumentRequest) -> RegistryAnswer:
    """One message; nothing may be a bug of ours, and the answer is valid."""
    remover = DocumentRemover(repository.database, repository.vault, repository.context)
    end = SoapEnd(repository, RemoveDocuments(remover))
    reply = end.post(OPERATION.action, remove_documents_request(requests))
    assert end.bugs == []
    assert faults("xds", reply.body) == []
    assert reply.header("Action") == OPERATION.answer_action
    return read_registry_response(reply.body)


@pytest.fixture
def repository(repository: Repository) -> Repository:
    repository.provide(provided(documents=2), b"abc", b"defg")
    return repository


def test_what_was_named_is_gone(repository: Repository) -> None:
    answer = removed(repository, DocumentRequest(REPOSITORY, ONE), DocumentRequest(REPOSITORY, TWO, "urn:oid:1.2"))

    assert (answer.status, answer.errors) == (ResponseStatus.SUCCESS, ())
    assert repository.documents() == {}


def test_an_unknown_one_beside_a_known_one_is_a_partial_success(repository: Repository) -> None:
    answer = removed(repository, DocumentRequest(REPOSITORY, ONE), DocumentRequest(REPOSITORY, "9.9.9"))

    assert answer.status is ResponseStatus.PARTIAL_SUCCESS
    assert [(e.code, e.context.split(":")[0]) for e in answer.errors] == [("XDSDocumentUniqueIdError", "9.9.9")]
    assert set(repository.documents()) == {TWO}


def test_nothing_removed_is_a_failure(repository: Repository) -> None:
    answer = removed(repository, DocumentRequest(REPOSITORY, "9.9.9"), DocumentRequest("1.2.3", ONE))

    assert answer.status is ResponseStatus.FAILURE
    assert [e.code for e in answer.errors] == ["XDSDocumentUniqueIdError", "XDSUnknownRepositoryId"]
    assert set(repository.documents()) == {ONE, TWO}


def test_too_many_are_refused_with_the_code_of_the_transaction_and_an_audit_record(repository: Repository) -> None:
    repository.retrieve_limit = 1

    answer = removed(repository, DocumentRequest(REPOSITORY, ONE), DocumentRequest(REPOSITORY, TWO))

    assert [e.code for e in answer.errors] == ["XDSRemoveDocumentsError"]
    assert [o.id for o in repository.audited()[-1].objects] == [ONE, TWO]
    assert not repository.audited()[-1].outcome.is_success


def test_a_request_that_breaks_the_schema_is_a_fault_on_record(repository: Repository) -> None:
    remover = DocumentRemover(repository.database, repository.vault, repository.context)
    end = SoapEnd(repository, RemoveDocuments(remover))

    reply = end.post(OPERATION.action, b'<x:RemoveDocumentsRequest xmlns:x="urn:ihe:iti:rmd:2017"/>')

    assert reply.code == "Sender"
    assert [e.outcome.is_success for e in repository.audited()[1:]] == [False]
