"""Patient data stay in the database, the vault and the audit store: not in logs, metrics, addresses, tasks or broker messages."""

from __future__ import annotations

import http.client
import random
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from atna.syslog import Sender, encode
from tests.support import brokers, v2, v3
from tests.support import messages as m
from tests.support.audit import WHEN, an_event
from tests.support.raw import http_head
from tests.support.service import OPEN_DOMAIN, Service, running
from tests.support.taps import Tap, tapped
from tests.support.trail import Trail
from tests.support.wire import SOAP_TYPE, MllpWire, SoapWire, field

REPOSITORY = "/xds/repository"
FAMILY, GIVEN, STREET, CITY, LOCAL = "Zephyrinak", "Quillabrand", "Wobblethorn", "Yondervale", "CNRY4711X"
BIRTH, PHONE, TITLE, COMMENT, CONTENT = "19330721", "5557391428", "Quixotumor", "Grimblewort", "Vexillogramma"
CANARIES = (FAMILY, GIVEN, STREET, CITY, LOCAL, BIRTH, PHONE, TITLE, COMMENT, CONTENT)
NAME = f"{FAMILY}^{GIVEN}"
REST = f"F|||7 {STREET}^^{CITY}^^01102^US||^PRN^PH^^^413^{PHONE}"
CUTS = 6
"""How many times each message is sent again with something wrong."""
SEED = 4711


@dataclass
class Ward:
    """A service in which everything is told, and what is heard of it outside of its stores."""

    service: Service
    tap: Tap
    affinity_id: str = ""
    answers: int = 0

    def mllp(self, data: bytes) -> str:
        """One message on a connection of its own; empty when it was let go without an answer."""
        with MllpWire(self.service.mllp_port) as wire, suppress(ConnectionError):
            answer = wire.send(data)
            self.answers += 1
            return answer
        return ""

    def soap(self, data: bytes, kind: str = SOAP_TYPE, path: str = "/xds/registry") -> int:
        """One request; its status."""
        with SoapWire(self.service.http_port) as wire:
            status = wire.post(data, kind, path).status
        self.answers += 1
        return status

    def get(self, path: str) -> str:
        """The page at a path."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.service.http_port, timeout=20)) as connection:
            connection.request("GET", path)
            self.answers += 1
            return connection.getresponse().read().decode()


@pytest.fixture
def ward(tmp_path: Path, database_url: str) -> Iterator[Ward]:
    """A service that logs all it can, and works through a broker that is listened to."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on this machine")
    with brokers.redis() as broker, tapped(broker.port) as tap:
        environment = {
            **OPEN_DOMAIN,
            "HIE_DATABASE__URL": database_url,
            "HIE_BROKER__URL": broker.url,
            "HIE_LOG__LEVEL": "DEBUG",
            "HIE_MLLP__MESSAGE_BYTES": "65536",
            "HIE_SOAP__ENVELOPE_BYTES": str(128 << 10),
        }
        with running(tmp_path / "data", environment) as service:
            yield Ward(service, tap)


def v2_messages() -> list[bytes]:
    """Feeds, merges and queries, good and bad, each with all that can be said of the patient."""
    pid, other = v2.pid(LOCAL, name=NAME, birth=BIRTH, rest=REST), v2.pid(f"{LOCAL}B", name=NAME, birth=BIRTH, rest=REST)
    wanted = f"^^^&{m.XAD_OID}&ISO"
    return [
        v2.admission(pid),
        v2.admission(pid, "A08"),
        v2.admission(other, control_id="TWICE"),
        v2.admission(pid, control_id="TWICE"),
        v2.admission(v2.pid(f"{LOCAL}C", name=NAME, birth=BIRTH, authority="LAB&2.999.1.7&ISO", rest=REST)),
        m.merge(LOCAL, f"{LOCAL}B"),
        m.merge(LOCAL, f"{LOCAL}NEVER"),
        v2.pix(f"{LOCAL}^^^{v2.AUTHORITY}", wanted),
        v2.pix(f"{LOCAL}NEVER^^^{v2.AUTHORITY}", wanted),
        v2.pix(f"{LOCAL}^^^{STREET}&2.999.1.99&ISO", wanted),
        v2.pdq(f"@PID.5.1^{FAMILY}~@PID.5.2^{GIVEN}~@PID.7^{BIRTH}~@PID.11.1^7 {STREET}"),
        v2.pdq(f"@PID.99.{FAMILY}^{GIVEN}"),
        v2.admission(v2.pid(LOCAL, name=NAME, birth=f"{STREET}", rest=REST)),
        v2.admission(f"PID|||||{NAME}||{BIRTH}|{REST}"),
        v2.admission(pid, "A99"),
        v2.message(f"ORU^R01^{FAMILY}", pid),
        v2.message("", pid),
        v2.admission(pid, version=GIVEN),
        v2.admission(pid, msh="|||||KLINGON"),
        v2.admission(pid).replace(FAMILY.encode(), FAMILY.encode() + b"\xff\xfe", 1),
        v2.admission(pid + "|" + FAMILY * 7000),
        f"{FAMILY}|{GIVEN}|{LOCAL}".encode(),
    ]


