"""arr.reports"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from arr.model import Channel
from arr.reports import DAYS, Asked, Kind, Table, make_report
from arr.service import AuditService
from arr.tables import METADATA
from atna.message import AuditMessage, Outcome
from atna.reader import read
from atna.system_events import IdentityAct, emergency_access, identity_act
from kernel.codes import Code
from kernel.database import Database
from kernel.errors import Rejected
from kernel.outbox import AUDIT_OUTBOX
from tests.conftest import MakeDatabase
from tests.support.arr import a_service, received
from tests.support.audit import CONTEXT, PATIENT, WHEN, a_subject, an_event

AUDITOR = a_subject(user="auditor")
OTHER = "815^^^&1.2.3.4.5.2&ISO"
NOW = WHEN + timedelta(days=3)
DOCTOR = Code("physician", "roles", "Physician")


def a_view(
    user: str, patient: str = PATIENT, days: int = 0, purpose: str = "TREATMENT", outcome: Outcome = Outcome.SUCCESS
) -> AuditMessage:
    subject = a_subject(user=user, roles=(DOCTOR,), purposes=(Code(purpose, "purposes", purpose.title()),))
    act = IdentityAct.VIEW
    return identity_act(CONTEXT, subject, when=WHEN + timedelta(days=days), outcome=outcome, act=act, patient_ids=[patient])


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    return make_database(METADATA)


@pytest.fixture
def service(database: Database) -> AuditService:
    made = a_service(database)
    refused = Outcome.SERIOUS.because("NOT_ALLOWED: may not")
    override = emergency_access(
        CONTEXT, a_subject(user="dr.c"), when=WHEN, outcome=Outcome.SUCCESS, patient_id=PATIENT, reason="no pulse"
    )
    events = [
        a_view("dr.a"),
        a_view("dr.b", days=1),
        a_view("dr.a", OTHER, days=1),
        a_view("dr.b", outcome=refused, days=2),
        a_view("dr.b", OTHER, outcome=refused),
        a_view("dr.d", purpose="EMERGENCY", days=2),
        override,
    ]
    made.record([*(received(e.to_xml()) for e in events), received(b"unreadable", Channel.UDP)])
    return made


def report(service: AuditService, kind: Kind, **asked: object) -> Table:
    return make_report(service, replace(Asked(kind), **asked), AUDITOR, NOW)  # type: ignore[arg-type]


def column(table: Table, name: str) -> list[str]:
    return [row[table.columns.index(name)] for row in table.rows]


def test_who_saw_a_patient_names_everybody_newest_first(service: AuditService) -> None:
    table = report(service, Kind.WHO_SAW, patient=PATIENT)

    assert column(table, "Who") == ["dr.d", "dr.b", "dr.b", "dr.c", "dr.a"]
    assert table.rows[-1][:7] == (
        "2026-11-22 10:20:01",
        "dr.a",
        "Physician",
        "10.0.0.5",
        "Patient record viewed (view)",
        "Treatment",
        "",
    )
    assert column(table, "Outcome")[1] == "serious failure: NOT_ALLOWED: may not"
    assert column(table, "Record") == [str(number) for number in table.records] == ["6", "4", "2", "7", "1"]


def test_what_a_user_did_is_of_every_patient_within_the_time(service: AuditService) -> None:
    table = report(service, Kind.WHAT_DID, user="dr.a", since=WHEN + timedelta(hours=1))

    assert column(table, "Record") == ["3"]
    assert ("User or system", "dr.a") in table.about


def test_failures_are_counted_by_node_and_reason(service: AuditService) -> None:
    table = report(service, Kind.FAILURES)

    assert table.rows == (("dr.b at 10.0.0.5", "Patient record viewed (view)", "NOT_ALLOWED", "2", "2026-11-24 10:20:01"),)


def test_break_glass_is_what_was_overridden_and_what_was_said_to_be_an_emergency(service: AuditService) -> None:
    table = report(service, Kind.BREAK_GLASS)

    assert column(table, "Who") == ["dr.d", "dr.c"]


def test_events_are_counted_by_day_kind_and_outcome(service: AuditService) -> None:
    table = report(service, Kind.DAILY)

    assert ("2026-11-22", "view", "1", "1", "0", "2") in table.rows
    assert ("2026-11-24", "view", "1", "1", "0", "2") in table.rows
    assert [row[-2:] for row in table.rows if row[1] == "unreadable"] == [("1", "1")]


def test_a_report_of_no_patient_and_no_user_is_of_the_last_thirty_days(service: AuditService) -> None:
    table = make_report(service, Asked(Kind.FAILURES), AUDITOR, WHEN + timedelta(days=DAYS, hours=1))

    assert [row[3] for row in table.rows] == ["1"]


@pytest.mark.parametrize("kind", [Kind.WHO_SAW, Kind.WHAT_DID])
def test_a_report_of_one_needs_to_be_told_of_whom(service: AuditService, kind: Kind) -> None:
    with pytest.raises(Rejected, match="PARAMETER_MISSING"):
        report(service, kind)


def test_a_report_that_would_be_too_long_says_that_it_is_cut(service: AuditService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arr.reports.LIMIT", 2)

    table = report(service, Kind.WHO_SAW, patient=PATIENT)

    assert (table.is_cut, column(table, "Who")) == (True, ["dr.d", "dr.b"])


@pytest.mark.parametrize("kind", Kind)
def test_making_a_report_is_itself_on_the_record(service: AuditService, database: Database, kind: Kind) -> None:
    report(service, kind, patient=PATIENT, user="dr.a")

    with database.read() as connection:
        (message,) = [read(m) for m in connection.scalars(sa.select(AUDIT_OUTBOX.c.message))]
    assert (message.event.code, message.participants[0].user_id) == ("110101", "auditor")
    assert f"report {kind.value}".encode() in (message.objects[1].query or b"")
    assert (PATIENT in [o.id for o in message.objects]) == (kind is Kind.WHO_SAW)


def test_an_event_without_a_requestor_is_of_whoever_took_part(service: AuditService) -> None:
    nobody = replace(an_event(OTHER), participants=tuple(replace(p, is_requestor=False) for p in an_event().participants))
    service.record([received(nobody.to_xml())])

    assert "auditor" in column(report(service, Kind.WHO_SAW, patient=OTHER), "Who")
