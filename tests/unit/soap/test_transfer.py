"""soap.transfer"""

from __future__ import annotations

import pytest

from kernel.errors import Unreadable
from soap.transfer import decoder


class Taken:
    """A writer that keeps what it gets."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes | memoryview, /) -> None:
        self.data += data


def decoded(encoding: str, *pieces: bytes) -> bytes:
    taken = Taken()
    undo = decoder(encoding, taken)
    for piece in pieces:
        undo.write(piece)
    undo.finish()
    return taken.data


@pytest.mark.parametrize("encoding", ["binary", "8bit", "7bit"])
def test_identity_encodings_change_nothing(encoding: str) -> None:
    assert decoded(encoding, b"\0\r", b"\n=41") == b"\0\r\n=41"


def test_base64_ignores_white_space_wherever_a_piece_ends() -> None:
    assert decoded("base64", b"Q", b"UJD\r", b"\n RE", b"V\tG", b"\n") == b"ABCDEF"


def test_base64_of_nothing_is_nothing() -> None:
    assert decoded("base64", b"\r\n") == b""


@pytest.mark.parametrize("text", [b"QUJ", b"QUJ*", b"QQ==QUJD", b"QUJD====", b"Q===", b"=QUJ", b"QUJD\0", b"QU-_", b"QQ==x"])
def test_base64_that_is_not_is_refused(text: bytes) -> None:
    with pytest.raises(Unreadable):
        decoded("base64", text)


def test_base64_after_its_padding_is_refused_in_a_later_piece_too() -> None:
    with pytest.raises(Unreadable):
        decoded("base64", b"QQ==", b"QUJD")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (b"a=3Db", b"a=b"),
        (b"a=e9=E9", b"a\xe9\xe9"),
        (b"soft=\r\nbreak", b"softbreak"),
        (b"soft= \t\r\nbreak", b"softbreak"),
        (b"trailing  \t\r\nspace ", b"trailing\r\nspace"),
        (b"kept space=20\r\n", b"kept space \r\n"),
        (b"ends in a soft break=", b"ends in a soft break"),
        (b"lone \r return \r", b"lone \r return \r"),
        (b"two\r\nlines\r\n", b"two\r\nlines\r\n"),
    ],
)
def test_quoted_printable_means_the_same_in_one_piece_and_byte_by_byte(text: bytes, meant: bytes) -> None:
    single = [text[i : i + 1] for i in range(len(text))]

    assert decoded("quoted-printable", text) == meant
    assert decoded("quoted-printable", *single) == meant


@pytest.mark.parametrize("text", [b"a=zz", b"a=4", b"a=\rb", b"a= b", b"==41"])
def test_a_broken_escape_is_refused(text: bytes) -> None:
    with pytest.raises(Unreadable):
        decoded("quoted-printable", text)


def test_an_endless_run_of_white_space_is_refused_and_not_held() -> None:
    with pytest.raises(Unreadable):
        decoded("quoted-printable", *[b" " * 100] * 100)
