"""Bad input on the wires of a running service: a clear error of the protocol, nothing half stored, and the service goes on."""

from __future__ import annotations

import gzip
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import messages as m
from tests.support import raw, v2
from tests.support.brokers import wait_for
from tests.support.checked import assert_valid
from tests.support.command import hie
from tests.support.raw import chunked, exchange, http_head
from tests.support.service import OPEN_DOMAIN, Service, running
from tests.support.wire import MllpWire, Reply, SoapWire, field

REPOSITORY = "/xds/repository"
CONTENT = b"the content of a document"
SMALL = {
    **OPEN_DOMAIN,
    "HIE_HTTP__IDLE_SECONDS": "1.5",
    "HIE_HTTP__BODY_BYTES": str(2 << 20),
    "HIE_HTTP__HEADER_BYTES": "8192",
    "HIE_SOAP__ENVELOPE_BYTES": str(128 << 10),
    "HIE_SOAP__PARTS": "20",
    "HIE_MLLP__MESSAGE_BYTES": "65536",
    "HIE_MLLP__FRAME_SECONDS": "1.5",
    "HIE_MLLP__IDLE_SECONDS": "3",
}
"""Limits that a test reaches quickly."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service with small limits."""
    with running(tmp_path_factory.mktemp("bad") / "data", SMALL) as service:
        yield service


@pytest.fixture(scope="module")
def patient(service: Service) -> str:
    """The affinity-domain identifier of a patient."""
    with MllpWire(service.mllp_port) as wire:
        assert field(wire.send(m.adt("BAD-1")), "MSA", 1) == "AA"
        return m.cx(field(wire.send(m.pix_query("BAD-1")), "PID", 3).split("^")[0])


@pytest.fixture(autouse=True)
def the_service_goes_on(service: Service, patient: str) -> Iterator[None]:
    """After every test: nothing broke inside, nothing is left lying, and both wires answer."""
    before = len((service.data / "stderr.log").read_text())
    yield
    log = (service.data / "stderr.log").read_text()[before:]
    assert '"event": "bug"' not in log, log[-3000:]
    assert "Traceback" not in log
    wait_for(lambda: staged(service.data) == [], 10)  # a client that hung up does not hear when its request has ended
    with SoapWire(service.http_port) as soap, MllpWire(service.mllp_port) as mllp:
        assert soap.call(m.ACTION_18, m.find_documents(patient, return_type="ObjectRef")).status_urn == "Success"
        assert field(mllp.send(m.pix_query("BAD-1")), "QAK", 2) == "OK"


def staged(data: Path) -> list[Path]:
    """Files that arrived and were neither published nor forgotten."""
    return [f for folder in data.rglob("staging") for f in folder.iterdir()]


def registered(service: Service, patient: str) -> list[str]:
    """The ids of everything the registry has of the patient."""
    with SoapWire(service.http_port) as soap:
        return soap.call(m.ACTION_18, m.find_documents(patient, return_type="ObjectRef")).ids()


def is_kept(service: Service, unique_id: str) -> bool:
    """Whether the repository gives out a document."""
    with SoapWire(service.http_port) as soap:
        return len(soap.call(m.ACTION_43, m.retrieve((m.REPOSITORY, unique_id)), REPOSITORY).parts()) == 2


def post(service: Service, data: bytes, kind: str = "", path: str = "/xds/registry") -> Reply:
    """One request on a connection of its own."""
    return exchange(service.http_port, http_head(len(data), path=path, kind=kind), data).reply


def assert_fault(reply: Reply, code: str, status: int, words: str = "") -> None:
    """A SOAP fault with this code, valid, that says what is wrong and nothing of our inside."""
    assert reply.status == status, reply.data[:500]
    assert_valid(reply)
    assert reply.fault[0] == code, reply.data[:500]
    assert words.lower() in reply.fault[1].lower(), reply.fault
    assert not re.search(r"Traceback|File \"|\.py|lxml|spyne|sqlalchemy", reply.data.decode("utf-8", "replace"))


# SOAP

