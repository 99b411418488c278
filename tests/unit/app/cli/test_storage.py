"""app.cli.storage"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from repository.keyring import MasterKeys
from soap.exchange import SoapRequest
from tests.support import messages as m
from tests.support.command import hie
from tests.support.soap import PLAIN, Reply
from tests.support.stores import PEER, Store, a_house

LETTER = b"A letter that nobody but its readers should read."


def settings_of(file: Path) -> dict[str, str]:
    return {"storage__key_file": str(file)}


def environment_of(file: Path) -> dict[str, str]:
    return {"HIE_STORAGE__KEY_FILE": str(file)}


@pytest.fixture
def key_file(store: Store, tmp_path: Path) -> Path:
    file = tmp_path / "keys.txt"
    assert hie("storage", "new-key", str(file)).code == 0
    return file


def provided(store: Store, key_file: Path) -> str:
    """The uniqueId of a document that was provided to a sealed store."""
    house = a_house(store.data, **settings_of(key_file))
    house.v2(m.adt("1"), PEER)
    patient = house.v2(m.pix_query("1"), PEER).decode().partition("PID||")[2].lstrip("|").partition("^")[0]
    entry = m.Entry(m.cx(patient), hash=None, size=None)
    kind, data = m.provide_and_register(entry, LETTER)
    assert b"Success" in Reply.of(house.soap.handle(SoapRequest(PEER, kind, (data,), len(data)))).data
    house.close()
    return entry.unique_id


def given(store: Store, unique_id: str, key_file: Path) -> bytes:
    """The answer to a retrieval."""
    house = a_house(store.data, **settings_of(key_file))
    message = m.envelope(m.ACTION_43, m.retrieve((m.REPOSITORY, unique_id)))
    answer = Reply.of(house.soap.handle(SoapRequest(PEER, PLAIN, (message,), len(message)))).data
    house.close()
    return answer


def test_a_key_file_is_its_owners_alone_and_gets_a_new_first_key_each_time(store: Store, key_file: Path) -> None:
    first = key_file.read_text()

    hie("storage", "new-key", str(key_file))

    assert key_file.stat().st_mode & 0o777 == 0o600
    assert key_file.read_text().endswith(first)
    assert len(key_file.read_text().splitlines()) == 2


def test_whoever_could_read_the_key_file_still_can(store: Store, key_file: Path) -> None:
    key_file.chmod(0o440)
    if os.geteuid() == 0:
        os.chown(key_file, 12345, 23456)
    before = key_file.stat()

    hie("storage", "new-key", str(key_file))

    after = key_file.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert len(key_file.read_text().splitlines()) == 2


def test_no_document_stands_in_the_clear_anywhere_below_the_data(store: Store, key_file: Path) -> None:
    unique_id = provided(store, key_file)

    files = [file for file in store.data.rglob("*") if file.is_file()]

    assert len([f for f in files if "content" in f.parts]) == 1
    assert [f for f in files if LETTER in f.read_bytes()] == []
    assert LETTER in given(store, unique_id, key_file)


def test_after_a_rotation_documents_open_with_the_new_key_alone_and_were_not_written(store: Store, key_file: Path) -> None:
    unique_id = provided(store, key_file)
    (body,) = [f for f in store.data.rglob("content/*/*") if f.is_file()]
    before = (body.read_bytes(), body.stat().st_mtime_ns)
    old = key_file.read_text()

    hie("storage", "new-key", str(key_file))
    done = store.hie("storage", "rewrap", "--json", **environment_of(key_file))
    key_file.write_text(key_file.read_text().removesuffix(old))

    assert (done.code, done.json) == (0, {"rewrapped": 1, "data keys": 1})
    assert (body.read_bytes(), body.stat().st_mtime_ns) == before
    assert LETTER in given(store, unique_id, key_file)
    key_file.write_text(old)
    assert LETTER not in given(store, unique_id, key_file)


def test_the_data_keys_are_listed_by_the_master_key_that_wraps_them(store: Store, key_file: Path) -> None:
    provided(store, key_file)

    (row,) = store.hie("storage", "keys", "--json", **environment_of(key_file)).json

    assert len(row["key"]) == 32
    assert row["wrapped by"] == MasterKeys.read(key_file).current.hex()


@pytest.mark.parametrize("command", ["keys", "rewrap"])
def test_without_a_key_file_there_is_nothing_to_do(store: Store, command: str) -> None:
    done = store.hie("storage", command)

    assert done.code == 2
    assert "storage.key_file" in done.err


def test_a_file_that_holds_no_keys_stops_the_command_with_its_reason(store: Store, tmp_path: Path) -> None:
    (tmp_path / "keys.txt").write_text("no key\n")

    done = store.hie("storage", "keys", **environment_of(tmp_path / "keys.txt"))

    assert done.code == 2
    assert "32 bytes" in done.err
