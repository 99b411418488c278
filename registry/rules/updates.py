"""The operations of a metadata update and what may be wrong with them (ITI-57, ITI-92; Metadata Update supplement 3.57.4.1.3)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ebrim.model import Association, AssociationType, DocumentEntry, Folder
from ebrim.uuids import (
    SLOT_ASSOCIATION_PROPAGATION,
    SLOT_NEW_STATUS,
    SLOT_ORIGINAL_STATUS,
    SLOT_PREVIOUS_VERSION,
)
from kernel.errors import Condition, Violation, violation
from kernel.identifiers import is_entry_uuid
from registry.model import LIFE_OF_STATUS, Kind, Life, RegisteredObject
from registry.rules.against_registry import Registered
from registry.rules.structure import HAS_MEMBER, RELATIONSHIPS, SIGNS, SNAPSHOT, Contents

STATUS_UPDATE: Final = AssociationType.UPDATE_AVAILABILITY_STATUS.value
SUBMIT: Final = AssociationType.SUBMIT_ASSOCIATION.value
_PROPAGATION: Final = {(): True, ("yes",): True, ("no",): False}


@dataclass(frozen=True, slots=True)
class VersionUpdate:
    """A new version of an entry or a folder; `membership` is the HasMember that brings it."""

    obj: DocumentEntry | Folder
    membership: Association
    previous: int
    propagates: bool


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """A change of availabilityStatus."""

    association: Association
    original: Life
    new: Life


@dataclass(slots=True)
class Operations:
    """What a submission wants to be done, in the order it says so."""

    versions: list[VersionUpdate] = field(default_factory=list)
    statuses: list[StatusUpdate] = field(default_factory=list)
    associations: list[Association] = field(default_factory=list)

    def targets(self) -> frozenset[str]:
        """The entryUUIDs of the registered objects that are named, logicalIDs left aside."""
        named = {s.association.target for s in self.statuses}
        return frozenset(named.union(*({a.source, a.target} for a in self.associations)))

    def logical_ids(self) -> frozenset[str]:
        """The logicalIDs whose versions are asked for."""
        return frozenset(v.obj.logical_id for v in self.versions)


def read_operations(contents: Contents, extra_types: Collection[str], *, is_restricted: bool) -> tuple[Operations, list[Violation]]:
    """The operations of a submission, and what is malformed about it. An operation with a fault is left out."""
    found, faults = Operations(), list(_structure_faults(contents))
    submitted = {a.target for a in contents.submission.associations if a.type == SUBMIT}
    for association in contents.submission.associations:
        if association.type == STATUS_UPDATE:
            faults += _read_status(association, contents, found, is_restricted=is_restricted)
        elif association.type == SUBMIT:
            faults += _submit_faults(association, contents)
        elif association.id in submitted:
            faults += _read_association(association, contents, extra_types, found)
        else:
            faults += _read_version(association, contents, found, is_restricted=is_restricted)
    faults += _repeated(found)
    return found, faults


def _repeated(found: Operations) -> Iterator[Violation]:
    """One operation on one object in one submission."""
    named = [(v.obj.logical_id, v.obj.id) for v in found.versions]
    named += [(s.association.target, s.association.id) for s in found.statuses]
    seen: set[str] = set()
    for target, at in named:
        if target in seen:
            yield violation(Condition.UPDATE_INVALID, at, "another operation of the submission changes the same object")
        seen.add(target)


def _structure_faults(contents: Contents) -> Iterator[Violation]:
    members = [a.target for a in contents.submission.associations if a.type == HAS_MEMBER and a.source in contents.set_ids]
    for id_ in (*contents.entries, *contents.folders):
        if members.count(id_) != 1:
            told = f"{members.count(id_)} HasMember associations from the submission set where one is expected"
            yield violation(Condition.METADATA_INVALID, id_, told)
    for association in contents.submission.associations:
        for fault in association.faults:
            yield violation(Condition.METADATA_INVALID, association.id, fault)


def _read_version(association: Association, contents: Contents, found: Operations, *, is_restricted: bool) -> Iterator[Violation]:
    at = association.id
    obj = contents.entries.get(association.target) or contents.folders.get(association.target)
    if association.type != HAS_MEMBER or association.source not in contents.set_ids or obj is None:
        yield violation(Condition.METADATA_INVALID, at, "this association is no operation of an update, nor submitted by one")
        return
    if is_restricted and isinstance(obj, Folder):
        yield violation(Condition.UPDATE_REQUEST_INVALID, obj.id, "folders are not updated by this transaction")
        return
    if not is_entry_uuid(obj.logical_id):
        yield violation(Condition.UPDATE_INVALID, obj.id, "the new version of an object carries its logicalID (lid)")
        return
    previous = association.slot(SLOT_PREVIOUS_VERSION)
    propagation = association.slot(SLOT_ASSOCIATION_PROPAGATION)
    if len(previous) != 1 or not previous[0].isdecimal() or len(previous[0]) > 4:
        yield violation(Condition.VERSION_WRONG, at, f"{SLOT_PREVIOUS_VERSION}: not one number")
    elif propagation not in _PROPAGATION:
        yield violation(Condition.UPDATE_OPERATION_INVALID, at, f"{SLOT_ASSOCIATION_PROPAGATION}: neither yes nor no")
    else:
        found.versions.append(VersionUpdate(obj, association, int(previous[0]), _PROPAGATION[propagation]))


def _read_status(association: Association, contents: Contents, found: Operations, *, is_restricted: bool) -> Iterator[Violation]:
    at = association.id
    original, new = association.slot(SLOT_ORIGINAL_STATUS), association.slot(SLOT_NEW_STATUS)
    if len(original) != 1 or len(new) != 1:
        told = f"{SLOT_ORIGINAL_STATUS} and {SLOT_NEW_STATUS} stand once each"
        yield violation(Condition.UPDATE_OPERATION_INVALID, at, told)
    elif association.source not in contents.set_ids or not is_entry_uuid(association.target):
        told = "it leads from the submission set to a registered object"
        yield violation(Condition.UPDATE_OPERATION_INVALID, at, told)
    elif original == new or not {*original, *new} <= set(LIFE_OF_STATUS):
        yield violation(_status_fault(is_restricted), at, "not a change between Approved and Deprecated")
    else:
        found.statuses.append(StatusUpdate(association, LIFE_OF_STATUS[original[0]], LIFE_OF_STATUS[new[0]]))


def _status_fault(is_restricted: bool) -> Condition:
    return Condition.UPDATE_IMMUTABLE if is_restricted else Condition.UPDATE_INVALID


def _submit_faults(association: Association, contents: Contents) -> Iterator[Violation]:
    if association.source not in contents.set_ids or association.target not in contents.associations:
        told = "SubmitAssociation leads from the submission set to an association of the submission"
        yield violation(Condition.UPDATE_OPERATION_INVALID, association.id, told)


def _read_association(
    association: Association, contents: Contents, extra_types: Collection[str], found: Operations
) -> Iterator[Violation]:
    at, type_ = association.id, association.type
    if type_ != HAS_MEMBER and type_ not in RELATIONSHIPS and type_ not in (SIGNS, SNAPSHOT) and type_ not in extra_types:
        yield violation(Condition.UPDATE_INVALID, at, "associationType: not one that may be submitted by itself")
    elif not all(map(is_entry_uuid, (association.source, association.target))) or any(
        map(contents.holds, (association.source, association.target))
    ):
        yield violation(Condition.REFERENCE_UNRESOLVED, at, "both ends are registered objects")
    elif association.source == association.target:
        yield violation(Condition.UPDATE_INVALID, at, "source and target are the same object")
    else:
        found.associations.append(association)


# --- against the registry


@dataclass(frozen=True, slots=True)
class Versions:
    """The latest version of each object by logicalID, and which pairs of objects an Approved association joins already."""

    latest: Mapping[str, RegisteredObject]
    joined: Collection[tuple[str, str]] = ()


def update_faults(
    contents: Contents, operations: Operations, registered: Registered, versions: Versions, *, is_restricted: bool
) -> Iterator[Violation]:
    """Every rule of an update that needs the registry, but for the attributes that a restricted one may not change."""
    for update in operations.versions:
        latest = versions.latest.get(update.obj.logical_id)
        yield from _version_faults(update, latest, registered, is_restricted=is_restricted)
    for status in operations.statuses:
        obj = registered.objects.get(status.association.target)
        yield from _status_faults(status, obj, contents, registered, is_restricted=is_restricted)
    for association in operations.associations:
        yield from _end_faults(association, contents, registered, is_restricted=is_restricted)
        if (association.source, association.target) in versions.joined:
            told = "an Approved association between these objects is registered"
            yield violation(Condition.UPDATE_INVALID, association.id, told)


def _version_faults(
    update: VersionUpdate, latest: RegisteredObject | None, registered: Registered, *, is_restricted: bool
) -> Iterator[Violation]:
    at, obj = update.obj.id, update.obj
    kind = Kind.ENTRY if isinstance(obj, DocumentEntry) else Kind.FOLDER
    if latest is None or latest.kind is not kind:
        yield violation(Condition.VERSION_WRONG, at, "there is no object with this logicalID")
        return
    if latest.version != update.previous:
        yield violation(Condition.VERSION_WRONG, at, f"{SLOT_PREVIOUS_VERSION} is not the number of the latest version")
    if latest.unique_id != obj.unique_id:
        condition = Condition.UPDATE_IDENTIFIER_CHANGED if is_restricted else Condition.UPDATE_INVALID
        yield violation(condition, at, "the uniqueId is not that of the former version")
    if is_restricted and not registered.is_of_patient(latest, obj.patient_id):
        yield violation(Condition.UPDATE_PATIENT_CHANGED, at, "the patientId is not that of the former version")
    if isinstance(obj, DocumentEntry):
        yield from _content_faults(obj, latest, is_restricted=is_restricted)


def _content_faults(entry: DocumentEntry, latest: RegisteredObject, *, is_restricted: bool) -> Iterator[Violation]:
    if latest.on_demand != entry.is_on_demand:
        condition = Condition.UPDATE_TYPE_CHANGED if is_restricted else Condition.UPDATE_INVALID
        yield violation(condition, entry.id, "the objectType is not that of the former version")
        return
    same_hash = latest.hash is None or [latest.hash.hex()] == [text.lower() for text in entry.hash]
    same_size = latest.size is None or [str(latest.size)] == [text.lstrip("0") or "0" for text in entry.size]
    if not same_hash or not same_size:
        condition = Condition.UPDATE_IMMUTABLE if is_restricted else Condition.UPDATE_INVALID
        yield violation(condition, entry.id, "hash or size are not those of the former version")


def immutable_faults(entry: DocumentEntry, former: DocumentEntry) -> Iterator[Violation]:
    """Attributes that a restricted update leaves as they are (ITI-92)."""
    unchanged = (
        ("repositoryUniqueId", entry.repository_unique_id, former.repository_unique_id),
        ("sourcePatientId", entry.source_patient_id, former.source_patient_id),
        ("documentAvailability", entry.document_availability, former.document_availability),
    )
    for name, new, old in unchanged:
        if new != old:
            yield violation(Condition.UPDATE_IMMUTABLE, entry.id, f"{name} is not that of the former version")


def _status_faults(
    status: StatusUpdate,
    obj: RegisteredObject | None,
    contents: Contents,
    registered: Registered,
    *,
    is_restricted: bool,
) -> Iterator[Violation]:
    at = status.association.id
    if obj is None:
        yield violation(Condition.REFERENCE_UNRESOLVED, at, "targetObject: there is no object with this id in the registry")
        return
    if obj.kind is Kind.SUBMISSION_SET:
        yield violation(_status_fault(is_restricted), at, "the status of a submission set does not change")
    elif obj.life is not status.original or not obj.latest:
        yield violation(_status_fault(is_restricted), at, f"{SLOT_ORIGINAL_STATUS} is not that of the latest version")
    yield from _patient_faults(at, obj, contents, registered, Condition.PATIENT_MISMATCH)


def _end_faults(
    association: Association, contents: Contents, registered: Registered, *, is_restricted: bool
) -> Iterator[Violation]:
    at = association.id
    other_patient = Condition.UPDATE_PATIENT_CHANGED if is_restricted else Condition.UPDATE_INVALID
    for name, end in (("source", association.source), ("target", association.target)):
        obj = registered.objects.get(end)
        if obj is None:
            told = f"{name}Object: there is no object with this id in the registry"
            yield violation(Condition.REFERENCE_UNRESOLVED, at, told)
            continue
        if obj.kind not in _ends(association, name):
            yield violation(Condition.UPDATE_INVALID, at, f"{name}Object: not an object that this association leads to or from")
        elif not obj.is_approved:
            yield violation(Condition.UPDATE_INVALID, at, f"{name}Object is not Approved")
        yield from _patient_faults(at, obj, contents, registered, other_patient)
    target = registered.objects.get(association.target)
    if association.type == SNAPSHOT and target is not None and not target.on_demand:
        yield violation(Condition.UPDATE_INVALID, at, "the target of IsSnapshotOf is an on-demand entry")


def _ends(association: Association, name: str) -> Sequence[Kind]:
    return (Kind.FOLDER,) if association.type == HAS_MEMBER and name == "source" else (Kind.ENTRY,)


def _patient_faults(
    at: str, obj: RegisteredObject, contents: Contents, registered: Registered, condition: Condition
) -> Iterator[Violation]:
    submission_set = contents.submission.submission_set
    if submission_set is not None and obj.patient and not registered.is_of_patient(obj, submission_set.patient_id):
        yield violation(condition, at, "it leads to an object of another patient than the submission set's")
