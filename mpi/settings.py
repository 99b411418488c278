"""What an operator may set for the patient index."""

from __future__ import annotations

from enum import Enum

from pydantic import BaseModel, ConfigDict, Field


class MatchingMode(Enum):
    """When a record is compared with the others."""

    QUEUED = "queued"
    INLINE = "inline"


class MatchingSettings(BaseModel):
    """How records are linked to persons."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: MatchingMode = Field(
        MatchingMode.QUEUED, description="queued: a worker links after the acknowledgement; inline: before it, in the same commit."
    )
    fat_key: int = Field(
        200, ge=10, le=10_000, description="A blocking key with more records than this is passed over while others give candidates."
    )
    candidates: int = Field(500, ge=10, le=10_000, description="Most records that one record is compared with.")
    learn_records: int = Field(
        250_000,
        ge=0,
        description="Up to so many records the index trains its model by itself, each time their number has doubled, unless"
        " somebody chose a model; 0: never. A training holds 1.5 kB a record in the memory of the worker.",
    )
    lease_seconds: int = Field(900, ge=30, description="So long a review belongs to the administrator who opened it.")


class MpiSettings(BaseModel):
    """Queries to the patient index."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    application: str = Field("AFFINITY", description="Our name in the messages we send: MSH-3.")
    facility: str = Field("HIE", description="MSH-4 of the messages we send.")
    notify_seconds: float = Field(30.0, gt=0, description="So long a consumer may take to acknowledge a notification.")
    hits: int = Field(1000, ge=1, le=10_000, description="Most patients that a demographics query may find; more is refused.")
    continuation_seconds: int = Field(900, ge=10, description="So long the next page of an answer can be asked for.")
    continuations: int = Field(200, ge=1, description="Open continuations that one system may have; the oldest is forgotten first.")
    receipt_days: int = Field(14, ge=1, description="So long a message is remembered, to answer it the same when it comes again.")
