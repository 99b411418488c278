"""What may be removed from the registry (ITI-62; Remove Metadata and Documents 3.62.4.1.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kernel.errors import Condition, Violation, violation
from registry.model import Key, Kind, RegisteredObject, key_of, uuid_of
from registry.rules.structure import HAS_MEMBER
from registry.store import StoredAssociation


def removal_faults(
    wanted: Sequence[str],
    objects: Mapping[Key, RegisteredObject],
    touching: Sequence[StoredAssociation],
    containers: Mapping[Key, RegisteredObject],
    memberships: Sequence[StoredAssociation],
) -> Iterator[Violation]:
    """What is wrong with the removal of the objects with these entryUUIDs.

    `objects` are those of them that are registered; `touching` every association that leads from or to one of them, or is one of
    them; `containers` the objects at both ends of the removed associations; `memberships` every HasMember of those.
    """
    for uuid in wanted:
        if key_of(uuid) not in objects:
            yield violation(Condition.REFERENCE_UNRESOLVED, uuid, "there is no object with this id in the registry")
    for association in touching:
        if association.uuid in objects:
            continue
        for end in dict.fromkeys((association.source, association.target)):
            if end in objects:
                told = f"association {uuid_of(association.uuid)} still refers to it"
                yield violation(Condition.REFERENCES_EXIST, uuid_of(end), told)
    yield from _orphans(objects, touching, containers, memberships)


def _orphans(
    objects: Mapping[Key, RegisteredObject],
    touching: Sequence[StoredAssociation],
    containers: Mapping[Key, RegisteredObject],
    memberships: Sequence[StoredAssociation],
) -> Iterator[Violation]:
    """What stays has to be a member of a set still, and a set that had members has to have one."""
    gone = [a for a in touching if a.uuid in objects and a.name == HAS_MEMBER]
    left = [a for a in memberships if a.uuid not in objects]
    sets = {key for key, obj in containers.items() if obj.kind is Kind.SUBMISSION_SET}
    for member in dict.fromkeys(a.target for a in gone if a.source in sets):
        if member in containers and member not in objects and not any(a.target == member and a.source in sets for a in left):
            yield violation(Condition.WOULD_ORPHAN, uuid_of(member), "it would be a member of no submission set")
    for container in dict.fromkeys(a.source for a in gone if a.source in sets):
        if container not in objects and not any(a.source == container for a in left):
            yield violation(Condition.WOULD_ORPHAN, uuid_of(container), "it would be a submission set without members")
