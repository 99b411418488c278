"""Records that begin: those that a feed announces, and those that an act of the journal makes and may take away again.

The journal changes rows and removes none: a record that is taken back stays, asleep, with the person of the record it stood in for.
Documents that came under its affinity-domain identifier are found there; its own identifier may be given to anybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.engine import Connection

from kernel.database import Work
from kernel.demographics import Demographics
from mpi import search_store, store
from mpi.authorities import Authorities
from mpi.index import Index
from mpi.ledger import Ledger
from mpi.linkage.blocking import blocking_keys
from mpi.linkage.normalise import Prepared, prepare
from mpi.model import LinkKind, Located, PatientRecord, RecordState, Stored

STOOD_IN: Final = "It began with an act that was taken back."


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A record to be: its own identifier first among `identifiers`, and who says so."""

    own: Located
    demographics: Demographics
    identifiers: tuple[Stored, ...]
    source: str


def begin(index: Index, authorities: Authorities, work: Work, new: Newcomer, *, is_fed: bool) -> int:
    """A record with a person of its own. `is_fed`: its identifier is that of the person in the affinity domain. Raises `Raced`."""
    return _add(index, authorities, work, new, None, is_fed=is_fed)


def begin_by(ledger: Ledger, index: Index, authorities: Authorities, work: Work, new: Newcomer, behind: PatientRecord) -> int:
    """The same inside an act, which undone puts it to sleep behind another; one that sleeps there already is woken.

    Its identifier is nobody's, or may be had. Raises `Raced`.
    """
    asleep = named(work.connection, new.own)
    if asleep is not None and asleep.subsumed_by == behind.id:
        _say(work, authorities, asleep, new)
        wake(ledger, asleep.id)
        return asleep.id
    if asleep is not None:
        store.retire(work.connection, asleep)
    is_fed = new.own.authority == authorities.own.key and not store.aliases(work.connection, new.own.patient_id.id)
    key = _add(index, authorities, work, new, behind, is_fed=is_fed)
    wake(ledger, key)
    return key


def named(connection: Connection, own: Located) -> PatientRecord | None:
    """The record with this identifier, locked."""
    found = store.records_named(connection, [(own.authority, own.patient_id.id)], lock=True)
    return found[0] if found else None


def may_be_had(connection: Connection, record: PatientRecord, behind: int | None = None) -> bool:
    """Whether the identifier of a record may be given anew.

    One of the affinity domain under which documents may be filed only by an act on the same record as before.
    """
    if record.state is not RecordState.ASLEEP:
        return False
    is_filed_under = store.affinity_ids(connection, [record.id])[record.id] == (record.local_id, True)
    return not is_filed_under or (behind is not None and record.subsumed_by == behind)


def wake(ledger: Ledger, record: int) -> None:
    """A record that slept stands for itself again, in a person of its own."""
    ledger.put("record", (record,), {"person": record, "state": RecordState.ACTIVE.value, "subsumed_by": None})
    ledger.put("person", (record,), {"is_subsumed": False})
    ledger.put("link", (record,), None)


def prepared(authorities: Authorities, demographics: Demographics, identifiers: Iterable[Stored]) -> Prepared:
    """What matching looks at."""
    return prepare(demographics, authorities.patient_ids(identifiers))


def _add(index: Index, authorities: Authorities, work: Work, new: Newcomer, behind: PatientRecord | None, *, is_fed: bool) -> int:
    key, connection = index.keys(work.now), work.connection
    record = PatientRecord(
        id=key,
        authority=new.own.authority,
        local_id=new.own.patient_id.id,
        source=new.source,
        person=key,
        demographics=new.demographics,
        created_at=work.now,
        updated_at=work.now,
        identifiers=new.identifiers,
    )
    if behind is not None:
        record = replace(record, person=behind.person, state=RecordState.ASLEEP, subsumed_by=behind.id)
    cleaned = prepared(authorities, new.demographics, new.identifiers)
    affinity_id = new.own.patient_id.id if is_fed else index.new_affinity_id()
    with store.together(connection):
        store.add_record(connection, record, cleaned, affinity_id, is_fed=is_fed)
        store.set_keys(connection, key, blocking_keys(cleaned))
        search_store.put_index(connection, search_store.index_rows(key, new.demographics))
        if behind is not None:
            store.add_link(connection, key, LinkKind.SOURCE, STOOD_IN, new.source, work.now)
    return key


def _say(work: Work, authorities: Authorities, asleep: PatientRecord, new: Newcomer) -> None:
    """What a record says that was asleep and is to be woken: nothing of what it said before."""
    connection: Connection = work.connection
    cleaned = prepared(authorities, new.demographics, new.identifiers)
    store.change_record(connection, asleep.id, new.demographics, cleaned, work.now)
    store.replace_identifiers(connection, asleep.id, new.identifiers)
    store.set_keys(connection, asleep.id, blocking_keys(cleaned), store.keys_of(connection, asleep.id))
    before, after = (search_store.index_rows(asleep.id, d) for d in (asleep.demographics, new.demographics))
    search_store.change_index(connection, asleep.id, before, after)
