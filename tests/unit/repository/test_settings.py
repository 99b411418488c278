"""What an operator may and may not write for the repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from repository.settings import RepositorySettings


def test_the_defaults_keep_documents_on_this_machine_and_register_here() -> None:
    settings = RepositorySettings()

    assert settings.url == "file:documents"
    assert settings.registry_url == ""


@pytest.mark.parametrize("url", ["documents", "file:", "http://x", "s3://", "s3:///x"])
def test_an_address_that_is_no_vault_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        RepositorySettings(url=url)


@pytest.mark.parametrize("url", ["file:documents", "file:/var/lib/x", "s3://bucket", "s3://bucket/", "s3://bucket/a/b"])
def test_addresses_of_both_kinds_are_taken(url: str) -> None:
    assert RepositorySettings(url=url).url == url


def test_one_key_without_the_other_is_refused() -> None:
    with pytest.raises(ValidationError, match="together"):
        RepositorySettings(access_key_file=Path("k"))


def test_every_setting_is_explained_in_a_sentence() -> None:
    for name, field in RepositorySettings.model_fields.items():
        assert (field.description or "").endswith("."), name
