"""Symbolic ids made into entryUUIDs."""

from __future__ import annotations

from ebrim.model import Identifier
from kernel.identifiers import is_entry_uuid
from registry.placing import placed
from tests.support.clocks import counted_uuids
from tests.support.metadata import a_document_entry, a_folder, a_membership, a_submission

REGISTERED = "urn:uuid:99999999-9999-4999-8999-999999999999"


def test_every_object_has_a_uuid_and_associations_lead_between_them() -> None:
    submission = a_submission(folders=(a_folder(),))

    done = placed(submission, counted_uuids())

    ids = [obj.id for obj in done.objects()] + [a.id for a in done.associations]
    assert all(map(is_entry_uuid, ids))
    assert len(set(ids)) == 4
    assert (done.associations[0].source, done.associations[0].target) == (done.submission_sets[0].id, done.entries[0].id)


def test_uuids_that_were_sent_and_references_to_the_registry_stay() -> None:
    chosen = REGISTERED.replace("9999", "8888", 1)
    reference = a_membership(target=REGISTERED, id="ref")
    submission = a_submission(a_document_entry(id=chosen), associations=(a_membership(target=chosen), reference))

    done = placed(submission, counted_uuids())

    assert done.entries[0].id == chosen
    assert [a.target for a in done.associations] == [chosen, REGISTERED]


def test_what_a_source_says_of_version_and_logical_id_is_not_believed() -> None:
    entry = a_document_entry(logical_id=REGISTERED, version="7", status="x", unique_ids=(Identifier("1.2"),))

    done = placed(a_submission(entry), counted_uuids())

    assert (done.entries[0].logical_id, done.entries[0].version) == ("", "")
