"""What patient ids of the affinity domain stand for: the index's side of the registry's `PatientDirectory`."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.engine import Connection

from affinity.model import Meant, Standing
from affinity.service import AffinityService
from kernel.database import Database
from kernel.identifiers import PatientId, is_oid, read_cx
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

    def meant(self, patient_id: PatientId) -> Meant | None:
        """The same as a part of a statement; None for an identifier of others."""
        if not self._is_ours(patient_id):
            return None
        authority = PatientId("", self._affinity.domain().own.authority).cx
        return Meant(store.ACTIVE_ALIASES, {"affinity_id": patient_id.id, "authority": authority})

    def identifiers(self, patient: str) -> tuple[str, ...]:
        """Every identifier (CX) of the person who has or had this one, also those merged into others, each under every name of its
        authority; none where she is unknown. Raises `Unavailable`."""
        asked = read_cx(patient)
        authority = self._affinity.find(asked.authority, lenient=True) if asked else None
        if asked is None or authority is None:
            return ()
        with self._database.read() as connection:
            persons = {holder.person for holder in store.holders(connection, (authority.key, asked.id))}
            if self._is_ours(asked):
                persons |= {alias.person for alias in store.aliases(connection, asked.id)}
            members = store.members(connection, persons) if persons else ()
            given = store.affinity_ids(connection, (member.id for member in members))
        own = self._affinity.domain().own.key
        named = [(stored.authority, stored.value) for member in members for stored in member.identifiers if not stored.is_claim]
        named += [(own, affinity_id) for affinity_id, _ in given.values()]
        return tuple(cx for key, value in dict.fromkeys(named) for cx in self._written(key, value))

    def _written(self, key: int, value: str) -> Iterator[str]:
        """An identifier as records may hold it: with the OID of its authority, or with a name of it alone."""
        for name in self._affinity.authority(key).names:
            yield f"{value}^^^&{name}&ISO" if is_oid(name) else f"{value}^^^{name}"

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
