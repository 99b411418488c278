"""The structure of a submission: one set, unique ids, membership, associations with both ends (ITI TF-3 4.2.1, 4.2.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ebrim.model import Association, AssociationType, DocumentEntry, Folder, RegistryLeaf, Submission
from ebrim.uuids import SLOT_SUBMISSION_SET_STATUS
from kernel.errors import Condition, Violation, violation
from kernel.identifiers import is_entry_uuid
from registry.rules.attributes import code_faults

HAS_MEMBER: Final = AssociationType.HAS_MEMBER.value
REPLACING: Final = frozenset({AssociationType.RPLC.value, AssociationType.XFRM_RPLC.value})
DEPENDING: Final = frozenset({AssociationType.APND.value, AssociationType.XFRM.value})
SNAPSHOT: Final = AssociationType.IS_SNAPSHOT_OF.value
SIGNS: Final = AssociationType.SIGNS.value
RELATIONSHIPS: Final = REPLACING | DEPENDING
"""From an entry of the submission to an Approved one in the registry, perhaps with documentation."""
_PREFIX: Final = "urn:uuid:"
_ORIGINAL, _REFERENCE = "Original", "Reference"


@dataclass(frozen=True, slots=True)
class Contents:
    """A submission by id. With an id that stands twice the first object counts; that it does is a fault by itself."""

    submission: Submission
    entries: Mapping[str, DocumentEntry]
    folders: Mapping[str, Folder]
    associations: Mapping[str, Association]
    set_ids: frozenset[str]

    @classmethod
    def of(cls, submission: Submission) -> Contents:
        """Sorts a submission."""
        return cls(
            submission,
            {entry.id: entry for entry in reversed(submission.entries)},
            {folder.id: folder for folder in reversed(submission.folders)},
            {association.id: association for association in reversed(submission.associations)},
            frozenset(s.id for s in submission.submission_sets),
        )

    def holds(self, id_: str) -> bool:
        """Whether an object of the submission has the id."""
        return id_ in self.entries or id_ in self.set_ids or id_ in self.folders or id_ in self.associations

    def is_folder_membership(self, id_: str) -> bool:
        """Whether the id is that of a HasMember of the submission whose source is a folder, here or in the registry."""
        association = self.associations.get(id_)
        return association is not None and association.type == HAS_MEMBER and association.source not in self.set_ids


def structure_faults(contents: Contents, extra_types: Collection[str]) -> Iterator[Violation]:
    """What is wrong between the objects of a submission; `extra_types` are the affinity domain's own associations."""
    submission = contents.submission
    yield from message_faults(submission)
    yield from _membership_faults(contents)
    for association in submission.associations:
        yield from _association_faults(association, contents, extra_types)


def message_faults(submission: Submission) -> Iterator[Violation]:
    """What every submission keeps to, whatever it is for: one set, ids and uniqueIds that stand once."""
    for fault in submission.faults:
        yield _fault("", fault)
    if len(submission.submission_sets) != 1:
        yield _fault("", f"{len(submission.submission_sets)} submission sets where one is expected")
    yield from _id_faults(submission)
    yield from _unique_id_faults(submission)


def _id_faults(submission: Submission) -> Iterator[Violation]:
    objects: list[RegistryLeaf] = [*submission.objects(), *submission.associations]
    ids = [obj.id for obj in objects]
    for id_ in ids:
        if not id_:
            yield _fault("", "an object has no id")
        elif id_.startswith(_PREFIX) and not is_entry_uuid(id_):
            yield _fault(id_, "not urn:uuid: with a lower-case UUID")
    ids += [sub_id for obj in objects for sub_id in obj.sub_ids if sub_id]
    if len(set(ids)) != len(ids):
        for id_, count in Counter(ids).items():
            if count > 1 and id_:
                yield _fault(id_, f"the id stands {count} times in the message")


