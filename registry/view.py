"""What the rules ask of the registry and of the patient index, in one look."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.engine import Connection

from affinity.model import Meant, Standing
from kernel.identifiers import parse_cx
from registry.model import RegisteredObject, key_of
from registry.ports import PatientDirectory
from registry.rules.against_registry import Registered
from registry.rules.structure import Contents
from registry.store import RegistryStore


class RegistryView:
    """Looks things up for the rules; with `lock`, what was seen stays so until the unit of work ends."""

    def __init__(self, store: RegistryStore, directory: PatientDirectory) -> None:
        self._store = store
        self._directory = directory

    def standing(self, connection: Connection, cx: str) -> Standing | None:
        """What a patient id stands for; None for a text that is none."""
        patient_id = parse_cx(cx)
        return self._directory.standing(patient_id, connection) if patient_id else None

    def meant(self, cx: str) -> Meant | None:
        """The same as a part of a statement, where the index can be asked so."""
        patient_id = parse_cx(cx)
        return self._directory.meant(patient_id) if patient_id else None

    def registered(self, connection: Connection, contents: Contents, uuids: Collection[str], *, lock: bool = False) -> Registered:
        """The objects with these entryUUIDs, those with the uniqueIds of a submission, and the standing of its patient."""
        submission = contents.submission
        objects = self._store.objects(connection, [key_of(uuid) for uuid in uuids], lock=lock)
        namesakes: dict[str, list[RegisteredObject]] = {}
        unique_ids = {obj.unique_id for obj in submission.objects() if obj.unique_id}
        for obj in self._store.with_unique_ids(connection, unique_ids):
            namesakes.setdefault(obj.unique_id, []).append(obj)
        cx = submission.submission_set.patient_id if submission.submission_set else ""
        return Registered(self.standing(connection, cx), {obj.uuid: obj for obj in objects.values()}, namesakes)
