"""What the worker calls."""

from __future__ import annotations

from mpi.index import MATCH, NOTIFY
from mpi.tasks import tasks
from tests.conftest import MakeDatabase
from tests.support.patients import CLINIC, a_patient_index, an_id, an_update


def test_every_topic_the_index_tells_has_a_task(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("9", CLINIC)))

    assert tasks(index.service.matcher, index.notices).keys() == {MATCH, NOTIFY}
    assert set(index.work()) == {MATCH, NOTIFY}


def test_a_task_may_run_twice(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    fed = index.feed(an_update(an_id("9", CLINIC)))

    for _ in range(2):
        with index.database.begin() as work:
            tasks(index.service.matcher, index.notices)[MATCH](work, str(fed.record))

    assert len(index.clusters()) == 1
    assert len(index.viewing.acts()) == 1