QUESTION = m.find_documents(m.cx("1"))
GOOD = m.envelope(m.ACTION_18, QUESTION)
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
NO_ADDRESSING = f'<s:Envelope xmlns:s="{m.SOAP}"><s:Header/><s:Body>{QUESTION}</s:Body></s:Envelope>'.encode()
UNKNOWN_HEADER = GOOD.replace(b"</soap:Header>", b'<x:Pay xmlns:x="urn:x" soap:mustUnderstand="1">1</x:Pay></soap:Header>')


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"   \r\n", ""),
        (b"hello", ""),
        (b"<", ""),
        (GOOD[:-20], ""),
        (GOOD.replace(b"</soap:Body>", b"</soap:Bodyx>"), ""),
        (GOOD + b"<more/>", ""),
        (GOOD.replace(b"query:3.0", b"query:3.0\x00"), ""),
        (b"\xff\xfe" + GOOD, ""),
        (GOOD.replace(b"FindDocuments", b"\xc3\x28").replace(b"$XDS", b"\xc3\x28XDS"), ""),
        (b"<a>" * 100_000, ""),
        (b"<!DOCTYPE s>" + GOOD, "document type"),
        (b'<!DOCTYPE s [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + GOOD.replace(b"APP", b"&e;"), "document type"),
        (b'<!DOCTYPE s [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>' + GOOD, "document type"),
        (b"<query/>", ""),
    ],
    ids=[
        "empty", "blank", "no XML", "one bracket", "cut", "tags crossed", "two roots", "NUL", "false byte order mark",
        "broken UTF-8", "depth", "DOCTYPE", "external entity", "entities", "no envelope",
    ],
)  # fmt: skip
def test_what_is_no_soap_message_is_a_fault(service: Service, data: bytes, words: str) -> None:
    reply = post(service, data)

    assert reply.fault[0] in ("Sender", "VersionMismatch"), reply.data[:500]
    assert_fault(reply, reply.fault[0], 400 if reply.fault[0] == "Sender" else 500, words)


def test_a_message_of_soap_1_1_is_told_the_version_we_speak(service: Service) -> None:
    data = GOOD.replace(m.SOAP.encode(), SOAP_11.encode())

    reply = post(service, data, "text/xml; charset=UTF-8")

    assert_fault(reply, "VersionMismatch", 500, "SOAP 1.2")


@pytest.mark.parametrize(
    ("data", "code", "status", "words"),
    [
        (NO_ADDRESSING, "Sender", 400, "wsa:Action"),
        (GOOD.replace(m.ACTION_18.encode(), b"urn:ihe:iti:2007:NoSuchThing"), "Sender", 400, "NoSuchThing"),
        (GOOD.replace(m.ACTION_18.encode(), m.ACTION_42.encode()), "Sender", 400, ""),
        (GOOD.replace(m.ACTION_18.encode(), b""), "Sender", 400, "Action"),
        (UNKNOWN_HEADER, "MustUnderstand", 500, "Pay"),
        (GOOD.replace(b"addressing/anonymous", b"addressing/none"), "Sender", 400, "ReplyTo"),
        (GOOD.replace(f"{m.WSA}/anonymous".encode(), b"http://198.51.100.7/reply"), "Sender", 400, "ReplyTo"),
        (m.envelope(m.ACTION_18, ""), "Sender", 400, ""),
        (m.envelope(m.ACTION_18, QUESTION + QUESTION), "Sender", 400, ""),
        (m.envelope(m.ACTION_18, "<query:AdhocQueryRequest xmlns:query='urn:x'/>"), "Sender", 400, ""),
        (m.envelope(m.ACTION_18, QUESTION.replace("rim:AdhocQuery id", "rim:AdhocQuery idd")), "Sender", 400, ""),
    ],
    ids=[
        "no Action", "unknown Action", "another Action's body", "empty Action", "unknown mustUnderstand", "no reply wanted",
        "reply elsewhere", "empty body", "two bodies", "body of another namespace", "body that breaks the schema",
    ],
)  # fmt: skip
def test_what_cannot_be_dispatched_is_a_fault(service: Service, data: bytes, code: str, status: int, words: str) -> None:
    assert_fault(post(service, data), code, status, words)


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_content_type_that_carries_no_soap_is_named(service: Service, kind: str) -> None:
    assert_fault(post(service, GOOD, kind), "Sender", 415, kind.partition(";")[0])


