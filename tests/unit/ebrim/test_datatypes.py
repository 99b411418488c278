"""What each data type takes and refuses."""

from collections.abc import Callable

import pytest

from ebrim.datatypes import (
    Cxi,
    Hd,
    Recipient,
    Xcn,
    Xon,
    parse_cxi,
    parse_recipient,
    parse_xcn,
    parse_xon,
    problem_with_cx,
    problem_with_cxi,
    problem_with_dtm,
    problem_with_hash,
    problem_with_home,
    problem_with_language,
    problem_with_mime_type,
    problem_with_oid,
    problem_with_recipient,
    problem_with_size,
    problem_with_source_patient_info,
    problem_with_unique_id,
    problem_with_uuid,
    problem_with_xcn,
    problem_with_xon,
    problem_with_xtn,
)

Check = Callable[[str], str | None]

RIGHT: list[tuple[Check, str]] = [
    (problem_with_xcn, "11375^Welby^Marcus^J^Jr^Dr^^^&1.2.840.113619.6.197&ISO"),
    (problem_with_xcn, "^Welby^Marcus"),
    (problem_with_xcn, "11375"),
    (problem_with_xon, "Some Hospital"),
    (problem_with_xon, "Some Hospital^^^^^^^^^1.2.3.4"),
    (problem_with_xon, "Some Hospital^^^^^&1.2.3.4&ISO^^^^45"),
    (problem_with_xtn, "^^Internet^jane@example.org"),
    (problem_with_xtn, "^PRN^PH^^^555^1234567"),
    (problem_with_xtn, "+41 44 123 45 67"),
    (problem_with_cx, "6578946^^^&1.3.6.1.4.1.21367.2005.3.7&ISO"),
    (problem_with_cxi, "123^^^&1.2.3&ISO^urn:ihe:iti:xds:2013:accession"),
    (problem_with_cxi, "2.16.1^^^^urn:ihe:iti:xds:2016:studyInstanceUID"),
    (problem_with_recipient, "Some Hospital^^^^^^^^^1.2.3|^Wel^Marcus|^^Internet^a@example.org"),
    (problem_with_recipient, "|^Welby^Marcus"),
    (problem_with_oid, "1.2.3"),
    (problem_with_unique_id, "1.2.3"),
    (problem_with_unique_id, "1.2.3^1234567890123456"),
    (problem_with_uuid, "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d"),
    (problem_with_dtm, "2026"),
    (problem_with_dtm, "20260102101112"),
    (problem_with_hash, "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (problem_with_hash, "A9993E364706816ABA3E25717850C26C9CD0D89D"),
    (problem_with_size, "0"),
    (problem_with_size, "123456789012"),
    (problem_with_language, "en-us"),
    (problem_with_language, "de"),
    (problem_with_mime_type, "text/plain"),
    (problem_with_mime_type, "multipart/related; type=x"),
    (problem_with_home, "urn:oid:1.2.3"),
    (problem_with_source_patient_info, "PID-3|pid1^^^&1.2.3&ISO"),
    (problem_with_source_patient_info, "PID-5|"),
]

WRONG: list[tuple[Check, str]] = [
    (problem_with_xcn, ""),
    (problem_with_xcn, "^Welby"),
    (problem_with_xcn, "11375^Welby^^^^^^^&1.02.3&ISO"),
    (problem_with_xcn, "11375^Welby^^^^^^^Clinic"),
    (problem_with_xon, "^^^^^^^^^1.2.3"),
    (problem_with_xon, "Hospital^^^^^^^^^45"),
    (problem_with_xon, "Hospital^^^^^&1.2.3&DNS^^^^45"),
    (problem_with_xtn, "^^Internet^jane.example.org"),
    (problem_with_xtn, "^^^^"),
    (problem_with_cx, "6578946^^^HOSP&1.2.3&ISO"),
    (problem_with_cx, "6578946^^^&1.2.3&DNS"),
    (problem_with_cx, "6578946^^^&1.2.3&ISO^PI"),
    (problem_with_cx, "6578946"),
    (problem_with_cxi, "^^^&1.2.3&ISO^type"),
    (problem_with_cxi, "1^^^&1.2.3&ISO"),
    (problem_with_cxi, "1^^^&urn:x&URI^type"),
    (problem_with_recipient, "||"),
    (problem_with_recipient, ""),
    (problem_with_recipient, "a|b^c^d||"),
    (problem_with_recipient, "Hospital|^OnlyFamily"),
    (problem_with_oid, "3.2"),
    (problem_with_oid, "1"),
    (problem_with_oid, "1.02"),
    (problem_with_oid, "1." + "2" * 63),
    (problem_with_unique_id, "1.2.3^"),
    (problem_with_unique_id, "1.2.3^12345678901234567"),
    (problem_with_unique_id, "urn:oid:1.2.3"),
    (problem_with_uuid, "urn:uuid:93606BCF-9494-43ec-9b4e-a7748d1a838d"),
    (problem_with_uuid, "93606bcf-9494-43ec-9b4e-a7748d1a838d"),
    (problem_with_dtm, "202"),
    (problem_with_dtm, "20260230"),
    (problem_with_dtm, "20260102101112.5"),
    (problem_with_dtm, "20260102101112+0100"),
    (problem_with_hash, "a9993e"),
    (problem_with_hash, "g9993e364706816aba3e25717850c26c9cd0d89d"),
    (problem_with_size, "-1"),
    (problem_with_size, "1e3"),
    (problem_with_size, ""),
    (problem_with_language, "en_US"),
    (problem_with_language, "englishlanguage"),
    (problem_with_mime_type, "text"),
    (problem_with_home, "1.2.3"),
    (problem_with_home, "urn:oid:1." + "2" * 60),
    (problem_with_source_patient_info, ""),
    (problem_with_source_patient_info, "PID-5"),
    (problem_with_source_patient_info, "NK1-5|x"),
]


@pytest.mark.parametrize(("check", "text"), RIGHT)
def test_a_right_value_has_no_problem(check: Check, text: str) -> None:
    assert check(text) is None


@pytest.mark.parametrize(("check", "text"), WRONG)
def test_a_wrong_value_has_a_problem_that_does_not_repeat_it(check: Check, text: str) -> None:
    problem = check(text)

    assert problem
    assert not text or text not in problem


def test_digits_of_other_scripts_are_not_digits() -> None:
    assert problem_with_size("١٢") is not None
    assert problem_with_dtm("٢٠٢٦") is not None


def test_parsing_names_the_components() -> None:
    assert parse_xcn("1^Welby^Marcus^J^Jr^Dr^^^&1.2&ISO") == Xcn("1", "Welby", "Marcus", "J", "Jr", "Dr", Hd("", "1.2", "ISO"))
    assert parse_xcn("") == Xcn()
    assert parse_xon("H^^^^^N&1.2&ISO^^^^45") == Xon("H", "45", Hd("N", "1.2", "ISO"))
    assert parse_cxi("9^^^&1.2&ISO^kind^urn:oid:1.2") == Cxi("9", Hd("", "1.2", "ISO"), "kind", "urn:oid:1.2")
    assert parse_recipient("org|who|tel") == Recipient("org", "who", "tel")
