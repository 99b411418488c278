"""hl7v2.er7"""

from __future__ import annotations

import pytest

from hl7v2.er7 import STANDARD, Encoding, Message, Segment, Writer, parse, unescape
from kernel.errors import Condition, Rejected, Unreadable
from tests.support.hl7 import PID, adt, er7, msh


def message(pid: str) -> Message:
    return parse(adt(pid=pid))


def test_values_are_found_by_their_places() -> None:
    read = message("PID|||1^^^A&1.2&ISO~2^^^B&1.3&ISO||Rivera&van^Lena")

    assert read.get("PID-3") == "1"
    assert read.get("PID-3[2].1") == "2"
    assert read.get("PID-3[2].4.2") == "1.3"
    assert read.get("PID-5.1.2") == "van"
    assert read.get("PID-5.2") == "Lena"


@pytest.mark.parametrize("place", ["PID-99", "PID-3[9].1", "PID-3.9", "PID-3.4.9", "ZZZ-1", "PID[2]-3"])
def test_a_place_without_a_value_gives_nothing(place: str) -> None:
    assert message(PID).get(place) == ""


@pytest.mark.parametrize("place", ["PID", "PID-", "nonsense"])
def test_what_is_no_place_of_a_value_is_a_mistake_of_the_caller(place: str) -> None:
    with pytest.raises(ValueError, match="not a place"):
        message(PID).get(place)


def test_the_fields_of_msh_are_counted_from_its_separator() -> None:
    read = parse(adt())

    assert read.get("MSH-1") == "|"
    assert read.get("MSH-2") == r"^~\&"
    assert read.get("MSH-9.2") == "A04"
    assert read.get("MSH-12") == "2.3.1"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r", "\n\r\n"])
def test_each_line_end_ends_a_segment(end: str) -> None:
    raw = end.join([msh("ADT^A04"), "EVN|A04", PID]).encode()

    assert [s.name for s in parse(raw).segments] == ["MSH", "EVN", "PID"]


def test_empty_lines_and_a_byte_order_mark_are_passed_over() -> None:
    raw = b"\xef\xbb\xbf\r\n" + adt().replace(b"\r", b"\r\n\r\n")

    assert parse(raw).get("PID-3") == "4711"


def test_delimiters_are_those_that_the_message_declares() -> None:
    raw = b"MSH*:;!%*EHR*HOSP*MPI*HIE*20261122**ADT:A04*M1*P*2.3.1\rPID***4711:::HOSP%2.999.1.1%ISO;4712*!S!|^"

    read = parse(raw)

    assert read.encoding == Encoding("*", ":", ";", "!", "%")
    assert read.get("PID-3[1].4.2") == "2.999.1.1"
    assert read.get("PID-3[2].1") == "4712"
    assert read.get("PID-4") == ":|^"


@pytest.mark.parametrize(
    ("characters", "encoding"),
    [
        ("^", Encoding("|", "^", "", "", "")),
        ("^~", Encoding("|", "^", "~", "", "")),
        ("^~\\", Encoding("|", "^", "~", "\\", "")),
        ("^~\\&#", STANDARD),
    ],
)
def test_delimiters_at_the_end_may_be_left_out_or_be_one_more(characters: str, encoding: Encoding) -> None:
    read = parse(f"MSH|{characters}|A\rPID|||a&b~c\\T\\".encode())

    assert read.encoding == encoding


def test_what_is_no_delimiter_here_is_data() -> None:
    read = parse(b"MSH|^|A\rPID|||a&b~c\\T\\^d")

    assert read.get("PID-3.1") == "a&b~c\\T\\"
    assert read.get("PID-3.2") == "d"


