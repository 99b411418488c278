"""What is particular to an object store: it may be away, and what it says stays with us."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from kernel.errors import Condition, Unavailable
from kernel.times import system_clock
from repository.object_vault import Bucket, ObjectVault
from repository.vault import Content
from tests.support.ports import free_port
from tests.support.vaults import LIMIT, an_object_vault, content_of, staged


def away(tmp_path: Path, seconds: float = 1.0) -> ObjectVault:
    """A vault whose store is not there."""
    bucket = Bucket(
        "b",
        "",
        endpoint=f"http://127.0.0.1:{free_port()}",
        access_key="SECRET-K",
        secret_key="s",
        timeout=timedelta(seconds=seconds),
    )
    return ObjectVault(bucket, tmp_path, document_bytes=LIMIT)


def test_a_store_that_is_away_means_come_again_and_tells_no_secret(tmp_path: Path) -> None:
    vault = away(tmp_path)
    attachment = staged(vault, b"abc")

    with pytest.raises(Unavailable) as caught:
        vault.publish(attachment)

    assert caught.value.condition is Condition.BUSY
    assert "SECRET-K" not in caught.value.detail
    assert attachment.path.exists()


@pytest.mark.parametrize("size", [3, 1 << 20])
def test_reading_listing_and_discarding_say_so_too(tmp_path: Path, size: int) -> None:
    vault = away(tmp_path)
    key = content_of(b"abc").sha256

    with pytest.raises(Unavailable) as reading:
        vault.open(Content(key, size))
    with pytest.raises(Unavailable) as listing:
        list(vault.held())
    with pytest.raises(Unavailable) as discarding:
        vault.discard(key, unless_since=system_clock())

    assert {e.value.condition for e in (reading, listing, discarding)} == {Condition.BUSY}


def test_a_bucket_that_is_not_there_is_no_place_to_put_a_document(object_store_address: str, tmp_path: Path) -> None:
    bucket = Bucket("nobody-made-me", "p", endpoint=object_store_address, access_key="a", secret_key="b")
    vault = ObjectVault(bucket, tmp_path, document_bytes=LIMIT)

    with pytest.raises(Unavailable):
        vault.publish(staged(vault, b"abc"))


def test_a_large_document_is_sent_in_parts_and_leaves_no_file_behind(object_store_address: str, tmp_path: Path) -> None:
    with an_object_vault(object_store_address, "large", tmp_path) as (vault, harm):
        data = bytes(range(256)) * (80 << 10)  # 20 MiB: three parts

        content = vault.publish(staged(vault, data))

        assert harm.read(content) == data
        opened = vault.open(content)
        assert len(list(tmp_path.iterdir())) == 1
        assert b"".join(opened.chunks()) == data
        del opened
        assert list(tmp_path.iterdir()) == []


def test_documents_that_wait_to_be_sent_hold_no_descriptor(object_store_address: str, tmp_path: Path) -> None:
    with an_object_vault(object_store_address, "many", tmp_path) as (vault, _):
        content = vault.publish(staged(vault, bytes(100_000)))
        before = len(list(Path("/proc/self/fd").iterdir()))

        opened = [vault.open(content) for _ in range(30)]

        assert len(list(Path("/proc/self/fd").iterdir())) < before + 15
        assert {len(b"".join(o.chunks())) for o in opened} == {100_000}
