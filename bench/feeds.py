"""Patient feeds a second over MLLP, acknowledged after the commit, with queued matching."""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench.topology import database
from tests.support import messages as m
from tests.support.service import OPEN_DOMAIN, Service
from tests.support.wire import MllpWire, field

CONNECTIONS = 8
SECONDS = 10
SURNAMES = [
    f"{a}{b}" for a in ("Al", "Ber", "Cor", "Dan", "El", "Far", "Gor", "Hal") for b in ("ano", "eth", "ik", "mann", "ova", "sen")
]


def _feed(port: int, number: int, until: float, counts: list[int]) -> None:
    chance = random.Random(number)
    with MllpWire(port) as wire:
        while time.monotonic() < until:
            local = f"F{number}-{counts[number]}"
            name = f"{chance.choice(SURNAMES)}^Nr{chance.randrange(10**6)}"
            answer = wire.send(m.adt(local, name=name, birth=f"19{chance.randint(10, 99)}{chance.randint(1, 12):02}15", phone=""))
            assert field(answer, "MSA", 1) == "AA", answer
            counts[number] += 1


def measure(service: Service) -> float:
    """Acknowledged messages a second."""
    counts = [0] * CONNECTIONS
    until = time.monotonic() + SECONDS
    threads = [threading.Thread(target=_feed, args=(service.mllp_port, n, until, counts)) for n in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS


def run() -> Iterator[str]:
    """The table."""
    with tempfile.TemporaryDirectory() as folder, database() as url:
        for name, environment in (("PostgreSQL", {"HIE_DATABASE__URL": url}), ("SQLite", {})):
            service = Service(Path(folder) / name, environment={**OPEN_DOMAIN, "HIE_LOG__LEVEL": "WARNING", **environment})
            service.data.mkdir()
            service.start()
            try:
                rate = measure(service)
                yield f"{name:<12} {rate:6.0f} feeds/s acknowledged over {CONNECTIONS} connections, matching beside it"
            finally:
                service.kill()
