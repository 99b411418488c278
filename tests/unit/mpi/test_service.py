"""Feeds and merges."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from atna.vocabulary import Action
from kernel.demographics import Demographics, HumanName
from kernel.errors import Condition, HieError, Rejected
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.times import Dtm
from mpi.audit import V2
from mpi.index import MATCH
from mpi.model import LinkKind, RecordState, ReviewReason
from mpi.settings import MatchingMode
from tests.conftest import MakeDatabase
from tests.support.audit import a_subject, schema_faults
from tests.support.clocks import TickingClock
from tests.support.patients import (
    ADMINISTRATOR,
    CLINIC,
    HOSPITAL,
    LAB,
    LENA,
    OTTO,
    XAD,
    a_patient_index,
    an_affinity_domain,
    an_id,
    an_update,
    called,
    shown,
)


def refusal(act: object) -> HieError:
    """The error that an act ends with."""
    assert callable(act)
    with pytest.raises(HieError) as caught:
        act()
    return caught.value


# --- feed ------------------------------------------------------------------------------------------------------------------


def test_a_new_patient_gets_a_person_and_an_identifier_in_the_affinity_domain(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)

    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2"), demographics=OTTO))

    one, two = index.affinity_id(an_id("1")), index.affinity_id(an_id("2"))
    assert one.authority == XAD
    assert 12 <= len(one.id) <= 15
    assert one != two


def test_a_feed_tells_the_worker_in_the_same_commit_and_leaves_the_audit_message_of_its_transaction(
    make_database: MakeDatabase,
) -> None:
    index = a_patient_index(make_database)

    fed = index.feed(an_update(an_id("1")))

    assert [(topic, key) for _, topic, key in index.told()] == [(MATCH, str(fed.record))]
    (message,) = index.audited()
    assert schema_faults(message) == []
    assert b"ITI-8" in message
    assert b"1^^^HOSP_A&amp;2.999.1.1&amp;ISO" in message


def test_inline_matching_links_before_the_answer(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database, mode=MatchingMode.INLINE)

    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("9", CLINIC)))

    assert index.local_ids(an_id("1")) == [an_id("9", CLINIC)]


def test_an_update_replaces_what_it_speaks_of_and_keeps_the_rest(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    married = replace(LENA, names=(HumanName("Berger", ("Lena",)),), sex="")

    index.feed(an_update(an_id("1"), demographics=married, spoken=["names"]), action=Action.UPDATE)

    record = index.record(an_id("1"))
    assert (record.demographics.names, record.demographics.sex, record.version) == (married.names, "F", 2)
    assert shown(index.search(called(family="Berger"))) == ["Berger"]
    assert shown(index.search(called(family="Rivera"))) == []


def test_the_same_said_again_changes_nothing_and_is_not_matched_again(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    index.work()

    index.feed(an_update(an_id("1")), action=Action.UPDATE)

    assert index.told() == []
    assert index.record(an_id("1")).version == 1


def test_an_update_of_an_unknown_patient_makes_the_patient_known(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)

    index.feed(an_update(an_id("1")), action=Action.UPDATE)

    assert index.affinity_id(an_id("1"))


def test_further_identifiers_are_kept_and_never_lost_by_a_shorter_message(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1"), an_id("L7", LAB)))

    index.feed(an_update(an_id("1"), demographics=OTTO), action=Action.UPDATE)
    index.feed(an_update(an_id("1"), an_id("L8", LAB), demographics=OTTO), action=Action.UPDATE)

    assert index.pix(an_id("1"), LAB) == [an_id("L7", LAB), an_id("L8", LAB)]
    assert an_id("1") in index.pix(an_id("L8", LAB))


def test_a_message_is_about_the_record_that_any_of_its_identifiers_names(make_database: MakeDatabase) -> None:
    sources = [{"application": "ADT", "facility": "A", "authorities": ["HOSP_A", "LAB"]}]
    index = a_patient_index(make_database, affinity=an_affinity_domain(sources=sources))
    first = index.feed(an_update(an_id("1"), an_id("L1", LAB)), source="A|ADT")

    again = index.feed(an_update(an_id("L9", LAB), an_id("1"), demographics=OTTO), source="A|ADT")

    assert again.record == first.record
    assert an_id("L9", LAB) in index.pix(an_id("1"))


def test_the_same_message_again_gets_the_same_answer_and_changes_nothing(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    first = index.feed(an_update(an_id("1")), message_id="M1", content=b"one")
    before = len(index.audited())

    again = index.feed(an_update(an_id("1")), message_id="M1", content=b"one")

    assert (again.record, again.warnings, again.is_replay) == (None, first.warnings, True)
    assert len(index.audited()) == before


def test_another_message_with_the_same_id_is_refused(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")), message_id="M1", content=b"one")

    error = refusal(lambda: index.feed(an_update(an_id("2")), message_id="M1", content=b"two"))

    assert (error.condition, error.violations[0].where) == (Condition.MESSAGE_ID_REUSED, "MSH-10")
    assert index.clusters() == {frozenset("1")}


def test_the_same_id_from_another_sender_is_another_message(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)

    index.feed(an_update(an_id("1")), message_id="M1")
    index.feed(an_update(an_id("1", CLINIC)), message_id="M1", content=b"two")

    assert len(index.told()) == 2


def test_a_lenient_source_may_use_a_message_id_again(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")), source="A|OLD", message_id="M1", content=b"one")

    fed = index.feed(an_update(an_id("2")), source="A|OLD", message_id="M1", content=b"two")

    assert [w.condition for w in fed.warnings] == [Condition.MESSAGE_ID_REUSED]
    assert index.feed(an_update(an_id("2")), source="A|OLD", message_id="M1", content=b"two").is_replay


@pytest.mark.parametrize(
    ("patient_id", "source", "condition", "where"),
    [
        (PatientId("1", AssigningAuthority("NOBODY")), "A|ADT", Condition.AUTHORITY_UNKNOWN, "PID-3[1].4"),
        (an_id("1"), "B|ADT", Condition.SOURCE_NOT_ALLOWED, "PID-3[1].4"),
        (an_id("1"), "X|STRANGER", Condition.SOURCE_NOT_ALLOWED, "PID-3[1].4"),
        (an_id("1", XAD), "A|ADT", Condition.SOURCE_NOT_ALLOWED, "PID-3[1].4"),
        (PatientId("1", AssigningAuthority()), "X|STRANGER", Condition.AUTHORITY_UNKNOWN, "PID-3[1].4"),
    ],
)
def test_a_source_feeds_what_it_may_and_nothing_else(
    make_database: MakeDatabase, patient_id: PatientId, source: str, condition: Condition, where: str
) -> None:
    index = a_patient_index(make_database)

    error = refusal(lambda: index.feed(an_update(patient_id), source=source))

    assert [(v.condition, v.where) for v in error.violations] == [(condition, where)]
    assert index.clusters() == set()


def test_an_identifier_without_authority_is_of_the_one_configured_for_its_source(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)

    index.feed(an_update(PatientId("1", AssigningAuthority())), source="A|ADT")

    assert index.affinity_id(an_id("1"))


def test_where_new_authorities_are_accepted_a_feed_needs_no_configuration(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database, affinity=an_affinity_domain(accept_new_authorities=True))
    new = AssigningAuthority("NEW", "2.999.8", "ISO")

    index.feed(an_update(an_id("1", new)), source="N|NEW")
    index.feed(an_update(PatientId("2", AssigningAuthority()), demographics=OTTO), source="F|APP")

    assert index.affinity_id(an_id("1", new))
    assert index.affinity_id(an_id("2", AssigningAuthority("F.APP")))


def test_two_senders_of_one_new_identifier_at_one_moment_make_one_record(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    together = threading.Barrier(4)
    failed: list[BaseException] = []

    def send(number: int) -> None:
        together.wait()
        try:
            index.feed(an_update(an_id("1"), demographics=replace(LENA, religion=str(number))))
        except BaseException as problem:
            failed.append(problem)

    threads = [threading.Thread(target=send, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert index.clusters() == {frozenset("1")}
    assert index.record(an_id("1")).version == 4


# --- the affinity domain's own authority ---------------------------------------------------------------------------------------


def test_an_identifier_fed_in_the_affinity_domain_is_the_persons(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)

    index.feed(an_update(an_id("X1", XAD), an_id("L1", LAB)))

    standing = index.directory.standing(an_id("X1", XAD))
    assert (standing.known, standing.active, standing.survivor) == (True, True, an_id("X1", XAD))
    assert index.pix(an_id("L1", LAB)) == [an_id("X1", XAD)]


def test_an_identifier_of_the_domain_repeated_by_a_hospital_makes_nobody_known(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)

    index.feed(an_update(an_id("1"), an_id("X1", XAD)))

    assert not index.directory.standing(an_id("X1", XAD)).known
    assert an_id("X1", XAD) not in index.pix(an_id("1"))
    assert refusal(lambda: index.pix(an_id("X1", XAD))).condition is Condition.IDENTIFIER_UNKNOWN


def test_the_source_of_the_domain_says_whose_an_identifier_is_that_we_gave(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    given = index.affinity_id(an_id("1"))

    index.feed(an_update(given, an_id("L1", LAB), demographics=OTTO))

    assert index.affinity_id(an_id("L1", LAB)) == given
    assert index.local_ids(an_id("1")) == [an_id("L1", LAB)]
    (person,) = {index.record(i).person for i in (an_id("1"), given)}
    links = index.viewing.person(person, ADMINISTRATOR).links
    assert {link.kind for link in links} == {LinkKind.INITIAL, LinkKind.SOURCE}


def test_the_source_of_the_domain_joins_records_of_its_other_authorities(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("L1", LAB), demographics=OTTO))

    index.feed(an_update(an_id("X1", XAD), an_id("L1", LAB)))

    assert index.affinity_id(an_id("L1", LAB)) == an_id("X1", XAD)
    assert index.clusters() == {frozenset({"X1", "L1"})}


def test_what_was_decided_to_be_apart_is_not_joined_by_the_source_of_the_domain(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("L1", LAB)))
    index.feed(an_update(an_id("X1", XAD), demographics=LENA))
    index.work()
    index.stewardship.unlink(index.record(an_id("L1", LAB)).id, ADMINISTRATOR)

    index.feed(an_update(an_id("X1", XAD), an_id("L1", LAB), demographics=OTTO), action=Action.UPDATE)

    assert index.clusters() == {frozenset({"X1"}), frozenset({"L1"})}


# --- merge -----------------------------------------------------------------------------------------------------------------


def test_a_merge_ends_the_subsumed_identifier_and_brings_its_person_over(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1"), demographics=OTTO))
    index.feed(an_update(an_id("2"), an_id("L2", LAB)))
    index.feed(an_update(an_id("9", CLINIC)))
    index.work()
    given = index.affinity_id(an_id("2"))

    index.merge(an_id("1"), an_id("2"))

    assert [b"ITI-8" in message for message in index.audited()[-2:]] == [True, True]
    assert refusal(lambda: index.pix(an_id("2"))).condition is Condition.IDENTIFIER_UNKNOWN
    assert index.local_ids(an_id("1")) == [an_id("9", CLINIC), an_id("L2", LAB)]
    assert index.local_ids(an_id("9", CLINIC)) == [an_id("1"), an_id("L2", LAB)]
    standing = index.directory.standing(given)
    assert (standing.known, standing.active) == (True, True)
    assert index.affinity_id(an_id("1")) in standing.all_ids


def test_a_merge_in_the_affinity_domain_ends_the_identifier_for_submissions(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("X1", XAD), demographics=OTTO))
    index.feed(an_update(an_id("X2", XAD)))
    index.feed(an_update(an_id("X3", XAD), demographics=replace(OTTO, birth=Dtm("19990909"))))
    index.merge(an_id("X3", XAD), an_id("X2", XAD))

    index.merge(an_id("X1", XAD), an_id("X3", XAD))

    for ended in ("X2", "X3"):
        standing = index.directory.standing(an_id(ended, XAD))
        assert (standing.known, standing.active, standing.survivor) == (True, False, an_id("X1", XAD))
    assert set(index.directory.standing(an_id("X1", XAD)).all_ids) == {an_id(f"X{n}", XAD) for n in (1, 2, 3)}


@pytest.mark.parametrize(
    ("survivor", "subsumed", "condition", "where"),
    [
        ("1", "1", Condition.MERGE_IMPOSSIBLE, "MRG-1[1].1"),
        ("1", "unknown", Condition.IDENTIFIER_UNKNOWN, "MRG-1[1].1"),
        ("unknown", "1", Condition.IDENTIFIER_UNKNOWN, "PID-3[1].1"),
        ("1", "gone", Condition.MERGE_IMPOSSIBLE, "MRG-1[1].1"),
        ("gone", "1", Condition.MERGE_IMPOSSIBLE, "PID-3[1].1"),
    ],
)
def test_a_merge_that_makes_no_sense_is_refused_and_changes_nothing(
    make_database: MakeDatabase, survivor: str, subsumed: str, condition: Condition, where: str
) -> None:
    index = a_patient_index(make_database)
    for number in ("1", "2", "gone"):
        index.feed(an_update(an_id(number), demographics=replace(OTTO, birth=Dtm(f"19{len(number)}00101"))))
    index.merge(an_id("2"), an_id("gone"))
    before = index.clusters()

    error = refusal(lambda: index.merge(an_id(survivor), an_id(subsumed)))

    assert [(v.condition, v.where) for v in error.violations] == [(condition, where)]
    assert index.clusters() == before


def test_identifiers_of_two_authorities_are_not_merged(make_database: MakeDatabase) -> None:
    sources = [{"application": "ADT", "facility": "A", "authorities": ["HOSP_A", "LAB"]}]
    index = a_patient_index(make_database, affinity=an_affinity_domain(sources=sources))
    index.feed(an_update(an_id("1")), source="A|ADT")
    index.feed(an_update(an_id("2", LAB)), source="A|ADT")

    error = refusal(lambda: index.merge(an_id("1"), an_id("2", LAB), source="A|ADT"))

    assert error.condition is Condition.MERGE_IMPOSSIBLE


def test_a_source_merges_its_own_identifiers_only(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)

    error = refusal(lambda: index.merge(an_id("1"), an_id("2"), source="B|ADT"))

    assert [v.condition for v in error.violations] == [Condition.SOURCE_NOT_ALLOWED] * 2


def test_a_feed_of_a_subsumed_identifier_is_refused(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    for number in ("1", "2"):
        index.feed(an_update(an_id(number)))
    index.merge(an_id("1"), an_id("2"))

    error = refusal(lambda: index.feed(an_update(an_id("2"), demographics=OTTO), action=Action.UPDATE))

    assert (error.condition, error.violations[0].where) == (Condition.IDENTIFIER_UNKNOWN, "PID-3[1].1")


def test_a_merge_does_not_take_over_demographics(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1"), demographics=OTTO))
    index.feed(an_update(an_id("2"), demographics=OTTO))

    index.merge(an_id("1"), an_id("2"))

    assert index.record(an_id("1")).demographics == OTTO


def test_a_source_merge_against_an_administrators_word_ends_the_identifier_and_asks(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2")))
    index.stewardship.link(index.record(an_id("1")).id, index.record(an_id("2")).id, ADMINISTRATOR)
    index.stewardship.unlink(index.record(an_id("2")).id, ADMINISTRATOR, "brothers")

    index.merge(an_id("1"), an_id("2"))

    assert index.clusters() == {frozenset("1"), frozenset("2")}
    assert index.record(an_id("2")).state is RecordState.SUBSUMED
    (waiting,) = index.viewing.reviews()
    assert waiting.review.reason is ReviewReason.KEPT_APART


def test_the_subsumed_record_goes_alone_when_others_of_its_person_were_decided_to_be_apart(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1"), demographics=OTTO))
    index.feed(an_update(an_id("2")))
    index.feed(an_update(an_id("9", CLINIC)))
    records = {n: index.record(i).id for n, i in (("1", an_id("1")), ("2", an_id("2")), ("9", an_id("9", CLINIC)))}
    index.stewardship.link(records["1"], records["9"], ADMINISTRATOR)
    index.stewardship.unlink(records["9"], ADMINISTRATOR)
    index.work()
    assert index.clusters() == {frozenset("1"), frozenset({"2", "9"})}

    index.merge(an_id("1"), an_id("2"))

    assert index.clusters() == {frozenset({"1", "2"}), frozenset("9")}
    assert [w.review.reason for w in index.viewing.reviews()] == [ReviewReason.KEPT_APART]
    assert index.viewing.reviews()[0].review.person == index.record(an_id("9", CLINIC)).person


def test_a_merge_that_comes_again_gets_the_same_answer(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    for number in ("1", "2"):
        index.feed(an_update(an_id(number)))
    index.merge(an_id("1"), an_id("2"), message_id="M9")

    again = index.merge(an_id("1"), an_id("2"), message_id="M9")

    assert again.is_replay


# --- refusals, housekeeping --------------------------------------------------------------------------------------------------


def test_refusals_are_on_record(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    error = Rejected(())

    index.service.refused_feed(a_subject(), V2, Action.CREATE, [an_id("1")], error)
    index.service.refused_merge(a_subject(), V2, None, error)

    feed, *merge = index.audited()
    assert b"1^^^HOSP_A" in feed
    assert b'EventOutcomeIndicator="0"' not in feed
    assert len(merge) == 2
    assert [schema_faults(m) for m in (feed, *merge)] == [[], [], []]


def test_receipts_are_forgotten_after_their_time(make_database: MakeDatabase, clock: TickingClock) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")), message_id="M1", content=b"one")
    assert index.service.forget_receipts() == 0

    clock.present += timedelta(days=15)

    assert index.service.forget_receipts() == 1
    assert not index.feed(an_update(an_id("1")), message_id="M1", content=b"two").is_replay


def test_a_record_can_be_cleaned_anew(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1"), an_id("L1", LAB)))

    with index.database.read() as connection:
        prepared = index.service.prepare_anew(connection, index.record(an_id("1")).id)

    assert (prepared.given, prepared.family, prepared.source_id) == ("LENA", "RIVERA", f"{HOSPITAL.universal_id}:1")


def test_leniency_is_that_of_the_source(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)

    assert index.service.leniency("OLD", "A")
    assert not index.service.leniency("ADT", "A")
    assert index.service.is_lenient(a_subject(source="A|OLD"))


def test_a_patient_without_demographics_is_known_and_alone(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)

    index.feed(an_update(an_id("1"), demographics=Demographics()))
    index.feed(an_update(an_id("9", CLINIC), demographics=Demographics()))
    index.work()

    assert index.clusters() == {frozenset("1"), frozenset("9")}
