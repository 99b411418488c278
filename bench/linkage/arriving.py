"""One message against a full index: how long the index itself takes, and the whole way over MLLP with the link in the same commit.

`arriving.py FILE sqlite|postgres [MESSAGES]`: imports the file as a batch, then sends what another source might say of people in
it: every other time with something missing and a slip in the name. Prints the time of the import, milliseconds and messages a
second; on a machine that others use the CPU time says more.
"""

from __future__ import annotations

import csv
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from app.cli.common import settings_of
from app.wiring import House
from bench.topology import ROOT, database
from kernel.peer import Peer
from tests.support.service import OPEN_DOMAIN, Service
from tests.support.v2 import message
from tests.support.wire import MllpWire

_KEPT = 20_000
"""Rows from which the messages are drawn."""
_WARM = 100


def messages(path: Path, wanted: int) -> list[bytes]:
    """Feeds of a source nobody knows about people who are in the file."""
    random_ = random.Random(1)
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for number, row in enumerate(csv.DictReader(file)) if number % 47 == 0][:_KEPT]
    return [_message(random_, number, row) for number, row in enumerate(random_.sample(rows, wanted))]


def _message(random_: random.Random, number: int, row: Mapping[str, str]) -> bytes:
    said = dict(row)
    if number % 2:
        said[random_.choice(("phone", "street", "national_id", "middle"))] = ""
        at = random_.randrange(max(len(said["family"]), 1))
        said["family"] = said["family"][:at] + said["family"][at + 1 :]
    name = f"{said['family']}^{said['given']}^{said['middle']}"
    address = f"{said['street']}^^{said['city']}^{said['state']}^{said['postcode']}"
    date = said["dob"].replace("-", "")
    pid = f"PID|||N{number}^^^LATE||{name}||{date}|{said['sex']}|||{address}||{said['phone']}||||||{said['national_id']}"
    return message("ADT^A04", "EVN|A04|20261122101500", pid, "PV1||O", control_id=f"LATE{number}")


def _quantiles(seconds: Sequence[float]) -> dict[str, float]:
    ranked = sorted(seconds)
    found = {f"ms p{part}": round(1000 * ranked[len(ranked) * part // 100], 2) for part in (50, 95, 99)}
    return {**found, "messages/s": round(len(ranked) / sum(ranked), 1)}


def in_the_index(data: Path, sent: Sequence[bytes]) -> Iterator[tuple[str, dict[str, float]]]:
    """The feed and the matching of each message, each with its commit, by calls in this process."""
    house = House(settings_of(None).settings, data)
    peer = Peer("127.0.0.1", "bench")
    fed: list[float] = []
    matched: list[float] = []
    computed: list[float] = []
    with house.database.read() as connection:
        house.mpi.matcher.model(connection)
    for text in sent:
        began = time.perf_counter()
        house.v2(text, peer)
        fed.append(time.perf_counter() - began)
        with house.database.read() as connection:
            record = connection.exec_driver_sql("SELECT max(id) FROM mpi_patient_record").scalar_one()
        began, used = time.perf_counter(), time.thread_time()
        with house.database.begin() as work:
            house.mpi.matcher.match(work, record)
        matched.append(time.perf_counter() - began)
        computed.append(time.thread_time() - used)
    house.close()
    yield "feed alone", _quantiles(fed[_WARM:])
    yield "match alone", _quantiles(matched[_WARM:])
    yield "match alone, CPU of this process", _quantiles(computed[_WARM:])


def over_the_wire(data: Path, environment: Mapping[str, str], sent: Sequence[bytes]) -> dict[str, float]:
    """From the message to its acknowledgement, when the link is in the same commit."""
    service = Service(data, environment={**environment, "HIE_MATCHING__MODE": "inline"})
    service.start()
    took = []
    try:
        with MllpWire(service.mllp_port) as wire:
            for text in sent:
                began = time.perf_counter()
                answer = wire.send(text)
                took.append(time.perf_counter() - began)
                assert "MSA|AA" in answer, answer
    finally:
        service.stop()
    return _quantiles(took[_WARM:])


def main(path: Path, kind: str, wanted: int) -> None:
    """Imports, sends, prints."""
    with tempfile.TemporaryDirectory() as folder, database() if kind == "postgres" else nullcontext("") as url:
        data = Path(folder)
        environment = dict(OPEN_DOMAIN) | ({"HIE_DATABASE__URL": url} if url else {}) | {"HIE_MATCHING__LEARN_RECORDS": "0"}
        os.environ.update(environment)
        began = time.perf_counter()
        command = [sys.executable, "-m", "app.cli", "mpi", "import", str(path), "--match", "batch", "--data", str(data), "--json"]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = round(children.ru_utime + children.ru_stime, 1)
        load = [round(value, 1) for value in os.getloadavg()]
        print(
            json.dumps({"import s": round(time.perf_counter() - began, 1), "cpu s": used, "load": load, **json.loads(done.stdout)})
        )
        sent = messages(path, 2 * wanted)
        for name, times in in_the_index(data, sent[:wanted]):
            print(json.dumps({name: times}), flush=True)
        print(json.dumps({"over MLLP, inline": over_the_wire(data, environment, sent[wanted:])}), os.getloadavg(), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 2_000)
