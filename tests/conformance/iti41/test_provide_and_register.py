"""ITI-41: documents in by MTOM and inline, what the repository adds, what it refuses (ITI TF-2 3.41), recorded messages."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from lxml import etree

from tests.conformance.conftest import NewPatient, Patient
from tests.support import messages as m
from tests.support.checked import CheckedSoapWire
from tests.support.shared import sample
from tests.support.wire import Reply, unique_id

PATH = "/xds/repository"
CONTENT = b"\r\n<letter>Gr\xc3\xbc\xc3\x9fe</letter>\n\r\n\x00\xff--part-of-a-test"
SHA1 = hashlib.sha1(CONTENT).hexdigest()


def provided(patient: Patient, **changes: object) -> m.Entry:
    """An entry as a source sends it: the repository knows the rest."""
    return m.Entry(patient.cx, **{"hash": None, "size": None, "repository": None, **changes})  # type: ignore[arg-type]


def provide(soap: CheckedSoapWire, documents: dict[str, bytes], *entries: m.Entry, metadata: str = "") -> Reply:
    """MTOM: each document in a part of its own, by entry id."""
    parts = {f"{number}@test": content for number, content in enumerate(documents.values())}
    includes = {entry_id: m.include(part) for entry_id, part in zip(documents, parts, strict=True)}
    body = m.provide(metadata or m.submission(*entries), includes)
    kind, data = m.multipart(m.envelope(m.ACTION_41, body), parts)
    return soap.post(data, kind, PATH)


def slots(entry: etree._Element) -> dict[str, str]:
    """The first value of each slot."""
    return {s.get("name"): s.findtext(f"{{{m.RIM}}}ValueList/{{{m.RIM}}}Value") for s in entry.findall(f"{{{m.RIM}}}Slot")}


def entries_of(soap: CheckedSoapWire, patient: Patient) -> list[etree._Element]:
    """What the registry has of a patient."""
    return soap.call(m.ACTION_18, m.find_documents(patient.cx)).entries()


def retrieved(soap: CheckedSoapWire, unique: str) -> list[bytes]:
    """The documents of a retrieval."""
    return soap.call(m.ACTION_43, m.retrieve((m.REPOSITORY, unique)), PATH).parts()[1:]


# what is taken


def test_the_repository_says_where_the_document_is_and_what_it_is(soap: CheckedSoapWire, patient: Patient) -> None:
    entry = provided(patient)

    reply = provide(soap, {entry.id: CONTENT}, entry)

    (found,) = entries_of(soap, patient)
    said = slots(found)
    assert (reply.status_urn, reply.header["Action"]) == ("Success", m.ACTION_41 + "Response")
    assert (said["repositoryUniqueId"], said["hash"], said["size"]) == (m.REPOSITORY, SHA1, str(len(CONTENT)))
    assert retrieved(soap, entry.unique_id) == [CONTENT]


def test_an_answer_to_mtom_is_mtom_and_one_to_a_plain_message_is_plain(soap: CheckedSoapWire, patient: Patient) -> None:
    entry, inline = provided(patient), provided(patient)

    packed = provide(soap, {entry.id: CONTENT}, entry)
    plain = soap.post(m.envelope(m.ACTION_41, m.provide(m.submission(inline), {inline.id: "QUJD"})), path=PATH)

    assert packed.content_type.startswith("multipart/related")
    assert 'type="application/xop+xml"' in packed.content_type
    assert plain.content_type.startswith("application/soap+xml")
    assert (packed.status_urn, plain.status_urn) == ("Success", "Success")


def test_several_documents_make_one_submission(soap: CheckedSoapWire, patient: Patient) -> None:
    entries = [provided(patient) for _ in range(5)]
    documents = {e.id: f"document {e.id}".encode() * n for n, e in enumerate(entries)}

    reply = provide(soap, documents, *entries)

    assert reply.status_urn == "Success"
    assert {unique_id(e) for e in entries_of(soap, patient)} == {e.unique_id for e in entries}
    for entry in entries:
        assert retrieved(soap, entry.unique_id) == [documents[entry.id]]


def test_a_document_may_stand_in_the_message_as_base64(soap: CheckedSoapWire, patient: Patient) -> None:
    entry = provided(patient)
    text = base64.encodebytes(CONTENT * 50).decode()

    reply = soap.post(m.envelope(m.ACTION_41, m.provide(m.submission(entry), {entry.id: text})), path=PATH)

    assert reply.status_urn == "Success"
    assert retrieved(soap, entry.unique_id) == [CONTENT * 50]


def test_parts_and_base64_may_be_mixed(soap: CheckedSoapWire, patient: Patient) -> None:
    one, other = provided(patient), provided(patient)
    body = m.provide(m.submission(one, other), {one.id: "QUJD", other.id: m.include("d@test")})
    kind, data = m.multipart(m.envelope(m.ACTION_41, body), {"d@test": CONTENT})

    reply = soap.post(data, kind, PATH)

    assert reply.status_urn == "Success"
    assert (retrieved(soap, one.unique_id), retrieved(soap, other.unique_id)) == ([b"ABC"], [CONTENT])


def test_a_part_may_travel_as_base64(soap: CheckedSoapWire, patient: Patient) -> None:
    entry = provided(patient)
    body = m.provide(m.submission(entry), {entry.id: m.include("d@test")})
    kind, data = m.multipart(m.envelope(m.ACTION_41, body), {"d@test": base64.encodebytes(CONTENT)})
    head, mark, tail = data.rpartition(b"Content-Transfer-Encoding: binary")

    reply = soap.post(head + mark.replace(b"binary", b"base64") + tail, kind, PATH)

    assert reply.status_urn == "Success"
    assert retrieved(soap, entry.unique_id) == [CONTENT]


def test_an_empty_document_is_a_document(soap: CheckedSoapWire, patient: Patient) -> None:
    entry = provided(patient)

    assert provide(soap, {entry.id: b""}, entry).status_urn == "Success"
    assert retrieved(soap, entry.unique_id) == [b""]


def test_a_declared_hash_and_size_that_are_right_are_taken(soap: CheckedSoapWire, patient: Patient) -> None:
    entry = provided(patient, hash=SHA1.upper(), size=str(len(CONTENT)))

    assert provide(soap, {entry.id: CONTENT}, entry).status_urn == "Success"


def test_the_same_submission_sent_again_is_the_same_success(soap: CheckedSoapWire, patient: Patient) -> None:
    entry = provided(patient)
    kind, data = m.provide_and_register(entry, CONTENT)

    first, second = soap.post(data, kind, PATH), soap.post(data, kind, PATH)

    assert (first.status_urn, second.status_urn) == ("Success", "Success")
    assert len(entries_of(soap, patient)) == 1


def test_a_set_without_documents_is_registered(soap: CheckedSoapWire, patient: Patient) -> None:
    folder_id = m.fresh_oid()
    metadata = m.submit_objects(
        [m.set_xml(patient.cx), m.folder_xml(patient.cx, unique_id=folder_id), m.association(m.HAS_MEMBER, "Set", "Folder")]
    )

    reply = soap.post(m.envelope(m.ACTION_41, m.provide(metadata, {})), path=PATH)

    assert reply.status_urn == "Success", reply.errors


# what is refused


def test_metadata_without_a_document_and_a_document_without_metadata_are_both_named(
    soap: CheckedSoapWire, patient: Patient
) -> None:
    here, missing = provided(patient), provided(patient)

    reply = provide(soap, {here.id: CONTENT, "Stranger": CONTENT}, here, missing)

    assert sorted(reply.codes) == ["XDSMissingDocument", "XDSMissingDocumentMetadata"]
    assert_nothing_was_kept(soap, patient, here)


@pytest.mark.parametrize(
    ("declared", "count"),
    [({"hash": "0" * 40}, 1), ({"size": "1"}, 1), ({"hash": "0" * 40, "size": "1"}, 2), ({"size": "many"}, 1)],
)
def test_a_declared_hash_or_size_that_differs_is_refused(
    soap: CheckedSoapWire, patient: Patient, declared: dict[str, str], count: int
) -> None:
    entry = provided(patient, **declared)

    reply = provide(soap, {entry.id: CONTENT}, entry)

    assert reply.codes == ["XDSRepositoryMetadataError"] * count
    assert_nothing_was_kept(soap, patient, entry)


def test_what_the_registry_refuses_is_told_in_its_words(soap: CheckedSoapWire, patient: Patient) -> None:
    entry = provided(patient, creation_time="yesterday")

    reply = provide(soap, {entry.id: CONTENT}, entry)

    assert [code for code, _ in reply.refusals] == ["XDSRegistryMetadataError"]
    assert_nothing_was_kept(soap, patient, entry)


def test_an_unknown_patient_is_refused(soap: CheckedSoapWire) -> None:
    entry = m.Entry(m.cx("NOBODY"), hash=None, size=None, repository=None)

    reply = provide(soap, {entry.id: CONTENT}, entry)

    assert [code for code, _ in reply.refusals] == ["XDSUnknownPatientId"]
    assert unknown(soap, entry)


def test_patients_are_not_mixed(soap: CheckedSoapWire, patient: Patient, new_patient: NewPatient) -> None:
    one, other = provided(patient), provided(new_patient())

    reply = provide(soap, {one.id: CONTENT, other.id: CONTENT}, one, other)

    assert [code for code, _ in reply.refusals] == ["XDSPatientIdDoesNotMatch"]
    assert_nothing_was_kept(soap, patient, one)


def test_a_uniqueid_with_other_content_is_refused_and_the_first_stays(soap: CheckedSoapWire, patient: Patient) -> None:
    first = provided(patient)
    provide(soap, {first.id: CONTENT}, first)

    second = provided(patient, unique_id=first.unique_id)
    reply = provide(soap, {second.id: b"something else"}, second)

    assert reply.codes == ["XDSNonIdenticalHash"]
    assert retrieved(soap, first.unique_id) == [CONTENT]
    assert len(entries_of(soap, patient)) == 1


def test_a_uniqueid_stands_once_in_a_message(soap: CheckedSoapWire, patient: Patient) -> None:
    one = provided(patient)
    other = provided(patient, unique_id=one.unique_id)

    reply = provide(soap, {one.id: CONTENT, other.id: CONTENT}, one, other)

    assert set(reply.codes) == {"XDSRepositoryDuplicateUniqueIdInMessage"}
    assert_nothing_was_kept(soap, patient, one)


def test_a_set_that_is_registered_takes_no_other_documents(soap: CheckedSoapWire, patient: Patient) -> None:
    one, other, set_id = provided(patient), provided(patient), m.fresh_oid()
    provide(soap, {one.id: CONTENT}, metadata=m.submission(one, set_unique_id=set_id))

    reply = provide(soap, {other.id: CONTENT}, metadata=m.submission(other, set_unique_id=set_id))

    assert reply.codes == ["XDSDuplicateUniqueIdInRegistry"]
    assert unknown(soap, other)


def test_one_bad_document_keeps_the_others_out(soap: CheckedSoapWire, patient: Patient) -> None:
    good, bad = provided(patient), provided(patient, slots={"languageCode": ("no language",)})

    reply = provide(soap, {good.id: CONTENT, bad.id: CONTENT}, good, bad)

    assert reply.status_urn == "Failure"
    assert_nothing_was_kept(soap, patient, good, bad)


def assert_nothing_was_kept(soap: CheckedSoapWire, patient: Patient, *entries: m.Entry) -> None:
    """Neither in the registry nor in the repository."""
    assert entries_of(soap, patient) == []
    assert all(unknown(soap, entry) for entry in entries)


def unknown(soap: CheckedSoapWire, entry: m.Entry) -> bool:
    """Whether the repository has no document of this uniqueId."""
    return soap.call(m.ACTION_43, m.retrieve((m.REPOSITORY, entry.unique_id)), PATH).codes == ["XDSDocumentUniqueIdError"]


# messages recorded elsewhere


def captured(patient: Patient) -> tuple[str, bytes, bytes]:
    """A submission that Axis2 sent: content type and body, its patient ours, and the document in it. Line ends as on the wire."""
    raw = sample("iti-41", "http-mtom-pnr.txt").decode()
    head, _, body = raw.partition("\n\n")
    kind = re.search("Content-Type: (.*)", head)[1].strip()
    body = body.replace("11^^^&amp;1.1&amp;ISO", m.escape(patient.cx))
    wire = body.replace("\n", "\r\n").encode()
    document = wire.rpartition(b"\r\n\r\n")[2].partition(b"\r\n--MIMEBoundary")[0]
    return kind, wire, document


def test_the_capture_of_an_axis2_client_is_registered_and_its_document_kept(soap: CheckedSoapWire, patient: Patient) -> None:
    kind, body, document = captured(patient)

    reply = soap.post(body, kind, PATH)

    (found,) = entries_of(soap, patient)
    assert reply.content_type.startswith("multipart/related")
    assert reply.status_urn == "Success", reply.refusals
    assert retrieved(soap, unique_id(found)) == [document]


def test_the_capture_of_an_axis2_client_with_a_part_of_line_feeds_is_a_clear_fault(soap: CheckedSoapWire, patient: Patient) -> None:
    kind, body, _ = captured(patient)

    reply = soap.post(body.replace(b"\r\n", b"\n"), kind, PATH)

    assert (reply.status, reply.fault[0]) == (400, "Sender")
    assert "CRLF" in reply.fault[1] or "boundary" in reply.fault[1]


def test_the_example_of_the_profile_is_refused_for_what_it_lacks(soap: CheckedSoapWire) -> None:
    reply = soap.post(sample("iti-41", "ProvideAndRegisterDocumentSet-bRequest_SOAP.xml"), path=PATH)

    assert reply.status_urn == "Failure"
    assert {code for code, _ in reply.refusals} == {"XDSRegistryMetadataError", "XDSUnknownPatientId"}


def test_a_recorded_submission_of_two_entries_without_documents_is_refused(soap: CheckedSoapWire) -> None:
    reply = soap.post(sample("iti-41", "soap-pnr.xml"), path=PATH)

    assert reply.codes == ["XDSMissingDocument", "XDSMissingDocument"]


def replacement(patient: Patient, target: str) -> str:
    """A recorded template of a replacement, filled in."""
    body = etree.tostring(etree.fromstring(sample("iti-41", "document_replacement.xml"))).decode()  # noqa: TID251 - own reading
    filled = {
        "$patientId": m.escape(patient.cx),
        "$XDSDocumentEntry.uniqueId": m.fresh_oid(),
        "$XDSSubmissionSet.uniqueId": m.fresh_oid(),
        "$rplc_doc_uuid": target,
    }
    for name, value in filled.items():
        body = body.replace(name, value)
    return body


def test_a_recorded_replacement_without_its_document_is_refused(soap: CheckedSoapWire, patient: Patient) -> None:
    reply = soap.post(m.envelope(m.ACTION_41, replacement(patient, "urn:uuid:00000000-0000-4000-8000-00000000dead")), path=PATH)

    assert (reply.status_urn, reply.codes) == ("Failure", ["XDSMissingDocument"])


def test_a_recorded_replacement_replaces(soap: CheckedSoapWire, patient: Patient) -> None:
    first = provided(patient)
    provide(soap, {first.id: CONTENT}, first)
    (old,) = entries_of(soap, patient)
    body = replacement(patient, old.get("id"))
    at = body.rindex("</")
    document = f'<d:Document xmlns:d="{m.XDSB}" id="doc1">QUJD</d:Document>'

    reply = soap.post(m.envelope(m.ACTION_41, body[:at] + document + body[at:]), path=PATH)

    (new,) = entries_of(soap, patient)
    assert reply.status_urn == "Success", reply.refusals
    assert new.get("id") != old.get("id")
    assert retrieved(soap, unique_id(new)) == [b"ABC"]
