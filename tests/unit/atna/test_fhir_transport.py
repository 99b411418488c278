"""atna.fhir_transport"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from atna.feed import Waiting
from atna.fhir import new_audit_event
from atna.fhir_transport import ENTRIES, FhirSink
from kernel.errors import Unavailable
from kernel.tls import client_context, server_context
from tests.support.audit import an_event
from tests.support.certificates import Authority
from tests.support.fhir_stub import FhirStub, fhir_stub
from tests.support.ports import free_port


@pytest.fixture
def stub() -> Iterator[FhirStub]:
    with fhir_stub() as running:
        yield running


def a_sink(stub: FhirStub) -> FhirSink:
    """One whose patience is over at once."""
    hours = itertools.count(0, 3600)
    return FhirSink(f"http://127.0.0.1:{stub.port}/fhir", monotonic=lambda: next(hours))


def waiting(count: int, first: int = 1) -> list[Waiting]:
    return [Waiting(n, 1_795_343_001_125, an_event(user=f"user-{n}").to_xml()) for n in range(first, first + count)]


def users(stub: FhirStub) -> list[int]:
    """The numbers of the messages taken, as they came."""
    return [int(event["agent"][0]["who"]["identifier"]["value"].removeprefix("user-")) for event in stub.taken]


def test_messages_go_in_bundles_in_their_order(stub: FhirStub) -> None:
    a_sink(stub).send(waiting(2 * ENTRIES + 1))

    assert users(stub) == list(range(1, 2 * ENTRIES + 2))
    assert stub.requests == ["/fhir"] * 3
    assert stub.headers[0]["Content-Type"] == "application/fhir+json; charset=utf-8"


def test_what_is_sent_is_the_event_as_a_foreign_library_reads_it(stub: FhirStub) -> None:
    a_sink(stub).send(waiting(1))

    assert stub.taken == [new_audit_event(an_event(user="user-1"))]
    assert AuditEvent.model_validate(stub.taken[0]).type.code == "110101"


def test_large_events_go_in_more_bundles(stub: FhirStub) -> None:
    large = [Waiting(n, 0, an_event(user=f"user-{n}", patient="x" * 400_000).to_xml()) for n in range(5)]

    a_sink(stub).send(large)

    assert (users(stub), len(stub.requests)) == ([0, 1, 2, 3, 4], 3)


def test_what_was_taken_is_not_sent_again_when_the_rest_was_refused(stub: FhirStub) -> None:
    sink, sent = a_sink(stub), waiting(5)
    stub.verdict = lambda event: 422 if "user-3" in str(event) else 201
    with pytest.raises(Unavailable) as raised:
        sink.send(sent)
    before = users(stub)

    stub.verdict = lambda _event: 201
    sink.send(sent)

    assert "422 to message 3, and refused 1 of 5" in raised.value.detail
    assert (before, users(stub)) == ([1, 2, 4, 5], [1, 2, 4, 5, 3])


def test_a_refused_message_holds_those_behind_its_bundle(stub: FhirStub) -> None:
    stub.verdict = lambda event: 422 if "user-3" in str(event) else 201

    with pytest.raises(Unavailable):
        a_sink(stub).send(waiting(ENTRIES + 5))

    assert max(users(stub)) == ENTRIES


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_repository_without_batches_is_sent_one_after_the_other(stub: FhirStub, status: int) -> None:
    stub.batch_status = status
    sink = a_sink(stub)

    sink.send(waiting(3))
    sink.send(waiting(1, first=4))

    assert users(stub) == [1, 2, 3, 4]
    assert stub.requests == ["/fhir", *["/fhir/AuditEvent"] * 4]


def test_one_after_the_other_ends_where_one_is_refused(stub: FhirStub) -> None:
    stub.batch_status = 404
    stub.verdict = lambda event: 503 if "user-2" in str(event) and len(stub.taken) == 1 else 201
    sink = a_sink(stub)

    with pytest.raises(Unavailable):
        sink.send(waiting(3))
    stub.verdict = lambda _event: 201
    sink.send(waiting(3))

    assert users(stub) == [1, 2, 3]


@pytest.mark.parametrize("answer", [b"", b"<html/>", b'{"entry":[]}', b'{"entry":[{"response":{}}]}', b'{"entry":7}'])
def test_an_answer_that_says_nothing_is_no_yes(stub: FhirStub, answer: bytes) -> None:
    stub.answer = answer

    with pytest.raises(Unavailable):
        a_sink(stub).send(waiting(1))


@pytest.mark.parametrize("status", [400, 401, 403, 413, 500, 503])
def test_a_bundle_that_is_turned_away_is_not_taken(stub: FhirStub, status: int) -> None:
    stub.batch_status = status

    with pytest.raises(Unavailable) as raised:
        a_sink(stub).send(waiting(2))

    assert f"it answered {status}" in raised.value.detail


def test_a_connection_that_ends_without_an_answer_is_tried_again(stub: FhirStub) -> None:
    stub.drops = 1
    sink = a_sink(stub)

    with pytest.raises(Unavailable):
        sink.send(waiting(2))
    sink.send(waiting(2))

    assert users(stub) == [1, 2]


def test_a_repository_that_is_away_is_left_alone_for_a_while() -> None:
    times = iter((0.0, 0.0, 0.5, 2.0, 2.0))
    sink = FhirSink(f"http://127.0.0.1:{free_port()}", monotonic=lambda: next(times))

    told = []
    for _ in range(3):
        with pytest.raises(Unavailable) as raised:
            sink.send(waiting(1))
        told.append(raised.value.detail.rpartition(": ")[2])

    assert told == ["nobody listens there", "it is tried again in a while", "nobody listens there"]


def test_over_tls_both_sides_show_a_certificate(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = Authority(tmp_path_factory.mktemp("ca"))
    with fhir_stub(server_context(authority.issue("arr"), client_certificate=True)) as stub:
        address = f"https://127.0.0.1:{stub.port}/fhir"
        FhirSink(address, monotonic=lambda: 0.0, tls=client_context(authority.issue("us"))).send(waiting(2))
        with pytest.raises(Unavailable):
            FhirSink(address, monotonic=lambda: 0.0, tls=client_context(None, trust=authority.trust)).send(waiting(1))

    assert users(stub) == [1, 2]
