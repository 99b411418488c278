"""Documents of patients who become one, by each way there is, and are taken apart again (ITI TF-2 3.8.4.2.4, 3.44.4.2).

Nothing is refiled: who a patient id means is asked at every query. So whatever joined two patients, their documents are found
together and shown with the survivor's id; and once it is undone every document is where it was, those that came meanwhile as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.conformance.conftest import NewPatient, Patient
from tests.support import messages as m
from tests.support.brokers import wait_for
from tests.support.checked import CheckedMllpWire, CheckedSoapWire
from tests.support.command import hie
from tests.support.service import Service
from tests.support.v2 import code, message, pid
from tests.support.v3 import ask, feed, identifier, person

GET_ALL = "urn:uuid:10b545ea-725c-446d-9b95-8aeb444eddf3"
PATIENT_ID_SCHEMES = tuple(
    f"urn:uuid:{scheme}"
    for scheme in (
        "58a6f841-87b3-4a3e-92fd-a8ffeff98427",
        "6b5aea1a-874d-4603-a4bc-96a0a7b38446",
        "f64ffdf0-4b97-4e06-b79f-a52b38ec2f8a",
    )
)
XAD = f"XAD&{m.XAD_OID}&ISO"
HOSP_A, HOSP_B = "HOSP_A&2.999.1.1&ISO", "HOSP_B&2.999.1.2&ISO"


@dataclass
class Shelf:
    """The registry as a consumer sees it: what is there, by the patient id that is asked for."""

    soap: CheckedSoapWire

    def put(self, cx: str, source: str = "") -> str:
        """Registers an entry in a folder, perhaps for a patient of some source; gives the uniqueId of the set."""
        entry, set_id = m.Entry(cx, slots={"sourcePatientId": (source,)} if source else {}), m.fresh_oid()
        body = m.submit_objects(
            [
                m.entry_xml(entry),
                m.set_xml(cx, unique_id=set_id),
                m.folder_xml(cx),
                m.member(entry.id),
                m.association(m.HAS_MEMBER, "Set", "Folder"),
                m.association(m.HAS_MEMBER, "Folder", entry.id, id="Filed"),
                m.association(m.HAS_MEMBER, "Set", "Filed"),
            ]
        )
        reply = self.soap.call(m.ACTION_42, body)
        assert reply.status_urn == "Success", reply.errors
        return set_id

    def refusal(self, cx: str) -> list[str]:
        """The codes with which a submission for the patient is refused; none when it is taken."""
        return [code for code, _ in self.soap.call(m.ACTION_42, m.submission(m.Entry(cx))).refusals]

    def everything(self, cx: str) -> dict[str, set[str]]:
        """GetAll: the ids of entries, sets and folders by the patient id that they are shown with."""
        approved = f"('{m.APPROVED}')"
        names = ("$XDSDocumentEntryStatus", "$XDSSubmissionSetStatus", "$XDSFolderStatus")
        slots = [m.slot("$patientId", f"'{cx}'"), *(m.slot(name, approved) for name in names)]
        reply = self.soap.call(m.ACTION_18, m.stored_query(GET_ALL, *slots))
        assert reply.status_urn == "Success", reply.errors
        found: dict[str, set[str]] = {}
        for held in reply.body.iter(f"{{{m.RIM}}}ExternalIdentifier"):
            if held.get("identificationScheme") in PATIENT_ID_SCHEMES:
                found.setdefault(str(held.get("value")), set()).add(str(held.get("registryObject")))
        return found


@dataclass(frozen=True)
class Wires:
    """What a source or an administrator has to work with."""

    soap: CheckedSoapWire
    mllp: CheckedMllpWire
    data: str

    def hie(self, *arguments: str) -> str:
        """A command at the terminal of the service's machine."""
        done = hie(*arguments, "--data", self.data)
        assert done.code == 0, done.err
        return done.out

    def is_one(self, one: Patient, other: Patient) -> bool:
        """Whether a PIX query for the one names the other."""
        found = self.mllp.send(m.pix_query(one.local_id, wanted="^^^HOSP_B&2.999.1.2&ISO"))
        return other.local_id in found


@dataclass(frozen=True)
class Way:
    """A way to make one of two patients; gives what takes it back. `is_active` tells whether the other's id may still be used."""

    name: str
    join: Callable[[Wires, Patient, Patient], Callable[[], object]]
    authority: str = HOSP_A
    other_authority: str = HOSP_A
    is_active: bool = True


def _local(patient: Patient, authority: str = HOSP_A) -> str:
    return f"{patient.local_id}^^^{authority}"


def newest_act(data: str) -> str:
    """The act at the end of the journal."""
    done = hie("mpi", "acts", "--json", "--data", data)
    found = re.search(r'"act": (\d+)', done.out)
    assert found, done.err
    return found[1]


def _merged_by_v2(wires: Wires, stays: Patient, goes: Patient, authority: str = HOSP_A) -> Callable[[], object]:
    assert code(wires.mllp.send(m.merge(stays.local_id, goes.local_id, authority=authority))) == "AA"
    act = newest_act(wires.data)
    return lambda: wires.hie("mpi", "undo", act)


