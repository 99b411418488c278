"""Documents on their way to files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from kernel.errors import Condition, Unavailable, Unreadable
from soap.exchange import PartHeaders
from soap.spool import Spool


def test_a_document_is_written_as_it_comes_and_named_by_its_digests(tmp_path: Path) -> None:
    content = b"\r\n<a/>\n\r\n"
    part = Spool(tmp_path, limit=100)(PartHeaders("d@x", "text/xml"))

    for at in range(0, len(content), 3):
        part.write(memoryview(content)[at : at + 3])
    attachment = part.close()

    assert attachment.path.read_bytes() == content
    assert (attachment.content_id, attachment.content_type, attachment.size) == ("d@x", "text/xml", len(content))
    assert attachment.sha1 == hashlib.sha1(content).hexdigest()
    assert attachment.sha256 == hashlib.sha256(content).hexdigest()


def test_all_documents_of_a_message_share_one_limit(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit=10)
    first, second = spool(PartHeaders("a")), spool(PartHeaders("b"))

    first.write(b"123456")
    with pytest.raises(Unreadable) as refusal:
        second.write(b"12345")

    assert refusal.value.condition is Condition.TOO_LARGE
    first.abort()
    second.abort()


def test_an_aborted_document_leaves_no_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit=10)
    open_one, closed_one = spool(PartHeaders("a")), spool(PartHeaders("b"))
    open_one.write(b"1")
    closed_one.close()

    for part in (open_one, closed_one, closed_one):
        part.abort()

    assert list(tmp_path.iterdir()) == []


def test_a_document_that_was_moved_away_survives_an_abort(tmp_path: Path) -> None:
    part = Spool(tmp_path / "spool", limit=10)(PartHeaders("a"))
    part.write(b"kept")
    kept = part.close().path.rename(tmp_path / "kept")

    part.abort()

    assert kept.read_bytes() == b"kept"


def test_a_folder_that_cannot_be_written_is_a_reason_to_try_again(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Unavailable) as refusal:
        Spool(tmp_path / "file" / "spool", limit=10)(PartHeaders("a"))

    assert refusal.value.condition is Condition.OUT_OF_RESOURCES
