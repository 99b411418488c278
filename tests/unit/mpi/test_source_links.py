"""What sources say of two of their patients."""

from __future__ import annotations

import pytest

from kernel.errors import Condition, HieError
from kernel.identifiers import PatientId
from kernel.patient_update import SentIdentifier
from mpi.audit import V2_MANAGEMENT
from mpi.index import NOTIFY
from mpi.model import ActKind, Fed, LinkKind
from mpi.source_links import SourceLinks
from tests.conftest import MakeDatabase
from tests.support.audit import a_subject
from tests.support.patients import ADMINISTRATOR, CLINIC, LENA, OTTO, PatientIndex, a_patient_index, an_id, an_update


@pytest.fixture
def index(make_database: MakeDatabase) -> PatientIndex:
    """Two patients of a hospital, one of a clinic."""
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("2"), demographics=OTTO))
    index.feed(an_update(an_id("9", CLINIC), demographics=OTTO))
    index.work()
    assert index.clusters() == {frozenset("1"), frozenset({"2", "9"})}
    return index


def says(index: PatientIndex, act: str, one: PatientId, other: PatientId, message_id: str = "") -> Fed:
    """The hospital says something of two."""
    subject = a_subject(source="A|ADT")
    sent = (SentIdentifier(one, "PID-3[1].1", "PID-3[1].4"), SentIdentifier(other, "PID[2]-3[1].1", "PID[2]-3[1].4"))
    return getattr(index.links, act)(sent, subject, index.a_receipt(subject, message_id), V2_MANAGEMENT)  # type: ignore[no-any-return]


def refusal(index: PatientIndex, act: str, one: PatientId, other: PatientId) -> list[tuple[Condition, str]]:
    """How that is refused."""
    with pytest.raises(HieError) as refused:
        says(index, act, one, other)
    return [(v.condition, v.where) for v in refused.value.violations]


def test_a_link_joins_the_persons_and_ends_no_identifier(index: PatientIndex) -> None:
    says(index, "link", an_id("1"), an_id("2"))

    assert index.local_ids(an_id("1")) == [an_id("2"), an_id("9", CLINIC)]
    kinds = {link.kind for link in index.viewing.person(index.record(an_id("1")).person, ADMINISTRATOR).links}
    assert LinkKind.SOURCE in kinds
    (act, *_) = index.viewing.acts()
    assert (act.kind, act.author) == (ActKind.SOURCE_LINK, "A|ADT")
    assert any(topic == NOTIFY for _, topic, _ in index.told())


def test_a_link_of_what_is_linked_changes_nothing(index: PatientIndex) -> None:
    says(index, "link", an_id("1"), an_id("2"))
    before = index.viewing.acts()

    says(index, "link", an_id("2"), an_id("1"))

    assert index.viewing.acts() == before


def test_an_unlink_keeps_the_two_apart_for_good(index: PatientIndex) -> None:
    says(index, "link", an_id("1"), an_id("2"))

    says(index, "unlink", an_id("1"), an_id("2"))
    index.feed(an_update(an_id("2"), demographics=LENA))
    index.work()

    assert index.record(an_id("1")).person != index.record(an_id("2")).person
    assert refusal(index, "link", an_id("1"), an_id("2")) == [(Condition.MERGE_IMPOSSIBLE, "PID[2]-3[1].1")]


def test_an_administrator_takes_back_what_a_source_said(index: PatientIndex) -> None:
    says(index, "link", an_id("1"), an_id("2"))

    index.stewardship.undo(index.viewing.acts()[0].id, ADMINISTRATOR)

    assert index.clusters() == {frozenset("1"), frozenset({"2", "9"})}


def test_the_same_message_again_changes_nothing(index: PatientIndex) -> None:
    says(index, "link", an_id("1"), an_id("2"), "M9")
    before = len(index.audited())

    assert says(index, "link", an_id("1"), an_id("2"), "M9").is_replay
    assert len(index.audited()) == before


def test_what_cannot_be_is_refused_at_its_place(index: PatientIndex) -> None:
    one, two, place = an_id("1"), an_id("2"), "PID[2]-3[1].1"

    assert refusal(index, "link", one, an_id("404")) == [(Condition.IDENTIFIER_UNKNOWN, place)]
    assert refusal(index, "unlink", an_id("404"), one) == [(Condition.IDENTIFIER_UNKNOWN, "PID-3[1].1")]
    assert refusal(index, "unlink", one, two) == [(Condition.MERGE_IMPOSSIBLE, place)]
    assert refusal(index, "unlink", one, one) == [(Condition.MERGE_IMPOSSIBLE, place)]
    assert refusal(index, "link", one, an_id("9", CLINIC)) == [(Condition.SOURCE_NOT_ALLOWED, "PID[2]-3[1].4")]
    assert isinstance(index.links, SourceLinks)


def test_a_patient_merged_away_is_unknown(index: PatientIndex) -> None:
    index.merge(an_id("1"), an_id("2"))

    assert refusal(index, "unlink", an_id("1"), an_id("2")) == [(Condition.IDENTIFIER_UNKNOWN, "PID[2]-3[1].1")]
