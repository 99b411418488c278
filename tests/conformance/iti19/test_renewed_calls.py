"""ITI-19 on every connection that we open: a certificate that is renewed while the service runs is shown from the next call on."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from affinity.model import Consumer
from app import contracts
from app.notifying import Ourselves, telling
from app.wiring import House
from atna.feed import Waiting
from hl7v2.consumer import Parties
from kernel.errors import HieError
from kernel.identifiers import Oid
from kernel.outbox import REPLY
from kernel.tls import server_context, subject_of
from soap.exchange import DeferredAnswer
from soap.zeep_client import SoapClient
from tests.support.audit import WHEN, an_event
from tests.support.certificates import Authority
from tests.support.hl7 import patient_id
from tests.support.stores import a_house

WAITING = [Waiting(1, 1_795_343_001_125, an_event().to_xml())]


class Listener:
    """Somebody we call: asks for our certificate, notes whose it is, and ends the connection."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.shown: list[str] = []
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # the socket was closed: the end
            while True:
                plain, _ = self._socket.accept()
                plain.settimeout(10)
                with contextlib.suppress(OSError), self._context.wrap_socket(plain, server_side=True) as connection:
                    connection.recv(1)
                    self.shown.append(subject_of(connection.getpeercert()).partition(",")[0])

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=10)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def listener(authority: Authority) -> Iterator[Listener]:
    made = Listener(server_context(authority.issue("listener"), client_certificate=True))
    yield made
    made.close()


Call = Callable[[], object]


def audit_over_syslog(house: House, _port: int) -> Call:
    sink = house.remote_sinks()["syslog"]
    return lambda: sink.send(WAITING)


def audit_over_fhir(house: House, _port: int) -> Call:
    sink = house.remote_sinks()["fhir"]
    return lambda: sink.send(WAITING)


def registry_elsewhere(house: House, port: int) -> Call:
    client = SoapClient(
        contracts.FOLDER / "registry.wsdl", f"https://localhost:{port}/r", timeout=5, spool=house.data, tls=house.client_tls
    )
    return lambda: client.call("DocumentRegistry_RegistryStoredQuery", b"<x/>")


def answers_elsewhere(house: House, port: int) -> Call:
    def call() -> None:
        house.replies.keep(DeferredAnswer(f"https://localhost:{port}/", "text/plain", b"x"))
        with house.database.read() as connection:
            key = connection.scalar(sa.select(sa.func.max(REPLY.c.id)))
        house.replies.deliver(str(key))

    return call


def consumer_over_mllp(house: House, port: int) -> Call:
    us = Ourselves(Parties("HIE", "MPI"), Oid("2.999.1"), 5.0, house.data)
    told = telling(Consumer("APP", "FAC", None, f"mllps://localhost:{port}"), us, house.client_tls)
    return lambda: told.tell([patient_id("47")], "n1", WHEN)


@pytest.mark.parametrize(
    "caller",
    [audit_over_syslog, audit_over_fhir, registry_elsewhere, answers_elsewhere, consumer_over_mllp],
    ids=lambda c: c.__name__,
)
def test_the_next_call_shows_the_renewed_certificate(
    caller: Callable[[House, int], Call], listener: Listener, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, fresh = authority.issue("first"), authority.issue("second")
    monkeypatch.setattr("atna.feed.Patience.is_over", lambda _self, _now: True)
    places = {"syslog": f"syslog+tls://localhost:{listener.port}", "fhir": f"https://localhost:{listener.port}/fhir"}
    targets = ", ".join(f'{{ name = "{name}", url = "{url}" }}' for name, url in places.items())
    names = {"certificate": files.certificate, "key": files.key, "trust": files.trust}
    house = a_house(tmp_path / "data", **{f"tls__{name}": str(path) for name, path in names.items()}, audit__targets=f"[{targets}]")
    call = caller(house, listener.port)

    with contextlib.suppress(HieError):
        call()
    files.certificate.write_bytes(fresh.certificate.read_bytes())
    files.key.write_bytes(fresh.key.read_bytes())
    with contextlib.suppress(HieError):
        call()
    house.close()

    assert listener.shown == ["CN=first", "CN=second"]
