"""Signed heads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from arr.signing import Note, SignedNote, is_signed, key_id, load_keys, load_signer, make_signer, public_pem, signer_at
from tests.support.arr import SIGNER

NOTE = Note("log-1", 7, bytes(32), bytes(range(32)), 1_795_343_001_125)
KEYS = {SIGNER.key_id: SIGNER.public_key}


def test_a_note_is_read_from_its_text() -> None:
    assert Note.parse(NOTE.text) == NOTE


@pytest.mark.parametrize("text", ["", "x", NOTE.text + "more\n", NOTE.text.replace("7", "seven"), NOTE.text.replace("A", "!")])
def test_other_text_is_no_note(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Note.parse(text)


def test_what_was_signed_is_believed_and_nothing_else() -> None:
    signed = SIGNER.sign(NOTE.text)

    assert is_signed(signed, KEYS)
    assert not is_signed(replace(signed, text=NOTE.text.replace("7", "8")), KEYS)
    assert not is_signed(replace(signed, signature=bytes(64)), KEYS)
    assert not is_signed(replace(signed, key_id="0" * 16), KEYS)
    assert not is_signed(SignedNote(NOTE.text), KEYS)
    assert not is_signed(signed, {})


def test_a_new_key_is_its_owners_alone_and_is_loaded_again(tmp_path: Path) -> None:
    path = tmp_path / "audit.pem"

    made = make_signer(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert load_signer(path).key_id == made.key_id
    assert load_keys((tmp_path / "audit.pem.pub").read_bytes()).keys() == {made.key_id}


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    make_signer(tmp_path / "audit.pem")

    with pytest.raises(FileExistsError):
        make_signer(tmp_path / "audit.pem")


def test_a_key_is_made_once_when_many_want_it_at_the_same_moment(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        signers = list(pool.map(lambda _: signer_at(tmp_path / "audit.pem"), range(32)))

    assert len({signer.key_id for signer in signers}) == 1
    assert load_signer(tmp_path / "audit.pem").key_id == signers[0].key_id


def test_several_keys_are_believed(tmp_path: Path) -> None:
    other = make_signer(tmp_path / "x")

    keys = load_keys(public_pem(SIGNER.public_key) + public_pem(other.public_key))

    assert keys.keys() == {SIGNER.key_id, other.key_id}
    assert key_id(keys[other.key_id]) == other.key_id


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    key = X25519PrivateKey.generate()
    path = tmp_path / "k.pem"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    with pytest.raises(ValueError, match="Ed25519"):
        load_signer(path)
    with pytest.raises(ValueError, match="Ed25519"):
        load_keys(public)
