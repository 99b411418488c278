"""OIDs, entry UUIDs, assigning authorities and patient ids (CX)."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NewType

Oid = NewType("Oid", str)
EntryUuid = NewType("EntryUuid", str)
"""`urn:uuid:` and 36 lower-case characters."""

OID_LIMIT = 64
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))+\Z")
_ENTRY_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")

NewUuid = Callable[[], EntryUuid]


def is_oid(text: str) -> bool:
    """Whether the text is an OID: first arc 0 to 2, at least two arcs, no leading zeros, 64 characters at most."""
    return len(text) <= OID_LIMIT and _OID.match(text) is not None


def is_entry_uuid(text: str) -> bool:
    """Whether the text is `urn:uuid:` with a lower-case UUID (ITI TF-3 4.2.3.1.7)."""
    return _ENTRY_UUID.match(text) is not None


def new_entry_uuid() -> EntryUuid:
    """A fresh random entryUUID. Handed in as an argument wherever one is needed, so that tests choose theirs."""
    drawn = os.urandom(16).hex()
    variant = "89ab"[int(drawn[16], 16) & 3]  # RFC 9562, 5.4: random but for version and variant
    return EntryUuid(f"urn:uuid:{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-{variant}{drawn[17:20]}-{drawn[20:]}")


def oid_from_uuid(value: EntryUuid) -> Oid:
    """The OID below 2.25 that stands for a UUID (ITU-T X.667)."""
    return Oid(f"2.25.{uuid.UUID(value.removeprefix('urn:uuid:')).int}")


@dataclass(frozen=True, slots=True)
class AssigningAuthority:
    """Who issued an identifier: namespace, universal id, its type; any of the first two may be empty, not both."""

    namespace: str = ""
    universal_id: str = ""
    universal_id_type: str = ""

    @classmethod
    def of_oid(cls, oid: str, namespace: str = "") -> AssigningAuthority:
        """An authority named by an OID."""
        return cls(namespace, oid, "ISO")

    @property
    def oid(self) -> Oid | None:
        """The OID, when the universal id is one."""
        if self.universal_id_type in ("ISO", "") and is_oid(self.universal_id):
            return Oid(self.universal_id)
        return None

    def __str__(self) -> str:
        """As an HD with `&` between the parts."""
        return f"{self.namespace}&{self.universal_id}&{self.universal_id_type}"


@dataclass(frozen=True, slots=True)
class PatientId:
    """An identifier of a patient (CX): the id and who issued it; `type_code` is CX.5."""

    id: str
    authority: AssigningAuthority
    type_code: str = ""

    @property
    def cx(self) -> str:
        """The form of XDS metadata, `id^^^&OID&ISO` (ITI TF-3 4.2.3.1.7)."""
        return f"{self.id}^^^&{self.authority.universal_id}&{self.authority.universal_id_type or 'ISO'}"


def parse_cx(text: str) -> PatientId | None:
    """The strict CX of XDS metadata, `id^^^&OID&ISO`; None when the text is anything else."""
    return _parsed_before(text) if len(text) <= _REMEMBERED else _parsed(text)


def _parsed(text: str) -> PatientId | None:
    parts = text.split("^")
    if len(parts) != 4 or not parts[0] or parts[1] or parts[2]:
        return None
    hd = parts[3].split("&")
    if len(hd) != 3 or hd[0] or hd[2] != "ISO" or not is_oid(hd[1]):
        return None
    return PatientId(parts[0], AssigningAuthority.of_oid(hd[1]))


_REMEMBERED = 200
"""Characters of the longest CX whose parts are remembered: the same one is read several times in a request."""
_parsed_before = lru_cache(maxsize=4096)(_parsed)


def read_cx(text: str) -> PatientId | None:
    """A CX as people and audit records write it, with a namespace, a universal id or both; None without an id or an authority."""
    parts = [part.strip() for part in text.split("^")]
    if len(parts) < 4 or not parts[0]:
        return None
    namespace, universal_id, kind, *_ = (*(part.strip() for part in parts[3].split("&")), "", "")
    if not namespace and not universal_id:
        return None
    return PatientId(parts[0], AssigningAuthority(namespace, universal_id, kind))
