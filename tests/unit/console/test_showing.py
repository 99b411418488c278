"""How values look on a page."""

from __future__ import annotations

import pytest

from console import showing
from kernel.demographics import Address, HumanName
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.times import Dtm


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Müller", "Müller"),
        ("李小龍", "李小龍"),
        ("An\u202ena", "An[U+202E]na"),
        ("An\u200bna", "An[U+200B]na"),
        ("An\u200cna", "An\u200cna"),
        ("a\tb", "a[U+0009]b"),
        ("x" * 300, "x" * 200 + "…"),
    ],
)
def test_what_cannot_be_seen_is_made_visible(text: str, shown: str) -> None:
    assert showing.visible(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1984", "1984"),
        ("198403", "1984-03"),
        ("19840317", "1984-03-17"),
        ("198403170830", "1984-03-17 08:30"),
        ("19840317083000+0100", "1984-03-17 08:30:00+0100"),
    ],
)
def test_a_date_shows_as_much_as_was_sent(text: str, shown: str) -> None:
    assert showing.day(Dtm(text)) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "less than a minute"), (61, "1 minute"), (7_300, "2 hours"), (200_000, "2 days"), (-5, "less than a minute")],
)
def test_an_age_is_told_in_the_largest_unit(seconds: int, shown: str) -> None:
    assert showing.age(10_000, 10_000 + seconds * 1000) == shown


@pytest.mark.parametrize(("weight", "shown"), [(7.26, "+7.3"), (-1.25, "−1.2"), (0.04, "0.0"), (-0.04, "0.0")])
def test_a_weight_has_a_sign_unless_it_is_nothing(weight: float, shown: str) -> None:
    assert showing.signed(weight) == shown


@pytest.mark.parametrize(
    ("probability", "shown"), [(1.0, "over 99.9 %"), (0.0, "under 0.1 %"), (0.5, "50.0 %"), (0.9871, "98.7 %")]
)
def test_a_probability_is_never_certain(probability: float, shown: str) -> None:
    assert showing.percent(probability) == shown


def test_a_name_begins_with_the_family() -> None:
    assert showing.full_name(HumanName("Rivera", ("Lena", "Maria"), "Dr.", "JR")) == "Rivera, Dr. Lena Maria JR"
    assert showing.full_name(HumanName("", ("Lena",))) == "Lena"
    assert showing.full_name(None) == ""


def test_an_address_stands_in_one_line() -> None:
    assert (
        showing.address_line(Address(("12 Elm Street",), "Springfield", "MA", "01101", "US"))
        == "12 Elm Street, 01101 Springfield, MA, US"
    )


def test_an_identifier_names_its_authority() -> None:
    assert showing.short_id(PatientId("4711", AssigningAuthority("HOSP_A", "1.2.3", "ISO"))) == "4711 (HOSP_A)"
    assert showing.short_id(PatientId("4711", AssigningAuthority.of_oid("1.2.3"))) == "4711 (1.2.3)"


def test_times_are_told_in_utc() -> None:
    assert showing.moment(0) == "1970-01-01 00:00"
    assert showing.second(61_000) == "1970-01-01 00:01:01"
    assert showing.machine_time(0) == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(("text", "shown"), [("not now", "Not now."), ("Done.", "Done."), ("", "")])
def test_a_detail_becomes_a_sentence(text: str, shown: str) -> None:
    assert showing.sentence(text) == shown


def test_things_are_counted_in_words() -> None:
    assert (showing.counted(1, "pair"), showing.counted(1200, "pair")) == ("1 pair", "1,200 pairs")
