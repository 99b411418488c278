"""Queries by id, and those that follow associations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from ebrim.model import Association, AssociationType, Identifier, Slot, Submission
from ebrim.query import OBJECT_REF, quoted, quoted_list
from ebrim.responses import QueryAnswer
from ebrim.uuids import QueryId
from kernel.errors import Condition, Rejected
from registry.queries.catalogue import Family
from registry.queries.families import FAMILIES
from registry.tables import METADATA
from tests.conftest import MakeDatabase
from tests.support.metadata import PATIENT, a_code, a_document_entry, a_folder, a_membership, a_submission, a_submission_set
from tests.support.registry import APPROVED, DEPRECATED, OTHER_PATIENT, Registry, a_registry

E, S, F = "$XDSDocumentEntry", "$XDSSubmissionSet", "$XDSFolder"
UNKNOWN = "urn:uuid:99999999-9999-4999-8999-999999999999"


@dataclass
class World:
    """A registry in which entry 1 was appended to by 2 and replaced by 3, with entry 1, and so 3, in a folder of the first set."""

    registry: Registry
    names: dict[str, str]
    """entryUUID by a name: e1, s1, f1, or the type of the association and its ends."""

    def ask(self, query: QueryId, *slots: tuple[str, str], **more: str) -> set[str]:
        """The names of what a query finds."""
        return self.named(self.registry.ask(query, *slots, **more))

    def named(self, answer: QueryAnswer) -> set[str]:
        """The names of the objects of an answer."""
        known = {uuid: name for name, uuid in self.names.items()}
        objects = answer.objects
        ids = [obj.id for obj in (*objects.objects(), *answer.refs)] + [a.id for a in objects.associations]
        return {known[uuid] for uuid in ids}


def numbered(number: int, *more: Association, **changes: Any) -> Submission:
    """The entry and set of this number."""
    entry = a_document_entry(
        unique_ids=(Identifier(f"2.999.7.{number}"),), confidentiality_codes=(a_code("N" if number == 1 else "R", "1.2"),)
    )
    own = a_submission_set(unique_ids=(Identifier(f"2.999.8.{number}"),))
    whole = a_submission(entry, submission_sets=(own,), **changes)
    return replace(whole, associations=(*whole.associations, *more))


def everything(registry: Registry) -> Submission:
    """GetAll, deprecated objects included."""
    both = quoted_list([APPROVED, DEPRECATED])
    statuses = [(f"{kind}Status", both) for kind in (E, S, F)]
    return registry.ask(QueryId.GET_ALL, ("$patientId", quoted(PATIENT)), *statuses).objects


def _names(held: Submission) -> dict[str, str]:
    names = {f"e{e.unique_id[-1]}": e.id for e in held.entries}
    names |= {f"s{s.unique_id[-1]}": s.id for s in held.submission_sets}
    names |= {f"f{f.unique_id[-1]}": f.id for f in held.folders}
    by_id = {uuid: name for name, uuid in names.items()}
    of_folders = [a for a in held.associations if a.source in by_id and a.target in by_id]
    for a in of_folders:
        name = f"{a.type.rpartition(':')[2]} {by_id[a.source]}-{by_id[a.target]}"
        names[name] = a.id
    by_id = {uuid: name for name, uuid in names.items()}
    for a in held.associations:
        if a not in of_folders:
            names[f"HasMember {by_id[a.source]}-({by_id[a.target]})"] = a.id
    return names


@pytest.fixture
def world(make_database: MakeDatabase) -> World:
    registry = a_registry(make_database(METADATA))
    in_folder = (
        a_membership(target="Folder01", slots=()),
        a_membership(source="Folder01", target="Document01", id="in-folder", slots=()),
        a_membership(target="in-folder", id="fd-de", slots=()),
    )
    registry.register(numbered(1, *in_folder, folders=(a_folder(),)))
    first = everything(registry).entries[0].id
    registry.register(numbered(2, Association(id="r", type=AssociationType.APND.value, source="Document01", target=first)))
    registry.register(numbered(3, Association(id="r", type=AssociationType.RPLC.value, source="Document01", target=first)))
    return World(registry, _names(everything(registry)))


def test_each_family_has_its_function() -> None:
    assert set(FAMILIES) == set(Family)


def test_the_world_is_what_the_tests_take_it_for(world: World) -> None:
    assert set(world.names) == {
        "e1", "e2", "e3", "s1", "s2", "s3", "f1",
        "HasMember s1-e1", "HasMember s2-e2", "HasMember s3-e3",
        "HasMember s1-f1", "HasMember f1-e1", "HasMember s1-(HasMember f1-e1)",
        "APND e2-e1", "RPLC e3-e1", "HasMember f1-e3", "HasMember s3-(HasMember f1-e3)",
    }  # fmt: skip


def test_get_all_shows_associations_between_what_it_shows_only(world: World) -> None:
    slots = [(f"{kind}Status", quoted_list([APPROVED])) for kind in (E, S, F)]

    found = world.ask(QueryId.GET_ALL, ("$patientId", quoted(PATIENT)), *slots)

    assert found == {
        "e3", "s1", "s2", "s3", "f1",
        "HasMember s3-e3", "HasMember s1-f1", "HasMember f1-e3", "HasMember s3-(HasMember f1-e3)",
    }  # fmt: skip


def test_get_all_filters_entries_by_their_codes(world: World) -> None:
    slots = [(f"{kind}Status", quoted_list([APPROVED, DEPRECATED])) for kind in (E, S, F)]

    found = world.ask(QueryId.GET_ALL, ("$patientId", quoted(PATIENT)), *slots, (f"{E}ConfidentialityCode", "('N^^1.2')"))

    assert {name for name in found if name.startswith("e")} == {"e1"}


def test_documents_are_got_by_each_of_their_ids(world: World) -> None:
    uuids = [world.names["e1"], world.names["e3"], UNKNOWN, world.names["s1"]]

    assert world.ask(QueryId.GET_DOCUMENTS, (f"{E}EntryUUID", quoted_list(uuids))) == {"e1", "e3"}
    assert world.ask(QueryId.GET_DOCUMENTS, (f"{E}EntryUUID", quoted_list([uuids[0].upper().replace("URN:UUID", "urn:uuid")]))) == {
        "e1"
    }
    assert world.ask(QueryId.GET_DOCUMENTS, (f"{E}UniqueId", quoted_list(["2.999.7.2", "2.999.7.9"]))) == {"e2"}
    assert world.ask(QueryId.GET_DOCUMENTS, (f"{E}LogicalID", quoted_list([uuids[1]]))) == {"e3"}


def test_a_deprecated_document_is_got_with_its_status(world: World) -> None:
    (entry,) = world.registry.ask(QueryId.GET_DOCUMENTS, (f"{E}UniqueId", "('2.999.7.1')")).objects.entries

    assert entry.status == DEPRECATED


@pytest.mark.parametrize(
    ("slots", "condition"),
    [
        ([], Condition.PARAMETER_MISSING),
        ([(f"{E}EntryUUID", f"('{UNKNOWN}')"), (f"{E}UniqueId", "('1.2')")], Condition.PARAMETER_COUNT),
        ([(f"{E}EntryUUID", "('1.2.3')")], Condition.PARAMETER_INVALID),
    ],
)
def test_documents_are_asked_for_by_exactly_one_kind_of_id(
    world: World, slots: list[tuple[str, str]], condition: Condition
) -> None:
    with pytest.raises(Rejected) as caught:
        world.ask(QueryId.GET_DOCUMENTS, *slots)

    assert [v.condition for v in caught.value.violations] == [condition]


def test_documents_of_several_patients_are_given_as_references_only(world: World) -> None:
    whose = (Identifier(OTHER_PATIENT),)
    entry = a_document_entry(patient_ids=whose, unique_ids=(Identifier("2.999.7.7"),))
    own = a_submission_set(patient_ids=whose, unique_ids=(Identifier("2.999.8.7"),))
    world.registry.register(a_submission(entry, submission_sets=(own,)))
    both = (f"{E}UniqueId", "('2.999.7.3','2.999.7.7')")

    with pytest.raises(Rejected) as caught:
        world.ask(QueryId.GET_DOCUMENTS, both)

    assert caught.value.condition is Condition.SEVERAL_PATIENTS
    assert len(world.registry.ask(QueryId.GET_DOCUMENTS, both, return_type=OBJECT_REF).refs) == 2
    world.registry.patients.merged[OTHER_PATIENT] = PATIENT
    assert {e.patient_id for e in world.registry.ask(QueryId.GET_DOCUMENTS, both).objects.entries} == {PATIENT}


def test_folders_are_got_by_each_of_their_ids(world: World) -> None:
    folder = quoted_list([world.names["f1"]])

    assert world.ask(QueryId.GET_FOLDERS, (f"{F}EntryUUID", folder)) == {"f1"}
    assert world.ask(QueryId.GET_FOLDERS, (f"{F}UniqueId", "('2.999.10.1')")) == {"f1"}
    assert world.ask(QueryId.GET_FOLDERS, (f"{F}LogicalID", folder)) == {"f1"}
    assert world.ask(QueryId.GET_FOLDERS, (f"{F}EntryUUID", quoted_list([world.names["e1"]]))) == set()


def test_associations_are_got_by_either_end(world: World) -> None:
    assert world.ask(QueryId.GET_ASSOCIATIONS, ("$uuid", quoted_list([world.names["e1"]]))) == {
        "HasMember s1-e1",
        "HasMember f1-e1",
        "APND e2-e1",
        "RPLC e3-e1",
    }


def test_documents_come_with_their_associations(world: World) -> None:
    assert world.ask(QueryId.GET_DOCUMENTS_AND_ASSOCIATIONS, (f"{E}EntryUUID", quoted_list([world.names["e2"]]))) == {
        "e2",
        "HasMember s2-e2",
        "APND e2-e1",
    }


def test_the_submission_sets_of_documents_and_folders_come_with_their_memberships(world: World) -> None:
    members = quoted_list([world.names["e2"], world.names["f1"]])

    assert world.ask(QueryId.GET_SUBMISSION_SETS, ("$uuid", members)) == {"s1", "s2", "HasMember s1-f1", "HasMember s2-e2"}


def test_a_submission_set_comes_with_what_it_brought(world: World) -> None:
    whole = {"s1", "e1", "f1", "HasMember s1-e1", "HasMember s1-f1", "HasMember f1-e1", "HasMember s1-(HasMember f1-e1)"}

    assert world.ask(QueryId.GET_SUBMISSION_SET_AND_CONTENTS, (f"{S}EntryUUID", quoted(world.names["s1"]))) == whole
    assert world.ask(QueryId.GET_SUBMISSION_SET_AND_CONTENTS, (f"{S}UniqueId", "'2.999.8.1'")) == whole
    assert world.ask(QueryId.GET_SUBMISSION_SET_AND_CONTENTS, (f"{S}UniqueId", "'2.999.8.1'"), return_type=OBJECT_REF) == whole


def test_the_contents_of_a_submission_set_may_be_filtered(world: World) -> None:
    other_code = (f"{E}ConfidentialityCode", "('R^^1.2')")

    found = world.ask(QueryId.GET_SUBMISSION_SET_AND_CONTENTS, (f"{S}UniqueId", "'2.999.8.1'"), other_code)

    assert found == {"s1", "f1", "HasMember s1-f1"}


def test_a_folder_comes_with_the_entries_in_it(world: World) -> None:
    asked = (f"{F}EntryUUID", quoted(world.names["f1"]))

    assert world.ask(QueryId.GET_FOLDER_AND_CONTENTS, asked) == {"f1", "e1", "e3", "HasMember f1-e1", "HasMember f1-e3"}
    assert world.ask(QueryId.GET_FOLDER_AND_CONTENTS, asked, (f"{E}ConfidentialityCode", "('R^^1.2')")) == {
        "f1",
        "e3",
        "HasMember f1-e3",
    }


def test_the_folders_of_a_document_are_found(world: World) -> None:
    assert world.ask(QueryId.GET_FOLDERS_FOR_DOCUMENT, (f"{E}UniqueId", "'2.999.7.3'")) == {"f1"}
    assert world.ask(QueryId.GET_FOLDERS_FOR_DOCUMENT, (f"{E}EntryUUID", quoted(world.names["e2"]))) == set()


def test_related_documents_come_with_the_document_and_the_associations(world: World) -> None:
    replaced, appended = AssociationType.RPLC.value, AssociationType.APND.value
    first = (f"{E}EntryUUID", quoted(world.names["e1"]))

    assert world.ask(QueryId.GET_RELATED_DOCUMENTS, first, ("$AssociationTypes", quoted_list([replaced]))) == {
        "e1",
        "e3",
        "RPLC e3-e1",
    }
    assert world.ask(QueryId.GET_RELATED_DOCUMENTS, first, ("$AssociationTypes", quoted_list([replaced, appended]))) == {
        "e1",
        "e2",
        "e3",
        "RPLC e3-e1",
        "APND e2-e1",
    }


@pytest.mark.parametrize("type_", [AssociationType.XFRM, AssociationType.HAS_MEMBER])
def test_a_document_that_is_related_to_none_is_not_shown(world: World, type_: AssociationType) -> None:
    first = (f"{E}EntryUUID", quoted(world.names["e1"]))

    assert world.ask(QueryId.GET_RELATED_DOCUMENTS, first, ("$AssociationTypes", quoted_list([type_.value]))) == set()


def test_an_association_that_says_more_than_its_ends_is_shown_as_it_was_sent(world: World) -> None:
    code = a_code("Translation", "1.2", "Translation")
    more = Association(
        id="t",
        type=AssociationType.XFRM.value,
        source="Document01",
        target=world.names["e3"],
        documentation=(code,),
        slots=(Slot("urn:example:by", ("machine",)),),
    )
    world.registry.register(numbered(4, more))

    asked = (("$AssociationTypes", quoted_list([more.type])), (f"{E}UniqueId", "'2.999.7.4'"))
    (shown,) = world.registry.ask(QueryId.GET_RELATED_DOCUMENTS, *asked).objects.associations

    assert shown.documentation[0].code == code.code
    assert shown.slots == more.slots
    assert (shown.status, shown.target) == (APPROVED, world.names["e3"])


@pytest.mark.parametrize(
    ("query", "slot"),
    [
        (QueryId.GET_DOCUMENTS, (f"{E}EntryUUID", f"('{UNKNOWN}')")),
        (QueryId.GET_FOLDERS, (f"{F}EntryUUID", f"('{UNKNOWN}')")),
        (QueryId.GET_ASSOCIATIONS, ("$uuid", f"('{UNKNOWN}')")),
        (QueryId.GET_DOCUMENTS_AND_ASSOCIATIONS, (f"{E}EntryUUID", f"('{UNKNOWN}')")),
        (QueryId.GET_SUBMISSION_SETS, ("$uuid", f"('{UNKNOWN}')")),
        (QueryId.GET_SUBMISSION_SET_AND_CONTENTS, (f"{S}EntryUUID", f"'{UNKNOWN}'")),
        (QueryId.GET_FOLDER_AND_CONTENTS, (f"{F}EntryUUID", f"'{UNKNOWN}'")),
        (QueryId.GET_FOLDERS_FOR_DOCUMENT, (f"{E}EntryUUID", f"'{UNKNOWN}'")),
    ],
)
@pytest.mark.parametrize("return_type", ["LeafClass", OBJECT_REF])
def test_an_unknown_id_is_an_empty_success(world: World, query: QueryId, slot: tuple[str, str], return_type: str) -> None:
    assert world.ask(query, slot, return_type=return_type) == set()
