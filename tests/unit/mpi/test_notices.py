"""Who is told what, in which order, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pytest

from affinity.model import Consumer
from atna import events
from kernel.errors import Condition, Unavailable, rejected, violation
from kernel.identifiers import PatientId
from mpi.audit import NotificationEvent
from tests.conftest import MakeDatabase
from tests.support.patients import (
    ADMINISTRATOR,
    CLINIC,
    HOSPITAL,
    LAB,
    LENA,
    OTTO,
    XAD,
    PatientIndex,
    a_patient_index,
    an_affinity_domain,
    an_id,
    an_update,
)

LOCAL = {"application": "PIX", "facility": "C", "authorities": ["HOSP_A", "CLINIC_B"], "notify": "mllp://consumer:1"}
EVERYTHING = {"application": "2.999.7", "notify": "http://consumer/pix"}


class Heard:
    """A consumer that takes what it is told, after it has refused or been away as often as it was asked to."""

    audited: NotificationEvent = events.update_notification

    def __init__(self, away: int = 0, refused: int = 0) -> None:
        self.away = away
        self.refused = refused
        self.sets: list[set[str]] = []
        self.message_ids: list[str] = []

    def tell(self, identifiers: Sequence[PatientId], message_id: str, when: datetime) -> None:
        self.message_ids.append(message_id)
        if self.away:
            self.away -= 1
            raise Unavailable(violation(Condition.PEER_UNAVAILABLE, "consumer:1", "no connection"))
        if self.refused:
            self.refused -= 1
            raise rejected(Condition.IDENTIFIER_UNKNOWN, "PID-3", "204 unknown")
        self.sets.append({f"{i.id}@{i.authority.namespace}" for i in identifiers})


@pytest.fixture
def index(make_database: MakeDatabase) -> PatientIndex:
    """An index with a consumer that sees the hospital and the clinic."""
    return a_patient_index(make_database, affinity=an_affinity_domain(consumers=[LOCAL]))


def consumer(index: PatientIndex) -> Consumer:
    return index.affinity.domain().consumers[0]


def sent(index: PatientIndex, heard: Heard | None = None) -> list[set[str]]:
    """What the consumer hears when all work is done."""
    heard = heard or Heard()
    index.work()
    index.notices.send(consumer(index), heard)
    return heard.sets


def fed(index: PatientIndex, *ids: PatientId, **more: object) -> None:
    index.feed(an_update(*ids, **more))  # type: ignore[arg-type]


def test_records_that_turn_out_to_be_one_person_are_told_as_one_set(index: PatientIndex) -> None:
    fed(index, an_id("1"), demographics=LENA)
    fed(index, an_id("9", CLINIC), demographics=LENA)

    assert sent(index) == [{"1@HOSP_A", "9@CLINIC_B"}]


def test_a_patient_alone_is_no_news_and_one_with_two_identifiers_is(index: PatientIndex) -> None:
    fed(index, an_id("1"), demographics=LENA)
    fed(index, an_id("2"), an_id("2b", CLINIC), demographics=OTTO)

    assert sent(index) == [{"2@HOSP_A", "2b@CLINIC_B"}]


def test_after_an_unlink_each_of_the_two_sets_is_told(index: PatientIndex) -> None:
    fed(index, an_id("1"), demographics=LENA)
    fed(index, an_id("9", CLINIC), demographics=LENA)
    sent(index)

    index.stewardship.unlink(index.record(an_id("9", CLINIC)).id, ADMINISTRATOR)

    assert sorted(map(sorted, sent(index))) == [["1@HOSP_A"], ["9@CLINIC_B"]]


def test_an_undone_merge_is_told_as_it_was_before(index: PatientIndex) -> None:
    fed(index, an_id("1"), demographics=LENA)
    fed(index, an_id("2"), an_id("9", CLINIC), demographics=OTTO)
    index.merge(an_id("1"), an_id("2"))
    merged = sent(index)

    index.stewardship.undo(index.viewing.acts()[0].id, ADMINISTRATOR)

    assert merged[-1] == {"1@HOSP_A", "9@CLINIC_B"}
    assert sorted(map(sorted, sent(index))) == [["1@HOSP_A"], ["2@HOSP_A", "9@CLINIC_B"]]


def test_what_a_consumer_may_not_see_is_no_news_to_it(index: PatientIndex) -> None:
    fed(index, an_id("1"), demographics=LENA)
    fed(index, an_id("9", LAB), demographics=LENA)

    assert sent(index) == []
    assert index.clusters() == {frozenset({"1", "9"})}


def test_a_feed_that_changes_no_identifier_is_no_news(index: PatientIndex) -> None:
    fed(index, an_id("1"), an_id("9", CLINIC), demographics=LENA)
    sent(index)

    fed(index, an_id("1"), demographics=OTTO)
    fed(index, an_id("1"), an_id("9", CLINIC), demographics=LENA)

    assert sent(index) == []


def test_a_consumer_of_v3_hears_of_every_authority_with_an_oid(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database, affinity=an_affinity_domain(consumers=[EVERYTHING]))

    fed(index, an_id("1"), demographics=LENA)

    assert sent(index) == [{f"{index.affinity_id(an_id('1')).id}@{XAD.namespace}", f"1@{HOSPITAL.namespace}"}]


def test_one_that_is_away_is_told_the_same_message_later_and_in_order(index: PatientIndex, clock: object) -> None:
    heard = Heard(away=2)
    fed(index, an_id("1"), an_id("9", CLINIC), demographics=LENA)
    assert sent(index, heard) == []
    fed(index, an_id("2"), an_id("8", CLINIC), demographics=OTTO)
    queues = index.notices.queues()

    for _ in range(2):
        (first, *_) = index.notices.waiting("C|PIX")
        index.notices.try_again(first.id)  # its time has come
        sent(index, heard)

    assert (queues[0].tries, queues[0].problem.split(":")[0]) == (1, "PEER_UNAVAILABLE")
    assert heard.sets == [{"1@HOSP_A", "9@CLINIC_B"}, {"2@HOSP_A", "8@CLINIC_B"}]
    assert len(set(heard.message_ids[:3])) == 1
    assert index.notices.queues()[0].waiting == 0


def test_one_that_waits_for_its_time_is_not_sent_and_holds_those_behind_it(index: PatientIndex) -> None:
    heard = Heard(away=1)
    fed(index, an_id("1"), an_id("9", CLINIC), demographics=LENA)
    fed(index, an_id("2"), an_id("8", CLINIC), demographics=OTTO)
    sent(index, heard)

    assert len(heard.message_ids) == 1
    assert [n.tries for n in index.notices.waiting("C|PIX")] == [1, 0]


def test_what_is_refused_stays_to_be_seen_and_holds_nobody(index: PatientIndex) -> None:
    heard = Heard(refused=1)
    fed(index, an_id("1"), an_id("9", CLINIC), demographics=LENA)
    fed(index, an_id("2"), an_id("8", CLINIC), demographics=OTTO)

    assert sent(index, heard) == [{"2@HOSP_A", "8@CLINIC_B"}]
    (refused,) = index.notices.waiting("C|PIX")
    assert refused.refused
    assert index.notices.drop(refused.id)
    assert not index.notices.drop(refused.id)
    assert index.notices.waiting("C|PIX") == ()


def test_telling_and_failing_are_on_the_record_once(index: PatientIndex) -> None:
    heard = Heard(away=2)
    fed(index, an_id("1"), an_id("9", CLINIC), demographics=LENA)
    index.work()
    before = len(index.audited())

    for _ in range(3):
        for notice in index.notices.waiting("C|PIX"):
            index.notices.try_again(notice.id)
        index.notices.send(consumer(index), heard)

    written = index.audited()[before:]
    assert len(written) == 2
    assert [b'EventOutcomeIndicator="12"' in m for m in written] == [True, False]
    assert all(b"ITI-10" in m and b"1^^^HOSP_A" in m for m in written)


def test_without_subscribers_nothing_is_remembered(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)

    fed(index, an_id("1"), an_id("9", CLINIC), demographics=LENA)
    index.work()

    assert index.notices.queues() == ()
