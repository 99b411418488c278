"""The product as an operator starts it: `hie serve` in a process of its own, on free ports of loopback."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.ports import free_port

READY_SECONDS = 60.0


@dataclass
class Service:
    """A running service and where it listens."""

    data: Path
    http_port: int = field(default_factory=free_port)
    mllp_port: int = field(default_factory=free_port)
    syslog_port: int = field(default_factory=free_port)
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[str] | None = None
    listener: threading.Thread | None = None
    lines: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address of the HTTP listener."""
        return f"http://127.0.0.1:{self.http_port}"

    def start(self) -> None:
        """Starts the process and waits for its line `ready`."""
        command = [sys.executable, "-m", "app.cli", "serve", "--data", str(self.data)]
        command += ["--http", f"127.0.0.1:{self.http_port}", "--mllp", f"127.0.0.1:{self.mllp_port}"]
        command += ["--syslog-udp", f"127.0.0.1:{self.syslog_port}", *self.arguments]
        with (self.data / "stderr.log").open("a") as errors:
            self.process = subprocess.Popen(
                command,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), **self.environment},
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        told: queue.Queue[str | None] = queue.Queue()
        self.listener = threading.Thread(target=self._listen, args=(self.process, told), daemon=True)
        self.listener.start()
        try:
            while (line := told.get(timeout=READY_SECONDS)) != "ready":
                if line is None:
                    raise queue.Empty
        except queue.Empty:
            self.kill()
            raise AssertionError(f"not ready: {self.errors()}") from None

    def _listen(self, process: subprocess.Popen[str], told: queue.Queue[str | None]) -> None:
        assert process.stdout is not None
        with process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip("\n"))
                told.put(line.strip())
        told.put(None)

    def errors(self) -> str:
        """The end of what the process wrote to its standard error."""
        return (self.data / "stderr.log").read_text()[-4000:]

    def kill(self) -> None:
        """kill -9 of the whole process tree."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=10)
            self._ended()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self._ended()
        return code

    def _ended(self) -> None:
        self.process = None
        if self.listener is not None:
            self.listener.join(timeout=10)


OPEN_DOMAIN = {"HIE_AFFINITY__ACCEPT_NEW_AUTHORITIES": "true"}
"""Settings of the tests and the demonstration: any assigning authority in a feed is accepted and listed."""


@contextmanager
def running(data: Path, environment: Mapping[str, str] = OPEN_DOMAIN, arguments: tuple[str, ...] = ()) -> Iterator[Service]:
    """A service that is ready, and stopped at the end."""
    data.mkdir(parents=True, exist_ok=True)
    service = Service(data, environment=environment, arguments=arguments)
    service.start()
    try:
        yield service
    finally:
        if service.process is not None:
            service.kill()
