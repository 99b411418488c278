"""Documents for the demonstration: a CDA-like text and a PDF, invented and small, and one of several megabytes."""

from __future__ import annotations

import random

from kernel.xml import escape


def letter(title: str, patient: str, text: str) -> bytes:
    """A clinical document with a header and one paragraph (HL7 CDA R2 in its shape)."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ClinicalDocument xmlns="urn:hl7-org:v3"><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>'
        f'<title>{escape(title)}</title><recordTarget><patientRole><id extension="{escape(patient)}"/></patientRole></recordTarget>'
        "<component><structuredBody><component><section>"
        f"<text>{escape(text)}</text></section></component></structuredBody></component></ClinicalDocument>\r\n"
    ).encode()


def pdf(text: str) -> bytes:
    """A PDF of one page with one line of text."""
    stream = f"BT /F1 18 Tf 60 740 Td ({text}) Tj ET".encode("latin-1", "replace")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n" % len(stream) + stream + b"\nendstream",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj" % number + content + b"endobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, end)
    return bytes(out)


def bytes_of(size: int, seed: int) -> bytes:
    """So many bytes that look like an image's."""
    return random.Random(seed).randbytes(size)  # noqa: S311 - invented data
