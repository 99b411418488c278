"""mpi.importing.relink_parts; what parts do to an index is in test_relinking."""

from __future__ import annotations

import zlib

import pytest

from mpi.importing.linking import PlannedJoin, PlannedQuestion
from mpi.importing.relink_parts import Counts, compared, counts_of, joins_to_work, packed, questions_to_work, unpacked
from mpi.model import ReviewReason
from mpi.relink_store import Part, PartKind


def test_the_values_of_a_part_have_a_level_each() -> None:
    part = Part(1, 1, PartKind.GIVEN, "", packed([["ANNA", "BOB"], ["ANNA", "ROBERT"]]))

    assert len(compared(part)) == 2
    assert compared(part)[0] < compared(part)[1]


def test_work_holds_ids_of_records_and_nothing_else() -> None:
    joins = joins_to_work([PlannedJoin(1, ((2, (2, 1)), (3, None)))])
    questions = questions_to_work([PlannedQuestion(4, 5, ReviewReason.MAYBE_SAME)])

    assert unpacked(joins) == [[1, [[2, [2, 1]], [3, None]]]]
    assert unpacked(questions) == [[4, 5, ReviewReason.MAYBE_SAME.value]]


def test_what_came_of_parts_is_added_up() -> None:
    results = [packed([1, 2, 0, 0, 0]), packed([3, 4, 5, 6, 7])]

    assert counts_of(results) == Counts(persons=4, joined=6, passed_over=5, questions=6, doubted=7)
    assert counts_of([]) == Counts()


def test_what_was_not_packed_here_is_refused() -> None:
    with pytest.raises(zlib.error):
        unpacked(b"no")
