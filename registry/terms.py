"""Numbers for codes and patients: asked of the database once, then remembered by the process.

Only what was committed is remembered: a number handed out by a transaction that was rolled back may mean something else later.
So `known` and `patients` read through connections that have written nothing. Numbers are never taken back.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from typing import Final, Generic, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kernel.database import Database, insert_into
from kernel.statements import AnyOf, Statement
from registry.filing import Term
from registry.tables import PATIENT, TERM


class _TermRow(NamedTuple):
    id: int
    scheme: str
    value: str


class _PatientRow(NamedTuple):
    id: int
    cx: str


_TERMS: Final = Statement(sa.select(TERM.c.id, TERM.c.scheme, TERM.c.value).where(AnyOf(TERM.c.value, "values")), _TermRow._make)
_PATIENTS: Final = Statement(sa.select(PATIENT.c.id, PATIENT.c.cx).where(AnyOf(PATIENT.c.cx, "cxs")), _PatientRow._make)
_PATIENT_IDS: Final = Statement(sa.select(PATIENT.c.id, PATIENT.c.cx).where(AnyOf(PATIENT.c.id, "numbers")), _PatientRow._make)
CHUNK: Final = 500
_K = TypeVar("_K", Term, str)


class _Memory(Generic[_K]):
    """What is known to be committed. Starts anew when it is full, never takes a number away from a dictionary it gave out."""

    __slots__ = ("_limit", "_lock", "numbers")

    def __init__(self, limit: int) -> None:
        self.numbers: dict[_K, int] = {}
        self._limit = limit
        self._lock = threading.Lock()

    def remember(self, found: Mapping[_K, int]) -> None:
        with self._lock:
            if len(self.numbers) + len(found) > self._limit:
                self.numbers = dict(found)
            else:
                self.numbers.update(found)


class Terms:
    """The numbers of terms and patients. `limit` bounds what the process remembers of each."""

    def __init__(self, database: Database, *, limit: int) -> None:
        self._database = database
        self._terms: _Memory[Term] = _Memory(limit)
        self._patients: _Memory[str] = _Memory(limit)

    def interned(self, terms: Iterable[Term]) -> Mapping[Term, int]:
        """The numbers of all of them. New ones are made in a unit of work of their own: call it outside of any other."""
        numbers, wanted = self._terms.numbers, set(terms)
        missing = [term for term in wanted if term not in numbers]
        if not missing:
            return numbers
        made = self._database.attempt(lambda work: _make_terms(work.connection, missing))
        self._terms.remember(made)
        return made | {term: numbers[term] for term in wanted if term not in made}

    def known(self, connection: Connection, terms: Collection[Term]) -> Mapping[Term, int]:
        """The numbers of those that have one; a term without occurs in no object."""
        numbers = self._terms.numbers
        missing = [term for term in terms if term not in numbers]
        if not missing:
            return numbers
        found = _find_terms(connection, missing)
        self._terms.remember(found)
        return found | {term: numbers[term] for term in terms if term in numbers}

    def patients(self, connection: Connection, cxs: Collection[str]) -> list[int]:
        """The numbers of those patient ids under which something was filed."""
        numbers = self._patients.numbers
        missing = [cx for cx in cxs if cx not in numbers]
        found: dict[str, int] = {}
        if missing:
            found = {cx: number for number, cx in _PATIENTS.rows(connection, {"cxs": missing})}
            self._patients.remember(found)
        return [found[cx] if cx in found else numbers[cx] for cx in cxs if cx in found or cx in numbers]

    def patient_ids(self, connection: Connection, numbers: Collection[int]) -> Mapping[int, str]:
        """The patient ids (CX) that have these numbers."""
        return {row.id: row.cx for row in _PATIENT_IDS.rows(connection, {"numbers": list(numbers)})} if numbers else {}

    def remembered_patient(self, cx: str) -> int | None:
        """The number of a patient id, when this process knows it."""
        return self._patients.numbers.get(cx)

    def patient(self, connection: Connection, cx: str) -> int:
        """The number of a patient id under which something is about to be filed, made where there is none.

        A number made here is remembered by `committed`, when the unit of work has been.
        """
        number = self._patients.numbers.get(cx)
        if number is not None:
            return number
        insert = insert_into(connection, PATIENT).values(cx=cx)
        # an update that changes nothing, for DO NOTHING would return nothing of a row that is there
        made = insert.on_conflict_do_update(index_elements=["cx"], set_={"cx": insert.excluded.cx}).returning(PATIENT.c.id)
        return int(connection.execute(made).scalar_one())

    def committed(self, cx: str, number: int) -> None:
        """A unit of work that used the number of a patient id was committed."""
        if cx not in self._patients.numbers:
            self._patients.remember({cx: number})


def _find_terms(connection: Connection, terms: Collection[Term]) -> dict[Term, int]:
    wanted = list(terms)
    rows = _TERMS.rows(connection, {"values": list(dict.fromkeys(value for _, value in wanted))})
    found = {(row.scheme, row.value): row.id for row in rows}
    return {term: found[term] for term in wanted if term in found}


def _make_terms(connection: Connection, terms: Collection[Term]) -> dict[Term, int]:
    # in one order everywhere, so that two units that make the same terms wait for each other and do not lock each other out
    ordered = sorted(terms)
    for start in range(0, len(ordered), CHUNK):
        rows = [{"scheme": scheme, "value": value} for scheme, value in ordered[start : start + CHUNK]]
        connection.execute(insert_into(connection, TERM).values(rows).on_conflict_do_nothing())
    return _find_terms(connection, ordered)
