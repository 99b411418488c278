"""The life of registered objects: status, versions, and what a change to the registry consists of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum

from ebrim.model import EntryType, Status
from kernel.identifiers import EntryUuid

Row = dict[str, object]
"""The columns of one row to be written."""

Key = bytes
"""An entryUUID as the tables hold it: 16 bytes."""


class Life(IntEnum):
    """availabilityStatus as the tables hold it."""

    APPROVED = 0
    DEPRECATED = 1

    @property
    def status(self) -> str:
        """The URN that partners see."""
        return _STATUS[self]


_STATUS = {Life.APPROVED: Status.APPROVED.value, Life.DEPRECATED: Status.DEPRECATED.value}
LIFE_OF_STATUS = {urn: life for life, urn in _STATUS.items()}


class Kind(Enum):
    """The four kinds of registered objects; the value is the name of the table."""

    ENTRY = "entry"
    SUBMISSION_SET = "submission_set"
    FOLDER = "folder"
    ASSOCIATION = "association"


class EntryKind(IntEnum):
    """objectType of an entry as the table holds it."""

    STABLE = 0
    ON_DEMAND = 1


KIND_OF_TYPE = {EntryType.STABLE.value: EntryKind.STABLE, EntryType.ON_DEMAND.value: EntryKind.ON_DEMAND}


def key_of(uuid: str) -> Key:
    """The 16 bytes of an entryUUID."""
    return bytes.fromhex(uuid[9:].replace("-", ""))


def uuid_of(key: Key) -> EntryUuid:
    """The entryUUID of 16 bytes."""
    text = key.hex()
    return EntryUuid(f"urn:uuid:{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")


@dataclass(frozen=True, slots=True)
class RegisteredObject:
    """What the rules need to know of an object that is in the registry."""

    kind: Kind
    key: Key
    logical_key: Key
    life: Life
    patient: str
    """The patient id (CX) it was filed under; empty for an association."""
    unique_id: str = ""
    copy: int = 0
    version: int = 1
    latest: bool = True
    on_demand: bool = False
    hash: bytes | None = None
    size: int | None = None

    @property
    def uuid(self) -> EntryUuid:
        """Its entryUUID."""
        return uuid_of(self.key)

    @property
    def is_approved(self) -> bool:
        """Whether its availabilityStatus is Approved."""
        return self.life is Life.APPROVED


@dataclass(slots=True)
class Changes:
    """What one unit of work changes in the registry: rows that are new, objects that change their status, folders that grew."""

    entries: list[Row] = field(default_factory=list)
    submission_sets: list[Row] = field(default_factory=list)
    folders: list[Row] = field(default_factory=list)
    associations: list[Row] = field(default_factory=list)
    reference_ids: list[Row] = field(default_factory=list)
    deprecated: set[Key] = field(default_factory=set)
    """Entries that are Approved and shall be Deprecated."""
    grown_folders: set[Key] = field(default_factory=set)

    def rows(self) -> Sequence[Sequence[Row]]:
        """The new rows, in the order of `tables.FILED`."""
        return (self.entries, self.submission_sets, self.folders, self.associations, self.reference_ids)
