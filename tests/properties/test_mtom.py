"""MTOM in any chunking, judged by the standard library's MIME parser; what we write it reads, and what it encodes we read."""

from __future__ import annotations

import base64
import quopri
from collections.abc import Sequence

from hypothesis import assume, example, given
from hypothesis import strategies as st

from kernel.errors import Unreadable
from soap.exchange import OutgoingPart, PartHeaders
from soap.mtom import MtomDecoder, MtomEncoder, content_id_of, include_href
from soap.settings import SoapSettings
from soap.transfer import decoder
from tests.support.soap import MemoryStage, a_part, join_parts, mtom_type, read_messages, read_multipart

BOUNDARY = "B-x"
NEARLY = [b"\r", b"\n", b"-", b"--", b"B-x", b"\r\n--B-", b"\r\n--B", b"--B-x", b"\r\n", b"\0\xff", b"z" * 40, b" ", b"="]
contents = st.lists(st.sampled_from(NEARLY), max_size=12).map(b"".join) | st.binary(max_size=200)
cuts = st.lists(st.integers(min_value=1, max_value=30), min_size=1, max_size=20)


class Kept:
    """A root sink, and any other writer, in memory."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes | memoryview, /) -> None:
        self.data += data

    def close(self, _: PartHeaders, /) -> None:
        """Nothing to do."""


def decode(data: bytes, content_type: str, cut: Sequence[int]) -> list[bytes]:
    """Root and documents, from chunks whose sizes repeat `cut`."""
    root, stage = Kept(), MemoryStage()
    reader = MtomDecoder(content_type, root=root, stage=stage, limits=SoapSettings())
    at = turn = 0
    while at < len(data):
        size = cut[turn % len(cut)]
        reader.feed(data[at : at + size])
        at, turn = at + size, turn + 1
    reader.close()
    return [root.data, *stage.contents]


def holds_a_boundary(content: bytes) -> bool:
    """Whether the standard library, which takes any line end for one, could find the boundary inside."""
    return b"\n--B-x" in b"\n" + content or b"\r--B-x" in b"\r" + content


@given(parts=st.lists(contents, min_size=1, max_size=4), cut=cuts, padding=st.sampled_from([b"", b" ", b" \t"]))
@example(parts=[b"", b""], cut=[1], padding=b"")
@example(parts=[b"\r\n--B-", b"\r\n"], cut=[2], padding=b" ")
def test_any_chunking_gives_what_the_standard_library_reads(parts: list[bytes], cut: list[int], padding: bytes) -> None:
    assume(not any(map(holds_a_boundary, parts)))
    data = join_parts([a_part(content, Content_ID=f"<{n}@x>") for n, content in enumerate(parts)], BOUNDARY)
    data = (b"preamble\r\n" + data).replace(b"\r\n--B-x\r\n", b"\r\n--B-x" + padding + b"\r\n") + b"epilogue"
    content_type = mtom_type(BOUNDARY, start="<0@x>")

    found = decode(data, content_type, cut)

    assert found == parts
    assert found == read_multipart(content_type, data)


@given(data=contents, cut=cuts)
def test_any_bytes_are_read_or_refused_alike_in_any_chunking(data: bytes, cut: list[int]) -> None:
    def outcome(sizes: Sequence[int]) -> list[bytes] | None:
        try:
            return decode(b"--B-x\r\n\r\n" + data, mtom_type(BOUNDARY, start=None), sizes)
        except Unreadable:
            return None

    assert outcome(cut) == outcome([10_000]) == outcome([1])


@given(whole=st.binary(min_size=1, max_size=60), cut=cuts)
def test_a_message_cut_anywhere_is_refused_and_not_half_read(whole: bytes, cut: list[int]) -> None:
    assume(not holds_a_boundary(whole))
    data = join_parts([a_part(whole)], BOUNDARY).removesuffix(b"--\r\n")

    for end in range(len(data)):
        try:
            decode(data[:end], mtom_type(BOUNDARY, start=None), cut)
        except Unreadable:
            continue
        raise AssertionError(f"read {end} of {len(data)} bytes")


@given(
    documents=st.lists(st.tuples(contents, st.sampled_from(["text/plain", "application/dicom", "x\r\ny"])), max_size=4),
    cut=cuts,
)
def test_what_is_written_is_read_by_us_and_by_the_standard_library(documents: list[tuple[bytes, str]], cut: list[int]) -> None:
    parts = [OutgoingPart(f"{n}@y", kind, len(content), (content,)) for n, (content, kind) in enumerate(documents)]
    encoder = MtomEncoder((b"<envelope/>",), parts, boundary="part-0123456789abcdef")

    data = b"".join(encoder.chunks())

    expected = [b"<envelope/>", *(content for content, _ in documents)]
    assert len(data) == encoder.content_length
    assert decode(data, encoder.content_type, cut) == expected
    assume(not any(b"--part-0123" in content for content, _ in documents))
    assert read_multipart(encoder.content_type, data) == expected
    assert all(b"\n" not in str(m["Content-Type"]).encode() for m in read_messages(encoder.content_type, data))


def undone(encoding: str, text: bytes, cut: Sequence[int]) -> bytes:
    kept = Kept()
    undo = decoder(encoding, kept)
    at = turn = 0
    while at < len(text):
        size = cut[turn % len(cut)]
        undo.write(memoryview(text)[at : at + size])
        at, turn = at + size, turn + 1
    undo.finish()
    return kept.data


@given(content=st.binary(max_size=300), cut=cuts, lines=st.booleans())
def test_base64_of_the_standard_library_is_undone_in_any_chunking(content: bytes, cut: list[int], lines: bool) -> None:
    text = base64.encodebytes(content).replace(b"\n", b"\r\n") if lines else base64.b64encode(content)

    assert undone("base64", text, cut) == content


@given(content=st.binary(max_size=300), cut=cuts)
def test_quoted_printable_of_the_standard_library_is_undone_in_any_chunking(content: bytes, cut: list[int]) -> None:
    canonical = content.replace(b"\r", b"").replace(b"\n", b"\r\n")
    text = quopri.encodestring(canonical, quotetabs=True).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    text = text.replace(b"=0D\r\n", b"\r\n")  # it keeps the CR of a line end as an escape of its own

    assert undone("quoted-printable", text, cut) == canonical


@given(identifier=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="<>"), min_size=1, max_size=40))
def test_a_content_id_survives_the_way_into_an_href_and_back(identifier: str) -> None:
    assert content_id_of(include_href(identifier)) == identifier
