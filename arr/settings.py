"""What an operator may set for the audit record repository."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class ArrSettings(BaseModel):
    """How what was recorded is vouched for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_file: Path | None = Field(
        None, description="File with the Ed25519 private key that signs the log's heads (PEM); made at the first start, mode 0600."
    )
    trusted_keys_file: Path | None = Field(
        None, description="File with public keys (PEM) of earlier signers, so that what they signed is still believed."
    )
    witness_file: Path | None = Field(
        None,
        description="File that every signed checkpoint is appended to; best on a disk out of the database's reach.",
    )
    checkpoint_records: int = Field(1_000, ge=1, description="A checkpoint is signed after so many records, and every minute.")
