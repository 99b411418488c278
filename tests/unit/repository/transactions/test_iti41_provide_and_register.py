"""ITI-41 as a partner sees it: a message in, a message out."""

from __future__ import annotations

import base64
import dataclasses
import errno
import os
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from ebrim.model import Identifier, Slot
from ebrim.namespaces import RS, XOP
from ebrim.responses import RegistryAnswer, ResponseStatus, read_registry_response
from ebrim.retrieve import provide_request
from kernel.errors import Condition, violation, warning
from kernel.times import system_clock
from kernel.xml import parse_xml
from repository.model import State
from repository.transactions.iti41_provide_and_register import OPERATION, ProvideAndRegister
from tests.support.metadata import PATIENT, a_document_entry, a_provided_entry, a_submission
from tests.support.repositories import Repository, SoapEnd, provided
from tests.support.shared import faults, sample
from tests.support.soap import Reply

ONE = "2.999.7.1.1"


def provide(repository: Repository, body: bytes, *parts: tuple[str, bytes], multipart: bool = True) -> Reply:
    """One message; nothing may be a bug of ours, and the answer must be valid."""
    end = SoapEnd(repository, ProvideAndRegister(repository.service))
    reply = end.post(OPERATION.action, body, *parts, multipart=multipart)
    assert end.bugs == []
    if reply.status == 200:
        assert faults("xds", reply.body) == []
        assert reply.header("Action") == OPERATION.answer_action
    return reply


def answered(reply: Reply) -> RegistryAnswer:
    """What the answer says."""
    assert reply.body.tag == f"{{{RS}}}RegistryResponse", reply.reason
    return read_registry_response(reply.body)


def codes(reply: Reply) -> list[str]:
    """The error codes of the answer."""
    return [error.code for error in answered(reply).errors]


def left_in_staging(repository: Repository) -> int:
    """Files that nobody took away."""
    return repository.vault.clear(before=system_clock() + timedelta(hours=1))


def test_documents_that_come_as_parts_are_registered_and_the_answer_is_multipart(repository: Repository) -> None:
    body = provide_request(provided(documents=2), [("Document01", "a@x"), ("Document02", "b@x")])

    reply = provide(repository, body, ("a@x", b"abc"), ("b@x", b"defg"))

    assert answered(reply) == RegistryAnswer(ResponseStatus.SUCCESS)
    assert reply.is_mtom
    assert [e.size for e in repository.registry.submissions[0].entries] == [("3",), ("4",)]
    assert left_in_staging(repository) == 0


def test_a_document_that_stands_in_the_message_as_base64_is_registered(repository: Repository) -> None:
    body = provide_request(provided(), [("Document01", "a@x")])
    inline = body.replace(f'<xop:Include xmlns:xop="{XOP}" href="cid:a@x"/>'.encode(), base64.b64encode(b"abc"))

    reply = provide(repository, inline, multipart=False)

    assert answered(reply).status is ResponseStatus.SUCCESS
    assert not reply.is_mtom
    assert repository.registry.submissions[0].entries[0].size == ("3",)


def test_metadata_without_a_document_is_answered_by_its_name(repository: Repository) -> None:
    reply = provide(repository, provide_request(provided(documents=2), [("Document01", "a@x")]), ("a@x", b"abc"))

    assert codes(reply) == ["XDSMissingDocument"]
    assert answered(reply).errors[0].context.startswith("Document02")
    assert repository.documents() == {}
    assert left_in_staging(repository) == 0


def test_a_document_without_metadata_is_answered_by_its_name(repository: Repository) -> None:
    body = provide_request(provided(), [("Document01", "a@x"), ("Stranger", "b@x")])

    reply = provide(repository, body, ("a@x", b"abc"), ("b@x", b"def"))

    assert codes(reply) == ["XDSMissingDocumentMetadata"]
    assert left_in_staging(repository) == 0


def test_a_declared_hash_and_size_that_differ_are_two_errors_of_the_repository(repository: Repository) -> None:
    submission = a_submission(a_provided_entry(hash=("0" * 40,), size=("4",)))

    reply = provide(repository, provide_request(submission, [("Document01", "a@x")]), ("a@x", b"abc"))

    assert codes(reply) == ["XDSRepositoryMetadataError", "XDSRepositoryMetadataError"]
    assert answered(reply).status is ResponseStatus.FAILURE


def test_a_unique_id_that_stands_twice_is_answered_in_the_repositorys_words(repository: Repository) -> None:
    twice = (Identifier("1.2.3"),)
    submission = a_submission(a_provided_entry(unique_ids=twice), a_provided_entry(id="Document02", unique_ids=twice))
    body = provide_request(submission, [("Document01", "a@x"), ("Document02", "b@x")])

    assert codes(provide(repository, body, ("a@x", b"1"), ("b@x", b"2"))) == ["XDSRepositoryDuplicateUniqueIdInMessage"]


