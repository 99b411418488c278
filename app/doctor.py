"""What the service needs, checked one by one, each with advice."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.settings import Settings, SettingsProblem
from app.wiring import House
from app.worker import EMBEDDED, is_broker_there
from kernel.errors import HieError

_FREE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `ok` or `problem`, and what to do."""

    name: str
    state: str
    advice: str = ""


def examine(settings: Settings, data: Path) -> Iterator[Finding]:
    """Python, disk, ports, database, broker, documents."""
    found = ".".join(map(str, sys.version_info[:3]))
    yield Finding(f"Python {found}", "ok" if sys.version_info >= (3, 11) else "problem", "" if found >= "3.11" else "install 3.11")
    yield _disk(data)
    for name, listen in (("HTTP", settings.http.listen), ("MLLP", settings.mllp.listen)):
        if listen:
            yield _port(name, listen)
    yield from _stores(settings, data)
    yield _broker(settings)


def _disk(data: Path) -> Finding:
    place = data if data.exists() else data.absolute().parent
    if not os.access(place, os.W_OK):
        return Finding(f"data folder {data}", "problem", f"make {place} writable for this user, or give another by --data")
    free = shutil.disk_usage(place).free
    advice = "" if free > _FREE_BYTES else "less than 1 GB is free: make room or give another folder by --data"
    return Finding(f"data folder {data}, {free >> 20} MB free", "problem" if advice else "ok", advice)


def _port(name: str, listen: str) -> Finding:
    host, _, port = listen.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as problem:
            return Finding(f"{name} on {listen}", "problem", f"{problem.strerror}: stop what listens there, or choose another port")
    return Finding(f"{name} on {listen}", "ok")


def _stores(settings: Settings, data: Path) -> Iterator[Finding]:
    try:
        house = House(settings, data)
    except (SettingsProblem, OSError) as problem:
        yield Finding("services", "problem", str(problem))
        return
    try:
        for name, state in house.health().report().items():
            yield Finding(
                name, "ok" if state == "ok" else "problem", "" if state == "ok" else f"{state}: see the settings of {name}"
            )
        late = house.behind()
        yield Finding("tables", "problem" if late else "ok", f"run `hie db upgrade` ({', '.join(late)})" if late else "")
    except HieError as problem:
        yield Finding("tables", "problem", problem.detail)
    finally:
        house.close()


def _broker(settings: Settings) -> Finding:
    scheme = settings.broker.url.partition(":")[0]
    if settings.broker.url == EMBEDDED or is_broker_there(settings.broker.url):
        return Finding(f"broker ({scheme})", "ok")
    return Finding(f"broker ({scheme})", "problem", "start it, or correct broker.url; matching and audit wait until it is there")
