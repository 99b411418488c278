"""Stored query requests, and the small language of their values."""

from __future__ import annotations

import pytest

from ebrim.namespaces import QUERY, RIM
from ebrim.query import (
    VALUES_LIMIT,
    Literal,
    QuerySlot,
    adhoc_query_request,
    parse_slot,
    quoted,
    quoted_list,
    read_query,
)
from ebrim.uuids import QueryId
from kernel.errors import Condition, Unreadable
from kernel.xml import Element, parse_xml
from tests.support.shared import faults, sample

REQUEST = f"{{{QUERY}}}AdhocQueryRequest"


def requested(*parts: str) -> Element:
    root = parse_xml(sample(*parts))
    return root if root.tag == REQUEST else next(root.iter(REQUEST))


def values(*raw: str) -> tuple[tuple[str, ...], int]:
    """The texts of a parameter sent so, and the number of complaints."""
    parsed, violations = parse_slot(QuerySlot("$x", raw))
    return parsed.texts, len(violations)


@pytest.mark.parametrize(
    ("folder", "name", "query", "slots"),
    [
        ("iti-18", "soap-sq-req.xml", QueryId.FIND_DOCUMENTS, 3),
        ("iti-51", "FindDocumentsForMultiplePatients-request.xml", QueryId.FIND_DOCUMENTS_FOR_MULTIPLE_PATIENTS, 2),
        ("iti-38", "soap-xcq-req.xml", QueryId.FIND_DOCUMENTS, 3),
    ],
)
def test_a_sample_query_is_read_and_its_values_have_no_problem(folder: str, name: str, query: QueryId, slots: int) -> None:
    request = read_query(requested(folder, name))

    assert request.query_id == query.value
    assert len(request.slots) == slots
    assert request.return_type == "LeafClass"
    assert [v for slot in request.slots for v in parse_slot(slot)[1]] == []


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("sq-req-bad-pid-format-NEGATIVE.xml", ["$XDSDocumentEntryPatientId"]),
        ("FindDocuments-request.xml", ["$XDSDocumentEntryPatientId"]),  # a quote that is never closed, with SQL behind it
        ("RegistryStoredQueryRequest_SOAP.xml", ["$XDSDocumentEntryPatientId", "$XDSDocumentEntryHealthcareFacilityTypeCode"]),
    ],
)
def test_a_sample_with_wrong_quotes_is_reported_by_the_names_of_its_parameters(name: str, parameters: list[str]) -> None:
    request = read_query(requested("iti-18", name))

    found = [v for slot in request.slots for v in parse_slot(slot)[1]]

    assert request.query_id == QueryId.FIND_DOCUMENTS.value
    assert [(v.condition, v.where) for v in found] == [(Condition.PARAMETER_INVALID, p) for p in parameters]


def test_the_raw_request_is_kept_for_the_audit_without_what_stands_after_it() -> None:
    root = parse_xml(
        f'<e><q:AdhocQueryRequest xmlns:q="{QUERY}"><r:AdhocQuery xmlns:r="{RIM}" id="x"/></q:AdhocQueryRequest>t</e>'.encode()
    )

    raw = read_query(root[0]).raw

    assert parse_xml(raw).tag == REQUEST
    assert raw.endswith(b"</q:AdhocQueryRequest>")


def test_slots_of_one_name_stay_apart_and_home_is_read() -> None:
    request = adhoc_query_request(
        QueryId.GET_DOCUMENTS.value, [QuerySlot("$a", ("1",)), QuerySlot("$b", ()), QuerySlot("$a", ("2", "3"))], home="urn:oid:1.2"
    )

    query = read_query(parse_xml(request))

    assert query.named("$a") == (QuerySlot("$a", ("1",)), QuerySlot("$a", ("2", "3")))
    assert query.home == "urn:oid:1.2"
    assert query.returns_composed


def test_a_written_request_is_valid() -> None:
    request = adhoc_query_request(QueryId.FIND_DOCUMENTS.value, [QuerySlot("$x&", (quoted("it's"),))], return_type="ObjectRef")

    assert faults("xds", parse_xml(request)) == []
    assert read_query(parse_xml(request)).return_type == "ObjectRef"


def test_a_request_without_a_query_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        read_query(parse_xml(f'<q:AdhocQueryRequest xmlns:q="{QUERY}"/>'.encode()))


@pytest.mark.parametrize(
    ("raw", "texts"),
    [
        (("'a'",), ("a",)),
        (("''",), ("",)),
        (("'it''s'",), ("it's",)),
        (("''''",), ("'",)),
        (("20260101",), ("20260101",)),
        (("-1.5",), ("-1.5",)),
        ((" \n 'a' \t",), ("a",)),
        (("('a')",), ("a",)),
        (("('a','b')",), ("a", "b")),
        (("(\n 'a' ,\r\n 'b'\n)",), ("a", "b")),
        (("('a,b','c)d')",), ("a,b", "c)d")),
        (("(1,2)",), ("1", "2")),
        (("('a')", "('b','c')"), ("a", "b", "c")),
        ((), ()),
    ],
)
def test_values_as_the_profile_writes_them_are_understood(raw: tuple[str, ...], texts: tuple[str, ...]) -> None:
    assert values(*raw) == (texts, 0)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "a",
        "'a",
        "a'",
        "'a'b'",
        "'a' 'b'",
        "()",
        "('a'",
        "('a',)",
        "(,'a')",
        "('a' 'b')",
        "('a'))",
        "('a')('b')",
        "(('a'))",
        "1a",
        "1.",
        "‘a’",
    ],
)
def test_anything_else_is_a_violation_and_gives_no_value(raw: str) -> None:
    assert values(raw) == ((), 1)


def test_a_wrong_value_leaves_the_right_ones_standing() -> None:
    assert values("'a'", "b", "c", "('d')") == (("a", "d"), 1)


def test_a_list_is_told_from_a_single_value_and_a_number_from_a_text() -> None:
    listed, _ = parse_slot(QuerySlot("$x", ("('1')",)))
    single, _ = parse_slot(QuerySlot("$x", ("1",)))

    assert (listed.is_list, listed.values) == (True, (Literal("1", is_quoted=True),))
    assert (single.is_list, single.values) == (False, (Literal("1", is_quoted=False),))


@pytest.mark.parametrize("raw", [("(" + ",".join(["1"] * (VALUES_LIMIT + 1)) + ")",), ("1",) * (VALUES_LIMIT + 1)])
def test_more_values_than_the_limit_are_a_violation(raw: tuple[str, ...]) -> None:
    parsed, violations = parse_slot(QuerySlot("$x", raw))

    assert len(parsed.values) <= VALUES_LIMIT
    assert len(violations) == 1


def test_a_long_run_of_quotes_is_judged_at_once() -> None:
    assert values("'" * 200_001)[1] == 1


def test_what_is_quoted_is_read_back() -> None:
    assert values(quoted_list(["it's", "('", "\n"])) == (("it's", "('", "\n"), 0)
