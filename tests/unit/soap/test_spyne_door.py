"""soap.spyne_door"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from lxml import etree

from kernel.errors import Condition, HieError, Refused, Rejected, Unavailable, Unreadable, rejected, violation
from kernel.xml import parse_xml
from soap.exchange import (
    ANONYMOUS,
    Answer,
    DeferredAnswer,
    Exchange,
    Operation,
    Outcome,
    OutgoingPart,
    PartHeaders,
    PartSink,
    SoapHooks,
    SoapRequest,
    SoapResponse,
)
from soap.settings import SoapSettings
from soap.spyne_door import SoapDoor
from tests.support import shared
from tests.support.soap import (
    ASK_ACTION,
    ASK_OPERATION,
    MESSAGE_ID,
    PEER,
    PLAIN,
    PROVIDE_ACTION,
    WSA,
    MemorySink,
    Served,
    TellingDoor,
    a_document,
    a_multipart,
    a_provision,
    an_envelope,
    an_include,
    in_chunks,
    mtom_type,
)

SECRET = "Smith-19700101"


def test_the_action_finds_the_door_and_the_answer_is_related_to_the_request() -> None:
    served = Served()

    reply = served.post(an_envelope())

    assert reply.status == 200
    assert reply.content_type == "application/soap+xml; charset=UTF-8"
    assert reply.body.tag == "{urn:test}done"
    assert reply.header("Action") == f"{ASK_ACTION}Response"
    assert reply.header("RelatesTo") == MESSAGE_ID
    assert reply.header("MessageID") == "urn:uuid:bbbbbbbb-0000-4000-8000-000000000000"
    assert (reply.response.operation, reply.response.outcome) == ("Ask", Outcome.ANSWERED)


def test_an_alias_of_the_action_finds_the_same_door() -> None:
    assert Served().post(an_envelope(action="urn:test:AskOld")).header("Action") == f"{ASK_ACTION}Response"


def test_the_door_is_given_everything_that_was_sent() -> None:
    served = Served()

    served.post(an_envelope(headers='<a:To>urn:us</a:To><x:Other xmlns:x="urn:x">1</x:Other>'))

    (exchange,) = served.ask.asked
    assert exchange.peer is PEER
    assert exchange.addressing.action == ASK_ACTION
    assert exchange.addressing.to == "urn:us"
    assert exchange.addressing.reply_to == ANONYMOUS
    assert exchange.body.tag == "{urn:test}Ask"
    assert exchange.headers["{urn:x}Other"].text == "1"
    assert exchange.attachments == {}
    assert not exchange.is_mtom


def test_a_multipart_request_has_a_multipart_answer_without_parts_too() -> None:
    reply = Served().post(a_multipart(an_envelope()), mtom_type())

    assert reply.is_mtom
    assert reply.body.tag == "{urn:test}done"
    assert reply.parts == []


def test_an_operation_that_says_so_is_always_answered_in_multipart() -> None:
    assert Served().post(a_provision("QUJD")).is_mtom


def test_the_door_is_given_documents_by_content_id() -> None:
    served = Served()

    reply = served.post(a_multipart(a_provision(an_include("d1@x"), "QUJD"), a_document("d1@x", b"one")), mtom_type())

    (exchange,) = served.provide.asked
    assert reply.status == 200
    assert exchange.is_mtom
    assert {a.content_id: a.size for a in exchange.attachments.values()} == {"d1@x": 3, "inline-1@affinity": 3}
    assert not any(sink.is_aborted for sink in served.stage.sinks)


def test_documents_of_an_answer_are_its_parts() -> None:
    served = Served()
    parts = (OutgoingPart("d1@y", "text/plain", 3, (b"o", b"ne")), OutgoingPart("d2@y", "text/plain", 3, iter([b"two"])))
    served.ask.say = lambda _: Answer((b"<with xmlns='urn:test'/>",), parts)

    reply = served.post(an_envelope())

    assert reply.is_mtom
    assert reply.parts == [b"one", b"two"]


def test_the_body_of_an_answer_is_sent_as_it_was_rendered() -> None:
    served = Served()
    body = (b"<a xmlns='urn:a'  x = '1'>", b"\n", b"</a>")
    served.ask.say = lambda _: Answer(body)

    assert b"".join(body) in served.post(an_envelope()).data


@pytest.mark.parametrize("error", [Rejected, Unavailable, HieError])
def test_an_error_of_the_transaction_is_answered_in_its_own_language(error: type[HieError]) -> None:
    served = Served()
    served.ask.say = fails(error(violation(Condition.PATIENT_UNKNOWN, "", "")))

    reply = served.post(an_envelope())

    assert reply.status == 200
    assert reply.body.get("condition") == "PATIENT_UNKNOWN"
    assert reply.response.outcome is Outcome.REFUSED
    assert reply.header("Action") == f"{ASK_ACTION}Response"


@pytest.mark.parametrize("error", [Refused, Unreadable])
def test_a_refusal_is_a_fault_to_the_sender_and_told_to_the_door_for_its_audit(error: type[HieError]) -> None:
    served = Served()
    problem = error(violation(Condition.NOT_ALLOWED, "", "no"))
    served.ask.say = fails(problem)

    reply = served.post(an_envelope())

    assert (reply.status, reply.code) == (400, "Sender")
    assert reply.response.outcome is Outcome.FAULT
    assert reply.header("RelatesTo") == MESSAGE_ID
    assert served.ask.refused == [problem]


def test_a_bug_is_reported_and_answered_without_a_word_of_it() -> None:
    served = Served()
    served.ask.say = fails(RuntimeError(SECRET))

    reply = served.post(an_envelope())

    assert [str(bug) for bug in served.bugs] == [SECRET]
    assert reply.body.get("condition") == "INTERNAL"
    assert SECRET.encode() not in reply.data
    assert b"Traceback" not in reply.data


def test_a_bug_in_the_refusal_too_is_a_receiver_fault() -> None:
    class Broken(TellingDoor):
        def refuse(self, exchange: Exchange, error: HieError) -> Answer:
            raise RuntimeError("again")

    bugs: list[BaseException] = []
    door = SoapDoor([Broken(ASK_OPERATION, fails(RuntimeError("once")))], lambda _: None, lambda bug, _: bugs.append(bug))

    response = door.handle(SoapRequest(PEER, PLAIN, (an_envelope(),)))

    assert (response.status, [str(bug) for bug in bugs]) == (500, ["once", "again"])
    assert b"again" not in b"".join(response.chunks)


def test_a_refusal_that_cannot_be_told_in_the_transactions_language_is_a_fault() -> None:
    class Mute(TellingDoor):
        def refuse(self, exchange: Exchange, error: HieError) -> Answer:
            raise error

    door = SoapDoor([Mute(ASK_OPERATION, fails(rejected(Condition.BUSY, "", "later")))], lambda _: None, ignore)

    assert door.handle(SoapRequest(PEER, PLAIN, (an_envelope(),))).status == 500


def test_an_answer_that_cannot_be_written_is_a_receiver_fault() -> None:
    served = Served()
    served.ask.say = lambda _: Answer((), (OutgoingPart("line\nbreak", "text/plain", 0, ()),))

    reply = served.post(an_envelope())

    assert (reply.status, reply.code) == (500, "Receiver")
    assert len(served.bugs) == 1


def test_a_fault_before_the_door_is_known_is_told_to_no_door() -> None:
    served = Served()

    reply = served.post(an_envelope(action="urn:test:Unknown"))

    assert reply.status == 400
    assert reply.subcodes == [f"{{{WSA}}}ActionNotSupported"]
    assert PROVIDE_ACTION in reply.reason
    assert reply.header("RelatesTo") == MESSAGE_ID
    assert reply.header("Action") == f"{WSA}/fault"
    assert (served.ask.refused, served.provide.refused) == ([], [])
    assert reply.response.operation == ""


def test_a_fault_after_the_door_is_known_is_told_to_it() -> None:
    schema = etree.XMLSchema(
        parse_xml(
            b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:ihe:iti:xds-b:2007">'
            b'<xs:element name="Provide" type="xs:int"/></xs:schema>'
        )
    )
    served = Served(schema=schema)

    reply = served.post(a_provision("QUJD"))

    assert reply.code == "Sender"
    assert "schema of Provide" in reply.reason
    assert len(served.provide.refused) == 1
    assert served.provide.asked == []
    assert served.stage.all_aborted


def test_a_fault_answers_a_multipart_request_in_multipart() -> None:
    served = Served()

    assert served.post(a_multipart(an_envelope(action="urn:x")), mtom_type()).is_mtom
    assert served.post(b"nonsense", mtom_type()).is_mtom
    assert not served.post(b"nonsense").is_mtom


@pytest.mark.parametrize(
    "problem", [rejected(Condition.PATIENT_UNKNOWN, "", ""), Refused(violation(Condition.NOT_ALLOWED, "", "")), RuntimeError()]
)
def test_documents_do_not_stay_when_the_transaction_fails(problem: Exception) -> None:
    served = Served()
    served.provide.say = fails(problem)

    served.post(a_multipart(a_provision(an_include("d1@x"), "QUJD"), a_document("d1@x", b"one")), mtom_type())

    assert len(served.stage.sinks) == 2
    assert served.stage.all_aborted


def test_documents_do_not_stay_when_the_process_is_told_to_end() -> None:
    served = Served()
    served.provide.say = fails(KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        served.post(a_provision("QUJD"))

    assert served.stage.all_aborted


class FullSink(MemorySink):
    def write(self, data: bytes | memoryview, /) -> None:
        raise Unavailable(violation(Condition.OUT_OF_RESOURCES, "vault", "the disk is full"))


def test_a_full_disk_is_told_in_the_transactions_own_language() -> None:
    served = Served(stage=FullSink)

    reply = served.post(a_multipart(a_provision(an_include("d1@x")), a_document("d1@x", b"one")), mtom_type())

    assert reply.body.get("condition") == "OUT_OF_RESOURCES"


def test_a_bug_in_a_sink_is_reported_and_told_in_the_transactions_own_language() -> None:
    def stage(_: PartHeaders) -> PartSink:
        raise OSError("no such folder")

    served = Served(stage=stage)

    reply = served.post(a_multipart(a_provision(an_include("d1@x")), a_document("d1@x", b"one")), mtom_type())

    assert reply.body.get("condition") == "INTERNAL"
    assert len(served.bugs) == 1


def test_a_bug_while_documents_are_forgotten_does_not_change_the_answer() -> None:
    class Sticky(MemorySink):
        def abort(self) -> None:
            raise RuntimeError("cannot unlink")

    served = Served(stage=Sticky)
    served.provide.say = fails(rejected(Condition.PATIENT_UNKNOWN, "", ""))

    reply = served.post(a_provision("QUJD"))

    assert reply.body.get("condition") == "PATIENT_UNKNOWN"
    assert [str(bug) for bug in served.bugs] == ["cannot unlink"]


def test_without_a_stage_no_document_is_taken() -> None:
    door = SoapDoor([TellingDoor(ASK_OPERATION)], lambda _: None, ignore)
    data = a_multipart(an_envelope(f"<Ask xmlns='urn:test'>{an_include('d1@x')}</Ask>"), a_document("d1@x", b"one"))

    assert door.handle(SoapRequest(PEER, mtom_type(), (data,))).status == 400


def test_a_hook_may_refuse_before_the_door_is_asked() -> None:
    def nobody(operation: Operation, exchange: Exchange) -> None:
        raise Refused(violation(Condition.NOT_AUTHENTICATED, operation.name, exchange.addressing.message_id))

    served = Served(hooks=SoapHooks(before=nobody))

    reply = served.post(an_envelope())

    assert reply.code == "Sender"
    assert reply.subcodes[0].endswith("}FailedAuthentication")
    assert served.ask.asked == []
    assert len(served.ask.refused) == 1


def test_a_hook_may_refuse_before_a_document_is_kept() -> None:
    def nobody(operation: Operation, exchange: Exchange) -> None:
        raise Refused(violation(Condition.NOT_ALLOWED, "", ""))

    served = Served(hooks=SoapHooks(before=nobody))

    reply = served.post(a_multipart(a_provision(an_include("d1@x")), a_document("d1@x", b"one")), mtom_type())

    assert reply.code == "Sender"
    assert served.stage.sinks == []


def test_a_hook_is_told_how_every_request_ended() -> None:
    told: list[tuple[str, int, Outcome, str]] = []

    def tell(response: object, error: HieError | None) -> None:
        condition = error.condition.name if error else ""
        told.append((response.operation, response.status, response.outcome, condition))  # type: ignore[attr-defined]

    served = Served(hooks=SoapHooks(after=tell))
    served.post(an_envelope())
    served.post(b"<")
    served.provide.say = fails(rejected(Condition.BUSY, "", ""))
    served.post(a_provision())

    assert told == [
        ("Ask", 200, Outcome.ANSWERED, ""),
        ("", 400, Outcome.FAULT, "MALFORMED"),
        ("Provide", 200, Outcome.REFUSED, "BUSY"),
    ]


def test_the_rest_of_a_refused_request_is_read_so_that_the_sender_takes_the_answer() -> None:
    left = in_chunks(a_multipart(an_envelope(action="urn:x"), a_document("d1@x", bytes(100_000))), 1000)

    reply = Served().post(left, mtom_type())

    assert reply.status == 400
    assert list(left) == []


def test_a_sender_that_is_gone_is_no_bug() -> None:
    def broken() -> Iterator[bytes]:
        yield b"--B-1\r\n"
        raise TimeoutError

    served = Served()

    assert served.post(broken(), mtom_type()).status == 400
    assert served.bugs == []


def test_requests_of_many_threads_do_not_meet() -> None:
    served = Served()
    served.ask.say = lambda exchange: Answer((f"<you xmlns='urn:test' n='{exchange.addressing.message_id}'/>".encode(),))

    def ask(number: int) -> bool:
        reply = served.post(an_envelope(message_id=f"urn:n:{number}"))
        return reply.body.get("n") == f"urn:n:{number}" == reply.header("RelatesTo")

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(200)))


def test_nothing_that_was_sent_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    served = Served()
    body = f"<Ask xmlns='urn:test'>{SECRET}</Ask>"

    served.post(an_envelope(body))
    served.post(an_envelope(body)[:-10])
    served.post(an_envelope(body, action="urn:x"))
    for problem in (
        RuntimeError(SECRET),
        rejected(Condition.BUSY, "", SECRET),
        Refused(violation(Condition.NOT_ALLOWED, "", SECRET)),
    ):
        served.ask.say = fails(problem)
        served.post(an_envelope(body))

    assert SECRET not in caplog.text
    assert not [record for record in caplog.records if record.name.startswith("spyne")]


@pytest.mark.parametrize("data", [an_envelope(), an_envelope(action="urn:x"), an_envelope("<Other/>")])
def test_the_tree_of_a_request_goes_with_the_request(data: bytes) -> None:
    served = Served()
    served.ask.say = lambda _: Answer((b"<done xmlns='urn:test'/>",))
    served.post(data)
    served.ask.asked.clear()
    served.ask.refused.clear()
    gc.collect()
    gc.disable()
    try:
        gc.set_debug(gc.DEBUG_SAVEALL)
        served.door.handle(SoapRequest(PEER, PLAIN, (data,)))
        served.ask.asked.clear()
        served.ask.refused.clear()
        gc.collect()
        left = [type(thing).__name__ for thing in gc.garbage]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()

    assert "_Element" not in left


def test_answers_and_faults_are_valid_envelopes() -> None:
    served = Served()
    replies = [served.post(an_envelope()), served.post(an_envelope(action="urn:x")), served.post(b"<Envelope/>")]

    assert [shared.faults("soap", reply.root) for reply in replies] == [[], [], []]


def test_two_doors_of_one_action_do_not_start() -> None:
    twin = TellingDoor(replace(ASK_OPERATION, name="Twin"))

    with pytest.raises(ValueError, match="two operations"):
        SoapDoor([TellingDoor(ASK_OPERATION), twin], lambda _: None, ignore)


def fails(problem: BaseException) -> Callable[[Exchange], Answer]:
    def say(_: Exchange) -> Answer:
        raise problem

    return say


def ignore(_: BaseException, __: Exchange | None) -> None:
    return None


ELSEWHERE = "http://a.example/in"


def an_asynchronous_ask(**more: str) -> bytes:
    """A request whose answer goes to an address."""
    return an_envelope(headers=f"<a:ReplyTo><a:Address>{ELSEWHERE}</a:Address></a:ReplyTo>", **more)


def test_an_answer_for_an_address_is_kept_and_the_request_accepted() -> None:
    kept: list[DeferredAnswer] = []
    seen: list[SoapResponse] = []
    hooks = SoapHooks(defer=kept.append, after=lambda response, _: seen.append(response))
    served = Served(hooks=hooks, limits=SoapSettings(reply_to=(ELSEWHERE,)))

    response = served.door.handle(SoapRequest(PEER, PLAIN, (an_asynchronous_ask(),)))

    (answer,) = kept
    assert (response.status, b"".join(response.chunks), response.operation) == (202, b"", seen[0].operation)
    assert (answer.address, answer.content_type) == (ELSEWHERE, "application/soap+xml; charset=UTF-8")
    assert b"RelatesTo" in answer.body
    assert f">{ELSEWHERE}</a:To>".encode() in answer.body


def test_an_answer_that_cannot_be_kept_is_a_fault_on_the_connection() -> None:
    def away(_: DeferredAnswer) -> None:
        raise Unavailable(violation(Condition.BUSY, "", "away"))

    served = Served(hooks=SoapHooks(defer=away), limits=SoapSettings(reply_to=(ELSEWHERE,)))

    reply = served.post(an_asynchronous_ask())

    assert (reply.status, reply.code) == (500, "Receiver")
    assert reply.header("To") is None


def test_an_answer_that_is_too_large_to_be_kept_is_a_fault_on_the_connection() -> None:
    kept: list[DeferredAnswer] = []
    limits = SoapSettings(reply_to=(ELSEWHERE,), reply_bytes=1 << 16)
    served = Served(hooks=SoapHooks(defer=kept.append), limits=limits)
    served.ask.say = lambda _: Answer((b"<done xmlns='urn:test'>" + b"x" * (1 << 16) + b"</done>",))

    reply = served.post(an_asynchronous_ask())

    assert (reply.code, kept) == ("Sender", [])
    assert "ask for less" in reply.reason
