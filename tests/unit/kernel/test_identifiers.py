"""kernel.identifiers"""

from __future__ import annotations

import pytest

from kernel.identifiers import (
    AssigningAuthority,
    EntryUuid,
    is_entry_uuid,
    is_oid,
    new_entry_uuid,
    oid_from_uuid,
    parse_cx,
    read_cx,
)


@pytest.mark.parametrize("text", ["1.2.3", "2.25.0", "0.1", "2." + "1" * 62])
def test_an_oid_is_accepted(text: str) -> None:
    assert is_oid(text)


@pytest.mark.parametrize("text", ["", "1", "3.1", "1.02", "1..2", "1.2.", "1.a", "2." + "1" * 63, "1.2\n"])
def test_what_is_no_oid_is_not(text: str) -> None:
    assert not is_oid(text)


@pytest.mark.parametrize(
    "text", ["a^^^&1.2&ISO^", "a^^^X&1.2&ISO", "^^^&1.2&ISO", "a^1^^&1.2&ISO", "a^^^&1.2&", "a^^^&1.2&DNS", "a", "a^^^&1.02&ISO"]
)
def test_only_the_strict_form_is_a_cx_of_metadata(text: str) -> None:
    assert parse_cx(text) is None


def test_a_cx_is_written_as_it_was_read() -> None:
    read = parse_cx("4711^^^&1.2.3&ISO")

    assert read is not None
    assert read.cx == "4711^^^&1.2.3&ISO"
    assert read.authority == AssigningAuthority("", "1.2.3", "ISO")


def test_fresh_entry_uuids_differ_and_are_lower_case() -> None:
    one, other = new_entry_uuid(), new_entry_uuid()

    assert one != other
    assert is_entry_uuid(one)
    assert not is_entry_uuid(one.upper())


def test_the_oid_of_a_uuid_is_its_number_below_2_25() -> None:
    assert oid_from_uuid(EntryUuid("urn:uuid:00000000-0000-0000-0000-0000000000ff")) == "2.25.255"


def test_an_authority_named_by_a_domain_name_has_no_oid() -> None:
    assert AssigningAuthority("A", "example.org", "DNS").oid is None


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1^^^&1.2.3&ISO", ("1", "", "1.2.3", "ISO")),
        ("1^^^HOSP&1.2.3&ISO^PI", ("1", "HOSP", "1.2.3", "ISO")),
        (" 1 ^^^ HOSP ", ("1", "HOSP", "", "")),
        ("1^^^&hosp.example&DNS", ("1", "", "hosp.example", "DNS")),
        ("1", None),
        ("1^^^", None),
        ("^^^HOSP", None),
        ("1^^^&&ISO", None),
    ],
)
def test_an_identifier_is_read_as_people_write_it(text: str, parts: tuple[str, str, str, str] | None) -> None:
    found = read_cx(text)

    authority = found.authority if found else None
    told = (found.id, authority.namespace, authority.universal_id, authority.universal_id_type) if found and authority else None
    assert told == parts
