"""kernel.xml_stream"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import Condition, Unreadable
from kernel.xml import Element, canonical, parse_xml
from kernel.xml_stream import DivertingParser, Replacement

DOCUMENT = "{urn:x}D"


class Text:
    """A sink in memory."""

    def __init__(self, into: list[str]) -> None:
        self._into = into
        self._text = ""

    def write(self, text: str, /) -> None:
        self._text += text

    def close(self) -> Replacement:
        self._into.append(self._text)
        return Replacement("{urn:r}R", {"n": str(len(self._into))})


def parse(data: bytes, *, size: int = 7, limit: int = 100_000) -> tuple[Element, list[str]]:
    texts: list[str] = []
    parser = DivertingParser(DOCUMENT, lambda: Text(texts), limit=limit)
    for start in range(0, len(data), size):
        parser.feed(data[start : start + size])
    return parser.close(), texts


def refusal(data: bytes, limit: int = 100_000) -> Unreadable:
    with pytest.raises(Unreadable) as refused:
        parse(data, limit=limit)
    return refused.value


def around(inside: str) -> bytes:
    return f'<a xmlns="urn:a" xmlns:x="urn:x" k="v">before<x:D id="1">{inside}</x:D>after<b/></a>'.encode()


def test_text_goes_to_the_sink_and_a_replacement_stands_in_its_place() -> None:
    root, texts = parse(around("one &amp; <![CDATA[two]]>&#33;"))

    assert texts == ["one & two!"]
    assert [(e.tag, e.text, e.tail) for e in root.iter()] == [
        ("{urn:a}a", "before", None),
        ("{urn:x}D", None, "after"),
        ("{urn:r}R", None, None),
        ("{urn:a}b", None, None),
    ]


def test_what_is_not_diverted_is_the_tree_that_the_other_parser_builds() -> None:
    data = '<a xmlns="urn:a" xmlns:p="urn:p" p:k="v"> t <p:b>é&lt;</p:b><!-- no --><?no?>tail</a>'.encode()

    root, texts = parse(data)

    assert canonical(root) == canonical(parse_xml(data))
    assert root.nsmap == parse_xml(data).nsmap
    assert texts == []


def test_an_element_that_holds_an_element_stays_as_it_is() -> None:
    data = around('<i xmlns="urn:i"/>')

    root, texts = parse(data)

    assert canonical(root) == canonical(parse_xml(data))
    assert texts == []


def test_an_element_without_text_has_an_empty_one() -> None:
    _, texts = parse(around("") + b" ")

    assert texts == [""]


def test_an_element_of_the_same_name_in_another_namespace_is_not_diverted() -> None:
    _, texts = parse(b'<a xmlns="urn:a"><D>text</D></a>')

    assert texts == []


def test_an_element_inside_the_text_is_refused() -> None:
    assert "inside the text" in refusal(around("text<b/>")).detail


def test_text_does_not_count_against_the_limit_and_all_else_does() -> None:
    _, texts = parse(around("x" * 5000), limit=200)

    assert len(texts[0]) == 5000
    assert refusal(around("") + b" " * 300, limit=200).condition is Condition.TOO_LARGE


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/hostname"><a/>',
        b"<a>&nowhere;</a>",
        b"<a>",
        b"<a/><b/>",
        b"",
        b"text",
        b"<a>" * 300 + b"</a>" * 300,
        b"<a>" + b"<b/>" * 200_001 + b"</a>",
        b"<a " + b" ".join(b"k%d='v'" % n for n in range(200_001)) + b"/>",
        b"<?xml version='1.0' encoding='UTF-7'?>+ADw-a/+AD4-",
        b"<a>\xff</a>",
    ],
)
def test_what_the_other_parser_refuses_is_refused_here_too(data: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(data, size=1 << 16, limit=1 << 24)


def test_a_prefix_without_a_namespace_does_not_lend_one() -> None:
    root, texts = parse(b"<a><x:D>text</x:D></a>")

    assert [e.tag for e in root.iter()] == ["a", "D"]
    assert texts == []


def test_a_malformed_document_is_told_its_position_and_not_its_text() -> None:
    detail = refusal(b"<a>\n<b>Smith</c></a>").detail

    assert "line 2" in detail
    assert "Smith" not in detail


@given(
    text=st.text(st.characters(codec="utf-8", exclude_characters="<&\r", exclude_categories=["Cc", "Cs", "Co", "Cn"]), max_size=60),
    size=st.integers(min_value=1, max_value=50),
)
def test_any_text_in_any_chunks_arrives_whole(text: str, size: int) -> None:
    _, texts = parse(around(text), size=size)

    # white space that comes before anything else may be left out
    (found,) = texts
    assert text.endswith(found)
    assert text.removesuffix(found).strip(" \t\r\n") == ""
    assert bool(found) == bool(text.strip(" \t\r\n"))
