"""The single values the model shows of what was sent many times."""

from ebrim.model import EntryType, Identifier, LocalText, Slot, Submission
from tests.support.metadata import a_document_entry, a_folder, a_submission, a_submission_set


def test_the_first_of_several_identifiers_is_the_one_shown() -> None:
    entry = a_document_entry(unique_ids=(Identifier("1.2.3"), Identifier("1.2.4")), patient_ids=())

    assert entry.unique_id == "1.2.3"
    assert entry.patient_id == ""


def test_slots_of_one_name_give_their_values_together() -> None:
    entry = a_document_entry(slots=(Slot("urn:a", ("1",)), Slot("urn:b", ("x",)), Slot("urn:a", ("2", "3"))))

    assert entry.slot("urn:a") == ("1", "2", "3")
    assert entry.slot("urn:c") == ()


def test_an_entry_without_title_has_an_empty_one() -> None:
    assert a_document_entry(title=()).title_text == ""
    assert a_document_entry(title=(LocalText("Brief", "de"), LocalText("Letter", "en"))).title_text == "Brief"


def test_only_the_on_demand_type_is_on_demand() -> None:
    assert a_document_entry(object_type=EntryType.ON_DEMAND.value).is_on_demand
    assert not a_document_entry().is_on_demand


def test_the_objects_of_a_submission_are_entries_sets_and_folders() -> None:
    submission = a_submission(folders=(a_folder(),))

    assert [o.id for o in submission.objects()] == ["Document01", "SubmissionSet01", "Folder01"]
    assert Submission().submission_set is None
    assert submission.submission_set == a_submission_set()
    assert a_submission_set().source_id == "2.999.9.1"
    assert a_submission_set(source_ids=()).source_id == ""
