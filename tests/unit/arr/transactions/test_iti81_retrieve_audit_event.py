"""arr.transactions.iti81_retrieve_audit_event: what it does on the wire is in the conformance tests."""

from __future__ import annotations

from typing import Any

import pytest

from arr.model import AuditSearch, Cursor
from arr.tables import METADATA
from arr.transactions.iti81_retrieve_audit_event import RetrieveAuditEvent, read_search, search_parameters
from atna.message import Indicator
from kernel.errors import Rejected
from tests.conftest import MakeDatabase
from tests.support.arr import a_service, received, some_records
from tests.support.audit import a_subject

DATE = "date=ge2026-11-01"


@pytest.mark.parametrize(
    ("query", "field", "values"),
    [
        ("patient.identifier=urn:oid:1.2|7,urn:oid:1.3|8", "patients", ("7^^^&1.2&ISO", "8^^^&1.3&ISO")),
        ("patient.identifier=HOSP|7", "patients", ("7^^^HOSP",)),
        ("agent=a|b", "users", ("a|b",)),
        ("agent.identifier=urn:x|dr", "users", ("dr",)),
        ("address=10.0.0.5", "addresses", ("10.0.0.5",)),
        ("entity.identifier=urn:oid:1.2.3", "objects", ("urn:oid:1.2.3",)),
        ("type=http://dicom|110112", "events", ("110112",)),
        ("subtype=ITI-18,ITI-43", "event_types", ("ITI-18", "ITI-43")),
        ("altid=4711", "alternatives", ("4711",)),
        ("action=C,R", "actions", ("C", "R")),
        ("outcome=8", "outcomes", (Indicator.SERIOUS,)),
        ("entity-type=2&entity-role=24", "object_kinds", ("2/24",)),
    ],
)
def test_a_parameter_is_a_field_of_the_search(query: str, field: str, values: tuple[object, ...]) -> None:
    asked = read_search(f"{DATE}&{query}")

    assert getattr(asked.search, field) == values


def test_type_or_role_alone_is_every_pair_that_has_it() -> None:
    by_role, by_type = (read_search(f"{DATE}&{q}").search.object_kinds for q in ("entity-role=24", "entity-type=2"))

    assert set(by_role) == {"0/24", "1/24", "2/24", "3/24", "4/24"}
    assert set(by_type) == {f"2/{role}" for role in range(27)}


def test_without_other_parameters_the_search_is_of_the_time_alone() -> None:
    asked = read_search(DATE)

    assert asked.search == AuditSearch(since=asked.search.since)
    assert (asked.count, asked.before, asked.record) == (50, None, None)


def test_a_page_is_never_larger_than_the_largest() -> None:
    assert [read_search(f"{DATE}&_count={n}").count for n in (0, 7, 999_999)] == [1, 7, 500]


def test_our_own_link_goes_on_where_the_page_ended() -> None:
    assert read_search(f"{DATE}&_cursor=5-3").before == Cursor(5, 3)
    with pytest.raises(Rejected):
        read_search(f"{DATE}&_cursor=99999999999999999999-1")


def test_an_id_outside_of_the_time_is_not_found(make_database: MakeDatabase) -> None:
    service = a_service(make_database(METADATA))
    service.record([*some_records(1), received(b"unreadable")])
    door = RetrieveAuditEvent(service, "http://hie/fhir")

    queries = ("_id=1", "_id=1&date=lt2000", "_id=9", "_id=2")
    found: list[Any] = [door.search(query, a_subject()) for query in queries]

    kinds = [[entry["resource"]["resourceType"] for entry in one.get("entry", [])] for one in found]
    assert kinds == [["AuditEvent"], [], [], ["OperationOutcome"]]


def test_every_parameter_that_a_client_may_use_is_told() -> None:
    names: list[Any] = search_parameters()

    assert {"date", "altid", "patient.identifier"} <= {one["name"] for one in names}
    assert "_cursor" not in {one["name"] for one in names}
