"""ITI-41 to a Document Recipient (XDR): what is labelled as limited metadata is received and waits, given to nobody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.test_lenient_sources import Registry
from tests.support import messages as m
from tests.support.edits import ENTRY, SET, code_of, edited, insert, remove
from tests.support.stores import a_house

ENTRY_LABEL, SET_LABEL = "ab9b591b-83ab-4d03-8f5d-f93b1fb92e85", "5003a9db-8d8d-49e6-bf0c-990e34ac7707"
ANYBODY = "192.0.2.8"


@pytest.fixture(scope="module")
def recipient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A service that is a Document Recipient too."""
    house = a_house(tmp_path_factory.mktemp("recipient"), storage__limited_metadata="true")
    yield Registry(house)
    house.close()


def labelled(entry: m.Entry, *, is_labelled: bool = True) -> str:
    """A submission of a patient nobody knows, without a class code; the document stands in it."""
    edits = [remove(ENTRY + code_of("41a5887f-8865-4c09-adf7-e362475b143a"))]
    if is_labelled:
        for path, of, label in ((ENTRY, entry.id, ENTRY_LABEL), (SET, "Set", SET_LABEL)):
            node = f'<rim:Classification id="label-{of}" classifiedObject="{of}" classificationNode="urn:uuid:{label}"/>'
            edits.append(insert(path, node, before="rim:ExternalIdentifier"))
    return m.provide(edited(m.submission(entry), *edits), {entry.id: "QUJD"})


def test_what_is_labelled_is_received_and_waits(recipient: Registry) -> None:
    entry = m.Entry(m.cx("NOBODY"), hash=None, size=None, repository=None)

    reply = recipient.call(m.ACTION_41, labelled(entry), ANYBODY)
    again = recipient.call(m.ACTION_41, labelled(m.Entry(m.cx("NOBODY"), hash=None, size=None, repository=None)), ANYBODY)

    assert (reply.status_urn, [code for code, _ in reply.warnings]) == ("Success", ["DocumentQueued"])
    assert again.status_urn == "Success"
    retrieved = recipient.call(m.ACTION_43, m.retrieve((m.REPOSITORY, entry.unique_id)), ANYBODY)
    assert (retrieved.status_urn, retrieved.codes) == ("Failure", ["XDSDocumentUniqueIdError"])


def test_what_is_not_labelled_is_judged_by_the_registry(recipient: Registry) -> None:
    entry = m.Entry(m.cx("NOBODY"), hash=None, size=None, repository=None)

    reply = recipient.call(m.ACTION_41, labelled(entry, is_labelled=False), ANYBODY)

    assert reply.status_urn == "Failure"
    assert {code for code, _ in reply.refusals} == {"XDSRegistryMetadataError", "XDSUnknownPatientId"}
