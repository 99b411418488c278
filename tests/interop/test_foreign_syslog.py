"""Debian's logger and rsyslog send to us, and rsyslog takes what we send."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.syslog import SyslogAddresses, SyslogLimits, SyslogListener
from arr.model import AuditRecord, AuditSearch, Channel
from arr.service import AuditService
from arr.tables import METADATA
from arr.transactions.iti20_record_audit_event import RecordAuditEvent
from atna.feed import drain
from atna.syslog import Sender, parse
from atna.transport import Address, StreamSink
from kernel.database import Database
from kernel.errors import Unavailable
from kernel.outbox import METADATA as OUTBOX
from kernel.times import system_clock
from kernel.tls import client_context, server_context
from tests.support import rsyslog
from tests.support.arr import a_service
from tests.support.audit import a_subject, an_event
from tests.support.certificates import Authority

AUDITOR = a_subject(user="auditor")
SECONDS = 30
PRETTY = b"""<?xml version="1.0" encoding="UTF-8"?>
<AuditMessage>
  <EventIdentification EventActionCode="E"
    EventDateTime="2026-11-22T10:20:01Z" EventOutcomeIndicator="0">
    <EventID csd-code="110112" codeSystemName="DCM" originalText="Query"/>
  </EventIdentification>
  <ActiveParticipant UserID="Z\xc3\xbcrich" UserIsRequestor="true"/>
  <AuditSourceIdentification AuditSourceID="relayed"/>
</AuditMessage>"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'arr.db'}", clock=system_clock)
    for metadata in (OUTBOX, METADATA):
        metadata.create_all(made.engine)
    yield made
    made.close()


@pytest.fixture
def service(database: Database) -> AuditService:
    return a_service(database)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "ca").mkdir()
    return Authority(tmp_path / "ca")


@pytest.fixture
def ports(service: AuditService, authority: Authority) -> Iterator[dict[Channel, int]]:
    here = ("127.0.0.1", 0)
    listener = SyslogListener(
        RecordAuditEvent(service, system_clock),
        SyslogAddresses(here, here, here),
        limits=SyslogLimits(),
        tls=server_context(authority.issue("ours"), client_certificate=True),
    )
    yield listener.start()
    listener.stop()


def recorded(service: AuditService, count: int) -> list[AuditRecord]:
    wait_for(lambda: len(service.search(AuditSearch(), AUDITOR, limit=1000).records) >= count)
    return sorted(service.search(AuditSearch(), AUDITOR, limit=1000).records, key=lambda r: r.sequence)


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about in time"
        threading.Event().wait(0.05)


def log(port: int, text: bytes, *options: str) -> None:
    command = [
        rsyslog.demand("logger"),
        "--server",
        "127.0.0.1",
        "--port",
        str(port),
        "--priority",
        "authpriv.notice",
        *options,
        text,
    ]
    subprocess.run(command, check=True, timeout=SECONDS)


XML = an_event(user="müller").to_xml()


@pytest.mark.parametrize(
    ("channel", "options", "flaws"),
    [
        (Channel.UDP, ["--udp", "--rfc5424", "--msgid", "IHE+RFC-3881"], ""),
        (Channel.TCP, ["--tcp", "--rfc5424", "--octet-count", "--msgid", "IHE+RFC-3881"], ""),
        (Channel.TCP, ["--tcp", "--rfc5424"], "NOT_COUNTED"),
        (Channel.UDP, ["--udp", "--rfc3164"], "HEADER_OBSOLETE"),
        (Channel.TCP, ["--tcp", "--rfc3164", "--octet-count"], "HEADER_OBSOLETE"),
    ],
)
def test_what_logger_sends_is_read(
    service: AuditService, ports: dict[Channel, int], channel: Channel, options: list[str], flaws: str
) -> None:
    log(ports[channel], XML, "--size", "64KiB", *options)

    (record,) = recorded(service, 1)
    assert record.message == an_event(user="müller")
    assert (record.received.channel, record.summary.flaws) == (channel, flaws)


@pytest.mark.parametrize(
    "template", ["RSYSLOG_SyslogProtocol23Format", "RSYSLOG_TraditionalForwardFormat", "RSYSLOG_ForwardFormat"]
)
@pytest.mark.parametrize("body", [XML, PRETTY], ids=["in one line", "in several lines"])
def test_what_rsyslog_passes_on_over_tls_is_read(
    service: AuditService, ports: dict[Channel, int], authority: Authority, tmp_path: Path, template: str, body: bytes
) -> None:
    rsyslog.demand("rsyslogd", "lmnsd_ossl")
    (tmp_path / "relay").mkdir()

    with rsyslog.relay(tmp_path / "relay", ports[Channel.TLS], authority.issue("relay"), template) as relay:
        log(relay.port, body, "--tcp", "--rfc5424", "--octet-count", "--size", "64KiB", "--msgid", "IHE+RFC-3881")
        wait_for(lambda: any(r.summary.is_readable for r in recorded(service, 1)))

    (record,) = (r for r in recorded(service, 1) if r.summary.is_readable)
    assert record.message is not None
    assert record.message.participants[0].user_id in ("müller", "Zürich")
    assert record.received.certificate_subject.startswith("CN=relay")


def _sink(server: rsyslog.Rsyslog, authority: Authority, *, is_tls: bool) -> StreamSink:
    tls = client_context(authority.issue("us")) if is_tls else None
    return StreamSink(Address("127.0.0.1", server.port), Sender("host", "affinity", "1"), monotonic=time.monotonic, tls=tls)


def _received(out: Path) -> list[bytes]:
    return [parse(line).body for line in out.read_bytes().splitlines()] if out.exists() else []


@pytest.mark.parametrize("is_tls", [True, False], ids=["tls", "tcp"])
def test_rsyslog_takes_what_we_send_in_order(database: Database, authority: Authority, tmp_path: Path, is_tls: bool) -> None:
    rsyslog.demand("rsyslogd", "lmnsd_ossl" if is_tls else "")
    messages = [an_event(user=f"user-{n}").to_xml() for n in range(500)]
    with database.begin() as work:
        for message in messages:
            work.audit(message)
    (tmp_path / "theirs").mkdir()

    with rsyslog.receiver(tmp_path / "theirs", authority.issue("theirs") if is_tls else None) as (server, out):
        taken = drain(database, "local", _sink(server, authority, is_tls=is_tls))
        wait_for(lambda: len(_received(out)) >= 500)

    assert taken == 500
    assert _received(out) == messages


@pytest.mark.parametrize("how", ["stopped in order", "killed"])
def test_rsyslog_loses_none_of_ours_when_it_is_away_for_a_while(
    database: Database, authority: Authority, tmp_path: Path, how: str
) -> None:
    rsyslog.demand("rsyslogd", "lmnsd_ossl")
    messages = [an_event(user=f"user-{n}").to_xml() for n in range(3_000)]
    with database.begin() as work:
        for message in messages:
            work.audit(message)
    (tmp_path / "theirs").mkdir()

    with rsyslog.receiver(tmp_path / "theirs", authority.issue("theirs")) as (server, out):
        drain(database, "local", _sink(server, authority, is_tls=True), 1_000)
        wait_for(lambda: len(_received(out)) >= 1_000)
        server.stop(kill=how == "killed")
        with pytest.raises(Unavailable):
            drain(database, "local", _sink(server, authority, is_tls=True))
        server.start()
        drain(database, "local", _sink(server, authority, is_tls=True))
        wait_for(lambda: len(_received(out)) >= 3_000)

    assert list(dict.fromkeys(_received(out))) == messages
