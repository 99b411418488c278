"""What an operator may set for the document repository."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator


class RepositorySettings(BaseModel):
    """Where documents are kept, and which registry they are registered with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        default="file:documents",
        description="file:FOLDER (below the data folder unless absolute) or s3://BUCKET/PREFIX.",
        pattern=r"^(file:.+|s3://[^/]+(/.*)?)$",
    )
    endpoint: str = Field(default="", description="Address of the object store where it is not Amazon's, as http://HOST:9000.")
    region: str = Field(default="us-east-1", description="Region of the object store.")
    access_key_file: Path | None = Field(
        default=None, description="File that holds the access key id of the object store and nothing else."
    )
    secret_key_file: Path | None = Field(
        default=None, description="File that holds the secret key of the object store and nothing else."
    )
    key_file: Path | None = Field(
        default=None,
        description="File of master keys, made by `hie storage new-key`. With one, new documents are sealed (AES-256-GCM) at rest.",
    )
    timeout_seconds: float = Field(default=60.0, gt=0, description="How long one request to the object store may take.")
    document_bytes: int = Field(default=2 << 30, ge=1 << 10, description="Largest single document, in bytes.")
    retrieve_documents: int = Field(default=1_000, ge=1, le=10_000, description="Most documents in one ITI-43 answer.")
    orphan_hours: float = Field(
        default=24.0,
        ge=1,
        description="A document that was never registered is kept this long, then swept; so are remains of a crash.",
    )
    replay_days: float = Field(
        default=7.0, ge=1, description="A submission that was registered is recognised this long when its sender repeats it."
    )
    limited_metadata: bool = Field(
        default=False,
        description="Whether a submission set that is labelled as limited metadata is received (XDR), to be filed by hand.",
    )
    snapshots: bool = Field(
        default=True,
        description="Whether an on-demand document that was given out is kept and registered as a snapshot of its entry.",
    )
    registry_url: str = Field(default="", description="Where ITI-42 goes; empty for the registry of this service.")
    registry_timeout_seconds: float = Field(default=30.0, gt=0, description="How long the other registry may be silent.")

    @model_validator(mode="after")
    def _is_consistent(self) -> RepositorySettings:
        if (self.access_key_file is None) != (self.secret_key_file is None):
            raise ValueError("access_key_file and secret_key_file are given together or not at all")
        return self
