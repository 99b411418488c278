"""Debian's rsyslog, started for a test: as a relay and as somebody else's audit record repository."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kernel.tls import TlsFiles
from tests.support.ports import free_port

_MODULES = Path("/usr/lib/x86_64-linux-gnu/rsyslog")
SECONDS = 20


def demand(program: str, module: str = "") -> str:
    """Where a program is; skips the test when it or a module of rsyslog is absent."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{program} is not installed")
    if module and not (_MODULES / f"{module}.so").exists():
        pytest.skip(f"rsyslog has no module {module} (Debian: rsyslog-openssl)")
    return found


class Rsyslog:
    """One rsyslogd with a configuration of its own."""

    def __init__(self, folder: Path, config: str, port: int) -> None:
        self.folder = folder
        self.port = port
        self._config = folder / "rsyslog.conf"
        self._config.write_text(config)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it listens."""
        command = [demand("rsyslogd"), "-n", "-f", str(self._config), "-i", str(self.folder / "pid")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + SECONDS
        while not _accepts(self.port):
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            assert self._process.poll() is None, (self.folder / "log").read_text()
            threading.Event().wait(0.05)

    def stop(self, *, kill: bool = False) -> None:
        """Ends it, in order or not."""
        if self._process is not None:
            if kill:
                self._process.kill()
            else:
                self._process.terminate()
            self._process.wait(SECONDS)
            self._process = None


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _global(folder: Path, files: TlsFiles | None) -> str:
    tls = ""
    if files is not None:
        tls = (
            f'DefaultNetstreamDriver="ossl" DefaultNetstreamDriverCAFile="{files.trust}" '
            f'DefaultNetstreamDriverCertFile="{files.certificate}" DefaultNetstreamDriverKeyFile="{files.key}"'
        )
    return f'global(workDirectory="{folder}" maxMessageSize="256k" {tls})\n'


@contextmanager
def receiver(folder: Path, files: TlsFiles | None) -> Iterator[tuple[Rsyslog, Path]]:
    """An rsyslog that writes each message it receives, as it came, to a file; over TLS when it is given files."""
    port, out = free_port(), folder / "received"
    mode = 'StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/certvalid"' if files else ""
    config = (
        _global(folder, files)
        + f'module(load="imtcp" {mode})\ninput(type="imtcp" address="127.0.0.1" port="{port}")\n'
        + 'template(name="raw" type="string" string="%rawmsg%\\n")\n'
        + f'action(type="omfile" file="{out}" template="raw")\n'
    )
    server = Rsyslog(folder, config, port)
    server.start()
    try:
        yield server, out
    finally:
        server.stop()


@contextmanager
def relay(folder: Path, target: int, files: TlsFiles | None, template: str) -> Iterator[Rsyslog]:
    """An rsyslog that passes on what it receives to a port of this machine, over TLS when it is given files."""
    port = free_port()
    mode = 'StreamDriver="ossl" StreamDriverMode="1" StreamDriverAuthMode="x509/certvalid"' if files else ""
    config = (
        _global(folder, files)
        + f'module(load="imtcp")\ninput(type="imtcp" address="127.0.0.1" port="{port}")\n'
        + f'action(type="omfwd" target="127.0.0.1" port="{target}" protocol="tcp" TCP_Framing="octet-counted" '
        + f'template="{template}" {mode} queue.type="LinkedList" action.resumeRetryCount="-1" action.resumeInterval="1")\n'
    )
    server = Rsyslog(folder, config, port)
    server.start()
    try:
        yield server
    finally:
        server.stop()
