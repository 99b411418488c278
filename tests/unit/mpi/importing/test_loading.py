"""mpi.importing.loading"""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from kernel.errors import Rejected
from mpi import store
from mpi.importing import loading
from mpi.importing.building import Built
from mpi.index import MATCH
from mpi.tables import BLOCKING_KEY, CONTACT_INDEX, IDENTIFIER, NAME_INDEX, PATIENT_RECORD, PERSON, PLACE_INDEX
from tests.conftest import MakeDatabase
from tests.support.imports import JOHN, a_file, a_population, a_row, bad_rows, load
from tests.support.patients import (
    CLINIC,
    LAB,
    LENA,
    XAD,
    PatientIndex,
    a_patient_index,
    an_affinity_domain,
    an_id,
    an_update,
    called,
    shown,
)

TABLES = (PERSON, PATIENT_RECORD, IDENTIFIER, BLOCKING_KEY, NAME_INDEX, PLACE_INDEX, CONTACT_INDEX)


def contents(index: PatientIndex) -> list[int]:
    """How many rows there are of everything an import writes."""
    with index.database.read() as connection:
        return [connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in TABLES]


def an_open_index(make_database: MakeDatabase) -> PatientIndex:
    """An index that takes authorities in."""
    return a_patient_index(make_database, affinity=an_affinity_domain(accept_new_authorities=True))


