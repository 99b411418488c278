"""app.request_body"""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.request_body import ChunkedBody, KnownLengthBody
from kernel.errors import Unreadable
from tests.support.raw import chunked


class Counting(io.BytesIO):
    """Remembers the most that was asked for at once."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Bytes."""
        assert size is not None
        self.most = max(self.most, size)
        return super().read(size)


def test_a_body_of_known_length_ends_where_it_says() -> None:
    stream = io.BytesIO(b"hello world")
    body = KnownLengthBody(stream, 5)

    assert (body.read(3), body.is_at_end) == (b"hel", False)
    assert (body.read(), body.is_at_end) == (b"lo", True)
    assert (body.read(10), stream.read()) == (b"", b" world")


def test_a_body_that_is_cut_never_ends() -> None:
    body = KnownLengthBody(io.BytesIO(b"hel"), 5)

    assert (body.read(), body.read(), body.is_at_end) == (b"hel", b"", False)


def test_no_body_is_at_its_end_from_the_start() -> None:
    assert KnownLengthBody(io.BytesIO(b"GET"), 0).is_at_end


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=300), max_size=10),
    sizes=st.lists(st.integers(min_value=1, max_value=500), min_size=1, max_size=5),
)
def test_chunks_are_read_whole_whatever_is_asked_for_at_a_time(pieces: list[bytes], sizes: list[int]) -> None:
    stream = io.BytesIO(chunked(*pieces) + b"the next request")
    body, read, turn = ChunkedBody(stream), b"", 0
    while piece := body.read(sizes[turn % len(sizes)]):
        assert len(piece) <= sizes[turn % len(sizes)]
        read, turn = read + piece, turn + 1

    assert read == b"".join(pieces)
    assert (body.is_at_end, stream.read()) == (True, b"the next request")


def test_extensions_and_trailers_are_passed_over() -> None:
    body = ChunkedBody(io.BytesIO(b'5;name="x"\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n'))

    assert (body.read(), body.is_at_end) == (b"hello", True)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"zz\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"1_0\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"4\r\nhello\r\n0\r\n\r\n",
        b"6\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhel",
        b"5\r\nhello\r\n",
        b"5\r\nhello\r\n0\r\n",
        b"5\r\nhello\r\n0\r\nX: 1\r\n",
        b"5" + b";x" * 1000 + b"\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0\r\n" + b"X: 1\r\n" * 100 + b"\r\n",
        b"fffffffffffffffff\r\nhello",
    ],
)
def test_what_is_no_chunk_is_refused_and_nothing_follows_on_the_connection(data: bytes) -> None:
    body = ChunkedBody(io.BytesIO(data))

    with pytest.raises(Unreadable):
        body.read()

    assert (body.read(5), body.is_at_end) == (b"", False)


def test_a_large_chunk_is_not_held_whole() -> None:
    stream = Counting(chunked(bytes(1 << 20)))
    body = ChunkedBody(stream)

    assert sum(len(piece) for piece in iter(lambda: body.read(64 << 10), b"")) == 1 << 20
    assert stream.most <= 64 << 10


def test_lines_are_read_one_by_one() -> None:
    body = ChunkedBody(io.BytesIO(chunked(b"one\ntw", b"o\nthree")))

    assert (body.readline(), body.readline(2), body.readlines()) == (b"one\n", b"tw", [b"o\n", b"three"])
