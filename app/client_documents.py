"""What a file that is about to be submitted says of itself, by what is in it and not by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from content.cda import ROOT, facts_of_cda
from content.dicom import HEAD, PREAMBLE, facts_of_dicom
from content.dicom import MAGIC as DICOM
from content.facts import SILENCE, DocumentFacts
from content.pdf import MAGIC, facts_of_pdf
from kernel.errors import Unreadable
from kernel.xml import parse_xml

LIMIT: Final = 64 << 20
"""Bytes of a file that is looked into; a larger one says nothing."""


def facts_in(path: Path) -> DocumentFacts:
    """Facts of a CDA document, a PDF or a DICOM file; nothing for another, or one that cannot be read as what it seems.

    Raises `OSError`.
    """
    if path.stat().st_size > LIMIT:
        return SILENCE
    with path.open("rb") as file:
        head = file.read(1024)
        if head.startswith(MAGIC):
            return facts_of_pdf(head + file.read(LIMIT))
        if head[PREAMBLE : PREAMBLE + len(DICOM)] == DICOM:
            return facts_of_dicom(head + file.read(HEAD))
        if b"<" not in head:
            return SILENCE
        try:
            root = parse_xml(iter([head, file.read(LIMIT)]), limit=LIMIT)
        except Unreadable:
            return SILENCE
    return facts_of_cda(root) if root.tag == ROOT else SILENCE
