"""hl7v2.datatypes"""

from __future__ import annotations

import pytest

from hl7v2.datatypes import is_empty_address, read_cx, read_xad, read_xpn, read_xtn, write_cx, write_xad, write_xpn, write_xtn
from hl7v2.er7 import STANDARD, Repetition, Segment, Writer
from kernel.demographics import Address, HumanName, Telecom
from kernel.identifiers import AssigningAuthority, PatientId

W = Writer(STANDARD)


def repetition(text: str) -> Repetition:
    return Segment("ZZZ", ("ZZZ", text)).repetitions(1)[0]


@pytest.mark.parametrize(
    ("text", "authority"),
    [
        ("1^^^HOSP", AssigningAuthority("HOSP")),
        ("1^^^&2.999.1&ISO", AssigningAuthority("", "2.999.1", "ISO")),
        ("1^^^HOSP&2.999.1&ISO", AssigningAuthority("HOSP", "2.999.1", "ISO")),
        ("1^^^ab-cd&ab-cd&UUID", AssigningAuthority("ab-cd", "ab-cd", "UUID")),
        ("1", AssigningAuthority()),
    ],
)
def test_an_identifier_is_read_with_its_authority_as_sent(text: str, authority: AssigningAuthority) -> None:
    assert read_cx(repetition(text)) == PatientId("1", authority)


@pytest.mark.parametrize("text", ['""^^^HOSP', "^^^HOSP", " ^^^HOSP"])
def test_an_identifier_without_id_is_none(text: str) -> None:
    assert read_cx(repetition(text)) is None


def test_the_type_code_is_kept() -> None:
    found = read_cx(repetition("1^^^HOSP^PI"))

    assert found is not None
    assert found.type_code == "PI"


@pytest.mark.parametrize(
    ("authority", "text"),
    [
        (AssigningAuthority("HOSP", "2.999.1", "ISO"), "1^^^HOSP&2.999.1&ISO"),
        (AssigningAuthority("", "2.999.1", ""), "1^^^&2.999.1&ISO"),
        (AssigningAuthority("HOSP"), "1^^^HOSP"),
        (AssigningAuthority("A&B", "urn:x", "URI"), "1^^^A\\T\\B&urn:x&URI"),
    ],
)
def test_an_identifier_is_written_with_all_there_is_of_its_authority(authority: AssigningAuthority, text: str) -> None:
    assert write_cx(W, PatientId("1", authority)) == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Rivera^Lena^M^Jr^Dr^^L", HumanName("Rivera", ("Lena", "M"), "Dr", "Jr", "L")),
        ("Berg&van der^Jan", HumanName("van der Berg", ("Jan",))),
        ("van der Berg&van der&Berg^Jan", HumanName("van der Berg", ("Jan",))),
        ("Rivera^^M", HumanName("Rivera", ("M",))),
        ("^^^^^^S", HumanName(use="S")),
        ('""^Lena', HumanName("", ("Lena",))),
    ],
)
def test_a_name_is_read(text: str, name: HumanName) -> None:
    assert read_xpn(repetition(text)) == name


def test_given_names_after_the_second_share_a_component() -> None:
    assert write_xpn(W, HumanName("Rivera", ("Lena", "Maria", "Ines"), use="L")) == "Rivera^Lena^Maria Ines^^^^L"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("12 Elm St^Apt 4^Town^ST^01101^US^H^^County", Address(("12 Elm St", "Apt 4"), "Town", "ST", "01101", "US", "County", "H")),
        ("12 Elm St&Elm St&12", Address(("12 Elm St",))),
        ("&Elm St&12", Address(("Elm St 12",))),
        ("^Apt 4", Address(("", "Apt 4"))),
        ("^^Town", Address(city="Town")),
    ],
)
def test_an_address_is_read(text: str, address: Address) -> None:
    assert read_xad(repetition(text)) == address


def test_lines_after_the_second_share_a_component() -> None:
    assert write_xad(W, Address(("a", "b", "c"), "Town", use="H")) == "a^b, c^Town^^^^H"


def test_an_address_type_alone_is_no_address() -> None:
    assert is_empty_address(read_xad(repetition("^^^^^^H")))
    assert not is_empty_address(read_xad(repetition("^^^^^US")))


@pytest.mark.parametrize(
    ("text", "telecom"),
    [
        ("012-0001", Telecom("012-0001")),
        ("555^PRN^CP", Telecom("555", "CP", "PRN")),
        ("^PRN^PH^^^413^5550100", Telecom("(413)5550100", "PH", "PRN")),
        ("^WPN^PH^^1^413^5550100^22", Telecom("+1(413)5550100X22", "PH", "WPN")),
        ("^PRN^PH^^^^5550100", Telecom("5550100", "PH", "PRN")),
        ("0781234567^^^^^^0781234567", Telecom("0781234567")),
        ("^PRN^PH^^^^^^^^^5550100", Telecom("5550100", "PH", "PRN")),
        ("^^^lena@example.org", Telecom("lena@example.org", "Internet")),
        ("^NET^Internet^lena@example.org", Telecom("lena@example.org", "Internet", "NET")),
        ("x^NET^internet^lena@example.org", Telecom("lena@example.org", "Internet", "NET")),
    ],
)
def test_a_telephone_number_or_internet_address_is_read(text: str, telecom: Telecom) -> None:
    assert read_xtn(repetition(text)) == telecom


@pytest.mark.parametrize("text", ["^PRN^PH", "^^^ ", "^PRN^PH^^^413", '""'])
def test_a_telecom_without_a_number_is_none(text: str) -> None:
    assert read_xtn(repetition(text)) is None


def test_an_internet_address_is_written_in_its_own_component() -> None:
    assert write_xtn(W, Telecom("lena@example.org", "Internet", "NET")) == "^NET^Internet^lena@example.org"
    assert write_xtn(W, Telecom("555", "CP", "PRN")) == "555^PRN^CP"
