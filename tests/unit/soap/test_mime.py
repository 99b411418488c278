"""soap.mime"""

from __future__ import annotations

import pytest

from kernel.errors import Unreadable
from soap.mime import content_id, parse_content_type, parse_part_headers


def test_a_content_type_gives_its_media_type_in_lower_case_and_its_parameters() -> None:
    kind = parse_content_type('Multipart/Related; Boundary="a b"; type="application/xop+xml";start=<r@x>; charset=UTF-8 ;')

    assert kind.media_type == "multipart/related"
    assert dict(kind.parameters) == {
        "boundary": "a b",
        "type": "application/xop+xml",
        "start": "<r@x>",
        "charset": "UTF-8",
    }
    assert kind.charset == "utf-8"


def test_a_quoted_parameter_may_hold_escaped_quotes_and_semicolons() -> None:
    kind = parse_content_type(r'a/b; x="one;\"two\"\\"')

    assert kind.parameters["x"] == r'one;"two"\ '.strip()


@pytest.mark.parametrize(
    "text", ["", "nonsense", "/", "a/b; x", "a/b; x=", 'a/b; x="', "a/b c", "a/b; x=1; X=2", "a/b; x=1 2", "a/b;=x"]
)
def test_a_malformed_content_type_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_content_type(text)


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("<a@b>", "a@b"),
        (" a@b ", "a@b"),
        ("<urn:uuid:11111111-2222-4333-8444-555555555555>", "urn:uuid:11111111-2222-4333-8444-555555555555"),
        ("", ""),
        ("<>", ""),
    ],
)
def test_a_content_id_loses_its_brackets(text: str, bare: str) -> None:
    assert content_id(text) == bare


@pytest.mark.parametrize("text", ["<a b>", "a\0b", "<caf\xe9>", "x" * 999])
def test_a_content_id_with_spaces_control_characters_or_of_endless_length_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        content_id(text)


def test_part_headers_may_be_folded_and_in_any_case() -> None:
    headers = parse_part_headers(b"content-TYPE: text/xml;\r\n charset=utf-8\r\nContent-Id:\t<a@b>\r\nX-Other: 1\r\nX-Other: 2")

    assert headers.content_type == "text/xml; charset=utf-8"
    assert headers.content_id == "a@b"
    assert headers.transfer_encoding == "binary"
    assert not headers.inline


def test_no_headers_at_all_are_headers() -> None:
    assert parse_part_headers(b"").content_id == ""


@pytest.mark.parametrize(
    "block",
    [
        b"Content-ID <a@b>",
        b": no name",
        b"Bad Name: x",
        b"Content-ID: <a@b>\r\nContent-Id: <c@d>",
        b"Content-Type: a/b\nContent-ID: <a@b>",
        b"Content-Type: a/\0b",
        b"Content-Transfer-Encoding: x-uuencode",
    ],
)
def test_malformed_or_repeated_part_headers_are_refused(block: bytes) -> None:
    with pytest.raises(Unreadable):
        parse_part_headers(block)


def test_an_unknown_transfer_encoding_is_answered_with_those_that_are_served() -> None:
    with pytest.raises(Unreadable) as refused:
        parse_part_headers(b"Content-Transfer-Encoding: gzip")

    assert "quoted-printable" in refused.value.detail
