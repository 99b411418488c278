"""soap.mtom"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from kernel.errors import Condition, Unavailable, Unreadable
from soap.exchange import OutgoingPart, PartHeaders
from soap.mtom import MtomDecoder, MtomEncoder, content_id_of, include_href
from soap.settings import SoapSettings
from tests.support.soap import (
    MemoryStage,
    a_document,
    a_multipart,
    a_part,
    in_chunks,
    join_parts,
    mtom_type,
    read_messages,
    read_multipart,
)


class Root:
    """A root sink in memory."""

    def __init__(self) -> None:
        self.data = b""
        self.is_closed = False

    def write(self, data: bytes | memoryview, /) -> None:
        self.data += data

    def close(self, _: PartHeaders, /) -> None:
        self.is_closed = True


def decode(data: bytes, content_type: str | None = None, *, size: int = 7, **limits: int) -> tuple[Root, MemoryStage, MtomDecoder]:
    root, stage = Root(), MemoryStage()
    decoder = MtomDecoder(content_type or mtom_type(), root=root, stage=stage, limits=SoapSettings(**limits))
    for chunk in in_chunks(data, size):
        decoder.feed(chunk)
    decoder.close()
    return root, stage, decoder


def refusal(data: bytes, content_type: str | None = None, **limits: int) -> Unreadable:
    with pytest.raises(Unreadable) as refused:
        decode(data, content_type, **limits)
    return refused.value


def test_the_root_and_the_documents_come_out_as_they_went_in() -> None:
    data = a_multipart(b"<envelope/>", a_document("d1@x", b"\r\n\0one\r\n"), a_document("d2@x", b""))

    root, stage, decoder = decode(data)

    assert root.data == b"<envelope/>"
    assert root.is_closed
    assert stage.contents == [b"\r\n\0one\r\n", b""]
    assert list(decoder.attachments) == ["d1@x", "d2@x"]
    assert decoder.attachments["d1@x"].size == 8
    assert decoder.attachments["d1@x"].content_type == "text/plain"


def test_the_part_that_start_names_is_the_root_wherever_it_stands() -> None:
    data = join_parts([a_document("d1@x", b"one"), a_part(b"<e/>", Content_ID="<root@test>")], "B-1")

    root, stage, _ = decode(data)

    assert root.data == b"<e/>"
    assert stage.contents == [b"one"]


def test_without_start_the_first_part_is_the_root() -> None:
    data = join_parts([a_part(b"<e/>"), a_document("d1@x", b"one")], "B-1")

    root, _, _ = decode(data, mtom_type(start=None))

    assert root.data == b"<e/>"


def test_start_and_content_id_may_be_a_uuid_urn_with_or_without_brackets() -> None:
    identifier = "urn:uuid:11111111-2222-4333-8444-555555555555"
    data = join_parts([a_part(b"<e/>", Content_ID=f"<{identifier}>")], "B-1")

    root, _, _ = decode(data, mtom_type(start=identifier))

    assert root.data == b"<e/>"


def test_preamble_padding_after_the_boundary_and_epilogue_are_skipped() -> None:
    data = b"hello\r\n--B-1 \t\r\nContent-ID: <root@test>\r\n\r\n<e/>\r\n--B-1-- \r\ngoodbye"

    root, _, _ = decode(data)

    assert root.data == b"<e/>"


def test_transfer_encodings_are_undone_while_the_bytes_stream() -> None:
    data = a_multipart(
        b"<e/>",
        a_part(b"QU\r\nJD", Content_ID="<d1@x>", Content_Transfer_Encoding="BASE64"),
        a_part(b"a=3D=\r\nb", Content_ID="<d2@x>", Content_Transfer_Encoding="quoted-printable"),
    )

    _, stage, _ = decode(data, size=1)

    assert stage.contents == [b"ABC", b"a=b"]


def test_a_part_without_headers_and_a_part_without_content_are_parts() -> None:
    data = b"--B-1\r\n\r\n<e/>\r\n--B-1\r\nContent-ID: <d1@x>\r\n\r\n--B-1--"

    root, stage, _ = decode(data, mtom_type(start=None), size=1)

    assert root.data == b"<e/>"
    assert stage.contents == [b""]


def test_a_document_may_begin_with_half_a_boundary() -> None:
    data = a_multipart(b"<e/>", a_document("d1@x", b"--B-\r\n--B-\r\n--"))

    for size in (1, 2, 3, 1000):
        _, stage, _ = decode(data, size=size)
        assert stage.contents == [b"--B-\r\n--B-\r\n--"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "boundary"),
        (b"--B-1\n\n<e/>\n--B-1--", "CRLF"),
        (b"--B-2\r\n\r\n<e/>\r\n--B-2--", "boundary"),
        (b"--B-1\r\nContent-ID: <root@test>\r\n\r\n<e/>", "before its last boundary"),
        (b"--B-1\r\nContent-ID: <root@test>\r\n", "before its last boundary"),
        (b"--B-1\r\nContent-ID: <root@test>\r\n\r\n<e/>\r\n--B-1", "before its last boundary"),
        (b"--B-1\r\nContent-ID: <root@test>\r\n\r\n<e/>\r\n--B-1--x", "holds something else"),
        (b"--B-1\r\nContent-ID: <root@test>\r\n\r\n<e/>\r\n--B-12\r\n\r\nx\r\n--B-1--", "no prefix"),
        (b"--B-1\r\nContent-ID: <other@test>\r\n\r\n<e/>\r\n--B-1--", "start"),
        (b"--B-1--", "start"),
    ],
)
def test_a_body_that_is_no_multipart_is_refused_in_words_that_help(data: bytes, said: str) -> None:
    assert said in refusal(data).detail


def test_two_parts_with_one_content_id_are_refused() -> None:
    data = a_multipart(b"<e/>", a_document("d1@x", b"one"), a_document("d1@x", b"two"))

    assert "same content id" in refusal(data).detail


def test_a_second_part_with_the_content_id_of_the_root_is_refused() -> None:
    data = a_multipart(b"<e/>", a_part(b"<other/>", Content_ID="<root@test>"))

    assert "same content id" in refusal(data).detail


def test_a_root_that_is_itself_a_multipart_is_refused() -> None:
    data = join_parts([a_part(b"--C\r\n\r\n<e/>\r\n--C--", Content_Type="multipart/related; boundary=C")], "B-1")

    assert "multipart" in refusal(data, mtom_type(start=None)).detail


def test_a_root_of_another_type_is_refused() -> None:
    data = join_parts([a_part(b"<e/>", Content_Type="image/png")], "B-1")

    assert "application/xop+xml" in refusal(data, mtom_type(start=None)).detail


def test_more_parts_than_the_limit_are_refused_before_they_are_staged() -> None:
    data = a_multipart(b"<e/>", *[a_document(f"d{n}@x", b"") for n in range(10)])

    assert refusal(data, parts=3).condition is Condition.TOO_LARGE


def test_headers_of_a_megabyte_are_refused_before_they_are_kept() -> None:
    data = b"--B-1\r\nX: " + b"x" * 1_000_000

    assert refusal(data).condition is Condition.TOO_LARGE


@pytest.mark.parametrize("tail", [b"--B-1--" + b"x" * 100_000, b"--B-1--\r\n" + b"x" * 100_000])
def test_an_endless_epilogue_is_refused(tail: bytes) -> None:
    data = a_multipart(b"<e/>").removesuffix(b"--B-1--\r\n") + tail

    assert refusal(data)


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/related",
        'multipart/related; boundary=""',
        f"multipart/related; boundary={'x' * 71}",
        'multipart/related; boundary="caf\xe9"',
        'multipart/related; boundary="ends in a space "',
        "multipart/mixed; boundary=B-1",
        "application/soap+xml",
    ],
)
def test_a_content_type_without_a_usable_boundary_is_refused(content_type: str) -> None:
    assert refusal(a_multipart(b"<e/>"), content_type).condition is Condition.MALFORMED


def test_abort_reaches_every_sink_that_was_opened() -> None:
    root, stage = Root(), MemoryStage()
    decoder = MtomDecoder(mtom_type(), root=root, stage=stage, limits=SoapSettings())
    decoder.feed(a_multipart(b"<e/>", a_document("d1@x", b"one"), a_document("d2@x", b"two"))[:-12])

    decoder.abort()

    assert len(stage.sinks) == 2
    assert stage.all_aborted


@pytest.mark.parametrize(
    ("href", "identifier"),
    [
        ("cid:a@b", "a@b"),
        ("CID:a@b", "a@b"),
        (" cid:a%40b ", "a@b"),
        ("cid:urn:uuid:11111111-2222-4333-8444-555555555555", "urn:uuid:11111111-2222-4333-8444-555555555555"),
        ("cid:urn%3Auuid%3Ax", "urn:uuid:x"),
        ("cid:%3Ca@b%3E", "a@b"),
        ("cid:", None),
        ("", None),
        ("a@b", None),
        ("http://127.0.0.1/x", None),
        ("file:///etc/hostname", None),
        ("data:text/plain,x", None),
        ("#a", None),
    ],
)
def test_only_a_cid_url_names_a_part(href: str, identifier: str | None) -> None:
    assert content_id_of(href) == identifier


def test_a_content_id_survives_the_way_into_an_href_and_back() -> None:
    identifier = "100% <odd>/id?#@x"

    assert content_id_of(include_href(identifier)) == identifier


def a_message(*documents: bytes, kind: str = "text/plain") -> tuple[MtomEncoder, bytes]:
    parts = [OutgoingPart(f"d{n}@y", kind, len(content), (content,)) for n, content in enumerate(documents)]
    encoder = MtomEncoder((b"<e>", b"</e>"), parts, boundary="B-9")
    return encoder, b"".join(encoder.chunks())


def test_what_is_written_has_the_length_that_was_said() -> None:
    encoder, data = a_message(b"one", b"\r\n--B\r\n", b"")

    assert len(data) == encoder.content_length
    assert read_multipart(encoder.content_type, data) == [b"<e></e>", b"one", b"\r\n--B\r\n", b""]


def test_what_is_written_names_its_root_and_its_parts() -> None:
    encoder, data = a_message(b"one")

    root, part = read_messages(encoder.content_type, data)

    assert 'start="<root@affinity>"' in encoder.content_type
    assert root["Content-ID"] == "<root@affinity>"
    assert root.get_content_type() == "application/xop+xml"
    assert part["Content-ID"] == "<d0@y>"
    assert part.get_content_type() == "text/plain"


@pytest.mark.parametrize("kind", ["text/plain\r\nX-Evil: 1", "text/pl\0ain", "", "caf\xe9/x"])
def test_a_content_type_that_could_end_the_header_is_not_written(kind: str) -> None:
    encoder, data = a_message(b"one", kind=kind)

    (_, part) = read_messages(encoder.content_type, data)
    assert part.get_content_type() == "application/octet-stream"
    assert "X-Evil" not in part


def test_a_content_id_that_could_end_the_header_is_a_bug() -> None:
    with pytest.raises(ValueError, match="content id"):
        MtomEncoder((b"",), [OutgoingPart("a\r\nb", "text/plain", 0, ())], boundary="B-9")


@pytest.mark.parametrize("chunks", [(b"ab",), (b"abc", b"d"), ()])
def test_a_document_of_another_size_than_was_said_breaks_the_answer_off(chunks: Sequence[bytes]) -> None:
    encoder = MtomEncoder((b"",), [OutgoingPart("d@y", "text/plain", 3, chunks)], boundary="B-9")

    with pytest.raises(Unavailable) as broken:
        b"".join(encoder.chunks())

    assert broken.value.condition is Condition.CONTENT_DAMAGED


def test_a_byte_beyond_the_size_that_was_said_is_not_sent() -> None:
    encoder = MtomEncoder((b"",), [OutgoingPart("d@y", "text/plain", 1, (b"a", b"SECRET"))], boundary="B-9")
    sent = b""

    with pytest.raises(Unavailable):
        for chunk in encoder.chunks():
            sent += chunk

    assert b"SECRET" not in sent


def test_a_reader_that_goes_away_closes_the_document() -> None:
    closed = []

    def content() -> Iterator[bytes]:
        try:
            yield b"a"
            yield b"b"
        finally:
            closed.append(True)

    chunks = MtomEncoder((b"",), [OutgoingPart("d@y", "text/plain", 2, content())], boundary="B-9").chunks()
    while next(chunks) != b"a":
        pass

    chunks.close()  # type: ignore[attr-defined]  # it is a generator

    assert closed == [True]
