"""The removal of metadata on a real database (ITI-62)."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from ebrim.model import Association, AssociationType, Identifier, Submission
from ebrim.query import quoted, quoted_list
from ebrim.uuids import QueryId
from kernel.errors import Condition, Rejected
from registry.tables import METADATA, REFERENCE_ID
from tests.conftest import MakeDatabase
from tests.support.metadata import PATIENT, a_document_entry, a_folder, a_membership, a_submission, a_submission_set
from tests.support.registry import APPROVED, DEPRECATED, SUBJECT, Registry, a_registry

UNKNOWN = "urn:uuid:99999999-9999-4999-8999-999999999999"


def numbered(number: int, *more: Association, **changes: object) -> Submission:
    """The entry and set of this number."""
    entry = a_document_entry(unique_ids=(Identifier(f"2.999.7.{number}"),), reference_id_list=(f"R{number}^^^&1.2&ISO^t",))
    own = a_submission_set(unique_ids=(Identifier(f"2.999.8.{number}"),))
    whole = a_submission(entry, submission_sets=(own,))
    return replace(whole, associations=(*whole.associations, *more), **changes)  # type: ignore[arg-type]


@pytest.fixture
def registry(make_database: MakeDatabase) -> Registry:
    """Entry 1 in a folder of its set, and entry 2 appended to it."""
    registry = a_registry(make_database(METADATA))
    in_folder = (
        a_membership(target="Folder01", slots=()),
        a_membership(source="Folder01", target="Document01", id="in-folder", slots=()),
        a_membership(target="in-folder", id="fd-de", slots=()),
    )
    registry.register(numbered(1, *in_folder, folders=(a_folder(),)))
    first = registry.find().objects.entries[0].id
    registry.register(numbered(2, Association(id="r", type=AssociationType.APND.value, source="Document01", target=first)))
    return registry


def everything(registry: Registry) -> Submission:
    """GetAll."""
    both = quoted_list([APPROVED, DEPRECATED])
    statuses = [(f"$XDS{kind}Status", both) for kind in ("DocumentEntry", "SubmissionSet", "Folder")]
    return registry.ask(QueryId.GET_ALL, ("$patientId", quoted(PATIENT)), *statuses).objects


def ids(held: Submission) -> dict[str, str]:
    """entryUUIDs by name: e1, s1, f1; associations by the names of their ends."""
    names = {
        f"{kind}{o.unique_id[-1]}": o.id
        for kind, of in (("e", held.entries), ("s", held.submission_sets), ("f", held.folders))
        for o in of
    }
    by_id = {uuid: name for name, uuid in names.items()}
    plain = {f"{by_id[a.source]}-{by_id[a.target]}": a.id for a in held.associations if a.target in by_id}
    names |= plain
    by_id |= {uuid: name for name, uuid in plain.items()}
    return names | {f"{by_id[a.source]}-({by_id[a.target]})": a.id for a in held.associations if a.id not in plain.values()}


def remove(registry: Registry, *names: str) -> None:
    """Removes the objects with these names."""
    known = ids(everything(registry))
    registry.service.remove([known[name] for name in names], SUBJECT)


def refused(registry: Registry, *names: str) -> set[tuple[Condition, str]]:
    """Condition and name of everything that stands in the way; nothing is removed."""
    known = ids(everything(registry))
    by_id = {uuid: name for name, uuid in known.items()}
    with pytest.raises(Rejected) as caught:
        remove(registry, *names)
    assert ids(everything(registry)) == known
    return {(v.condition, by_id[v.where]) for v in caught.value.violations}


def test_the_world_is_what_the_tests_take_it_for(registry: Registry) -> None:
    assert set(ids(everything(registry))) == {
        "e1", "e2", "s1", "s2", "f1", "s1-e1", "s2-e2", "s1-f1", "f1-e1", "s1-(f1-e1)", "e2-e1",
    }  # fmt: skip


def test_a_submission_is_removed_with_all_that_hangs_on_it(registry: Registry) -> None:
    remove(registry, "e2", "s2", "s2-e2", "e2-e1")

    assert set(ids(everything(registry))) == {"e1", "s1", "f1", "s1-e1", "s1-f1", "f1-e1", "s1-(f1-e1)"}


def test_everything_may_go(registry: Registry) -> None:
    remove(registry, *ids(everything(registry)))

    assert ids(everything(registry)) == {}
    with registry.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(REFERENCE_ID)).scalar_one() == 0


def test_a_relationship_goes_alone(registry: Registry) -> None:
    remove(registry, "e2-e1")

    assert "e2-e1" not in ids(everything(registry))


def test_an_entry_leaves_a_folder(registry: Registry) -> None:
    remove(registry, "f1-e1", "s1-(f1-e1)")

    assert {"e1", "f1"} <= set(ids(everything(registry)))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("e2",), {(Condition.REFERENCES_EXIST, "e2")}),
        (("s2",), {(Condition.REFERENCES_EXIST, "s2")}),
        (("e2", "s2", "s2-e2"), {(Condition.REFERENCES_EXIST, "e2")}),
        (("f1-e1",), {(Condition.REFERENCES_EXIST, "f1-e1")}),
        (("s2-e2",), {(Condition.WOULD_ORPHAN, "e2"), (Condition.WOULD_ORPHAN, "s2")}),
        (("s2-e2", "s2"), {(Condition.WOULD_ORPHAN, "e2")}),
        (("s2-e2", "e2", "e2-e1"), {(Condition.WOULD_ORPHAN, "s2")}),
        (("s1-(f1-e1)",), {(Condition.WOULD_ORPHAN, "f1-e1")}),
        (("s1-f1",), {(Condition.WOULD_ORPHAN, "f1")}),
    ],
)
def test_what_would_leave_something_hanging_is_refused(
    registry: Registry, names: tuple[str, ...], expected: set[tuple[Condition, str]]
) -> None:
    assert refused(registry, *names) == expected


@pytest.mark.parametrize("strange", [UNKNOWN, "Document01", ""])
def test_an_id_that_is_not_registered_is_an_unresolved_reference(registry: Registry, strange: str) -> None:
    with pytest.raises(Rejected) as caught:
        registry.service.remove([strange], SUBJECT)

    assert [(v.condition, v.where) for v in caught.value.violations] == [(Condition.REFERENCE_UNRESOLVED, strange)]


def test_a_removal_of_nothing_is_refused(registry: Registry) -> None:
    with pytest.raises(Rejected):
        registry.service.remove([], SUBJECT)


def test_more_objects_than_the_limit_are_refused(make_database: MakeDatabase) -> None:
    registry = a_registry(make_database(METADATA), max_objects=1)

    with pytest.raises(Rejected) as caught:
        registry.service.remove([UNKNOWN, UNKNOWN.replace("8999", "8998")], SUBJECT)

    assert caught.value.condition is Condition.TOO_LARGE


def test_the_unique_id_of_a_removed_entry_is_free_and_that_of_a_copy_stays_bound(registry: Registry) -> None:
    again = replace(numbered(3), entries=(a_document_entry(unique_ids=(Identifier("2.999.7.2"),)),))
    registry.register(again)
    held = everything(registry)
    first = next(e for e in held.entries if e.reference_id_list and e.unique_id == "2.999.7.2")
    of_first = [a.id for a in held.associations if first.id in (a.source, a.target)]
    own = next(s.id for s in held.submission_sets if s.unique_id == "2.999.8.2")
    registry.service.remove([first.id, own, *of_first], SUBJECT)

    other = replace(numbered(4), entries=(a_document_entry(unique_ids=(Identifier("2.999.7.2"),), hash=("0" * 40,)),))
    with pytest.raises(Rejected) as caught:
        registry.register(other)

    assert caught.value.condition is Condition.HASH_DIFFERS
