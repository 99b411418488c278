"""WS-Addressing, asynchronous: 202 at once, the answer posted to ReplyTo, only where the domain allows it (ITI TF-2 appendix V)."""

from __future__ import annotations

import queue
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conformance.conftest import Patient
from tests.support import messages as m
from tests.support.brokers import wait_for
from tests.support.checked import CheckedMllpWire, assert_valid
from tests.support.service import OPEN_DOMAIN, Service, running
from tests.support.updates import ACTION_57, ACTION_62, removal, status_change
from tests.support.wire import SOAP_TYPE, Reply, SoapWire, field

PATIENCE = 30.0
PATH = "/xds/repository"
SOMETHING = "urn:uuid:00000000-0000-4000-8000-000000000004"


class Receiver:
    """An HTTP server of a partner, who may be out of order for a few messages."""

    def __init__(self) -> None:
        self.came: queue.Queue[Reply] = queue.Queue()
        self.refuses = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.refuses -= 1
                self.send_response(500 if outer.refuses >= 0 else 202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                outer.came.put(Reply(200, self.headers["Content-Type"], body))

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/answers/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def answer(self) -> Reply:
        """The next message."""
        return self.came.get(timeout=PATIENCE)

    def close(self) -> None:
        """Ends."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """A partner who takes answers."""
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def service(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that may answer to the partner."""
    environment = {**OPEN_DOMAIN, "HIE_SOAP__REPLY_TO": f'["{receiver.url}"]'}
    with running(tmp_path_factory.mktemp("asynchronous") / "data", environment) as service:
        yield service


@pytest.fixture(scope="module")
def patient(service: Service) -> Patient:
    """Somebody with an identifier of the affinity domain."""
    with CheckedMllpWire(service.mllp_port) as mllp:
        assert field(mllp.send(m.adt("Y-1", authority=f"XAD&{m.XAD_OID}&ISO")), "MSA", 1) == "AA"
    return Patient("Y-1", "Rivera", "Lena", "19840317", m.cx("Y-1"))


def addressed(sent: bytes, reply_to: str, fault_to: str = "") -> bytes:
    """The same message with other addresses for its answer and its fault."""
    fault = f"<wsa:FaultTo><wsa:Address>{fault_to}</wsa:Address></wsa:FaultTo>" if fault_to else ""
    anonymous = f"<wsa:ReplyTo><wsa:Address>{m.WSA}/anonymous</wsa:Address></wsa:ReplyTo>"
    changed = sent.decode("latin-1").replace(anonymous, anonymous.replace(f"{m.WSA}/anonymous", reply_to) + fault)
    return changed.encode("latin-1")


def send(service: Service, body: bytes, content_type: str = SOAP_TYPE, path: str = "/xds/registry") -> Reply:
    """What comes back on the connection."""
    with SoapWire(service.http_port) as wire:
        return wire.post(body, content_type, path)


def a_provision(patient: Patient, message_id: str) -> tuple[str, bytes, str]:
    """ITI-41 as MTOM."""
    kind, body = m.provide_and_register(m.Entry(patient.cx, hash=None, size=None), b"content", message_id)
    return kind, body, "RegistryResponse"


def plain(action: str, make: Callable[[Patient], str], root: str) -> Callable[[Patient, str], tuple[str, bytes, str]]:
    """A request without attachments."""
    return lambda patient, message_id: (SOAP_TYPE, m.envelope(action, make(patient), message_id), root)


REQUESTS: dict[str, Callable[[Patient, str], tuple[str, bytes, str]]] = {
    "ITI-42": plain(m.ACTION_42, lambda p: m.submission(m.Entry(p.cx)), "RegistryResponse"),
    "ITI-42, old action": plain(
        "urn:ihe:iti:2008:RegisterDocumentSet-bAsync", lambda p: m.submission(m.Entry(p.cx)), "RegistryResponse"
    ),
    "ITI-18": plain(m.ACTION_18, lambda p: m.find_documents(p.cx), "AdhocQueryResponse"),
    "ITI-57, refused": plain(ACTION_57, lambda p: status_change(p.cx, SOMETHING), "RegistryResponse"),
    "ITI-62, refused": plain(ACTION_62, lambda _: removal(SOMETHING), "RegistryResponse"),
    "ITI-43": plain(m.ACTION_43, lambda _: m.retrieve((m.REPOSITORY, "2.999.1")), "RetrieveDocumentSetResponse"),
    "ITI-41": a_provision,
}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_answer_comes_to_the_address_that_was_named(service: Service, receiver: Receiver, patient: Patient, name: str) -> None:
    message_id = f"urn:uuid:{uuid.uuid4()}"  # noqa: TID251 - a client's own
    kind, body, root = REQUESTS[name](patient, message_id)
    address = f"{receiver.url}{name[:6]}"

    accepted = send(service, addressed(body, address), kind, PATH)
    answer = receiver.answer()

    assert (accepted.status, accepted.data) == (202, b"")
    assert_valid(answer, message_id)
    assert answer.header["RelatesTo"] == message_id
    assert answer.header["To"] == address
    assert str(answer.body.tag).endswith(f"}}{root}")
    assert answer.status_urn == ("Failure" if "refused" in name or name == "ITI-43" else "Success")
    assert answer.content_type.startswith("multipart/related") is (name in ("ITI-41", "ITI-43"))


def test_a_receiver_that_is_out_of_order_is_tried_again(service: Service, receiver: Receiver, patient: Patient) -> None:
    receiver.refuses = 2

    accepted = send(service, addressed(m.envelope(m.ACTION_18, m.find_documents(patient.cx)), receiver.url))
    tries = [receiver.answer() for _ in range(3)]

    assert accepted.status == 202
    assert len({answer.header["MessageID"] for answer in tries}) == 1
    assert receiver.came.empty()


def test_a_fault_goes_where_faults_are_to_go(service: Service, receiver: Receiver, patient: Patient) -> None:
    broken = m.envelope(m.ACTION_18, m.find_documents(patient.cx).replace("ResponseOption", "Option"))

    accepted = send(service, addressed(broken, f"{receiver.url}answers", f"{receiver.url}faults"))
    fault = receiver.answer()

    assert accepted.status == 202
    assert fault.fault[0] == "Sender"
    assert fault.header["To"] == f"{receiver.url}faults"


@pytest.mark.parametrize(
    ("reply_to", "fault_to", "header"),
    [
        ("http://203.0.113.9/answers/", "", "ReplyTo"),
        ("{allowed}../elsewhere", "", "ReplyTo"),
        (f"{m.WSA}/none", "", "ReplyTo"),
        ("{allowed}x", "http://203.0.113.9/faults", "FaultTo"),
    ],
)
def test_an_address_that_is_not_allowed_is_refused_on_the_connection_and_nothing_is_done(
    service: Service, receiver: Receiver, patient: Patient, reply_to: str, fault_to: str, header: str
) -> None:
    entry = m.Entry(patient.cx)
    sent = addressed(m.envelope(m.ACTION_42, m.submission(entry)), reply_to.format(allowed=receiver.url), fault_to)

    reply = send(service, sent)

    assert reply.fault[0] == "Sender"
    assert f"wsa:{header}" in reply.fault[1]
    assert b"InvalidAddress" in reply.data
    assert_valid(reply)
    named = m.slot("$XDSDocumentEntryUniqueId", f"('{entry.unique_id}')")
    assert send(service, m.envelope(m.ACTION_18, m.stored_query(m.GET_DOCUMENTS, named))).ids() == []


def test_without_allowed_addresses_only_the_connection_is_answered(narrow: Service, receiver: Receiver) -> None:
    reply = send(narrow, addressed(m.envelope(m.ACTION_18, m.find_documents(m.cx("1"))), receiver.url))

    assert reply.fault[0] == "Sender"
    assert b"OnlyAnonymousAddressSupported" in reply.data


def test_the_connection_is_answered_as_ever_where_nothing_else_is_asked_for(service: Service, patient: Patient) -> None:
    reply = send(service, m.envelope(m.ACTION_18, m.find_documents(patient.cx)))

    assert reply.status_urn == "Success"
    assert "To" not in reply.header


def test_nothing_of_an_answer_is_kept_once_it_was_taken(service: Service) -> None:
    database = sqlite3.connect(f"file:{Path(service.data) / 'affinity.db'}?mode=ro", uri=True, timeout=20)
    with closing(database):
        wait_for(lambda: database.execute("SELECT count(*) FROM reply").fetchone()[0] == 0)
        wait_for(lambda: database.execute("SELECT count(*) FROM outbox WHERE topic = 'soap.deliver'").fetchone()[0] == 0)
