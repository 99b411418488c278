"""The audit events of each language."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from atna.events import AuditedQuery
from atna.message import Outcome
from atna.vocabulary import Action
from mpi.audit import V2, V2_MANAGEMENT, V3, Dialect, cx, instant
from tests.support.audit import CONTEXT, WHEN, a_subject, schema_faults
from tests.support.patients import an_id


@pytest.mark.parametrize(
    ("dialect", "codes"),
    [
        (V2, ("ITI-8", "ITI-8", "ITI-9", "ITI-21")),
        (V2_MANAGEMENT, ("ITI-30", "ITI-30", "ITI-9", "ITI-21")),
        (V3, ("ITI-44", "ITI-44", "ITI-45", "ITI-47")),
    ],
)
def test_each_language_has_the_events_of_its_transactions(dialect: Dialect, codes: tuple[str, ...]) -> None:
    subject, query = a_subject(), AuditedQuery(b"q", "T")
    when, outcome = WHEN, Outcome.SUCCESS

    messages = (
        dialect.feed(CONTEXT, subject, when=when, outcome=outcome, action=Action.CREATE, patient_ids=["1^^^&1.2&ISO"]),
        dialect.merge(CONTEXT, subject, when=when, outcome=outcome, subsumed="1^^^&1.2&ISO", survivor="2^^^&1.2&ISO")[0],
        dialect.cross_reference(CONTEXT, subject, when=when, outcome=outcome, query=query),
        dialect.search(CONTEXT, subject, when=when, outcome=outcome, query=query, patient_ids=["1^^^&1.2&ISO"]),
    )

    assert tuple(m.types[0].code for m in messages) == codes
    assert [schema_faults(m.to_xml()) for m in messages] == [[]] * 4


def test_patients_are_named_with_their_authority_in_full() -> None:
    assert cx(an_id("1")) == "1^^^HOSP_A&2.999.1.1&ISO"


def test_an_instant_is_in_utc() -> None:
    assert instant(1_000) == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
