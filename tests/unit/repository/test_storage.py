"""The settings choose the vault."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.times import system_clock
from repository.file_vault import FileVault
from repository.object_vault import ObjectVault
from repository.settings import RepositorySettings
from repository.storage import vault_at
from tests.support import object_store
from tests.support.vaults import ObjectHarm, staged


@pytest.mark.parametrize("url", ["file:documents", "file:./documents"])
def test_a_folder_is_below_the_data(tmp_path: Path, url: str) -> None:
    vault = vault_at(RepositorySettings(url=url), tmp_path, system_clock)

    assert isinstance(vault, FileVault)
    assert (tmp_path / "documents" / "content").is_dir()


@pytest.mark.parametrize("scheme", ["file:", "file://"])
def test_an_absolute_folder_is_where_it_says(tmp_path: Path, scheme: str) -> None:
    vault_at(RepositorySettings(url=f"{scheme}{tmp_path}/elsewhere"), tmp_path / "data", system_clock)

    assert (tmp_path / "elsewhere" / "content").is_dir()
    assert not (tmp_path / "data").exists()


def test_an_object_store_takes_its_keys_from_files_and_its_prefix_from_the_address(
    object_store_address: str, tmp_path: Path
) -> None:
    object_store.make_bucket(object_store_address, "chosen")
    for name in ("access", "secret"):
        (tmp_path / name).write_text(f"{name}-key\n")
    settings = RepositorySettings(
        url="s3://chosen/a/b",
        endpoint=object_store_address,
        access_key_file=tmp_path / "access",
        secret_key_file=tmp_path / "secret",
    )

    vault = vault_at(settings, tmp_path / "data", system_clock)

    assert isinstance(vault, ObjectVault)
    content = vault.publish(staged(vault, b"abc"))
    harm = ObjectHarm(object_store_address, "chosen", "a/b")
    assert harm.read(content) == b"abc"
    harm.close()
