"""Known deviations of known systems, put right before the rules look (ITI TF-3 4.2.3.1.7): strict for everybody else.

A source that the settings name is recognised by the certificate it shows, its network address, or the sourceId of its submission
sets. What it sends is changed to what it must have meant, never guessed: where there are two readings it is left to the rules. Each
kind of change is a warning in the answer and a line in the log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeVar

import structlog
from pydantic import Field, model_validator

from access.subject import Subject
from ebrim.model import (
    Association,
    AssociationType,
    Author,
    CodedValue,
    DocumentEntry,
    EntryType,
    Folder,
    Identifier,
    RegistryObject,
    Slot,
    Submission,
    SubmissionSet,
)
from ebrim.namespaces import RIM
from ebrim.uuids import EXTRA_SLOT_PREFIX, SLOT_SUBMISSION_SET_STATUS
from kernel.errors import Condition, Rejected, Violation, warning
from kernel.identifiers import is_oid
from kernel.peer import Peer
from kernel.times import dtm_of
from kernel.xml import Element
from registry.sources import KnownSource

log: Final = structlog.get_logger("registry")


class Deviation(Enum):
    """What may be put right."""

    PATIENT_ID = "patient-id"
    LANGUAGE = "language"
    TIME = "time"
    UUID_CASE = "uuid-case"
    ASSOCIATION_TYPE = "association-type"
    MEMBERSHIP_STATUS = "membership-status"
    EXTRA_SLOTS = "extra-slots"
    ON_DEMAND = "on-demand"
    INNER_IDS = "inner-ids"


_TOLD: Final[Mapping[Deviation, str]] = MappingProxyType(
    {
        Deviation.PATIENT_ID: "a patient id with more parts than id^^^&OID&ISO was read as that",
        Deviation.LANGUAGE: "a languageCode with an underscore was read with a hyphen",
        Deviation.TIME: "a time with separators, a fraction or a zone was read as a DTM in UTC",
        Deviation.UUID_CASE: "a UUID was read in lower case",
        Deviation.ASSOCIATION_TYPE: "the short name of an association type was read as its URN",
        Deviation.MEMBERSHIP_STATUS: "a membership without SubmissionSetStatus was given the one it must have",
        Deviation.EXTRA_SLOTS: "slots outside the profile whose names do not begin with urn: were not kept",
        Deviation.ON_DEMAND: "on-demand entries were registered by the transaction for stable ones",
    }
)


class LenientSource(KnownSource):
    """A system whose deviations are warnings. What is given of subject, address and source_id has to fit, all of it."""

    name: str = Field(min_length=1, description="What it is called in warnings and logs.")
    accept: tuple[Deviation, ...] = Field((), description="What is put right; without any, everything.")

    @model_validator(mode="after")
    def _is_recognisable(self) -> LenientSource:
        if not (self.subject or self.address or self.source_id):
            raise ValueError("a lenient source is known by a subject, an address or a source_id")
        return self

    @property
    def accepted(self) -> frozenset[Deviation]:
        """What is put right."""
        return frozenset(self.accept or Deviation)


@dataclass(frozen=True, slots=True)
class Mended:
    """A submission as it was meant, the kind of its entries, and what was put right."""

    submission: Submission
    type: EntryType
    warnings: tuple[Violation, ...] = ()


def mended(
    submission: Submission, type_: EntryType, subject: Subject, sources: Sequence[LenientSource], extra_slots: Collection[str] = ()
) -> Mended:
    """What a lenient source meant; as sent for everybody else. `type_` is the kind of entries that the transaction is for.

    Slots that the domain keeps (`extra_slots`) are kept.
    """
    source = next((s for s in sources if s.is_source(subject.peer, submission)), None)
    if source is None:
        return Mended(submission, type_)
    mender = _Mender(source.accepted, frozenset(extra_slots))
    found = mender.submission(submission)
    kind = mender.entry_type(found, type_)
    done = sorted(mender.done, key=list(Deviation).index)
    if not done:
        return Mended(found, kind)
    log.warning("deviations of a known source were put right", source=source.name, deviations=[d.value for d in done])
    return Mended(found, kind, tuple(_warning(d, source.name) for d in done))


@contextmanager
def telling(warnings: tuple[Violation, ...]) -> Iterator[None]:
    """A refusal tells what was put right as well: it may be about what came of it."""
    try:
        yield
    except Rejected as problem:
        if not warnings:
            raise
        raise Rejected((*warnings, *problem.violations)) from None


def _warning(deviation: Deviation, source: str) -> Violation:
    condition = Condition.EXTRA_METADATA_DROPPED if deviation is Deviation.EXTRA_SLOTS else Condition.METADATA_INVALID
    return warning(condition, "", f"{_TOLD[deviation]}, as the domain lets {source} send it")


_SHORT_TYPES: Final = {t.value.rpartition(":")[2]: t.value for t in AssociationType}
_UUID: Final = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TIME: Final = re.compile(
    r"(?P<date>\d{4}(?:-?\d{2}){0,2})(?:[T ]?(?P<time>\d{2}(?::?\d{2}){0,2})(?:\.\d+)?)?(?P<zone>Z|[+-]\d{2}:?\d{2})?"
)
_TIMES: Final = ("creation_time", "service_start_time", "service_stop_time")
T = TypeVar("T", DocumentEntry, SubmissionSet, Folder)


@dataclass(slots=True)
class _Mender:
    """Puts right what it may, and remembers what it did."""

    accepted: frozenset[Deviation]
    extra_slots: frozenset[str]
    done: set[Deviation] = field(default_factory=set)

    def submission(self, sent: Submission) -> Submission:
        entries = tuple(self._entry(entry) for entry in sent.entries)
        inside = {obj.id for obj in sent.objects()} | {a.id for a in sent.associations}
        sets = {one.id for one in sent.submission_sets}
        return replace(
            sent,
            entries=entries,
            submission_sets=tuple(self._times(self._object(one), ("submission_time",)) for one in sent.submission_sets),
            folders=tuple(self._object(folder) for folder in sent.folders),
            associations=tuple(self._association(a, inside, sets, {e.id for e in sent.entries}) for a in sent.associations),
        )

    def entry_type(self, found: Submission, type_: EntryType) -> EntryType:
        """A repository of another make may bring on-demand entries by ITI-42."""
        kinds = {entry.object_type for entry in found.entries}
        if type_ is EntryType.STABLE and kinds == {EntryType.ON_DEMAND.value} and Deviation.ON_DEMAND in self.accepted:
            self.done.add(Deviation.ON_DEMAND)
            return EntryType.ON_DEMAND
        return type_

    def _text(self, text: str, deviation: Deviation, read: Callable[[str], str]) -> str:
        """The text as it was meant, where that may be put right."""
        meant = read(text) if deviation in self.accepted else text
        if meant != text:
            self.done.add(deviation)
        return meant

    def _texts(self, texts: Iterable[str], deviation: Deviation, read: Callable[[str], str]) -> tuple[str, ...]:
        return tuple(self._text(text, deviation, read) for text in texts)

    def _object(self, sent: T) -> T:
        """Everything that entries, sets and folders have in common."""
        changes: dict[str, object] = {
            "id": self._text(sent.id, Deviation.UUID_CASE, _uuid),
            "logical_id": self._text(sent.logical_id, Deviation.UUID_CASE, _uuid),
            "slots": self._slots(sent),
        }
        for name in (f.name for f in fields(sent)):
            held = getattr(sent, name)
            if isinstance(held, tuple) and held and isinstance(held[0], (CodedValue, Author, Identifier)):
                changes[name] = tuple(map(self._part, held))
        patient_ids = replace(sent, **changes).patient_ids  # type: ignore[arg-type]  # the names are fields of the object
        changes["patient_ids"] = tuple(replace(i, value=self._text(i.value, Deviation.PATIENT_ID, _cx)) for i in patient_ids)
        return replace(sent, **changes)  # type: ignore[arg-type]  # as above

    def _part(self, part: CodedValue | Author | Identifier) -> CodedValue | Author | Identifier:
        """A part names the object around it."""
        if isinstance(part, Identifier):
            return replace(part, registry_object=self._text(part.registry_object, Deviation.UUID_CASE, _uuid))
        return replace(part, classified_object=self._text(part.classified_object, Deviation.UUID_CASE, _uuid))

    def _slots(self, sent: RegistryObject) -> tuple[Slot, ...]:
        kept = tuple(s for s in sent.slots if s.name.startswith(EXTRA_SLOT_PREFIX) or s.name in self.extra_slots)
        if Deviation.EXTRA_SLOTS not in self.accepted or len(kept) == len(sent.slots):
            return sent.slots
        self.done.add(Deviation.EXTRA_SLOTS)
        return kept

    def _times(self, sent: T, names: Iterable[str]) -> T:
        changes = {name: self._texts(getattr(sent, name), Deviation.TIME, _dtm) for name in names}
        return replace(sent, **changes)  # type: ignore[arg-type]  # the names are fields of the object

    def _entry(self, sent: DocumentEntry) -> DocumentEntry:
        entry = self._times(self._object(sent), _TIMES)
        return replace(
            entry,
            language_code=self._texts(entry.language_code, Deviation.LANGUAGE, lambda text: text.replace("_", "-")),
            source_patient_id=self._texts(entry.source_patient_id, Deviation.PATIENT_ID, _cx),
        )

    def _association(self, sent: Association, inside: set[str], sets: set[str], entries: set[str]) -> Association:
        found = replace(
            sent,
            id=self._text(sent.id, Deviation.UUID_CASE, _uuid),
            source=self._text(sent.source, Deviation.UUID_CASE, _uuid),
            target=self._text(sent.target, Deviation.UUID_CASE, _uuid),
            type=self._text(sent.type, Deviation.ASSOCIATION_TYPE, lambda text: _SHORT_TYPES.get(text, text)),
        )
        is_membership = found.type == AssociationType.HAS_MEMBER.value and sent.source in sets
        needs_status = is_membership and (sent.target in entries or sent.target not in inside)
        if not needs_status or found.slot(SLOT_SUBMISSION_SET_STATUS) or Deviation.MEMBERSHIP_STATUS not in self.accepted:
            return found
        self.done.add(Deviation.MEMBERSHIP_STATUS)
        status = Slot(SLOT_SUBMISSION_SET_STATUS, ("Original" if sent.target in entries else "Reference",))
        return replace(found, slots=(*found.slots, status))


def _uuid(text: str) -> str:
    return text.lower() if _UUID.fullmatch(text) else text


def _cx(text: str) -> str:
    """`id^^^name&OID&ISO&more^type` as `id^^^&OID&ISO`, where exactly one OID can be meant."""
    parts = text.split("^")
    if len(parts) < 4 or not parts[0] or parts[1] or parts[2]:
        return text
    oids = [part for part in parts[3].split("&") if is_oid(part)]
    return f"{parts[0]}^^^&{oids[0]}&ISO" if len(oids) == 1 else text


def _dtm(text: str) -> str:
    """Digits alone, in UTC where a zone is named."""
    found = _TIME.fullmatch(text.strip())
    if found is None or text.isdecimal():
        return text
    digits = re.sub(r"\D", "", found["date"] + (found["time"] or ""))
    if not found["zone"] or found["zone"] == "Z" or len(digits) < 10:
        return digits
    sign, zone = found["zone"][0], re.sub(r"\D", "", found["zone"])
    offset = timedelta(hours=int(zone[:2]), minutes=int(zone[2:]))
    try:
        local = datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        return dtm_of(local - offset if sign == "+" else local + offset)[: len(digits)]
    except (ValueError, OverflowError):
        return text


# --- before the schema

_OWNERS: Final = {f"{{{RIM}}}Classification": "classifiedObject", f"{{{RIM}}}ExternalIdentifier": "registryObject"}
_PARTS: Final = (*_OWNERS, f"{{{RIM}}}Association")


def complete_ids(body: Element, peer: Peer, sources: Sequence[LenientSource]) -> None:
    """Gives ids to parts and associations that have none, and names the object around a part, in the message itself.

    For sources that are known by certificate or address, since nothing of the message has been read yet.
    """
    accepting = [s for s in sources if Deviation.INNER_IDS in s.accepted and (s.subject or s.address) and s.is_peer(peer)]
    if accepting and _completed(body):
        done = [Deviation.INNER_IDS.value]
        log.warning("deviations of a known source were put right", source=accepting[0].name, deviations=done)


def _completed(body: Element) -> bool:
    done = False
    for number, element in enumerate(body.iter(*_PARTS)):
        wanted = {"id": f"inner-{number}"}
        parent = element.getparent()
        if element.tag in _OWNERS and parent is not None and parent.get("id"):
            wanted[_OWNERS[str(element.tag)]] = parent.get("id", "")
        for name in wanted.keys() - element.attrib.keys():
            element.set(name, wanted[name])
            done = True
    return done