@pytest.mark.parametrize("kind", ["", "multipart", "multipart/related", "application/soap+xml; charset=klingon", 'a/b; c="d'])
def test_a_content_type_that_is_none_is_a_fault(service: Service, kind: str) -> None:
    data = GOOD
    head = http_head(len(data), f"Content-Type: {kind}")

    reply = exchange(service.http_port, head, data).reply

    assert_fault(reply, "Sender", reply.status)
    assert reply.status in (400, 415)


@pytest.mark.parametrize(("charset", "codec"), [("iso-8859-1", "utf-8"), ("utf-16", "utf-8"), ("utf-8", "utf-16")])
def test_a_charset_that_is_not_that_of_the_bytes_is_a_fault(service: Service, charset: str, codec: str) -> None:
    data = GOOD.decode().encode(codec)

    assert_fault(post(service, data, f"application/soap+xml; charset={charset}"), "Sender", 400)


def test_an_envelope_over_its_limit_is_a_fault(service: Service) -> None:
    padding = f"<!--{'x' * (200 << 10)}-->".encode()

    reply = post(service, GOOD.replace(b"<soap:Body>", padding + b"<soap:Body>"))

    assert_fault(reply, "Sender", 400, "bytes")


def test_a_registration_over_the_limit_is_a_fault_and_leaves_nothing(service: Service, patient: str) -> None:
    before = registered(service, patient)
    entries = [m.Entry(patient) for _ in range(60)]

    reply = post(service, m.envelope(m.ACTION_42, m.submission(*entries)))

    assert_fault(reply, "Sender", 400, "bytes")
    assert registered(service, patient) == before


# MTOM


def provision(patient: str, content: bytes = CONTENT, **changes: str) -> tuple[m.Entry, str, bytes]:
    """An entry, and its submission with one part."""
    entry = m.Entry(patient, **{"hash": None, "size": None, **changes})  # type: ignore[arg-type]
    kind, data = m.provide_and_register(entry, content)
    return entry, kind, data


Damage = Callable[[str, bytes], tuple[str, bytes]]
PART = b"Content-ID: <document@test>"
MTOM_DAMAGE: dict[str, Damage] = {
    "no part of the name in start": lambda k, d: (k.replace("<root@test>", "<other@test>"), d),
    "no boundary": lambda k, d: (re.sub(r'boundary="[^"]*"; ', "", k), d),
    "another boundary": lambda k, d: (k.replace("part-of-a-test", "part-of-another"), d),
    "no last boundary": lambda k, d: (k, d.replace(b"--part-of-a-test--", b"")),
    "no parts at all": lambda k, _: (k, b""),
    "a part that is missing": lambda k, d: (k, d[: d.rindex(b"\r\n--part-of-a-test\r\n")] + b"\r\n--part-of-a-test--\r\n"),
    "a part nobody refers to": lambda k, d: (k, d.replace(b"cid:document@test", b"cid:elsewhere@test")),
    "a part without name": lambda k, d: (k, d.replace(PART + b"\r\n", b"")),
    "two parts of one name": lambda k, d: (
        k,
        d.replace(b"\r\n--part-of-a-test--", b"\r\n--part-of-a-test\r\n" + PART + b"\r\n\r\nagain\r\n--part-of-a-test--"),
    ),
    **{
        f"an Include with {scheme}": lambda k, d, s=scheme: (k, d.replace(b"cid:document@test", s.encode()))
        for scheme in ("http://127.0.0.1:9/x", "file:///etc/hostname", "data:,x", "ftp://127.0.0.1/x", "document@test", "")
    },
    "headers that never end": lambda k, d: (k, d.replace(PART, PART + b"\r\nX: " + b"y" * 20_000)),
    "a transfer encoding nobody knows": lambda k, d: (k, d.replace(b"binary", b"x-rot13")),
    "base64 that is none": lambda k, d: (
        k,
        d[: d.index(PART)].replace(b"binary", b"binary")
        + d[d.index(PART) :].replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n!", 1),
    ),
    "too many parts": lambda k, d: (
        k,
        d.replace(
            b"\r\n--part-of-a-test--",
            b"".join(b"\r\n--part-of-a-test\r\nContent-ID: <%d@x>\r\n\r\n" % n for n in range(30)) + b"\r\n--part-of-a-test--",
        ),
    ),
    "a root of another type": lambda k, d: (k, d.replace(b"Content-Type: application/xop+xml", b"Content-Type: image/png", 1)),
    "a document type in the root": lambda k, d: (k, d.replace(b"<soap:Envelope", b"<!DOCTYPE s><soap:Envelope", 1)),
}


