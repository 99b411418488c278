"""mpi.linkage.contests"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from mpi.linkage.contests import loosened
from mpi.linkage.normalise import Prepared
from mpi.linkage.places import Home
from mpi.linkage.shipped import shipped_model
from tests.support.people import RECORDS

_MODEL = shipped_model().for_population(1000)
_UNDATED = Prepared(
    given="JOHN", middle="PAUL", families=("ABERNATHY",), sex="M", homes=(Home("9", "QUARRY RD", "", "ASHBY", "01431"),)
)
_FATHER = replace(_UNDATED, birth="19441202")
_SON = replace(_UNDATED, birth="19700315")


def test_a_son_of_the_same_name_contests_a_light_link_of_his_father() -> None:
    (found,) = loosened([_FATHER, _UNDATED], _SON, _MODEL)

    assert found.place == 1
    assert found.link.weight < 16


def test_nobody_contests_a_link_that_says_more_than_a_name_at_an_address() -> None:
    known = replace(_UNDATED, person_ids=("national:123456788",))

    assert loosened([replace(_FATHER, person_ids=known.person_ids), known], _SON, _MODEL) == ()


def test_a_record_that_is_like_all_or_none_of_a_person_contests_nothing() -> None:
    stranger = Prepared(given="MARIA", families=("IVANOVA",), birth="19900101", sex="F")

    assert loosened([_FATHER, _UNDATED], replace(_FATHER, phones=("351555016",)), _MODEL) == ()
    assert loosened([_FATHER, _UNDATED], stranger, _MODEL) == ()
    assert loosened([_FATHER], _SON, _MODEL) == ()


def test_whom_the_record_joins_stays_and_the_other_side_hangs_loose() -> None:
    (found,) = loosened([_FATHER, _UNDATED], _SON, _MODEL, joined=True)

    assert found.place == 0


def test_two_records_of_the_father_outweigh_the_one_without_a_date() -> None:
    (found,) = loosened([_UNDATED, _FATHER, replace(_FATHER, phones=("351555016",))], _SON, _MODEL)

    assert found.place == 0


@settings(max_examples=60)
@given(st.lists(RECORDS, max_size=4), RECORDS)
def test_somebody_of_a_person_always_stays(members: list[Prepared], arrived: Prepared) -> None:
    found = loosened(members, arrived, _MODEL)

    assert len(found) < max(len(members), 1)
