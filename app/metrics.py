"""What `/metrics` shows: counters and histograms with few labels and no patient data."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from kernel.peer import Peer

MULTIPROCESS: Final = "PROMETHEUS_MULTIPROC_DIR"
REGISTRY: Final = CollectorRegistry()
V2: Final = "HL7v2"
_ACCEPTED: Final = re.compile(rb"\rMSA.[AC]A")

REQUESTS: Final = Counter("hie_requests", "Requests answered", ("door", "outcome"), registry=REGISTRY)
SECONDS: Final = Histogram(
    "hie_request_seconds",
    "Time to the answer's first byte",
    ("door",),
    registry=REGISTRY,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0),
)
seconds_of: Final = cache(SECONDS.labels)
"""The histogram of a path that is served; there are few."""
requests_of: Final = cache(REQUESTS.labels)
"""The counter of an operation and an outcome; there are few."""
WAITING: Final = Gauge("hie_outbox_rows", "Rows that wait in an outbox", ("box",), registry=REGISTRY, multiprocess_mode="max")
OLDEST: Final = Gauge(
    "hie_outbox_oldest_seconds", "Age of the oldest row that waits", ("box",), registry=REGISTRY, multiprocess_mode="max"
)
DEAD: Final = Gauge("hie_outbox_dead_rows", "Rows given up after every try", registry=REGISTRY, multiprocess_mode="max")
TARGET_WAITING: Final = Gauge(
    "hie_audit_target_rows", "Audit messages that wait for a repository", ("target",), registry=REGISTRY, multiprocess_mode="max"
)
TARGET_OLDEST: Final = Gauge(
    "hie_audit_target_oldest_seconds", "Age of the oldest of them", ("target",), registry=REGISTRY, multiprocess_mode="max"
)
TARGET_FULL: Final = Gauge(
    "hie_audit_target_full", "Whether as many wait as may", ("target",), registry=REGISTRY, multiprocess_mode="max"
)
CERTIFICATE: Final = Gauge(
    "hie_certificate_expires_seconds", "Time until our certificate expires", registry=REGISTRY, multiprocess_mode="min"
)
NODES_REFUSED: Final = Counter("hie_nodes_refused", "Nodes not let in over TLS", ("listener",), registry=REGISTRY)
UNREADABLE: Final = Counter("hie_messages_unreadable", "Messages that nobody could read", ("listener",), registry=REGISTRY)
REFUSED: Final = Gauge(
    "hie_notices_refused",
    "Notifications that a consumer refused and nobody looked after",
    registry=REGISTRY,
    multiprocess_mode="max",
)
DAMAGED: Final = Counter("hie_documents_damaged", "Stored documents found not to be what was stored", registry=REGISTRY)


def rendered(*, several_processes: bool) -> bytes:
    """The text of `/metrics`, of every process of the service where there are several."""
    if not several_processes:
        return generate_latest(REGISTRY)
    every = CollectorRegistry()
    MultiProcessCollector(every)  # type: ignore[no-untyped-call]  # the library types only what counts
    return generate_latest(every)


def counted_v2(dispatch: Callable[[bytes, Peer], bytes]) -> Callable[[bytes, Peer], bytes]:
    """The dispatch of HL7 v2 with its messages counted, by whether the answer accepts them (MSA-1 AA or CA)."""

    def counted(message: bytes, peer: Peer) -> bytes:
        began = time.perf_counter()
        answer = dispatch(message, peer)
        SECONDS.labels(V2).observe(time.perf_counter() - began)
        REQUESTS.labels(V2, "answered" if _ACCEPTED.search(answer) else "refused").inc()
        return answer

    return counted
