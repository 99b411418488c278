"""ITI-43 of a document that is made on demand: the patient summary, its snapshots, and how they are tied (ITI TF-2 3.43, 3.61)."""

from __future__ import annotations

import hashlib

import pytest
from lxml import etree

from tests.conformance.conftest import Patient
from tests.support import messages as m
from tests.support.checked import CheckedSoapWire
from tests.support.command import hie
from tests.support.service import OPEN_DOMAIN, Service
from tests.support.shared import shared
from tests.support.wire import Reply, unique_id

PATH = "/xds/repository"
ON_DEMAND = "urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248"
SNAPSHOT = "urn:ihe:iti:2010:AssociationType:IsSnapshotOf"
RELATED = "urn:uuid:d90e5407-b356-4d91-a89f-873917b4b0e6"


@pytest.fixture
def summary(service: Service, patient: Patient) -> str:
    """The uniqueId of the patient's summary, which an operator has registered."""
    arguments = ("on-demand", "add", "--patient", patient.cx, "--confidentiality", "N^^2.999.77.1", "--json")
    done = hie(*arguments, "--data", str(service.data), environment=OPEN_DOMAIN)
    assert done.code == 0, done.err
    return str(done.json["unique_id"])


def provide(soap: CheckedSoapWire, patient: Patient, title: str) -> m.Entry:
    """A document of the patient."""
    entry = m.Entry(patient.cx, hash=None, size=None, title=title)
    kind, data = m.provide_and_register(entry, title.encode())
    assert soap.post(data, kind, PATH).status_urn == "Success"
    return entry


def retrieve(soap: CheckedSoapWire, *wanted: str) -> Reply:
    """Asks for documents of our repository."""
    return soap.call(m.ACTION_43, m.retrieve(*((m.REPOSITORY, w) for w in wanted)), PATH)


def told(reply: Reply, name: str) -> list[str | None]:
    """What the answer's elements of a name hold."""
    return [e.text for e in reply.body.iter(f"{{{m.XDSB}}}{name}")]


def test_the_summary_is_found_as_an_on_demand_document(soap: CheckedSoapWire, patient: Patient, summary: str) -> None:
    asked = m.find_documents(patient.cx, m.slot("$XDSDocumentEntryType", f"('{ON_DEMAND}')"))

    (entry,) = soap.call(m.ACTION_18, asked).entries()

    assert unique_id(entry) == summary


def test_it_is_made_of_the_patients_documents_under_an_id_of_its_own(soap: CheckedSoapWire, patient: Patient, summary: str) -> None:
    entry = provide(soap, patient, "A letter & more")

    reply = retrieve(soap, summary)

    assert (reply.status_urn, told(reply, "DocumentUniqueId")) == ("Success", [summary])
    assert told(reply, "RepositoryUniqueId") == told(reply, "NewRepositoryUniqueId") == [m.REPOSITORY]
    (new,) = told(reply, "NewDocumentUniqueId")
    assert new != summary
    document = etree.fromstring(reply.parts()[1])  # noqa: TID251 - the test's own reading
    schema = etree.XMLSchema(etree.parse(str(shared("schemas", "cda", "infrastructure", "cda", "CDA_SDTC.xsd"))))
    assert schema.validate(document), schema.error_log
    assert document.find("{urn:hl7-org:v3}id").get("root") == new
    assert entry.unique_id in reply.parts()[1].decode()
    assert "A letter &amp; more" in reply.parts()[1].decode()


def test_its_snapshot_is_a_stable_document_that_is_registered_and_tied_to_it(
    soap: CheckedSoapWire, patient: Patient, summary: str
) -> None:
    reply = retrieve(soap, summary)
    (new,) = told(reply, "NewDocumentUniqueId")

    related = m.stored_query(
        RELATED,
        m.slot("$XDSDocumentEntryUniqueId", f"'{summary}'"),
        m.slot("$AssociationTypes", f"('{SNAPSHOT}')"),
        m.slot("$XDSDocumentEntryType", f"('{ON_DEMAND}','urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1')"),
    )
    found = soap.call(m.ACTION_18, related)
    entries = {unique_id(e): e for e in found.entries()}
    (tie,) = found.body.iter(f"{{{m.RIM}}}Association")

    assert set(entries) == {summary, new}
    assert (tie.get("associationType"), tie.get("sourceObject"), tie.get("targetObject")) == (
        SNAPSHOT,
        entries[str(new)].get("id"),
        entries[summary].get("id"),
    )
    digest = hashlib.sha1(reply.parts()[1]).hexdigest()
    assert digest in etree.tostring(entries[str(new)]).decode()
    assert retrieve(soap, str(new)).parts()[1] == reply.parts()[1]


def test_it_stays_the_same_until_there_is_something_new(soap: CheckedSoapWire, patient: Patient, summary: str) -> None:
    first, again = retrieve(soap, summary), retrieve(soap, summary)
    provide(soap, patient, "Something new")
    later = retrieve(soap, summary)

    assert told(again, "NewDocumentUniqueId") == told(first, "NewDocumentUniqueId")
    assert again.parts()[1] == first.parts()[1]
    assert told(later, "NewDocumentUniqueId") != told(first, "NewDocumentUniqueId")
    assert b"Something new" in later.parts()[1]


def test_stable_and_on_demand_documents_come_in_one_answer(soap: CheckedSoapWire, patient: Patient, summary: str) -> None:
    entry = provide(soap, patient, "Stable")

    reply = retrieve(soap, entry.unique_id, summary, "2.999.404")

    assert reply.status_urn == "PartialSuccess"
    assert told(reply, "DocumentUniqueId") == [entry.unique_id, summary]
    assert reply.codes == ["XDSDocumentUniqueIdError"]
