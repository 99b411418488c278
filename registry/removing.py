"""The removal of metadata, in one unit of work (ITI-62)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from kernel.database import Database, Work
from kernel.errors import Condition, Rejected, rejected, violation
from kernel.identifiers import is_entry_uuid
from registry.model import RegisteredObject, key_of
from registry.rules.removals import removal_faults
from registry.rules.structure import HAS_MEMBER
from registry.settings import RegistrySettings
from registry.store import RegistryStore

Told = Callable[[Sequence[str]], bytes]
"""Makes the audit message, given the patient ids (CX) of what was removed."""


class Removing:
    """Takes objects out of the registry."""

    def __init__(self, database: Database, *, store: RegistryStore, settings: RegistrySettings) -> None:
        self._database = database
        self._store = store
        self._settings = settings

    def remove(self, uuids: Sequence[str], told: Told) -> None:
        """Removes the objects with these entryUUIDs. Raises `Rejected` with everything that is wrong; then nothing is removed."""
        wanted = tuple(dict.fromkeys(uuids))
        if not wanted:
            raise rejected(Condition.METADATA_INVALID, "ObjectRefList", "no object is named")
        if len(wanted) > self._settings.max_objects:
            many = f"more than {self._settings.max_objects} objects in one removal"
            raise rejected(Condition.TOO_LARGE, "ObjectRefList", many)
        strange = [uuid for uuid in wanted if not is_entry_uuid(uuid)]
        if strange:
            raise Rejected([violation(Condition.REFERENCE_UNRESOLVED, uuid, "not an entryUUID") for uuid in strange])
        self._database.attempt(lambda work: self._remove(work, wanted, told))

    def patient_ids(self, uuids: Sequence[str]) -> Sequence[str]:
        """The patients (CX) whose objects are named, for the record of a refusal."""
        known = [key_of(uuid) for uuid in dict.fromkeys(uuids) if is_entry_uuid(uuid)][: self._settings.max_objects]
        with self._database.read() as connection:
            return _patients(self._store.objects(connection, known).values())

    def _remove(self, work: Work, wanted: Sequence[str], told: Told) -> None:
        connection, store = work.connection, self._store
        objects = store.objects(connection, [key_of(uuid) for uuid in wanted], lock=True)
        touching = store.associations(connection, list(objects), every=True)
        touching = [*touching, *(a for a in store.associations_by_id(connection, list(objects)) if a not in touching)]
        ends = {end for a in touching if a.uuid in objects for end in (a.source, a.target)}
        containers = store.objects(connection, ends, lock=True)
        memberships = [a for a in store.associations(connection, list(ends), every=True) if a.name == HAS_MEMBER]
        faults = tuple(removal_faults(wanted, objects, touching, containers, memberships))
        if faults:
            raise Rejected(faults)
        store.remove(connection, list(objects.values()))
        work.audit(told(_patients(objects.values())))


def _patients(objects: Iterable[RegisteredObject]) -> Sequence[str]:
    return tuple(dict.fromkeys(obj.patient for obj in objects if obj.patient))
