"""What patient ids of the affinity domain stand for: the index's side of the registry's `PatientDirectory`."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from affinity.model import Standing
from affinity.service import AffinityService
from kernel.database import Database
from kernel.identifiers import PatientId
from mpi import store


class MpiPatientDirectory:
    """Asks the index. An identifier joined to another by matching or an administrator goes on meaning the same person; one that its
    source merged into another is known and no longer active (ITI TF-2, 3.8.4.2.4)."""

    def __init__(self, database: Database, affinity: AffinityService) -> None:
        self._database = database
        self._affinity = affinity

    def standing(self, patient_id: PatientId, connection: Connection | None = None) -> Standing:
        """What the identifier stands for; read through `connection` where one is open. Raises `Unavailable`."""
        if not self._is_ours(patient_id):
            return Standing(known=False, active=False, survivor=patient_id, all_ids=(patient_id,))
        if connection is not None:
            return self._standing(connection, patient_id)
        with self._database.read() as own:
            return self._standing(own, patient_id)

    def _is_ours(self, patient_id: PatientId) -> bool:
        found = self._affinity.find(patient_id.authority)
        return found is not None and found == self._affinity.domain().own

    def _standing(self, connection: Connection, patient_id: PatientId) -> Standing:
        aliases = store.aliases(connection, patient_id.id)
        if not aliases:
            return Standing(known=False, active=False, survivor=patient_id, all_ids=(patient_id,))
        authority = self._affinity.domain().own.authority
        asked = next(a for a in aliases if a.affinity_id == patient_id.id)
        survivor = next(a for a in aliases if a.id == a.person)
        everything = tuple(PatientId(a.affinity_id, authority) for a in aliases)
        return Standing(True, not asked.is_subsumed, PatientId(survivor.affinity_id, authority), everything)
