"""mpi.neighbours"""

from __future__ import annotations

from mpi.linkage.normalise import Prepared
from mpi.neighbours import Neighbours
from mpi.store import Member


def _found() -> Neighbours:
    """Record 1 with 2 in person 1; 3, and 4 that was merged away, in person 3; 5 merged away in person 5."""
    rows = ((1, 1, True), (2, 1, True), (3, 3, True), (4, 3, False), (5, 5, False))
    people: dict[int, list[Member]] = {}
    for id_, person, is_active in rows:
        people.setdefault(person, []).append(Member(id_, person, is_active, "{}"))
    return Neighbours(1, 1, people, {id_: Prepared(given=str(id_)) for id_, _, _ in rows}, {2: {3}})


def test_who_was_merged_away_does_not_stand_for_itself() -> None:
    found = _found()

    assert found.active_ids(3) == [3]
    assert found.ids(3) == {3, 4}
    assert [record.given for record in found.active(3)] == ["3"]


def test_rivals_are_other_persons_who_have_a_record_of_their_own() -> None:
    found = _found()

    assert found.rivals == [3]
    assert [record.given for record in found.others] == ["2"]
    assert found.mine.given == "1"


def test_a_word_against_one_record_is_a_word_against_its_person() -> None:
    found = _found()

    assert found.are_denied(found.ids(1), found.ids(3))
    assert not found.are_denied(found.ids(1), found.ids(5))
