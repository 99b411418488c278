"""What an operator may set for SOAP: limits."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SoapSettings(BaseModel):
    """Limits on what one SOAP request may hold; everything is enforced while the bytes come in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    envelope_bytes: int = Field(
        default=16 << 20, ge=1 << 10, description="Largest envelope in bytes, the text of inline documents not counted."
    )
    part_header_bytes: int = Field(default=16 << 10, ge=256, description="Largest header block of one MIME part, in bytes.")
    parts: int = Field(default=1_000, ge=1, description="Most MIME parts in one request.")
    documents: int = Field(default=1_000, ge=1, description="Most documents in one request, as parts or inline.")
    drained_bytes: int = Field(
        default=64 << 20, ge=0, description="Bytes still read and dropped after an early refusal, so that the sender can take it."
    )
    security_bytes: int = Field(default=512 << 10, ge=1 << 10, description="Largest wsse:Security header, in bytes of text.")
