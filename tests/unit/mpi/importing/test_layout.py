"""mpi.importing.layout"""

from __future__ import annotations

import pytest

from kernel.errors import Condition, Rejected
from mpi.importing.layout import COLUMNS, Said, fault_of, layout_of, said_by


def said(**values: str) -> Said:
    """What a row with these values says."""
    return said_by(layout_of(list(values)), list(values.values())) if "record_id" in values else said(record_id="1", **values)


def test_a_header_needs_record_id_and_no_column_twice() -> None:
    with pytest.raises(Rejected) as caught:
        layout_of(["family", "dob", "dob", "id:1.2.3", "id:1.2.3", "note", "note"])

    assert [(v.condition, v.where) for v in caught.value.violations] == [
        (Condition.FIELD_MISSING, "header"),
        (Condition.FIELD_INVALID, "dob"),
        (Condition.FIELD_INVALID, "id:1.2.3"),
    ]


def test_a_column_of_identifiers_needs_an_authority() -> None:
    with pytest.raises(Rejected):
        layout_of(["record_id", "id:"])


def test_unknown_columns_are_passed_over_and_named() -> None:
    layout = layout_of(["record_id", "person", "family", "id:2.999.7"])

    assert layout.unread == ("person",)
    assert layout.identifiers == ((3, "2.999.7"),)
    assert layout.value(["7", "x", " Ng ", "9"], "family") == "Ng"
    assert layout.value(["7", "x", "Ng", "9"], "given") == ""


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (["1", "Ng"], ""),
        (["1"], "the row has 1 values, the header 2"),
        (["", "Ng"], "record_id is empty"),
        (["  ", "Ng"], "record_id is empty"),
        (["1", "N\x00g"], "a value is not UTF-8 text"),
        (["1", "N\udcffg"], "a value is not UTF-8 text"),
        (["1" * 256, "Ng"], "an identifier or the name of a source is longer than 255 characters"),
        (["1", "N" * 1001], "a value is longer than 1000 characters"),
    ],
)
def test_a_row_that_cannot_be_taken_says_why(row: list[str], fault: str) -> None:
    assert fault_of(layout_of(["record_id", "family"]), row) == fault


@pytest.mark.parametrize(
    ("text", "kept", "doubted"),
    [
        ("1984-03-17", "19840317", False),
        ("19840317", "19840317", False),
        ("1984-03", "198403", False),
        ("1984", "1984", False),
        ("1984-03-17T10:00", "19840317", False),
        ("1984-02-31", "198402", True),
        ("1984-13-01", "1984", True),
        ("03/17/1984", None, True),
        ("", None, False),
    ],
)
def test_a_date_of_birth_keeps_its_precision_and_what_is_no_day_is_doubted(text: str, kept: str | None, doubted: bool) -> None:
    found = said(dob=text)

    assert (found.demographics.birth.text if found.demographics.birth else None) == kept
    assert bool(found.doubts) is doubted
    assert found.birth == text


def test_values_that_are_none_of_their_kind_are_left_out_and_named() -> None:
    found = said(sex="X", birth_order="first", recorded_on="yesterday")

    assert found.demographics.sex == ""
    assert found.demographics.birth_order is None
    assert found.recorded_at is None
    assert [doubt.partition(" ")[0] for doubt in found.doubts] == ["sex", "birth_order", "recorded_on"]


def test_doubts_never_hold_what_was_said() -> None:
    found = said(dob="17th of March", sex="Mx", birth_order="1st", recorded_on="20-20")

    assert not any(text in " ".join(found.doubts) for text in ("17th", "Mx", "1st", "20-20"))


def test_every_column_reaches_the_demographics() -> None:
    row = {name: name for name in COLUMNS} | {"sex": "f", "dob": "19840317", "birth_order": "2", "recorded_on": "1970-01-02"}

    found = said(**row)

    demographics = found.demographics
    name, alias = demographics.names
    (address,) = demographics.addresses
    assert (name.family, name.given, name.suffix, name.use) == ("family", ("given", "middle"), "suffix", "L")
    assert (alias.family, alias.given, alias.use) == ("alias_family", ("alias_given",), "A")
    assert (demographics.sex, demographics.birth_order, demographics.multiple_birth) == ("F", 2, True)
    assert (address.lines, address.city, address.state) == (("street",), "city", "state")
    assert (address.postcode, address.country) == ("postcode", "country")
    assert [t.value for t in demographics.telecoms] == ["phone", "email"]
    assert demographics.mother_name is not None
    assert (demographics.mother_name.family, demographics.national_id) == ("mother_family", "national_id")
    assert found.recorded_at == 86_400_000
    assert found.doubts == ()


def test_a_row_with_an_identifier_alone_says_nothing() -> None:
    found = said()

    assert (found.demographics.names, found.demographics.addresses, found.demographics.telecoms) == ((), (), ())
    assert found.doubts == ()
