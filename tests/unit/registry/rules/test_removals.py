"""What stands in the way of a removal, without a database."""

from __future__ import annotations

from kernel.errors import Condition
from registry.model import Kind, Life, RegisteredObject, key_of, uuid_of
from registry.rules.removals import removal_faults
from registry.rules.structure import HAS_MEMBER
from registry.store import StoredAssociation

SET, ENTRY, MEMBERSHIP, OTHER = (f"urn:uuid:{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "1234")


def an_object(uuid: str, kind: Kind) -> RegisteredObject:
    """A registered object."""
    return RegisteredObject(kind, key_of(uuid), key_of(uuid), Life.APPROVED, "P^^^&1.2&ISO")


KNOWN = {
    key_of(uuid): an_object(uuid, kind)
    for uuid, kind in ((SET, Kind.SUBMISSION_SET), (ENTRY, Kind.ENTRY), (MEMBERSHIP, Kind.ASSOCIATION))
}
LINK = StoredAssociation(key_of(MEMBERSHIP), key_of(SET), key_of(ENTRY), 1, HAS_MEMBER, 0, 1, 1, None)


def faults(*wanted: str) -> list[tuple[Condition, str]]:
    """What is wrong with the removal of these, of a set with one entry."""
    objects = {key: obj for key, obj in KNOWN.items() if uuid_of(key) in wanted}
    found = removal_faults(wanted, objects, [LINK], KNOWN, [LINK])
    return [(v.condition, v.where) for v in found]


def test_all_of_it_may_go() -> None:
    assert faults(SET, ENTRY, MEMBERSHIP) == []


def test_an_object_that_is_referred_to_stays() -> None:
    assert faults(SET, ENTRY) == [(Condition.REFERENCES_EXIST, SET), (Condition.REFERENCES_EXIST, ENTRY)]


def test_the_last_membership_of_an_entry_and_of_a_set_stays() -> None:
    assert faults(MEMBERSHIP) == [(Condition.WOULD_ORPHAN, ENTRY), (Condition.WOULD_ORPHAN, SET)]
    assert faults(MEMBERSHIP, ENTRY) == [(Condition.WOULD_ORPHAN, SET)]
    assert faults(MEMBERSHIP, SET) == [(Condition.WOULD_ORPHAN, ENTRY)]


def test_an_id_that_nobody_has_is_told() -> None:
    assert faults(OTHER) == [(Condition.REFERENCE_UNRESOLVED, OTHER)]