def _unique_id_faults(submission: Submission) -> Iterator[Violation]:
    counted = Counter(obj.unique_id for obj in submission.objects())
    for obj in submission.objects():
        if obj.unique_id and counted[obj.unique_id] > 1:
            told = "the uniqueId stands more than once in the message"
            yield violation(Condition.UNIQUE_ID_REPEATED, obj.id, told)


def _membership_faults(contents: Contents) -> Iterator[Violation]:
    """Every new entry and folder is a member of the set, every membership of a folder is so once."""
    members = Counter(a.target for a in contents.submission.associations if _leads_from_set(a, contents))
    for id_ in (*contents.entries, *contents.folders):
        if members[id_] != 1:
            yield _fault(id_, f"{members[id_]} HasMember associations from the submission set where one is expected")
    for id_ in contents.associations:
        if contents.is_folder_membership(id_) and members[id_] != 1:
            told = f"this membership of a folder has {members[id_]} HasMember associations from the submission set, not one"
            yield _fault(id_, told)


def _leads_from_set(association: Association, contents: Contents) -> bool:
    return association.type == HAS_MEMBER and association.source in contents.set_ids


def _association_faults(association: Association, contents: Contents, extra_types: Collection[str]) -> Iterator[Violation]:
    at, type_ = association.id, association.type
    for fault in association.faults:
        yield _fault(at, fault)
    for name, end in (("sourceObject", association.source), ("targetObject", association.target)):
        if not is_entry_uuid(end) and not contents.holds(end):
            yield _fault(at, f"{name}: there is no object with this id in the message")
    if association.source == association.target:
        yield _fault(at, "source and target are the same object")
    if association.target in contents.set_ids:
        yield _fault(at, "a submission set is no target")
    yield from _documentation_faults(association)
    if type_ == HAS_MEMBER:
        yield from _has_member_faults(association, contents)
    elif type_ in RELATIONSHIPS or type_ in (SIGNS, SNAPSHOT) or type_ in extra_types:
        yield from _relationship_faults(association, contents)
    else:
        yield _fault(at, "associationType: not one of this transaction")


def _has_member_faults(association: Association, contents: Contents) -> Iterator[Violation]:
    at, target = association.id, association.target
    status = association.slot(SLOT_SUBMISSION_SET_STATUS)
    if association.source in contents.entries or association.source in contents.associations:
        yield _fault(at, "the source of HasMember is a submission set or a folder")
    if not _leads_from_set(association, contents):
        if target in contents.folders or target in contents.associations:
            yield _fault(at, "the member of a folder is a document entry")
        return
    if target in contents.associations and not contents.is_folder_membership(target):
        yield _fault(at, "the only association that is a member of a set is the membership of a folder")
    is_here = contents.holds(target)
    if target in contents.entries or not is_here:
        expected = _ORIGINAL if is_here else _REFERENCE
        if status != (expected,):
            yield _fault(at, f"{SLOT_SUBMISSION_SET_STATUS} is not {expected}")


def _relationship_faults(association: Association, contents: Contents) -> Iterator[Violation]:
    at = association.id
    source = contents.entries.get(association.source)
    if source is None:
        yield _fault(at, "the source of this association is a document entry of the submission")
    elif association.type == SNAPSHOT and source.is_on_demand:
        yield _fault(at, "the source of IsSnapshotOf is a stable entry")
    if association.type in RELATIONSHIPS or association.type == SNAPSHOT:
        if contents.holds(association.target):
            yield _fault(at, "the target of this association is a document entry in the registry")
    elif contents.holds(association.target) and association.target not in contents.entries:
        yield _fault(at, "the target of this association is a document entry")


def _documentation_faults(association: Association) -> Iterator[Violation]:
    at = association.id
    if len(association.documentation) > 1:
        yield _fault(at, f"associationDocumentation: {len(association.documentation)} values where one is expected")
    if association.documentation and association.type not in RELATIONSHIPS:
        yield _fault(at, "associationDocumentation: not with an association of this type")
    for value in association.documentation:
        yield from code_faults(at, "associationDocumentation", value)


def _fault(at: str, told: str) -> Violation:
    return violation(Condition.METADATA_INVALID, at, told)
