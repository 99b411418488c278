"""console.reports"""

from __future__ import annotations

import re

import pytest

from console.reports import asked_of
from console.store import Role
from kernel.errors import Rejected
from tests.conftest import MakeDatabase
from tests.support.arr import received
from tests.support.audit import PATIENT, an_event
from tests.support.clocks import TickingClock
from tests.support.console import Browser, Desk


@pytest.fixture
def desk(make_database: MakeDatabase) -> Desk:
    made = Desk(make_database, TickingClock())
    made.audit.record([received(an_event(PATIENT, user=user).to_xml()) for user in ("dr.a", "dr.b")])
    return made


@pytest.fixture
def carla(desk: Desk) -> Browser:
    return desk.signed_in(Role.AUDITOR, "carla")


def test_a_report_is_asked_for_shown_and_taken_away_as_files(carla: Browser) -> None:
    carla.open("/audit/reports")
    page = carla.send("/audit/reports", kind="who-saw", patient=PATIENT)
    shown = carla.open(page.headers["Location"].removeprefix("/console"))

    address = page.headers["Location"].removeprefix("/console")
    pdf, csv = (carla.open(address.replace("/reports?", f"/reports/{kind}?")) for kind in ("pdf", "csv"))

    assert "4711" not in page.headers["Location"]
    assert re.findall(r"dr\.[ab]", shown.text) == ["dr.b", "dr.a"]
    assert (pdf.content_type, pdf.data[:5]) == ("application/pdf", b"%PDF-")
    assert csv.text.count("dr.") == 2
    assert 'filename="who-saw.csv"' in csv.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "who-saw"}, "of one patient"),
        ({"kind": "what-did", "day": "yesterday", "user": "x"}, "2026-11-22"),
        ({"kind": "everything"}, "choose a report"),
    ],
)
def test_a_report_that_cannot_be_meant_says_what_to_write(carla: Browser, fields: dict[str, str], words: str) -> None:
    carla.open("/audit/reports")
    address = carla.send("/audit/reports", **fields).headers["Location"].removeprefix("/console")

    assert words.lower() in carla.open(address).text.lower()


@pytest.mark.parametrize("kind", ["failures", "break-glass", "daily"])
def test_reports_of_everybody_need_nothing_but_their_name(carla: Browser, kind: str) -> None:
    carla.open("/audit/reports")
    address = carla.send("/audit/reports", kind=kind).headers["Location"].removeprefix("/console")

    assert carla.open(address).status_code == 200


def test_making_a_report_is_on_the_record(desk: Desk, carla: Browser) -> None:
    carla.open("/audit/reports")
    carla.open(carla.send("/audit/reports", kind="what-did", user="dr.a").headers["Location"].removeprefix("/console"))

    assert any(b"carla" in message and b"110101" in message for message in desk.forward_audit())


def test_an_administrator_makes_no_reports(desk: Desk) -> None:
    assert desk.signed_in(Role.ADMINISTRATOR).open("/audit/reports").status_code == 403


def test_a_day_is_the_whole_of_it() -> None:
    asked = asked_of({"kind": "daily", "day": "2026-11-22", "until": "2026-11-22"})

    assert asked.since is not None
    assert asked.until is not None
    assert (asked.until - asked.since).days == 1
    with pytest.raises(Rejected):
        asked_of({})
