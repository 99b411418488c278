"""hl7v3.datatypes"""

from __future__ import annotations

import pytest

from hl7v3.datatypes import (
    InstanceId,
    is_writable,
    read_address,
    read_authority,
    read_instance_id,
    read_name,
    read_patient_id,
    read_sex,
    read_telecom,
    read_time,
    write_address,
    write_name,
    write_patient_id,
    write_sex,
    write_telecom,
    write_time,
)
from kernel.demographics import Address, HumanName, Telecom
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.times import Dtm
from kernel.xml import Element, parse_xml


def element(text: str) -> Element:
    return parse_xml(f'<x xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{text}</x>'.encode())[0]


def test_an_identifier_has_the_authority_of_its_root() -> None:
    found = read_patient_id(element('<id root="2.999.1" extension="1" assigningAuthorityName="HOSP"/>'))

    assert found == PatientId("1", AssigningAuthority("", "2.999.1", "ISO"))
    named = read_patient_id(element('<id root="2.999.1" extension="1" assigningAuthorityName="HOSP"/>'), is_named=True)
    assert named == PatientId("1", AssigningAuthority("HOSP", "2.999.1", "ISO"))
    assert write_patient_id(named, "value") == '<value root="2.999.1" extension="1" assigningAuthorityName="HOSP"/>'


@pytest.mark.parametrize("text", ['<id root="2.999.1"/>', '<id nullFlavor="NA" root="2.999.1" extension="1"/>', "<id/>"])
def test_an_identifier_without_extension_is_none(text: str) -> None:
    assert read_patient_id(element(text)) is None


def test_a_hint_without_root_is_an_authority_without_oid() -> None:
    authority = read_authority(element('<id assigningAuthorityName="HOSP" extension="1"/>'))

    assert authority == AssigningAuthority("HOSP", "", "")
    assert not is_writable(PatientId("1", authority))


@pytest.mark.parametrize(("universal_id", "writable"), [("2.999.1", True), ("", False), ("urn:x", False)])
def test_only_an_identifier_of_an_authority_with_oid_can_be_told(universal_id: str, writable: bool) -> None:
    assert is_writable(PatientId("1", AssigningAuthority("H", universal_id))) is writable


def test_an_instance_identifier_goes_out_as_it_came() -> None:
    found = read_instance_id(element('<id root="2.999.1" extension="m-1"/>'))

    assert str(found) == "2.999.1^m-1"
    assert found.element("queryId") == '<queryId root="2.999.1" extension="m-1"/>'
    assert InstanceId().element() == '<id nullFlavor="NI"/>'


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            '<name use="L"><prefix>Dr.</prefix><given>Lena</given><given>M</given>'
            "<family>Rivera</family><suffix>II</suffix></name>",
            HumanName("Rivera", ("Lena", "M"), "Dr.", "II", "L"),
        ),
        ('<name use="P"><given>Lena</given></name>', HumanName("", ("Lena",), use="S")),
        ('<name><family qualifier="BR">Lopez</family></name>', HumanName("Lopez", use="B")),
        ('<name use="SRCH ABC L"><family>Lopez</family></name>', HumanName("Lopez", use="L")),
        ("<name>  Lena Rivera </name>", HumanName("Lena Rivera")),
        ("<name><family>Rivera</family><family>Lopez</family></name>", HumanName("Rivera Lopez")),
        ('<name nullFlavor="NA"/>', HumanName()),
    ],
)
def test_a_name_is_read(text: str, name: HumanName) -> None:
    assert read_name(element(text)) == name


@pytest.mark.parametrize("use", ["L", "S", "A", "T", "R", "B", ""])
def test_a_name_is_read_as_it_was_written(use: str) -> None:
    name = HumanName("Rivera & Söhne", ("Lena", "<M>"), "Dr", "Jr", use)

    assert read_name(element(write_name(name))) == name


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            '<addr use="HP"><streetAddressLine>12 Elm</streetAddressLine><streetAddressLine>Apt 4</streetAddressLine>'
            "<city>Town</city><state>ST</state><postalCode>1</postalCode><country>US</country><county>C</county></addr>",
            Address(("12 Elm", "Apt 4"), "Town", "ST", "1", "US", "C", "H"),
        ),
        (
            '<addr use="WP"><streetName>Elm St</streetName><houseNumber>12</houseNumber></addr>',
            Address(("Elm St 12",), use="B"),
        ),
        ("<addr><additionalLocator>c/o X</additionalLocator><postBox>7</postBox></addr>", Address(("c/o X", "7"))),
    ],
)
def test_an_address_is_read(text: str, address: Address) -> None:
    assert read_address(element(text)) == address


