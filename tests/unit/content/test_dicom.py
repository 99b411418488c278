"""The head of DICOM files: a published key object, and what is broken says nothing."""

from __future__ import annotations

import random
import struct

import pytest

from content.dicom import KEY_OBJECT_SELECTION, facts_of_dicom
from content.facts import SILENCE
from tests.support.shared import sample

KOS = "2.25.264096862221500429694988291417299542916"
EXPLICIT, IMPLICIT = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0"


def element(group: int, number: int, vr: bytes, value: bytes, *, is_explicit: bool = True) -> bytes:
    value += b" " * (len(value) % 2)
    if not is_explicit:
        return struct.pack("<HHI", group, number, len(value)) + value
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


def a_file(*elements: bytes, syntax: bytes = EXPLICIT) -> bytes:
    meta = element(2, 0x10, b"UI", syntax)
    return bytes(128) + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta)) + meta + b"".join(elements)


def test_a_published_key_object_says_what_it_is_and_of_whom() -> None:
    found = facts_of_dicom(sample("rad-68", "kos.dcm"))

    assert (found.unique_id, found.mime_type) == (KOS, "application/dicom")
    assert found.format_code.key == (KEY_OBJECT_SELECTION, "1.2.840.10008.2.6.1")
    assert (found.creation_time, found.service_start) == ("20160907", "20150201")
    assert found.patient_info == ("PID-5|Computed-Radiography^Single^a", "PID-7|19780201", "PID-8|M")
    assert found.patient_ids == ()
    assert found.reference_ids == ("1.3.6.1.4.1.21367.201599.1.201604021948007^^^^urn:ihe:iti:xds:2016:studyInstanceUID",)


@pytest.mark.parametrize("is_explicit", [True, False])
def test_both_ways_of_writing_are_read_past_sequences_of_any_depth(is_explicit: bool) -> None:
    def one(group: int, number: int, vr: bytes, value: bytes) -> bytes:
        return element(group, number, vr, value, is_explicit=is_explicit)

    undefined = struct.pack("<I", 0xFFFFFFFF)
    head = struct.pack("<HH", 8, 0x1111) + (b"SQ\0\0" if is_explicit else b"") + undefined
    inner = struct.pack("<HH", 0xFFFE, 0xE000) + undefined + one(8, 0x18, b"UI", b"9.9.9") + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    sequence = head + inner + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)

    found = facts_of_dicom(
        a_file(
            one(8, 0x18, b"UI", b"2.999.1"),
            sequence,
            one(0x10, 0x10, b"PN", b"Rivera^Lena^M^Dr^Jr=x"),
            one(0x10, 0x20, b"LO", b"4711"),
            one(0x10, 0x21, b"LO", b"2.999.5"),
            syntax=EXPLICIT if is_explicit else IMPLICIT,
        )
    )

    assert found.unique_id == "2.999.1"
    assert [i.cx for i in found.patient_ids] == ["4711^^^&2.999.5&ISO"]
    assert found.patient_info == ("PID-3|4711^^^&2.999.5&ISO", "PID-5|Rivera^Lena^M^Jr^Dr")
    assert found.format_code.code == ""


@pytest.mark.parametrize(("zone", "held"), [(b"+0100", "20260114093000"), (b"-0500", "20260114153000"), (b"", "20260114")])
def test_a_time_without_a_zone_is_only_a_day(zone: bytes, held: str) -> None:
    moment = (element(8, 0x23, b"DA", b"20260114"), element(8, 0x33, b"TM", b"103000.5"))

    assert facts_of_dicom(a_file(*moment, element(8, 0x201, b"SH", zone))).creation_time == held


@pytest.mark.parametrize(
    ("charset", "name", "held"),
    [
        (b"ISO_IR 100", b"M\xfcller^A", ("PID-5|M\u00fcller^A",)),
        (b"ISO_IR 192", "M\u00fcller^A".encode(), ("PID-5|M\u00fcller^A",)),
        (b"", b"M\xfcller^A", ()),
        (b"\\ISO 2022 IR 87", b"Yamada^Tarou", ("PID-5|Yamada^Tarou",)),
    ],
)
def test_a_name_is_read_in_its_character_set_or_not_at_all(charset: bytes, name: bytes, held: tuple[str, ...]) -> None:
    assert facts_of_dicom(a_file(element(8, 5, b"CS", charset), element(0x10, 0x10, b"PN", name))).patient_info == held


@pytest.mark.parametrize("syntax", [b"1.2.840.10008.1.2.1.99\0", b"1.2.840.10008.1.2.2\0", b""])
def test_another_transfer_syntax_says_nothing(syntax: bytes) -> None:
    assert facts_of_dicom(a_file(element(8, 0x18, b"UI", b"2.999.1"), syntax=syntax)) == SILENCE


def test_whatever_is_changed_in_a_file_it_is_read_or_says_nothing() -> None:
    whole, chance = sample("rad-68", "kos.dcm"), random.Random(4711)

    for _ in range(2_000):
        data = bytearray(whole[: chance.randint(132, len(whole))])
        for _ in range(chance.randint(0, 4)):
            data[chance.randrange(132, len(data) + 1) - 1] = chance.randrange(256)
        facts_of_dicom(bytes(data))


def test_sequences_inside_sequences_end_somewhere() -> None:
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    head = struct.pack("<HH", 8, 0x1111) + b"SQ\0\0" + struct.pack("<I", 0xFFFFFFFF)

    assert facts_of_dicom(a_file(head + item * 5_000)) == SILENCE