@pytest.mark.parametrize("name", MTOM_DAMAGE)
def test_a_damaged_mtom_message_is_a_fault_and_leaves_nothing(service: Service, patient: str, name: str) -> None:
    entry, kind, data = provision(patient)
    before = registered(service, patient)
    damaged_kind, damaged = MTOM_DAMAGE[name](kind, data)
    assert (damaged_kind, damaged) != (kind, data)

    reply = post(service, damaged, damaged_kind, REPOSITORY)

    assert_fault(reply, "Sender", 400)
    assert registered(service, patient) == before
    assert not is_kept(service, entry.unique_id)


REFUSALS: dict[str, tuple[Callable[[str], tuple[m.Entry, str, bytes]], list[str]]] = {}


def refusal(*codes: str) -> Callable[[Callable[[str], tuple[m.Entry, str, bytes]]], None]:
    """A submission that is read and wrong, with the codes of its refusal."""

    def keep(make: Callable[[str], tuple[m.Entry, str, bytes]]) -> None:
        REFUSALS[make.__name__.replace("_", " ").strip()] = (make, list(codes))

    return keep


@refusal("XDSMissingDocument")
def _metadata_without_document(patient: str) -> tuple[m.Entry, str, bytes]:
    entry = m.Entry(patient, hash=None, size=None)
    return entry, "", m.envelope(m.ACTION_41, m.provide(m.submission(entry), {}))


@refusal("XDSMissingDocumentMetadata")
def _document_without_metadata(patient: str) -> tuple[m.Entry, str, bytes]:
    entry = m.Entry(patient, hash=None, size=None)
    body = m.provide(m.submission(entry), {entry.id: "QUJD", "Stranger": "QUJD"})
    return entry, "", m.envelope(m.ACTION_41, body)


@refusal("XDSRepositoryMetadataError")
def _another_hash(patient: str) -> tuple[m.Entry, str, bytes]:
    return provision(patient, hash="0" * 40)


@refusal("XDSRepositoryMetadataError")
def _another_size(patient: str) -> tuple[m.Entry, str, bytes]:
    return provision(patient, size="1")


@refusal("XDSUnknownPatientId")
def _unknown_patient(_: str) -> tuple[m.Entry, str, bytes]:
    return provision(m.cx("NOBODY"))


@refusal("XDSPatientIdDoesNotMatch")
def _mixed_patients(patient: str) -> tuple[m.Entry, str, bytes]:
    entry, kind, data = provision(patient)
    return entry, kind, data.replace(m.escape(patient).encode(), m.escape(m.cx("OTHER")).encode(), 1)


@pytest.mark.parametrize("name", REFUSALS)
def test_a_submission_that_is_wrong_is_refused_and_leaves_nothing(service: Service, patient: str, name: str) -> None:
    make, codes = REFUSALS[name]
    entry, kind, data = make(patient)
    before = registered(service, patient)

    reply = post(service, data, kind, REPOSITORY)

    assert (reply.status, reply.status_urn) == (200, "Failure")
    assert [code for code, _ in reply.refusals] == codes
    assert registered(service, patient) == before
    assert not is_kept(service, entry.unique_id)


def test_a_uniqueid_with_other_content_is_refused_and_the_first_stays(service: Service, patient: str) -> None:
    entry, kind, data = provision(patient)
    assert post(service, data, kind, REPOSITORY).status_urn == "Success"
    _, other_kind, other = provision(patient, b"something else", unique_id=entry.unique_id)

    reply = post(service, other, other_kind, REPOSITORY)

    assert reply.codes == ["XDSNonIdenticalHash"]
    with SoapWire(service.http_port) as soap:
        assert soap.call(m.ACTION_43, m.retrieve((m.REPOSITORY, entry.unique_id)), REPOSITORY).parts()[1] == CONTENT


# HTTP


