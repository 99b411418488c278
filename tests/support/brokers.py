"""RabbitMQ, Redis and an S3 server of the tests' own, on free ports of loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_port


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Waits until the condition holds; fails the test when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def accepts(port: int) -> bool:
    """Whether somebody listens on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Server:
    """A server that can be stopped and started again with what it had stored."""

    url: str
    port: int
    command: list[str]
    environment: dict[str, str]
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = 60.0) -> None:
        """Starts it and waits until it accepts."""
        with (self.folder / "out.log").open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_for(lambda: accepts(self.port), seconds)

    def stop(self) -> None:
        """Kills it."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=20)
            self.process = None


@contextmanager
def _served(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


def rabbitmq_program() -> str | None:
    """Where RabbitMQ is; the script of Debian's own folder first, for the one on the path asks to be root."""
    real = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    return str(real) if real.exists() else shutil.which("rabbitmq-server")


@contextmanager
def rabbitmq() -> Iterator[Server]:
    """RabbitMQ with a store of its own."""
    program = rabbitmq_program()
    assert program
    folder, port = Path(tempfile.mkdtemp(prefix="hie-mq-")), free_port()
    environment = {
        "RABBITMQ_NODENAME": f"hie{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
    }
    command = [program]
    if os.geteuid() == 0:
        shutil.chown(folder, "rabbitmq", "rabbitmq")
        command = ["runuser", "-u", "rabbitmq", "--", *command]
    with _served(Server(f"amqp://guest:guest@127.0.0.1:{port}//", port, command, environment, folder)) as server:
        yield server


@contextmanager
def redis() -> Iterator[Server]:
    """Redis without persistence: what a kill empties, the outbox sends again."""
    program = shutil.which("redis-server")
    assert program
    folder, port = Path(tempfile.mkdtemp(prefix="hie-redis-")), free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with _served(Server(f"redis://127.0.0.1:{port}/0", port, command, {}, folder)) as server:
        yield server


@contextmanager
def s3() -> Iterator[Server]:
    """An S3 server (moto) in a process of its own."""
    folder, port = Path(tempfile.mkdtemp(prefix="hie-s3-")), free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _served(Server(f"http://127.0.0.1:{port}", port, command, {}, folder)) as server:
        yield server


def bucket(server: Server, folder: Path, name: str = "documents") -> dict[str, str]:
    """Makes a bucket; the settings by which a service uses it."""
    urllib.request.urlopen(urllib.request.Request(f"{server.url}/{name}", method="PUT"), timeout=10).close()
    for key in ("access", "secret"):
        (folder / key).write_text("test-key")
    return {
        "HIE_STORAGE__URL": f"s3://{name}/affinity",
        "HIE_STORAGE__ENDPOINT": server.url,
        "HIE_STORAGE__ACCESS_KEY_FILE": str(folder / "access"),
        "HIE_STORAGE__SECRET_KEY_FILE": str(folder / "secret"),
    }
