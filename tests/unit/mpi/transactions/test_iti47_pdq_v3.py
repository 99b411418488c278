"""ITI-47 at its doors."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.conftest import MakeDatabase
from tests.support.audit import schema_faults
from tests.support.hl7 import NAME_ASKED, v3, v3_parameter, v3_pdq
from tests.support.patients import OTTO, Wires, an_id, an_update, wires

BORN = v3_parameter("livingSubjectBirthTime", '<value value="19510902"/>')
PAGES = (
    "<responseModalityCode code='R'/><responsePriorityCode code='I'/><initialQuantity value='1'/><initialQuantityCode code='RD'/>"
)


@pytest.fixture
def index(make_database: MakeDatabase) -> Wires:
    """Lena, and Otto twice."""
    doors = wires(make_database)
    doors.index.feed(an_update(an_id("1")))
    doors.index.feed(an_update(an_id("2"), demographics=OTTO))
    doors.index.feed(an_update(an_id("3"), demographics=OTTO))
    return doors


def code(answer: etree._Element) -> str:
    """How the query ended."""
    return answer.find(".//{*}queryResponseCode").get("code") or ""  # type: ignore[union-attr]


def counts(answer: etree._Element) -> list[str]:
    """Total, on this page, remaining."""
    return [answer.find(f".//{{*}}result{n}Quantity").get("value") or "" for n in ("Total", "Current", "Remaining")]  # type: ignore[union-attr]


def continuation(
    root: str = "QUQI_IN000003UV01", *, status: str = "waitContinuedQueryResponse", query: str = "q-1"
) -> etree._Element:
    """The wish for the next page, or for no more."""
    return v3(
        root,
        f'<queryContinuation><queryId root="2.999.7.2" extension="{query}"/><statusCode code="{status}"/></queryContinuation>',
    )


def test_a_description_gets_a_page_with_counts_and_is_on_record(index: Wires) -> None:
    answer = index.v3(v3_pdq(NAME_ASKED))

    message = index.index.audited()[-1]
    assert (code(answer), counts(answer)) == ("OK", ["1", "1", "0"])
    assert b"ITI-47" in message
    assert schema_faults(message) == []


def test_an_answer_goes_on_and_repeats_its_question(index: Wires) -> None:
    first = index.v3(v3_pdq(BORN, PAGES))

    second = index.v3(continuation(), "urn:hl7-org:v3:QUQI_IN000003UV01_Continue")

    assert (counts(first), counts(second)) == (["2", "1", "1"], ["2", "1", "0"])
    assert second.find(".//{*}queryByParameter/{*}parameterList/{*}livingSubjectBirthTime") is not None
    assert {
        e.get("extension") for e in (*first.iterfind(".//{*}asOtherIDs/{*}id"), *second.iterfind(".//{*}asOtherIDs/{*}id"))
    } == {
        "2",
        "3",
    }


@pytest.mark.parametrize(
    ("root", "action"),
    [
        ("QUQI_IN000003UV01_Cancel", "urn:hl7-org:v3:QUQI_IN000003UV01_Cancel"),
        ("QUQI_IN000003UV01", "urn:hl7-org:v3:QUQI_IN000003UV01_Cancel"),
        ("QUQI_IN000003UV01", "urn:hl7-org:v3:QUQI_IN000003UV01_Continue"),
    ],
)
def test_an_answer_ends_when_it_is_cancelled_whatever_the_message_is_called(index: Wires, root: str, action: str) -> None:
    index.v3(v3_pdq(BORN, PAGES))

    cancelled = index.v3(continuation(root, status="aborted"), action)
    after = index.v3(continuation(), "urn:hl7-org:v3:QUQI_IN000003UV01_Continue")

    assert cancelled.find(".//{*}typeCode").get("code") == "CA"  # type: ignore[union-attr]
    assert code(after) == "AE"
    location = after.findtext(".//{*}acknowledgementDetail/{*}location")
    assert location == "/QUQI_IN000003UV01/controlActProcess/queryContinuation/queryId"


def test_refusals_are_on_record(index: Wires) -> None:
    unread = continuation("QUQI_IN000003UV01_Cancel", status="aborted")
    unread.find(".//{*}queryId").set("root", "")  # type: ignore[union-attr]  # there is one
    for body, action in (
        (v3_pdq(v3_parameter("livingSubjectAdministrativeGender", '<value code="F"/>')), ""),
        (continuation(query="unknown"), "urn:hl7-org:v3:QUQI_IN000003UV01_Continue"),
        (unread, "urn:hl7-org:v3:QUQI_IN000003UV01_Cancel"),
    ):
        index.v3(body, action)

        message = index.index.audited()[-1]
        assert b"ITI-47" in message
        assert b'EventOutcomeIndicator="0"' not in message
