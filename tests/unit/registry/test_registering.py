"""Submissions on a real database: what is stored, what changes with it, and what is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ebrim.model import Association, AssociationType, DocumentEntry, EntryType, Identifier, Slot, Status, Submission
from ebrim.query import quoted, quoted_list
from ebrim.uuids import QueryId
from kernel.errors import Condition, Rejected
from registry.tables import METADATA
from tests.conftest import MakeDatabase
from tests.support.metadata import (
    PATIENT,
    a_document_entry,
    a_folder,
    a_membership,
    a_submission,
    a_submission_set,
)
from tests.support.registry import APPROVED, DEPRECATED, OTHER_PATIENT, SUBJECT, Registry, a_registry

BOTH = (APPROVED, DEPRECATED)


@pytest.fixture
def registry(make_database: MakeDatabase) -> Registry:
    return a_registry(make_database(METADATA))


def numbered(number: int, *more: Association, entry: dict[str, Any] | None = None, **changes: Any) -> Submission:
    """A submission with uniqueIds of its own: the entry's is 2.999.7.<number>."""
    own: dict[str, Any] = {"submission_sets": (a_submission_set(unique_ids=(Identifier(f"2.999.8.{number}"),)),)}
    brought = a_document_entry(**({"unique_ids": (Identifier(f"2.999.7.{number}"),)} | (entry or {})))
    whole = a_submission(brought, **(own | changes))
    return replace(whole, associations=(*whole.associations, *more))


def related(type_: AssociationType, target: str) -> Association:
    """From the new entry to a registered one."""
    return Association(id="rel", type=type_.value, source="Document01", target=target)


def entries(registry: Registry, patient_id: str = PATIENT) -> dict[str, DocumentEntry]:
    """Every entry of the patient by uniqueId."""
    return {e.unique_id: e for e in registry.find(status=BOTH, patient_id=patient_id).objects.entries}


def everything(registry: Registry, patient_id: str = PATIENT) -> Submission:
    """GetAll."""
    return registry.ask(
        QueryId.GET_ALL,
        ("$patientId", quoted(patient_id)),
        ("$XDSDocumentEntryStatus", quoted_list(BOTH)),
        ("$XDSSubmissionSetStatus", quoted_list(BOTH)),
        ("$XDSFolderStatus", quoted_list(BOTH)),
    ).objects


def refused(act: Callable[[], object]) -> list[Condition]:
    """The conditions of what an act is refused for."""
    with pytest.raises(Rejected) as caught:
        act()
    return [v.condition for v in caught.value.violations if v.is_error]


def test_a_registered_entry_is_approved_has_version_1_and_its_own_logical_id(registry: Registry) -> None:
    registry.register(a_submission())

    (entry,) = registry.find().objects.entries
    assert (entry.status, entry.version, entry.logical_id) == (Status.APPROVED.value, "1", entry.id)
    assert entry.id.startswith("urn:uuid:")


def test_what_was_sent_is_what_is_shown(registry: Registry) -> None:
    sent = a_document_entry(slots=(Slot("urn:example:ward", ("7", "8")),), service_start_time=("202601",))

    registry.register(a_submission(sent))

    (shown,) = registry.find().objects.entries
    ids: dict[str, Any] = {"id": sent.id, "logical_id": "", "version": "", "status": "", "sub_ids": ()}
    parts: dict[str, Any] = {name: getattr(sent, name) for name in ("patient_ids", "unique_ids", "authors")}
    codes: dict[str, Any] = {name: getattr(sent, name) for name in DocumentEntry.__dataclass_fields__ if name.endswith("_codes")}
    assert replace(shown, **ids, **parts, **codes) == sent
    assert [c.code for c in shown.type_codes] == [c.code for c in sent.type_codes]
    assert shown.authors[0].person == sent.authors[0].person


def test_a_submission_leaves_its_set_its_entry_and_the_membership(registry: Registry) -> None:
    registry.register(a_submission())

    held = everything(registry)
    (association,) = held.associations
    assert association.type == AssociationType.HAS_MEMBER.value
    assert (association.source, association.target) == (held.submission_sets[0].id, held.entries[0].id)
    assert association.slot("SubmissionSetStatus") == ("Original",)


