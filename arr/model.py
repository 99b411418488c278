"""What the audit record repository takes, keeps and answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Final

from atna.message import AuditMessage, Indicator
from atna.reader import read
from kernel.codes import Code
from kernel.errors import Unreadable

LOCAL: Final = "local"


class Channel(Enum):
    """How a message came."""

    LOCAL = LOCAL
    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"
    FHIR = "fhir"


@lru_cache(maxsize=64)
def _origin(received_at: int, channel: Channel, peer: str, certificate_subject: str, flaws: tuple[str, ...]) -> str:
    parts = [received_at, channel.value, peer, certificate_subject, list(flaws)]
    return json.dumps(parts, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Received:
    """A message as it came: the XML from our own outbox, a syslog frame from elsewhere, an AuditEvent in JSON.

    `received_at` is milliseconds since 1970; `peer` the network address, `certificate_subject` that of the TLS client; `flaws` are
    what was wrong with the frame.
    """

    data: bytes
    channel: Channel
    received_at: int
    peer: str = ""
    certificate_subject: str = ""
    flaws: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """What is kept of how it came, as text; it is hashed together with the data."""
        return _origin(self.received_at, self.channel, self.peer, self.certificate_subject, self.flaws)

    @classmethod
    def of_origin(cls, origin: str, data: bytes) -> Received:
        """The message again, from what was kept."""
        received_at, channel, peer, certificate, flaws = json.loads(origin)
        return cls(data, Channel(channel), received_at, peer, certificate, tuple(flaws))


@dataclass(frozen=True, slots=True)
class Summary:
    """What is kept in columns of a record, taken from its message; empty where the message cannot be read."""

    event_at: int
    event_code: str = ""
    event_type: str = ""
    action: str = ""
    outcome: int | None = None
    source_id: str = ""
    site: str = ""
    is_readable: bool = False
    flaws: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message ready to be appended: hashed, packed, read and its search terms drawn."""

    origin: str
    leaf: bytes
    packing: int
    packed: bytes
    received_at: int
    summary: Summary
    terms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One record of the log. `xml` is the audit message within `data`, empty when there is none."""

    sequence: int
    hash: bytes
    received: Received
    summary: Summary
    xml: bytes = field(repr=False, default=b"")

    @property
    def message(self) -> AuditMessage | None:
        """The message; None when it cannot be read."""
        try:
            return read(self.xml) if self.summary.is_readable else None
        except Unreadable:
            return None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: the next goes on with what is older."""

    event_at: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.event_at}-{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """The cursor of its text; None when it is none."""
        at, _, sequence = text.partition("-")
        if not (at.isascii() and at.isdigit() and sequence.isascii() and sequence.isdigit() and len(text) <= 40):
            return None
        return cls(int(at), int(sequence))


@dataclass(frozen=True, slots=True)
class AuditSearch:
    """What an auditor looks for. Values within a field are alternatives, fields are all required; empty fields do not count.

    `patients` are CX texts (`id^^^&OID&ISO`, a namespace is no matter); `users` UserIDs or names; `events` EventID or EventTypeCode
    codes (`110112`, `ITI-42`), `event_types` the same once more, to ask for both; `outcomes` the indicators; `sources`
    AuditSourceIDs; `since` is included, `until` is not.
    `object_kinds` are pairs of type and role (`arr.terms.object_kind`), `received` when the record came, `text` words of names,
    reasons and details, of which all must be there. `is_flawed` asks for records that were unreadable or had flaws.
    """

    patients: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    object_kinds: tuple[str, ...] = ()
    event_types: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    outcomes: tuple[Indicator, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    received: tuple[datetime | None, datetime | None] = (None, None)
    text: str = ""
    is_flawed: bool = False

    def narrowed(self, lists: Mapping[str, Sequence[str] | None]) -> AuditSearch:
        """The same search with these fields of texts; empty ones are left as they are."""
        given = {name: tuple(values) for name, values in lists.items() if values}
        return replace(self, **given)  # type: ignore[arg-type]  # whoever calls names fields of texts

    def __str__(self) -> str:
        """As it stands in the audit of its use: the fields that count."""
        named = (
            *("patients", "users", "addresses", "objects", "events", "sources", "roles", "purposes"),
            *("alternatives", "object_kinds", "event_types", "actions"),
        )
        parts = [f"{name}={','.join(getattr(self, name))}" for name in named if getattr(self, name)]
        if self.outcomes:
            parts.append(f"outcomes={','.join(str(int(o)) for o in self.outcomes)}")
        times = zip(("since", "until", "received_since", "received_until"), (self.since, self.until, *self.received), strict=True)
        parts += [f"{name}={at.isoformat()}" for name, at in times if at]
        parts += [f"text={self.text}"] if self.text else []
        return "&".join([*parts, *(["flawed"] if self.is_flawed else [])])


@dataclass(frozen=True, slots=True)
class Use:
    """By what way the log is used, as far as its audit record says more than that it was: the transaction, and how the log is
    named there. `address_of` gives the URI of a record that was handed out."""

    kind: Code
    address_of: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Page:
    """Records, newest first, and where the next page goes on; None when this was the last."""

    records: tuple[AuditRecord, ...]
    following: Cursor | None
