"""app.serving: `hie serve` and `hie worker` as processes of their own."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.processors import allowed
from tests.support import brokers
from tests.support import messages as m
from tests.support.ports import free_port
from tests.support.service import OPEN_DOMAIN, Service, running
from tests.support.wire import SOAP_TYPE, MllpWire

ROOT = Path(__file__).resolve().parents[3]
QUICK = {**OPEN_DOMAIN, "HIE_LOG__LEVEL": "WARNING"}


def got(url: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", int(url.split(":")[2].split("/")[0]), timeout=20)) as connection:
        connection.request("GET", "/" + url.split("/", 3)[3])
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def hie(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app.cli", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("serving"), QUICK) as service:
        yield service


def test_every_listener_accepts_once_it_is_ready(service: Service) -> None:
    with MllpWire(service.mllp_port) as wire:
        answer = wire.send(m.adt("READY-1"))

    assert "MSA|AA|" in answer
    assert got(f"{service.url}/readyz") == (200, '{"database": "ok", "documents": "ok"}')


def test_where_it_listens_is_told_before_it_is_ready(service: Service) -> None:
    text = "\n".join(service.lines[: service.lines.index("ready")])

    assert f"{service.url}/xds/registry" in text
    assert f"MLLP on 127.0.0.1:{service.mllp_port}" in text


@pytest.mark.parametrize("role", ["administrator", "auditor"])
def test_the_link_that_is_printed_opens_the_console(service: Service, role: str) -> None:
    line = next(line for line in service.lines if f"as {role}" in line)

    status, page = got(line.rpartition(" ")[2])

    assert status == 200
    assert "sign-in" in page


def test_metrics_count_what_was_asked(service: Service) -> None:
    request = urllib.request.Request(f"{service.url}/xds/registry", m.envelope("urn:test:nothing", "<x/>"))
    request.add_header("Content-Type", SOAP_TYPE)
    with pytest.raises(urllib.error.HTTPError) as fault:
        urllib.request.urlopen(request, timeout=20)
    fault.value.close()

    assert 'hie_requests_total{door="none",outcome="fault"}' in got(f"{service.url}/metrics")[1]


def test_a_second_service_on_the_same_port_does_not_start(service: Service, tmp_path: Path) -> None:
    ports = ("--http", f"127.0.0.1:{service.http_port}", "--mllp", f"127.0.0.1:{free_port()}", "--syslog-udp", "")

    done = hie("serve", "--data", str(tmp_path), *ports)

    assert done.returncode == 2
    assert "http: an address cannot be listened on" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_setting_stops_the_start_and_is_named(tmp_path: Path) -> None:
    done = hie("serve", "--data", str(tmp_path / "data"), HIE_HTTP__THREADZ="7")

    assert done.returncode == 2
    assert done.stderr == "The settings cannot be used:\nhttp.threadz (environment): there is no such setting\n"
    assert not (tmp_path / "data").exists()


def test_without_its_database_it_does_not_start(tmp_path: Path) -> None:
    away = f"postgresql+psycopg://hie@127.0.0.1:{free_port()}/hie"

    done = hie("serve", "--data", str(tmp_path), HIE_DATABASE__URL=away)

    assert done.returncode == 3
    assert "the database does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_was_accepted_is_finished_before_it_exits(tmp_path: Path) -> None:
    body = m.envelope(m.ACTION_18, m.find_documents(m.cx("4711")))
    with running(tmp_path, QUICK) as service, closing(http.client.HTTPConnection("127.0.0.1", service.http_port)) as connection:
        connection.putrequest("POST", "/xds/registry")
        connection.putheader("Content-Type", SOAP_TYPE)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[:200])
        codes: list[int] = []
        stopping = threading.Thread(target=lambda: codes.append(service.stop()))
        stopping.start()
        brokers.wait_for(lambda: not brokers.accepts(service.http_port))

        connection.send(body[200:])
        answer = connection.getresponse()
        text = answer.read()
        stopping.join(timeout=60)

    assert (answer.status, codes) == (200, [0])
    assert b"AdhocQueryResponse" in text


def test_a_message_that_was_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    with running(tmp_path, QUICK) as service:
        with MllpWire(service.mllp_port) as wire:
            acknowledged = wire.send(m.adt("STAYS-1"))
        code = service.stop()
        service.start()
        with MllpWire(service.mllp_port) as wire:
            found = wire.send(m.pix_query("STAYS-1"))

    assert "MSA|AA|" in acknowledged
    assert code == 0
    assert "QAK|" in found
    assert "|OK" in found


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_several_processes_serve_one_port_and_count_together(database_url: str, tmp_path: Path) -> None:
    environment = {**QUICK, "HIE_DATABASE__URL": database_url, "HIE_HTTP__PROCESSES": "2"}

    with running(tmp_path, environment) as service:
        assert service.process is not None
        children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
        asked = [
            subprocess.run(
                [sys.executable, "-m", "app.cli", "find", "--patient", m.cx("4711"), "--url", service.url, "--json"],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                capture_output=True,
                check=False,
            ).returncode
            for _ in range(2)
        ]
        text = got(f"{service.url}/metrics")[1]
        code = service.stop()

    assert len(children) == 1
    assert asked == [0, 0]
    assert 'hie_requests_total{door="DocumentRegistry_RegistryStoredQuery",outcome="answered"} 2.0' in text
    assert code == 0
    assert not Path(f"/proc/{children[0]}").exists()


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_each_process_stays_on_a_processor_of_its_own_when_told_so(database_url: str, tmp_path: Path) -> None:
    environment = {**QUICK, "HIE_DATABASE__URL": database_url, "HIE_HTTP__PROCESSES": "2", "HIE_HTTP__PINNED": "true"}
    processors = allowed()

    with running(tmp_path, environment) as service:
        assert service.process is not None
        first = service.process.pid
        (second,) = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        found = [
            {tuple(os.sched_getaffinity(int(thread.name))) for thread in Path(f"/proc/{pid}/task").iterdir()}
            for pid in (first, second)
        ]
        code = service.stop()

    assert found == [{(processors[0],)}, {(processors[1 % len(processors)],)}]
    assert code == 0


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_service_that_lost_a_process_ends_so_that_it_is_started_anew(database_url: str, tmp_path: Path) -> None:
    environment = {**QUICK, "HIE_DATABASE__URL": database_url, "HIE_HTTP__PROCESSES": "2"}

    with running(tmp_path, environment) as service:
        assert service.process is not None
        (child,) = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
        code = service.process.wait(timeout=30)

    assert code == 1


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_worker_apart_links_what_the_service_was_told(database_url: str, tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on this machine")
    with brokers.redis() as broker:
        environment = {
            **QUICK,
            "HIE_DATABASE__URL": database_url,
            "HIE_BROKER__URL": broker.url,
            "HIE_WORKER__EMBEDDED": "false",
        }
        with running(tmp_path, environment) as service:
            with MllpWire(service.mllp_port) as wire:
                wire.send(m.adt("APART-1"))
            waits = _waiting(service)
            worker = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "worker", "--data", str(tmp_path)],
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                stdout=subprocess.PIPE,
                text=True,
            )
            assert worker.stdout is not None
            with worker.stdout:
                ready = worker.stdout.readline()
                brokers.wait_for(lambda: _waiting(service) == 0)
                worker.send_signal(signal.SIGTERM)
                code = worker.wait(timeout=30)

    assert waits > 0
    assert (ready, code) == ("ready\n", 0)


def _waiting(service: Service) -> float:
    lines = got(f"{service.url}/metrics")[1].splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("hie_outbox_rows"))


def test_a_listener_that_is_switched_off_is_not_opened(tmp_path: Path) -> None:
    port = free_port()
    environment = {**QUICK, "HIE_SYSLOG__LISTEN_UDP": ""}

    with running(tmp_path, environment, ("--mllp", "")) as service:
        ready = json.loads(got(f"{service.url}/readyz")[1])
        with socket.socket() as probe:
            refused = probe.connect_ex(("127.0.0.1", port))

    assert ready["database"] == "ok"
    assert refused != 0
    assert not any("MLLP" in line for line in service.lines)
