"""The packet of a PDF/A: title, language and time; a PDF without one, or with a broken one, says nothing."""

from __future__ import annotations

import pytest

from content.facts import DocumentFacts
from content.pdf import facts_of_pdf

PDF = DocumentFacts(mime_type="application/pdf")


def a_pdf(inside: str, **attributes: str) -> bytes:
    """A PDF whose packet holds this."""
    written = "".join(f' xmp:{name}="{value}"' for name, value in attributes.items())
    packet = (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        f' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"{written}>{inside}'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )
    return b"%PDF-1.4\n1 0 obj << /Type /Metadata >> stream\n" + packet.encode() + b"\nendstream endobj\n%%EOF\n"


def test_title_language_and_time_are_read() -> None:
    data = a_pdf(
        '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Discharge\n letter</rdf:li></rdf:Alt></dc:title>'
        "<dc:language><rdf:Bag><rdf:li>de-CH</rdf:li></rdf:Bag></dc:language>"
        "<dc:creator><rdf:Seq><rdf:li>Dr. Welby</rdf:li></rdf:Seq></dc:creator>"
        "<xmp:CreateDate>2026-01-14T10:30:00+01:00</xmp:CreateDate>"
    )

    found = facts_of_pdf(data)

    assert (found.title, found.language, found.creation_time) == ("Discharge letter", "de-CH", "20260114093000")
    assert found.authors == ()


@pytest.mark.parametrize(
    ("text", "held"),
    [("2026-01-14T10:30Z", "202601141030"), ("2026-01-14", "20260114"), ("2026-01-14T10:30:05.25", "20260114103005"), ("soon", "")],
)
def test_a_time_may_be_an_attribute_of_any_precision(text: str, held: str) -> None:
    assert facts_of_pdf(a_pdf("", CreateDate=text)).creation_time == held


def test_of_several_packets_the_last_one_counts() -> None:
    first, last = (a_pdf(f"<dc:title><rdf:Alt><rdf:li>{t}</rdf:li></rdf:Alt></dc:title>") for t in ("old", "new"))

    assert facts_of_pdf(first + last).title == "new"


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\nnothing",
        b"%PDF-1.4 <x:xmpmeta>broken</x:xmpmeta>",
        b'%PDF-1.4 <!DOCTYPE a><x:xmpmeta xmlns:x="a"><b></x:xmpmeta>',
        b"%PDF-1.4 <x:xmpmeta" + b" " * (2 << 20) + b"></x:xmpmeta>",
    ],
)
def test_without_a_packet_that_can_be_read_there_are_no_facts(data: bytes) -> None:
    assert facts_of_pdf(data) == PDF
