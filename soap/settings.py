"""What an operator may set for SOAP: limits, and where answers may be sent."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator


class SoapSettings(BaseModel):
    """Limits on what one SOAP request may hold, enforced while the bytes come in; addresses that answers may be sent to."""

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
    reply_to: tuple[str, ...] = Field(
        default=(),
        description="Addresses that answers may be sent to (WS-Addressing ReplyTo, FaultTo), or what they begin with when it ends "
        "with a slash. Without any, answers go back on the same connection alone.",
    )
    reply_bytes: int = Field(default=32 << 20, ge=1 << 16, description="Largest answer that is kept to be sent, in bytes.")
    reply_seconds: float = Field(default=10.0, gt=0, le=25, description="How long a receiver of answers may be silent.")
    reply_days: float = Field(default=7.0, gt=0, description="An answer that nobody took is kept so long.")

    @field_validator("reply_to")
    @classmethod
    def _are_addresses(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        for address in addresses:
            parts = urlsplit(address)
            if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path or parts.username or parts.fragment:
                raise ValueError(f"{address}: http://HOST:PORT/PATH is needed")
        return addresses
