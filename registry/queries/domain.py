"""Stored queries that an affinity domain adds: another id for one of the profile's, with parameters that others of those have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from kernel.identifiers import is_entry_uuid
from registry.queries.catalogue import CATALOGUE, Definition, DomainQueryId
from registry.queries.parameters import Parameter

_BY_NAME: Final = MappingProxyType({definition.name: definition for definition in CATALOGUE.values()})


def _parameters(like: Definition) -> Mapping[str, Parameter]:
    """Filters that queries answered in the same way have."""
    family = [d for d in CATALOGUE.values() if d.family is like.family and d.is_multi_patient is like.is_multi_patient]
    return {p.name: p for d in family for p in d.parameters if not p.is_id}


class DomainQuery(BaseModel):
    """A stored query of the domain's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(description="Its id, urn:uuid: with a UUID.")
    name: str = Field(min_length=1, description="What it is called in this list.")
    like: str = Field(description="The query of the profile that it is like: FindDocuments and so on.")
    parameters: tuple[str, ...] = Field((), description="Parameters it has beside, as $XDSDocumentEntryTitle; optional ones.")
    required: tuple[str, ...] = Field((), description="Parameters that it requires, its own among them.")

    @field_validator("id")
    @classmethod
    def _is_free(cls, text: str) -> str:
        if not is_entry_uuid(text.lower()) or text.lower() in CATALOGUE:
            raise ValueError("not urn:uuid: with a UUID, or the id of a query of the profile")
        return text.lower()

    @field_validator("like")
    @classmethod
    def _is_known(cls, text: str) -> str:
        if text not in _BY_NAME:
            raise ValueError(f"no query of the profile is called {text}")
        return text

    @model_validator(mode="after")
    def _has_known_parameters(self) -> DomainQuery:
        known = _parameters(_BY_NAME[self.like])
        strange = sorted({*self.parameters, *self.required} - known.keys())
        if strange:
            raise ValueError(f"no query like {self.like} has {', '.join(strange)}")
        return self

    @property
    def definition(self) -> Definition:
        """Its definition."""
        like = _BY_NAME[self.like]
        known, own = _parameters(like), dict.fromkeys((*self.parameters, *self.required))
        added = [replace(known[name], is_required=False) for name in own if name not in like.by_name]
        parameters = [replace(p, is_required=p.is_required or p.name in self.required) for p in (*like.parameters, *added)]
        return replace(like, id=DomainQueryId(self.id), name=self.name, parameters=tuple(parameters))


def extended(queries: Iterable[DomainQuery]) -> Mapping[str, Definition]:
    """The catalogue with the domain's own."""
    return MappingProxyType({**CATALOGUE, **{query.id: query.definition for query in queries}})
