"""ITI-9 at its door."""

from __future__ import annotations

import pytest

from tests.conftest import MakeDatabase
from tests.support.audit import schema_faults
from tests.support.hl7 import er7, msh, pix
from tests.support.patients import CLINIC, Wires, an_id, an_update, wires

ASKED = "1^^^HOSP_A&2.999.1.1&ISO"


@pytest.fixture
def index(make_database: MakeDatabase) -> Wires:
    """One person in two sources."""
    doors = wires(make_database)
    doors.index.feed(an_update(an_id("1")))
    doors.index.feed(an_update(an_id("9", CLINIC)))
    doors.index.work()
    return doors


@pytest.mark.parametrize(
    ("raw", "msa", "qak", "pid"),
    [
        (pix(ASKED, "^^^CLINIC_B"), "MSA|AA|Q1", "QAK|TAG77|OK", "PID|||9^^^CLINIC_B&2.999.1.2&ISO||~^^^^^^S"),
        (pix(ASKED, "^^^LAB"), "MSA|AA|Q1", "QAK|TAG77|NF", None),
        (pix("404^^^HOSP_A"), "MSA|AE|Q1", "QAK|TAG77|AE", None),
        (pix("1^^^NOBODY"), "MSA|AE|Q1", "QAK|TAG77|AE", None),
    ],
)
def test_a_question_gets_the_prescribed_answer_and_is_on_record(
    index: Wires, raw: bytes, msa: str, qak: str, pid: str | None
) -> None:
    answer = index.v2(raw)

    message = index.index.audited()[-1]
    assert (msa in answer, qak in answer) == (True, True)
    assert [line for line in answer if line.startswith("PID")] == ([pid] if pid else [])
    assert b"ITI-9" in message
    assert (b'EventOutcomeIndicator="0"' in message) is ("AA" in msa)
    assert schema_faults(message) == []


def test_a_question_that_cannot_be_read_is_on_record(index: Wires) -> None:
    answer = index.v2(er7(msh("QBP^Q23^QBP_Q21", "2.5", control_id="Q1"), "QPD|IHE PIX Query|TAG77", "RCP|I"))

    assert "MSA|AE|Q1" in answer
    assert b"ITI-9" in index.index.audited()[-1]
