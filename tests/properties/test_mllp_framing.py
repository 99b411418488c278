"""MLLP frames survive any chunking, and no stream breaks the decoder."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hl7v2.mllp import MllpDecoder, OverLimit, frame

LIMIT = 1_000_000
messages = st.lists(st.binary(max_size=60).filter(lambda m: b"\x1c\r" not in m and b"\x0bMSH" not in m), max_size=6)
wild = st.lists(st.sampled_from([b"\x0b", b"\x1c", b"\r", b"MSH", b"\x0bMSH", b"\x1c\r", b"x", b"|"]), max_size=40).map(b"".join)


def events(wire: bytes, sizes: list[int], limit: int = LIMIT) -> tuple[list[bytes | OverLimit], int]:
    decoder = MllpDecoder(limit=limit)
    found: list[bytes | OverLimit] = []
    start = turn = 0
    while start < len(wire):
        size = sizes[turn % len(sizes)]
        decoder.feed(wire[start : start + size])
        found += decoder.events()
        start, turn = start + size, turn + 1
    return found, decoder.junk


@given(sent=messages, size=st.integers(min_value=1, max_value=7))
def test_messages_survive_any_chunking(sent: list[bytes], size: int) -> None:
    wire = b"".join(map(frame, sent))
    decoder = MllpDecoder(limit=LIMIT)
    received: list[bytes] = []
    for start in range(0, len(wire), size):
        decoder.feed(wire[start : start + size])
        received += decoder.messages()

    assert received == sent


@given(wire=wild, sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5), limit=st.integers(1, 30))
def test_whatever_arrives_means_the_same_however_it_is_cut(wire: bytes, sizes: list[int], limit: int) -> None:
    whole, junk = events(wire, [len(wire) or 1], limit)

    assert events(wire, sizes, limit) == (whole, junk)


@given(wire=wild, limit=st.integers(1, 30))
def test_nothing_over_the_limit_comes_out_or_is_kept(wire: bytes, limit: int) -> None:
    decoder = MllpDecoder(limit=limit)
    for start in range(len(wire)):
        decoder.feed(wire[start : start + 1])
        assert decoder.held <= limit + 2

    assert all(len(m) <= limit for m in decoder.messages())
