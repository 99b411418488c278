"""What the tables themselves forbid."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from mpi.tables import METADATA, NEGATIVE_LINK, PATIENT_RECORD, PERSON
from tests.conftest import MakeDatabase
from tests.support.patients import OTTO, a_patient_index, an_id, an_update


def test_a_record_belongs_to_exactly_one_person_that_is_there(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))

    for nobody in (None, 404):
        with pytest.raises(sa.exc.IntegrityError), index.database.begin() as work:
            work.connection.execute(PATIENT_RECORD.update().values(person=nobody))


def test_an_identifier_belongs_to_one_record_and_an_affinity_id_to_one_person(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2"), demographics=OTTO))

    for statement in (PATIENT_RECORD.update().values(local_id="1"), PERSON.update().values(affinity_id="A")):
        with pytest.raises(sa.exc.IntegrityError), index.database.begin() as work:
            work.connection.execute(statement)


def test_a_negative_link_has_one_way_to_be_written(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)

    for one, other in ((2, 1), (1, 1)):
        with pytest.raises(sa.exc.IntegrityError), index.database.begin() as work:
            work.connection.execute(NEGATIVE_LINK.insert().values(one=one, other=other, at=1, author="a"))


def test_no_foreign_key_leaves_the_index() -> None:
    targets = {key.column.table.name for table in METADATA.tables.values() for key in table.foreign_keys}

    assert targets <= set(METADATA.tables)
    assert all(name.startswith("mpi_") for name in METADATA.tables)
