"""A FHIR server of a test's own: takes AuditEvents, and misbehaves as it is told."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JSON = dict[str, Any]
Verdict = Callable[[JSON], int]
"""The status of one event."""


class FhirStub:
    """`taken` are the events it has said yes to, in their order; `requests` the paths it was called at."""

    def __init__(self) -> None:
        self.taken: list[JSON] = []
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.verdict: Verdict = lambda _event: 201
        self.batch_status = 200
        self.drops = 0
        """So many requests have no answer."""
        self.answer: bytes | None = None
        """Instead of its own, to a batch."""
        self.port = 0
        self.lock = threading.Lock()

    def judge(self, event: JSON) -> int:
        """Takes an event, or not."""
        status = self.verdict(event)
        if status < 300:
            self.taken.append(event)
        return status

    def answered(self, path: str, body: JSON) -> tuple[int, bytes]:
        """The answer to a POST."""
        if path.endswith("/AuditEvent"):
            return self.judge(body), b""
        if self.batch_status != 200:
            return self.batch_status, b""
        statuses = [self.judge(entry["resource"]) for entry in body["entry"]]
        entries = [{"response": {"status": f"{status} Said"}} for status in statuses]
        made = json.dumps({"resourceType": "Bundle", "type": "batch-response", "entry": entries}).encode()
        return 200, self.answer if self.answer is not None else made


def _handler(stub: FhirStub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with stub.lock:
                stub.requests.append(self.path)
                stub.headers.append(dict(self.headers))
                if stub.drops:
                    stub.drops -= 1
                    self.close_connection = True
                    return
                status, answer = stub.answered(self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Handler


@contextmanager
def fhir_stub(tls: ssl.SSLContext | None = None) -> Iterator[FhirStub]:
    """A running server; with a context over TLS."""
    stub = FhirStub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stub))
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    stub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
