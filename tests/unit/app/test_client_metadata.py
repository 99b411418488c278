"""The metadata of what the client submits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.client_metadata import MIME_TYPES, DocumentFile, FileFacts, SubmissionMetadata, submission_of
from content.facts import DocumentFacts, FactualAuthor
from ebrim import datatypes
from ebrim.model import AssociationType, CodedValue, Submission
from ebrim.writer import submit_objects_request
from kernel.codes import Code
from kernel.errors import Condition, Rejected
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.xml import parse_xml
from tests.support.clocks import counted_uuids
from tests.support.shared import faults

PATIENT = PatientId("4711", AssigningAuthority.of_oid("2.999.1", "XAD"))
LOCAL = PatientId("L-1", AssigningAuthority.of_oid("2.999.1.1"))


def facts(name: str = "letter.pdf", **more: str) -> FileFacts:
    """A file as it was found."""
    return FileFacts(
        DocumentFile(Path("/home/somebody") / name, **more), 3, "a9993e364706816aba3e25717850c26c9cd0d89d", "20260102030405"
    )


def submitted(*files: FileFacts, metadata: SubmissionMetadata | None = None) -> Submission:
    """A submission of these files."""
    held = files or (facts(),)
    return submission_of(held, PATIENT, metadata or SubmissionMetadata(), now="20261122101500", new_uuid=counted_uuids())


def test_a_submission_is_valid_by_the_official_schema() -> None:
    whole = submitted(facts(), facts("second.txt"), metadata=SubmissionMetadata(author="^Rossi^Maria", institution="Clinic"))

    assert faults("xds", parse_xml(submit_objects_request(whole))) == []


def test_every_required_attribute_of_an_entry_is_there_once_and_well_formed() -> None:
    (entry,) = submitted().entries

    codes = (
        *(entry.class_codes, entry.type_codes, entry.format_codes, entry.facility_codes, entry.practice_codes),
        entry.confidentiality_codes,
    )
    assert [len(c) for c in codes] == [1] * 6
    assert all(c[0].code.code and c[0].code.scheme and c[0].code.display for c in codes)
    assert (entry.patient_id, entry.source_patient_id) == ("4711^^^&2.999.1&ISO", ("4711^^^&2.999.1&ISO",))
    assert datatypes.problem_with_unique_id(entry.unique_id) is None
    assert (entry.creation_time, entry.language_code) == (("20260102030405",), ("en-US",))
    assert (entry.size, entry.hash) == (("3",), ("a9993e364706816aba3e25717850c26c9cd0d89d",))
    assert (entry.mime_type, entry.title_text) == ("application/pdf", "letter.pdf")


def test_the_set_holds_every_entry_as_an_original() -> None:
    whole = submitted(facts(), facts("second.txt"))

    (held,) = whole.submission_sets
    assert [(a.type, a.source, a.target) for a in whole.associations] == [
        (AssociationType.HAS_MEMBER.value, held.id, e.id) for e in whole.entries
    ]
    assert all(a.slot("SubmissionSetStatus") == ("Original",) for a in whole.associations)
    assert (held.submission_time, held.patient_id) == (("20261122101500",), "4711^^^&2.999.1&ISO")
    assert datatypes.problem_with_oid(held.source_id) is None


def test_no_identifier_is_used_twice() -> None:
    whole = submitted(facts(), facts("second.txt"))

    ids = [o.unique_id for o in whole.objects()]

    assert len(set(ids)) == 3


def test_nothing_of_the_path_but_the_name_leaves_the_machine() -> None:
    assert b"somebody" not in submit_objects_request(submitted())


def test_what_is_given_takes_the_place_of_what_is_supposed() -> None:
    code = Code("11502-2", "2.16.840.1.113883.6.1", "Laboratory report")
    given = SubmissionMetadata(type_code=code, source_patient_id=LOCAL, creation_time="2026", language="de-CH", title="Visit")

    whole = submitted(facts(title="Blood", mime_type="text/xml"), metadata=given)

    (entry,) = whole.entries
    assert entry.type_codes == (CodedValue(code),)
    assert (entry.source_patient_id, entry.creation_time) == (("L-1^^^&2.999.1.1&ISO",), ("2026",))
    assert (entry.title_text, entry.mime_type, entry.language_code) == ("Blood", "text/xml", ("de-CH",))
    assert whole.submission_sets[0].title_text == "Visit"


def test_a_replacement_points_from_the_new_entry_to_the_old() -> None:
    whole = submitted(metadata=SubmissionMetadata(replaces="urn:uuid:old"))

    replacement = whole.associations[-1]
    assert (replacement.type, replacement.source, replacement.target) == (
        AssociationType.RPLC.value,
        whole.entries[0].id,
        "urn:uuid:old",
    )


@pytest.mark.parametrize(("files", "metadata", "condition"), [
    ((), SubmissionMetadata(), Condition.DOCUMENT_MISSING),
    ((facts(), facts()), SubmissionMetadata(replaces="urn:uuid:old"), Condition.METADATA_INVALID),
    ((facts("letter.qqq"),), SubmissionMetadata(), Condition.METADATA_INVALID),
    ((facts("letter"),), SubmissionMetadata(), Condition.METADATA_INVALID),
])  # fmt: skip
def test_what_cannot_be_submitted_is_refused_before_it_is_sent(
    files: tuple[FileFacts, ...], metadata: SubmissionMetadata, condition: Condition
) -> None:
    with pytest.raises(Rejected) as raised:
        submission_of(files, PATIENT, metadata, now="20261122101500", new_uuid=counted_uuids())

    assert raised.value.condition is condition


def test_the_mime_type_goes_by_the_suffix_whatever_its_case() -> None:
    found = {submitted(facts("a" + suffix.upper())).entries[0].mime_type for suffix in MIME_TYPES}

    assert found == set(MIME_TYPES.values())


def test_without_author_and_title_none_is_made_up() -> None:
    whole = submitted(replace(facts(), changed="2026"))

    assert whole.entries[0].authors == ()
    assert whole.submission_sets[0].title == ()


SAYS = DocumentFacts(
    unique_id="2.999.7.7^A",
    title="What it says",
    language="de-CH",
    mime_type="text/xml",
    creation_time="20260101",
    service_start="2025",
    service_stop="2026",
    type_code=Code("11502-2", "2.999.1", "Report"),
    facility_code=Code("HOSP", "2.999.2", "Hospital"),
    confidentiality_codes=(Code("R", "2.999.3", "restricted"),),
    patient_ids=(LOCAL,),
    patient_info=("PID-8|F",),
    authors=(FactualAuthor("^Welby^Marcus", "Clinic"),),
    legal_authenticator="^Welby^Marcus",
)


def test_what_a_document_says_of_itself_is_taken_over() -> None:
    (entry,) = submitted(replace(facts("letter.bin"), says=SAYS)).entries

    assert (entry.unique_id, entry.title_text, entry.mime_type) == ("2.999.7.7^A", "What it says", "text/xml")
    assert (entry.creation_time, entry.service_start_time, entry.service_stop_time) == (("20260101",), ("2025",), ("2026",))
    assert [v.code.code for v in (*entry.type_codes, *entry.facility_codes, *entry.confidentiality_codes)] == [
        "11502-2",
        "HOSP",
        "R",
    ]
    assert (entry.source_patient_id, entry.source_patient_info) == ((LOCAL.cx,), ("PID-8|F",))
    assert entry.patient_id == PATIENT.cx
    assert (entry.authors[0].person, entry.legal_authenticator) == (("^Welby^Marcus",), ("^Welby^Marcus",))


def test_what_is_given_wins_over_what_a_document_says() -> None:
    given = SubmissionMetadata(
        type_code=Code("X", "2.999.9", "X"),
        confidentiality_code=Code("N", "2.999.9", "N"),
        language="fr-CH",
        author="^Rossi^Maria",
        creation_time="2020",
        source_patient_id=PATIENT,
    )

    (entry,) = submitted(replace(facts("a.xml", title="Mine", mime_type="text/plain"), says=SAYS), metadata=given).entries

    assert (entry.title_text, entry.mime_type, entry.language_code) == ("Mine", "text/plain", ("fr-CH",))
    assert [v.code.code for v in (*entry.type_codes, *entry.confidentiality_codes)] == ["X", "N"]
    assert (entry.authors[0].person, entry.creation_time, entry.source_patient_id) == (("^Rossi^Maria",), ("2020",), (PATIENT.cx,))
