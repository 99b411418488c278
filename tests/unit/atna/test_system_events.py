"""Events that are no transaction."""

from __future__ import annotations

import pytest

from atna import system_events as events
from atna.message import AuditMessage, Outcome
from atna.reader import read
from atna.system_events import IdentityAct
from atna.vocabulary import LifeCycle
from kernel.peer import Peer
from tests.support.audit import CONTEXT, PATIENT, WHEN, a_subject, schema_faults

JANE = a_subject(user="jane", receiver="https://hie.example.org/console")


def _all(outcome: Outcome) -> list[tuple[str, AuditMessage]]:
    when, pids = WHEN, [PATIENT]
    return [
        ("110100 110120 E", events.application_started(CONTEXT, when=when, launcher="root", outcome=outcome)),
        ("110100 110121 E", events.application_stopped(CONTEXT, when=when, launcher="root", outcome=outcome)),
        ("110114 110122 E", events.logged_in(CONTEXT, JANE, when=when, outcome=outcome)),
        ("110114 110123 E", events.logged_out(CONTEXT, JANE, when=when, outcome=outcome)),
        ("110101  R", events.audit_log_used(CONTEXT, JANE, when=when, outcome=outcome, uris=["u"], query=b"q", patient_ids=pids)),
        ("110113 110129 E", events.security_configuration_changed(CONTEXT, JANE, when=when, outcome=outcome, changed="nodes/1")),
        ("110113 110127 E", events.emergency_access(CONTEXT, JANE, when=when, outcome=outcome, patient_id=PATIENT, reason="life")),
        ("110107  C", events.imported(CONTEXT, JANE, when=when, outcome=outcome, what="records", origin="/tmp/x")),
        ("110106  R", events.exported(CONTEXT, JANE, when=when, outcome=outcome, what="clusters", destination="/tmp/x")),
        *(
            (
                f"110110 {act.code.code} {act.action.value}",
                events.identity_act(CONTEXT, JANE, when=when, outcome=outcome, act=act, patient_ids=pids),
            )
            for act in IdentityAct
        ),
    ]  # fmt: skip


@pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.MINOR, Outcome.SERIOUS.because("no"), Outcome.MAJOR])
def test_every_system_event_is_valid_and_says_what_it_is(outcome: Outcome) -> None:
    for said, message in _all(outcome):
        kind = message.types[0].code if message.types else ""
        assert f"{message.event.code} {kind} {message.action.value}" == said
        assert schema_faults(message.to_xml()) == [], said
        assert message.outcome == outcome, said
        assert read(message.to_xml()) == message, said


def test_start_names_the_application_and_who_launched_it() -> None:
    application, launcher = events.application_started(CONTEXT, when=WHEN, launcher="root").participants

    assert (application.roles[0].code, application.alternative_user_id, application.is_requestor) == ("110150", "4711", False)
    assert (launcher.user_id, launcher.roles[0].code, launcher.is_requestor) == ("root", "110151", True)


def test_a_person_and_our_process_take_part_in_what_she_does() -> None:
    person, process = events.logged_in(CONTEXT, JANE, when=WHEN, outcome=Outcome.SUCCESS).participants

    assert (person.user_id, person.is_requestor, person.network_id) == ("jane", True, "10.0.0.5")
    assert (process.user_id, process.is_requestor) == ("https://hie.example.org/console", False)


def test_a_session_that_timed_out_was_not_ended_by_its_user() -> None:
    message = events.logged_out(CONTEXT, JANE, when=WHEN, by_inactivity=True)

    assert message.participants[0].is_requestor is False


def test_use_of_the_audit_names_the_log_the_search_and_the_patients() -> None:
    message = events.audit_log_used(
        CONTEXT, JANE, when=WHEN, outcome=Outcome.SUCCESS, uris=["urn:a", "urn:b"], query=b"patient=1", patient_ids=[PATIENT]
    )

    first, second, search, patient = message.objects
    assert (first.id, first.name, first.type_code, first.role, first.id_type.code) == ("urn:a", "Security Audit Log", 2, 13, "12")
    assert second.id == "urn:b"
    assert search.query == b"patient=1"
    assert patient.id == PATIENT


