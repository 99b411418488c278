"""ITI-18: every parameter of FindDocuments, the other queries, and what is wrong with a query (ITI TF-2 3.18.4.1)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from lxml import etree

from tests.conformance.conftest import NewPatient, Patient
from tests.support import messages as m
from tests.support.checked import CheckedMllpWire, CheckedSoapWire
from tests.support.service import Service
from tests.support.shared import sample
from tests.support.wire import Reply, field, unique_id

DEPRECATED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated"
ON_DEMAND = "urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248"
STABLE = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
ACTION_61 = "urn:ihe:iti:2010:RegisterOnDemandDocumentEntry"
ENTRY = "$XDSDocumentEntry"
SCHEME = "2.999.77.1"
REFERENCE = "A-77^^^&2.999.5.3&ISO^urn:ihe:iti:xds:2013:accession"


def query(name: str, *slots: str, return_type: str = "LeafClass") -> str:
    """A stored query by its name."""
    return m.stored_query(f"urn:uuid:{QUERIES[name]}", *slots, return_type=return_type)


QUERIES = {
    "FindDocuments": "14d4debf-8f97-4251-9a74-a90016b0af0d",
    "FindDocumentsByReferenceId": "12941a89-e02e-4be5-967c-ce4bfc8fe492",
    "FindSubmissionSets": "f26abbcb-ac74-4422-8a30-edb644bbc1a9",
    "FindFolders": "958f3006-baad-4929-a4de-ff1114824431",
    "GetAll": "10b545ea-725c-446d-9b95-8aeb444eddf3",
    "GetDocuments": "5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4",
    "GetFolders": "5737b14c-8a1a-4539-b659-e03a34a5e1e4",
    "GetAssociations": "a7ae438b-4bc2-4642-93e9-be891f7bb155",
    "GetDocumentsAndAssociations": "bab9529a-4a10-40b3-a01f-f68a615d247a",
    "GetSubmissionSets": "51224314-5390-4169-9b91-b1980040715a",
    "GetSubmissionSetAndContents": "e8e3cb2c-e39c-46b9-99e4-c12f57260b83",
    "GetFolderAndContents": "b909a503-523d-4517-8acf-8e5834dfc4c7",
    "GetFoldersForDocument": "10cae35a-c7f9-4cf5-b61e-fc3278ffb578",
    "GetRelatedDocuments": "d90e5407-b356-4d91-a89f-873917b4b0e6",
}


class Shelf:
    """A patient with an entry in a folder, an older entry that was replaced, and an on-demand entry."""

    def __init__(self, soap: CheckedSoapWire, patient: Patient) -> None:
        self.patient = patient
        self.set_id, self.folder_id = m.fresh_oid(), m.fresh_oid()
        self.old = m.Entry(patient.cx, creation_time="2025")
        self.on_demand = m.Entry(patient.cx, object_type=ON_DEMAND, creation_time="", hash=None, size=None)
        self.entry = m.Entry(
            patient.cx,
            slots={
                "serviceStartTime": ("20260112080000",),
                "serviceStopTime": ("202601130930",),
                "urn:ihe:iti:xds:2013:referenceIdList": (REFERENCE,),
            },
        )
        self._register(soap, m.ACTION_42, m.submission(self.old))
        old_uuid = self._uuid(soap, self.old)
        replacing = m.submit_objects(
            [
                m.entry_xml(self.entry),
                m.set_xml(patient.cx, unique_id=self.set_id),
                m.folder_xml(patient.cx, unique_id=self.folder_id),
                m.member(self.entry.id),
                m.association(m.HAS_MEMBER, "Set", "Folder"),
                m.association(m.HAS_MEMBER, "Folder", self.entry.id, id="Filed"),
                m.association(m.HAS_MEMBER, "Set", "Filed"),
                m.association(m.RPLC, self.entry.id, old_uuid),
            ]
        )
        self._register(soap, m.ACTION_42, replacing)
        self._register(soap, ACTION_61, without_creation_time(m.submission(self.on_demand)))
        self.uuid, self.old_uuid = self._uuid(soap, self.entry), old_uuid

    @staticmethod
    def _register(soap: CheckedSoapWire, action: str, body: str) -> None:
        reply = soap.call(action, body)
        assert reply.status_urn == "Success", reply.errors

    @staticmethod
    def _uuid(soap: CheckedSoapWire, entry: m.Entry) -> str:
        (found,) = soap.call(m.ACTION_18, query("GetDocuments", slot("UniqueId", f"('{entry.unique_id}')"))).entries()
        return str(found.get("id"))


def without_creation_time(body: str) -> str:
    """On-demand entries have none."""
    return body.replace(m.slot("creationTime", ""), "")


@pytest.fixture(scope="module")
def shelf(service: Service, new_patient: NewPatient) -> Shelf:
    """What the queries of this module ask for."""
    with CheckedSoapWire(service.http_port) as soap:
        return Shelf(soap, new_patient())


def slot(name: str, *values: str) -> str:
    """A parameter of entries."""
    return m.slot(ENTRY + name, *values)


def found(reply: Reply) -> set[str]:
    """The uniqueIds of the entries in an answer."""
    assert reply.status_urn == "Success", reply.errors
    return {unique_id(e) for e in reply.entries()}


# FindDocuments


@pytest.mark.parametrize(
    ("slots", "is_found"),
    [
        *(
            ((slot(name, f"('{code}^^{SCHEME}')"),), fits)
            for name, code, fits in (
                ("ClassCode", "DISCHARGE", True),
                ("ClassCode", "REFERRAL", False),
                ("TypeCode", "34133-9", True),
                ("TypeCode", "34133-8", False),
                ("PracticeSettingCode", "General Medicine", True),
                ("PracticeSettingCode", "Surgery", False),
                ("HealthcareFacilityTypeCode", "Outpatient", True),
                ("HealthcareFacilityTypeCode", "Inpatient", False),
                ("EventCodeList", "T-D4909", True),
                ("EventCodeList", "T-D4910", False),
                ("ConfidentialityCode", "N", True),
                ("ConfidentialityCode", "R", False),
                ("FormatCode", "urn:ihe:pcc:xphr:2007", True),
                ("FormatCode", "urn:ihe:pcc:xphr:2008", False),
            )
        ),
        ((slot("ClassCode", "('DISCHARGE^^2.999.77.2')"),), False),
        ((slot("ClassCode", f"('X^^{SCHEME}','DISCHARGE^^{SCHEME}')"),), True),
        ((slot("ClassCode", f"('X^^{SCHEME}')", f"('DISCHARGE^^{SCHEME}')"),), True),
        ((slot("ConfidentialityCode", f"('N^^{SCHEME}')"), slot("ConfidentialityCode", f"('N^^{SCHEME}','R^^{SCHEME}')")), True),
        ((slot("ConfidentialityCode", f"('N^^{SCHEME}')"), slot("ConfidentialityCode", f"('R^^{SCHEME}')")), False),
        *(
            ((slot(f"{name}From", start), slot(f"{name}To", end)), fits)
            for name, start, end, fits in (
                ("CreationTime", "20260114103000", "20260114103001", True),
                ("CreationTime", "20260114103001", "2027", False),
                ("CreationTime", "2025", "20260114103000", False),
                ("CreationTime", "2026", "2027", True),
                ("ServiceStartTime", "20260112", "20260113", True),
                ("ServiceStartTime", "20260113", "20260114", False),
                ("ServiceStopTime", "202601130930", "202601130931", True),
                ("ServiceStopTime", "202601130931", "2027", False),
            )
        ),
        ((slot("CreationTimeFrom", "2027"),), False),
        ((slot("CreationTimeTo", "2026"),), False),
        ((slot("AuthorPerson", "('%Welby%')"),), True),
        ((slot("AuthorPerson", "('^Welb_^%')"),), True),
        ((slot("AuthorPerson", "('Welby')"),), False),
        ((slot("Type", f"('{STABLE}')"),), True),
        ((slot("Type", f"('{ON_DEMAND}')"),), False),
        ((slot("Type", f"('{ON_DEMAND}','{STABLE}')"),), True),
        ((m.slot("$AnotherRegistrysParameter", "'x'"),), True),
    ],
    ids=str,
)
def test_each_parameter_of_find_documents_filters(
    soap: CheckedSoapWire, shelf: Shelf, slots: Sequence[str], is_found: bool
) -> None:
    reply = soap.call(m.ACTION_18, m.find_documents(shelf.patient.cx, *slots))

    assert (shelf.entry.unique_id in found(reply)) is is_found


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (f"('{m.APPROVED}')", {"entry"}),
        (f"('{DEPRECATED}')", {"old"}),
        (f"('{m.APPROVED}','{DEPRECATED}')", {"entry", "old"}),
        (f"('{m.APPROVED}','urn:example:Forgotten')", {"entry"}),
    ],
)
def test_the_status_is_asked_for(soap: CheckedSoapWire, shelf: Shelf, statuses: str, expected: set[str]) -> None:
    body = query("FindDocuments", slot("PatientId", f"'{shelf.patient.cx}'"), slot("Status", statuses))

    assert found(soap.call(m.ACTION_18, body)) == {getattr(shelf, name).unique_id for name in expected}


def test_on_demand_entries_are_found_where_they_are_asked_for(soap: CheckedSoapWire, shelf: Shelf) -> None:
    reply = soap.call(m.ACTION_18, m.find_documents(shelf.patient.cx, slot("Type", f"('{ON_DEMAND}')")))

    assert found(reply) == {shelf.on_demand.unique_id}


def test_object_references_are_the_ids_of_the_same_objects(soap: CheckedSoapWire, shelf: Shelf) -> None:
    whole = soap.call(m.ACTION_18, m.find_documents(shelf.patient.cx))
    short = soap.call(m.ACTION_18, m.find_documents(shelf.patient.cx, return_type="ObjectRef"))

    assert short.ids() == whole.ids() == [shelf.uuid]
    assert short.entries() == []


def test_of_an_unknown_patient_nothing_is_found(soap: CheckedSoapWire) -> None:
    reply = soap.call(m.ACTION_18, m.find_documents(m.cx("NOBODY")))

    assert (reply.status_urn, reply.ids(), reply.errors) == ("Success", [], [])


# the other queries


def test_an_entry_is_found_by_its_reference_id(soap: CheckedSoapWire, shelf: Shelf) -> None:
    status, patient = slot("Status", f"('{m.APPROVED}')"), slot("PatientId", f"'{shelf.patient.cx}'")

    for pattern, expected in ((REFERENCE, {shelf.entry.unique_id}), ("A-7%", {shelf.entry.unique_id}), ("A-8%", set())):
        body = query("FindDocumentsByReferenceId", patient, status, slot("ReferenceIdList", f"('{pattern}')"))
        assert found(soap.call(m.ACTION_18, body)) == expected


def test_sets_and_folders_are_found_by_patient(soap: CheckedSoapWire, shelf: Shelf) -> None:
    of_sets = query(
        "FindSubmissionSets",
        m.slot("$XDSSubmissionSetPatientId", f"'{shelf.patient.cx}'"),
        m.slot("$XDSSubmissionSetStatus", f"('{m.APPROVED}')"),
        m.slot("$XDSSubmissionSetSourceId", "('2.999.5')"),
    )
    of_folders = query(
        "FindFolders",
        m.slot("$XDSFolderPatientId", f"'{shelf.patient.cx}'"),
        m.slot("$XDSFolderStatus", f"('{m.APPROVED}')"),
        m.slot("$XDSFolderCodeList", f"('FolderCode^^{SCHEME}')"),
    )

    sets, folders = soap.call(m.ACTION_18, of_sets), soap.call(m.ACTION_18, of_folders)

    assert len(sets.ids()) == 3
    assert shelf.set_id in packages(sets)
    assert packages(folders) == [shelf.folder_id]


def packages(reply: Reply) -> list[str]:
    """The uniqueIds of sets and folders."""
    assert reply.status_urn == "Success", reply.errors
    return [unique_id(p) for p in reply.body.iter(f"{{{m.RIM}}}RegistryPackage")]


def test_everything_of_a_patient_is_found_at_once(soap: CheckedSoapWire, shelf: Shelf) -> None:
    statuses = f"('{m.APPROVED}','{DEPRECATED}')"
    body = query(
        "GetAll",
        m.slot("$patientId", f"'{shelf.patient.cx}'"),
        slot("Status", statuses),
        m.slot("$XDSSubmissionSetStatus", statuses),
        m.slot("$XDSFolderStatus", statuses),
    )

    reply = soap.call(m.ACTION_18, body)

    assert found(reply) == {shelf.entry.unique_id, shelf.old.unique_id}
    assert len(packages(reply)) == 4
    ends = {(a.get("sourceObject"), a.get("targetObject")) for a in reply.body.iter(f"{{{m.RIM}}}Association")}
    assert (shelf.uuid, shelf.old_uuid) in ends
    assert {end for pair in ends for end in pair} <= set(reply.ids())


@pytest.mark.parametrize(
    ("name", "slots", "entries"),
    [
        ("GetDocuments", lambda s: [slot("EntryUUID", f"('{s.uuid}','{s.old_uuid}')")], {"entry", "old"}),
        ("GetDocuments", lambda s: [slot("UniqueId", f"('{s.entry.unique_id}')")], {"entry"}),
        ("GetDocumentsAndAssociations", lambda s: [slot("EntryUUID", f"('{s.uuid}')")], {"entry"}),
        ("GetFolders", lambda s: [m.slot("$XDSFolderUniqueId", f"('{s.folder_id}')")], set()),
        ("GetAssociations", lambda s: [m.slot("$uuid", f"('{s.uuid}')")], set()),
        ("GetSubmissionSets", lambda s: [m.slot("$uuid", f"('{s.uuid}')")], set()),
        ("GetSubmissionSetAndContents", lambda s: [m.slot("$XDSSubmissionSetUniqueId", f"'{s.set_id}'")], {"entry"}),
        ("GetFolderAndContents", lambda s: [m.slot("$XDSFolderUniqueId", f"'{s.folder_id}'")], {"entry"}),
        ("GetFoldersForDocument", lambda s: [slot("EntryUUID", f"'{s.uuid}'")], set()),
        (
            "GetRelatedDocuments",
            lambda s: [slot("EntryUUID", f"'{s.uuid}'"), m.slot("$AssociationTypes", f"('{m.RPLC}')")],
            {"entry", "old"},
        ),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_queries_by_id_find_what_they_name(
    soap: CheckedSoapWire, shelf: Shelf, name: str, slots: object, entries: set[str]
) -> None:
    reply = soap.call(m.ACTION_18, query(name, *slots(shelf)))  # type: ignore[operator]  # a function of the shelf

    assert found(reply) == {getattr(shelf, e).unique_id for e in entries}
    assert reply.ids()


# what is wrong with a query


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (m.stored_query("urn:uuid:00000000-0000-4000-8000-000000000001"), ["XDSUnknownStoredQuery"]),
        (m.stored_query("3d1bdb10-39a2-11de-89c2-2f44d94eaa9f"), ["XDSUnknownStoredQuery"]),
        (query("FindDocuments"), ["XDSStoredQueryMissingParam", "XDSStoredQueryMissingParam"]),
        (query("FindDocuments", slot("Status", f"('{m.APPROVED}')")), ["XDSStoredQueryMissingParam"]),
        (query("FindDocuments", slot("PatientId", f"'{m.cx('1')}'")), ["XDSStoredQueryMissingParam"]),
        (
            query("FindDocuments", slot("PatientId", f"'{m.cx('1')}'"), slot("Status", "('urn:example:Forgotten')")),
            ["XDSStoredQueryMissingParam"],
        ),
        (m.find_documents("4711"), ["XDSRegistryError"]),
        (m.find_documents(m.cx("1"), slot("ClassCode", "('DISCHARGE')")), ["XDSRegistryError"]),
        (m.find_documents(m.cx("1"), slot("CreationTimeFrom", "2026-01-01")), ["XDSRegistryError"]),
        (m.find_documents(m.cx("1"), slot("CreationTimeFrom", "2026", "2027")), ["XDSStoredQueryParamNumber"]),
        (
            m.find_documents(m.cx("1"), slot("CreationTimeFrom", "2026"), slot("CreationTimeFrom", "2027")),
            ["XDSStoredQueryParamNumber"],
        ),
        (m.find_documents(m.cx("1"), slot("ClassCode", "DISCHARGE^^2.999")), ["XDSRegistryError"]),
        (m.find_documents(m.cx("1"), slot("ClassCode", "('DISCHARGE^^2.999'")), ["XDSRegistryError"]),
        (query("GetDocuments"), ["XDSStoredQueryMissingParam"]),
        (
            query(
                "GetDocuments", slot("UniqueId", "('1.2')"), slot("EntryUUID", "('urn:uuid:00000000-0000-4000-8000-000000000001')")
            ),
            ["XDSStoredQueryParamNumber"],
        ),
        (query("GetDocuments", slot("EntryUUID", "('1.2.3')")), ["XDSRegistryError"]),
        (query("GetAll", m.slot("$patientId", f"'{m.cx('1')}'")), ["XDSStoredQueryMissingParam"] * 3),
        (m.find_documents(m.cx("1"), return_type="RegistryObject"), ["XDSRegistryError"]),
        (
            query("FindDocuments", slot("Status", f"('{m.APPROVED}')"), slot("CreationTimeFrom", "x"), slot("TypeCode", "('x')")),
            ["XDSRegistryError", "XDSRegistryError", "XDSStoredQueryMissingParam"],
        ),
    ],
    ids=lambda v: ",".join(v) if isinstance(v, list) else "",
)
def test_everything_that_is_wrong_with_a_query_is_named(soap: CheckedSoapWire, body: str, codes: list[str]) -> None:
    reply = soap.call(m.ACTION_18, body)

    assert reply.status_urn == "Failure"
    assert sorted(reply.codes) == sorted(codes), reply.errors
    assert reply.ids() == []


def test_whole_objects_of_several_patients_are_not_given_out_in_one_answer(
    soap: CheckedSoapWire, shelf: Shelf, new_patient: NewPatient
) -> None:
    other = m.Entry(new_patient().cx)
    soap.call(m.ACTION_42, m.submission(other))
    ids = slot("UniqueId", f"('{shelf.entry.unique_id}','{other.unique_id}')")

    whole = soap.call(m.ACTION_18, query("GetDocuments", ids))
    short = soap.call(m.ACTION_18, query("GetDocuments", ids, return_type="ObjectRef"))

    assert (whole.status_urn, whole.codes, whole.ids()) == ("Failure", ["XDSResultNotSinglePatient"], [])
    assert len(short.ids()) == 2


def test_more_than_is_given_out_at_once_is_refused(narrow: Service) -> None:
    with CheckedMllpWire(narrow.mllp_port) as mllp, CheckedSoapWire(narrow.http_port) as soap:
        assert field(mllp.send(m.adt("TOO-MANY")), "MSA", 1) == "AA"
        cx = m.cx(field(mllp.send(m.pix_query("TOO-MANY")), "PID", 3).split("^")[0])
        entries = [m.Entry(cx) for _ in range(4)]
        assert soap.call(m.ACTION_42, m.submission(*entries)).status_urn == "Success"

        whole = soap.call(m.ACTION_18, m.find_documents(cx))
        short = soap.call(m.ACTION_18, m.find_documents(cx, return_type="ObjectRef"))
        few = soap.call(m.ACTION_18, query("GetDocuments", slot("UniqueId", *(f"('{e.unique_id}')" for e in entries[:3]))))

    assert whole.codes == short.codes == ["XDSTooManyResults"]
    assert len(few.entries()) == 3


def test_an_unknown_patient_is_an_error_where_the_domain_says_so(narrow: Service) -> None:
    with CheckedSoapWire(narrow.http_port) as soap:
        reply = soap.call(m.ACTION_18, m.find_documents(m.cx("NOBODY")))

    assert (reply.status_urn, reply.codes) == ("Failure", ["XDSUnknownPatientId"])


# messages recorded elsewhere


def body_of(*path: str) -> str:
    """A recorded message without envelope."""
    return etree.tostring(etree.fromstring(sample(*path))).decode()  # noqa: TID251 - the test's own reading


def test_the_query_of_a_foreign_client_is_answered(soap: CheckedSoapWire) -> None:
    reply = soap.post(sample("iti-18", "soap-sq-req.xml"))

    assert (reply.status_urn, reply.ids()) == ("Success", [])
    assert reply.header["Action"] == "urn:ihe:iti:2007:RegistryStoredQueryResponse"


def test_the_query_of_a_foreign_client_finds_what_there_is(soap: CheckedSoapWire, shelf: Shelf) -> None:
    raw = sample("iti-18", "soap-sq-req.xml").decode()
    raw = raw.replace("c4d77e21d0dd487^^^&amp;1.3.6.1.4.1.21367.2005.3.7&amp;ISO", m.escape(shelf.patient.cx))

    reply = soap.post(raw.replace("value^^scheme", f"DISCHARGE^^{SCHEME}").encode())

    assert found(reply) == {shelf.entry.unique_id}


def test_the_example_of_the_profile_is_refused_for_its_quotes_and_its_status(soap: CheckedSoapWire) -> None:
    reply = soap.post(sample("iti-18", "RegistryStoredQueryRequest_SOAP.xml"))

    assert sorted(reply.errors) == sorted(set(reply.errors))
    assert sorted(reply.codes) == ["XDSRegistryError", "XDSRegistryError", "XDSStoredQueryMissingParam"]


def test_an_injected_patient_id_is_refused_as_a_value(soap: CheckedSoapWire) -> None:
    reply = soap.call(m.ACTION_18, body_of("iti-18", "FindDocuments-request.xml"))

    assert (reply.status_urn, reply.codes) == ("Failure", ["XDSRegistryError"])


def test_a_patient_id_without_quotes_is_refused(soap: CheckedSoapWire) -> None:
    reply = soap.call(m.ACTION_18, body_of("iti-18", "sq-req-bad-pid-format-NEGATIVE.xml"))

    assert (reply.status_urn, reply.codes) == ("Failure", ["XDSRegistryError"])
