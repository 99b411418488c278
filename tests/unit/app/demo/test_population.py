"""app.demo.population"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import combinations

import pytest
import sqlalchemy as sa

from app.demo.play import adt
from app.demo.population import HOSPITALS, Registration, population
from mpi.tables import PATIENT_RECORD
from mpi.viewing import Viewing
from tests.support.stores import PEER, a_house

PEOPLE = 60
Pair = frozenset[str]


def test_the_same_seed_invents_the_same_people() -> None:
    assert list(population(20)) == list(population(20))
    assert list(population(20)) != list(population(20, seed=8))


def test_no_hospital_gives_an_identifier_twice() -> None:
    given = [(r.hospital, r.local_id) for r in population(300)]

    assert len(given) == len(set(given))


def test_many_are_registered_at_more_than_one_hospital_and_some_differ() -> None:
    by_person: dict[int, list[Registration]] = {}
    for registration in population(PEOPLE):
        by_person.setdefault(registration.person, []).append(registration)
    several = [found for found in by_person.values() if len(found) > 1]

    assert len(several) > PEOPLE / 3
    assert any(found[0].family != found[1].family for found in several)
    assert {r.hospital for found in several for r in found} == set(range(len(HOSPITALS)))


@dataclass(frozen=True)
class Linked:
    """What the index made of the population: pairs that are one person, pairs that it holds for one, and pairs that wait."""

    true: set[Pair]
    found: set[Pair]
    waiting: set[Pair]


def pairs(groups: Iterable[Collection[str]]) -> set[Pair]:
    return {Pair(pair) for group in groups for pair in combinations(group, 2)}


def grouped(of: Iterable[tuple[object, str]]) -> list[list[str]]:
    groups: dict[object, list[str]] = {}
    for key, name in of:
        groups.setdefault(key, []).append(name)
    return list(groups.values())


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Linked:
    house = a_house(tmp_path_factory.mktemp("population"))
    everybody = list(population(PEOPLE))
    for number, registration in enumerate(everybody):
        assert b"MSA|AA|" in house.v2(adt(registration, number), PEER)
    reviews = Viewing(house.index, house.mpi.matcher).reviews()
    with house.database.read() as connection:
        rows = connection.execute(sa.select(PATIENT_RECORD.c.local_id, PATIENT_RECORD.c.person)).all()
        names = dict(connection.execute(sa.select(PATIENT_RECORD.c.person, PATIENT_RECORD.c.local_id)).all())
        records = dict(connection.execute(sa.select(PATIENT_RECORD.c.id, PATIENT_RECORD.c.local_id)).all())
    house.close()
    waiting = {Pair((records[s.review.record], names[s.review.person])) for s in reviews}
    true = pairs(grouped((r.person, r.local_id) for r in everybody))
    return Linked(true, pairs(grouped((row.person, row.local_id) for row in rows)), waiting)


def test_no_two_people_are_taken_for_one(linked: Linked) -> None:
    assert linked.found - linked.true == set()


def test_most_of_those_who_were_registered_more_than_once_are_linked(linked: Linked) -> None:
    assert len(linked.found & linked.true) > 0.9 * len(linked.true)


def test_the_doubtful_pairs_wait_for_a_person(linked: Linked) -> None:
    assert linked.waiting >= {Pair(("A90001", "B90001")), Pair(("A90003", "C90003"))}


def test_father_and_son_of_one_name_are_kept_apart(linked: Linked) -> None:
    assert Pair(("A90002", "C90002")) not in linked.found
