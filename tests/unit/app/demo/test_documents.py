"""app.demo.documents"""

from __future__ import annotations

import re

from app.demo.documents import bytes_of, letter, pdf
from kernel.xml import parse_xml


def test_a_letter_is_well_formed_whatever_it_says() -> None:
    root = parse_xml(letter("A & B <C>", '1^^^&2.999&ISO"', "x < y"))

    assert root.findtext("{urn:hl7-org:v3}title") == "A & B <C>"
    assert "x < y" in root.findtext(".//{urn:hl7-org:v3}text", "")


def test_a_pdf_names_the_place_of_every_object() -> None:
    content = pdf("Report 1")

    start = int(re.findall(rb"startxref\n(\d+)", content)[0])
    places = [int(found) for found in re.findall(rb"(\d{10}) 00000 n", content[start:])]
    assert content.startswith(b"%PDF-")
    assert all(content[place:].startswith(b"%d 0 obj" % number) for number, place in enumerate(places, 1))


def test_an_image_has_the_size_asked_for_and_is_the_same_each_time() -> None:
    assert len(bytes_of(1000, 1)) == 1000
    assert bytes_of(1000, 1) == bytes_of(1000, 1)
    assert bytes_of(1000, 1) != bytes_of(1000, 2)