def v3_messages() -> list[tuple[str, str]]:
    """The path and body of feeds and queries."""
    address = f"<addr><streetAddressLine>7 {STREET}</streetAddressLine><city>{CITY}</city></addr>"
    more = f'<telecom value="tel:+1-413-{PHONE}" use="HP"/>{address}'
    person, number = v3.person(FAMILY, GIVEN, birth=BIRTH), v3.identifier(v3.HOSPITAL, f"{LOCAL}3")
    birth = v3.parameter("livingSubjectBirthTime", f'<value value="{BIRTH}"/>')
    return [
        ("/pix", v3.feed(number, person)),
        ("/pix", v3.feed(number, v3.person(FAMILY, GIVEN, birth=BIRTH, more=more))),
        ("/pix", v3.feed(number, v3.person(FAMILY, GIVEN, birth=STREET))),
        ("/pix", v3.feed("", person)),
        ("/pix", v3.feed(number, person, name="PRPA_IN201304UV02", replaced=v3.identifier(v3.HOSPITAL, f"{LOCAL}NEVER"))),
        ("/pix", v3.pix(v3.HOSPITAL, f"{LOCAL}3", m.XAD_OID)),
        ("/pix", v3.pix(v3.HOSPITAL, f"{LOCAL}NEVER")),
        ("/pix", v3.pix(f"2.999.{FAMILY}", LOCAL)),
        ("/pdq", v3.pdq(v3.named(FAMILY, GIVEN) + birth)),
        ("/pdq", v3.pdq(v3.named(FAMILY) + v3.parameter(f"living{FAMILY}", f'<value value="{BIRTH}"/>'))),
    ]


def an_entry(patient: str, **changes: str) -> m.Entry:
    """A document whose metadata say everything."""
    info = {
        "sourcePatientId": (m.cx(LOCAL, "2.999.1.1"),),
        "sourcePatientInfo": (f"PID-5|{NAME}", f"PID-7|{BIRTH}", f"PID-11|7 {STREET}"),
    }
    comment = f'<rim:Description><rim:LocalizedString value="{COMMENT}"/></rim:Description>'
    made = m.Entry(patient, title=TITLE, slots=info, **{"hash": None, "size": None, **changes})  # type: ignore[arg-type]
    made.extra = comment if changes.get("mime_type") == COMMENT else ""
    return made


def xds_messages(patient: str) -> list[tuple[str, bytes, str]]:
    """Content type, bytes and path of submissions, queries and retrievals, good and refused."""
    content = CONTENT.encode()
    provided = [
        an_entry(patient),
        an_entry(patient, hash="0" * 40),
        an_entry(patient, size=PHONE),
        an_entry(m.cx(f"{LOCAL}NEVER")),
        an_entry(patient, unique_id=f"2.999.{FAMILY}"),
        an_entry(patient, creation_time=BIRTH + GIVEN),
        an_entry(patient, mime_type=COMMENT),
    ]
    entry = an_entry(patient, hash=m.EMPTY_SHA1, size="0")
    again = an_entry(patient, hash="1" * 40, size="9", unique_id=entry.unique_id)
    asked = [
        m.find_documents(patient),
        m.find_documents(LOCAL),
        m.find_documents(patient, m.slot(f"$XDSDocumentEntry{FAMILY}", f"'{GIVEN}'")),
        m.find_documents(patient, m.slot("$XDSDocumentEntryCreationTimeFrom", f"{STREET}")),
        m.find_documents(patient, m.slot("$XDSDocumentEntryTypeCode", f"'{TITLE}'")),
        m.stored_query(m.GET_DOCUMENTS, m.slot("$XDSDocumentEntryUniqueId", f"('{TITLE}')")),
        m.stored_query(f"urn:uuid:{FAMILY}", m.slot("$patientId", f"'{patient}'")),
    ]
    registered = [m.submission(entry), m.submission(entry), m.submission(again), m.submission(entry, replaces=f"urn:uuid:{FAMILY}")]
    plain = [(m.ACTION_42, body, "/xds/registry") for body in registered] + [(m.ACTION_18, body, "/xds/registry") for body in asked]
    plain += [
        (m.ACTION_43, m.retrieve((m.REPOSITORY, provided[0].unique_id), (m.REPOSITORY, TITLE), (FAMILY, TITLE)), REPOSITORY),
        (m.ACTION_43, m.remove_documents((m.REPOSITORY, TITLE)), REPOSITORY),
        (f"urn:{FAMILY}", m.find_documents(patient), "/xds/registry"),
        (m.ACTION_42, m.find_documents(patient), "/xds/registry"),
    ]
    whole = [(*m.provide_and_register(e, content), REPOSITORY) for e in provided]
    return whole + [(SOAP_TYPE, m.envelope(action, body), path) for action, body, path in plain]


