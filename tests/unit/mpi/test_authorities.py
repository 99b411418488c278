"""From identifiers as sent to identifiers of known authorities."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kernel.errors import Condition, Rejected, warning
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.patient_update import PatientMerge, SentIdentifier
from mpi.authorities import Authorities, unknown_authorities
from mpi.model import Stored
from tests.conftest import MakeDatabase
from tests.support.patients import CLINIC, HOSPITAL, LAB, XAD, a_patient_index, an_affinity_domain, an_id, an_update

NOBODY = AssigningAuthority("NOBODY")


@pytest.fixture
def authorities(make_database: MakeDatabase) -> Authorities:
    """Those of the test's affinity domain."""
    return Authorities(a_patient_index(make_database).affinity)


def test_identifiers_are_told_apart_into_what_the_source_feeds_and_what_it_mentions(authorities: Authorities) -> None:
    update = an_update(an_id("L1", LAB), PatientId("1", AssigningAuthority("HOSP_A"), "PI"), an_id("X1", XAD))

    located = authorities.locate_update(update, "A|ADT")

    assert [i.patient_id for i in located.feedable] == [PatientId("1", HOSPITAL, "PI")]
    assert [i.patient_id for i in located.others] == [an_id("L1", LAB), an_id("X1", XAD)]


def test_what_a_message_mentions_of_unknown_authorities_is_left_out_with_a_warning(authorities: Authorities) -> None:
    mentioned = (SentIdentifier(an_id("7", NOBODY), "x", "x"), SentIdentifier(an_id("9", CLINIC), "y", "y"))
    before = warning(Condition.FIELD_MISSING, "z", "z")

    located = authorities.locate_update(replace(an_update(an_id("1")), others=mentioned, warnings=(before,)), "A|ADT")

    assert [i.patient_id for i in located.others] == [an_id("9", CLINIC)]
    assert [(w.condition, w.where) for w in located.warnings] == [
        (Condition.FIELD_MISSING, "z"),
        (Condition.AUTHORITY_UNKNOWN, "x"),
    ]


def test_every_unknown_authority_of_a_feed_is_named(authorities: Authorities) -> None:
    update = an_update(an_id("1", NOBODY), an_id("2"), an_id("3", NOBODY))

    with pytest.raises(Rejected) as refused:
        authorities.locate_update(update, "A|ADT")

    assert [v.where for v in refused.value.violations] == ["PID-3[1].4", "PID-3[3].4"]


def test_a_lenient_source_may_mention_authorities_nobody_knows(authorities: Authorities) -> None:
    located = authorities.locate_update(an_update(an_id("1"), an_id("3", NOBODY)), "A|OLD")

    assert [i.patient_id for i in located.feedable] == [an_id("1")]
    assert [w.is_error for w in located.warnings] == [False]
    assert authorities.is_lenient("A|OLD")
    assert not authorities.is_lenient("A|ADT")
    assert not authorities.is_lenient("X|Y")


def test_a_lenient_source_still_needs_an_identifier_of_its_own(authorities: Authorities) -> None:
    with pytest.raises(Rejected) as refused:
        authorities.locate_update(an_update(an_id("3", NOBODY)), "A|OLD")

    assert refused.value.condition is Condition.SOURCE_NOT_ALLOWED


def test_a_pair_to_be_merged_is_of_one_authority_that_the_source_feeds(authorities: Authorities) -> None:
    def pair(one: PatientId, other: PatientId) -> PatientMerge:
        return PatientMerge(SentIdentifier(one, "a", "a4"), SentIdentifier(other, "b", "b4"), an_update(one))

    survivor, subsumed = authorities.locate_pair(pair(an_id("1"), an_id("2", AssigningAuthority("HOSP_A"))), "A|ADT")

    assert (survivor.patient_id, subsumed.patient_id) == (an_id("1"), an_id("2"))
    for wrong, expected in (
        (pair(an_id("1", NOBODY), an_id("2")), [(Condition.AUTHORITY_UNKNOWN, "a4")]),
        (pair(an_id("1"), an_id("2", CLINIC)), [(Condition.SOURCE_NOT_ALLOWED, "b4")]),
    ):
        with pytest.raises(Rejected) as refused:
            authorities.locate_pair(wrong, "A|ADT")
        assert [(v.condition, v.where) for v in refused.value.violations] == expected


def test_identifiers_get_their_authorities_in_full(authorities: Authorities) -> None:
    lab = authorities.find(AssigningAuthority("LAB"), "")
    assert lab is not None

    assert authorities.patient_ids([Stored(lab.key, "7", "PI"), Stored(authorities.own.key, "X")]) == (
        PatientId("7", LAB, "PI"),
        PatientId("X", XAD),
    )


def test_a_question_names_its_unknown_authorities(authorities: Authorities) -> None:
    known, unknown = (authorities.find(a, "") for a in (LAB, NOBODY))

    assert [v.where for v in unknown_authorities([(known, "1"), (unknown, "2"), (unknown, "3")])] == ["2", "3"]


def test_new_authorities_are_for_senders_that_nobody_listed(make_database: MakeDatabase) -> None:
    open_domain = Authorities(a_patient_index(make_database, affinity=an_affinity_domain(accept_new_authorities=True)).affinity)

    assert open_domain.locate_update(an_update(an_id("1", NOBODY)), "N|NEW").feedable
    with pytest.raises(Rejected) as refused:
        open_domain.locate_update(an_update(an_id("1", NOBODY)), "A|ADT")
    assert refused.value.condition is Condition.SOURCE_NOT_ALLOWED


def test_a_consumer_finds_what_it_may_see_and_nothing_else(make_database: MakeDatabase) -> None:
    listed = [{"application": "PIX", "facility": "C", "authorities": ["HOSP_A"]}, {"application": "ALL"}]
    authorities = Authorities(a_patient_index(make_database, affinity=an_affinity_domain(consumers=listed)).affinity)

    assert authorities.find(HOSPITAL, "C|PIX") is not None
    assert [authorities.find(a, "C|PIX") for a in (CLINIC, XAD)] == [None, None]
    assert authorities.find(CLINIC, "D|PIX") is not None
    assert authorities.find(CLINIC, "anywhere|ALL") is not None


@pytest.mark.parametrize("name", ["D|PIX", "|", ""])
def test_who_is_not_listed_sees_nothing_where_only_the_listed_do(make_database: MakeDatabase, name: str) -> None:
    settings = an_affinity_domain(consumers=[{"application": "ALL"}], listed_consumers_only=True)
    authorities = Authorities(a_patient_index(make_database, affinity=settings).affinity)

    assert authorities.find(HOSPITAL, name) is None
    assert authorities.find(HOSPITAL, "|ALL") is not None
