"""ITI-62: what is removed, and what still refers to something or would be left alone (Remove Metadata and Documents, 3.62.4.1)."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.conformance.conftest import Patient
from tests.support import messages as m
from tests.support.checked import CheckedSoapWire
from tests.support.shared import sample
from tests.support.updates import ACTION_62, Desk, removal
from tests.support.wire import Reply

NOBODYS = "urn:uuid:00000000-0000-4000-8000-000000000002"


@pytest.fixture
def desk(soap: CheckedSoapWire) -> Desk:
    """Who reads what there is."""
    return Desk(soap)


def remove(desk: Desk, *uuids: str) -> Reply:
    """The answer to a removal."""
    return desk.soap.call(ACTION_62, removal(*uuids))


def everything(desk: Desk, uuid: str) -> list[str]:
    """An entry, its set and what joins them."""
    return [uuid, *desk.sets(uuid), *(str(a.get("id")) for a in desk.associations(uuid))]


def test_a_submission_is_removed_as_a_whole(desk: Desk, patient: Patient) -> None:
    entry, uuid = desk.entry(patient.cx)

    reply = remove(desk, *everything(desk, uuid))

    assert (reply.status_urn, reply.errors) == ("Success", [])
    assert (desk.entries(entry.unique_id), desk.found(patient.cx)) == ([], set())


def test_what_was_removed_may_be_registered_anew_even_as_another_document(desk: Desk, patient: Patient) -> None:
    entry, uuid = desk.entry(patient.cx)
    remove(desk, *everything(desk, uuid))

    desk.register(m.submission(m.Entry(patient.cx, unique_id=entry.unique_id, hash="c" * 40, size="9")))

    assert len(desk.entries(entry.unique_id)) == 1


def test_one_entry_of_two_is_removed_with_its_membership(desk: Desk, patient: Patient) -> None:
    stays, goes = m.Entry(patient.cx), m.Entry(patient.cx)
    desk.register(m.submission(stays, goes))
    uuid = desk.uuid(goes)

    reply = remove(desk, uuid, *(str(a.get("id")) for a in desk.associations(uuid)))

    assert (reply.status_urn, reply.errors) == ("Success", [])
    assert desk.found(patient.cx) == {desk.uuid(stays)}


def test_an_id_nobody_has_is_named_and_nothing_is_removed(desk: Desk, patient: Patient) -> None:
    _, uuid = desk.entry(patient.cx)

    reply = remove(desk, *everything(desk, uuid), NOBODYS)

    assert reply.errors == [("UnresolvedReferenceException", f"{NOBODYS}: there is no object with this id in the registry")]
    assert desk.found(patient.cx) == {uuid}


def test_what_is_still_referred_to_is_not_removed(desk: Desk, patient: Patient) -> None:
    _, uuid = desk.entry(patient.cx)

    reply = remove(desk, uuid)

    ((code, context),) = reply.errors
    assert (code, context.startswith(uuid)) == ("ReferencesExistException", True)
    assert desk.found(patient.cx) == {uuid}


def test_an_entry_is_not_left_without_a_set_nor_a_set_without_an_entry(desk: Desk, patient: Patient) -> None:
    _, uuid = desk.entry(patient.cx)
    (own,), (membership,) = desk.sets(uuid), desk.associations(uuid)

    reply = remove(desk, str(membership.get("id")))

    assert sorted(context.partition(" ")[0].rstrip(":") for _, context in reply.errors) == sorted([uuid, own])
    assert reply.codes == ["XDSUnreferencedObjectException"] * 2


def test_nothing_is_no_request(desk: Desk) -> None:
    reply = remove(desk)

    assert reply.codes == ["XDSRegistryMetadataError"]


def test_the_published_removal_is_refused_for_ids_nobody_has(soap: CheckedSoapWire) -> None:
    reply = soap.post(sample("iti-62", "RemoveMetadataRequest_SOAP.xml"))

    assert reply.codes == ["UnresolvedReferenceException"] * 4


def test_the_published_removal_is_done_for_what_there_is(soap: CheckedSoapWire, desk: Desk, patient: Patient) -> None:
    entry, uuid = desk.entry(patient.cx)
    root = etree.fromstring(sample("iti-62", "RemoveMetadataRequest_SOAP.xml"))  # noqa: TID251 - a recorded message
    refs = list(root.iter(f"{{{m.RIM}}}ObjectRef"))
    wanted = everything(desk, uuid)
    for ref, id_ in zip(refs, wanted, strict=False):
        ref.set("id", id_)
    for ref in refs[len(wanted) :]:
        ref.getparent().remove(ref)

    reply = soap.post(etree.tostring(root))

    assert reply.status_urn == "Success", reply.errors
    assert desk.entries(entry.unique_id) == []
