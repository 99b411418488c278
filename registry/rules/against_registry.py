"""A submission against what is registered: patients, uniqueIds, the objects its associations lead to (ITI TF-3 4.2.2, 4.2.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from affinity.model import Standing
from ebrim.model import Association, DocumentEntry, Folder
from kernel.errors import Condition, Violation, violation
from kernel.identifiers import is_entry_uuid
from registry.model import Kind, RegisteredObject
from registry.rules.structure import HAS_MEMBER, RELATIONSHIPS, SNAPSHOT, Contents


@dataclass(frozen=True, slots=True)
class Registered:
    """What the registry knows that bears on a submission: objects by entryUUID, and those with the uniqueIds it brings.

    `standing` is None when the submission names no patient whose standing could be asked.
    """

    standing: Standing | None
    objects: Mapping[str, RegisteredObject] = field(default_factory=dict)
    namesakes: Mapping[str, Sequence[RegisteredObject]] = field(default_factory=dict)

    def is_of_patient(self, obj: RegisteredObject, patient_id: str) -> bool:
        """Whether an object is filed under the patient, by this identifier or another of the same person."""
        if obj.patient == patient_id:
            return True
        return self.standing is not None and any(obj.patient == known.cx for known in self.standing.all_ids)


def references(contents: Contents) -> frozenset[str]:
    """The entryUUIDs that the submission's associations lead to outside of it."""
    ends = (end for a in contents.submission.associations for end in (a.source, a.target))
    return frozenset(end for end in ends if is_entry_uuid(end) and not contents.holds(end))


def submitted_uuids(contents: Contents) -> frozenset[str]:
    """The entryUUIDs that the submission chose for its own objects."""
    submission = contents.submission
    ids = (obj.id for obj in (*submission.objects(), *submission.associations))
    return frozenset(id_ for id_ in ids if is_entry_uuid(id_))


def registry_faults(contents: Contents, registered: Registered) -> Iterator[Violation]:
    """Every rule that needs the registry, in the order that partners expect."""
    yield from patient_faults(contents, registered.standing)
    yield from _uuid_faults(contents, registered)
    yield from _unique_id_faults(contents, registered)
    for association in contents.submission.associations:
        yield from _reference_faults(association, contents, registered)


def patient_faults(contents: Contents, standing: Standing | None) -> Iterator[Violation]:
    """One patient, known and active: a subsumed identifier takes no more submissions."""
    submission_set = contents.submission.submission_set
    if submission_set is None:
        return
    for obj in (*contents.submission.entries, *contents.submission.folders):
        if obj.patient_id != submission_set.patient_id:
            yield violation(Condition.PATIENT_MISMATCH, obj.id, "not the patient of the submission set")
    if standing is not None and not standing.known:
        yield violation(Condition.PATIENT_UNKNOWN, submission_set.id, "the patientId is not known")
    elif standing is not None and not standing.active:
        yield violation(Condition.PATIENT_UNKNOWN, submission_set.id, "the patientId was subsumed by another")


def _uuid_faults(contents: Contents, registered: Registered) -> Iterator[Violation]:
    for uuid in sorted(submitted_uuids(contents)):
        if uuid in registered.objects:
            yield violation(Condition.METADATA_INVALID, uuid, "an object with this entryUUID is registered")


def _unique_id_faults(contents: Contents, registered: Registered) -> Iterator[Violation]:
    for obj in contents.submission.objects():
        known = registered.namesakes.get(obj.unique_id, ())
        if isinstance(obj, DocumentEntry):
            yield from _content_faults(obj, [k for k in known if k.kind is Kind.ENTRY])
            continue
        kind = Kind.FOLDER if isinstance(obj, Folder) else Kind.SUBMISSION_SET
        if any(k.kind is kind for k in known):
            yield violation(Condition.UNIQUE_ID_IN_USE, obj.id, "the uniqueId is registered")


