"""What every vault promises, tried on files and on an object store; and the check that both use."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest

from kernel.errors import Condition, Unavailable, Unreadable
from kernel.times import system_clock
from repository.vault import CHUNK, KEPT, Content, Missing, Readable, Vault, checked
from soap.exchange import PartHeaders
from tests.support.vaults import LIMIT, Harm, content_of, staged

PAST = datetime(2000, 1, 1, tzinfo=UTC)
SIZES = [0, 1, KEPT, KEPT + 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17]


def future() -> datetime:
    return system_clock() + timedelta(hours=1)


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def taken(vault: Vault, content: Content) -> bytes:
    return b"".join(vault.open(content).chunks())


@pytest.mark.parametrize("size", SIZES)
def test_a_published_document_is_given_out_byte_for_byte(vault: Vault, size: int) -> None:
    data = noise(size)

    content = vault.publish(staged(vault, data))

    assert content == content_of(data)
    assert taken(vault, content) == data


def test_what_was_staged_is_gone_from_the_staging_once_it_is_published(vault: Vault) -> None:
    attachment = staged(vault, b"abc")

    vault.publish(attachment)

    assert not attachment.path.exists()
    assert vault.clear(before=future()) == 0


def test_a_document_that_was_not_published_is_missing(vault: Vault) -> None:
    staged(vault, b"abc")

    with pytest.raises(Missing) as caught:
        vault.open(content_of(b"abc"))

    assert caught.value.condition is Condition.CONTENT_DAMAGED


def test_the_same_bytes_are_kept_once(vault: Vault) -> None:
    vault.publish(staged(vault, b"abc"))
    vault.publish(staged(vault, b"abc", "other@test"))
    vault.publish(staged(vault, b"abd"))

    assert sorted(h.sha256 for h in vault.held()) == sorted([content_of(b"abc").sha256, content_of(b"abd").sha256])


@pytest.mark.parametrize("size", [1, KEPT, 2 * CHUNK])
@pytest.mark.parametrize("change", ["flip", "cut", "grow", "swap"])
def test_changed_bytes_are_never_given_out(vault: Vault, harm: Harm, size: int, change: str) -> None:
    data = noise(size)
    content = vault.publish(staged(vault, data))
    at = random.Random(size).randrange(size)
    flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    harm.write(content, {"flip": flipped, "cut": data[:-1], "grow": data + b"x", "swap": noise(size, seed=2)}[change])

    with pytest.raises(Unavailable) as caught:
        vault.open(content)

    assert caught.value.condition is Condition.CONTENT_DAMAGED


def test_a_damaged_document_is_healed_when_it_comes_again(vault: Vault, harm: Harm) -> None:
    content = vault.publish(staged(vault, b"abc"))
    harm.write(content, b"abd")

    vault.publish(staged(vault, b"abc"))

    assert taken(vault, content) == b"abc"


def test_the_wrong_size_is_damage_even_when_the_hash_is_right(vault: Vault) -> None:
    content = vault.publish(staged(vault, b"abc"))

    for size in (2, 4, KEPT + 1):
        with pytest.raises(Unavailable):
            vault.open(Content(content.sha256, size))


def test_an_old_document_is_discarded_and_a_fresh_one_is_not(vault: Vault) -> None:
    content = vault.publish(staged(vault, b"abc"))

    assert not vault.discard(content.sha256, unless_since=PAST)
    assert taken(vault, content) == b"abc"
    assert vault.discard(content.sha256, unless_since=future())
    assert list(vault.held()) == []
    with pytest.raises(Missing):
        vault.open(content)


def test_discarding_what_is_not_there_is_harmless(vault: Vault) -> None:
    assert not vault.discard(content_of(b"abc").sha256, unless_since=future())


def test_a_document_says_when_it_was_published(vault: Vault) -> None:
    before = system_clock() - timedelta(seconds=2)

    vault.publish(staged(vault, b"abc"))

    (held,) = vault.held()
    assert before <= held.published_at <= future()


def test_publishing_again_renews_the_time(vault: Vault) -> None:
    content = vault.publish(staged(vault, b"abc"))
    (first,) = vault.held()
    attachment = staged(vault, b"abc")
    os.utime(attachment.path, (0, 0))

    vault.publish(attachment)

    (second,) = vault.held()
    assert second.published_at >= first.published_at
    assert not vault.discard(content.sha256, unless_since=first.published_at)


def test_what_broken_requests_left_behind_is_cleared_when_it_is_old(vault: Vault) -> None:
    left = staged(vault, b"abc")

    assert vault.clear(before=PAST) == 0
    assert left.path.exists()
    assert vault.clear(before=future()) == 1
    assert not left.path.exists()


def test_a_part_that_is_forgotten_leaves_nothing(vault: Vault) -> None:
    sink = vault.stage(PartHeaders("x"))
    sink.write(b"abc")

    sink.abort()
    sink.abort()

    assert vault.clear(before=future()) == 0


def test_forgetting_a_part_that_was_published_leaves_the_document(vault: Vault) -> None:
    sink = vault.stage(PartHeaders("x"))
    sink.write(b"abc")
    content = vault.publish(sink.close())

    sink.abort()

    assert taken(vault, content) == b"abc"


def test_a_document_over_the_limit_is_refused_while_it_arrives(vault: Vault) -> None:
    sink = vault.stage(PartHeaders("x"))
    sink.write(bytes(LIMIT))

    with pytest.raises(Unreadable) as caught:
        sink.write(b"x")

    sink.abort()
    assert caught.value.condition is Condition.TOO_LARGE


# --- the check


class Trickle:
    """Gives a few bytes at a time, as a pipe or a network file system may."""

    def __init__(self, data: bytes) -> None:
        self._file = BytesIO(data)

    def read(self, size: int, /) -> bytes:
        return self._file.read(min(size, 1000))

    def close(self) -> None:
        self._file.close()


class Broken:
    """A disk that cannot read its second block."""

    def __init__(self) -> None:
        self._blocks = iter((bytes(CHUNK),))

    def read(self, _: int, /) -> bytes:
        try:
            return next(self._blocks)
        except StopIteration:
            raise OSError(5, "Input/output error") from None

    def close(self) -> None:
        return None


def test_a_source_that_trickles_is_read_whole() -> None:
    data = noise(CHUNK + 5000)

    opened = checked(content_of(data), lambda: Trickle(data))

    assert b"".join(opened.chunks()) == data


def test_bytes_that_change_between_the_check_and_the_sending_do_not_leave() -> None:
    data = noise(3 * CHUNK)
    changed = data[: CHUNK + 7] + bytes([data[CHUNK + 7] ^ 0x80]) + data[CHUNK + 8 :]
    readings = iter((data, changed))
    opened = checked(content_of(data), lambda: BytesIO(next(readings)))

    sent = opened.chunks()

    assert next(sent) == data[:CHUNK]
    with pytest.raises(Unavailable):
        next(sent)


def test_bytes_that_are_cut_between_the_check_and_the_sending_end_in_an_error() -> None:
    data = noise(2 * CHUNK)
    readings = iter((data, data[:CHUNK]))
    opened = checked(content_of(data), lambda: BytesIO(next(readings)))

    with pytest.raises(Unavailable):
        list(opened.chunks())


def test_a_disk_that_cannot_be_read_means_damage() -> None:
    with pytest.raises(Unavailable) as caught:
        checked(Content("0" * 64, 2 * CHUNK), Broken)

    assert caught.value.condition is Condition.CONTENT_DAMAGED


def test_an_endless_source_is_not_read_beyond_its_size() -> None:
    asked: list[int] = []

    class Endless:
        def read(self, size: int, /) -> bytes:
            asked.append(size)
            return bytes(size)

        def close(self) -> None:
            return None

    source: type[Readable] = Endless
    with pytest.raises(Unavailable):
        checked(Content("0" * 64, CHUNK), source)

    assert len(asked) == 2