def test_a_body_in_chunks_is_a_body(service: Service, patient: str) -> None:
    entry, kind, data = provision(patient)
    pieces = [data[n : n + 777] for n in range(0, len(data), 777)]

    answer = exchange(
        service.http_port, http_head(None, "Transfer-Encoding: chunked", path=REPOSITORY, kind=kind), chunked(*pieces)
    )

    assert answer.reply.status_urn == "Success", answer.reply.data[:500]
    assert is_kept(service, entry.unique_id)


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhelloworld\r\n0\r\n\r\n",
        b"ffffffffff\r\nhello",
        b"5\r\nhel",
    ],
    ids=["no number", "negative", "longer than said", "too large", "cut"],
)
def test_chunks_that_are_none_are_answered(service: Service, body: bytes) -> None:
    head = http_head(None, "Transfer-Encoding: chunked")

    reply = exchange(service.http_port, head, body, half_close=True).reply

    assert 400 <= reply.status < 500, (reply.status, reply.data[:300])


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_compressed_body_is_refused_without_being_unpacked(service: Service, encoding: str) -> None:
    data = gzip.compress(GOOD)

    reply = exchange(service.http_port, http_head(len(data), f"Content-Encoding: {encoding}"), data).reply

    assert reply.status == 415
    assert b"Content-Encoding" in reply.data


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(service: Service) -> None:
    with socket.create_connection((raw.HOST, service.http_port), timeout=20) as wire:
        wire.sendall(http_head(len(GOOD), "Expect: 100-continue"))
        interim = wire.recv(100)
        wire.sendall(GOOD)
        answer = raw.read_answer(wire)

    assert interim.startswith(b"HTTP/1.1 100 ")
    assert answer.reply.status_urn == "Success"


@pytest.mark.parametrize("length", [(2 << 20) + 1, 10**15])
def test_a_body_over_the_limit_is_refused_before_it_is_read(service: Service, length: int) -> None:
    reply = exchange(service.http_port, http_head(length), b"x" * 1000).reply

    assert reply.status == 413


def test_a_body_over_the_limit_in_chunks_is_refused_while_it_is_read(service: Service) -> None:
    pieces = [b"x" * 65536] * 40

    reply = exchange(
        service.http_port, http_head(None, "Transfer-Encoding: chunked"), *(chunked(p)[:-5] for p in pieces), b"0\r\n\r\n"
    ).reply

    assert reply.status in (400, 413), reply.data[:300]


@pytest.mark.parametrize("value", ["-1", "many", "1e3", "0x10", "5, 6"])
def test_a_content_length_that_is_none_is_answered(service: Service, value: str) -> None:
    head = http_head(None, f"Content-Length: {value}")

    reply = exchange(service.http_port, head, GOOD, half_close=True).reply

    assert 400 <= reply.status < 500, (reply.status, reply.data[:300])


def test_a_length_and_chunks_at_once_are_not_two_messages(service: Service) -> None:
    head = http_head(4, "Transfer-Encoding: chunked")

    with socket.create_connection((raw.HOST, service.http_port), timeout=20) as wire:
        wire.sendall(head + chunked(GOOD))
        answer = raw.read_answer(wire)

    assert answer.reply.status in (200, 400)


def test_headers_over_their_limit_are_refused(service: Service) -> None:
    reply = exchange(service.http_port, http_head(len(GOOD), "X-Padding: " + "y" * 20_000), GOOD).reply

    assert reply.status in (400, 413, 431)


@pytest.mark.parametrize(
    "line", [b"hello\r\n\r\n", b"POST\r\n\r\n", b"POST /xds/registry HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n"]
)
def test_what_is_no_http_is_answered(service: Service, line: bytes) -> None:
    reply = exchange(service.http_port, line, half_close=True).reply

    assert 400 <= reply.status < 600


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/xds/registry", 405), ("DELETE", "/pix", 405), ("POST", "/nowhere", 404), ("GET", "/../etc/passwd", 404)],
)
def test_methods_and_paths_that_are_not_served_are_named(service: Service, method: str, path: str, status: int) -> None:
    reply = exchange(service.http_port, http_head(len(GOOD), method=method, path=path), GOOD).reply

    assert reply.status == status
    assert b"Traceback" not in reply.data


