"""app.wiring"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa
from lxml import etree

from app import contracts
from app.wiring import House, address_of
from arr.model import LOCAL, AuditSearch
from console.store import Role
from kernel.outbox import AUDIT_OUTBOX
from soap.exchange import SoapRequest
from tests.support import messages as m
from tests.support.audit import a_subject
from tests.support.soap import PLAIN, Reply
from tests.support.stores import PEER as PEER_OF_TESTS
from tests.support.stores import a_house

WSAM_ACTION = "{http://www.w3.org/2007/05/addressing/metadata}Action"
WSDL_INPUT = "{http://schemas.xmlsoap.org/wsdl/}input"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = a_house(tmp_path)
    yield made
    made.close()


def events(house: House) -> list[str]:
    """The events on the record, the oldest first."""
    house.forward_audit(LOCAL)
    page = house.arr.search(AuditSearch(), a_subject(), limit=100)
    return [record.summary.event_type or record.summary.event_code for record in reversed(page.records)]


def actions() -> list[str]:
    """Every action that a served contract names."""
    found = set()
    for path in contracts.OF_PATH:
        root = etree.fromstring(contracts.contract(path, "http://localhost"))  # noqa: TID251 - ours
        found |= {e.get(WSAM_ACTION) for e in root.iter(WSDL_INPUT) if e.get(WSAM_ACTION)}
    return sorted(filter(None, found))


def test_an_address_to_listen_on_is_a_pair_or_nothing() -> None:
    assert (address_of("127.0.0.1:5514"), address_of("")) == (("127.0.0.1", 5514), None)


@pytest.mark.parametrize("action", actions())
def test_every_action_that_a_contract_names_has_a_door(house: House, action: str) -> None:
    message = m.envelope(action, '<x xmlns="urn:test"/>')

    reply = Reply.of(house.soap.handle(SoapRequest(PEER_OF_TESTS, PLAIN, (message,), len(message))))

    assert not any("ActionNotSupported" in subcode for subcode in reply.subcodes)


@pytest.mark.parametrize(
    ("settings", "address", "begins"),
    [
        ({}, "", "http://127.0.0.1:8080/console/sign-in?link="),
        ({"http__public_url": "https://hie.example.org/"}, "", "https://hie.example.org/console/sign-in?link="),
        ({"http__listen": "", "http__listen_tls": "10.0.0.1:8443"}, "", "https://10.0.0.1:8443/console/sign-in?link="),
        ({}, "http://localhost:9", "http://localhost:9/console/sign-in?link="),
    ],
)
def test_a_sign_in_link_leads_to_where_the_console_is(tmp_path: Path, settings: dict[str, str], address: str, begins: str) -> None:
    house = a_house(tmp_path, **settings)

    link = house.sign_in_link("Ada", Role.AUDITOR, address)
    house.close()

    assert link.startswith(begins)


def test_begin_and_end_of_the_service_are_on_the_record(house: House) -> None:
    with ExitStack() as stack:
        house.begin(stack)

    assert events(house)[:2] == ["110120", "110121"]


def test_every_repository_of_audit_records_gets_every_message(tmp_path: Path) -> None:
    house = a_house(tmp_path, audit__targets='[{name = "north", url = "syslog+udp://127.0.0.1:1"}]')
    house.v2(m.adt("1"), PEER_OF_TESTS)

    with house.database.read() as connection:
        targets = connection.execute(sa.select(AUDIT_OUTBOX.c.target).order_by(AUDIT_OUTBOX.c.id)).scalars().all()
    sinks = set(house.remote_sinks())
    house.close()

    assert targets == [LOCAL, "north"]
    assert sinks == {"north"}


def test_every_periodic_job_can_be_run(house: House) -> None:
    run = house.jobs()["hie.periodic"]

    for job in house.periodic:
        run(job.name)

    assert len({job.name for job in house.periodic}) == len(house.periodic)


def test_syslog_over_tls_is_not_listened_for_without_a_certificate(tmp_path: Path) -> None:
    house = a_house(tmp_path, syslog__listen_udp="", syslog__listen_tls="127.0.0.1:0")

    listeners = house.syslog_listeners()
    house.close()

    assert listeners == ()
