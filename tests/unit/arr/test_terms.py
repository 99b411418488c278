"""What records are found by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from arr.terms import Kind, patient_key, term, terms_of
from atna.message import AuditSource, Outcome, Participant, ParticipantObject
from atna.vocabulary import URI
from kernel.codes import Code
from tests.support.audit import PATIENT, an_event


def has(message_terms: tuple[int, ...], kind: Kind, value: str) -> bool:
    return term(kind, value) in message_terms


@pytest.mark.parametrize(
    ("cx", "key"),
    [
        ("4711^^^&1.2.3&ISO", "4711^1.2.3"),
        ("4711^^^HOSP&1.2.3&ISO", "4711^1.2.3"),
        (" 4711 ^^^HOSP&1.2.3&ISO^PI", "4711^1.2.3"),
        ("4711^^^HOSP", "4711^hosp"),
        ("4711^^^&hosp.example&DNS", "4711^hosp.example"),
        ("4711", "4711"),
        ("", ""),
    ],
)
def test_a_patient_is_known_by_id_and_authority(cx: str, key: str) -> None:
    assert patient_key(cx) == key


def test_the_same_value_of_another_kind_is_another_term() -> None:
    assert len({term(kind, "x") for kind in Kind}) == len(Kind)


def test_case_and_space_around_do_not_matter_but_for_patients() -> None:
    assert term(Kind.USER, " Jane ") == term(Kind.USER, "jane")
    assert term(Kind.PATIENT, "a^^^&1.2&ISO") != term(Kind.PATIENT, "A^^^&1.2&ISO")


def test_a_term_is_the_one_of_the_first_release() -> None:
    assert term(Kind.PATIENT, "4711^^^&1.2.3&ISO") == 4015816093220371464
    assert term(Kind.USER, "jane") == 1514161574173429378


def test_a_message_is_found_by_who_what_and_whom() -> None:
    message = replace(
        an_event(),
        types=(Code("ITI-42", "IHE Transactions"),),
        outcome=Outcome.SERIOUS,
        purposes=(Code("TREAT", "x"),),
        source=AuditSource("site", "src"),
    )

    found = terms_of(message)

    assert all(
        has(found, kind, value)
        for kind, value in (
            (Kind.PATIENT, PATIENT),
            (Kind.USER, "auditor"),
            (Kind.ADDRESS, "10.0.0.5"),
            (Kind.OBJECT, "urn:log"),
            (Kind.EVENT, "110101"),
            (Kind.EVENT, "ITI-42"),
            (Kind.SOURCE, "src"),
            (Kind.PURPOSE, "TREAT"),
            (Kind.OUTCOME, "8"),
        )
    )
    assert len(set(found)) == len(found)


def test_a_success_has_no_outcome_term() -> None:
    assert not has(terms_of(an_event()), Kind.OUTCOME, "0")


def test_a_user_of_an_assertion_is_found_by_alias_and_by_id() -> None:
    message = replace(an_event(), participants=(Participant("Doc<jane@https://idp>", True, user_name="Jane Doe"),))

    found = terms_of(message)

    assert all(has(found, Kind.USER, value) for value in ("Doc<jane@https://idp>", "doc", "jane", "jane doe"))


def test_a_role_counts_when_it_is_no_end_of_a_transfer() -> None:
    roles = (Code("110153", "DCM"), Code("physician", "x"))
    found = terms_of(replace(an_event(), participants=(Participant("u", True, roles),)))

    assert has(found, Kind.ROLE, "physician")
    assert not has(found, Kind.ROLE, "110153")


def test_a_person_that_is_no_patient_is_an_object() -> None:
    found = terms_of(replace(an_event(""), objects=(ParticipantObject("u1", URI, 1, 6),)))

    assert has(found, Kind.OBJECT, "u1")
    assert not has(found, Kind.PATIENT, "u1")