def test_a_slow_client_is_served(service: Service, patient: str) -> None:
    entry, kind, data = provision(patient)
    with socket.create_connection((raw.HOST, service.http_port), timeout=20) as wire:
        wire.sendall(http_head(len(data), path=REPOSITORY, kind=kind))
        for at in range(0, len(data), len(data) // 20):
            wire.sendall(data[at : at + len(data) // 20])
            time.sleep(0.1)  # slower than the idle limit in all, never in one piece
        answer = raw.read_answer(wire)

    assert answer.reply.status_urn == "Success"
    assert is_kept(service, entry.unique_id)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_client_that_stops_sending_is_answered_and_nothing_is_kept(service: Service, patient: str, share: float) -> None:
    entry, kind, data = provision(patient, CONTENT * 1000)
    began = time.monotonic()

    answer = exchange(service.http_port, http_head(len(data), path=REPOSITORY, kind=kind), data[: int(len(data) * share)])

    assert_fault(answer.reply, "Sender", 400)
    assert time.monotonic() - began < 10
    assert not is_kept(service, entry.unique_id)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_client_that_hangs_up_half_way_is_answered_and_nothing_is_kept(service: Service, patient: str, share: float) -> None:
    entry, kind, data = provision(patient, CONTENT * 1000)

    answer = exchange(
        service.http_port, http_head(len(data), path=REPOSITORY, kind=kind), data[: int(len(data) * share)], half_close=True
    )

    assert_fault(answer.reply, "Sender", 400)
    assert not is_kept(service, entry.unique_id)


def test_a_client_that_closes_its_side_after_the_request_is_answered(service: Service, patient: str) -> None:
    entry, kind, data = provision(patient)

    answer = exchange(service.http_port, http_head(len(data), path=REPOSITORY, kind=kind) + data, half_close=True)

    assert answer.reply.status_urn == "Success"
    assert is_kept(service, entry.unique_id)


def test_a_client_that_is_gone_does_no_harm(service: Service, patient: str) -> None:
    _, kind, data = provision(patient, CONTENT * 5000)
    for share in (0.1, 0.5, 1.0):
        wire = socket.create_connection((raw.HOST, service.http_port), timeout=20)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        wire.sendall(http_head(len(data), path=REPOSITORY, kind=kind) + data[: int(len(data) * share)])
        wire.close()  # a reset


# MLLP


def frame(data: bytes) -> bytes:
    """A block."""
    return b"\x0b" + data + b"\x1c\r"


@pytest.mark.parametrize(
    ("message", "acknowledgement", "codes"),
    [
        (b"", "AR", ["100"]),
        (b"hello", "AR", ["100"]),
        (b"PID|||1", "AR", ["100"]),
        (b"\x00\x01\x02\x03", "AR", ["100"]),
        (b"MSH", "AR", ["100"]),
        (b"MSH|", "AR", ["100"]),
        (b"MSH|^~\\&\r", "AR", None),
        (b"MSH|^~\\&|A|B|C|D|20260101||ADT^A04|X1", "AR", None),
        (v2.message("", "PID|||1"), "AR", ["101"]),
        (v2.message("", "PID|||1").replace(b"||T", b"|T"), "AR", None),
        (b"MSH^~|\\&^A^B^C^D^20260101^^ADT|A04^X2^P^2.5\rPID^^^1", None, None),
        (b"MSH||||||||ADT|1|P|2.5\r", "AR", None),
        (v2.admission(v2.pid("X")).replace(b"\r", b"\n\n"), None, None),
        (b"<ADT_A01/>", "AR", ["100"]),
    ],
    ids=[
        "empty", "text", "no MSH", "bytes", "MSH alone", "MSH and a bar", "no fields", "cut", "no MSH-9", "MSH-9 elsewhere",
        "other separators", "separators that are the same", "other line ends", "XML",
    ],
)  # fmt: skip
def test_a_frame_that_is_no_message_is_answered(
    service: Service, message: bytes, acknowledgement: str | None, codes: list[str] | None
) -> None:
    with MllpWire(service.mllp_port, timeout=10) as wire:
        answer = wire.send(message)

    assert f"MSA|{acknowledgement}" in answer if acknowledgement else "MSA" in answer, answer
    if codes is not None:
        assert [e.code for e in v2.errors(answer)] == codes, answer


@pytest.mark.parametrize(
    ("declared", "data"),
    [("UNICODE UTF-8", b"Gr\xf6\xdfe"), ("ASCII", b"Gr\xc3\xb6\xc3\x9fe\xff"), ("KLINGON", b"Worf"), ("8859/99", b"Worf")],
)
def test_a_character_set_that_is_not_that_of_the_bytes_is_refused(service: Service, declared: str, data: bytes) -> None:
    text = v2.admission(v2.pid("CHARSET-1", name="NAME^Ann"), msh=f"||||||{declared}").replace(b"NAME", data)

    with MllpWire(service.mllp_port, timeout=10) as wire:
        answer = wire.send(text)
        known = wire.send(m.pix_query("CHARSET-1"))

    assert (v2.code(answer), [e.code for e in v2.errors(answer)]) == ("AR", ["103"]), answer
    assert field(known, "QAK", 2) == "AE"


def test_bytes_outside_of_frames_are_passed_over(service: Service) -> None:
    with MllpWire(service.mllp_port, timeout=10) as wire:
        wire.send_raw(b"garbage \x1c\r\r\n more" + frame(m.pix_query("BAD-1")) + b"\r\n\x1c" + frame(m.pix_query("BAD-1")))
        answers = [wire.receive(), wire.receive()]

    assert [field(a, "QAK", 2) for a in answers] == ["OK", "OK"]


def test_a_frame_over_the_limit_is_answered(service: Service) -> None:
    with MllpWire(service.mllp_port, timeout=10) as wire:
        answer = wire.send(v2.admission(v2.pid("LONG-1", rest="F|" + "x" * 70_000), control_id="TOOLONG"))

    assert (v2.code(answer), field(answer, "MSA", 2)) == ("AR", "TOOLONG")


def test_a_frame_in_a_frame_is_the_later_one(service: Service) -> None:
    with MllpWire(service.mllp_port, timeout=10) as wire:
        wire.send_raw(b"\x0bMSH|^~\\&|half a mess")
        wire.send_raw(frame(m.pix_query("BAD-1")))
        answer = wire.receive()

    assert v2.code(answer) in ("AA", "AR")


def test_a_slow_sender_is_answered(service: Service) -> None:
    message = frame(m.pix_query("BAD-1"))
    with MllpWire(service.mllp_port, timeout=10) as wire:
        for at in range(0, len(message), 20):
            wire.send_raw(message[at : at + 20])
            time.sleep(0.02)  # the message takes a while, within its limit
        answer = wire.receive()

    assert field(answer, "QAK", 2) == "OK"


def test_a_sender_that_stops_in_a_frame_is_let_go_and_nothing_is_kept(service: Service) -> None:
    message = frame(m.adt("STOPPED-1"))
    began = time.monotonic()
    with MllpWire(service.mllp_port, timeout=20) as wire:
        wire.send_raw(message[:-10])
        with pytest.raises(ConnectionError):
            wire.receive()

    assert time.monotonic() - began < 10
    with MllpWire(service.mllp_port) as wire:
        assert field(wire.send(m.pix_query("STOPPED-1")), "QAK", 2) == "AE"


def test_a_sender_that_closes_its_side_after_the_message_is_answered(service: Service) -> None:
    with MllpWire(service.mllp_port, timeout=10) as wire:
        wire.send_raw(frame(m.adt("HALF-1", name="Half^Closed")))
        wire.half_close()
        answer = wire.receive()

    assert v2.code(answer) == "AA"


def test_a_thousand_messages_at_once_are_answered_in_order(service: Service) -> None:
    messages = [v2.pix(f"BAD-1^^^{v2.AUTHORITY}", control_id=f"PIPE{n}") for n in range(1000)]
    with MllpWire(service.mllp_port, timeout=60) as wire:
        wire.send_raw(b"".join(map(frame, messages)))
        answers = [wire.receive() for _ in messages]

    assert [field(a, "MSA", 2) for a in answers] == [f"PIPE{n}" for n in range(1000)]


def test_the_store_is_whole_after_all_of_that(service: Service) -> None:
    result = hie("verify", "--data", str(service.data), environment=service.environment)

    assert result.code == 0, result.out + result.err
