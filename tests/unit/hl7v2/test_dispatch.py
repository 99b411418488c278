"""hl7v2.dispatch"""

from __future__ import annotations

from itertools import count

import pytest
from structlog.testing import capture_logs

from hl7v2.ack import acknowledged, refused
from hl7v2.answers import pix_answer, query_refused
from hl7v2.dispatch import V2Dispatcher
from hl7v2.exchange import MessageKind, V2Exchange
from hl7v2.header import Header, OutgoingMessage
from hl7v2.patient import read_update
from hl7v2.query import read_pix_query
from kernel.errors import Condition, HieError, Unavailable, rejected, violation
from kernel.peer import Peer
from tests.support.hl7 import NOW, PEER, PID, adt, er7, lines, msh, pix, segment


class FeedDoor:
    handles: frozenset[MessageKind] = frozenset({("ADT", "A01"), ("ADT", "A04"), ("ADT", "A08"), ("ADT", "A05")})

    def __init__(self) -> None:
        self.exchanges: list[V2Exchange] = []
        self.refused: list[HieError] = []
        self.failure: Exception | None = None

    def answer(self, exchange: V2Exchange) -> OutgoingMessage:
        self.exchanges.append(exchange)
        if self.failure:
            raise self.failure
        read_update(exchange.message, lenient=exchange.lenient)
        return acknowledged(exchange)

    def refuse(self, exchange: V2Exchange, error: HieError) -> OutgoingMessage:
        self.refused.append(error)
        return refused(exchange, error)


class QueryDoor:
    handles: frozenset[MessageKind] = frozenset({("QBP", "Q23")})

    def answer(self, exchange: V2Exchange) -> OutgoingMessage:
        read_pix_query(exchange.message, lenient=exchange.lenient)
        return pix_answer(exchange, [])

    def refuse(self, exchange: V2Exchange, error: HieError) -> OutgoingMessage:
        return query_refused(exchange, error)


class House:
    """A dispatcher with a feed door and a query door."""

    def __init__(self, lenient: str = "") -> None:
        self.feed = FeedDoor()
        self.unreadable: list[tuple[Header, HieError]] = []
        numbers = count(1)
        self.dispatch = V2Dispatcher(
            [self.feed, QueryDoor()],
            clock=lambda: NOW,
            new_control_id=lambda: f"A{next(numbers)}",
            leniency=lambda application, facility: lenient == f"{application}/{facility}",
            on_unreadable=lambda _peer, header, error: self.unreadable.append((header, error)),
        )

    def __call__(self, raw: bytes) -> bytes:
        return self.dispatch(raw, PEER)


def header(kind: str = "ADT^A04", control_id: str = "M1", processing: str = "P", version: str = "2.3.1") -> str:
    return rf"MSH|^~\&|EHR|HOSP|MPI|HIE|20261122101500||{kind}|{control_id}|{processing}|{version}"


def feed(msh_segment: str) -> bytes:
    return er7(msh_segment, "EVN|A04|2026", PID, "PV1||O")


def test_a_message_reaches_the_door_of_its_kind() -> None:
    house = House()

    answer = house(adt("A08"))

    assert segment(answer, "MSA") == "MSA|AA|M1"
    assert house.feed.exchanges[0].header.event == "A08"
    assert house.feed.exchanges[0].raw == adt("A08")
    assert house.feed.exchanges[0].peer is PEER


def test_each_answer_has_a_control_id_of_its_own() -> None:
    house = House()

    answers = [house(adt()), house(b"nonsense")]

    assert [lines(a)[0].split("|")[9] for a in answers] == ["A1", "A2"]


@pytest.mark.parametrize(
    ("raw", "code", "place"),
    [
        (feed(header("")), "AR 101", "MSH^1^9^1^1"),
        (feed(header("ORU^R01")), "AR 200", "MSH^1^9^1^1"),
        (feed(header("ADT")), "AR 101", "MSH^1^9^1^2"),
        (feed(header("ADT^A99")), "AR 201", "MSH^1^9^1^2"),
        (feed(header("ADT^A04^ADT_A99", version="2.5")), "AR 200", "MSH^1^9^1^3"),
        (feed(header(control_id="", version="2.5")), "AR 101", "MSH^1^10"),
        (feed(header(control_id="x" * 200, version="2.5")), "AR 102", "MSH^1^10"),
        (feed(header(processing="", version="2.5")), "AR 101", "MSH^1^11"),
        (feed(header(processing="X", version="2.5")), "AR 202", "MSH^1^11"),
        (feed(header(version="")), "AR 101", "MSH^1^12"),
        (feed(header(version="2.7")), "AR 203", "MSH^1^12"),
    ],
)
def test_a_bad_header_is_rejected_with_its_place(raw: bytes, code: str, place: str) -> None:
    answer = House()(raw.replace(b"|2.3.1", b"|2.5"))

    error = segment(answer, "ERR").split("|")
    assert f"{segment(answer, 'MSA').split('|')[1]} {error[3].split('^')[0]}" == code
    assert error[2] == place


