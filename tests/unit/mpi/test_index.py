"""How a unit of work is tried again."""

from __future__ import annotations

import pytest

from atna.message import Outcome
from atna.vocabulary import Action
from kernel.database import Work
from kernel.errors import Condition, Unavailable
from mpi.audit import V2, cx, instant
from mpi.index import ROUNDS
from mpi.model import ActKind
from mpi.store import Raced
from tests.conftest import MakeDatabase
from tests.support.audit import CONTEXT, a_subject
from tests.support.patients import a_patient_index, an_id


def test_a_unit_that_met_another_begins_again(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database).index
    tries: list[int] = []

    def act(work: Work) -> str:
        tries.append(work.now)
        if len(tries) < ROUNDS:
            raise Raced
        return "done"

    assert index.unit(act) == "done"
    assert len(tries) == ROUNDS


def test_a_unit_that_meets_others_for_ever_gives_up_and_says_so(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database).index

    def act(_: Work) -> None:
        raise Raced

    with pytest.raises(Unavailable) as given_up:
        index.unit(act)

    assert given_up.value.condition is Condition.RECORD_LOCKED


def test_acts_have_growing_ids_and_their_time(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database).index

    with index.database.begin() as work:
        first, second = index.act(work, ActKind.LINK, "anna"), index.act(work, ActKind.UNDO, "berta", "why")

    assert first.id < second.id
    assert (second.kind, second.at, second.author, second.comment) == (ActKind.UNDO, work.now, "berta", "why")


def test_audit_messages_are_written_in_a_unit_of_their_own(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    message = V2.feed(
        CONTEXT, a_subject(), when=instant(1), outcome=Outcome.SUCCESS, action=Action.CREATE, patient_ids=[cx(an_id("1"))]
    )

    index.index.record(message, message)

    assert len(index.audited()) == 2
