"""Limited metadata made whole: only what is missing is filled in."""

from __future__ import annotations

from dataclasses import replace

from app.client_metadata import TYPE, SubmissionMetadata
from app.completing import completed
from ebrim.model import Identifier, Submission
from kernel.codes import Code
from kernel.identifiers import AssigningAuthority, PatientId
from tests.support.metadata import PATIENT, a_document_entry, a_provided_entry, a_submission, a_submission_set

OWN = PatientId("4711", AssigningAuthority.of_oid("2.999.1"))
NOW = "20261122101500"


def limited() -> Submission:
    entry = a_provided_entry(
        limited_metadata=True,
        **dict.fromkeys(
            ("class_codes", "type_codes", "format_codes", "facility_codes", "practice_codes", "confidentiality_codes"), ()
        ),
        **dict.fromkeys(("language_code", "creation_time", "source_patient_id"), ()),
    )
    held = a_submission_set(limited_metadata=True, content_type_codes=(), submission_time=(), patient_ids=())
    return a_submission(entry, submission_sets=(held,), associations=())


def test_everything_that_a_registry_needs_is_there() -> None:
    whole = completed(limited(), OWN, SubmissionMetadata(type_code=Code("X", "2.999.9", "X")), now=NOW)

    (entry,), (held,) = whole.entries, whole.submission_sets
    assert not any(obj.limited_metadata for obj in whole.objects())
    assert {obj.patient_id for obj in whole.objects()} == {OWN.cx}
    assert [v.code.code for v in entry.type_codes] == ["X"]
    assert all((entry.class_codes, entry.format_codes, entry.facility_codes, entry.practice_codes, entry.confidentiality_codes))
    assert (entry.language_code, entry.creation_time, held.submission_time) == (("en-US",), (NOW,), (NOW,))
    assert [(a.source, a.target) for a in whole.associations] == [(held.id, entry.id)]


def test_the_senders_patient_id_becomes_that_of_the_source() -> None:
    assert completed(limited(), OWN, SubmissionMetadata(), now=NOW).entries[0].source_patient_id == (PATIENT,)


def test_what_was_sent_stays() -> None:
    sent = a_submission(a_document_entry(patient_ids=(Identifier(PATIENT),)))

    whole = completed(sent, OWN, SubmissionMetadata(type_code=TYPE, language="fr"), now=NOW)

    assert whole.entries == (replace(sent.entries[0], patient_ids=(Identifier(OWN.cx),)),)
    assert whole.associations == sent.associations
