"""soap.intake"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Iterator

import pytest

from kernel.errors import Condition, Unreadable, rejected
from kernel.xml import Element
from soap.exchange import Attachment, SoapRequest
from soap.intake import DOCUMENT, TREE_BYTES, Intake
from soap.mtom import XOP_INCLUDE
from soap.settings import SoapSettings
from tests.support.soap import (
    PEER,
    PLAIN,
    MemoryStage,
    a_document,
    a_multipart,
    a_part,
    a_provision,
    an_envelope,
    an_include,
    in_chunks,
    join_parts,
    mtom_type,
)


class Reading:
    """An intake and what it was given to work with."""

    def __init__(self, body: bytes | Iterable[bytes], content_type: str = PLAIN, length: int | None = None, **limits: int) -> None:
        self.stage = MemoryStage()
        self.admitted: list[Element] = []
        chunks = in_chunks(body, 1 << 16) if isinstance(body, bytes) else body
        request = SoapRequest(PEER, content_type, chunks, length)
        self.intake = Intake(request, stage=self.stage, limits=SoapSettings(**limits), admit=self.admitted.append)

    def received(self) -> Reading:
        self.intake.receive()
        return self

    def documents(self) -> dict[str, bytes]:
        """What each Document element refers to."""
        assert self.intake.root is not None
        found = {}
        for document in self.intake.root.iter(DOCUMENT):
            (include,) = document
            assert include.tag == XOP_INCLUDE
            attachment = self.intake.attachments[include.get("href", "").removeprefix("cid:")]
            found[document.get("id", "")] = self.content(attachment)
        return found

    def content(self, attachment: Attachment) -> bytes:
        (content,) = [bytes(s.data) for s in self.stage.sinks if s.headers.content_id == attachment.content_id]
        return content


def refusal(body: bytes | Iterable[bytes], content_type: str = PLAIN, length: int | None = None, **limits: int) -> Unreadable:
    with pytest.raises(Unreadable) as refused:
        Reading(body, content_type, length, **limits).received()
    return refused.value


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_a_plain_message_has_a_root_and_no_attachments() -> None:
    reading = Reading(an_envelope()).received()

    assert reading.intake.root is not None
    assert reading.admitted == [reading.intake.root]
    assert reading.intake.attachments == {}
    assert not reading.intake.is_mtom


def test_parts_are_the_documents_that_include_elements_name() -> None:
    root = a_provision(an_include("d1@x"), an_include("urn%3Auuid%3A7"))
    reading = Reading(a_multipart(root, a_document("d1@x", b"one\r\n"), a_document("urn:uuid:7", b"two")), mtom_type()).received()

    assert reading.intake.is_mtom
    assert reading.stage.contents == [b"one\r\n", b"two"]
    assert set(reading.intake.attachments) == {"d1@x", "urn:uuid:7"}


def test_documents_in_the_text_look_like_parts() -> None:
    reading = Reading(a_provision(b64(b"one"), "\r\n " + b64(b"two")[:3] + "\n" + b64(b"two")[3:] + " ")).received()

    assert reading.documents() == {"d0": b"one", "d1": b"two"}
    assert all(sink.headers.inline for sink in reading.stage.sinks)


def test_a_document_without_text_is_an_empty_document() -> None:
    assert Reading(a_provision("")).received().documents() == {"d0": b""}


def test_a_large_message_reads_like_a_small_one() -> None:
    small, large = b"\0\xff" * 10, os.urandom(6 << 20)
    assert len(large) > TREE_BYTES

    reading = Reading(a_provision(b64(small), b64(large), "", f"<![CDATA[{b64(small)}]]>")).received()

    assert reading.documents() == {"d0": small, "d1": large, "d2": b"", "d3": small}


def test_a_large_document_may_have_short_lines() -> None:
    large = os.urandom(5 << 20)

    reading = Reading(a_provision(base64.encodebytes(large).decode().replace("\n", "\r\n"))).received()

    assert reading.documents() == {"d0": large}


def test_inline_documents_and_parts_may_come_together() -> None:
    root = a_provision(b64(b"one"), an_include("d1@x"))
    reading = Reading(a_multipart(root, a_document("d1@x", b"two")), mtom_type()).received()

    assert reading.documents() == {"d0": b"one", "d1": b"two"}


def test_text_of_documents_does_not_count_against_the_limit_of_the_envelope() -> None:
    reading = Reading(a_provision(b64(bytes(1 << 20))), envelope_bytes=100_000).received()

    assert reading.documents() == {"d0": bytes(1 << 20)}


@pytest.mark.parametrize("text", ["QUJ", "QU*D", "caf\xe9", "QQ==QQ==", "&lt;"])
@pytest.mark.parametrize("padding", [0, TREE_BYTES])
def test_text_that_is_not_base64_is_refused(text: str, padding: int) -> None:
    body = a_provision(text).replace(b"<s:Body>", b" " * padding + b"<s:Body>")

    assert "base64" in str(refusal(body).violations)


@pytest.mark.parametrize("padding", [0, TREE_BYTES])
def test_text_beside_an_include_is_refused(padding: int) -> None:
    body = a_provision(an_include("d1@x") + "QUJD").replace(b"<s:Body>", b" " * padding + b"<s:Body>")

    assert "all that its element holds" in refusal(a_multipart(body, a_document("d1@x", b"")), mtom_type()).detail


@pytest.mark.parametrize("padding", [0, TREE_BYTES])
def test_a_document_that_holds_another_element_is_refused(padding: int) -> None:
    body = a_provision("QUJD<b/>").replace(b"<s:Body>", b" " * padding + b"<s:Body>")

    assert "document" in str(refusal(body).violations).lower()


def test_a_part_that_nothing_refers_to_is_refused_before_it_is_staged() -> None:
    reading = Reading(a_multipart(an_envelope(), a_document("d1@x", b"one")), mtom_type())

    with pytest.raises(Unreadable, match="MALFORMED"):
        reading.received()

    assert reading.stage.sinks == []


def test_a_part_that_nothing_refers_to_is_refused_though_it_came_before_the_root() -> None:
    data = join_parts([a_document("d1@x", b"one"), a_part(an_envelope(), Content_ID="<root@test>")], "B-1")

    assert "d1@x" in refusal(data, mtom_type()).detail


def test_a_part_without_content_id_is_refused() -> None:
    assert "no Content-ID" in refusal(a_multipart(an_envelope(), a_part(b"one")), mtom_type()).detail


def test_an_include_of_a_part_that_is_missing_is_refused() -> None:
    data = a_multipart(a_provision(an_include("d1@x"), an_include("d2@x")), a_document("d1@x", b""))

    assert "d2@x" in refusal(data, mtom_type()).detail


def test_an_include_in_a_plain_message_is_refused() -> None:
    assert "d1@x" in refusal(a_provision(an_include("d1@x"))).detail


def test_two_includes_of_one_part_are_refused() -> None:
    data = a_multipart(a_provision(an_include("d1@x"), an_include("d1@x")), a_document("d1@x", b""))

    assert "same part" in refusal(data, mtom_type()).detail


def test_an_include_of_an_inline_document_is_refused() -> None:
    assert "same part" in refusal(a_provision("QUJD", an_include("inline-1@affinity"))).detail


def test_a_part_named_like_an_inline_document_is_refused() -> None:
    data = a_multipart(a_provision("QUJD"), a_document("inline-1@affinity", b"other"))

    assert "inline" in refusal(data, mtom_type()).detail


def test_an_include_outside_the_body_is_bound_by_the_same_rules() -> None:
    header = f"<x>{an_include('http://x').replace('cid:', '')}</x>"

    assert "cid:" in refusal(an_envelope(headers=header)).detail


def test_more_documents_than_the_limit_are_refused() -> None:
    assert refusal(a_provision(*["QUJD"] * 5), documents=4).condition is Condition.TOO_LARGE


@pytest.mark.parametrize("size", [5_000, TREE_BYTES + 5_000])
def test_an_envelope_over_its_limit_is_refused(size: int) -> None:
    body = an_envelope(f"<Ask xmlns='urn:test'>{'x' * size}</Ask>")

    assert refusal(body, envelope_bytes=size - 1).condition is Condition.TOO_LARGE


@pytest.mark.parametrize(
    "content_type", ["text/html", "application/json", "application/octet-stream", "multipart/mixed; boundary=B-1"]
)
def test_other_media_types_are_refused_with_the_status_for_it(content_type: str) -> None:
    error = refusal(an_envelope(), content_type)

    assert getattr(error, "http_status", 0) == 415


@pytest.mark.parametrize("content_type", ["application/soap+xml", "text/xml", "application/soap+xml; action=None; charset=utf-8"])
def test_a_message_is_read_whatever_the_content_type_says_of_its_action(content_type: str) -> None:
    assert Reading(an_envelope(), content_type).received().intake.root is not None


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "us-ascii"])
def test_a_charset_that_fits_is_accepted(charset: str) -> None:
    assert Reading(an_envelope(), f"application/soap+xml; charset={charset}").received().intake.root is not None


def test_utf_16_is_read() -> None:
    data = ('<?xml version="1.0" encoding="UTF-16"?>' + an_envelope().decode()).encode("utf-16")

    assert Reading(data, "application/soap+xml; charset=utf-16").received().intake.root is not None


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        (an_envelope(), "iso-8859-1"),
        (an_envelope(), "utf-7"),
        (an_envelope(), "utf-16"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?>' + an_envelope(), "utf-8"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?>' + an_envelope(), "iso-8859-15"),
    ],
)
def test_a_charset_that_does_not_fit_the_xml_is_refused(data: bytes, charset: str) -> None:
    assert refusal(data, f"application/soap+xml; charset={charset}").condition is Condition.CHARSET_UNSUPPORTED


def test_an_empty_message_is_refused_in_words_that_help() -> None:
    assert "empty" in refusal(b"").detail


def broken_off(data: bytes) -> Iterator[bytes]:
    yield data
    raise ConnectionResetError


@pytest.mark.parametrize("content_type", [PLAIN, mtom_type()])
def test_a_connection_that_ends_early_is_the_senders_affair(content_type: str) -> None:
    assert "connection" in refusal(broken_off(b"--B-1\r\n"), content_type).detail


def test_fewer_bytes_than_were_announced_are_refused_though_they_are_well_formed() -> None:
    data = an_envelope()

    assert "Content-Length" in refusal(data, length=len(data) + 1).detail


def test_a_refusal_of_the_listener_passes_through() -> None:
    def too_much() -> Iterator[bytes]:
        yield b"<"
        raise rejected(Condition.TOO_LARGE, "HTTP", "over the limit")

    reading = Reading(too_much())

    with pytest.raises(Exception, match="TOO_LARGE"):
        reading.received()


def test_abort_reaches_parts_and_inline_documents() -> None:
    root = a_provision("QUJD", an_include("d1@x"), an_include("missing@x"))
    reading = Reading(a_multipart(root, a_document("d1@x", b"two")), mtom_type())
    with pytest.raises(Unreadable):
        reading.received()

    reading.intake.abort()

    assert len(reading.stage.sinks) == 2
    assert reading.stage.all_aborted


def test_abort_reaches_every_sink_though_one_of_them_fails() -> None:
    reading = Reading(a_provision("QUJD", "QUJD")).received()
    first, second = reading.stage.sinks

    def fail() -> None:
        raise RuntimeError("disk")

    second.abort = fail  # type: ignore[method-assign]  # the one that fails

    with pytest.raises(RuntimeError):
        reading.intake.abort()

    assert first.is_aborted


def test_what_is_still_coming_after_a_refusal_is_read_up_to_a_limit() -> None:
    chunks = iter([b"--B-1\r\nX\r\n\r\n", *[b"x" * 100] * 10])
    reading = Reading(chunks, mtom_type())
    with pytest.raises(Unreadable):
        reading.received()

    reading.intake.drain(500)

    assert len(list(chunks)) == 4


def test_a_refusal_on_admission_ends_the_reading_before_a_document_is_kept() -> None:
    stage = MemoryStage()

    def refuse(_: Element) -> None:
        raise rejected(Condition.NOT_ALLOWED, "", "")

    body = [a_multipart(a_provision(an_include("d1@x")), a_document("d1@x", b"secret"))]
    intake = Intake(SoapRequest(PEER, mtom_type(), body), stage=stage, limits=SoapSettings(), admit=refuse)

    with pytest.raises(Exception, match="NOT_ALLOWED"):
        intake.receive()

    assert stage.sinks == []