def test_a_failed_handshake_is_a_security_alert_with_both_nodes() -> None:
    message = events.node_authentication_failed(
        CONTEXT, when=WHEN, peer=Peer("10.9.9.9", "0.0.0.0:6514", "CN=x"), reason="certificate expired"
    )

    assert schema_faults(message.to_xml()) == []
    assert (message.event.code, message.types[0].code, message.outcome.indicator) == ("110113", "110126", 8)
    ours, theirs = message.participants
    assert ours.alternative_user_id == "4711"
    assert (theirs.user_id, theirs.network_id, theirs.is_requestor) == ("CN=x", "10.9.9.9", True)


def test_an_unknown_node_is_known_by_its_address() -> None:
    message = events.node_authentication_failed(CONTEXT, when=WHEN, peer=Peer("10.9.9.9", "x"))

    assert message.participants[1].user_id == "10.9.9.9"
    assert message.objects[0].details == ()


def test_an_export_says_what_left_and_where_it_went() -> None:
    message = events.exported(
        CONTEXT, JANE, when=WHEN, outcome=Outcome.SUCCESS, what="clusters", destination="x.csv", patient_ids=[PATIENT]
    )

    assert message.participants[2].user_id == "x.csv"
    assert [o.id for o in message.objects] == ["clusters", PATIENT]


def test_an_import_says_what_came_and_where_it_came_from() -> None:
    rows = (("rows", b"3"),)

    message = events.imported(CONTEXT, JANE, when=WHEN, outcome=Outcome.SUCCESS, what="records", origin="x.csv", details=rows)

    assert (message.participants[0].user_id, message.participants[0].roles[0].code) == ("x.csv", "110153")
    assert [(o.id, o.details) for o in message.objects] == [("records", rows)]


def test_that_too_many_messages_wait_for_a_repository_is_a_security_alert_and_so_is_the_end_of_it() -> None:
    stopped, started = (
        events.audit_recording(CONTEXT, when=WHEN, target="far", is_stopped=is_stopped, waiting=12) for is_stopped in (True, False)
    )

    for message in (stopped, started):
        assert schema_faults(message.to_xml()) == []
        assert (message.event.code, message.objects[0].id) == ("110113", "far")
    assert (stopped.types[0].code, started.types[0].code) == ("110133", "110134")
    assert "12 messages wait" in stopped.outcome.description


def test_settings_that_were_changed_stand_one_beside_the_other() -> None:
    changes = [("a", None, "1"), ("b", "1", "2"), ("c", "2", None)]

    event = events.settings_changed(CONTEXT, a_subject(user="amy"), when=WHEN, changes=changes)

    assert schema_faults(event.to_xml()) == []
    assert [(what.id.rpartition(":")[2], what.life_cycle, what.details) for what in event.objects] == [
        ("a", LifeCycle.ORIGINATION, (("after", b"1"),)),
        ("b", LifeCycle.AMENDMENT, (("before", b"1"), ("after", b"2"))),
        ("c", LifeCycle.PERMANENT_ERASURE, (("before", b"2"),)),
    ]


def test_a_message_that_nobody_could_read_names_the_peer_and_how_many_there_were() -> None:
    peer = Peer("10.0.0.9", "127.0.0.1:2575", "CN=ehr")

    event = events.message_unreadable(CONTEXT, when=WHEN, peer=peer, reason="why", count=7)

    assert schema_faults(event.to_xml()) == []
    assert [(who.user_id, who.network_id) for who in event.participants if who.is_requestor] == [("CN=ehr", "10.0.0.9")]
    assert event.objects[0].details == (("reason", b"why"), ("messages", b"7"))
