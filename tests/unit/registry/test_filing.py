"""Objects as rows."""

from __future__ import annotations

import pytest

from ebrim.model import Author, DocumentEntry, EntryType, LocalText
from ebrim.uuids import DOCUMENT_OFFLINE
from registry.filing import (
    ASSOCIATION_TYPE,
    REPOSITORY,
    SOURCE,
    Term,
    association_row,
    entry_row,
    floor,
    folder_row,
    instant,
    persons,
    reference_rows,
    set_row,
    terms_of_entry,
    terms_of_folder,
    terms_of_set,
)
from registry.tables import ASSOCIATION, ENTRY, FOLDER, REFERENCE_ID, SUBMISSION_SET
from tests.support.metadata import REPOSITORY as OUR_REPOSITORY
from tests.support.metadata import a_code, a_document_entry, a_folder, a_membership, a_submission_set

UUID = "urn:uuid:11111111-2222-4333-8444-555555555555"
KEY = bytes.fromhex("11111111222243338444555555555555")


def numbered(*terms: Term) -> dict[Term, int]:
    """Numbers from 10 on."""
    return {term: number for number, term in enumerate(dict.fromkeys(terms), 10)}


def row_of(entry: DocumentEntry) -> dict[str, object]:
    """Its row."""
    return entry_row(entry, numbered(*terms_of_entry(entry)))


def test_each_row_has_the_columns_of_its_table() -> None:
    folder, own = a_folder(id=UUID), a_submission_set(id=UUID)
    membership = a_membership(source=UUID, target=UUID, id=UUID)
    entry = a_document_entry(id=UUID, reference_id_list=("a^^^^t",))

    assert list(row_of(entry)) == ENTRY.c.keys()
    assert list(set_row(own, numbered(*terms_of_set(own)))) == SUBMISSION_SET.c.keys()
    assert list(folder_row(folder, numbered(*terms_of_folder(folder)))) == FOLDER.c.keys()
    assert list(association_row(membership, numbered((ASSOCIATION_TYPE, membership.type)))) == ASSOCIATION.c.keys()
    assert list(next(iter(reference_rows(entry)))) == REFERENCE_ID.c.keys()


def test_what_is_searched_stands_in_its_column() -> None:
    row = row_of(
        a_document_entry(
            id=UUID,
            creation_time=("202601",),
            service_start_time=("20260203101112",),
            event_codes=(a_code("CT", "1.2"), a_code("MR", "1.2")),
            document_availability=(DOCUMENT_OFFLINE,),
            title=(LocalText("Letter"), LocalText("Brief", "de")),
        )
    )

    assert (row["uuid"], row["logical"], row["version"], row["latest"]) == (KEY, None, 1, 1)
    assert (row["creation_time"], row["service_start_time"], row["service_stop_time"]) == (20260101000000, 20260203101112, None)
    assert (row["size"], row["hash"], row["offline"], row["kind"]) == (
        3,
        bytes.fromhex("a9993e364706816aba3e25717850c26c9cd0d89d"),
        1,
        0,
    )
    assert str(row["event_codes"]).count(",") == 3
    assert (row["title"], row["unique_id"]) == ("Letter", "2.999.7.1")


def test_an_on_demand_entry_has_no_document_of_its_own() -> None:
    row = row_of(a_document_entry(id=UUID, object_type=EntryType.ON_DEMAND.value, creation_time=(), hash=(), size=()))

    assert (row["kind"], row["creation_time"], row["hash"], row["size"]) == (1, None, None, None)


def test_a_later_version_names_its_logical_id() -> None:
    row = row_of(a_document_entry(id=UUID, logical_id=UUID.replace("1111", "2222", 1), version="2"))

    assert (row["version"], row["logical"]) == (2, bytes.fromhex("22221111") + KEY[4:])


def test_repositories_and_sources_are_terms() -> None:
    assert (REPOSITORY, OUR_REPOSITORY) in set(terms_of_entry(a_document_entry()))
    assert (SOURCE, "2.999.9.1") in set(terms_of_set(a_submission_set()))


def test_a_reference_id_that_stands_twice_is_kept_once() -> None:
    entry = a_document_entry(id=UUID, reference_id_list=("a^^^^t", "b^^^^t", "a^^^^t"))

    assert [row["value"] for row in reference_rows(entry)] == ["a^^^^t", "b^^^^t"]


def test_persons_stand_between_separators() -> None:
    assert persons([Author(person=("a",)), Author(person=("b", "c")), Author()]) == "\x1fa\x1fb\x1fc\x1f"
    assert persons([Author()]) is None


@pytest.mark.parametrize(
    ("dtm", "expected"),
    [("2026", 20260101000000), ("202602", 20260201000000), ("2026020310", 20260203100000), ("20260203101112", 20260203101112)],
)
def test_the_floor_of_a_time_is_its_earliest_instant(dtm: str, expected: int) -> None:
    assert floor(dtm) == expected


def test_an_instant_is_14_digits_in_utc() -> None:
    assert instant(0) == 19700101000000
