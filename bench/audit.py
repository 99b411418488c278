"""The audit record repository: records received a second, and how long searching and verifying take in a large log.

`HIE_TEST_AUDIT_RECORDS` is how many records the log has (100,000 unless told otherwise).
"""

from __future__ import annotations

import os
import random
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from access.subject import Subject
from app.settings import load_settings
from app.syslog import SyslogAddresses, SyslogLimits, SyslogListener
from app.wiring import House
from arr import store
from arr.intake import prepare
from arr.model import AuditSearch, Channel, Prepared, Received
from arr.service import AuditService
from arr.terms import Kind, term
from arr.transactions.iti20_record_audit_event import RecordAuditEvent
from atna.message import AuditMessage, Outcome
from atna.participants import AuditContext
from atna.syslog import Sender, encode, frame
from atna.system_events import IdentityAct, identity_act
from bench.topology import database
from kernel.codes import Code
from kernel.peer import Peer
from kernel.times import system_clock
from kernel.tls import TlsFiles, TlsPipe, client_context, server_context
from tests.support.certificates import Authority

RECORDS = int(os.environ.get("HIE_TEST_AUDIT_RECORDS", "100000"))
RECEIVED = 20_000
PATIENTS, USERS = 200_000, 2_000
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 2_000
CONTEXT = AuditContext("bench", "HIE", "1", "bench.example.org")
AUDITOR = Subject(Peer("127.0.0.1", "bench"), "bench", "bench", user="auditor")


def a_message(number: int, when: datetime = FIRST) -> AuditMessage:
    """An event of somebody about some patient, one of twenty a failure."""
    subject = Subject(
        Peer(f"10.0.{number % 200}.{number % 250}", "https://hie.example.org/xds/registry"),
        source=f"EHR-{number % 40}",
        receiver="https://hie.example.org/xds/registry",
        user=user(number % USERS),
        roles=(Code(f"role-{number % 12}", "bench"),),
        purposes=(Code("TREATMENT", "bench"),),
    )
    outcome = Outcome.SUCCESS if number % 20 else Outcome.SERIOUS.because("NOT_ALLOWED: the one who asks may not do this")
    act = tuple(IdentityAct)[number % len(IdentityAct)]
    return identity_act(CONTEXT, subject, when=when, outcome=outcome, act=act, patient_ids=[patient(number % PATIENTS)])


def patient(number: int) -> str:
    """One of many."""
    return f"P{number}^^^&2.999.1.1&ISO"


def user(number: int) -> str:
    """One of many."""
    return f"doctor-{number}"


def fill(house: House, until: int, *, seconds: float = 1e9, templates: int = 400) -> int:
    """Appends records until there are so many, or the time is over; gives how many there are.

    Some messages are made in full and recorded again and again at other times, each time found under another patient and user: what
    the tables and indexes hold is as large and as scattered as with messages that are all different, and much sooner made.
    """
    chance = random.Random(7)
    made = [(n, prepare(Received(a_message(n).to_xml(), Channel.LOCAL, 0))) for n in range(templates)]
    end = time.monotonic() + seconds
    with house.database.read() as connection:
        head = store.head(connection)
    size = head.sequence if head else 0
    chance.seed(size)
    while size < until and time.monotonic() < end:
        some = [_another(chance, *made[chance.randrange(templates)], size + n) for n in range(BATCH)]
        with house.database.begin() as work:
            size = house.arr.append(work, some)
    return size


def _another(chance: random.Random, number: int, one: Prepared, sequence: int) -> Prepared:
    at = int(FIRST.timestamp() * 1000) + sequence * 2_800
    old = {term(Kind.PATIENT, patient(number % PATIENTS)), term(Kind.USER, user(number % USERS))}
    new = (term(Kind.PATIENT, patient(chance.randrange(PATIENTS))), term(Kind.USER, user(chance.randrange(USERS))))
    terms = (*(t for t in one.terms if t not in old), *new)
    return replace(one, received_at=at, summary=replace(one.summary, event_at=at), terms=terms)


