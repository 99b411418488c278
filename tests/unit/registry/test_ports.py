"""The tests' patient index and code sets keep to the ports that the registry asks through."""

from __future__ import annotations

from registry.ports import CodeSets, PatientDirectory, Verdict
from tests.support.metadata import PATIENT
from tests.support.registry import OTHER_PATIENT, CodeBook, PatientBook, patient


def test_a_subsumed_id_is_known_and_not_active() -> None:
    directory: PatientDirectory = PatientBook(merged={OTHER_PATIENT: PATIENT})

    standing = directory.standing(patient(OTHER_PATIENT))

    assert (standing.known, standing.active, standing.survivor.cx) == (True, False, PATIENT)
    assert {known.cx for known in standing.all_ids} == {PATIENT, OTHER_PATIENT}


def test_a_code_set_has_one_of_three_verdicts() -> None:
    code_sets: CodeSets = CodeBook()

    assert set(Verdict) == {Verdict.ACCEPT, Verdict.WARN, Verdict.REFUSE}
    assert isinstance(code_sets.accepts, object)
