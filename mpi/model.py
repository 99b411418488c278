"""What a source says (PatientRecord), who it is (Person), why we think so (Link), what we ask (Review)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from kernel.demographics import Demographics
from kernel.errors import Violation
from kernel.identifiers import PatientId
from kernel.patient_update import PatientUpdate, SentIdentifier


class RecordState(Enum):
    """Whether a record stands for itself."""

    ACTIVE = 0
    SUBSUMED = 1
    """Its source merged it into another (A40, replacementOf): its identifier is no longer known."""
    ASLEEP = 2
    """The act that it began with was taken back: its identifier is nobody's. It is with the record in `subsumed_by`."""
    RETIRED = 3
    """It slept, and its identifier was given to somebody else since."""


class LinkKind(Enum):
    """Who linked a record to its person."""

    INITIAL = "initial"
    """Nobody: the record is alone, or the one the person began with."""
    AUTOMATIC = "automatic"
    MANUAL = "manual"
    SOURCE = "source-asserted"


class ReviewState(Enum):
    """Where a review stands."""

    OPEN = "open"
    SAME = "same"
    DIFFERENT = "different"
    WITHDRAWN = "withdrawn"
    """Later evidence or another decision settled it."""


class ReviewReason(Enum):
    """Why a person is asked."""

    MAYBE_SAME = "maybe the same person"
    MAYBE_JOIN = "maybe two persons are one"
    WEAKENED = "the record no longer resembles the person it is linked to"
    KEPT_APART = "the source merges what was decided to be apart"


@dataclass(frozen=True, slots=True)
class Stored:
    """An identifier of a record, with the key of its authority. `is_own` marks the record's own identifier in its source.

    A claim is an identifier of the affinity domain that a source repeats: it helps in matching and is never given out.
    """

    authority: int
    value: str
    type_code: str = ""
    is_own: bool = False
    is_claim: bool = False


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """What one source says of one patient. `person` is who it is; times are milliseconds since 1970.

    A person has the id of the record it began with, and that record is always among its members: a person is active while it is.
    """

    id: int
    authority: int
    local_id: str
    source: str
    person: int
    demographics: Demographics
    state: RecordState = RecordState.ACTIVE
    subsumed_by: int | None = None
    version: int = 1
    created_at: int = 0
    updated_at: int = 0
    identifiers: tuple[Stored, ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether its identifier is known to the world."""
        return self.state is RecordState.ACTIVE

    @property
    def is_there(self) -> bool:
        """Whether anybody is shown it: all but those whose beginning was taken back."""
        return self.state in (RecordState.ACTIVE, RecordState.SUBSUMED)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, with the identifier in the affinity domain and the records that are about them."""

    id: int
    affinity_id: str
    members: tuple[PatientRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """Why a record belongs to its person. `via` is the record whose likeness brought it; `explanation` is JSON of `linkage`."""

    record: int
    kind: LinkKind
    weight: float | None = None
    reason: str = ""
    explanation: str = ""
    model: str = ""
    at: int = 0
    author: str = ""
    via: int | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """A question to an administrator: is this record about that person? `person` is where the person is now, after all joins."""

    id: int
    record: int
    person: int
    reason: ReviewReason
    detail: str
    weight: float
    explanation: str
    state: ReviewState
    created_at: int
    decided_at: int | None = None
    decided_by: str = ""
    comment: str = ""
    leased_by: str = ""
    leased_until: int = 0


class ActKind(Enum):
    """What changed who is who."""

    MATCH = "match"
    SOURCE_MERGE = "source merge"
    SOURCE_LINK = "source link"
    SOURCE_UNLINK = "source unlink"
    SOURCE_RENAME = "source rename"
    SOURCE_MOVE = "source move"
    RESOLVE = "resolve"
    LINK = "link"
    UNLINK = "unlink"
    MERGE = "merge"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Act:
    """An entry of the journal."""

    id: int
    kind: ActKind
    at: int
    author: str
    comment: str
    undone_by: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What makes a message the same as one received before: its sender, its id and a digest of its content.

    `where` is the place of the id in the message.
    """

    sender: str
    message_id: str
    digest: bytes
    where: str


@dataclass(frozen=True, slots=True)
class Fed:
    """What became of a feed: the record, and warnings; `record` is None when the same message had been taken before."""

    record: int | None
    warnings: tuple[Violation, ...] = ()

    @property
    def is_replay(self) -> bool:
        """Whether nothing was done, for it was done before."""
        return self.record is None


@dataclass(frozen=True, slots=True)
class Located:
    """An identifier of a message after its authority was found."""

    sent: SentIdentifier
    authority: int
    patient_id: PatientId


@dataclass(frozen=True, slots=True)
class LocatedChange:
    """A move after its authorities were found: `local` goes from the person with `previous` to her with `current`; perhaps
    `subsumed` ended in `local`."""

    current: Located
    previous: Located
    local: Located
    subsumed: Located | None = None


@dataclass(frozen=True, slots=True)
class LocatedUpdate:
    """A feed after its authorities were found: the identifiers the sender may feed, at least one, and the others."""

    feedable: tuple[Located, ...]
    others: tuple[Located, ...]
    update: PatientUpdate
    warnings: tuple[Violation, ...] = ()

    def stored(self, own: Located, affinity: int) -> tuple[Stored, ...]:
        """The identifiers as they are kept, the record's own first; `affinity` is the key of the affinity domain's authority."""
        first = Stored(own.authority, own.patient_id.id, own.patient_id.type_code, is_own=True)
        found = {(first.authority, first.value): first}
        for i in (*self.feedable, *self.others):
            stored = Stored(i.authority, i.patient_id.id, i.patient_id.type_code, is_claim=i.authority == affinity)
            found.setdefault((stored.authority, stored.value), stored)
        return tuple(found.values())


@dataclass(frozen=True, slots=True)
class GoldenRecord:
    """What is best known of a person, per attribute from the member that is trusted most, and why."""

    demographics: Demographics
    reasons: Mapping[str, str] = field(default_factory=dict)