def searches(audit: AuditService, times: int = 200) -> Iterator[str]:
    """Search by patient, by user, by both and a month, by words; the whole of what concerns a patient; each use is recorded."""
    chance = random.Random(11)
    month = (FIRST + timedelta(days=30), FIRST + timedelta(days=60))
    cases: dict[str, Callable[[], AuditSearch]] = {
        "patient": lambda: AuditSearch(patients=(patient(chance.randrange(PATIENTS)),)),
        "user": lambda: AuditSearch(users=(user(chance.randrange(USERS)),)),
        "user, failures": lambda: AuditSearch(users=(user(chance.randrange(USERS)),), text="NOT_ALLOWED"),
        "role in a month": lambda: AuditSearch(roles=("role-3",), since=month[0], until=month[1]),
        "newest": AuditSearch,
    }
    for name, make in cases.items():
        spent = []
        for _ in range(times):
            wanted, began = make(), time.perf_counter()
            audit.search(wanted, AUDITOR)
            spent.append(1000 * (time.perf_counter() - began))
        yield f"search by {name}: p50 {statistics.median(spent):.1f} ms, p95 {statistics.quantiles(spent, n=20)[18]:.1f} ms"
    began, before, found = time.perf_counter(), None, 0
    while True:
        page = audit.search(AuditSearch(users=(user(5),)), AUDITOR, limit=1000, before=before)
        found, before = found + len(page.records), page.following
        if before is None:
            break
    yield f"everything of one user, {found} records read and shown: {time.perf_counter() - began:.2f} s"


def verified(audit: AuditService) -> str:
    """The whole chain and every signature."""
    began = time.perf_counter()
    report = audit.verify(None)
    seconds = time.perf_counter() - began
    assert report.is_whole, report.faults[:3]
    return f"verified {report.records} records in {seconds:.1f} s, {report.records / seconds:,.0f}/s"


def receiving(house: House, folder: Path) -> Iterator[str]:
    """Different messages from outside over UDP and TLS, until they are recorded."""
    authority = Authority(folder)
    server, client = authority.issue("server"), authority.issue("client")
    tls = server_context(server, client_certificate=True)
    here = ("127.0.0.1", 0)
    door = RecordAuditEvent(house.arr, system_clock)
    listener = SyslogListener(door, SyslogAddresses(udp=here, tls=here), limits=SyslogLimits(), tls=tls)
    ports = listener.start()
    messages = [encode(a_message(n).to_xml(), Sender("host", "app", "1"), FIRST) for n in range(RECEIVED)]
    size = sum(map(len, messages)) // RECEIVED
    try:
        for channel, send in ((Channel.UDP, _send_datagrams), (Channel.TLS, _send_stream)):
            before, began = listener.counters.recorded, time.perf_counter()
            send(listener, ports[channel], messages, client)
            while listener.counters.recorded < before + RECEIVED and time.perf_counter() - began < 60:
                time.sleep(0.005)
            seconds, taken = time.perf_counter() - began, listener.counters.recorded - before
            yield f"received over {channel.name}: {taken / seconds:,.0f}/s ({taken} of {RECEIVED} messages of {size} bytes)"
    finally:
        listener.stop()


def _send_datagrams(listener: SyslogListener, port: int, messages: list[bytes], _files: TlsFiles) -> None:
    """As fast as they are taken: the socket's buffer is never more than some way ahead."""
    begun = listener.counters.messages[Channel.UDP.value]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for number, message in enumerate(messages):
            while number - (listener.counters.messages[Channel.UDP.value] - begun) > 1_000:
                time.sleep(0.001)
            out.sendto(message, ("127.0.0.1", port))


def _send_stream(_listener: SyslogListener, port: int, messages: list[bytes], files: TlsFiles) -> None:
    pipe = TlsPipe(client_context(files), server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", port)) as out:
        pipe.receive()
        while not pipe.is_ready:
            out.sendall(pipe.outgoing())
            pipe.receive(out.recv(65536))
        for start in range(0, len(messages), 100):
            pipe.send(b"".join(map(frame, messages[start : start + 100])))
            out.sendall(pipe.outgoing())
        pipe.close()
        out.sendall(pipe.outgoing())
        while out.recv(65536):
            pass


def a_house(url: str, folder: Path) -> House:
    """The services on a database, its tables made."""
    house = House(load_settings(None, {"HIE_DATABASE__URL": url}).settings, folder)
    for _ in house.migrate():
        pass
    return house


def run() -> Iterator[str]:
    """SQLite, then PostgreSQL."""
    for name in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory(prefix="hie-bench-audit-") as place:
            folder = Path(place)
            if name == "sqlite":
                yield from _measured(name, "sqlite:///affinity.db", folder)
            else:
                with database() as url:
                    yield from _measured(name, url, folder)


def _measured(name: str, url: str, folder: Path) -> Iterator[str]:
    house = a_house(url, folder)
    try:
        for line in receiving(house, folder):
            yield f"{name}: {line}"
        began = time.perf_counter()
        size = fill(house, RECORDS)
        yield f"{name}: {size} records, the last of them appended at {size / (time.perf_counter() - began):,.0f}/s"
        for line in searches(house.arr):
            yield f"{name}: {line}"
        yield f"{name}: {verified(house.arr)}"
    finally:
        house.close()
