"""Each parameter as a condition: FindDocuments and the other queries that look for objects of patients."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ebrim.model import Author, DocumentEntry, EntryType, Identifier, LocalText, Submission
from ebrim.query import OBJECT_REF, quoted, quoted_list
from ebrim.uuids import DOCUMENT_OFFLINE, QueryId
from kernel.errors import Condition, Rejected
from registry.queries.conditions import matches_like
from registry.tables import METADATA
from tests.conftest import MakeDatabase
from tests.support.metadata import PATIENT, a_code, a_document_entry, a_folder, a_membership, a_submission, a_submission_set
from tests.support.registry import APPROVED, OTHER_PATIENT, SUBJECT, Registry, a_registry

E = "$XDSDocumentEntry"
OF_PATIENT = (f"{E}PatientId", quoted(PATIENT))
IS_APPROVED = (f"{E}Status", quoted_list([APPROVED]))


@pytest.fixture
def registry(make_database: MakeDatabase) -> Registry:
    return a_registry(make_database(METADATA))


def entry(number: int, **changes: Any) -> DocumentEntry:
    """An entry with the uniqueId 2.999.7.<number>."""
    return a_document_entry(**({"id": f"D{number}", "unique_ids": (Identifier(f"2.999.7.{number}"),)} | changes))


def with_set(number: int, *entries: DocumentEntry, **changes: Any) -> Submission:
    """A submission with the set 2.999.8.<number>."""
    own: dict[str, Any] = {"submission_sets": (a_submission_set(unique_ids=(Identifier(f"2.999.8.{number}"),)),)}
    return a_submission(*entries, **(own | changes))


def three(registry: Registry, *changes: dict[str, Any]) -> None:
    """Registers entries 1, 2 and 3 with these changes."""
    registry.register(with_set(1, *(entry(number, **change) for number, change in enumerate(changes, 1))))


def numbers(registry: Registry, *slots: tuple[str, str]) -> list[int]:
    """The numbers of the entries that FindDocuments finds."""
    return [int(unique_id.rpartition(".")[2]) for unique_id in registry.found(*slots)]


CODES = {
    "class_codes": "ClassCode",
    "type_codes": "TypeCode",
    "practice_codes": "PracticeSettingCode",
    "facility_codes": "HealthcareFacilityTypeCode",
    "format_codes": "FormatCode",
    "event_codes": "EventCodeList",
    "confidentiality_codes": "ConfidentialityCode",
}


@pytest.mark.parametrize(("field", "name"), CODES.items())
def test_entries_are_found_by_code_and_scheme(registry: Registry, field: str, name: str) -> None:
    one, other = a_code("A", "1.2"), a_code("A", "1.3")
    three(registry, {field: (one,)}, {field: (other,)}, {field: (a_code("AB", "1.2"),)})

    assert numbers(registry, (f"{E}{name}", "('A^^1.2')")) == [1]
    assert numbers(registry, (f"{E}{name}", "('A^^1.2','A^^1.3')")) == [1, 2]
    assert numbers(registry, (f"{E}{name}", "('B^^1.2')")) == []


@pytest.mark.parametrize(("field", "name"), [("event_codes", "EventCodeList"), ("confidentiality_codes", "ConfidentialityCode")])
def test_several_slots_of_one_name_are_joined_with_and(registry: Registry, field: str, name: str) -> None:
    a, b, c = (a_code(text, "1.2") for text in "ABC")
    three(registry, {field: (a, b)}, {field: (a, c)}, {field: (b, c)})

    both = [(f"{E}{name}", "('A^^1.2')"), (f"{E}{name}", "('B^^1.2','C^^1.2')")]

    assert numbers(registry, *both) == [1, 2]
    assert numbers(registry, both[0], (f"{E}{name}", "('B^^1.2')")) == [1]


TIMES = {"creation_time": "CreationTime", "service_start_time": "ServiceStartTime", "service_stop_time": "ServiceStopTime"}


@pytest.mark.parametrize(("field", "name"), TIMES.items())
def test_a_range_of_time_holds_its_start_and_not_its_end(registry: Registry, field: str, name: str) -> None:
    three(registry, {field: ("20260101",)}, {field: ("20260102",)}, {field: ("202601031200",)})

    assert numbers(registry, (f"{E}{name}From", "20260102")) == [2, 3]
    assert numbers(registry, (f"{E}{name}To", "20260102")) == [1]
    assert numbers(registry, (f"{E}{name}From", "'20260101000001'"), (f"{E}{name}To", "20260103120001")) == [2, 3]
    assert numbers(registry, (f"{E}{name}From", "2026"), (f"{E}{name}To", "202602")) == [1, 2, 3]


def test_an_entry_without_service_times_is_not_left_out_by_them(registry: Registry) -> None:
    three(registry, {}, {"service_start_time": ("2025",)}, {"service_start_time": ("2027",)})

    assert numbers(registry, (f"{E}ServiceStartTimeFrom", "2026")) == [1, 3]


def test_the_author_is_matched_by_pattern_with_regard_to_case(registry: Registry) -> None:
    def by(*persons: str) -> dict[str, Any]:
        return {"authors": tuple(Author(person=(person,)) for person in persons)}

    three(registry, by("^Smith^Anna"), by("1^Jones^Bob", "^Smith^Bob"), by("^smithers^Carl"))

    assert numbers(registry, (f"{E}AuthorPerson", "('^Smith^%')")) == [1, 2]
    assert numbers(registry, (f"{E}AuthorPerson", "('%Smith%')")) == [1, 2]
    assert numbers(registry, (f"{E}AuthorPerson", "('^Smith^Ann_','%Carl')")) == [1, 3]
    assert numbers(registry, (f"{E}AuthorPerson", "('%Jones%Smith%')")) == []
    assert numbers(registry, (f"{E}AuthorPerson", "('^Smith*','^Smith?Bob')")) == []


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "", True),
        ("", "a", False),
        ("%", "", True),
        ("_", "", False),
        ("a%b%c", "aXbYbZc", True),
        ("a%b%c", "aXbYbZ", False),
        ("%a_", "aab", True),
        ("a.c", "abc", False),
        ("%" + "a%" * 19, "a" * 5_000 + "b", True),
        ("%" + "a%" * 18 + "c", "a" * 5_000 + "b", False),
    ],
)
def test_a_pattern_is_matched_in_time(pattern: str, text: str, expected: bool) -> None:
    assert matches_like(pattern, text) is expected


def test_stable_entries_are_found_unless_another_type_is_asked_for(registry: Registry) -> None:
    three(registry, {})
    on_demand = entry(2, object_type=EntryType.ON_DEMAND.value, creation_time=(), hash=(), size=())
    registry.service.register_on_demand(with_set(2, on_demand), SUBJECT)
    stable, made = EntryType.STABLE.value, EntryType.ON_DEMAND.value

    assert numbers(registry) == [1]
    assert numbers(registry, (f"{E}Type", quoted_list([made]))) == [2]
    assert numbers(registry, (f"{E}Type", quoted_list([stable, made]))) == [1, 2]
    assert numbers(registry, (f"{E}Type", quoted_list([stable, made])), (f"{E}CreationTimeTo", "2000")) == [2]


def test_offline_entries_are_shown_at_the_second_level(registry: Registry) -> None:
    three(registry, {}, {"document_availability": (DOCUMENT_OFFLINE,)})

    assert numbers(registry) == [1]
    assert numbers(registry, ("$MetadataLevel", "1")) == [1]
    assert numbers(registry, ("$MetadataLevel", "2")) == [1, 2]
    assert numbers(registry, ("$MetadataLevel", "2"), (f"{E}DocumentAvailability", quoted_list([DOCUMENT_OFFLINE]))) == [2]


def test_nothing_of_another_patient_is_found(registry: Registry) -> None:
    three(registry, {})
    whose = (Identifier(OTHER_PATIENT),)
    registry.register(
        with_set(
            2,
            entry(2, patient_ids=whose),
            submission_sets=(a_submission_set(patient_ids=whose, unique_ids=(Identifier("2.999.8.2"),)),),
        )
    )

    assert registry.found() == ["2.999.7.1"]
    assert registry.found(patient_id=OTHER_PATIENT) == ["2.999.7.2"]
    assert registry.found(patient_id=PATIENT.replace("P-1", "P-9")) == []


def test_an_unknown_patient_may_be_an_error_by_setting(make_database: MakeDatabase) -> None:
    registry = a_registry(make_database(METADATA), unknown_patient_is_error=True)

    with pytest.raises(Rejected) as caught:
        registry.found(patient_id=PATIENT.replace("P-1", "P-9"))

    assert caught.value.condition is Condition.PATIENT_UNKNOWN


def test_references_name_the_same_objects(registry: Registry) -> None:
    three(registry, {}, {}, {})
    whole = registry.ask(QueryId.FIND_DOCUMENTS, OF_PATIENT, IS_APPROVED).objects.entries

    refs = registry.ask(QueryId.FIND_DOCUMENTS, OF_PATIENT, IS_APPROVED, return_type=OBJECT_REF).refs

    assert {ref.id for ref in refs} == {e.id for e in whole}
    assert len(refs) == 3


def test_too_many_results_are_refused_in_full_and_given_as_references(make_database: MakeDatabase) -> None:
    registry = a_registry(make_database(METADATA), max_results=2, max_references=3)
    three(registry, {}, {})
    assert numbers(registry) == [1, 2]
    registry.register(with_set(2, entry(3)))

    with pytest.raises(Rejected) as caught:
        numbers(registry)

    assert caught.value.condition is Condition.TOO_MANY_RESULTS
    assert len(registry.ask(QueryId.FIND_DOCUMENTS, OF_PATIENT, IS_APPROVED, return_type=OBJECT_REF).refs) == 3


def test_documents_are_found_by_reference_id(registry: Registry) -> None:
    def refers(*ids: str) -> dict[str, Any]:
        return {"reference_id_list": tuple(f"{i}^^^&1.2&ISO^urn:ihe:iti:xds:2013:accession" for i in ids)}

    three(registry, refers("A1", "A2"), refers("A2"), {})

    def found(*patterns: str) -> list[str]:
        slots = [(f"{E}ReferenceIdList", pattern) for pattern in patterns]
        answer = registry.ask(QueryId.FIND_DOCUMENTS_BY_REFERENCE_ID, OF_PATIENT, IS_APPROVED, *slots)
        return sorted(e.unique_id[-1] for e in answer.objects.entries)

    assert found("('A1^^^&1.2&ISO^urn:ihe:iti:xds:2013:accession')") == ["1"]
    assert found("('A_^^^&1.2&ISO^%')") == ["1", "2"]
    assert found("('A1^%')", "('A2^%')") == ["1"]
    assert found("('A1','a1^%')") == []


def test_documents_are_found_by_title(registry: Registry) -> None:
    three(registry, {"title": (LocalText("Letter 1", "en"),)}, {"title": (LocalText("Report", "en"),)}, {"title": ()})

    answer = registry.ask(QueryId.FIND_DOCUMENTS_BY_TITLE, OF_PATIENT, IS_APPROVED, (f"{E}Title", "('%ette%')"))

    assert [e.unique_id for e in answer.objects.entries] == ["2.999.7.1"]


@pytest.mark.parametrize(("field", "name"), CODES.items())
def test_documents_with_a_code_can_be_left_out(registry: Registry, field: str, name: str) -> None:
    three(registry, {field: (a_code("A", "1.2"),)}, {field: (a_code("B", "1.2"),)}, {})

    answer = registry.ask(QueryId.FIND_DOCUMENTS_EXCLUDE, OF_PATIENT, IS_APPROVED, (f"{E}{name}Exclude", "('A^^1.2')"))

    assert sorted(e.unique_id for e in answer.objects.entries) == ["2.999.7.2", "2.999.7.3"]


def test_documents_of_an_author_or_with_a_reference_can_be_left_out(registry: Registry) -> None:
    anna, bob = Author(person=("^Smith^Anna",)), Author(person=("^Jones^Bob",))
    refers = ("A1^^^&1.2&ISO^urn:ihe:iti:xds:2013:accession",)
    three(registry, {"authors": (anna, bob)}, {"authors": (bob,), "reference_id_list": refers}, {"authors": ()})

    def left(name: str, pattern: str) -> list[str]:
        answer = registry.ask(QueryId.FIND_DOCUMENTS_EXCLUDE, OF_PATIENT, IS_APPROVED, (f"{E}{name}Exclude", pattern))
        return sorted(e.unique_id[-1] for e in answer.objects.entries)

    assert left("AuthorPerson", "('^Smith%')") == ["2", "3"]
    assert left("AuthorPerson", "('%Smith%Jones%')") == ["1", "2", "3"]
    assert left("ReferenceIdList", "('A1^%')") == ["1", "3"]


def test_a_code_cannot_be_asked_for_and_left_out_at_once(registry: Registry) -> None:
    with pytest.raises(Rejected) as caught:
        registry.ask(
            QueryId.FIND_DOCUMENTS_EXCLUDE,
            OF_PATIENT,
            IS_APPROVED,
            (f"{E}ClassCode", "('A^^1')"),
            (f"{E}ClassCodeExclude", "('A^^1')"),
        )

    assert caught.value.condition is Condition.PARAMETER_COUNT


S = "$XDSSubmissionSet"


def test_submission_sets_are_found_with_every_parameter(registry: Registry) -> None:
    def a_set(number: int, **changes: Any) -> Submission:
        whole = a_submission_set(**({"unique_ids": (Identifier(f"2.999.8.{number}"),)} | changes))
        return a_submission(entry(number), submission_sets=(whole,))

    registry.register(a_set(1, source_ids=(Identifier("2.999.9.7"),), authors=(Author(person=("^Smith^Anna",)),)))
    registry.register(a_set(2, submission_time=("2027",), content_type_codes=(a_code("A", "1.2"),)))

    def found(*slots: tuple[str, str]) -> list[str]:
        asked = ((f"{S}PatientId", quoted(PATIENT)), (f"{S}Status", quoted_list([APPROVED])), *slots)
        return sorted(s.unique_id[-1] for s in registry.ask(QueryId.FIND_SUBMISSION_SETS, *asked).objects.submission_sets)

    assert found() == ["1", "2"]
    assert found((f"{S}SourceId", "('2.999.9.7')")) == ["1"]
    assert found((f"{S}SubmissionTimeFrom", "2027")) == ["2"]
    assert found((f"{S}SubmissionTimeTo", "2027")) == ["1"]
    assert found((f"{S}AuthorPerson", "'%Anna'")) == ["1"]
    assert found((f"{S}ContentType", "('A^^1.2')")) == ["2"]


F = "$XDSFolder"


def test_folders_are_found_with_every_parameter(registry: Registry) -> None:
    codes = {1: ("A", "B"), 2: ("B",)}
    for number, held in codes.items():
        folder = a_folder(id="F", unique_ids=(Identifier(f"2.999.10.{number}"),), codes=tuple(a_code(code, "1.2") for code in held))
        whole = with_set(number, entry(number), folders=(folder,))
        registry.register(replace(whole, associations=(*whole.associations, a_membership(target="F", slots=()))))

    def found(*slots: tuple[str, str]) -> list[str]:
        asked = ((f"{F}PatientId", quoted(PATIENT)), (f"{F}Status", quoted_list([APPROVED])), *slots)
        return sorted(f.unique_id[-1] for f in registry.ask(QueryId.FIND_FOLDERS, *asked).objects.folders)

    assert found() == ["1", "2"]
    assert found((f"{F}CodeList", "('A^^1.2')")) == ["1"]
    assert found((f"{F}CodeList", "('A^^1.2')"), (f"{F}CodeList", "('B^^1.2')")) == ["1"]
    assert found((f"{F}LastUpdateTimeFrom", "2026")) == ["1", "2"]
    assert found((f"{F}LastUpdateTimeTo", "2026")) == []


def two_patients(registry: Registry) -> None:
    """Entry 1 of one patient and entry 2 of another."""
    three(registry, {"class_codes": (a_code("A", "1.2"),)})
    whose = (Identifier(OTHER_PATIENT),)
    other = a_submission_set(patient_ids=whose, unique_ids=(Identifier("2.999.8.2"),))
    second = entry(2, patient_ids=whose, class_codes=(a_code("A", "1.2"),))
    registry.register(a_submission(second, submission_sets=(other,)))


def test_documents_of_several_patients_are_each_shown_with_their_own_id(registry: Registry) -> None:
    two_patients(registry)

    answer = registry.ask(
        QueryId.FIND_DOCUMENTS_FOR_MULTIPLE_PATIENTS, (f"{E}PatientId", quoted_list([PATIENT, OTHER_PATIENT])), IS_APPROVED
    )

    assert {e.unique_id: e.patient_id for e in answer.objects.entries} == {"2.999.7.1": PATIENT, "2.999.7.2": OTHER_PATIENT}


def test_documents_of_all_patients_are_found_by_code(registry: Registry) -> None:
    two_patients(registry)

    found = registry.ask(QueryId.FIND_DOCUMENTS_FOR_MULTIPLE_PATIENTS, (f"{E}ClassCode", "('A^^1.2')"), IS_APPROVED)

    assert sorted(e.patient_id for e in found.objects.entries) == [PATIENT, OTHER_PATIENT]


def test_a_query_over_several_patients_needs_one_thing_to_go_by(registry: Registry) -> None:
    with pytest.raises(Rejected) as caught:
        registry.ask(QueryId.FIND_DOCUMENTS_FOR_MULTIPLE_PATIENTS, IS_APPROVED)

    assert caught.value.condition is Condition.PARAMETER_MISSING


def test_merged_patients_are_one_in_a_query_over_several(registry: Registry) -> None:
    two_patients(registry)
    registry.patients.merged[OTHER_PATIENT] = PATIENT

    answer = registry.ask(QueryId.FIND_DOCUMENTS_FOR_MULTIPLE_PATIENTS, (f"{E}ClassCode", "('A^^1.2')"), IS_APPROVED)

    assert [e.patient_id for e in answer.objects.entries] == [PATIENT, PATIENT]
