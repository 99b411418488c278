"""The main job, played over the real wires: announce, link, ask, provide, find, retrieve, settle, audit."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import requests

from app.client import Server, XdsClient
from app.client_metadata import DocumentFile, SubmissionMetadata
from app.client_patients import V2Client
from app.demo.documents import bytes_of, letter, pdf
from app.demo.population import HOSPITALS, Registration, population
from app.mllp_client import MllpAddress
from console.store import Role
from kernel.errors import Condition, HieError, rejected
from kernel.identifiers import AssigningAuthority, PatientId, new_entry_uuid
from kernel.times import system_clock

PEOPLE: Final = 60
PATIENTS_WITH_DOCUMENTS: Final = 4
_MATCHING_SECONDS: Final = 60.0
_PAGE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the service listens, and what the play asks of it beside the wires."""

    url: str
    mllp: str
    own: AssigningAuthority
    sign_in_link: Callable[[str, Role], str]
    is_idle: Callable[[], bool]


@dataclass(slots=True)
class Play:
    """One performance. `tell` is called with the sentence of each step and, while it goes on, how far it is (0 to 1)."""

    stage: Stage
    tell: Callable[[str, float], None]
    people: list[Registration] = field(default_factory=list)
    patients: list[PatientId] = field(default_factory=list)
    sent: dict[str, bytes] = field(default_factory=dict)

    def steps(self) -> Sequence[tuple[str, Callable[[], str]]]:
        """Each step: what it does, and the act that says in a sentence what came of it. An act raises when it fails."""
        return (
            ("Three hospitals announce their patients (ITI-8)", self.announce),
            ("The index links what is of one person", self.wait_for_matching),
            ("An EHR asks for affinity-domain identifiers (ITI-9)", self.ask),
            ("It provides and registers documents (ITI-41)", self.provide),
            ("Another finds and retrieves them (ITI-18, ITI-43)", self.retrieve),
            ("An administrator settles a doubtful pair", self.settle),
            ("An auditor sees who did what", self.audit),
        )

    def announce(self) -> str:
        """Feeds the population."""
        self.people = list(population(PEOPLE))
        client = self._v2()
        for number, person in enumerate(self.people):
            fed = client.feed(adt(person, number))
            if not fed.is_accepted:
                raise _failed(f"message {fed.control_id} was answered with {fed.code}")
            self.tell("", number / len(self.people))
        return f"{len(self.people)} registrations of {PEOPLE + 5} people, all acknowledged"

    def wait_for_matching(self) -> str:
        """Waits until the worker has compared everything."""
        deadline = time.monotonic() + _MATCHING_SECONDS
        while not self.stage.is_idle():
            if time.monotonic() > deadline:
                raise _failed("the worker has not caught up")
            time.sleep(0.05)
        return "the worker has compared every record"

    def ask(self) -> str:
        """PIX queries for those who were registered more than once."""
        client = self._v2()
        often = [p for p in self.people if sum(p.person == other.person for other in self.people) > 1 and p.hospital == 0]
        found: list[PatientId] = []
        others = 0
        for person in often:
            ids = client.pix(local_id(person))
            found += [i for i in ids if i.authority.universal_id == self.stage.own.universal_id][:1]
            others += len(ids) - 1
        self.patients = found[:PATIENTS_WITH_DOCUMENTS]
        if len(self.patients) < PATIENTS_WITH_DOCUMENTS:
            raise _failed("too few patients have an identifier in the affinity domain")
        return f"{len(found)} patients asked for, {others} identifiers at other hospitals found"

    def provide(self) -> str:
        """Letters, a PDF, and an image of five megabytes."""
        count = 0
        with tempfile.TemporaryDirectory() as folder, self._xds() as client:
            for number, patient in enumerate(self.patients):
                for name, content in _documents(number, patient.cx):
                    file = Path(folder) / name
                    file.write_bytes(content)
                    done = client.submit([DocumentFile(file, title=name)], patient, SubmissionMetadata())
                    self.sent[done.documents[0].unique_id] = content
                    count += 1
                    self.tell("", count / (PATIENTS_WITH_DOCUMENTS * 3))
        total = sum(map(len, self.sent.values()))
        return f"{count} documents, {total / 1e6:.1f} MB"

    def retrieve(self) -> str:
        """Finds every patient's documents, retrieves each and compares every byte."""
        seen = 0
        with tempfile.TemporaryDirectory() as folder, self._xds() as client:
            for patient in self.patients:
                for found in client.find(patient):
                    got = client.retrieve(found.unique_id, Path(folder) / f"{seen}")
                    if got.path.read_bytes() != self.sent[found.unique_id]:
                        raise _failed("a document came back changed")
                    seen += 1
                    self.tell("", seen / len(self.sent))
        if seen != len(self.sent):
            raise _failed(f"{len(self.sent)} documents were sent, {seen} found")
        return f"{seen} documents, every byte as it was sent"

    def settle(self) -> str:
        """Signs in, opens the first pair of the queue, decides, and takes the decision back."""
        with self._person("Demo Administrator", Role.ADMINISTRATOR) as pages:
            queue = pages.get("/console/identities/reviews")
            waiting = re.findall(r'href="(/console/identities/reviews/\d+)"', queue)
            if not waiting:
                raise _failed("no pair waits for review")
            pair = pages.get(waiting[0])
            pages.post(f"{waiting[0]}/decide", pair, verdict="different", comment="two people of one household")
        return f"{len(set(waiting))} pairs waited; one was decided, and can be taken back"

    def audit(self) -> str:
        """Signs in and finds the records of a patient."""
        while not self.stage.is_idle():
            time.sleep(0.05)
        with self._person("Demo Auditor", Role.AUDITOR) as pages:
            search = pages.get("/console/audit")
            found = pages.post("/console/audit", search, patient=self.patients[0].cx)
        records = set(re.findall(r'href="/console/audit/(\d+)"', found))
        if not records:
            raise _failed("no audit record of the patient was found")
        return f"{len(records)} records of one patient"

    def _v2(self) -> V2Client:
        host, _, port = self.stage.mllp.rpartition(":")
        return V2Client(MllpAddress(host, int(port)), clock=system_clock, new_uuid=new_entry_uuid)

    @contextmanager
    def _xds(self) -> Iterator[XdsClient]:
        with tempfile.TemporaryDirectory() as spool:
            client = XdsClient(Server.at(self.stage.url, Path(spool)), clock=system_clock, new_uuid=new_entry_uuid)
            try:
                yield client
            finally:
                client.close()

    @contextmanager
    def _person(self, name: str, role: Role) -> Iterator[_Pages]:
        with requests.Session() as session:
            session.trust_env = False
            pages = _Pages(session, self.stage.url)
            link = self.stage.sign_in_link(name, role)
            pages.sign_in(link)
            yield pages
            pages.post("/console/sign-out", pages.get("/console/"))