def set_unique_id_faults(contents: Contents, registered: Registered) -> Iterator[Violation]:
    """The uniqueId of a submission set is new, also where the other objects are versions of registered ones."""
    for submission_set in contents.submission.submission_sets:
        if any(k.kind is Kind.SUBMISSION_SET for k in registered.namesakes.get(submission_set.unique_id, ())):
            yield violation(Condition.UNIQUE_ID_IN_USE, submission_set.id, "the uniqueId is registered")


def _content_faults(entry: DocumentEntry, known: Sequence[RegisteredObject]) -> Iterator[Violation]:
    """The same document may be registered again; another one may not take its uniqueId (TF-3 4.2.4.1, XDSNonIdenticalHash)."""
    if not known:
        return
    first = known[0]
    if first.on_demand != entry.is_on_demand:
        yield violation(Condition.UNIQUE_ID_IN_USE, entry.id, "the uniqueId is registered for another kind of document")
        return
    if first.hash is not None and [first.hash.hex()] != [text.lower() for text in entry.hash]:
        yield violation(Condition.HASH_DIFFERS, entry.id, "the uniqueId is registered with another hash")
    if first.size is not None and [first.size] != [int(text) for text in entry.size if text.isdecimal()]:
        yield violation(Condition.SIZE_DIFFERS, entry.id, "the uniqueId is registered with another size")


def _reference_faults(association: Association, contents: Contents, registered: Registered) -> Iterator[Violation]:
    for name, end in (("source", association.source), ("target", association.target)):
        if contents.holds(end) or not is_entry_uuid(end):
            continue
        obj = registered.objects.get(end)
        if obj is None:
            told = f"{name}Object: there is no object with this id in the message or the registry"
            yield violation(Condition.REFERENCE_UNRESOLVED, association.id, told)
        elif name == "source":
            yield from _outer_source_faults(association, obj, contents, registered)
        else:
            yield from _outer_target_faults(association, obj, contents, registered)


def _outer_source_faults(
    association: Association, obj: RegisteredObject, contents: Contents, registered: Registered
) -> Iterator[Violation]:
    """Only a folder of the registry may be the source of something new."""
    if association.type != HAS_MEMBER:
        return  # the source has to be in the submission: said by the structure rules
    if obj.kind is not Kind.FOLDER:
        yield violation(Condition.METADATA_INVALID, association.id, "the source of HasMember is not a folder")
        return
    if not obj.is_approved:
        yield violation(Condition.TARGET_DEPRECATED, association.id, "the folder is deprecated")
    yield from _foreign_patient(association, obj, contents, registered)


def _outer_target_faults(
    association: Association, obj: RegisteredObject, contents: Contents, registered: Registered
) -> Iterator[Violation]:
    at, type_ = association.id, association.type
    if obj.kind is not Kind.ENTRY:
        yield violation(Condition.METADATA_INVALID, at, "the target in the registry is not a document entry")
        return
    if type_ == SNAPSHOT and not obj.on_demand:
        yield violation(Condition.METADATA_INVALID, at, "the target of IsSnapshotOf is not an on-demand entry")
    is_reference = type_ == HAS_MEMBER and association.source in contents.set_ids
    needs_approved = type_ in RELATIONSHIPS or type_ == SNAPSHOT or (type_ == HAS_MEMBER and not is_reference)
    if needs_approved and not obj.is_approved:
        yield violation(Condition.TARGET_DEPRECATED, at, "the target is deprecated")
    if not is_reference:  # a set may refer to a document of another patient (TF-3 4.2.2.1.2)
        yield from _foreign_patient(association, obj, contents, registered)


def _foreign_patient(
    association: Association, obj: RegisteredObject, contents: Contents, registered: Registered
) -> Iterator[Violation]:
    submission_set = contents.submission.submission_set
    if submission_set is not None and not registered.is_of_patient(obj, submission_set.patient_id):
        told = "it leads to an object of another patient than the submission set's"
        yield violation(Condition.PATIENT_MISMATCH, association.id, told)
