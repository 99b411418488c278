"""Numbers for codes and patients."""

from __future__ import annotations

import pytest

from registry.tables import METADATA
from registry.terms import Terms
from tests.conftest import MakeDatabase

A, B = ("1.2", "A"), ("1.2", "B")
P = "P-1^^^&1.2&ISO"


def test_a_term_has_the_same_number_in_every_process(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    one, other = Terms(database, limit=100), Terms(database, limit=100)

    made = one.interned([A, B])

    assert {term: other.interned([B, A])[term] for term in (A, B)} == {term: made[term] for term in (A, B)}
    assert made[A] != made[B]


def test_the_same_value_in_another_scheme_is_another_term(make_database: MakeDatabase) -> None:
    terms = Terms(make_database(METADATA), limit=100)

    found = terms.interned([A, ("1.3", "A")])

    assert found[A] != found["1.3", "A"]


def test_a_term_that_nobody_used_is_not_known_until_it_is(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    terms = Terms(database, limit=100)
    with database.read() as connection:
        before = dict(terms.known(connection, [A]))
    number = terms.interned([A])[A]

    with database.read() as connection:
        assert (before, terms.known(connection, [A])[A]) == ({}, number)


def test_more_terms_than_are_remembered_keep_their_numbers(make_database: MakeDatabase) -> None:
    terms = Terms(make_database(METADATA), limit=100)
    many = [("1.2", str(n)) for n in range(250)]

    first = dict(terms.interned(many))
    again = {term: terms.interned([term])[term] for term in many}

    assert again == {term: first[term] for term in many}


def test_the_number_of_a_patient_that_was_rolled_back_is_not_remembered(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    terms = Terms(database, limit=100)

    with pytest.raises(ZeroDivisionError), database.begin() as work:
        terms.patient(work.connection, P)
        raise ZeroDivisionError

    assert terms.remembered_patient(P) is None
    with database.read() as connection:
        assert terms.patients(connection, [P]) == []


def test_a_patient_has_one_number(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    terms, other = Terms(database, limit=100), Terms(database, limit=100)

    with database.begin() as work:
        number = terms.patient(work.connection, P)
    terms.committed(P, number)
    with database.begin() as work:
        again = other.patient(work.connection, P)

    assert (terms.remembered_patient(P), again) == (number, number)
    with database.read() as connection:
        assert other.patients(connection, [P, "Q^^^&1.2&ISO"]) == [number]
        assert other.patient_ids(connection, [number, number + 9]) == {number: P}
