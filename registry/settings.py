"""What an operator may set for the registry."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from registry.enforcing import CodeRule
from registry.leniency import LenientSource
from registry.queries.domain import DomainQuery


class RegistrySettings(BaseModel):
    """Limits, and what the affinity domain adds to the profile."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_results: int = Field(1_000, ge=1, description="Most objects in one answer with full metadata; beyond it XDSTooManyResults.")
    max_references: int = Field(
        20_000, ge=1, description="Most ids in one answer of object references; beyond it XDSTooManyResults."
    )
    broad_query_seconds: float = Field(
        10.0,
        gt=0,
        description="How long a question over all patients (ITI-51) may take on PostgreSQL, else XDSTooManyResults.",
    )
    max_objects: int = Field(2_000, ge=1, description="Most objects in one submission.")
    max_values: int = Field(1_000, ge=1, description="Most values of one parameter of a stored query.")
    unknown_patient_is_error: bool = Field(
        False, description="Whether a query for an unknown patient is XDSUnknownPatientId; else its answer is empty."
    )
    association_types: tuple[str, ...] = Field(
        (), description="Association types of the affinity domain beside the profile's, from one entry to another, as URNs."
    )
    lenient: tuple[LenientSource, ...] = Field(
        (), description="Systems whose known deviations are put right with a warning; everybody else is held to the profile."
    )
    codes: tuple[CodeRule, ...] = Field(
        (), description="How strictly code sets are enforced, per attribute and source; of several that fit the first counts."
    )
    extra_slots: tuple[str, ...] = Field(
        (), description="Names of slots outside the profile that are kept, beside those that begin with urn:."
    )
    queries: tuple[DomainQuery, ...] = Field((), description="Stored queries of the affinity domain beside the profile's.")
    cached_terms: int = Field(50_000, ge=100, description="Codes and patient ids whose internal numbers a process remembers.")
