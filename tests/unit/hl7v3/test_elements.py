"""hl7v3.elements"""

from __future__ import annotations

from hl7v3.elements import child, children, echo, fit, local_name, tag, text_of, texts, value_of
from kernel.xml import parse_xml

BODY = parse_xml(b'<a xmlns="urn:hl7-org:v3"><b x=" 1 "/><b><c> text <d>inside</d></c></b><e nullFlavor="NA" x="2"/> tail</a>')


def test_elements_are_found_down_a_path() -> None:
    assert local_name(BODY) == "a"
    assert child(BODY, "b") is BODY[0]
    assert child(BODY, "b", "c") is None
    assert child(BODY[1], "c", "d") is not None
    assert child(None, "b") is None
    assert children(BODY, "b") == [BODY[0], BODY[1]]
    assert children(None, "b") == []


def test_values_and_texts_have_no_white_space_around_them() -> None:
    assert value_of(BODY[0], "x") == "1"
    assert text_of(child(BODY[1], "c")) == "text inside"
    assert list(texts([BODY[0], BODY[1]])) == ["text inside"]


def test_what_is_null_or_absent_has_no_value() -> None:
    assert value_of(BODY[2], "x") == ""
    assert value_of(None) == ""
    assert value_of(BODY[0]) == ""
    assert text_of(None) == ""


def test_an_echo_stands_alone() -> None:
    again = parse_xml(echo(BODY[1]).encode())

    assert local_name(again) == "b"
    assert again.tail is None


def test_an_element_is_written_with_its_attributes_and_without_empty_ones() -> None:
    assert tag("a", "<b/>", "", x="1", y="", class_="c") == '<a x="1" class="c"><b/></a>'
    assert tag("a") == "<a/>"
    assert tag("v", xsi_type="INT", value="1") == '<v xsi:type="INT" value="1"/>'


def test_text_is_made_fit_for_xml() -> None:
    assert fit('a<b>&"c"\x00\x1f\ud800') == "a&lt;b&gt;&amp;&quot;c&quot;\ufffd\ufffd\ufffd"
    assert fit("") == ""
