"""app.wiring"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from lxml import etree

from app import contracts
from app.certificates import check_handshake
from app.gateway import PEER
from app.server import HttpServer
from app.settings import HttpSettings, SettingsProblem
from app.wiring import House, address_of, database_url, with_password
from arr.model import LOCAL, AuditSearch
from console.store import Role
from kernel.errors import Unavailable
from kernel.outbox import AUDIT_OUTBOX
from kernel.times import system_clock
from kernel.tls import server_context
from repository.object_vault import ObjectVault
from soap.exchange import SoapRequest
from tests.support import messages as m
from tests.support.audit import a_subject
from tests.support.certificates import Authority
from tests.support.soap import PLAIN, Reply
from tests.support.stores import PEER as PEER_OF_TESTS
from tests.support.stores import a_house, some_settings

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


def test_the_embedded_database_lies_below_the_data_folder(tmp_path: Path) -> None:
    assert database_url(some_settings(), tmp_path) == f"sqlite:///{tmp_path}/affinity.db"


def test_nobody_else_on_the_machine_reads_the_data_folder(tmp_path: Path) -> None:
    a_house(tmp_path / "data").close()

    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_database_with_a_path_of_its_own_stays_where_it_is(tmp_path: Path) -> None:
    assert database_url(some_settings(database__url="sqlite:////var/lib/x.db"), tmp_path) == "sqlite:////var/lib/x.db"


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("postgresql+psycopg://hie@database/hie", "postgresql+psycopg://hie:p%40ss%2F1@database/hie"),
        ("amqp://hie@broker:5672//", "amqp://hie:p%40ss%2F1@broker:5672//"),
        ("redis://hie@broker:6379/0", "redis://hie:p%40ss%2F1@broker:6379/0"),
    ],
)
def test_a_password_from_a_file_is_put_into_the_address(tmp_path: Path, url: str, whole: str) -> None:
    file = tmp_path / "password"
    file.write_text("p@ss/1\n")

    assert with_password(url, file) == whole


def test_a_password_file_that_is_missing_is_a_fault_of_the_settings() -> None:
    with pytest.raises(SettingsProblem, match="/nowhere/at-all"):
        with_password("postgresql+psycopg://hie@database/hie", Path("/nowhere/at-all"))


def test_an_address_to_listen_on_is_a_pair_or_nothing() -> None:
    assert (address_of("127.0.0.1:5514"), address_of("")) == (("127.0.0.1", 5514), None)


def test_the_embedded_database_is_brought_up_to_date_at_the_start(tmp_path: Path) -> None:
    house = House(some_settings(), tmp_path)
    before = house.behind()

    house.migrate_or_refuse()
    after = house.behind()
    house.close()

    assert before
    assert after == ()


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_server_that_holds_tables_is_changed_by_nobody_but_the_operator(database_url: str, tmp_path: Path) -> None:
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE somebody_elses (id INTEGER)")
    house = House(some_settings(database__url=database_url), tmp_path)

    with pytest.raises(Unavailable) as refused:
        house.migrate_or_refuse()
    house.close()

    assert "hie db upgrade" in refused.value.detail
    assert sa.inspect(engine).get_table_names() == ["somebody_elses"]
    engine.dispose()


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_an_empty_server_is_filled(database_url: str, tmp_path: Path) -> None:
    house = a_house(tmp_path, database__url=database_url)
    late = house.behind()
    house.close()

    assert late == ()


@pytest.mark.parametrize("action", actions())
def test_every_action_that_a_contract_names_has_a_door(house: House, action: str) -> None:
    message = m.envelope(action, '<x xmlns="urn:test"/>')

    reply = Reply.of(house.soap.handle(SoapRequest(PEER_OF_TESTS, PLAIN, (message,), len(message))))

    assert not any("ActionNotSupported" in subcode for subcode in reply.subcodes)


def test_another_registry_takes_the_place_of_ours_by_a_setting(tmp_path: Path) -> None:
    house = a_house(tmp_path, storage__registry_url="http://127.0.0.1:1/xds/registry")
    content_type, body = m.provide_and_register(m.Entry(m.cx("1"), hash=None, size=None, repository=None), b"A letter.")

    reply = Reply.of(house.soap.handle(SoapRequest(PEER_OF_TESTS, content_type, (body,), len(body))))
    house.close()

    assert b"XDSRegistryNotAvailable" in reply.data


def test_another_registry_is_shown_our_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    seen: list[str] = []

    def registry(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        seen.append(environ[PEER].certificate_subject)
        start("500 Internal Server Error", [("Content-Length", "0")])
        return ()

    server = HttpServer(
        registry, "127.0.0.1:0", HttpSettings(threads=4), tls=server_context(authority.issue("registry"), client_certificate=True)
    )
    ours = authority.issue("repository")
    named = {"tls__certificate": str(ours.certificate), "tls__key": str(ours.key), "tls__trust": str(ours.trust)}
    house = a_house(tmp_path, storage__registry_url=f"https://localhost:{server.start()}/xds/registry", **named)

    content_type, body = m.provide_and_register(m.Entry(m.cx("1"), hash=None, size=None, repository=None), b"A letter.")
    house.soap.handle(SoapRequest(PEER_OF_TESTS, content_type, (body,), len(body)))
    house.close()
    server.stop()

    assert seen == ["CN=repository,O=Tests\\, Inc.,C=US"]


def test_documents_go_to_an_object_store_by_a_setting(tmp_path: Path) -> None:
    house = a_house(tmp_path, storage__url="s3://documents/affinity", storage__endpoint="http://127.0.0.1:1")

    is_object_vault = isinstance(house.vault, ObjectVault)
    checks = set(house.health().checks)
    house.close()

    assert is_object_vault
    assert checks == {"database"}


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


def test_a_tls_listener_without_a_certificate_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    house = a_house(tmp_path, mllp__listen="", mllp__listen_tls="127.0.0.1:0")

    with pytest.raises(SettingsProblem, match=r"tls\.certificate"):
        house.mllp_listeners()
    house.close()


def test_a_tls_listener_uses_the_certificate_of_the_settings(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue("server")
    named = {"tls__certificate": str(files.certificate), "tls__key": str(files.key), "tls__trust": str(files.trust)}
    house = a_house(tmp_path, mllp__listen="", mllp__listen_tls="127.0.0.1:0", **named)

    (listener,) = house.mllp_listeners()
    port = listener.start()
    report = check_handshake("127.0.0.1", port, files, now=system_clock())
    listener.stop()
    house.close()

    assert (report.problem, report.subject) == ("", "CN=server,O=Tests\\, Inc.,C=US")


def test_syslog_over_tls_is_not_listened_for_without_a_certificate(tmp_path: Path) -> None:
    house = a_house(tmp_path, syslog__listen_udp="", syslog__listen_tls="127.0.0.1:0")

    listeners = house.syslog_listeners()
    house.close()

    assert listeners == ()
