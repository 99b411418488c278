"""An object store that speaks S3, in a process of its own on loopback."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from tests.support.ports import free_port

START_SECONDS = 60.0


def is_available() -> bool:
    """Whether the server is installed."""
    return find_spec("moto") is not None and find_spec("flask") is not None


@contextmanager
def object_store() -> Iterator[str]:
    """The address of a running server."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise AssertionError(f"the object store ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the object store did not start")


def make_bucket(address: str, name: str) -> None:
    """A bucket, by the plain request that makes one."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=10)
    try:
        scope = "AWS4-HMAC-SHA256 Credential=test/20200101/us-east-1/s3/aws4_request"
        connection.request("PUT", f"/{name}", headers={"Authorization": scope})
        assert connection.getresponse().status == 200
    finally:
        connection.close()
