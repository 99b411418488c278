"""mpi.importing.reading"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from mpi.importing.reading import Snapshot, read_index
from mpi.tables import PATIENT_RECORD
from tests.conftest import MakeDatabase
from tests.support.imports import JOHN, a_file, a_row, load
from tests.support.patients import ADMINISTRATOR, CLINIC, XAD, PatientIndex, a_patient_index, an_id


def an_index(make_database: MakeDatabase, folder: Path) -> PatientIndex:
    """Four records: 1 and 2 of the hospital, 3 of the clinic, D of the domain's own source."""
    index = a_patient_index(make_database)
    rows = [a_row("1"), a_row("2", JOHN), a_row("3", JOHN, source="CLINIC_B"), a_row("D", source="XAD")]
    load(index, a_file(folder, rows))
    return index


def read(index: PatientIndex) -> Snapshot:
    """The index as it is."""
    with index.database.read() as connection:
        return read_index(connection, index.service.prepare_anew)


def test_records_stand_in_the_order_in_which_they_came_with_their_persons(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(make_database, tmp_path)
    ids = [an_id("1"), an_id("2"), an_id("3", CLINIC), an_id("D", XAD)]
    one, two, three, domain = (index.record(id_).id for id_ in ids)
    index.stewardship.link(two, three, ADMINISTRATOR)

    found = read(index)

    assert found.records.tolist() == [one, two, three, domain]
    assert found.starts.tolist() == [0, 1, 1, 3]
    assert [found.person(place) for place in range(4)] == [one, two, two, domain]
    assert [found.is_fed(place) for place in range(4)] == [False, False, False, True]
    assert [found.place_of(record) for record in (one, three, domain + 1)] == [0, 2, None]
    assert found.columns.prepared(1).given == "JOHN"


def test_an_empty_index_has_no_records(make_database: MakeDatabase) -> None:
    found = read(a_patient_index(make_database))

    assert (found.size, found.columns.size, found.starts.tolist()) == (0, 0, [])


def test_records_that_were_merged_away_are_left_out(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(make_database, tmp_path)
    index.merge(an_id("1"), an_id("2"))

    assert read(index).size == 3


def test_a_record_that_an_older_release_cleaned_is_cleaned_anew(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_index(make_database, tmp_path)
    with index.database.begin() as work:
        work.connection.execute(sa.update(PATIENT_RECORD).values(prepared='{"v":0}'))

    assert [read(index).columns.prepared(place).given for place in range(3)] == ["MARY", "JOHN", "JOHN"]