def test_an_imported_record_is_found_by_identifier_and_by_name(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_patient_index(make_database)

    loaded = load(index, a_file(tmp_path, [a_row("1"), a_row("2", JOHN, source="2.999.1.2")]))

    assert (loaded.rows, loaded.added, loaded.refused) == (2, 2, 0)
    assert index.affinity_id(an_id("1")).authority == XAD
    assert index.affinity_id(an_id("1")) != index.affinity_id(an_id("2", CLINIC))
    assert shown(index.search(called("Mary", family="Whitcombe"))) == ["Whitcombe"]


def test_what_an_import_stores_is_what_a_feed_would_have_stored(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_patient_index(make_database)
    lena = {"given": "Lena", "middle": "Maria", "family": "Rivera", "sex": "F", "dob": "1984-03-17", "street": "12 Elm Street"}
    where = {"city": "Springfield", "state": "MA", "postcode": "01101", "country": "US", "phone": "413-555-0187"}
    fed = index.feed(an_update(an_id("fed"), demographics=LENA)).record

    load(index, a_file(tmp_path, [a_row("imported", lena | where, source="HOSP_A")]))

    imported = index.record(an_id("imported")).id
    with index.database.read() as connection:
        for table in (NAME_INDEX, PLACE_INDEX, CONTACT_INDEX):
            columns = [column for column in table.c if column.name != "record"]
            one, other = (connection.execute(sa.select(*columns).where(table.c.record == r)).all() for r in (fed, imported))
            assert one == other
        keys = [set(connection.scalars(sa.select(BLOCKING_KEY.c.key).where(BLOCKING_KEY.c.record == r))) for r in (fed, imported)]
    assert len(keys[0] ^ keys[1]) == 2, "all but the key of the own identifier"


def test_a_second_run_changes_nothing(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_open_index(make_database)
    path, _ = a_population(tmp_path, 60)
    load(index, path)
    before = contents(index)

    loaded = load(index, path)

    assert (loaded.rows, loaded.added, loaded.unchanged, loaded.refused) == (60, 0, 60, 0)
    assert contents(index) == before


def test_a_run_that_was_cut_short_goes_on_where_it_ended(
    make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = an_open_index(make_database)
    path, _ = a_population(tmp_path, 60)
    write, blocks = loading.write, iter(range(9))

    def cut(connection: sa.Connection, built: Built) -> None:
        write(connection, built)
        if next(blocks) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(loading, "write", cut)
    with pytest.raises(KeyboardInterrupt):
        load(index, path, block=20)
    monkeypatch.undo()
    at_the_cut = contents(index)

    loaded = load(index, path, block=20)

    assert at_the_cut[0] == at_the_cut[1] == 40
    assert (loaded.added, loaded.unchanged) == (20, 40)
    assert contents(index)[:2] == [60, 60]


def test_bad_rows_go_to_a_file_with_the_reason_and_the_others_are_taken(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_patient_index(make_database)
    rows = [a_row("1"), a_row(""), a_row("2", JOHN, source="NOBODY"), a_row("3", dob="1961-02-31"), a_row("4", JOHN)]
    path = a_file(tmp_path, rows)

    loaded = load(index, path)

    assert (loaded.rows, loaded.added, loaded.refused, loaded.doubtful) == (5, 3, 2, 1)
    assert loaded.authorities_unknown == ("NOBODY",)
    found = {row["line"]: (row["taken"], row["reason"], row["family"]) for row in bad_rows(path)}
    assert found == {
        "3": ("no", "record_id is empty", "Whitcombe"),
        "4": ("no", "the assigning authority NOBODY is not known to the affinity domain", "Abernathy"),
        "5": ("yes", "dob is no day of the calendar; its first 6 digits were kept", "Whitcombe"),
    }


def test_a_mended_file_of_bad_rows_can_be_imported(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_patient_index(make_database)
    path = a_file(tmp_path, [a_row("")])
    load(index, path)
    bad = [row | {"record_id": "9"} for row in bad_rows(path)]

    loaded = load(index, a_file(tmp_path, bad, "mended.csv"))

    assert loaded.added == 1
    assert loaded.unread == ("line", "taken", "reason")


def test_an_identifier_that_stands_in_the_file_twice_is_taken_once(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_patient_index(make_database)
    path = a_file(tmp_path, [a_row("1"), a_row("1"), a_row("1", JOHN)])

    loaded = load(index, path)

    assert (loaded.rows, loaded.added, loaded.unchanged, loaded.refused) == (3, 1, 1, 1)
    assert index.record(an_id("1")).demographics.names[0].family == "Whitcombe"
    assert [row["line"] for row in bad_rows(path)] == ["4"]


def test_authorities_are_taken_in_where_the_domain_accepts_new_ones(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = an_open_index(make_database)

    load(index, a_file(tmp_path, [a_row("1", source="NEW", **{"id:2.999.77": "C-1"}), a_row("2", source="2.999.88")]))

    names = {(a.authority.namespace, a.authority.universal_id) for a in index.affinity.domain().authorities}
    assert {("NEW", ""), ("", "2.999.77"), ("", "2.999.88")} <= names


def test_a_value_under_an_authority_that_is_not_known_refuses_its_row_alone(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_patient_index(make_database)
    path = a_file(tmp_path, [a_row("1", **{"id:2.999.77": "C-1"}), a_row("2", **{"id:2.999.77": ""})])

    loaded = load(index, path)

    assert (loaded.added, loaded.refused) == (1, 1)
    assert loaded.authorities_unknown == ("2.999.77",)


def test_rows_without_a_source_belong_to_the_one_that_was_named(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_patient_index(make_database)
    row = {name: value for name, value in a_row("1").items() if name != "source"}

    load(index, a_file(tmp_path, [row]), source="LAB")

    assert index.record(an_id("1", LAB)).source == "LAB"


def test_a_source_of_the_domain_gives_the_identifiers_of_the_domain(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_patient_index(make_database)
    path = a_file(tmp_path, [a_row("D-1", source="XAD")])
    load(index, path)
    given = index.affinity_id(an_id("1")) if load(index, a_file(tmp_path, [a_row("1", JOHN)], "b.csv")).added else None
    assert given is not None

    loaded = load(index, a_file(tmp_path, [a_row(given.id, source="XAD")], "c.csv"))

    with index.database.read() as connection:
        persons = store.affinity_ids(connection, [index.record(an_id("D-1", XAD)).id])
    assert list(persons.values()) == [("D-1", True)]
    assert loaded.refused == 1


def test_each_new_record_is_told_to_the_workers_with_its_block(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_patient_index(make_database)

    load(index, a_file(tmp_path, [a_row("1"), a_row("2", source="CLINIC_B"), a_row("3", JOHN)]), is_queued=True)

    assert [topic for _, topic, _ in index.told()] == [MATCH] * 3
    index.work()
    assert index.clusters() == {frozenset("12"), frozenset("3")}


def test_a_record_that_is_fed_at_the_same_moment_is_met_again_and_kept(
    make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = a_patient_index(make_database)
    path = a_file(tmp_path, [a_row("1"), a_row("2", JOHN)])
    build, first = loading.build, iter([True])

    def overtaken(job: loading.Job) -> Built:
        if next(first, False):
            index.feed(an_update(an_id("1")))
        return build(job)

    monkeypatch.setattr(loading, "build", overtaken)

    loaded = load(index, path)

    assert (loaded.rows, loaded.added, loaded.refused) == (2, 1, 1)
    assert index.record(an_id("1")).demographics.names[0].family == "Rivera"


def test_further_processes_build_the_same(make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = an_open_index(make_database)
    if not index.database.is_sqlite:
        return
    path, _ = a_population(tmp_path, 60)
    monkeypatch.setattr(loading, "_SMALL", 0)
    seen: list[tuple[int, int]] = []

    loaded = loading.Loader(index.index).load(
        path, tmp_path / "e.csv", loading.LoadOptions(processes=1, block=25), lambda *at: seen.append(at)
    )

    assert (loaded.added, contents(index)[1]) == (60, 60)
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)


def test_a_header_that_cannot_be_used_leaves_everything_as_it_was(make_database: MakeDatabase, tmp_path: Path) -> None:
    index = a_patient_index(make_database)
    path = tmp_path / "x.csv"
    path.write_text("family\nNg\n")

    with pytest.raises(Rejected):
        load(index, path)

    assert contents(index) == [0] * len(TABLES)