@pytest.mark.parametrize(
    "line",
    [
        "MSH|^^\\&|A",
        "MSH||^~\\&|A",
        "MSHA^~\\&A",
        "MSH|a~\\&|A",
        "MSH|^1\\&|A",
        "MSH|^~ &|A",
        "MSH|^~\\&#!|A",
        'MSH|^~\\"|A',
        "MSH\x01^~\\&\x01A",
    ],
)
def test_delimiters_that_cannot_be_told_apart_are_refused(line: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        parse(line.encode() + b"\rPID|||1")

    assert refusal.value.violations[0].where == "MSH-2"


@pytest.mark.parametrize("raw", [b"", b"MSH", b"MSH|", b"PID|||1\rMSH|^~\\&|A", b"<xml/>", b"FHS|^~\\&|A\rMSH|^~\\&|B"])
def test_what_does_not_begin_with_msh_is_refused(raw: bytes) -> None:
    with pytest.raises(Unreadable) as refusal:
        parse(raw)

    assert refusal.value.condition is Condition.MALFORMED


@pytest.mark.parametrize("line", ["pid|||1", "PI|1", "PIDX|1", "no segment at all", "P-D|1"])
def test_a_line_that_does_not_begin_as_a_segment_is_refused_with_its_number(line: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        parse(er7(msh("ADT^A04"), line))

    assert "line 2" in refusal.value.detail


def test_a_null_character_is_refused() -> None:
    with pytest.raises(Unreadable):
        parse(er7(msh("ADT^A04"), "PID|||1\x002"))


def test_the_character_set_is_the_one_of_msh_18() -> None:
    raw = er7(msh("ADT^A04", charset="8859/1"), "PID|||1||Müller").decode().encode("latin-1")

    assert parse(raw).get("PID-5") == "Müller"


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        (r"a\F\b\S\c\R\d\E\e\T\f", "a|b^c~d\\e&f"),
        (r"\X41\\X4243\ ", "ABC "),
        (r"\XC3BC\ber", "über"),
        (r"\H\bold\N\ text", "bold text"),
        (r"one\.br\two\.sp3\three", "one two three"),
        (r"\Zlocal\ stays", r"\Zlocal\ stays"),
        (r"C:\dir", r"C:\dir"),
        (r"\X00\ ", "\\X00\\ "),
        (r"\Xzz\ \XFF\ \X\ ", r"\Xzz\ \XFF\ \X\ "),
        (r"\\", r"\\"),
    ],
)
def test_escape_sequences_are_read(sent: str, value: str) -> None:
    assert unescape(sent, STANDARD) == value


def test_hexadecimal_escapes_are_in_the_character_set_of_the_message() -> None:
    raw = er7(msh("ADT^A04", charset="8859/1"), r"PID|||1||\XFC\ber")

    assert parse(raw).get("PID-5") == "über"


def test_a_null_field_has_no_value_and_can_be_told_from_an_empty_one() -> None:
    read = message('PID|||1||""||')
    pid = read.segment("PID")

    assert pid is not None
    assert read.get("PID-5") == ""
    assert (pid.is_null(5), pid.is_null(7)) == (True, False)


def test_a_field_can_be_had_as_it_came() -> None:
    read = message(r"PID|||1^^^A&1.2&ISO~2||O\T\Brien")

    assert read.raw("PID-3") == "1^^^A&1.2&ISO~2"
    assert read.raw("PID-5") == r"O\T\Brien"
    assert read.raw("ZZZ-1") == ""


def test_the_text_is_kept_as_received() -> None:
    raw = adt().replace(b"\r", b"\r\n")

    assert parse(raw).text == raw.decode()


def test_segments_of_one_name_come_in_order() -> None:
    read = parse(adt("A04", "NK1|1|A", "NK1|2|B"))

    assert [s.value(2) for s in read.all("NK1")] == ["A", "B"]
    second = read.segment("NK1", 2)
    assert second is not None
    assert second.value(2) == "B"
    assert read.segment("NK1", 3) is None


def test_a_hundred_thousand_repetitions_are_refused_when_they_are_asked_for() -> None:
    read = message("PID|||" + "1~" * 100_000)

    with pytest.raises(Rejected) as refusal:
        read.get("PID-3[5]")

    assert refusal.value.condition is Condition.TOO_LARGE


@pytest.mark.parametrize("raw", [b"PID" + b"|" * 100_000, b"\r".join([b"OBX|1"] * 100_000)])
def test_too_many_fields_or_segments_are_refused(raw: bytes) -> None:
    with pytest.raises(Unreadable) as refusal:
        parse(msh("ADT^A04").encode() + b"\r" + raw)

    assert refusal.value.condition is Condition.TOO_LARGE


def test_a_value_is_escaped_once_and_control_characters_as_hexadecimal() -> None:
    assert Writer().text("a|b^c~d\\e&f\rg\x0b") == r"a\F\b\S\c\R\d\E\e\T\f\X0D\g\X0B" + "\\"


def test_a_writer_composes_fields_by_number_and_drops_empty_ends() -> None:
    writer = Writer()

    text = writer.segment(
        "PID", {3: writer.repeated(writer.plain("1", "", ""), writer.plain("2")), 5: writer.plain("", "Lena"), 9: ""}
    )

    assert text == "PID|||1~2||^Lena"


def test_a_writer_without_subcomponents_writes_the_first() -> None:
    writer = Writer(Encoding("|", "^", "~", "\\", ""))

    assert writer.component("a", "b") == "a"


def test_a_writer_without_escapes_puts_a_blank_for_what_it_cannot_write() -> None:
    writer = Writer(Encoding("|", "^", "~", "", ""))

    assert writer.text("a|b\rc") == "a b c"


def test_a_segment_alone_can_be_read() -> None:
    assert Segment("QPD", ("QPD", "a^b")).value(1, 2) == "b"
