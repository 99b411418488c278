"""What an operator may set for the affinity domain: its authority, who may feed it, and what it is called outside."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from kernel.identifiers import is_oid


class AuthoritySettings(BaseModel):
    """An assigning authority that the domain knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: str = Field("", max_length=255, description="Name of the authority in HL7 v2 (CX.4.1).")
    oid: str = Field("", max_length=64, description="OID of the authority; needed for HL7 v3, FHIR and XDS.")
    aliases: tuple[str, ...] = Field((), description="Other names or OIDs under which senders know it.")

    @model_validator(mode="after")
    def _is_named(self) -> AuthoritySettings:
        if not self.namespace and not self.oid:
            raise ValueError("an authority needs a namespace or an OID")
        if self.oid and not is_oid(self.oid):
            raise ValueError("this is not an OID")
        return self


class SourceSettings(BaseModel):
    """A system that feeds identities."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    application: str = Field(description="MSH-3, the OID of the HL7 v3 device, or the FHIR client.")
    facility: str = Field("", description="MSH-4; empty where the language has none.")
    authorities: tuple[str, ...] = Field((), description="Namespaces or OIDs of the authorities this system may feed.")
    lenient: bool = Field(default=False, description="Known deviations of this system are warnings instead of errors.")


class ConsumerSettings(BaseModel):
    """A system that asks for identifiers and demographics, or is told when they change."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    application: str = Field(description="MSH-3 of its questions and MSH-5 of what we send it, or the OID of the HL7 v3 device.")
    facility: str = Field("", description="MSH-4 of its questions and MSH-6 of what we send it; empty stands for all of them.")
    authorities: tuple[str, ...] = Field(
        (), description="Namespaces or OIDs of the authorities whose identifiers this system may see; empty for all."
    )
    notify: str = Field(
        "",
        description="Where changes are told: mllp://HOST:PORT or mllps://HOST:PORT (ITI-10), http://... or https://... (ITI-46).",
    )

    @field_validator("notify")
    @classmethod
    def _is_an_address(cls, text: str) -> str:
        parts = urlsplit(text)
        if not text:
            return text
        if parts.scheme not in ("mllp", "mllps", "http", "https") or not parts.hostname:
            raise ValueError("this is no address of a notification")
        if parts.scheme.startswith("mllp") and (not parts.port or parts.path):
            raise ValueError("mllp://HOST:PORT is needed")
        return text

    @model_validator(mode="after")
    def _has_a_device(self) -> ConsumerSettings:
        if self.notify.startswith("http") and not is_oid(self.application):
            raise ValueError("a consumer that is notified in HL7 v3 is named by the OID of its device")
        return self


class AffinitySettings(BaseModel):
    """The affinity domain. What is said here wins over what is kept in the database."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    authority: AuthoritySettings = Field(
        AuthoritySettings(namespace="XAD", oid="1.3.6.1.4.1.21367.2005.13.20.1000", aliases=()),
        description="The affinity domain's own assigning authority; patient ids of documents are in it.",
    )
    repository_unique_id: str = Field("1.3.6.1.4.1.21367.2011.2.3.7", description="repositoryUniqueId of our document repository.")
    home_community_id: str = Field("urn:oid:1.3.6.1.4.1.21367.2011.2.7", description="homeCommunityId of this community.")
    accept_new_authorities: bool = Field(
        default=False,
        description="Authorities and sources that nobody listed may feed, and are listed; for demonstrations and tests.",
    )
    authorities: tuple[AuthoritySettings, ...] = Field((), description="Every other assigning authority the domain knows.")
    sources: tuple[SourceSettings, ...] = Field((), description="The systems that feed identities, and what they may feed.")
    consumers: tuple[ConsumerSettings, ...] = Field(
        (), description="The systems that ask, what they may see, and where they are told of changes."
    )
    listed_consumers_only: bool = Field(
        default=False, description="Whether systems that are no listed consumer see nothing; otherwise they see every authority."
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> AffinitySettings:
        if not self.authority.oid:
            raise ValueError("the affinity domain's authority needs an OID")
        if not is_oid(self.repository_unique_id):
            raise ValueError("repository_unique_id is not an OID")
        if not is_oid(self.home_community_id.removeprefix("urn:oid:")):
            raise ValueError("home_community_id is not an OID")
        names = [n for a in (self.authority, *self.authorities) for n in (a.namespace, a.oid, *a.aliases) if n]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"more than one authority is called {', '.join(twice)}")
        unknown = sorted({n for s in self.sources for n in s.authorities} - set(names))
        if unknown:
            raise ValueError(f"a source may feed an authority that is not listed: {', '.join(unknown)}")
        unseen = sorted({n for c in self.consumers for n in c.authorities} - set(names))
        if unseen:
            raise ValueError(f"a consumer may see an authority that is not listed: {', '.join(unseen)}")
        asking = [(c.application, c.facility) for c in self.consumers]
        if len(set(asking)) < len(asking):
            raise ValueError("two consumers have the same application and facility")
        return self
