"""What the answers of another registry mean, and the audit records a sender leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ebrim.errors import ErrorCodes
from ebrim.namespaces import RS
from ebrim.query import read_query
from ebrim.reader import read_submission
from ebrim.responses import ResponseStatus, query_response, registry_response
from ebrim.uuids import QueryId
from ebrim.writer import finish, render
from kernel.database import Database
from kernel.errors import Condition, HieError, Refused, Rejected, Unavailable, Unreadable, violation, warning
from kernel.xml import Element, parse_xml
from repository.remote_registry import QUERY, REGISTER, RemoteRegistry
from repository.store import METADATA
from soap.exchange import Addressing, Attachment
from soap.zeep_client import Reply, SoapFaultReceived
from tests.support.audit import schema_faults
from tests.support.metadata import PATIENT, a_document_entry, a_submission
from tests.support.repositories import SUBJECT, Repository
from tests.support.vaults import a_file_vault

ENDPOINT = "http://10.0.0.9:8080/xds/registry"
UNKNOWN = violation(Condition.PATIENT_UNKNOWN, "Document01", "nobody")


class Line:
    """A connection that gives one answer and keeps what was sent."""

    def __init__(self, answer: bytes | HieError, attachments: dict[str, Attachment] | None = None) -> None:
        self.answer = answer
        self.attachments = attachments or {}
        self.sent: list[tuple[str, Element]] = []

    def call(self, operation: str, body: bytes) -> Reply:
        """Sends a body and reads the answer."""
        self.sent.append((operation, parse_xml(body)))
        if isinstance(self.answer, HieError):
            raise self.answer
        return Reply(parse_xml(self.answer), "urn:uuid:sent", Addressing("", ""), self.attachments)


@pytest.fixture
def home(make_database: Callable[..., Database], tmp_path: Path) -> Repository:
    return Repository(make_database(METADATA), a_file_vault(tmp_path)[0])


def remote(home: Repository, line: Line) -> RemoteRegistry:
    return RemoteRegistry(line, ENDPOINT, home.database, home.context)


def fault(code: str) -> SoapFaultReceived:
    return SoapFaultReceived(Condition.MALFORMED, code=code, subcodes=(), reason="text of theirs")


def test_a_submission_is_sent_as_it_stands(home: Repository) -> None:
    line = Line(registry_response((), ErrorCodes.REGISTRY))
    submission = a_submission()

    assert remote(home, line).register(submission, SUBJECT) == ()

    ((operation, body),) = line.sent
    assert operation == REGISTER
    assert read_submission(body).entries[0].unique_id == submission.entries[0].unique_id
    assert read_submission(body).entries[0].hash == submission.entries[0].hash


def test_warnings_of_a_success_are_given_back(home: Repository) -> None:
    line = Line(registry_response((warning(Condition.EXTRA_METADATA_DROPPED, "", "x"),), ErrorCodes.REGISTRY))

    (found,) = remote(home, line).register(a_submission(), SUBJECT)

    assert (found.condition, found.is_error) == (Condition.EXTRA_METADATA_DROPPED, False)


def test_a_failure_is_a_rejection_with_every_error(home: Repository) -> None:
    line = Line(registry_response((UNKNOWN, violation(Condition.METADATA_INVALID, "x", "y")), ErrorCodes.REGISTRY))

    with pytest.raises(Rejected) as caught:
        remote(home, line).register(a_submission(), SUBJECT)

    assert [v.condition for v in caught.value.violations] == [Condition.PATIENT_UNKNOWN, Condition.METADATA_INVALID]


def test_a_failure_without_a_reason_is_a_rejection_all_the_same(home: Repository) -> None:
    line = Line(f'<r:RegistryResponse xmlns:r="{RS}" status="{ResponseStatus.FAILURE.value}"/>'.encode())

    with pytest.raises(Rejected) as caught:
        remote(home, line).register(a_submission(), SUBJECT)

    assert caught.value.condition is Condition.INTERNAL


def test_a_fault_of_ours_is_a_rejection(home: Repository) -> None:
    with pytest.raises(Rejected):
        remote(home, Line(fault("Sender"))).register(a_submission(), SUBJECT)


@pytest.mark.parametrize(
    "answer",
    [
        registry_response((violation(Condition.BUSY, "", ""),), ErrorCodes.REGISTRY),
        f'<r:RegistryResponse xmlns:r="{RS}" status="{ResponseStatus.PARTIAL_SUCCESS.value}"/>'.encode(),
        f'<r:RegistryResponse xmlns:r="{RS}" status="Fine"/>'.encode(),
        registry_response((UNKNOWN,), ErrorCodes.REGISTRY, status=ResponseStatus.SUCCESS),
        fault("Receiver"),
        Unreadable(violation(Condition.MALFORMED, "answer", "not SOAP")),
        Refused(violation(Condition.NOT_AUTHENTICATED, ENDPOINT, "HTTP 401")),
        Unavailable(violation(Condition.REGISTRY_UNAVAILABLE, ENDPOINT, "no route")),
    ],
)
def test_whatever_leaves_open_what_was_done_means_come_again(home: Repository, answer: bytes | HieError) -> None:
    with pytest.raises(Unavailable):
        remote(home, Line(answer)).register(a_submission(), SUBJECT)


def test_every_call_leaves_the_audit_record_of_a_sender(home: Repository) -> None:
    remote(home, Line(registry_response((), ErrorCodes.REGISTRY))).register(a_submission(), SUBJECT)
    with pytest.raises(Rejected):
        remote(home, Line(registry_response((UNKNOWN,), ErrorCodes.REGISTRY))).register(a_submission(), SUBJECT)

    done, refused = home.audited()
    assert [e.types[0].code for e in (done, refused)] == ["ITI-42", "ITI-42"]
    assert (done.outcome.is_success, refused.outcome.is_success) == (True, False)
    assert done.event.code == "110106"
    assert [o.id for o in done.objects] == [PATIENT, "2.999.8.1"]
    assert [p.network_id for p in done.participants] == ["127.0.0.1", "10.0.0.9"]
    assert schema_faults(done.to_xml()) == []


def test_the_entries_of_another_registry_are_asked_for_by_unique_id(home: Repository) -> None:
    entry = a_document_entry(id="urn:uuid:00000000-0000-4000-8000-000000000001")
    line = Line(b"".join(query_response([finish(render(entry), "urn:x", PATIENT)])))

    (found,) = remote(home, line).entries(["2.999.7.1", "it's"], SUBJECT)

    ((operation, body),) = line.sent
    query = read_query(body)
    assert operation == QUERY
    assert query.query_id == QueryId.GET_DOCUMENTS.value
    assert query.slots[0].values == ("('2.999.7.1','it''s')",)
    assert (found.unique_id, found.hash) == (entry.unique_id, entry.hash)
    (event,) = home.audited()
    assert (event.types[0].code, event.outcome.is_success) == ("ITI-18", True)


def test_many_unique_ids_are_asked_for_in_portions(home: Repository) -> None:
    line = Line(b"".join(query_response([])))

    assert remote(home, line).entries([f"1.2.{n}" for n in range(201)], SUBJECT) == []

    assert len(line.sent) == 3


@pytest.mark.parametrize(
    "answer",
    [
        b"".join(query_response([], [UNKNOWN])),
        fault("Sender"),
        fault("Receiver"),
        Unreadable(violation(Condition.MALFORMED, "", "")),
    ],
)
def test_a_registry_that_cannot_say_what_it_has_is_away(home: Repository, answer: bytes | HieError) -> None:
    with pytest.raises(Unavailable) as caught:
        remote(home, Line(answer)).entries(["1.2"], SUBJECT)

    assert caught.value.condition is Condition.REGISTRY_UNAVAILABLE
    assert not home.audited()[0].outcome.is_success


def test_documents_that_an_answer_brings_unasked_are_not_kept(home: Repository, tmp_path: Path) -> None:
    stray = tmp_path / "stray"
    stray.write_bytes(b"x")
    line = Line(registry_response((), ErrorCodes.REGISTRY), {"a": Attachment("a", "", stray, 1, "", "")})

    remote(home, line).register(a_submission(), SUBJECT)

    assert not stray.exists()