def harmed(data: bytes, chance: random.Random) -> Iterator[bytes]:
    """The same message cut, and with some of its bytes exchanged."""
    for number in range(CUTS):
        if number % 2:
            yield data[: chance.randrange(len(data))]
        else:
            other = bytearray(data)
            for _ in range(3):
                other[chance.randrange(len(other))] = chance.choice(b"<>|^&\"'x\x00\xff")
            yield bytes(other)


def tell_everything(ward: Ward) -> None:
    """Every transaction with the patient's data, as it should be and as it should not be."""
    chance = random.Random(SEED)
    for good in v2_messages():
        for data in (good, *(harmed(good, chance) if len(good) < 10_000 else ())):
            ward.mllp(data)
    found = ward.mllp(m.pix_query(LOCAL))
    ward.affinity_id = field(found, "PID", 3).split("^")[0]
    for path, body in v3_messages():
        good = m.envelope(f"{v3.V3}:{body[1:].split(' ')[0]}", body)
        for data in (good, *harmed(good, chance)):
            ward.soap(data, SOAP_TYPE, path)
    for kind, good, path in xds_messages(m.cx(ward.affinity_id)):
        for data in (good, *harmed(good, chance)):
            ward.soap(data, kind, path)
    tell_around_the_edges(ward)


def tell_around_the_edges(ward: Ward) -> None:
    """What stands in addresses and headers, is too long, breaks off, or comes as somebody's audit message."""
    for path in (f"/fhir/Patient?family={FAMILY}", f"/{FAMILY}/{LOCAL}", f"/console/audit?patient={quote(m.cx(LOCAL))}"):
        ward.get(path)
    long = m.envelope(m.ACTION_18, m.find_documents(LOCAL) + f"<!--{FAMILY * 30_000}-->")
    ward.soap(long)
    ward.soap(b"{}", f"application/{FAMILY}")
    ward.soap(b"x", f"multipart/related; boundary={FAMILY}; start={GIVEN}")
    with socket.create_connection(("127.0.0.1", ward.service.http_port), timeout=10) as wire:
        wire.sendall(http_head(5000, f"X-Patient: {FAMILY}") + long[:1000])
    with MllpWire(ward.service.mllp_port) as wire:
        wire.send_raw(b"\x0b" + v2_messages()[0][:-40])
    event = an_event(patient=m.cx(LOCAL), user=FAMILY).to_xml()
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        for body in (event, event[:-30], f"{NAME} {LOCAL}".encode(), event.replace(b"AuditMessage", FAMILY.encode())):
            udp.sendto(encode(body, Sender("emr", FAMILY, "1"), WHEN), ("127.0.0.1", ward.service.syslog_port))
        udp.sendto(f"{NAME} {LOCAL}".encode(), ("127.0.0.1", ward.service.syslog_port))


def leaked(data: bytes, words: tuple[str, ...]) -> list[str]:
    """The lines that hold one of the words."""
    text = data.decode("utf-8", "replace")
    return [line[:400] for line in text.splitlines() if any(word.lower() in line.lower() for word in words)]


def test_nothing_of_a_patient_is_told_outside_of_the_stores(ward: Ward) -> None:
    tell_everything(ward)
    trail = Trail(ward.service)
    with closing(trail):
        brokers.wait_for(lambda: trail.waiting() == 0, 60)
        on_record = b"".join(record.xml for record in trail.since(0))
    metrics = ward.get("/metrics").encode()
    assert ward.service.stop() == 0

    log, heard = (ward.service.data / "stderr.log").read_bytes(), ward.tap.heard()
    words = (*CANARIES, ward.affinity_id)
    assert len(ward.affinity_id) > 6
    assert f"{LOCAL}^^^".encode() in on_record  # it was told: the audit trail names the patient
    assert heard.count(b"hie.handle") > 10
    assert log.count(b'"event"') > 40
    assert leaked(log, words) == []
    assert leaked(heard, words) == []
    assert leaked(metrics, words) == []
    assert leaked("\n".join(ward.service.lines).encode(), words) == []
