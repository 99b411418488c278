"""What an operator may set for the patient index."""

from __future__ import annotations

from enum import Enum

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mpi.linkage.rules import Rules


class MatchingMode(Enum):
    """When a record is compared with the others."""

    QUEUED = "queued"
    INLINE = "inline"


class Policy(Enum):
    """What decides who is who."""

    PROBABILISTIC = "probabilistic"
    DETERMINISTIC = "deterministic"


LINK_RULES = (
    ("identifier", "birth=exact|swapped|edit"),
    ("given=exact|variant|nickname", "family=exact|variant", "birth", "sex=same|implied", "place=both|home|phone"),
)
ASK_RULES = (
    ("identifier",),
    ("given=exact|variant|nickname|close", "family=exact|variant|close", "birth=exact|swapped|edit"),
)


class MatchingSettings(BaseModel):
    """How records are linked to persons."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: MatchingMode = Field(
        MatchingMode.QUEUED, description="queued: a worker links after the acknowledgement; inline: before it, in the same commit."
    )
    policy: Policy = Field(
        Policy.PROBABILISTIC,
        description="probabilistic: match weights and thresholds; deterministic: the rules below, and nothing else.",
    )
    rules: tuple[tuple[str, ...], ...] = Field(
        LINK_RULES,
        description="Deterministic: combinations of agreement that link two records. A condition is a field (`birth`), a field with"
        " levels (`given=exact|variant`) or an identifier of one authority (`identifier:OID`); all of a combination must hold.",
    )
    ask_rules: tuple[tuple[str, ...], ...] = Field(
        ASK_RULES, description="Deterministic: combinations of agreement about which a person is asked."
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

    @field_validator("rules", "ask_rules")
    @classmethod
    def _are_rules(cls, rules: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        Rules.parse(rules)
        return rules

    @property
    def in_rules(self) -> Rules | None:
        """The rules, where they decide."""
        return Rules.parse(self.rules, self.ask_rules) if self.policy is Policy.DETERMINISTIC else None


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
