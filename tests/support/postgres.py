"""A PostgreSQL of the tests' own, with fsync on, started once for a run."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ENVIRONMENT = "HIE_TEST_POSTGRES"
"""An address `postgresql+psycopg://user@host:port/` of a running server to use instead, where databases may be made."""


def binary(name: str) -> str | None:
    """Where a PostgreSQL program is, on the path or where Debian puts it."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


def is_available() -> bool:
    """Whether a server can be reached or started."""
    return ENVIRONMENT in os.environ or (binary("initdb") is not None and binary("postgres") is not None)


def free_port() -> int:
    """A port nobody listens on at the moment, over TCP or UDP."""
    while True:
        with socket.socket() as probe, socket.socket(type=socket.SOCK_DGRAM) as other:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            with suppress(OSError):
                other.bind(("127.0.0.1", port))
                return port


def _as_postgres(command: list[str]) -> list[str]:
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


@contextmanager
def cluster(*settings: str) -> Iterator[str]:
    """Starts a server in a folder of its own; gives its address without a database name, and removes it at the end."""
    if ENVIRONMENT in os.environ:
        yield os.environ[ENVIRONMENT].rstrip("/")
        return
    folder = Path(tempfile.mkdtemp(prefix="hie-pg-"))
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    initdb, pg_ctl = binary("initdb"), binary("pg_ctl")
    assert initdb
    assert pg_ctl
    data, port = folder / "data", free_port()
    subprocess.run(
        _as_postgres([initdb, "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]),
        check=True,
        capture_output=True,
        cwd=folder,
    )
    options = [f"-p {port}", "-c listen_addresses=127.0.0.1", f"-k {folder}", "-c max_connections=200", *settings]
    subprocess.run(
        _as_postgres([pg_ctl, "-D", str(data), "-w", "-l", str(folder / "log"), "-o", " ".join(options), "start"]),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}"
    finally:
        stop = _as_postgres([pg_ctl, "-D", str(data), "-m", "immediate", "stop"])
        subprocess.run(stop, check=False, capture_output=True, cwd="/")
        shutil.rmtree(folder, ignore_errors=True)
