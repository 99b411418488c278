"""app.socket_files"""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from app.socket_files import SocketReader, SocketWriter, socket_file

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    with ours, theirs:
        yield ours, theirs


def test_what_was_received_with_a_line_is_known_without_asking_the_kernel(pair: Pair) -> None:
    ours, theirs = pair
    reader = SocketReader(ours)
    theirs.sendall(b"one\ntwo\n")

    assert reader.has_data() is False
    assert reader.readline() == b"one\n"
    assert reader.has_data() is True
    assert reader.readline() == b"two\n"
    assert reader.has_data() is False


def test_after_looking_it_waits_for_the_other_side_as_before(pair: Pair) -> None:
    ours, theirs = pair
    reader = SocketReader(ours)

    assert reader.has_data() is False
    theirs.sendall(b"three\n")
    assert reader.readline() == b"three\n"
    theirs.close()
    assert reader.read() == b""


def test_what_is_written_is_sent_at_once(pair: Pair) -> None:
    ours, theirs = pair

    assert SocketWriter(ours).write(b"answer") == 6

    assert theirs.recv(100) == b"answer"


def test_a_file_is_for_one_direction(pair: Pair) -> None:
    assert isinstance(socket_file(pair[0], "rb"), SocketReader)
    assert isinstance(socket_file(pair[0], "wb"), SocketWriter)
