"""What is filed under the identifiers of one person, divided between two."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from ebrim.model import Identifier, Submission
from kernel.identifiers import PatientId
from registry.tables import ENTRY, FOLDER, METADATA, PATIENT, SUBMISSION_SET
from tests.conftest import MakeDatabase
from tests.support.metadata import PATIENT as FIRST
from tests.support.metadata import a_document_entry, a_folder, a_membership, a_submission_set
from tests.support.registry import OTHER_PATIENT, Registry, a_registry, patient

MOVED = "M-1^^^&2.999.1.1&ISO"
ELSEWHERE = "S-9^^^&2.999.1.1&ISO"


@pytest.fixture
def registry(make_database: MakeDatabase) -> Registry:
    """An empty registry."""
    return a_registry(make_database(METADATA))


def put(registry: Registry, number: int, *sources: str, cx: str = FIRST, folders: int = 1) -> None:
    """A set with an entry for each source, in a folder."""
    ids, own = (Identifier(cx),), f"2.999.{number}"
    entries = tuple(
        a_document_entry(id=f"D{n}", patient_ids=ids, unique_ids=(Identifier(f"{own}.1.{n}"),), source_patient_id=(source,))
        for n, source in enumerate(sources)
    )
    submission_set = a_submission_set(patient_ids=ids, unique_ids=(Identifier(f"{own}.8"),))
    held = tuple(a_folder(id=f"F{n}", patient_ids=ids, unique_ids=(Identifier(f"{own}.9.{n}"),)) for n in range(folders))
    filed = tuple(a_membership(f.id, e.id, id=f"H{f.id}{e.id}", slots=()) for f in held for e in entries)
    of_set = tuple(a_membership(target=o.id) for o in (*entries, *held, *filed))
    registry.register(Submission(entries=entries, submission_sets=(submission_set,), folders=held, associations=(*filed, *of_set)))


def divide(registry: Registry, leaving: dict[str, bool], *, to: str = OTHER_PATIENT, rest: str = FIRST) -> int:
    """The local patient goes."""

    def place(sent: PatientId) -> PatientId | None:
        return patient(to) if (sent.id, sent.authority.universal_id) == ("M-1", "2.999.1.1") else None

    with registry.database.begin() as work:
        return registry.service.dividing.divide(
            work.connection, {patient(cx): is_leaving for cx, is_leaving in leaving.items()}, place, patient(rest)
        )


def filed(registry: Registry, table: sa.Table) -> dict[str, str]:
    """By uniqueId the patient id under which it is filed."""
    statement = sa.select(table.c.unique_id, PATIENT.c.cx).join(PATIENT, PATIENT.c.id == table.c.patient)
    with registry.database.read() as connection:
        return {row.unique_id: row.cx for row in connection.execute(statement)}


def test_entries_go_by_whom_they_were_submitted_for(registry: Registry) -> None:
    put(registry, 1, MOVED, ELSEWHERE)
    put(registry, 2, MOVED)

    assert divide(registry, {FIRST: False}) == 2
    assert filed(registry, ENTRY) == {"2.999.1.1.0": OTHER_PATIENT, "2.999.1.1.1": FIRST, "2.999.2.1.0": OTHER_PATIENT}


def test_a_folder_and_a_set_follow_when_all_of_their_documents_do(registry: Registry) -> None:
    put(registry, 1, MOVED, ELSEWHERE)
    put(registry, 2, MOVED, MOVED)
    put(registry, 3)

    divide(registry, {FIRST: False})

    for table, last in ((FOLDER, "9.0"), (SUBMISSION_SET, "8")):
        assert filed(registry, table) == {
            f"2.999.1.{last}": FIRST,
            f"2.999.2.{last}": OTHER_PATIENT,
            f"2.999.3.{last}": FIRST,
        }


def test_what_is_under_an_identifier_that_leaves_stays_behind_unless_it_goes_along(registry: Registry) -> None:
    put(registry, 1, MOVED)
    put(registry, 2, ELSEWHERE)

    divide(registry, {FIRST: True}, to=OTHER_PATIENT, rest=OTHER_PATIENT)

    assert filed(registry, ENTRY) == {"2.999.1.1.0": FIRST, "2.999.2.1.0": OTHER_PATIENT}
    assert filed(registry, SUBMISSION_SET) == {"2.999.1.8": FIRST, "2.999.2.8": OTHER_PATIENT}


def test_nothing_of_other_patients_is_touched_and_nothing_is_done_twice(registry: Registry) -> None:
    put(registry, 1, MOVED, cx=OTHER_PATIENT)
    put(registry, 2, MOVED)
    third = FIRST.replace("^^^", "X^^^")

    found = [divide(registry, {FIRST: False}, to=third) for _ in range(2)]

    assert found == [1, 0]
    assert filed(registry, ENTRY) == {"2.999.1.1.0": OTHER_PATIENT, "2.999.2.1.0": third}


def test_many_documents_are_divided_in_portions(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.dividing._AT_ONCE", 2)
    put(registry, 1, *[MOVED, ELSEWHERE] * 3, folders=0)

    assert divide(registry, {FIRST: False}) == 3
    assert sorted(filed(registry, ENTRY).values()) == sorted([FIRST] * 3 + [OTHER_PATIENT] * 3)


def test_without_documents_nothing_is_made(registry: Registry) -> None:
    assert divide(registry, {FIRST: True}) == 0
    with registry.database.read() as connection:
        assert connection.execute(sa.select(PATIENT)).all() == []
