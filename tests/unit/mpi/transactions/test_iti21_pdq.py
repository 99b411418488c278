"""ITI-21 at its door."""

from __future__ import annotations

import pytest

from tests.conftest import MakeDatabase
from tests.support.audit import schema_faults
from tests.support.hl7 import er7, msh, pdq
from tests.support.patients import OTTO, Wires, an_id, an_update, wires

CANCEL = er7(msh("QCN^J01^QCN_J01", "2.5", control_id="Q3"), "QID|TAG78|IHE PDQ Query")


@pytest.fixture
def index(make_database: MakeDatabase) -> Wires:
    """Two people."""
    doors = wires(make_database)
    doors.index.feed(an_update(an_id("1")))
    doors.index.feed(an_update(an_id("2"), demographics=OTTO))
    return doors


def starting(answer: list[str], name: str) -> list[str]:
    """The segments of one name."""
    return [line for line in answer if line.startswith(name)]


def test_a_description_gets_a_page_with_counts_and_is_on_record(index: Wires) -> None:
    answer = index.v2(pdq("@PID.5.1.1^RIV*", "^^^HOSP_A"))

    (pid,) = starting(answer, "PID")
    message = index.index.audited()[-1]
    assert pid.startswith("PID|1||1^^^HOSP_A&2.999.1.1&ISO||Rivera^Lena^Maria")
    assert starting(answer, "QAK") == ["QAK|TAG78|OK||1|1|0"]
    assert starting(answer, "QRI") == ["QRI|95"]
    assert b"ITI-21" in message
    assert b"1^^^HOSP_A&amp;2.999.1.1&amp;ISO" in message
    assert schema_faults(message) == []


def test_nobody_who_fits_is_no_error(index: Wires) -> None:
    answer = index.v2(pdq("@PID.5.1^Nobody"))

    assert starting(answer, "QAK") == ["QAK|TAG78|NF||0|0|0"]


def test_an_answer_goes_on_until_it_is_cancelled(index: Wires) -> None:
    ask = "@PID.7^1951", "^^^HOSP_A", "RCP|I|1^RD"
    index.index.feed(an_update(an_id("3"), demographics=OTTO))
    first = index.v2(pdq(*ask))
    (dsc,) = starting(first, "DSC")

    second = index.v2(pdq(*ask, dsc).replace(b"|Q2|", b"|Q4|"))
    cancelled = index.v2(CANCEL)
    third = index.v2(pdq(*ask, dsc).replace(b"|Q2|", b"|Q5|"))

    assert starting(first, "QAK") == ["QAK|TAG78|OK||2|1|1"]
    assert (starting(second, "QAK"), starting(second, "DSC")) == (["QAK|TAG78|OK||2|1|0"], [])
    assert cancelled[1] == "MSA|AA|Q3"
    assert "DSC^1^1" in starting(third, "ERR")[0]


def test_a_refusal_is_on_record(index: Wires) -> None:
    for raw in (pdq("@PID.5.1^Rivera", "^^^NOBODY"), pdq("@PID.99^x"), CANCEL.replace(b"TAG78", b"")):
        answer = index.v2(raw)

        message = index.index.audited()[-1]
        assert starting(answer, "MSA")[0].startswith("MSA|AE")
        assert b"ITI-21" in message
        assert b'EventOutcomeIndicator="0"' not in message
