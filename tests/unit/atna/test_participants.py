"""Who takes part in an event."""

from __future__ import annotations

import pytest

from atna.message import Outcome
from atna.participants import Side, both_ends, calling, network_type, our_process, outcome_of, person, this_process, user_at
from kernel.codes import Code
from kernel.errors import Condition, Rejected, Unavailable, Unreadable, rejected, violation, warning
from tests.support.audit import CONTEXT, a_subject


@pytest.mark.parametrize(
    ("address", "kind"), [("10.0.0.5", 2), ("::1", 2), ("fe80::1%eth0", 2), ("host.example", 1), ("10.0.0", 1), ("", None)]
)
def test_an_address_is_told_from_a_name(address: str, kind: int | None) -> None:
    assert network_type(address) == kind


def test_a_call_of_ours_names_their_host_and_the_person_it_is_for() -> None:
    asked = a_subject(user="jane", roles=(Code("D", "S"),), purposes=(Code("T", "S"),))

    subject = calling("https://registry.example:8443/xds", source="urn:us", message_id="m1", on_behalf_of=asked)

    source, destination, who = both_ends(CONTEXT, subject, Side.SENDER)
    assert (source.user_id, source.network_id, source.alternative_user_id) == ("urn:us", "mpi.example.org", "4711")
    assert (destination.user_id, destination.network_id) == ("https://registry.example:8443/xds", "registry.example")
    assert (who.user_id, who.roles) == ("jane", (Code("D", "S"),))
    assert subject.purposes == (Code("T", "S"),)


def test_a_call_to_host_and_port_names_the_host() -> None:
    assert calling("10.1.2.3:2575", source="A|B").peer.address == "10.1.2.3"


def test_nobody_is_no_participant() -> None:
    assert person(a_subject()) == ()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (rejected(Condition.PATIENT_UNKNOWN, "PID-3", "x"), Outcome.SERIOUS),
        (Unreadable(violation(Condition.MALFORMED, "XML", "x")), Outcome.SERIOUS),
        (Unavailable(violation(Condition.BUSY, "database", "x")), Outcome.MAJOR),
        (rejected(Condition.CONTENT_DAMAGED, "1.2", "x"), Outcome.MAJOR),
        (KeyError("Smith"), Outcome.MAJOR),
    ],
)
def test_an_error_becomes_an_outcome(error: BaseException, expected: Outcome) -> None:
    assert outcome_of(error).indicator is expected.indicator


def test_the_reason_names_each_error_once_and_never_where_or_what() -> None:
    error = Rejected(
        [
            violation(Condition.FIELD_INVALID, "Smith", "Smith"),
            violation(Condition.FIELD_INVALID, "Jones", "Jones"),
            violation(Condition.FIELD_MISSING, "", ""),
            warning(Condition.VALUE_UNKNOWN, "", ""),
        ]
    )

    said = outcome_of(error).description

    assert said == "FIELD_INVALID: a field does not hold what its data type asks for; FIELD_MISSING: a required field is missing"
    assert outcome_of(KeyError("Smith")).description == "INTERNAL"


def test_the_running_process_is_named_by_its_number_and_host() -> None:
    context = this_process("registry-1", "HIE")

    ours = our_process(context)

    assert ours.alternative_user_id.isdigit()
    assert ours.network_id
    assert (context.source.site, context.source.id) == ("HIE", "registry-1")


def test_a_user_is_known_by_her_name_else_by_where_she_is() -> None:
    assert user_at(a_subject(user="jane")).user_id == "jane"
    assert user_at(a_subject(source="")).user_id == "10.0.0.5"
    assert user_at(a_subject(source="", address="")).user_id == "unknown"
