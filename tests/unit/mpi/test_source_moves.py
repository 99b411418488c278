"""Local patients that the affinity domain moves from one person to another."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from kernel.errors import Condition, HieError
from kernel.identifiers import AssigningAuthority, PatientId
from mpi.index import NOTIFY
from mpi.model import ActKind
from mpi.tables import JOURNAL_CHANGE, LINK, NEGATIVE_LINK, PATIENT_RECORD, PERSON
from tests.conftest import MakeDatabase
from tests.support.patients import ADMINISTRATOR, CLINIC, LENA, OTTO, XAD, PatientIndex, a_patient_index, an_id, an_update


@pytest.fixture
def index(make_database: MakeDatabase) -> PatientIndex:
    """Two patients of a hospital; one of a clinic, who is the second one of the hospital."""
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2"), demographics=OTTO))
    index.feed(an_update(an_id("9", CLINIC), demographics=OTTO))
    index.work()
    assert index.clusters() == {frozenset("1"), frozenset({"2", "9"})}
    return index


def everything(index: PatientIndex) -> list[list[tuple[object, ...]]]:
    """What acts change."""
    records = sa.select(PATIENT_RECORD.c.id, PATIENT_RECORD.c.person, PATIENT_RECORD.c.state, PATIENT_RECORD.c.subsumed_by)
    with index.database.read() as connection:
        return [
            sorted(map(tuple, connection.execute(statement)))
            for statement in (
                records.where(PATIENT_RECORD.c.state < 2),
                sa.select(PERSON).join(PATIENT_RECORD, PATIENT_RECORD.c.id == PERSON.c.id).where(PATIENT_RECORD.c.state < 2),
                sa.select(LINK).join(PATIENT_RECORD, PATIENT_RECORD.c.id == LINK.c.record).where(PATIENT_RECORD.c.state < 2),
                sa.select(NEGATIVE_LINK),
            )
        ]


def undo(index: PatientIndex) -> None:
    """Takes the newest act back."""
    index.stewardship.undo(index.viewing.acts()[0].id, ADMINISTRATOR)


def refusal(index: PatientIndex, *ids: PatientId) -> list[tuple[Condition, str]]:
    """How a move is refused."""
    with pytest.raises(HieError) as refused:
        index.move(*ids)
    return [(v.condition, v.where) for v in refused.value.violations]


@pytest.mark.parametrize("moved", [an_id("2"), an_id("9", CLINIC)], ids=["the one who began", "another"])
def test_the_local_patient_goes_and_the_identifier_stays_with_whom_it_leaves(index: PatientIndex, moved: PatientId) -> None:
    stays = an_id("2") if moved.authority == CLINIC else an_id("9", CLINIC)
    old, new = index.affinity_id(moved), index.affinity_id(an_id("1"))

    index.move(moved, old, new)

    assert index.local_ids(moved) == [an_id("1")]
    assert (index.affinity_id(moved), index.affinity_id(stays)) == (new, old)
    assert index.local_ids(stays) == []
    (act, *_) = index.viewing.acts()
    assert (act.kind, act.author) == (ActKind.SOURCE_MOVE, "|REGISTRY")
    assert any(topic == NOTIFY for _, topic, _ in index.told())


def test_a_patient_who_was_alone_leaves_an_identifier_that_is_known_and_nobodys(index: PatientIndex) -> None:
    old, new = index.affinity_id(an_id("1")), index.affinity_id(an_id("2"))

    index.move(an_id("1"), old, new)

    standing = index.directory.standing(old)
    assert (standing.known, standing.active, standing.survivor) == (True, True, old)
    assert new not in standing.all_ids


@pytest.mark.parametrize("moved", [an_id("1"), an_id("2"), an_id("9", CLINIC)], ids=lambda i: i.id)
def test_taken_back_it_leaves_no_trace_and_it_can_be_done_and_taken_back_again(index: PatientIndex, moved: PatientId) -> None:
    old = index.affinity_id(moved)
    new = index.affinity_id(an_id("2" if moved == an_id("1") else "1"))
    before = everything(index)
    for _ in range(2):
        index.move(moved, old, new)
        assert index.affinity_id(moved) == new

        undo(index)

        assert everything(index) == before
        assert index.affinity_id(moved) == old
        assert index.directory.standing(old).survivor == old
    undo(index)  # the undoing
    assert index.affinity_id(moved) == new


def test_matching_does_not_join_again_what_was_moved_apart(index: PatientIndex) -> None:
    old, new = index.affinity_id(an_id("2")), index.affinity_id(an_id("1"))
    index.move(an_id("9", CLINIC), old, new)

    index.feed(an_update(an_id("9", CLINIC), demographics=LENA))
    index.feed(an_update(an_id("9", CLINIC), demographics=OTTO))
    index.work()

    assert index.local_ids(an_id("2")) == []


def test_a_local_identifier_that_ended_in_the_other_goes_along_alone(index: PatientIndex) -> None:
    index.feed(an_update(an_id("8", CLINIC), demographics=LENA))
    index.work()
    assert index.local_ids(an_id("8", CLINIC)) == [an_id("1")]
    before, old, third = everything(index), index.affinity_id(an_id("2")), an_id("X3", XAD)
    index.feed(an_update(third, demographics=OTTO))

    index.move(an_id("9", CLINIC), old, third, subsumed=an_id("8", CLINIC))

    assert index.affinity_id(an_id("9", CLINIC)) == third
    assert index.local_ids(an_id("1")) == []
    with pytest.raises(HieError):
        index.pix(an_id("8", CLINIC))
    undo(index)
    assert index.local_ids(an_id("8", CLINIC)) == [an_id("1")]
    assert before[3] == everything(index)[3]


def test_with_the_same_identifier_twice_the_local_one_ends_and_nobody_moves(index: PatientIndex) -> None:
    index.feed(an_update(an_id("8", CLINIC), demographics=LENA))
    index.work()
    old = index.affinity_id(an_id("9", CLINIC))

    index.move(an_id("9", CLINIC), old, old, subsumed=an_id("8", CLINIC))

    assert (index.affinity_id(an_id("9", CLINIC)), index.local_ids(an_id("9", CLINIC))) == (old, [an_id("2")])
    with pytest.raises(HieError):
        index.pix(an_id("8", CLINIC))


def test_what_cannot_be_moved_is_refused_at_its_place(index: PatientIndex) -> None:
    one, two = index.affinity_id(an_id("1")), index.affinity_id(an_id("2"))
    ended, alive = an_id("E", XAD), an_id("F", XAD)
    for patient_id in (ended, alive):
        index.feed(an_update(patient_id, demographics=OTTO))
    index.merge(alive, ended)
    local, nobody = an_id("2"), an_id("nobody", XAD)
    unknown, impossible = Condition.IDENTIFIER_UNKNOWN, Condition.MERGE_IMPOSSIBLE

    assert refusal(index, local, two, nobody) == [(unknown, "PID-3[1].1")]
    assert refusal(index, local, nobody, one) == [(unknown, "MRG-1[1].1")]
    assert refusal(index, an_id("nobody"), two, one) == [(unknown, "PID-3[2].1")]
    assert refusal(index, local, two, one, an_id("nobody")) == [(unknown, "MRG-1[2].1")]
    assert refusal(index, local, two, ended) == [(impossible, "PID-3[1].1")]
    assert refusal(index, local, ended, one) == [(impossible, "MRG-1[1].1")]
    assert refusal(index, local, two, two) == [(impossible, "MRG-1[1].1")]
    assert refusal(index, local, one, two) == [(impossible, "PID-3[2].1")]
    assert refusal(index, local, two, one, local) == [(impossible, "MRG-1[2].1")]
    assert refusal(index, two, two, one) == [(impossible, "PID-3[2].4")]
    assert refusal(index, local, two, one, an_id("9", CLINIC)) == [(impossible, "MRG-1[2].4")]
    assert refusal(index, local, an_id("2"), one) == [(Condition.SOURCE_NOT_ALLOWED, "MRG-1[1].4")]
    assert refusal(index, local, two, an_id("1", AssigningAuthority("", "2.999.77", "ISO"))) == [
        (Condition.AUTHORITY_UNKNOWN, "PID-3[1].4")
    ]


def test_nobody_is_moved_against_an_administrators_word(index: PatientIndex) -> None:
    one, two = (index.record(an_id(n)).id for n in "12")
    index.stewardship.link(one, two, ADMINISTRATOR)
    index.stewardship.unlink(one, ADMINISTRATOR)

    refused = refusal(index, an_id("2"), index.affinity_id(an_id("2")), index.affinity_id(an_id("1")))

    assert refused == [(Condition.MERGE_IMPOSSIBLE, "PID-3[2].1")]


def test_a_refused_move_changes_nothing(index: PatientIndex) -> None:
    before = everything(index)
    with index.database.read() as connection:
        journal = connection.scalar(sa.select(sa.func.count()).select_from(JOURNAL_CHANGE))

    refusal(index, an_id("nobody"), index.affinity_id(an_id("2")), index.affinity_id(an_id("1")))

    assert everything(index) == before
    with index.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(JOURNAL_CHANGE)) == journal
        assert connection.scalar(sa.select(PATIENT_RECORD.c.id).where(PATIENT_RECORD.c.local_id == "nobody")) is None


def test_the_source_of_the_domain_may_announce_an_identifier_that_was_left_and_taken_back(index: PatientIndex) -> None:
    old, new = index.affinity_id(an_id("1")), index.affinity_id(an_id("2"))
    index.move(an_id("1"), old, new)
    undo(index)

    index.feed(an_update(old, demographics=LENA))

    assert index.affinity_id(an_id("1")) == old
    assert index.record(old).person == index.record(an_id("1")).person


def test_a_local_identifier_that_has_the_current_one_stays_where_it_is(index: PatientIndex) -> None:
    old, new, gone = index.affinity_id(an_id("2")), index.affinity_id(an_id("1")), an_id("1")
    before = everything(index)

    index.move(an_id("2"), old, new, subsumed=gone)

    assert (index.affinity_id(an_id("2")), index.affinity_id(an_id("9", CLINIC))) == (new, old)
    with pytest.raises(HieError):
        index.pix(gone)
    undo(index)
    assert everything(index) == before
