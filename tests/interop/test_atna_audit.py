"""npm's atna-audit, the sender that OpenHIM uses, reaches our repository with its habits."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.syslog import SyslogAddresses, SyslogLimits, SyslogListener
from arr.model import AuditRecord, AuditSearch, Channel
from arr.service import AuditService
from arr.tables import METADATA
from arr.transactions.iti20_record_audit_event import RecordAuditEvent
from atna.message import Indicator
from kernel.database import Database
from kernel.outbox import METADATA as OUTBOX
from kernel.times import system_clock
from kernel.tls import TlsFiles, server_context
from tests.support import foreign
from tests.support.arr import a_service
from tests.support.audit import a_subject
from tests.support.brokers import wait_for
from tests.support.certificates import Authority

VERSION = "1.0.1"
AUDITOR = a_subject(user="auditor")


@pytest.fixture(scope="module")
def modules() -> Path:
    """Where the package is."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed")
    folder = foreign.FOLDER / f"atna-audit-{VERSION}"
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), f"atna-audit@{VERSION}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode:
            pytest.skip(f"atna-audit cannot be installed: {done.stderr.strip()[-300:]}")
        (folder / "complete").touch()
    return folder / "node_modules"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[AuditService]:
    database = Database(f"sqlite:///{tmp_path / 'arr.db'}", clock=system_clock)
    for metadata in (OUTBOX, METADATA):
        metadata.create_all(database.engine)
    yield a_service(database)
    database.close()


@pytest.fixture
def ports(service: AuditService, authority: Authority) -> Iterator[dict[Channel, int]]:
    here = ("127.0.0.1", 0)
    tls = server_context(authority.issue("ours"), client_certificate=True)
    door = RecordAuditEvent(service, system_clock)
    listener = SyslogListener(door, SyslogAddresses(here, here, here), limits=SyslogLimits(), tls=tls)
    yield listener.start()
    listener.stop()


def send(modules: Path, channel: Channel, port: int, user: str, files: TlsFiles) -> None:
    script = str(foreign.RUNNERS / "send_atna_audit.js")
    certificates = [str(files.key), str(files.certificate), str(files.trust)]
    done = subprocess.run(
        ["node", script, str(modules), channel.value, str(port), user, *certificates],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def recorded(service: AuditService) -> tuple[AuditRecord, ...]:
    wait_for(lambda: bool(service.search(AuditSearch(), AUDITOR).records))
    return service.search(AuditSearch(), AUDITOR).records


@pytest.mark.parametrize("user", ["jane", "Zoë Müller-Łukasz"])
@pytest.mark.parametrize("channel", [Channel.UDP, Channel.TCP, Channel.TLS])
def test_what_it_sends_is_read_and_its_defects_are_told(
    modules: Path, service: AuditService, ports: dict[Channel, int], authority: Authority, channel: Channel, user: str
) -> None:
    send(modules, channel, ports[channel], user, authority.issue("openhim"))

    (record,) = recorded(service)
    message = record.message
    assert message is not None
    assert user in [p.user_id for p in message.participants]
    assert (message.types[0].code, message.outcome.indicator) == ("110122", Indicator.SUCCESS)
    assert message.source.id == "openhim"
    miscounted = [] if user.isascii() else ["INCOMPLETE" if channel is Channel.UDP else "LENGTH_TOO_SMALL"]
    assert record.summary.flaws.split() == [*miscounted, "OUTCOME_EMPTY"]
    assert [r.sequence for r in service.search(AuditSearch(users=(user,), is_flawed=True), AUDITOR).records] == [1]
