"""Syslog headers and frames, right ones and those of real senders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from atna.syslog import Flaw, Frame, Sender, SyslogDecoder, encode, frame, parse

US = Sender("mpi-host", "mpi", "4711")
WHEN = datetime(2026, 11, 22, 10, 20, 1, 125000, UTC)
XML = "<AuditMessage a='ü'>text</AuditMessage>".encode()


def a_message(body: bytes = XML) -> bytes:
    return encode(body, US, WHEN)


def decoded(wire: bytes, *, limit: int = 100_000, is_ended: bool = False) -> list[Frame]:
    decoder = SyslogDecoder(limit=limit)
    decoder.feed(wire)
    return decoder.close() if is_ended else decoder.messages()


def flaws_of(frames: list[Frame]) -> list[tuple[Flaw, ...]]:
    return [f.flaws for f in frames]


def test_a_message_has_the_header_ihe_asks_for() -> None:
    assert a_message(b"x") == b"<85>1 2026-11-22T10:20:01.125Z mpi-host mpi 4711 IHE+RFC-3881 - x"


def test_the_time_of_a_message_is_written_in_utc() -> None:
    here = WHEN.astimezone(timezone(timedelta(hours=-5)))

    assert encode(b"x", US, here) == a_message(b"x")


@pytest.mark.parametrize(("name", "token"), [("", b"-"), ("a b", b"a_b"), ("ü\n", b"__"), ("x" * 49, b"x" * 48), ("#n=1", b"#n=1")])
def test_what_a_header_may_not_hold_is_replaced(name: str, token: bytes) -> None:
    message = encode(b"x", Sender("h", name, "1"), WHEN)

    assert message.split(b" ")[3] == token


def test_a_frame_counts_octets() -> None:
    assert frame("ü".encode()) == b"2 \xc3\xbc"


def test_a_message_is_taken_apart() -> None:
    data = b'<84>1 2026-11-22T10:20:01Z host app 12 ID [a@1 k="v \\] \\" w"][b x="y"] body \n of two lines'

    message = parse(data)

    assert (message.priority, message.timestamp, message.hostname, message.app_name) == (84, "2026-11-22T10:20:01Z", "host", "app")
    assert (message.process_id, message.message_id) == ("12", "ID")
    assert message.structured_data == '[a@1 k="v \\] \\" w"][b x="y"]'
    assert message.body == b"body \n of two lines"
    assert message.flaws == ()


def test_missing_fields_are_empty() -> None:
    message = parse(b"<85>1 - - - - - -")

    assert (message.body, message.hostname, message.message_id, message.structured_data) == (b"", "", "", "")


@pytest.mark.parametrize("message_id", [b"IHE+RFC-3881", b"DICOM+RFC3881", b"-", b"anything"])
def test_any_message_id_is_taken(message_id: bytes) -> None:
    message = parse(b"<85>1 - h a p " + message_id + b" - " + XML)

    assert (message.body, message.flaws) == (XML, ())


def test_a_byte_order_mark_is_taken_and_told() -> None:
    message = parse(a_message(b"\xef\xbb\xbf" + XML))

    assert (message.body, message.flaws) == (XML, (Flaw.BYTE_ORDER_MARK,))


@pytest.mark.parametrize(
    ("data", "host", "app", "process"),
    [
        (b"<85>Nov  2 10:20:01 host app[77]: body", "host", "app", "77"),
        (b"<85>Nov 22 10:20:01 host app: body", "host", "app", ""),
        (b"<85>2026-11-22T10:20:01.1+01:00 host app body", "host", "app", ""),
    ],
)
def test_the_header_of_rfc_3164_is_taken_and_told(data: bytes, host: str, app: str, process: str) -> None:
    message = parse(data)

    assert (message.hostname, message.app_name, message.process_id) == (host, app, process)
    assert (message.body, message.flaws) == (b"body", (Flaw.HEADER_OBSOLETE,))


@pytest.mark.parametrize(
    ("data", "body", "priority"), [(XML, XML, None), (b"<13>hello", b"hello", 13), (b"", b"", None), (b"<85>1 x", b"x", 85)]
)
def test_without_a_header_all_is_body(data: bytes, body: bytes, priority: int | None) -> None:
    message = parse(data)

    assert (message.body, message.priority, message.flaws) == (body, priority, (Flaw.HEADER_MISSING,))


def test_flaws_of_the_frame_are_kept() -> None:
    assert parse(a_message(), (Flaw.CUT_OFF,)).flaws == (Flaw.CUT_OFF,)


def test_an_unfinished_structured_element_costs_no_time() -> None:
    data = b"<85>1 - - - - - [" + b'a k="' + b"\\" * 50_000

    assert parse(data).flaws == (Flaw.HEADER_MISSING,)


def test_counted_frames_are_told_apart() -> None:
    first, second = a_message(), a_message(b"plain text\n<85>1 - - - - - - not a header")

    assert decoded(frame(first) + frame(second)) == [Frame(first), Frame(second)]


def test_an_unfinished_frame_waits() -> None:
    wire = frame(a_message())
    decoder = SyslogDecoder(limit=1000)

    decoder.feed(wire[:-1])
    before = decoder.messages()
    decoder.feed(wire[-1:])

    assert (before, decoder.messages()) == ([], [Frame(a_message())])


def test_line_feeds_and_nulls_between_frames_are_passed_over() -> None:
    assert decoded(b"\r\n" + frame(a_message()) + b"\n\0 \n" + frame(a_message())) == [Frame(a_message())] * 2


def test_a_length_in_characters_is_corrected_and_the_next_frame_is_whole() -> None:
    message = a_message("<AuditMessage>Zoë Müller</AuditMessage>".encode())
    wire = b"%d %s" % (len(message.decode()), message)

    frames = decoded(wire + frame(a_message()) + wire)

    assert [f.data for f in frames] == [message, a_message(), message]
    assert flaws_of(frames) == [(Flaw.LENGTH_TOO_SMALL,), (), (Flaw.LENGTH_TOO_SMALL,)]


@pytest.mark.parametrize("length", [1, 2, 4, 5, 6, 7, 40, 55, 65, 70, 80, 102, 103, 105, 110, 116, 117, 130, 135])
@pytest.mark.parametrize("size", [1, 13, 10_000])
def test_a_length_that_ends_anywhere_costs_no_audit_message(length: int, size: int) -> None:
    message = a_message(b'<?xml version="1.0" encoding="UTF-8"?>\n<AuditMessage>text</AuditMessage>')
    wire = b"%d %s" % (length, message) + frame(a_message())
    decoder = SyslogDecoder(limit=10_000)
    frames = []

    for start in range(0, len(wire), size):
        decoder.feed(wire[start : start + size])
        frames += decoder.messages()

    assert [f.data for f in frames] == [message, a_message()]
    assert flaws_of(frames) == [(Flaw.LENGTH_TOO_SMALL,), ()]


@pytest.mark.parametrize("length", range(65, 82))
def test_a_length_that_ends_within_the_root_costs_no_audit_message(length: int) -> None:
    message = a_message()

    frames = decoded(b"%d %s" % (length, message) + frame(message))

    assert [f.data for f in frames] == [message, message]


@pytest.mark.parametrize("excess", [1, 2, 3, 9, 30])
def test_a_length_that_reaches_into_the_next_frame_is_corrected(excess: int) -> None:
    message = a_message()
    wire = b"%d %s" % (len(message) + excess, message)

    frames = decoded(wire + frame(a_message()))

    assert [f.data for f in frames] == [message, message]
    assert flaws_of(frames) == [(Flaw.LENGTH_TOO_LARGE,), ()]


def test_a_length_too_large_at_the_end_of_the_connection_is_corrected() -> None:
    message = a_message()

    frames = decoded(b"%d %s" % (len(message) + 5, message), is_ended=True)

    assert frames == [Frame(message, (Flaw.LENGTH_TOO_LARGE,))]


def test_a_comment_after_the_xml_belongs_to_the_message() -> None:
    message = a_message(XML + b"<!-- end -->")

    assert decoded(frame(message)) == [Frame(message)]


def test_xml_cut_by_the_sender_does_not_swallow_the_next_frame() -> None:
    cut = a_message(XML[:-10])

    frames = decoded(frame(cut) + frame(a_message()))

    assert frames == [Frame(cut, (Flaw.INCOMPLETE,)), Frame(a_message())]


def test_xml_cut_by_the_sender_is_given_when_the_connection_ends() -> None:
    cut = a_message(XML[:-10])

    assert decoded(frame(cut)) == []
    assert decoded(frame(cut), is_ended=True) == [Frame(cut, (Flaw.INCOMPLETE,))]


@pytest.mark.parametrize("body", [XML, b"plain text"])
def test_a_connection_that_ends_within_a_message_leaves_what_came(body: bytes) -> None:
    message = a_message(body)
    wire = frame(message)[:-4]

    assert decoded(wire, is_ended=True) == [Frame(message[:-4], (Flaw.CUT_OFF,))]


@pytest.mark.parametrize("length", [b"0", b"00042", b"-5", b"+7", b"12345678901234567890", b"0x10", b"1e3"])
def test_a_length_that_is_none_costs_no_message(length: bytes) -> None:
    message = a_message(b"<AuditMessage>" + b"x" * 200 + b"</AuditMessage>")

    frames = decoded(length + b" " + message + b"\n" + frame(a_message()))

    assert frames[-1] == Frame(a_message())
    assert b"".join(f.data for f in frames[:-1]).endswith(message)


def test_leading_zeros_of_a_right_length_are_told() -> None:
    assert decoded(b"00%d %s" % (len(a_message()), a_message())) == [Frame(a_message(), (Flaw.LENGTH_MALFORMED,))]


def test_frames_that_end_with_a_line_feed_are_taken() -> None:
    message = a_message()

    frames = decoded(message + b"\n" + b"<85>1 - h a p m - plain\n" + message + b"\0")

    assert [f.data for f in frames] == [message, b"<85>1 - h a p m - plain", message]
    assert flaws_of(frames) == [(Flaw.NOT_COUNTED,)] * 3


def test_xml_of_several_lines_is_one_message_without_a_length_too() -> None:
    message = a_message(b'<?xml version="1.0"?>\n<AuditMessage>\n <x/>\n</AuditMessage>')

    frames = decoded(message + b"\n" + message + b"\n")

    assert [f.data for f in frames] == [message, message]


def test_xml_without_an_end_stops_where_the_next_message_begins() -> None:
    cut = a_message(b"<AuditMessage>\n<x>")

    frames = decoded(cut + b"\n" + a_message() + b"\n")

    assert [f.data.strip() for f in frames] == [cut, a_message()]
    assert flaws_of(frames) == [(Flaw.NOT_COUNTED, Flaw.INCOMPLETE), (Flaw.NOT_COUNTED,)]


def test_a_line_that_has_not_ended_is_given_when_the_connection_ends() -> None:
    assert decoded(b"<85>1 - h a p m - plain") == []
    assert decoded(b"<85>1 - h a p m - plain", is_ended=True) == [Frame(b"<85>1 - h a p m - plain", (Flaw.NOT_COUNTED,))]


def test_a_message_without_header_is_taken() -> None:
    assert decoded(XML + frame(a_message())) == [Frame(XML, (Flaw.NOT_COUNTED,)), Frame(a_message())]


def test_garbage_before_a_frame_is_given_and_the_frame_is_whole() -> None:
    assert decoded(b"garbage " + frame(a_message())) == [Frame(b"garbage "), Frame(a_message())]


def test_of_a_frame_over_the_limit_the_head_is_kept_and_the_next_is_whole() -> None:
    long = a_message(b"x" * 5000)

    frames = decoded(frame(long) + frame(a_message()), limit=300)

    assert frames == [Frame(long[:300], (Flaw.TRUNCATED,)), Frame(a_message())]


def test_of_a_line_over_the_limit_the_head_is_kept_and_the_next_is_whole() -> None:
    long = b"<85>1 - - - - - - " + b"x" * 5000

    frames = decoded(long + b"\n" + frame(a_message()), limit=300)

    assert [f.data for f in frames] == [long[:300], a_message()]
    assert Flaw.TRUNCATED in frames[0].flaws


def test_a_stream_without_end_is_held_within_bounds() -> None:
    decoder = SyslogDecoder(limit=1000)
    given = 0

    for _ in range(1000):
        decoder.feed(b"x" * 1000)
        given += sum(len(f.data) for f in decoder.messages())

    assert len(decoder._buffer) <= 2000
    assert given <= 2000


def test_a_megabyte_byte_by_byte_without_an_end_costs_no_time() -> None:
    decoder = SyslogDecoder(limit=1 << 20)
    decoder.feed(b"<85>1 - - - - - - <?xml <AuditMessage ")

    for _ in range(200_000):
        decoder.feed(b"<")
        assert decoder.messages() == []


def test_nothing_at_all_is_no_message() -> None:
    assert decoded(b"", is_ended=True) == []
    assert decoded(b" \n\0", is_ended=True) == []