def test_several_faults_of_a_header_are_told_at_once() -> None:
    answer = House()(er7("MSH|^~\\&|EHR|HOSP|MPI|HIE|2026||ADT^A04||X|2.9"))

    assert [line.split("|")[2] for line in lines(answer) if line[:3] == "ERR"] == ["MSH^1^10", "MSH^1^11", "MSH^1^12"]


@pytest.mark.parametrize("version", ["2.3.1", "2.5"])
@pytest.mark.parametrize("kind", ["ADT^A04", "ADT^A04^ADT_A01", "ADT^A05^ADT_A05", "ADT^A05^ADT_A01"])
def test_both_versions_and_the_structures_of_the_profile_are_taken(kind: str, version: str) -> None:
    assert segment(House()(feed(header(kind, version=version))), "MSA") == "MSA|AA|M1"


@pytest.mark.parametrize("version", ["2.3", "2.4", "2.5.1"])
def test_versions_beside_are_taken_from_lenient_sources_only(version: str) -> None:
    raw = feed(header(version=version))

    assert segment(House()(raw), "MSA").startswith("MSA|AR|M1")
    assert segment(House(lenient="EHR/HOSP")(raw), "MSA") == "MSA|AA|M1"


def test_a_wrong_structure_is_taken_from_lenient_sources_only() -> None:
    raw = feed(header("ADT^A04^ADT_A04"))

    assert segment(House()(raw), "MSA").startswith("MSA|AR|M1")
    assert segment(House(lenient="EHR/HOSP")(raw), "MSA") == "MSA|AA|M1"


def test_a_control_id_longer_than_the_standard_has_it_is_taken_with_a_warning() -> None:
    house = House()
    uuid = "0b6f0b6f-0000-4000-8000-000000000000"

    answer = house(feed(header(control_id=uuid)))

    assert segment(answer, "MSA") == f"MSA|AA|{uuid}"
    assert [v.where for v in house.feed.exchanges[0].warnings] == ["MSH-10"]


def test_tolerated_deviations_are_logged_without_the_message() -> None:
    with capture_logs() as logged:
        House(lenient="EHR/HOSP")(feed(header(version="2.4")))

    assert [(e["condition"], e["where"], e["source"]) for e in logged] == [("VERSION_UNSUPPORTED", "MSH-12", "HOSP|EHR")]
    assert "Rivera" not in str(logged)


def test_an_error_of_the_door_is_answered_by_the_door() -> None:
    house = House()
    house.feed.failure = rejected(Condition.AUTHORITY_UNKNOWN, "PID-3[1].4", "unknown")

    answer = house(adt(version="2.5"))

    assert segment(answer, "MSA") == "MSA|AE|M1"
    assert segment(answer, "ERR").startswith("ERR||PID^1^3^1^4|204^")
    assert house.feed.refused == [house.feed.failure]


def test_a_bug_is_answered_as_an_internal_error_without_its_text_and_logged() -> None:
    house = House()
    house.feed.failure = KeyError("secret")

    with capture_logs() as logged:
        answer = house(adt(version="2.5"))

    assert segment(answer, "MSA") == "MSA|AE|M1"
    assert segment(answer, "ERR").startswith("ERR|||207^Application internal error^HL70357|E")
    assert b"secret" not in answer
    assert house.feed.refused[0].condition is Condition.INTERNAL
    assert [(e["event"], e["exc_info"], e["request_id"]) for e in logged] == [("a door failed", True, "r1")]


def test_a_door_that_cannot_refuse_is_answered_for() -> None:
    class Broken(FeedDoor):
        def refuse(self, exchange: V2Exchange, error: HieError) -> OutgoingMessage:
            raise RuntimeError("audit store is gone")

    door = Broken()
    door.failure = rejected(Condition.FIELD_MISSING, "PID-3", "x")
    dispatch = V2Dispatcher([door], clock=lambda: NOW, new_control_id=lambda: "A1")

    with capture_logs() as logged:
        answer = dispatch(adt(version="2.5"), PEER)

    assert segment(answer, "ERR").split("|")[3].startswith("207^")
    assert [e["event"] for e in logged] == ["a door could not refuse"]


