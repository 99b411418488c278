"""Both vaults, and a repository with a registry that can be told what to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from kernel.database import Database
from repository.store import METADATA
from repository.vault import Vault
from tests.support import object_store
from tests.support.repositories import Repository
from tests.support.vaults import FileHarm, Harm, a_file_vault, an_object_vault

_numbers = count()


@pytest.fixture(scope="session")
def object_store_address() -> Iterator[str]:
    """The address of a running object store."""
    if not object_store.is_available():
        pytest.skip("the object store's server is not installed")
    with object_store.object_store() as address:
        yield address


@pytest.fixture(params=["files", "objects", "sealed files", "sealed objects"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Vault, Harm]]:
    """A vault, and the means to damage what is in it."""
    is_sealed = request.param.startswith("sealed")
    if request.param.endswith("files"):
        yield a_file_vault(tmp_path / "vault", is_sealed=is_sealed)
        return
    address: str = request.getfixturevalue("object_store_address")
    with an_object_vault(address, f"bucket-{next(_numbers)}", tmp_path / "staging", is_sealed=is_sealed) as made:
        yield made


@pytest.fixture
def vault(stored: tuple[Vault, Harm]) -> Vault:
    """A vault."""
    return stored[0]


@pytest.fixture
def harm(stored: tuple[Vault, Harm]) -> Harm:
    """The means to damage what is in the vault."""
    return stored[1]


@pytest.fixture
def repository(make_database: Callable[..., Database], tmp_path: Path) -> Repository:
    """A repository on each database, with its documents in files."""
    vault, _ = a_file_vault(tmp_path / "vault")
    return Repository(make_database(METADATA), vault)


@pytest.fixture
def files(tmp_path: Path) -> FileHarm:
    """The means to damage the files of `repository`."""
    return FileHarm(tmp_path / "vault")