class _Pages:
    """The console as a person's browser sees it."""

    def __init__(self, session: requests.Session, url: str) -> None:
        self._session = session
        self._url = url

    def sign_in(self, link: str) -> None:
        self.get(link.removeprefix(self._url))
        secret = link.rpartition("link=")[2]
        self._checked(self._session.post(f"{self._url}/console/sign-in", data={"link": secret}, timeout=_PAGE_SECONDS))

    def get(self, path: str) -> str:
        return self._checked(self._session.get(f"{self._url}{path}", timeout=_PAGE_SECONDS))

    def post(self, path: str, page: str, **fields: str) -> str:
        secret = re.search(r'name="form_secret" value="([^"]+)"', page)
        data = {**fields, "form_secret": secret[1] if secret else ""}
        return self._checked(self._session.post(f"{self._url}{path}", data=data, timeout=_PAGE_SECONDS))

    @staticmethod
    def _checked(answer: requests.Response) -> str:
        if not answer.ok:
            raise _failed(f"the console answered {answer.status_code}")
        return answer.text


def _failed(detail: str) -> HieError:
    return rejected(Condition.INTERNAL, "demo", detail)


def local_id(person: Registration) -> PatientId:
    """The identifier the hospital gave."""
    name, oid = HOSPITALS[person.hospital]
    return PatientId(person.local_id, AssigningAuthority.of_oid(oid, name))


def adt(person: Registration, number: int) -> bytes:
    """The hospital's announcement (ADT^A04)."""
    name, oid = HOSPITALS[person.hospital]
    phone = f"^PRN^PH^^^{person.phone[:3]}^{person.phone[3:]}" if person.phone else ""
    return "\r".join(
        (
            f"MSH|^~\\&|ADT|{name}|HIE|XAD|20261122101500||ADT^A04^ADT_A01|DEMO-{number}|P|2.5|||||||UNICODE UTF-8",
            "EVN|A04|20261122101500",
            f"PID|||{person.local_id}^^^{name}&{oid}&ISO||{person.family}^{person.given}||{person.birth}|{person.sex}|||"
            f"{person.street}^^{person.town}^^{person.postcode}||{phone}",
            "PV1||O",
            "",
        )
    ).encode()


def _documents(number: int, patient: str) -> Iterator[tuple[str, bytes]]:
    yield f"discharge-{number}.xml", letter("Discharge letter", patient, "Discharged in good health; review in six weeks.")
    yield f"report-{number}.pdf", pdf(f"Report {number}")
    yield f"image-{number}.jpg", bytes_of((5 << 20) if number == 0 else 200_000, number)
