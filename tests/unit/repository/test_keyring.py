"""Data keys: made, found by other processes, wrapped anew; none opens with the wrong key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kernel.errors import Condition, Unavailable
from repository.keyring import RENEWED, FileKeys, Keyring, MasterKeys, is_name, new_key_line
from tests.support.clocks import TickingClock

OLD, NEW = b"o" * 32, b"n" * 32
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> FileKeys:
    return FileKeys(tmp_path / "keys")


def keyring(store: FileKeys, *masters: bytes, clock: TickingClock | None = None) -> Keyring:
    return Keyring(MasterKeys(masters or (OLD,)), store, clock or TickingClock())


def test_a_data_key_is_found_by_another_process(store: FileKeys) -> None:
    made = keyring(store).current()

    other = keyring(store)

    assert other.get(made.name) == made
    assert other.current() == made


def test_no_key_stands_in_the_store_or_in_a_text(store: FileKeys) -> None:
    made = keyring(store).current()

    assert made.key not in (store.get(made.name) or b"")
    assert made.key.hex() not in repr(made)
    assert str(made.key) not in repr(made)


def test_after_a_month_new_documents_get_a_new_key_and_the_old_one_is_still_there(store: FileKeys) -> None:
    clock = TickingClock()
    ring = keyring(store, clock=clock)
    first = ring.current()
    clock.present += RENEWED + timedelta(days=1)

    second = ring.current()

    assert second.name != first.name
    assert ring.get(first.name) == first


def test_a_name_that_nobody_gave_is_no_key(store: FileKeys) -> None:
    assert [keyring(store).get(name) for name in ("00" * 16, "../../etc/passwd", "")] == [None, None, None]
    assert not is_name("AB" * 16)


def test_after_a_rewrap_the_new_master_key_is_enough_and_the_old_one_opens_nothing(store: FileKeys) -> None:
    made = keyring(store).current()

    changed = keyring(store, NEW, OLD).rewrap()

    assert changed == 1
    assert keyring(store, NEW).get(made.name) is not None
    assert keyring(store, NEW).get(made.name).key == made.key  # type: ignore[union-attr]
    with pytest.raises(Unavailable):
        keyring(store, OLD).get(made.name)
    assert keyring(store, NEW).rewrap() == 0


def test_a_rewrap_without_the_old_master_key_changes_nothing(store: FileKeys) -> None:
    made = keyring(store).current()

    with pytest.raises(Unavailable) as caught:
        keyring(store, NEW).rewrap()

    assert caught.value.condition is Condition.CONTENT_DAMAGED
    assert keyring(store).get(made.name) == made


def test_a_data_key_that_cannot_be_unwrapped_keeps_no_new_document_out(store: FileKeys) -> None:
    old = keyring(store).current()

    assert keyring(store, NEW).current().name != old.name


def test_new_documents_are_not_sealed_by_a_key_that_only_an_old_master_key_wraps(store: FileKeys) -> None:
    old = keyring(store).current()

    assert keyring(store, NEW, OLD).current().name != old.name


@pytest.mark.parametrize("at", [0, 5, 12, 20, 40, -1])
def test_a_wrapped_key_that_was_changed_is_not_used(store: FileKeys, at: int) -> None:
    made = keyring(store).current()
    wrapped = bytearray(store.get(made.name) or b"")
    wrapped[at] ^= 1
    store.put(made.name, bytes(wrapped))

    with pytest.raises(Unavailable):
        keyring(store).get(made.name)


def test_a_wrapped_key_does_not_open_under_another_name(store: FileKeys) -> None:
    made = keyring(store).current()
    store.put("ab" * 16, store.get(made.name) or b"")

    with pytest.raises(Unavailable):
        keyring(store).get("ab" * 16)


def test_a_key_file_holds_a_key_on_each_line(tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    file.write_text(f"# the first one wraps\n{new_key_line()}\n\n{new_key_line()}\n")

    assert len(MasterKeys.read(file).current) == 8


@pytest.mark.parametrize("text", ["", "# nothing\n", "not base64!\n", "c2hvcnQ=\n"])
def test_a_file_without_keys_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys.txt"
    file.write_text(text)

    with pytest.raises(ValueError, match="32 bytes in base64"):
        MasterKeys.read(file)


def test_the_folder_of_keys_is_its_owners_alone(tmp_path: Path) -> None:
    FileKeys(tmp_path / "keys")

    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_keys_that_cannot_be_written_are_an_error_that_says_to_come_back(store: FileKeys, tmp_path: Path) -> None:
    (tmp_path / "keys" / ("ab" * 16)).mkdir()

    with pytest.raises(Unavailable) as caught:
        store.put("ab" * 16, b"x")

    assert caught.value.condition is Condition.OUT_OF_RESOURCES
    assert [f.name for f in (tmp_path / "keys").iterdir()] == ["ab" * 16]
