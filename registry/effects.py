"""What else changes when a submission is registered: replaced entries, and the folders they were in (ITI TF-3 4.2.2.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from ebrim.model import Association, Submission
from kernel.identifiers import NewUuid
from registry.filing import ASSOCIATION_TYPE, Term
from registry.model import Key, Kind, RegisteredObject, key_of, uuid_of
from registry.rules.structure import DEPENDING, HAS_MEMBER, REPLACING
from registry.store import RegistryStore

TYPES_NEEDED = frozenset({(ASSOCIATION_TYPE, type_) for type_ in (HAS_MEMBER, *DEPENDING)})
"""The terms whose numbers `Effects` asks for."""


@dataclass(frozen=True, slots=True)
class Effects:
    """Entries that become Deprecated, associations that are added, folders whose lastUpdateTime is renewed."""

    deprecated: frozenset[Key] = frozenset()
    associations: tuple[Association, ...] = ()
    grown_folders: frozenset[Key] = frozenset()


def effects_of(
    connection: Connection,
    store: RegistryStore,
    submission: Submission,
    registered: Mapping[str, RegisteredObject],
    numbers: Mapping[Term, int],
    new_uuid: NewUuid,
) -> Effects:
    """The effects of a submission whose ids are entryUUIDs; `registered` are the objects it leads to, locked."""
    replacements = [(key_of(a.target), key_of(a.source)) for a in submission.associations if a.type in REPLACING]
    grown = {obj.key for obj in registered.values() if obj.kind is Kind.FOLDER}
    if not replacements:
        return Effects(grown_folders=frozenset(grown))
    depending = [numbers[ASSOCIATION_TYPE, type_] for type_ in DEPENDING]
    gone = _with_children(connection, store, {target for target, _ in replacements}, depending)
    has_member = [numbers[ASSOCIATION_TYPE, HAS_MEMBER]]
    memberships = _memberships(connection, store, submission, replacements, has_member)
    present = {(key_of(a.source), key_of(a.target)) for a in submission.associations if a.type == HAS_MEMBER}
    wanted = [pair for pair in dict.fromkeys(memberships) if pair not in present]
    added = tuple(_joined(submission, wanted, new_uuid))
    return Effects(gone, added, frozenset(grown.union(folder for folder, _ in memberships)))


def _with_children(connection: Connection, store: RegistryStore, replaced: set[Key], depending: Sequence[int]) -> frozenset[Key]:
    """The replaced entries, and every Approved one that was appended to or transformed from them, however far removed."""
    gone, front = set(replaced), set(replaced)
    while front:
        children = {source for source, _ in store.sources(connection, front, depending)} - gone
        found = store.objects(connection, children, lock=True)
        front = {key for key, obj in found.items() if obj.kind is Kind.ENTRY}
        gone |= {key for key in front if found[key].is_approved}
        # a deprecated child was deprecated with its own children; going on from it would only find them again
        front = {key for key in front if found[key].is_approved}
    return frozenset(gone)


def _memberships(
    connection: Connection,
    store: RegistryStore,
    submission: Submission,
    replacements: Sequence[tuple[Key, Key]],
    has_member: Sequence[int],
) -> Sequence[tuple[Key, Key]]:
    """Folder and new entry, for each Approved folder that a replaced entry is in, or is put into by the same submission."""
    containers = store.sources(connection, {target for target, _ in replacements}, has_member)
    known = store.objects(connection, {source for source, _ in containers}, lock=True)
    folders = {key for key, obj in known.items() if obj.kind is Kind.FOLDER and obj.is_approved}
    set_ids = {submission_set.id for submission_set in submission.submission_sets}
    present = [(folder, member) for folder, member in containers if folder in folders]
    present += [
        (key_of(a.source), key_of(a.target)) for a in submission.associations if a.type == HAS_MEMBER and a.source not in set_ids
    ]
    return [(folder, entry) for folder, member in present for target, entry in replacements if target == member]


def _joined(submission: Submission, wanted: Sequence[tuple[Key, Key]], new_uuid: NewUuid) -> Iterator[Association]:
    """The replacement joins the folder, and the set says so."""
    submission_set = submission.submission_sets[0]
    for folder, entry in wanted:
        membership = Association(id=new_uuid(), type=HAS_MEMBER, source=uuid_of(folder), target=uuid_of(entry))
        yield membership
        yield Association(id=new_uuid(), type=HAS_MEMBER, source=submission_set.id, target=membership.id)