def test_a_chosen_uuid_is_kept(registry: Registry) -> None:
    chosen = "urn:uuid:11111111-1111-4111-8111-111111111111"

    registry.register(a_submission(a_document_entry(id=chosen)))

    assert registry.find().objects.entries[0].id == chosen
    assert refused(lambda: registry.register(numbered(2, entry={"id": chosen}, associations=(a_membership(target=chosen),)))) == [
        Condition.METADATA_INVALID
    ]


def test_a_refused_submission_stores_nothing(registry: Registry) -> None:
    good, bad = a_document_entry(), a_document_entry(id="Document02", unique_ids=(Identifier("2.999.7.2"),), hash=())

    assert refused(lambda: registry.register(a_submission(good, bad))) == [Condition.METADATA_INVALID]

    held = everything(registry)
    assert (held.entries, held.submission_sets, held.associations) == ((), (), ())


def test_all_faults_of_message_and_registry_come_in_one_answer(registry: Registry) -> None:
    registry.register(a_submission())
    bad = a_document_entry(hash=("0" * 40,), class_codes=(), patient_ids=(Identifier(OTHER_PATIENT),))

    assert refused(lambda: registry.register(a_submission(bad))) == [
        Condition.METADATA_INVALID,
        Condition.PATIENT_MISMATCH,
        Condition.HASH_DIFFERS,
        Condition.UNIQUE_ID_IN_USE,
    ]


def test_an_unknown_patient_is_refused_with_whatever_else_is_wrong(registry: Registry) -> None:
    registry.register(a_submission())
    registry.patients.known.clear()

    assert refused(lambda: registry.register(a_submission())) == [Condition.PATIENT_UNKNOWN, Condition.UNIQUE_ID_IN_USE]


def test_the_same_document_may_be_registered_again(registry: Registry) -> None:
    registry.register(a_submission())

    registry.register(numbered(2, entry={"unique_ids": (Identifier("2.999.7.1"),)}))

    assert registry.found() == ["2.999.7.1", "2.999.7.1"]


def test_a_warning_travels_with_success(registry: Registry) -> None:
    registry.codes.unregulated.add("typeCode")

    warnings = registry.service.register(a_submission(), SUBJECT)

    assert [(v.condition, v.is_error) for v in warnings] == [(Condition.METADATA_INVALID, False)]


def test_more_objects_than_the_limit_are_refused(make_database: MakeDatabase) -> None:
    registry = a_registry(make_database(METADATA), max_objects=2)
    one, other = a_document_entry(), a_document_entry(id="Document02", unique_ids=(Identifier("2.999.7.2"),))

    assert refused(lambda: registry.register(a_submission(one, other))) == [Condition.TOO_LARGE]


def test_a_submission_larger_than_one_statement_is_filed_whole(registry: Registry) -> None:
    many = [a_document_entry(id=f"D{n}", unique_ids=(Identifier(f"2.999.7.{n}"),)) for n in range(50)]

    registry.register(a_submission(*many))

    held = everything(registry)
    assert (len(held.entries), len(held.associations)) == (50, 50)


def test_a_replaced_entry_is_deprecated_in_the_same_commit(registry: Registry) -> None:
    registry.register(numbered(1))
    old = entries(registry)["2.999.7.1"].id

    registry.register(numbered(2, related(AssociationType.RPLC, old)))

    assert {u: e.status for u, e in entries(registry).items()} == {"2.999.7.1": DEPRECATED, "2.999.7.2": APPROVED}
    assert registry.found() == ["2.999.7.2"]


@pytest.mark.parametrize("type_", [AssociationType.RPLC, AssociationType.XFRM_RPLC])
def test_what_was_appended_or_transformed_goes_with_the_replaced_entry(registry: Registry, type_: AssociationType) -> None:
    registry.register(numbered(1))
    first = entries(registry)["2.999.7.1"].id
    registry.register(numbered(2, related(AssociationType.APND, first)))
    registry.register(numbered(3, related(AssociationType.XFRM, entries(registry)["2.999.7.2"].id)))
    registry.register(numbered(4, related(AssociationType.SIGNS, first)))

    registry.register(numbered(5, related(type_, first)))

    assert registry.found() == ["2.999.7.4", "2.999.7.5"]


