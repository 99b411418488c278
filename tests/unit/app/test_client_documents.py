"""What is in a file decides what it is, not its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.client_documents import LIMIT, facts_in
from content.facts import SILENCE
from tests.unit.content.test_pdf import a_pdf

CDA = b'<?xml version="1.0"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3"><title>A report</title></ClinicalDocument>'


def written(folder: Path, data: bytes) -> Path:
    file = folder / "document.bin"
    file.write_bytes(data)
    return file


def test_a_cda_document_and_a_pdf_are_known_by_what_they_begin_with(tmp_path: Path) -> None:
    cda = facts_in(written(tmp_path, CDA))
    pdf = facts_in(written(tmp_path, a_pdf("<dc:title><rdf:Alt><rdf:li>Scan</rdf:li></rdf:Alt></dc:title>")))

    assert (cda.title, cda.mime_type) == ("A report", "text/xml")
    assert (pdf.title, pdf.mime_type) == ("Scan", "application/pdf")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"plain text",
        b"1 < 2",
        b"<html/>",
        b"<ClinicalDocument/>",
        CDA[:-3],
        b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>" + CDA.partition(b"?>")[2].replace(b"A report", b"&e;"),
        bytes(2000),
    ],
)
def test_anything_else_says_nothing(tmp_path: Path, data: bytes) -> None:
    assert facts_in(written(tmp_path, data)) == SILENCE


def test_a_file_of_any_size_is_not_read_for_it(tmp_path: Path) -> None:
    file = written(tmp_path, CDA)
    with file.open("r+b") as opened:
        opened.truncate(LIMIT + 1)

    assert facts_in(file) == SILENCE
