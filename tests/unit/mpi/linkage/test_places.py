"""mpi.linkage.places"""

from __future__ import annotations

import pytest

from mpi.linkage.places import Home, birth_of, city_of, email_of, identifier_of, phone_of, postcode_of, street_of


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("12 Main Street Apt 4", ("12", "MAIN ST", "4")),
        ("12 Main St #4", ("12", "MAIN ST", "4")),
        ("Hauptstraße 12", ("12", "HAUPTST", "")),
        ("Unit 3, 12 Smith Road", ("12", "SMITH RD", "3")),
        ("240 Meadow Cv Apartment # 103", ("240", "MEADOW CV", "103")),
        ("PO Box 123", ("123", "PO BOX", "")),
        ("1204 5th Avenue North", ("1204", "5TH AV N", "")),
        ("Apt", ("", "APT", "")),
        ("no fixed address", ("", "", "")),
        ("", ("", "", "")),
    ],
)
def test_an_address_line_falls_into_number_street_and_unit(text: str, parts: tuple[str, str, str]) -> None:
    assert street_of(text) == parts


def test_country_code_and_trunk_zero_do_not_change_a_telephone() -> None:
    assert phone_of("+44 20 7946 0958") == phone_of("020 7946 0958") != ""
    assert phone_of("(555) 123-4567 x12") == phone_of("1-555-123-4567")


@pytest.mark.parametrize("text", ["", "12345", "0000000000", "(999) 999-9999", "none"])
def test_a_made_up_telephone_is_nothing(text: str) -> None:
    assert phone_of(text) == ""


@pytest.mark.parametrize("text", ["999-99-9999", "000000000", "123-45-6789", "unknown", "N/A", "111-11-1111", "12"])
def test_a_placeholder_identifier_is_nothing(text: str) -> None:
    assert identifier_of(text) == ""


def test_an_identifier_keeps_letters_and_digits_only() -> None:
    assert identifier_of("ab-12 34.5") == "AB12345"


@pytest.mark.parametrize(
    ("text", "birth"),
    [
        ("19700503", "19700503"),
        ("1970-05-03", "19700503"),
        ("1970-05", "197005"),
        ("1970", "1970"),
        ("19702403", "1970"),
        ("1900-01-01", ""),
        ("3", ""),
        ("21990101", ""),
    ],
)
def test_a_date_keeps_its_precision_and_a_placeholder_is_nothing(text: str, birth: str) -> None:
    assert birth_of(text) == birth


def test_postcodes_towns_and_mail_are_brought_to_one_form() -> None:
    assert postcode_of("12345-6789") == "12345"
    assert postcode_of("sw1a 1aa") == "SW1A1AA"
    assert postcode_of("00000") == ""
    assert city_of("Saint Paul") == "ST PAUL"
    assert email_of(" Anna+news@Mail.example ") == "anna@mail.example"
    assert email_of("none@mail.example") == email_of("anna") == ""


def test_a_home_of_a_unit_alone_is_empty() -> None:
    assert Home(unit="4").is_empty
    assert not Home(city="X").is_empty