def test_a_query_with_a_bad_header_gets_the_answer_of_a_query() -> None:
    answer = House()(pix().replace(b"|2.5", b"|2.9"))

    assert lines(answer)[0].split("|")[8] == "RSP^K23^RSP_K23"
    assert segment(answer, "QAK") == "QAK|TAG77|AR"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"GET / HTTP/1.1",
        b"MSH",
        b"\x00\xff" * 100,
        b"PID|||1",
        b"<soap:Envelope/>",
    ],
)
def test_what_is_no_message_is_rejected_without_a_control_id(raw: bytes) -> None:
    house = House()

    answer = house(raw)

    assert segment(answer, "MSA") == "MSA|AR"
    assert segment(answer, "ERR").startswith("ERR||MSH^1|100^")
    assert len(house.unreadable) == 1


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (er7(msh("ADT^A04", "2.5", control_id="M7"), "this is no segment"), "100"),
        (er7(msh("ADT^A04", "2.5", control_id="M7", charset="EBCDIC"), PID), "103"),
        (er7(msh("ADT^A04", "2.5", control_id="M7"), "PID|||1||M") + b"\xfc", "103"),
        (er7(msh("ADT^A04", "2.5", control_id="M7"), *["OBX|"] * 3000), "207"),
        (er7("MSH|^^^^|EHR|HOSP|MPI|HIE|2026||ADT^A04|M7|P|2.5"), "100"),
    ],
)
def test_a_message_that_cannot_be_read_is_rejected_with_its_control_id(raw: bytes, code: str) -> None:
    house = House()

    answer = house(raw)

    assert segment(answer, "MSA") == "MSA|AR|M7"
    assert segment(answer, "ERR").split("|")[3].startswith(code)
    assert house.unreadable[0][0].control_id == "M7"


def test_a_query_that_cannot_be_read_gets_the_answer_of_a_query() -> None:
    answer = House()(pix() + b"\xfc")

    assert lines(answer)[0].split("|")[8] == "RSP^K23^RSP_K23"
    assert segment(answer, "MSA") == "MSA|AR|Q1"


def test_a_query_nobody_serves_gets_the_answer_of_a_query() -> None:
    answer = House()(pix().replace(b"Q23", b"Q22"))

    assert lines(answer)[0].split("|")[8] == "RSP^K22^RSP_K21"
    assert segment(answer, "ERR").split("|")[3].startswith("201^")


def test_a_lenient_source_may_send_undeclared_latin_1() -> None:
    raw = adt(pid="PID|||1^^^HOSP||Müller").decode().encode("latin-1")

    assert segment(House()(raw), "MSA").startswith("MSA|AR")
    assert segment(House(lenient="EHR/HOSP")(raw), "MSA") == "MSA|AA|M1"


def test_a_frame_over_the_limit_is_rejected_with_its_control_id() -> None:
    house = House()

    answer = house.dispatch.too_long(adt(version="2.5")[:80], PEER)

    assert segment(answer, "MSA") == "MSA|AR|M1"
    assert b"TOO_LARGE" in answer


def test_two_doors_for_one_kind_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="ADT"):
        V2Dispatcher([FeedDoor(), FeedDoor()], clock=lambda: NOW, new_control_id=lambda: "A1")


def test_without_observers_an_unreadable_message_is_answered_all_the_same() -> None:
    dispatch = V2Dispatcher([], clock=lambda: NOW, new_control_id=lambda: "A1")

    assert segment(dispatch(b"x", Peer("", "")), "MSA") == "MSA|AR"
    assert segment(dispatch(adt(), Peer("", "")), "MSA").startswith("MSA|AR|M1")


@pytest.mark.parametrize(
    ("failure", "answered"), [(Unavailable(violation(Condition.BUSY, "", "later")), "MSA|AR|M1"), (KeyError("x"), "MSA|AE|M1")]
)
def test_a_message_is_answered_also_when_the_settings_of_its_source_cannot_be_had(failure: Exception, answered: str) -> None:
    def leniency(application: str, facility: str) -> bool:
        raise failure

    dispatch = V2Dispatcher([FeedDoor()], clock=lambda: NOW, new_control_id=lambda: "A1", leniency=leniency)

    assert segment(dispatch(adt(version="2.5"), PEER), "MSA") == answered
