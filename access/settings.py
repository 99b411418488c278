"""What an operator may set about who asks."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class NodeSettings(BaseModel):
    """A system that is known by the subject of its certificate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="What it is called in logs and pages.")
    subject: str = Field(
        min_length=1, description="Subject of its certificate as RFC 4514 writes it: CN=ehr.north,O=Hospital,C=CH."
    )
    may: tuple[str, ...] = Field(description="Transactions it may ask for, as ITI-41; * is all of them.")
    speaks_as: tuple[str, ...] = Field(
        (),
        description="Names it may send under; none is any. `facility|application` or `application` for HL7 v2, the OID of the "
        "device for HL7 v3, the sourceId (OID) for submissions.",
    )
