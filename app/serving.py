"""`hie serve` and `hie worker`: starts everything in order, says `ready`, waits to be told, and stops in order."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import structlog

from app.feeds import AuditFeed
from app.metrics import MULTIPROCESS
from app.processors import allowed, stay
from app.relay import Relay
from app.server import HttpServer
from app.settings import Settings, SettingsProblem
from app.wiring import House
from app.worker import EMBEDDED, EmbeddedWorker, bind, make_celery, publisher, run_worker
from arr.model import LOCAL
from console.store import Role
from kernel.logs import configure_logs

log = structlog.get_logger("serve")
_CHILD_SECONDS: Final = 60
_LOOK_SECONDS: Final = 1.0


def serve_until_told(settings: Settings, data: Path, *, part: str = "all") -> int:
    """Serves until SIGTERM or SIGINT; the exit code. `part` is `http` in the processes that only serve HTTP beside the first."""
    configure_logs(settings.log.level, settings.log.form)
    if settings.http.processes > 1 and part == "all":
        _share_metrics(data)
    processors = allowed() if settings.http.pinned and part == "all" else ()
    stay(processors, 0)
    told, parent = told_to_stop(), os.getppid()
    children: list[subprocess.Popen[str]] = []
    with ExitStack() as stack:
        house = House(settings, data)
        stack.callback(house.close)
        house.migrate_or_refuse()
        signal.signal(signal.SIGHUP, lambda _signal, _frame: _reload(house, children))
        if part == "all":
            house.begin(stack)
        stack.callback(house.alarms.close)
        if part == "all":
            start_work(house, stack)
            start_listeners(house, stack)
        start_http(house, stack)
        if part == "all":
            _start_children(settings, stack, children, processors)
            _announce(house)
        _leave_alone_what_stays()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while not told.wait(_LOOK_SECONDS):
            house.look_at_certificates()
            house.look_at_spool()
            house.alarms.look()
            # without the others the service is not what it was told to be; whoever supervises it starts it anew
            if any(child.poll() is not None for child in children) or (part != "all" and os.getppid() != parent):
                log.error("another process of this service has ended")
                return 1
        log.info("stopping")
    return 0


def _leave_alone_what_stays() -> None:
    """The collector need not look again and again at modules, schemas and statements, which live as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _share_metrics(data: Path) -> None:
    """Begins anew with a folder where every process of the service keeps its counts: they are looked for when Python starts."""
    if MULTIPROCESS in os.environ:
        return
    folder = data / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ[MULTIPROCESS] = str(folder.absolute())
    os.execv(sys.executable, [sys.executable, "-m", "app.cli", *sys.argv[1:]])  # noqa: S606 - our own program, as it was called


def _reload(house: House, children: Sequence[subprocess.Popen[str]]) -> None:
    house.reload_tls()
    for child in children:
        child.send_signal(signal.SIGHUP)


def work_until_told(settings: Settings, data: Path) -> int:
    """Relay and worker alone."""
    configure_logs(settings.log.level, settings.log.form)
    with ExitStack() as stack:
        house = House(settings, data)
        stack.callback(house.close)
        house.require_migrated()
        celery = make_celery(house.broker_url, queue=settings.broker.queue)
        bind(celery, house.jobs())
        relay = _relay(house, publisher(celery))
        relay.start()
        stack.callback(relay.stop)
        start_feeds(house, stack)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        run_worker(celery)  # returns on SIGTERM, after the job in hand
    return 0


def told_to_stop() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    told = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _signal, _frame: told.set())
    return told


def _relay(house: House, publish: Callable[..., None]) -> Relay:
    local = [target for target in house.audit_targets if target == LOCAL]
    lease = round(house.settings.worker.lease_seconds * 1000)
    relay = Relay(house.database, publish, audit_targets=local, periodic=house.periodic, lease_ms=lease)
    house.on_told(relay.wake)
    house.on_forwarded(relay.forwarded)
    return relay


def start_work(house: House, stack: ExitStack) -> None:
    """Relay and worker in this process; without the memory broker only where the settings want them here."""
    if house.broker_url != EMBEDDED and not house.settings.worker.embedded:
        return
    celery = make_celery(house.broker_url, queue=house.settings.broker.queue)
    bind(celery, house.jobs())
    worker = EmbeddedWorker(celery)
    worker.start()
    stack.callback(worker.stop)
    relay = _relay(house, publisher(celery))
    relay.start()
    stack.callback(relay.stop)
    start_feeds(house, stack)


def start_feeds(house: House, stack: ExitStack) -> None:
    """A thread for each audit record repository of somebody else, and each consumer that is told of changes: one that stalls
    holds nobody but itself."""
    for target, sink in house.remote_sinks().items():
        feed = AuditFeed(house.database, target, sink)
        feed.start()
        stack.callback(feed.stop)
    for messenger in house.messengers():
        messenger.start()
        stack.callback(messenger.stop)


@contextmanager
def _listening(section: str) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise SettingsProblem(f"{section}: an address cannot be listened on: {problem}") from problem


def start_listeners(house: House, stack: ExitStack) -> None:
    """HL7 v2 and syslog. Raises `SettingsProblem` when an address cannot be had."""
    for mllp in house.mllp_listeners():
        with _listening("mllp"):
            mllp.start()
        stack.callback(mllp.stop)
    for syslog in house.syslog_listeners():
        with _listening("syslog"):
            syslog.start()
        stack.callback(syslog.stop)


def start_http(house: House, stack: ExitStack) -> None:
    """HTTP, plain and with TLS. Raises `SettingsProblem` when an address cannot be had."""
    http = house.settings.http
    app = house.http_app()
    for listen, tls in ((http.listen, None), (http.listen_tls, house.server_tls)):
        if listen:
            server = HttpServer(
                app,
                listen,
                http,
                tls=tls() if tls else None,
                refused=house.node_refused("http"),
                unreadable=house.alarms.of("http"),
            )
            with _listening("http"):
                server.start()
            stack.callback(server.stop)


def _start_children(settings: Settings, stack: ExitStack, children: list[subprocess.Popen[str]], processors: Sequence[int]) -> None:
    """The other HTTP processes: the same command line, told to serve HTTP alone on the same port."""
    for number in range(1, settings.http.processes):
        command = [sys.executable, "-m", "app.cli", *sys.argv[1:], "--part", "http"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program, as it was called
        stay(processors, number, child.pid)
        children.append(child)
        stack.callback(_end_child, child)
        assert child.stdout is not None
        if not any(line.strip() == "ready" for line in child.stdout):
            raise RuntimeError("an HTTP process did not start; what it said is above")


def _end_child(child: subprocess.Popen[str]) -> None:
    child.terminate()
    try:
        child.wait(timeout=_CHILD_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()


def _announce(house: House) -> None:
    http = house.settings.http
    address = http.public_url or (f"http://{http.listen}" if http.listen else f"https://{http.listen_tls}")
    out = sys.stdout
    out.write(f"Affinity serves {address}/xds/registry, /xds/repository, /pix, /pdq (?wsdl)\n")
    for name, where in (("MLLP", house.settings.mllp.listen), ("audit (syslog/UDP)", house.settings.syslog.listen_udp)):
        if where:
            out.write(f"{name} on {where}\n")
    for role in (Role.ADMINISTRATOR, Role.AUDITOR):
        out.write(f"Console, once, as {role.value}: {house.sign_in_link(role.value, role, address)}\n")
    out.flush()
