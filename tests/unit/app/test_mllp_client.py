"""One message over MLLP and its answer."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest
import trustme

import app.mllp_client
from app.mllp_client import MllpAddress, mllp_call
from kernel.errors import Condition, Unavailable, Unreadable
from tests.support.mllp_stub import MllpStub, framed, mllp_stub


@pytest.fixture
def stub() -> Iterator[MllpStub]:
    with mllp_stub() as running:
        running.script = lambda message: framed(b"answer to " + message)
        yield running


def address(stub: MllpStub, **more: object) -> MllpAddress:
    """Where the stub listens."""
    return MllpAddress("localhost", stub.port, **more)  # type: ignore[arg-type]


def test_a_message_goes_in_its_frame_and_the_answer_comes_out_of_its_own(stub: MllpStub) -> None:
    answer = mllp_call(address(stub), b"MSH|1\rPID|2\r")

    assert stub.received == [b"MSH|1\rPID|2\r"]
    assert answer == b"answer to MSH|1\rPID|2\r"


def test_noise_before_the_answer_is_passed_over(stub: MllpStub) -> None:
    stub.script = lambda _: b"\r\n" + framed(b"answer")

    assert mllp_call(address(stub), b"MSH") == b"answer"


@pytest.mark.parametrize("wire", [b"", b"\x0bMSH|half", b"MSH|without a frame\r"])
def test_a_connection_that_ends_without_an_answer_is_a_reason_to_try_again(stub: MllpStub, wire: bytes) -> None:
    stub.script = lambda _: wire

    with pytest.raises(Unavailable) as raised:
        mllp_call(address(stub), b"MSH")

    assert raised.value.condition is Condition.PEER_UNAVAILABLE


def test_nobody_there_is_a_reason_to_try_again() -> None:
    with mllp_stub() as gone:
        pass

    with pytest.raises(Unavailable):
        mllp_call(address(gone), b"MSH")


def test_a_silent_listener_is_left_after_the_time_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unavailable) as raised:
        mllp_call(MllpAddress("127.0.0.1", silent.getsockname()[1], timeout=0.05), b"MSH")

    assert "time limit" in raised.value.detail


def test_an_answer_over_the_limit_is_not_kept(stub: MllpStub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.mllp_client, "ANSWER_LIMIT", 100)
    stub.script = lambda _: framed(b"x" * 101)

    with pytest.raises(Unreadable) as raised:
        mllp_call(address(stub), b"MSH")

    assert raised.value.condition is Condition.TOO_LARGE


def test_only_the_given_authorities_are_trusted_and_the_own_certificate_is_shown() -> None:
    authority, another = trustme.CA(), trustme.CA()
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("localhost").configure_cert(serving)
    authority.configure_trust(serving)
    knowing, strange = (ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) for _ in range(2))
    authority.configure_trust(knowing)
    another.configure_trust(strange)
    for context in (knowing, strange):
        authority.issue_cert("client.example").configure_cert(context)

    with mllp_stub(serving) as stub:
        stub.script = framed
        answer = mllp_call(address(stub, tls=knowing), b"MSH")
        with pytest.raises(Unavailable) as refused:
            mllp_call(address(stub, tls=strange), b"MSH")

    assert answer == b"MSH"
    assert "TLS" in refused.value.detail
