"""The whole domain natively: PostgreSQL, RabbitMQ, an S3 server, services and workers as processes of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from tests.support import brokers, postgres
from tests.support.service import OPEN_DOMAIN, Service

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Topology:
    """What runs, and the settings that all of it shares."""

    environment: dict[str, str]
    services: list[Service] = field(default_factory=list)
    workers: list[subprocess.Popen[str]] = field(default_factory=list)
    broker: brokers.Server | None = None


@contextmanager
def database(*settings: str) -> Iterator[str]:
    """An empty database on a PostgreSQL server of its own, with fsync on."""
    with postgres.cluster(*settings) as server:
        admin = sa.create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql("CREATE DATABASE hie")
        admin.dispose()
        yield f"{server}/hie"


def start_worker(environment: dict[str, str], data: Path) -> subprocess.Popen[str]:
    """`hie worker`, ready."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "stderr.log").open("a") as errors:
        worker = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "worker", "--data", str(data)],
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    assert worker.stdout is not None
    for line in worker.stdout:
        if line.strip() == "ready":
            return worker
    worker.wait()
    worker.stdout.close()
    raise AssertionError((data / "stderr.log").read_text()[-2000:])


def stop_process(process: subprocess.Popen[str]) -> None:
    """kill -9 of a process and its children."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
    if process.stdout is not None:
        process.stdout.close()


@contextmanager
def domain(
    *, services: int = 2, workers: int = 2, broker: str = "rabbitmq", storage: str = "s3", more: Mapping[str, str] | None = None
) -> Iterator[Topology]:
    """PostgreSQL, broker, object store, services on ports of their own, workers apart from them; `more` settings for all."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hie-domain-")))
        environment = {**OPEN_DOMAIN, "HIE_DATABASE__URL": stack.enter_context(database()), "HIE_LOG__LEVEL": "WARNING"}
        environment |= more or {}
        topology = Topology(environment)
        topology.broker = stack.enter_context(brokers.rabbitmq() if broker == "rabbitmq" else brokers.redis())
        environment |= {"HIE_BROKER__URL": topology.broker.url, "HIE_WORKER__EMBEDDED": "false"}
        environment["HIE_ARR__KEY_FILE"] = str(
            folder / "audit-key.pem"
        )  # one for all, so that each believes the others' signatures
        if storage == "s3":
            environment |= brokers.bucket(stack.enter_context(brokers.s3()), folder)
        else:
            environment["HIE_STORAGE__URL"] = f"file:{folder / 'documents'}"
        for number in range(services):
            service = Service(folder / f"service{number}", environment=environment)
            service.data.mkdir()
            stack.callback(service.kill)
            service.start()
            topology.services.append(service)
        stack.callback(lambda: [stop_process(worker) for worker in topology.workers])
        for number in range(workers):
            topology.workers.append(start_worker(environment, folder / f"worker{number}"))
        yield topology