@pytest.mark.parametrize("text", ["<addr/>", '<addr use="H"/>', '<addr nullFlavor="UNK"/>'])
def test_an_empty_address_is_none(text: str) -> None:
    assert read_address(element(text)) is None


@pytest.mark.parametrize("use", ["H", "B", "C", "BA", "M", ""])
def test_an_address_is_read_as_it_was_written(use: str) -> None:
    address = Address(("12 <Elm>", "Apt"), "Town", "ST", "1", "US", "C", use)

    assert read_address(element(write_address(address))) == address


@pytest.mark.parametrize(
    ("text", "telecom"),
    [
        ('<telecom value="tel:+1-481-555-7684;ext=2342" use="WP"/>', Telecom("+1-481-555-7684;ext=2342", "PH", "WPN")),
        ('<telecom value="tel:555" use="MC"/>', Telecom("555", "CP", "PRN")),
        ('<telecom value="tel:555" use="WP MC"/>', Telecom("555", "CP", "WPN")),
        ('<telecom value="tel:555" use="PG"/>', Telecom("555", "BP", "")),
        ('<telecom value="FAX:555" use="H"/>', Telecom("555", "FX", "PRN")),
        ('<telecom value="mailto:l@example.org"/>', Telecom("l@example.org", "Internet")),
        ('<telecom value="l@example.org"/>', Telecom("l@example.org", "Internet")),
        ('<telecom value="https://example.org/x"/>', Telecom("https://example.org/x", "Internet")),
        ('<telecom value="079 123"/>', Telecom("079 123")),
        ('<telecom value="tel:079%20123"/>', Telecom("079 123")),
    ],
)
def test_a_telecom_is_read(text: str, telecom: Telecom) -> None:
    assert read_telecom(element(text)) == telecom


@pytest.mark.parametrize("text", ["<telecom/>", '<telecom value="tel:"/>', '<telecom nullFlavor="UNK" value="tel:1"/>'])
def test_an_empty_telecom_is_none(text: str) -> None:
    assert read_telecom(element(text)) is None


@pytest.mark.parametrize(
    "telecom",
    [
        Telecom("+41 79 123 45 67", "CP", "PRN"),
        Telecom("555", "CP", "WPN"),
        Telecom("(413)555 100%", "PH", "PRN"),
        Telecom("555", "FX", "WPN"),
        Telecom("l@example.org", "Internet"),
        Telecom("https://example.org", "Internet"),
        Telecom("555", "BP", "WPN"),
        Telecom("555", "PH", "EMR"),
    ],
)
def test_a_telecom_is_read_as_it_was_written(telecom: Telecom) -> None:
    assert read_telecom(element(write_telecom(telecom))) == telecom


@pytest.mark.parametrize(
    ("text", "sex"),
    [
        ('<g code="F"/>', "F"),
        ('<g code="UN"/>', "O"),
        ('<g nullFlavor="UNK"/>', "U"),
        ('<g nullFlavor="MSK"/>', ""),
        ("<g/>", ""),
        ('<g code="W"/>', "?"),
    ],
)
def test_the_administrative_gender_is_read_as_a_code_of_table_0001(text: str, sex: str) -> None:
    assert read_sex(element(text)) == sex
    assert read_sex(None) == ""


@pytest.mark.parametrize(("sex", "read"), [("F", "F"), ("M", "M"), ("O", "O"), ("A", "O"), ("U", "U"), ("N", "N")])
def test_a_sex_is_read_as_it_was_written(sex: str, read: str) -> None:
    assert read_sex(element(write_sex(sex))) == read


def test_a_sex_that_was_not_said_is_not_written() -> None:
    assert write_sex("") == ""


@pytest.mark.parametrize(
    ("text", "written"),
    [("1984", "1984"), ("19840317", "19840317"), ("19840317+0100", "19840317"), ("198403171530+0100", "198403171530+0100")],
)
def test_a_time_keeps_its_precision(text: str, written: str) -> None:
    assert write_time("birthTime", Dtm(text)) == f'<birthTime value="{written}"/>'
    assert read_time(element(f'<birthTime value="{text}"/>')) == Dtm(text)


def test_no_time_is_nothing() -> None:
    assert write_time("birthTime", None) == ""
    assert read_time(element('<birthTime nullFlavor="UNK"/>')) is None
