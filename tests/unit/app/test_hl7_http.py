"""HL7 v2 by HTTP POST."""

from __future__ import annotations

import io
from typing import Any

import pytest

from app.gateway import PEER
from app.hl7_http import TYPES, Hl7OverHttp
from hl7v2.mllp import frame
from kernel.errors import Condition, Unreadable
from kernel.peer import Peer

MESSAGE = b"MSH|^~\\&|OpenMRS|CLINIC|MPI|HIE|20261122||ADT^A04|1|P|2.3.1\rPID|||1\r"
LIMIT = 200
ER7 = "application/hl7-v2+er7"


class Door:
    """The application before a dispatch that answers with what it was sent."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.app = Hl7OverHttp(self._answer, lambda _head, _: b"MSH|^~\\&|||||||ACK|1|P|2.5\rMSA|AR|too long\r", limit=LIMIT)

    def _answer(self, message: bytes, _peer: Peer) -> bytes:
        self.heard.append(message)
        return message

    def post(self, body: bytes, kind: str = ER7, **more: object) -> tuple[str, dict[str, str], bytes]:
        told: list[Any] = []
        environ = {
            "PATH_INFO": "/hl7",
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": kind,
            "wsgi.input": io.BytesIO(body),
            PEER: Peer("127.0.0.1", "http://here/hl7"),
            **more,
        }
        answer = b"".join(self.app(environ, lambda status, headers: told.extend((status, dict(headers)))))
        return told[0], told[1], answer


@pytest.mark.parametrize("kind", [*TYPES, "application/hl7-v2+er7; charset=UTF-8"])
def test_a_message_is_answered_in_the_type_it_came_in(kind: str) -> None:
    status, headers, answer = Door().post(MESSAGE, kind)

    assert (status, answer) == ("200 OK", MESSAGE)
    assert headers["Content-Type"] == f"{kind.partition(';')[0]}; charset=utf-8"


def test_a_message_in_its_frame_is_answered_in_a_frame() -> None:
    door = Door()

    _, _, answer = door.post(frame(MESSAGE))

    assert door.heard == [MESSAGE]
    assert answer == frame(MESSAGE)


@pytest.mark.parametrize("body", [b"\x0b" + MESSAGE, frame(MESSAGE) * 2, frame(MESSAGE) + b"\x0bMSH"])
def test_half_a_frame_and_several_are_no_message(body: bytes) -> None:
    with pytest.raises(Unreadable):
        Door().post(body)


@pytest.mark.parametrize("body", [MESSAGE + b"x" * LIMIT, frame(MESSAGE + b"x" * LIMIT)])
def test_one_that_is_too_long_is_told_so_in_its_own_language(body: bytes) -> None:
    door = Door()

    status, _, answer = door.post(body)

    assert (status, door.heard) == ("200 OK", [])
    assert b"MSA|AR|too long" in answer


def test_one_that_does_not_end_is_not_read_to_its_end() -> None:
    with pytest.raises(Unreadable) as raised:
        Door().post(b"x" * 1_000_000)

    assert raised.value.condition is Condition.TOO_LARGE


def test_the_charset_of_http_is_believed_where_the_message_says_none() -> None:
    door = Door()
    latin = MESSAGE.replace(b"|||1", "|||Müller".encode("latin-1"))
    declared = latin.replace(b"|P|2.3.1", b"|P|2.3.1||||||8859/1")

    door.post(latin, f"{ER7}; charset=ISO-8859-1")
    door.post(declared, f"{ER7}; charset=UTF-8")

    assert "Müller".encode() in door.heard[0]
    assert door.heard[1] == declared


@pytest.mark.parametrize("charset", ["no-such-thing", "utf-8"])
def test_a_body_that_is_not_in_its_charset_is_refused(charset: str) -> None:
    with pytest.raises(Unreadable):
        Door().post(MESSAGE.replace(b"|||1", b"|||M\xfcller"), f"{ER7}; charset={charset}")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"REQUEST_METHOD": "GET"}, "405 Method Not Allowed"),
        ({"PATH_INFO": "/hl7/other"}, "404 Not Found"),
        ({"CONTENT_TYPE": "application/json"}, "415 Unsupported Media Type"),
        ({"HTTP_CONTENT_ENCODING": "gzip"}, "415 Unsupported Media Type"),
    ],
)
def test_what_is_no_message_is_refused_by_http(change: dict[str, object], status: str) -> None:
    door = Door()

    assert door.post(MESSAGE, **change)[0] == status
    assert door.heard == []
