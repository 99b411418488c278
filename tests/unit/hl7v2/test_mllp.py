"""hl7v2.mllp"""

from __future__ import annotations

from hl7v2.mllp import MllpDecoder, OverLimit, frame


def test_a_message_is_framed_by_0b_and_1c_0d() -> None:
    assert frame(b"MSH|x") == b"\x0bMSH|x\x1c\x0d"


def test_several_messages_in_one_read_come_in_order() -> None:
    decoder = MllpDecoder(limit=100)

    decoder.feed(frame(b"one") + frame(b"two") + frame(b""))

    assert decoder.messages() == [b"one", b"two", b""]
    assert decoder.messages() == []


def test_bytes_between_frames_are_skipped_and_counted() -> None:
    decoder = MllpDecoder(limit=100)

    decoder.feed(b"GET / HTTP/1.1\r\n" + frame(b"one") + b"\r\n" + frame(b"two") + b"tail")

    assert decoder.messages() == [b"one", b"two"]
    assert decoder.junk == 16 + 2 + 4


def test_a_lone_1c_is_part_of_the_message() -> None:
    decoder = MllpDecoder(limit=100)

    decoder.feed(b"\x0ba\x1cb\x1c\x1c\r")

    assert decoder.messages() == [b"a\x1cb\x1c"]


def test_a_message_of_exactly_the_limit_is_taken() -> None:
    decoder = MllpDecoder(limit=4)

    decoder.feed(frame(b"1234"))

    assert decoder.messages() == [b"1234"]


def test_a_frame_over_the_limit_is_told_of_with_its_beginning_and_the_next_one_is_read() -> None:
    decoder = MllpDecoder(limit=4)

    decoder.feed(frame(b"12345") + frame(b"ok"))

    assert decoder.events() == [OverLimit(b"1234"), b"ok"]


def test_messages_leaves_out_what_was_over_the_limit() -> None:
    decoder = MllpDecoder(limit=4)

    decoder.feed(frame(b"12345") + frame(b"ok"))

    assert decoder.messages() == [b"ok"]


def test_a_frame_that_never_ends_is_not_kept_beyond_the_limit() -> None:
    decoder = MllpDecoder(limit=1000)

    decoder.feed(b"\x0b")
    for _ in range(1000):
        decoder.feed(b"x" * 1000)

    assert decoder.held < 3000


def test_a_start_byte_before_msh_within_a_frame_begins_the_message_anew() -> None:
    decoder = MllpDecoder(limit=100)

    decoder.feed(b"\x0bMSH|half" + frame(b"MSH|whole"))

    assert decoder.messages() == [b"MSH|whole"]
    assert decoder.junk == len("MSH|half")


def test_a_vertical_tab_within_text_is_data() -> None:
    decoder = MllpDecoder(limit=100)

    decoder.feed(frame(b"MSH|a\x0bb"))

    assert decoder.messages() == [b"MSH|a\x0bb"]


def test_it_knows_whether_a_frame_is_open() -> None:
    decoder = MllpDecoder(limit=100)

    before = decoder.is_within_frame
    decoder.feed(b"\x0bMSH")
    within = decoder.is_within_frame
    decoder.feed(b"\x1c\r")

    assert (before, within, decoder.is_within_frame) == (False, True, False)
