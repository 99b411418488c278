"""Filing rows and looking them up, below all rules."""

from __future__ import annotations

from typing import Any

import pytest

from ebrim.model import AssociationType, DocumentEntry
from kernel.database import Database
from registry import filing
from registry.filing import ASSOCIATION_TYPE
from registry.model import Changes, Kind, Life, key_of
from registry.store import RegistryStore
from registry.tables import ENTRY, METADATA
from registry.terms import Terms
from tests.conftest import MakeDatabase
from tests.support.clocks import counted_uuids
from tests.support.metadata import PATIENT, a_document_entry, a_folder, a_membership, a_submission_set

new_uuid = counted_uuids(9)
STORE = RegistryStore()


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    return make_database(METADATA)


def rows_of(database: Database, *entries: DocumentEntry, **copies: int) -> Changes:
    """The rows of entries, a set, a folder and a membership."""
    terms = Terms(database, limit=1000)
    own, folder = a_submission_set(id=new_uuid()), a_folder(id=new_uuid())
    memberships = [a_membership(source=own.id, target=e.id, id=new_uuid()) for e in entries]
    wanted = [t for e in entries for t in filing.terms_of_entry(e)]
    numbers = terms.interned(
        [*wanted, *filing.terms_of_set(own), *filing.terms_of_folder(folder), (ASSOCIATION_TYPE, AssociationType.HAS_MEMBER.value)]
    )
    with database.begin() as work:
        patient = terms.patient(work.connection, PATIENT)
    changes = Changes(
        entries=[filing.entry_row(e, numbers) for e in entries],
        submission_sets=[filing.set_row(own, numbers)],
        folders=[filing.folder_row(folder, numbers)],
        associations=[filing.association_row(m, numbers) for m in memberships],
        reference_ids=[row for e in entries for row in filing.reference_rows(e)],
    )
    for row in (*changes.entries, *changes.submission_sets, *changes.folders):
        row["patient"] = patient
    for row in changes.entries:
        row["copy"] = copies.get("copy", 0)
    return changes


def an_entry(**changes: Any) -> DocumentEntry:
    """An entry with an entryUUID."""
    return a_document_entry(**({"id": new_uuid()} | changes))


def filed(database: Database, changes: Changes) -> bool:
    """Whether everything was written; if not, nothing was."""
    with database.begin() as work:
        return STORE.file(work.connection, changes)


def test_what_is_filed_is_found_by_id_and_unique_id(database: Database) -> None:
    entry = an_entry(reference_id_list=("a^^^^t",))
    changes = rows_of(database, entry)

    assert filed(database, changes)

    with database.read() as connection:
        keys = [row["uuid"] for table in changes.rows()[:4] for row in table]
        found = STORE.objects(connection, [bytes(k) for k in keys if isinstance(k, bytes)])
        namesakes = STORE.with_unique_ids(connection, ["2.999.7.1", "2.999.8.1", "2.999.10.1", "1.2.3"])
    assert sorted(o.kind.value for o in found.values()) == ["association", "entry", "folder", "submission_set"]
    assert {o.kind for o in namesakes} == {Kind.ENTRY, Kind.FOLDER, Kind.SUBMISSION_SET}
    one = found[key_of(entry.id)]
    assert (one.patient, one.life, one.size, one.latest, one.logical_key) == (PATIENT, Life.APPROVED, 3, True, one.key)


def test_a_unique_id_that_is_taken_stands_in_the_way(database: Database) -> None:
    assert filed(database, rows_of(database, an_entry()))
    second = rows_of(database, an_entry())
    second.submission_sets.clear()
    second.folders.clear()

    assert not filed(database, second)


def test_a_copy_with_a_number_of_its_own_is_filed(database: Database) -> None:
    assert filed(database, rows_of(database, an_entry()))
    second = rows_of(database, an_entry(), copy=1)
    second.submission_sets.clear()
    second.folders.clear()

    assert filed(database, second)


def test_an_entry_that_is_not_approved_any_more_cannot_be_deprecated(database: Database) -> None:
    entry = an_entry()
    assert filed(database, rows_of(database, entry))

    assert filed(database, Changes(deprecated={key_of(entry.id)}))
    assert not filed(database, Changes(deprecated={key_of(entry.id)}))


def test_more_rows_than_one_statement_takes_are_all_filed(database: Database) -> None:
    many = [an_entry(unique_ids=(), id=new_uuid()) for _ in range(40)]
    changes = rows_of(database, *many)
    for number, row in enumerate(changes.entries):
        row["unique_id"] = f"2.999.{number}"

    assert filed(database, changes)

    with database.read() as connection:
        assert len(connection.execute(ENTRY.select()).fetchall()) == 40


def test_the_sources_of_approved_associations_are_found_by_type(database: Database) -> None:
    entry = an_entry()
    changes = rows_of(database, entry)
    assert filed(database, changes)
    (type_,) = {row["type"] for row in changes.associations}
    assert isinstance(type_, int)

    with database.read() as connection:
        assert STORE.sources(connection, [key_of(entry.id)], [type_]) == [(changes.submission_sets[0]["uuid"], key_of(entry.id))]
        assert list(STORE.sources(connection, [key_of(entry.id)], [type_ + 1])) == []
        assert list(STORE.sources(connection, [], [type_])) == []


def test_a_folder_takes_its_time_of_update(database: Database) -> None:
    changes = rows_of(database, an_entry())
    assert filed(database, changes)
    key = changes.folders[0]["uuid"]
    assert isinstance(key, bytes)

    with database.begin() as work:
        STORE.touch_folders(work.connection, [key], 20270101000000)

    with database.read() as connection:
        text = "SELECT last_update_time FROM folder"
        assert connection.exec_driver_sql(text).scalar_one() == 20270101000000
