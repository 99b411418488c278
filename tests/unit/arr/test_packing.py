"""Messages packed for keeping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arr.packing import PLAIN, SHARED_WORDS, carried, delivered, packed, unpacked
from tests.support.audit import an_event


@given(st.binary(max_size=2000))
def test_any_bytes_are_unpacked_to_themselves(data: bytes) -> None:
    packing, small = packed(data)

    assert unpacked(packing, small) == data
    assert len(small) <= len(data)


@given(st.binary(max_size=2000))
def test_any_message_is_delivered_as_it_was_carried(data: bytes) -> None:
    packing, small, message = delivered(carried(data))

    assert message == unpacked(packing, small) == data


def test_a_message_is_carried_packed_and_kept_as_it_was_carried() -> None:
    xml = an_event().to_xml()

    assert len(carried(xml)) * 5 < len(xml)
    assert delivered(carried(xml))[:2] == packed(xml)


def test_a_message_that_was_carried_without_packing_is_itself() -> None:
    xml = an_event().to_xml()

    assert delivered(xml) == (PLAIN, xml, xml)


def test_a_carried_message_that_was_damaged_is_what_is_left_of_it() -> None:
    damaged = carried(an_event().to_xml())[:-1] + b"!"

    assert delivered(damaged) == (PLAIN, damaged, damaged)


def test_an_audit_message_shrinks_to_a_fifth() -> None:
    xml = an_event().to_xml()

    packing, small = packed(xml)

    assert packing == SHARED_WORDS
    assert len(small) * 5 < len(xml)


def test_what_the_first_release_packed_is_unpacked() -> None:
    assert unpacked(SHARED_WORDS, bytes.fromhex("7ab87c4528b52ffd202a550000000200b2e510684c5781")) == b"<AuditMessage>" * 3


def test_every_flipped_bit_of_the_packed_bytes_is_told() -> None:
    _, small = packed(an_event().to_xml())

    for place in range(8 * len(small)):
        damaged = bytearray(small)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises(ValueError, match="damaged"):
            unpacked(SHARED_WORDS, bytes(damaged))


def test_damaged_bytes_are_told() -> None:
    _, small = packed(an_event().to_xml())

    for damaged in (small[:-1], b"x" + small[1:], b""):
        with pytest.raises(ValueError, match="damaged"):
            unpacked(SHARED_WORDS, damaged)


def test_an_unknown_packing_is_told() -> None:
    with pytest.raises(ValueError, match="unknown"):
        unpacked(7, b"x")


def test_what_did_not_shrink_is_kept_plain() -> None:
    assert packed(b"x") == (PLAIN, b"x")
