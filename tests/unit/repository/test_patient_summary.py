"""Which documents a summary tells of, and whom it names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ebrim.model import DocumentEntry, EntryType, Identifier, LocalText
from kernel.xml import Element, parse_xml
from repository.patient_summary import PatientSummary
from repository.ports import Draft
from tests.support.metadata import PATIENT, a_code, a_document_entry, a_submission
from tests.support.registries import MemoryRegistry
from tests.support.repositories import SUBJECT

V3 = "{urn:hl7-org:v3}"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
SUMMARY_CODE = (a_code("60591-5"),)
ENTRY = a_document_entry(
    id="urn:uuid:1",
    object_type=EntryType.ON_DEMAND.value,
    unique_ids=(Identifier("2.999.5"),),
    type_codes=SUMMARY_CODE,
    mime_type="text/xml",
    title=(LocalText("Summary"),),
)


def document(number: int, **changes: object) -> DocumentEntry:
    named = {"unique_ids": (Identifier(f"2.999.7.{number}"),), "title": (LocalText(f"Letter {number}"),)}
    return a_document_entry(id=f"Document{number:02}", **(named | changes))


def drafted(*documents: DocumentEntry, entry: DocumentEntry = ENTRY) -> Draft:
    registry = MemoryRegistry()
    registry.submissions.append(a_submission(*documents))
    return PatientSummary(registry).draft(entry, SUBJECT)


def root_of(draft: Draft) -> Element:
    return parse_xml(draft.render("2.25.1", NOW))


def listed(draft: Draft) -> list[str]:
    return [row[2].text or "" for row in root_of(draft).iter(f"{V3}tr") if row[0].tag == f"{V3}td"]


def test_every_document_of_the_patient_is_listed() -> None:
    assert listed(drafted(document(1), document(2, creation_time=("2025",)))) == ["Letter 1", "Letter 2"]


def test_a_document_that_fewer_may_read_than_the_summary_is_not_told_of() -> None:
    secret = document(2, confidentiality_codes=(a_code("N", "2.16.840.1.113883.5.25"), a_code("V", "2.16.840.1.113883.5.25")))
    namesake = document(3, confidentiality_codes=(a_code("N", "2.999.1"),))

    draft = drafted(document(1), secret, namesake)

    assert listed(draft) == ["Letter 1"]
    assert b"Letter 2" not in draft.render("2.25.1", NOW)


def test_a_summary_that_many_codes_are_set_on_tells_of_more() -> None:
    codes = (a_code("N", "2.16.840.1.113883.5.25"), a_code("V", "2.16.840.1.113883.5.25"))
    entry = a_document_entry(type_codes=SUMMARY_CODE, confidentiality_codes=codes)

    assert listed(drafted(document(1, confidentiality_codes=codes[1:]), entry=entry)) == ["Letter 1"]


def test_earlier_snapshots_are_not_listed_but_summaries_of_others_are() -> None:
    mine, others = document(1, type_codes=SUMMARY_CODE), document(2, type_codes=SUMMARY_CODE, repository_unique_id=("2.999.4",))

    assert listed(drafted(mine, others)) == ["Letter 2"]


def test_the_patient_is_named_by_the_newest_document_that_names_her() -> None:
    silent = document(1, creation_time=("20261101",))
    new = document(
        2, creation_time=("20261001",), source_patient_info=("PID-5|Rivera^Lena^M~Rivero^L", "PID-7|19840317", "PID-8|F")
    )
    old = document(3, creation_time=("2001",), source_patient_info=("PID-5|Smith^Lena", "PID-8|M"))

    role = next(root_of(drafted(silent, new, old)).iter(f"{V3}patientRole"))

    assert role.find(f"{V3}id").get("extension") == PATIENT.partition("^")[0]  # type: ignore[union-attr]
    assert [e.text for e in role.iter(f"{V3}given", f"{V3}family")] == ["Lena", "M", "Rivera"]
    assert [e.get("code") or e.get("value") for e in role.iter(f"{V3}administrativeGenderCode", f"{V3}birthTime")] == [
        "F",
        "19840317",
    ]


def test_authors_are_named_as_a_reader_expects() -> None:
    (row,) = [r for r in root_of(drafted(document(1))).iter(f"{V3}tr") if r[0].tag == f"{V3}td"]

    assert row[3].text == "Gerald Smitty"


@pytest.mark.parametrize("is_changed", [False, True])
def test_its_fingerprint_changes_with_what_it_says_and_not_with_time(is_changed: bool) -> None:
    one = drafted(document(1))
    other = drafted(document(1, title=(LocalText("Changed"),)) if is_changed else document(1))

    assert (one.fingerprint != other.fingerprint) is is_changed
    assert one.render("2.25.1", NOW) != one.render("2.25.1", NOW + timedelta(days=1))