def test_the_registrys_no_is_passed_on_in_the_registrys_words(repository: Repository) -> None:
    repository.registry.refusal = (
        violation(Condition.METADATA_INVALID, "Document01", "typeCode is missing"),
        violation(Condition.PATIENT_UNKNOWN, "Document01", "nobody"),
    )

    reply = provide(repository, provide_request(provided(), [("Document01", "a@x")]), ("a@x", b"abc"))

    assert codes(reply) == ["XDSRegistryMetadataError", "XDSUnknownPatientId"]
    assert all(error.location == "" for error in answered(reply).errors)
    assert repository.states() == {ONE: State.ORPHAN}


def test_a_registry_that_is_away_is_told_and_the_same_message_again_goes_on(repository: Repository) -> None:
    body = provide_request(provided(), [("Document01", "a@x")])
    repository.registry.is_away = True
    away = provide(repository, body, ("a@x", b"abc"))

    repository.registry.is_away = False
    again = provide(repository, body, ("a@x", b"abc"))

    assert codes(away) == ["XDSRegistryNotAvailable"]
    assert answered(again).status is ResponseStatus.SUCCESS


def test_warnings_travel_with_a_success(repository: Repository) -> None:
    repository.registry.warnings = (warning(Condition.EXTRA_METADATA_DROPPED, "", "urn:x"),)

    reply = provide(repository, provide_request(provided(), [("Document01", "a@x")]), ("a@x", b"abc"))

    assert answered(reply).status is ResponseStatus.SUCCESS
    assert codes(reply) == ["XDSExtraMetadataNotSaved"]


def test_a_slot_of_another_profile_reaches_the_registry(repository: Repository) -> None:
    extra = Slot("urn:x:extra", ("1", "2"))
    submission = a_submission(a_provided_entry(slots=(extra,)))

    provide(repository, provide_request(submission, [("Document01", "a@x")]), ("a@x", b"abc"))

    assert repository.registry.submissions[0].entries[0].slots == (extra,)


def test_a_failure_leaves_its_audit_record_and_a_success_its_own(repository: Repository) -> None:
    body = provide_request(provided(), [("Document01", "a@x")])
    provide(repository, provide_request(provided(), []))
    provide(repository, body, ("a@x", b"abc"))

    refused, done = repository.audited()
    assert (refused.outcome.is_success, done.outcome.is_success) == (False, True)
    assert [o.id for o in refused.objects] == [PATIENT, "2.999.8.1"]
    assert done.participants[0].user_id == "10.0.0.7"


def test_metadata_that_break_the_schema_are_a_fault_with_an_audit_record_and_no_file(repository: Repository) -> None:
    body = provide_request(provided(), [("Document01", "a@x")]).replace(b"RegistryObjectList", b"ObjectList")

    reply = provide(repository, body, ("a@x", b"abc"))

    assert reply.code == "Sender"
    assert [e.outcome.is_success for e in repository.audited()] == [False]
    assert left_in_staging(repository) == 0


def test_a_request_without_metadata_is_a_fault(repository: Repository) -> None:
    reply = provide(repository, b'<x:ProvideAndRegisterDocumentSetRequest xmlns:x="urn:ihe:iti:xds-b:2007"/>')

    assert reply.code == "Sender"


def test_a_full_disk_is_told_as_lack_of_resources_and_nothing_remains(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    reply = provide(repository, provide_request(provided(), [("Document01", "a@x")]), ("a@x", b"abc"))
    monkeypatch.undo()

    assert codes(reply) == ["XDSRepositoryOutOfResources"]
    assert repository.documents() == {}
    assert left_in_staging(repository) == 0


def test_an_entry_id_may_be_any_address_that_the_sender_likes(repository: Repository) -> None:
    entry_id = "uuid-of-place/1002/type/form/2026/1.2.3 4"
    submission = a_submission(a_provided_entry(id=entry_id))

    reply = provide(repository, provide_request(submission, [(entry_id, "a@x")]), ("a@x", b"abc"))

    assert answered(reply).status is ResponseStatus.SUCCESS


def test_the_published_example_is_judged_as_a_whole(repository: Repository) -> None:
    envelope = parse_xml(sample("iti-41", "ProvideAndRegisterDocumentSet-bRequest_SOAP.xml"))
    (body,) = envelope.iter(OPERATION.root)

    reply = provide(repository, etree.tostring(body, with_tail=False), multipart=False)

    assert answered(reply).status is ResponseStatus.SUCCESS
    assert repository.registry.submissions[0].entries[0].size == ("36",)


def test_a_declared_hash_that_fits_is_kept(repository: Repository) -> None:
    submission = a_submission(dataclasses.replace(a_document_entry(), repository_unique_id=()))

    reply = provide(repository, provide_request(submission, [("Document01", "a@x")]), ("a@x", b"abc"))

    assert answered(reply).status is ResponseStatus.SUCCESS
