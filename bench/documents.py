"""A document of 500 MB in by ITI-41 and out by ITI-43: MB a second, and how much the service grows."""

from __future__ import annotations

import hashlib
import http.client
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.load import reset_peak, resident_bytes
from bench.throughput import patients
from tests.support import messages as m
from tests.support.service import OPEN_DOMAIN, Service

MEGABYTES = 500


def pieces(seed: bytes, megabytes: int) -> Iterator[bytes]:
    """Bytes that differ from one megabyte to the next and cost next to nothing to make."""
    block = hashlib.sha512(seed).digest() * 16384
    for number in range(megabytes):
        yield number.to_bytes(8, "big") + block[8:]


def provide(service: Service, patient: str, megabytes: int) -> tuple[str, float]:
    """Sends the document; its uniqueId and the seconds it took."""
    entry = m.Entry(patient, hash=None, size=None)
    kind, data = m.provide_and_register(entry, b"@DOCUMENT@")
    head, _, tail = data.partition(b"@DOCUMENT@")
    connection = http.client.HTTPConnection("127.0.0.1", service.http_port, timeout=600)
    began = time.perf_counter()
    connection.putrequest("POST", "/xds/repository")
    connection.putheader("Content-Type", kind)
    connection.putheader("Content-Length", str(len(head) + len(tail) + (megabytes << 20)))
    connection.endheaders(head)
    for piece in pieces(b"bench", megabytes):
        connection.send(piece)
    connection.send(tail)
    answer = connection.getresponse().read()
    seconds = time.perf_counter() - began
    assert b"ResponseStatusType:Success" in answer, answer[-1500:]
    return entry.unique_id, seconds


def retrieve(service: Service, unique_id: str) -> tuple[int, float]:
    """Reads the document; bytes and seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", service.http_port, timeout=600)
    began = time.perf_counter()
    body = m.envelope(m.ACTION_43, m.retrieve((m.REPOSITORY, unique_id)))
    connection.request("POST", "/xds/repository", body, {"Content-Type": "application/soap+xml"})
    answer, read = connection.getresponse(), 0
    while piece := answer.read(1 << 20):
        read += len(piece)
    return read, time.perf_counter() - began


def run() -> Iterator[str]:
    """The table."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder) / "data", environment={**OPEN_DOMAIN, "HIE_LOG__LEVEL": "WARNING"})
        service.data.mkdir()
        service.start()
        try:
            assert service.process is not None
            pid, (patient,) = service.process.pid, patients(service, 1)
            retrieve(service, provide(service, patient, 1)[0])
            base = resident_bytes(pid)
            reset_peak(pid)
            unique_id, seconds = provide(service, patient, MEGABYTES)
            grown = resident_bytes(pid, "VmHWM") - base
            yield f"in   {MEGABYTES / seconds:6.0f} MB/s, peak {grown / (1 << 20):+.1f} MB over {base >> 20} MB"
            reset_peak(pid)
            base = resident_bytes(pid)
            read, seconds = retrieve(service, unique_id)
            assert read > MEGABYTES << 20
            grown = resident_bytes(pid, "VmHWM") - base
            yield f"out  {MEGABYTES / seconds:6.0f} MB/s, peak {grown / (1 << 20):+.1f} MB over {base >> 20} MB"
        finally:
            service.kill()
