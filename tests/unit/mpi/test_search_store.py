"""What a record is found by, and pages of answers."""

from __future__ import annotations

from dataclasses import replace

from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.times import Dtm
from mpi import search_store
from mpi.search_store import ACCOUNT, TELECOM, Page, birth_number, index_rows
from mpi.tables import METADATA
from tests.conftest import MakeDatabase
from tests.support.patients import LENA, an_id

PAGE = Page("P1", "A|ADT", "T1", 1000, 2, ((1, 100), (2, 95)), (7,), b"<q/>")


def test_a_record_is_found_by_every_name_address_and_contact() -> None:
    person = Demographics(
        names=(HumanName("Müller", ("Otto", "Karl")), HumanName("Schulze", ("Otto",)), HumanName()),
        birth=Dtm("1951"),
        sex="M",
        addresses=(Address(("Am Domplatz 14",), "Köln", "", "506 67", "DE"),),
        telecoms=(Telecom("0221/235715"), Telecom("0221 235715"), Telecom("")),
        mother_name=HumanName("Costa", ("Ana",)),
        account=an_id("ACC"),
    )

    rows = index_rows(1, person)

    named = [(r["family"], r["given"], r["is_mother"], r["birth"]) for r in rows.names]
    assert named == [
        ("MULLER", "OTTO KARL", False, 19510000),
        ("SCHULZE", "OTTO", False, 19510000),
        ("COSTA", "ANA", True, 19510000),
    ]
    assert [(r["street"], r["city"], r["postcode"]) for r in rows.places] == [("AM DOMPLATZ 14", "KOLN", "50667")]
    assert [(r["kind"], r["value"]) for r in rows.contacts] == [(TELECOM, "221235715"), (ACCOUNT, "ACC")]


def test_who_has_no_name_is_found_by_birth() -> None:
    (row,) = index_rows(1, Demographics(birth=Dtm("19840317"))).names

    assert (row["family"], row["birth"]) == ("", 19840317)
    assert birth_number(None) == 0


def test_names_without_end_are_indexed_by_their_beginning() -> None:
    rows = index_rows(1, Demographics(names=(HumanName("A" * 5000),) * 50, telecoms=(Telecom("x@y.z" * 900),)))

    assert len(rows.names) == 8
    assert all(len(str(r["family"])) == 120 for r in rows.names)
    assert all(len(str(r["value"])) == 120 for r in rows.contacts)


def test_only_rows_that_differ_are_written_anew(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    before, after = index_rows(1, LENA), index_rows(1, replace(LENA, names=(HumanName("Berger"),), telecoms=()))

    with database.begin() as work:
        search_store.put_index(work.connection, before)
        search_store.change_index(work.connection, 1, before, after)
        search_store.change_index(work.connection, 1, after, after)
        counts = [
            work.connection.execute(table.select()).mappings().all()
            for table in (search_store.NAME_INDEX, search_store.PLACE_INDEX, search_store.CONTACT_INDEX)
        ]

    assert [len(rows) for rows in counts] == [1, 1, 0]
    assert counts[0][0]["family"] == "BERGER"


def test_a_page_is_found_by_pointer_or_tag_until_it_expires(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)

    with database.begin() as work:
        connection = work.connection
        search_store.keep_page(connection, PAGE)
        assert search_store.page_at(connection, pointer="P1", source="A|ADT", tag="T1", now=999) == PAGE
        assert search_store.page_at(connection, source="A|ADT", tag="T1", now=999) == PAGE
        for wrong in ({"pointer": "P2"}, {"source": "B|ADT"}, {"tag": "T2"}, {"now": 1000}):
            asked = {"pointer": "P1", "source": "A|ADT", "tag": "T1", "now": 999, **wrong}
            assert search_store.page_at(connection, **asked) is None  # type: ignore[arg-type]
        search_store.turn_page(connection, "P1", 4)
        turned = search_store.page_at(connection, source="A|ADT", tag="T1", now=999)
        search_store.keep_page(connection, replace(PAGE, pointer="P2"))
        assert search_store.page_at(connection, pointer="P1", source="A|ADT", tag="T1", now=999) is None
        assert search_store.drop_page(connection, "A|ADT", "T1")
        assert not search_store.drop_page(connection, "A|ADT", "T1")

    assert turned == replace(PAGE, position=4)


def test_old_pages_and_those_beyond_a_number_are_dropped(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)

    with database.begin() as work:
        connection = work.connection
        for n in range(5):
            search_store.keep_page(connection, replace(PAGE, pointer=f"P{n}", tag=f"T{n}", expires_at=1000 + n))
        search_store.keep_page(connection, replace(PAGE, pointer="Q", source="B|ADT", expires_at=1003))
        search_store.drop_old_pages(connection, "A|ADT", now=1000, keep=2)
        left = sorted(connection.scalars(search_store.QUERY_PAGE.select().with_only_columns(search_store.QUERY_PAGE.c.pointer)))

    assert left == ["P3", "P4", "Q"]
