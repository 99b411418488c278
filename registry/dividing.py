"""What was filed under the identifiers of one person, divided between two: for a patient of a source that goes over to another.

Nothing that anybody is shown changes by that: it is done while all the identifiers are one person's, or in the unit of work that
takes them apart. Who a patient id means is asked of the patient index, as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kernel.identifiers import PatientId, read_cx
from registry import fragments
from registry.filing import ASSOCIATION_TYPE
from registry.model import Key
from registry.rules.structure import HAS_MEMBER
from registry.tables import ASSOCIATION, ENTRY, FOLDER, SUBMISSION_SET
from registry.terms import Terms

_AT_ONCE: Final = 500
"""Rows that are read or written together."""
Place = Callable[[PatientId], PatientId | None]


class Dividing:
    """Files anew what is filed under some patient ids."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def divide(self, connection: Connection, leaving: Mapping[PatientId, bool], place: Place, rest_to: PatientId) -> int:
        """Of everything that is filed under the identifiers in `leaving`: what was submitted for a local patient who has a `place`
        goes there, unless it is under an identifier that leaves with her; of the rest, what is under such a one goes to `rest_to`.

        An entry says for whom it was submitted (sourcePatientId); a folder or a submission set follows its documents when all of
        them have a place. Gives the number of entries that have one.
        """
        numbers: dict[int, bool] = {}
        for patient_id, is_leaving in leaving.items():
            numbers |= dict.fromkeys(self._terms.patients(connection, [patient_id.cx]), is_leaving)
        if not numbers:
            return 0
        entries = self._placed(connection, numbers, place)
        folders = self._following(connection, FOLDER, numbers, entries)
        sets = self._following(connection, SUBMISSION_SET, numbers, {**entries, **folders})
        rest = self._terms.patient(connection, rest_to.cx)
        left = [number for number, is_leaving in numbers.items() if is_leaving]
        for table, placed in ((ENTRY, entries), (FOLDER, folders), (SUBMISSION_SET, sets)):
            gone = set(_filed(connection, table, left))
            going = {key: number for key, number in placed.items() if key not in gone}
            _file(connection, table, going | {key: rest for key in gone if key not in placed})
        return len(entries)

    def _placed(self, connection: Connection, numbers: Collection[int], place: Place) -> dict[Key, int]:
        """The entries that have a place, and which."""
        places: dict[str, int] = {}
        found: dict[Key, int] = {}
        for key, sent in _submitted_for(connection, numbers):
            to = place(sent)
            if to is not None:
                if to.cx not in places:
                    places[to.cx] = self._terms.patient(connection, to.cx)
                found[key] = places[to.cx]
        return found

    def _following(
        self, connection: Connection, table: sa.Table, numbers: Collection[int], placed: Mapping[Key, int]
    ) -> dict[Key, int]:
        """The folders, or sets, whose documents all have a place; for a set without documents, all of its folders."""
        has_member = self._terms.known(connection, [(ASSOCIATION_TYPE, HAS_MEMBER)]).get((ASSOCIATION_TYPE, HAS_MEMBER), 0)
        held: dict[Key, list[Key]] = {}
        for some in _portions(sorted(_filed(connection, table, numbers))):
            statement = sa.select(ASSOCIATION.c.source, ASSOCIATION.c.target)
            statement = statement.where(ASSOCIATION.c.source.in_(some), ASSOCIATION.c.type == has_member)
            for source, target in connection.execute(statement):
                held.setdefault(bytes(source), []).append(bytes(target))
        targets = sorted({target for of_one in held.values() for target in of_one})
        documents, folders = (set(_there(connection, kind, targets)) for kind in (ENTRY, FOLDER))
        found = {}
        for key, of_one in held.items():
            counted = [t for t in of_one if t in documents] or [t for t in of_one if t in folders]
            if counted and all(t in placed for t in counted):
                found[key] = placed[counted[0]]
        return found


def _submitted_for(connection: Connection, numbers: Collection[int]) -> Iterator[tuple[Key, PatientId]]:
    for some in _portions(sorted(_filed(connection, ENTRY, numbers))):
        statement = sa.select(ENTRY.c.uuid, ENTRY.c.dictionary, ENTRY.c.xml).where(ENTRY.c.uuid.in_(some))
        for uuid, dictionary, xml in connection.execute(statement).all():
            sent = fragments.read_entry_of(dictionary, bytes(xml)).source_patient_id
            local = read_cx(sent[0]) if sent else None
            if local is not None:
                yield bytes(uuid), local


def _filed(connection: Connection, table: sa.Table, numbers: Collection[int]) -> list[Key]:
    return [bytes(uuid) for uuid in connection.scalars(sa.select(table.c.uuid).where(table.c.patient.in_(list(numbers))))]


def _there(connection: Connection, table: sa.Table, keys: Sequence[Key]) -> Iterator[Key]:
    for some in _portions(keys):
        yield from (bytes(uuid) for uuid in connection.scalars(sa.select(table.c.uuid).where(table.c.uuid.in_(some))))


def _file(connection: Connection, table: sa.Table, places: Mapping[Key, int]) -> None:
    # in the order of their ids, as everybody who locks several objects
    for some in _portions(sorted(places)):
        for number in sorted({places[key] for key in some}):
            keys = [key for key in some if places[key] == number]
            connection.execute(table.update().where(table.c.uuid.in_(keys), table.c.patient != number).values(patient=number))


def _portions(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    return (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE))
