"""Values of the index."""

from __future__ import annotations

from kernel.demographics import Demographics
from kernel.patient_update import SentIdentifier
from mpi.model import Fed, Located, LocatedUpdate, PatientRecord, RecordState, Stored
from tests.support.patients import HOSPITAL, LAB, XAD, an_id, an_update

AFFINITY, HOSP, LABORATORY = 1, 2, 3


def located(authority: int, value: str) -> Located:
    """An identifier whose authority was found."""
    names = {AFFINITY: XAD, HOSP: HOSPITAL, LABORATORY: LAB}
    patient_id = an_id(value, names[authority])
    return Located(SentIdentifier(patient_id, "w", "w"), authority, patient_id)


def test_identifiers_are_kept_once_the_own_first_and_claims_marked() -> None:
    own, lab, claim = located(HOSP, "1"), located(LABORATORY, "L"), located(AFFINITY, "X")
    update = LocatedUpdate((own, lab), (claim, lab), an_update(an_id("1")))

    assert update.stored(own, AFFINITY) == (
        Stored(HOSP, "1", is_own=True),
        Stored(LABORATORY, "L"),
        Stored(AFFINITY, "X", is_claim=True),
    )
    assert update.stored(lab, AFFINITY)[0] == Stored(LABORATORY, "L", is_own=True)


def test_a_record_stands_for_itself_until_it_is_merged_away() -> None:
    record = PatientRecord(1, 1, "1", "s", 1, Demographics())

    assert record.is_active
    assert not PatientRecord(1, 1, "1", "s", 1, Demographics(), RecordState.SUBSUMED).is_active


def test_a_feed_without_a_record_is_one_that_came_before() -> None:
    assert Fed(None).is_replay
    assert not Fed(1).is_replay
