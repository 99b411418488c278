"""kill -9 within each step of a match, a merge, an undoing and a notification: begun again, the end is reached, and once.

A process is forked, does the act and is killed before or after a named step of it; then the same act is done by another.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import mpi.ledger
import mpi.notice_store
import mpi.notices
import mpi.persons
import mpi.service
import mpi.store
from affinity.model import Consumer
from app.relay import HANDLE
from app.wiring import House
from atna import events
from kernel.database import Database
from kernel.identifiers import PatientId
from kernel.outbox import OUTBOX
from mpi.audit import NotificationEvent
from mpi.matching import Matcher
from mpi.model import ActKind
from mpi.tables import JOURNAL, NOTICE, PATIENT_RECORD
from tests.support.audit import a_subject
from tests.support.patients import ADMINISTRATOR
from tests.support.stores import PEER, a_house
from tests.support.v2 import admission, code, message, pid

Step = tuple[object, str, bool]
"""Where a function is, its name, and whether the process is killed after it rather than before."""
LISTED = '[{application = "PORTAL", facility = "CITY", notify = "mllp://127.0.0.1:1"}]'
SAID = {"name": "Rivera^Lena", "birth": "19840317", "rest": "F|||12 Elm Street^^Springfield^^01101||^PRN^PH^^^413^5550187"}
FEED_A = admission(pid("1", **SAID), control_id="FA")
FEED_B = admission(pid("9", authority="CLINIC&2.999.1.2&ISO", **SAID), sender="ADT|B", control_id="FB")
STRANGER = admission(pid("2", name="Okafor^Daniel", birth="19580312", rest="M"), control_id="FC")
MERGE = message("ADT^A40", "EVN|A40|20261122", pid("1"), "MRG|2^^^HOSP_A&2.999.1.1&ISO", control_id="MM")


@pytest.fixture
def make_house(tmp_path: Path, database_url: str) -> Callable[[], House]:
    """The services of a process on the database of the test."""
    changes = {"database__url": database_url, "affinity__consumers": LISTED, "matching__mode": "queued"}
    return lambda: a_house(tmp_path / "data", **changes)


@contextmanager
def opened(make_house: Callable[[], House]) -> Iterator[House]:
    house = make_house()
    try:
        yield house
    finally:
        house.close()


def fed(house: House, *messages: bytes) -> None:
    for sent in messages:
        answer = house.v2(sent, PEER).decode()
        assert code(answer) == "AA", answer


def work(house: House) -> None:
    """Does what a worker would, until nothing waits."""
    while True:
        with house.database.read() as connection:
            ids = list(connection.scalars(sa.select(OUTBOX.c.id).where(~OUTBOX.c.dead).order_by(OUTBOX.c.id)))
        if not ids:
            return
        house.jobs()[HANDLE](ids)


class Consumers:
    """Writes what it is told into a file, for the one who tells may be killed."""

    audited: NotificationEvent = events.update_notification

    def __init__(self, file: Path) -> None:
        self.file = file

    def tell(self, identifiers: Sequence[PatientId], message_id: str, when: datetime) -> None:
        with self.file.open("a") as file:
            file.write(f"{message_id} {len(identifiers)}\n")


def notify(house: House, file: Path) -> None:
    """Sends what waits for the consumer."""
    (consumer,) = house.affinity.domain().consumers
    assert isinstance(consumer, Consumer)
    house.notices.send(consumer, Consumers(file))


def killed_at(step: Step, make_house: Callable[[], House], act: Callable[[House], object]) -> None:
    """Forks a process that does the act and kills itself at the step."""
    child = os.fork()
    if child == 0:
        try:
            _patch(step)
            act(make_house())
        finally:
            os._exit(3)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"the step {step[1]} was never reached: it ended with {status}"
    assert os.WTERMSIG(status) == signal.SIGKILL


def _patch(step: Step) -> None:
    place, name, is_after = step
    original: Callable[..., Any] = getattr(place, name)

    def dying(*arguments: Any, **named: Any) -> Any:
        if is_after:
            original(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(place, name, dying)


def acts(house: House) -> Counter[str]:
    """How many acts of each kind are in the journal."""
    with house.database.read() as connection:
        return Counter(connection.scalars(sa.select(JOURNAL.c.kind)))


def clusters(house: House) -> set[frozenset[str]]:
    with house.database.read() as connection:
        rows = connection.execute(sa.select(PATIENT_RECORD.c.local_id, PATIENT_RECORD.c.person)).all()
    people: dict[int, set[str]] = {}
    for local_id, person in rows:
        people.setdefault(person, set()).add(local_id)
    return set(map(frozenset, people.values()))


def name_of(step: Step) -> str:
    return f"{'after' if step[2] else 'before'} {step[1]}"


COMMIT: Step = (Database, "_flush", True)
"""Everything is written, nothing is committed."""
MATCH: tuple[Step, ...] = (
    (Matcher, "neighbours", True),
    (mpi.store, "lock_persons", True),
    (mpi.persons, "join", True),
    (mpi.ledger.Ledger, "close", True),
    COMMIT,
)
MERGE_STEPS: tuple[Step, ...] = (
    (mpi.service.receipts, "take", True),
    (mpi.persons, "subsume", True),
    (mpi.persons, "join", True),
    (mpi.ledger.Ledger, "close", True),
    COMMIT,
)
UNDO: tuple[Step, ...] = (
    (mpi.store, "lock_persons", True),
    (mpi.ledger, "undo", True),
    (mpi.ledger.Ledger, "close", True),
    COMMIT,
)
QUEUE: tuple[Step, ...] = ((mpi.notice_store, "set_told", True), (mpi.notice_store, "put", True), COMMIT)
SEND: tuple[Step, ...] = ((Consumers, "tell", False), (Consumers, "tell", True), (mpi.notice_store, "remove", True), COMMIT)


@pytest.mark.parametrize("step", MATCH, ids=name_of)
def test_a_match_that_was_killed_is_made_once(make_house: Callable[[], House], step: Step) -> None:
    with opened(make_house) as house:
        fed(house, FEED_A, FEED_B)

    killed_at(step, make_house, work)

    with opened(make_house) as house:
        work(house)
        assert clusters(house) == {frozenset({"1", "9"})}
        assert acts(house) == {ActKind.MATCH.value: 1}


@pytest.mark.parametrize("step", MERGE_STEPS, ids=name_of)
def test_a_merge_that_was_killed_is_made_once_when_it_is_sent_again(make_house: Callable[[], House], step: Step) -> None:
    with opened(make_house) as house:
        fed(house, FEED_A, STRANGER)
        work(house)

    killed_at(step, make_house, lambda house: house.v2(MERGE, PEER))

    with opened(make_house) as house:
        fed(house, MERGE, MERGE)
        assert clusters(house) == {frozenset({"1", "2"})}
        assert acts(house) == {ActKind.SOURCE_MERGE.value: 1}


@pytest.mark.parametrize("step", UNDO, ids=name_of)
def test_an_undoing_that_was_killed_is_made_once(make_house: Callable[[], House], step: Step) -> None:
    with opened(make_house) as house:
        fed(house, FEED_A, STRANGER, MERGE)
        work(house)
        with house.database.read() as connection:
            act = connection.scalars(sa.select(JOURNAL.c.id)).one()

    killed_at(step, make_house, lambda house: house.stewardship.undo(act, ADMINISTRATOR))

    with opened(make_house) as house:
        assert acts(house) == {ActKind.SOURCE_MERGE.value: 1}
        house.stewardship.undo(act, a_subject(user="anna"))
        assert clusters(house) == {frozenset({"1"}), frozenset({"2"})}
        assert acts(house) == {ActKind.SOURCE_MERGE.value: 1, ActKind.UNDO.value: 1}


@pytest.mark.parametrize("step", QUEUE, ids=name_of)
def test_a_notification_that_was_killed_while_it_was_queued_is_queued_once(make_house: Callable[[], House], step: Step) -> None:
    with opened(make_house) as house:
        fed(house, FEED_A)

    killed_at(step, make_house, work)

    with opened(make_house) as house:
        work(house)
        with house.database.read() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(NOTICE)) == 1


@pytest.mark.parametrize("step", SEND, ids=name_of)
def test_a_notification_that_was_killed_while_it_was_sent_is_sent_again_the_same(
    make_house: Callable[[], House], step: Step, tmp_path: Path
) -> None:
    heard = tmp_path / "heard"
    with opened(make_house) as house:
        fed(house, FEED_A)
        work(house)

    killed_at(step, make_house, lambda house: notify(house, heard))

    with opened(make_house) as house:
        notify(house, heard)
        assert house.notices.queues()[0].waiting == 0
    assert len(set(heard.read_text().splitlines())) == 1
