"""mpi.linkage.columns"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bench.linkage.population import COLUMNS, Population
from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.times import Dtm
from mpi.linkage.columns import RawColumns, clean, from_prepared, from_raw
from mpi.linkage.normalise import Prepared, prepare
from tests.support.people import RECORDS


def _as_sent(row: dict[str, str]) -> Prepared:
    """What the feed makes of a row of an import."""
    given = tuple(filter(None, (row["given"], row["middle"])))
    names = [HumanName(row["family"], given, suffix=row["suffix"])]
    if row["alias_family"]:
        names.append(HumanName(row["alias_family"], use="A"))
    demographics = Demographics(
        names=tuple(names),
        sex=row["sex"],
        birth=Dtm(row["dob"].replace("-", "")) if row["dob"] else None,
        addresses=(Address((row["street"],), row["city"], row["state"], row["postcode"]),) if row["street"] else (),
        telecoms=tuple(Telecom(row[name]) for name in ("phone", "email") if row[name]),
        mother_name=HumanName(row["mother_family"]) if row["mother_family"] else None,
        birth_order=int(row["birth_order"]) if row["birth_order"] else None,
        national_id=row["national_id"],
    )
    return prepare(demographics, [PatientId(row["record_id"], AssigningAuthority(row["source"]))])


def test_columns_clean_as_the_feed_does() -> None:
    rows = [row for _, row in Population(3).records(600)]

    columns = from_raw({name: [row[name] for row in rows] for name in COLUMNS})

    for index, row in enumerate(rows):
        sent, found = _as_sent(row), columns.prepared(index)
        ours = replace(found, source_id=found.source, local_ids=())
        theirs = replace(sent, source_id=sent.source, local_ids=(), flags=tuple(flag for flag in sent.flags if flag == "given"))
        assert ours == theirs


@given(records=st.lists(RECORDS, max_size=6))
def test_prepared_records_come_back_from_columns(records: list[Prepared]) -> None:
    columns = from_prepared(records)

    assert columns.size == len(records)
    for index, record in enumerate(records):
        found = columns.prepared(index)
        assert replace(found, source_id="", local_ids=()) == replace(record, source_id="", local_ids=())
        assert found.source == record.source


def test_blocks_of_rows_give_what_all_rows_at_once_give() -> None:
    rows = [tuple(row[name] for name in COLUMNS) for _, row in Population(4).records(60)]
    once, blocks = RawColumns(COLUMNS), RawColumns(COLUMNS)

    once.add(rows)
    for start in range(0, 60, 7):
        blocks.add(rows[start : start + 7])

    first, second = clean(once), clean(blocks)
    assert [first.prepared(index) for index in range(60)] == [second.prepared(index) for index in range(60)]


def test_an_identifier_another_source_carries_is_the_owners_own() -> None:
    raw = {"record_id": ["1", "7"], "source": ["A", "B"], "given": ["Anna", "Anne"], "id:A": ["", "1"]}

    columns = from_raw(raw)

    assert columns.prepared(0).local_ids == columns.prepared(1).local_ids == ("A:1",)


def test_an_alias_of_the_given_name_is_kept_beside_the_columns() -> None:
    columns = from_raw({"given": ["Robert", "Anna"], "alias_given": ["Bob", ""]})

    assert columns.prepared(0).other_givens == ("BOB",)
    assert list(columns.history) == [0]
