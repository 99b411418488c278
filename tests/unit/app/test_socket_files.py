"""app.socket_files"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from app.socket_files import OtherSide, SocketReader, SocketWriter

Pair = tuple[socket.socket, socket.socket]
LIMIT = 5.0


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_what_was_received_with_a_line_is_known_without_asking_the_kernel(pair: Pair) -> None:
    ours, theirs = pair
    reader = SocketReader(OtherSide(ours, LIMIT))
    theirs.sendall(b"one\ntwo\n")

    assert reader.has_data() is False
    assert reader.readline() == b"one\n"
    assert reader.has_data() is True
    assert reader.readline() == b"two\n"
    assert reader.has_data() is False


def test_after_looking_it_waits_for_the_other_side_as_before(pair: Pair) -> None:
    ours, theirs = pair
    reader = SocketReader(OtherSide(ours, LIMIT))

    assert reader.has_data() is False
    theirs.sendall(b"three\n")
    assert reader.readline() == b"three\n"
    theirs.close()
    assert reader.read() == b""


def test_what_is_written_is_sent_at_once(pair: Pair) -> None:
    ours, theirs = pair

    assert SocketWriter(OtherSide(ours, LIMIT)).write(b"answer") == 6

    assert theirs.recv(100) == b"answer"


def test_a_file_is_for_one_direction(pair: Pair) -> None:
    side = OtherSide(pair[0], LIMIT)

    assert isinstance(side.file(pair[0], "rb"), SocketReader)
    assert isinstance(side.file(pair[0], "wb"), SocketWriter)


def test_what_the_other_side_does_not_take_at_once_is_sent_when_it_does(pair: Pair) -> None:
    ours, theirs = pair
    waited = threading.Event()
    writer = SocketWriter(OtherSide(ours, LIMIT, waited.set))
    sending = threading.Thread(target=writer.write, args=(b"x" * (8 << 20),))

    sending.start()
    assert waited.wait(LIMIT)
    received = 0
    while received < 8 << 20:
        received += len(theirs.recv(1 << 20))
    sending.join(LIMIT)

    assert received == 8 << 20


def test_who_is_silent_for_too_long_is_not_waited_for(pair: Pair) -> None:
    with pytest.raises(TimeoutError):
        SocketReader(OtherSide(pair[0], 0.01)).readline()


def test_what_is_there_already_is_read_without_telling_that_it_waits(pair: Pair) -> None:
    waited = threading.Event()
    reader = SocketReader(OtherSide(pair[0], LIMIT, waited.set))
    pair[1].sendall(b"there\n")

    assert reader.readline() == b"there\n"
    assert not waited.is_set()
