"""hl7v2.charsets"""

from __future__ import annotations

import pytest

from hl7v2.charsets import Charset, decode, for_answer
from kernel.errors import Condition, Unreadable


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("8859/1", "latin-1"),
        ("8859/2", "iso8859-2"),
        ("8859/5", "iso8859-5"),
        ("8859/9", "iso8859-9"),
        ("8859/15", "iso8859-15"),
        ("UNICODE UTF-8", "utf-8"),
        ("unicode utf-8", "utf-8"),
    ],
)
def test_a_declared_character_set_is_read(declared: str, codec: str) -> None:
    word = "ÄÖ" if codec != "iso8859-5" else "Иван"

    text, charset = decode(word.encode(codec), declared, lenient=False)

    assert text == word
    assert charset.declared == declared


def test_undeclared_bytes_are_utf_8() -> None:
    assert decode("Müller".encode(), "", lenient=False) == ("Müller", Charset("", "utf-8"))


@pytest.mark.parametrize("declared", ["", "ASCII", "UNICODE UTF-8", "8859/3"])
def test_bytes_outside_the_character_set_are_refused(declared: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        decode(b"M\xa5\xfcller", declared, lenient=False)

    assert refusal.value.condition is Condition.CHARSET_UNSUPPORTED
    assert refusal.value.violations[0].where == "MSH-18"


def test_a_refusal_does_not_quote_the_bytes() -> None:
    with pytest.raises(Unreadable) as refusal:
        decode("Müller".encode("latin-1"), "", lenient=False)

    assert "ller" not in refusal.value.detail


@pytest.mark.parametrize("declared", ["", "ASCII"])
def test_a_lenient_source_may_send_undeclared_latin_1(declared: str) -> None:
    text, charset = decode("Müller".encode("latin-1"), declared, lenient=True)

    assert text == "Müller"
    assert charset == Charset("8859/1", "latin-1")


def test_leniency_does_not_reach_a_declared_character_set() -> None:
    with pytest.raises(Unreadable):
        decode("Müller".encode("latin-1"), "UNICODE UTF-8", lenient=True)


@pytest.mark.parametrize("declared", ["8859/12", "8859/16", "EBCDIC", "UNICODE UTF-16"])
def test_an_unknown_character_set_is_refused(declared: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        decode(b"MSH", declared, lenient=True)

    assert refusal.value.condition is Condition.CHARSET_UNSUPPORTED


@pytest.mark.parametrize(
    ("text", "asked", "answered"),
    [
        ("Muller", Charset("", "utf-8"), Charset("", "utf-8")),
        ("Müller", Charset("", "utf-8"), Charset("UNICODE UTF-8", "utf-8")),
        ("Müller", Charset("8859/1", "iso8859-1"), Charset("8859/1", "iso8859-1")),
        ("Łódź", Charset("8859/1", "iso8859-1"), Charset("UNICODE UTF-8", "utf-8")),
        ("Müller", Charset("ASCII", "ascii"), Charset("UNICODE UTF-8", "utf-8")),
        ("Muller", Charset("UNICODE UTF-8", "utf-8"), Charset("UNICODE UTF-8", "utf-8")),
    ],
)
def test_an_answer_is_in_the_character_set_of_the_request_where_that_can_hold_it(
    text: str, asked: Charset, answered: Charset
) -> None:
    assert for_answer(text, asked) == answered
