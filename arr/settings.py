"""What an operator may set for the audit record repository."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class ReaderSettings(BaseModel):
    """A program that reads the log by ITI-81 or ITI-82 and shows a token instead of a certificate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="What it is called in the audit records of its reading.")
    token_file: Path = Field(description="File that holds its bearer token, 32 characters at least, and nothing else.")


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
    report_font: Path | None = Field(
        None,
        description="TrueType font that PDF reports are set in; without one, what is beyond Latin-1 is spelled as code points.",
    )
    readers: tuple[ReaderSettings, ...] = Field(
        (), description="Programs that may read the log over HTTP with a bearer token; registered nodes need none."
    )
    checkpoint_records: int = Field(1_000, ge=1, description="A checkpoint is signed after so many records, and every minute.")
    segment_records: int = Field(
        262_144,
        ge=1024,
        le=16_777_216,
        multiple_of=1024,
        description="Records of one segment, which is sealed and dropped as a whole (on PostgreSQL a partition): about a month's.",
    )
    retention_years: int | None = Field(
        None, ge=1, le=200, description="Years that every record is kept at the least; unless set, `hie audit retain` drops none."
    )
