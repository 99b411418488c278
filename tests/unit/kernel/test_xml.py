"""kernel.xml"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from kernel.errors import Condition, Unreadable
from kernel.xml import encoding_of, escape, parse_xml, schema_faults


@pytest.mark.parametrize(
    "text",
    [
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x"><a/>',
        b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><a>&e;</a>',
        b'<!DOCTYPE a [<!ENTITY % p "x">]><a/>',
    ],
)
def test_any_document_type_is_refused(text: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        parse_xml(text)

    assert refused.value.condition is Condition.MALFORMED
    assert "document type" in refused.value.detail


def test_what_is_not_well_formed_is_named_by_position_and_without_its_text() -> None:
    with pytest.raises(Unreadable) as refused:
        parse_xml(b"<a>\n<name>Smith</nam>")

    assert "line 2" in refused.value.detail
    assert "Smith" not in refused.value.detail


def test_too_many_elements_are_refused_before_a_tree_of_them_exists() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"<a>"
        for _ in range(1000):
            yield b"<b/>" * 1000

    with pytest.raises(Unreadable) as refused:
        parse_xml(chunks())

    assert refused.value.condition is Condition.TOO_LARGE


def test_bytes_over_the_limit_are_refused() -> None:
    with pytest.raises(Unreadable) as refused:
        parse_xml([b"<a>", b"x" * 100, b"</a>"], limit=50)

    assert refused.value.condition is Condition.TOO_LARGE


def test_depth_over_256_is_refused() -> None:
    with pytest.raises(Unreadable):
        parse_xml(b"<a>" * 300 + b"</a>" * 300)


def test_comments_and_processing_instructions_leave_no_trace() -> None:
    root = parse_xml(b"<?x y?><a><!-- c --><b/><?z?></a>")

    assert [child.tag for child in root] == ["b"]


def test_schema_faults_name_the_element_and_not_its_value(tmp_path: Path) -> None:
    (tmp_path / "s.xsd").write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="n" type="xs:int"/></xs:schema>'
    )
    schema = etree.XMLSchema(etree.parse(tmp_path / "s.xsd"))

    found = schema_faults(schema, parse_xml(b"<n>Smith</n>"))

    assert found
    assert "'n'" in found[0]
    assert "Smith" not in found[0]


def test_escaped_text_is_read_back_as_it_was() -> None:
    text = "a<b>&\"c'"

    root = parse_xml(f'<a b="{escape(text)}">{escape(text)}</a>'.encode())

    assert (root.text, root.get("b")) == (text, text)


@pytest.mark.parametrize(
    "data",
    [
        b"<?xml version='1.0' encoding='UTF-7'?>+ADw-a/+AD4-",
        "<?xml version='1.0' encoding='cp037'?><a/>".encode("cp037"),
        b"<?xml version='1.0' encoding='cp037'?><a/>",
        b"<?xml version='1.0' encoding='ISO-2022-JP'?><a/>",
        "<?xml version='1.0' encoding='UTF-32'?><a/>".encode("utf-32"),
        "<?xml version='1.0' encoding='UTF-32'?><a/>".encode("utf-32-be"),
        "<?xml version='1.0' encoding='UTF-7'?><a/>".encode("utf-16"),
        b"+ADw-a/+AD4-",
        b"just text",
    ],
)
def test_an_encoding_that_hides_markup_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        parse_xml(data)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"<a/>", "utf-8"),
        (b" <a/>", "utf-8"),
        (b"\xef\xbb\xbf<a/>", "utf-8"),
        (b"<?xml version='1.0'?><a/>", "utf-8"),
        (b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>", "iso-8859-1"),
        ("<?xml version='1.0' encoding='UTF-16'?><a/>".encode("utf-16"), "utf-16"),
    ],
)
def test_the_usual_encodings_are_read(data: bytes, encoding: str) -> None:
    assert encoding_of(data) == encoding
    assert parse_xml(data).tag == "a"


def test_the_encoding_is_seen_though_the_first_chunks_are_small() -> None:
    data = b"<?xml version='1.0' encoding='UTF-7'?>+ADw-a/+AD4-"

    with pytest.raises(Unreadable) as refused:
        parse_xml(data[i : i + 1] for i in range(len(data)))

    assert refused.value.condition is Condition.CHARSET_UNSUPPORTED


def test_schema_faults_hide_the_values_of_keys(tmp_path: Path) -> None:
    (tmp_path / "s.xsd").write_text(
        """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
        <xs:element name="a"><xs:complexType><xs:sequence>
        <xs:element name="b" type="xs:string" maxOccurs="9"/></xs:sequence></xs:complexType>
        <xs:unique name="u"><xs:selector xpath="b"/><xs:field xpath="."/></xs:unique></xs:element></xs:schema>"""
    )
    schema = etree.XMLSchema(etree.parse(tmp_path / "s.xsd"))

    (found,) = schema_faults(schema, parse_xml(b"<a><b>Smith</b><b>Smith</b></a>"))

    assert "Smith" not in found