@pytest.mark.parametrize("type_", [AssociationType.APND, AssociationType.XFRM, AssociationType.SIGNS])
def test_other_relationships_leave_their_target_approved(registry: Registry, type_: AssociationType) -> None:
    registry.register(numbered(1))

    registry.register(numbered(2, related(type_, entries(registry)["2.999.7.1"].id)))

    assert registry.found() == ["2.999.7.1", "2.999.7.2"]


def test_a_deprecated_entry_is_replaced_no_more(registry: Registry) -> None:
    registry.register(numbered(1))
    old = entries(registry)["2.999.7.1"].id
    registry.register(numbered(2, related(AssociationType.RPLC, old)))

    assert refused(lambda: registry.register(numbered(3, related(AssociationType.RPLC, old)))) == [Condition.TARGET_DEPRECATED]


def filled_folder(number: int) -> Submission:
    """A submission that brings a folder with its entry in it."""
    return numbered(
        number,
        a_membership(target="Folder01", slots=()),
        a_membership(source="Folder01", target="Document01", id="in-folder", slots=()),
        a_membership(target="in-folder", id="fd-de", slots=()),
        folders=(a_folder(unique_ids=(Identifier(f"2.999.10.{number}"),)),),
    )


def test_a_new_folder_has_the_time_of_its_registration(registry: Registry) -> None:
    registry.register(filled_folder(1))

    (folder,) = everything(registry).folders
    assert len(folder.last_update_time[0]) == 14
    assert folder.last_update_time[0].startswith("202611221000")
    assert (folder.status, folder.version, folder.logical_id) == (APPROVED, "1", folder.id)


def test_a_replacement_joins_the_folders_of_the_replaced_entry(registry: Registry) -> None:
    registry.register(filled_folder(1))
    before = everything(registry)
    old, folder = before.entries[0], before.folders[0]

    registry.register(numbered(2, related(AssociationType.RPLC, old.id)))

    held = everything(registry)
    new = next(e for e in held.entries if e.unique_id == "2.999.7.2")
    (joined,) = (a for a in held.associations if (a.source, a.target) == (folder.id, new.id))
    newest_set = next(s for s in held.submission_sets if s.unique_id == "2.999.8.2")
    assert [a.source for a in held.associations if a.target == joined.id] == [newest_set.id]
    assert held.folders[0].last_update_time > folder.last_update_time


def test_a_replacement_that_joins_the_folder_by_itself_does_so_once(registry: Registry) -> None:
    registry.register(filled_folder(1))
    before = everything(registry)
    old, folder = before.entries[0], before.folders[0]
    own = a_membership(source=folder.id, target="Document01", id="own", slots=())

    registry.register(numbered(2, related(AssociationType.RPLC, old.id), own, a_membership(target="own", id="m2", slots=())))

    held = everything(registry)
    new = next(e for e in held.entries if e.unique_id == "2.999.7.2")
    assert len([a for a in held.associations if (a.source, a.target) == (folder.id, new.id)]) == 1


def test_an_entry_that_joins_a_folder_renews_its_time(registry: Registry) -> None:
    registry.register(filled_folder(1))
    (folder,) = everything(registry).folders
    joining = a_membership(source=folder.id, target="Document01", id="join", slots=())

    registry.register(numbered(2, joining, a_membership(target="join", id="m2", slots=())))

    assert everything(registry).folders[0].last_update_time > folder.last_update_time


def test_a_document_is_found_under_the_survivor_and_back_after_the_merge_is_undone(registry: Registry) -> None:
    registry.register(numbered(1, entry={"patient_ids": (Identifier(OTHER_PATIENT),)}, submission_sets=(other_set(),)))

    registry.patients.merged[OTHER_PATIENT] = PATIENT
    (merged,) = registry.find().objects.entries
    of_subsumed = registry.found(patient_id=OTHER_PATIENT)
    registry.register(numbered(2))
    registry.patients.merged.clear()

    assert merged.patient_id == PATIENT
    assert of_subsumed == []
    assert registry.found() == ["2.999.7.2"]
    assert registry.found(patient_id=OTHER_PATIENT) == ["2.999.7.1"]


def other_set() -> Any:
    """A set of the other patient."""
    return a_submission_set(patient_ids=(Identifier(OTHER_PATIENT),))