def _merged_by_v2_in_the_domain(wires: Wires, stays: Patient, goes: Patient) -> Callable[[], object]:
    return _merged_by_v2(wires, stays, goes, XAD)


def _merged_by_v3(wires: Wires, stays: Patient, goes: Patient) -> Callable[[], object]:
    sent = feed(
        identifier("2.999.1.1", stays.local_id),
        person(stays.family, stays.given),
        name="PRPA_IN201304UV02",
        replaced=identifier("2.999.1.1", goes.local_id),
    )
    assert ask(wires.soap, sent).code == "CA"
    act = newest_act(wires.data)
    return lambda: wires.hie("mpi", "undo", act)


def _linked_by_the_source(wires: Wires, stays: Patient, goes: Patient) -> Callable[[], object]:
    def pair(event: str) -> bytes:
        segments = (pid(stays.local_id), "PV1||N", pid(goes.local_id), "PV1||N")
        return message(f"ADT^{event}", "EVN||20261122101500", *segments, version="2.5")

    assert code(wires.mllp.send(pair("A24"))) == "AA"
    return lambda: wires.mllp.send(pair("A37"))


def _linked_by_an_administrator(wires: Wires, stays: Patient, goes: Patient) -> Callable[[], object]:
    act = re.findall(r"undo (\d+)", wires.hie("mpi", "link", _local(stays), _local(goes)))[0]
    return lambda: wires.hie("mpi", "undo", act)


def _merged_by_an_administrator(wires: Wires, stays: Patient, goes: Patient) -> Callable[[], object]:
    act = re.findall(r"undo (\d+)", wires.hie("mpi", "merge", _local(stays), _local(goes)))[0]
    return lambda: wires.hie("mpi", "undo", act)


def _linked_by_matching(wires: Wires, stays: Patient, goes: Patient) -> Callable[[], object]:
    """The other hospital corrects what it said of its patient: now it says what the first one does."""
    wires.mllp.send(announcement(stays, goes.local_id, HOSP_B))
    wait_for(lambda: wires.is_one(stays, goes))
    return lambda: wires.hie("mpi", "unlink", _local(goes, HOSP_B))


def announcement(patient: Patient, local_id: str, authority: str, event: str = "A08") -> bytes:
    """A feed with the demographics of a patient, enough of them to leave no doubt."""
    return m.adt(
        local_id,
        event=event,
        authority=authority,
        name=f"{patient.family}^{patient.given}",
        birth=patient.birth,
        address=f"17 {patient.given} St^^{patient.family}^^01101^US",
        phone="^PRN^PH^^^413^5550100",
        sender="ADT|A" if authority == HOSP_A else "ADT|B",
    )


WAYS = (
    Way("ITI-8 A40, ids of a source", _merged_by_v2),
    Way("ITI-8 A40, ids of the affinity domain", _merged_by_v2_in_the_domain, XAD, XAD, is_active=False),
    Way("ITI-44 merge", _merged_by_v3),
    Way("ITI-30 A24", _linked_by_the_source),
    Way("administrator's link", _linked_by_an_administrator),
    Way("administrator's merge", _merged_by_an_administrator),
    Way("automatic link", _linked_by_matching, other_authority=HOSP_B),
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_documents_of_patients_who_become_one_are_found_together_and_go_back_when_it_is_undone(
    soap: CheckedSoapWire, mllp: CheckedMllpWire, service: Service, new_patient: NewPatient, way: Way
) -> None:
    wires, shelf = Wires(soap, mllp, str(service.data)), Shelf(soap)
    stays, goes = new_patient(way.authority), new_patient(way.other_authority)
    if way.other_authority == HOSP_B:
        mllp.send(announcement(stays, stays.local_id, HOSP_A))
    for patient in (stays, goes):
        shelf.put(patient.cx)
    first, second = (shelf.everything(p.cx)[p.cx] for p in (stays, goes))

    undo = way.join(wires, stays, goes)

    together = shelf.everything(stays.cx)
    (survivor,) = together
    assert survivor in (stays.cx, goes.cx)
    assert together[survivor] == first | second
    if way.is_active:
        assert shelf.everything(goes.cx) == together
        shelf.put(goes.cx)
    else:
        assert survivor == stays.cx
        assert shelf.everything(goes.cx) == {}
        assert shelf.refusal(goes.cx) == ["XDSUnknownPatientId"]
    new_of_goes = shelf.everything(survivor)[survivor] - first - second
    shelf.put(stays.cx)
    new_of_stays = shelf.everything(survivor)[survivor] - first - second - new_of_goes
    assert (len(new_of_goes), len(new_of_stays)) == (3 if way.is_active else 0, 3)

    undo()

    assert shelf.everything(stays.cx) == {stays.cx: first | new_of_stays}
    assert shelf.everything(goes.cx) == {goes.cx: second | new_of_goes}
    assert shelf.refusal(goes.cx) == []