def test_a_document_filed_before_the_merge_may_be_replaced_after_it(registry: Registry) -> None:
    registry.register(numbered(1, entry={"patient_ids": (Identifier(OTHER_PATIENT),)}, submission_sets=(other_set(),)))
    old = entries(registry, OTHER_PATIENT)["2.999.7.1"].id
    registry.patients.merged[OTHER_PATIENT] = PATIENT

    registry.register(numbered(2, related(AssociationType.RPLC, old)))

    assert {u: e.status for u, e in entries(registry).items()} == {"2.999.7.1": DEPRECATED, "2.999.7.2": APPROVED}


def test_on_demand_entries_have_their_own_transaction(registry: Registry) -> None:
    entry = {"object_type": EntryType.ON_DEMAND.value, "creation_time": (), "hash": (), "size": ()}

    assert refused(lambda: registry.register(numbered(1, entry=entry)))[0] is Condition.METADATA_INVALID
    registry.service.register_on_demand(numbered(1, entry=entry), SUBJECT)

    on_demand = ("$XDSDocumentEntryType", quoted_list([EntryType.ON_DEMAND.value]))
    assert (registry.found(), registry.found(on_demand)) == ([], ["2.999.7.1"])


def test_a_snapshot_is_registered_of_an_on_demand_entry(registry: Registry) -> None:
    entry = {"object_type": EntryType.ON_DEMAND.value, "creation_time": (), "hash": (), "size": ()}
    registry.service.register_on_demand(numbered(1, entry=entry), SUBJECT)
    (source,) = registry.find(("$XDSDocumentEntryType", quoted_list([EntryType.ON_DEMAND.value]))).objects.entries

    registry.register(numbered(2, related(AssociationType.IS_SNAPSHOT_OF, source.id)))

    assert registry.found() == ["2.999.7.2"]


def in_parallel(*acts: Callable[[], object]) -> list[Exception | None]:
    """Runs all at once; gives what each raised."""
    raised: list[Exception | None] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(number: int) -> None:
        start.wait(10)
        try:
            acts[number]()
        except Exception as problem:
            raised[number] = problem

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return raised


def test_of_two_sets_with_one_unique_id_at_the_same_instant_one_is_registered(registry: Registry) -> None:
    same = a_submission_set()
    raised = in_parallel(*(lambda n=n: registry.register(numbered(n, submission_sets=(same,))) for n in range(4)))

    refusals = [problem for problem in raised if problem is not None]
    assert len(refusals) == 3
    assert {p.condition for p in refusals if isinstance(p, Rejected)} == {Condition.UNIQUE_ID_IN_USE}
    assert len(registry.found()) == 1


def test_of_two_documents_with_one_unique_id_at_the_same_instant_one_content_wins(registry: Registry) -> None:
    contents = ["a" * 40, "b" * 40, "c" * 40, "d" * 40]
    one_id = (Identifier("2.999.7.1"),)
    raised = in_parallel(
        *(
            lambda n=n, text=text: registry.register(numbered(n, entry={"unique_ids": one_id, "hash": (text,)}))
            for n, text in enumerate(contents)
        )
    )

    refusals = [problem for problem in raised if problem is not None]
    assert {p.condition for p in refusals if isinstance(p, Rejected)} == {Condition.HASH_DIFFERS}
    assert (len(refusals), len(registry.found())) == (3, 1)


def test_the_same_document_sent_many_times_at_once_is_registered_each_time(registry: Registry) -> None:
    one_id = {"unique_ids": (Identifier("2.999.7.1"),)}

    raised = in_parallel(*(lambda n=n: registry.register(numbered(n, entry=one_id)) for n in range(6)))

    assert raised == [None] * 6
    assert registry.found() == ["2.999.7.1"] * 6


def test_of_several_replacements_of_one_entry_exactly_one_wins(registry: Registry) -> None:
    registry.register(numbered(1))
    old = entries(registry)["2.999.7.1"].id

    raised = in_parallel(*(lambda n=n: registry.register(numbered(n, related(AssociationType.RPLC, old))) for n in range(2, 7)))

    refusals = [problem for problem in raised if problem is not None]
    assert {p.condition for p in refusals if isinstance(p, Rejected)} == {Condition.TARGET_DEPRECATED}
    assert (len(refusals), len(registry.found())) == (4, 1)
