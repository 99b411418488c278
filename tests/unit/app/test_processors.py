"""app.processors"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.processors import allowed, stay

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def sleeper() -> Iterator[int]:
    """A process that waits to be ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        assert process.stdin is not None
        process.stdin.close()


def test_a_process_stays_on_the_processor_of_its_number_counted_over_again(sleeper: int) -> None:
    processors = allowed()
    found = []

    for number in (0, 1, len(processors), 2 * len(processors) - 1):
        stay(processors, number, sleeper)
        found.append(os.sched_getaffinity(sleeper))

    assert found == [{processors[0]}, {processors[1 % len(processors)]}, {processors[0]}, {processors[-1]}]


def test_all_threads_of_a_process_stay_and_those_they_start_too() -> None:
    program = """
import os, threading
from app.processors import allowed, stay

def told():
    return tuple(sorted(os.sched_getaffinity(0)))

found, may = [], threading.Event()
early = threading.Thread(target=lambda: (may.wait(), found.append(told())))
early.start()
processors = allowed()
stay(processors, 1)
may.set()
late = threading.Thread(target=lambda: found.append(told()))
late.start()
early.join()
late.join()
print(set(found) == {(processors[1 % len(processors)],)}, len(found), told() == found[0])
"""

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT).stdout

    assert said == "True 2 True\n"


def test_where_the_system_tells_of_no_processor_nothing_is_done(sleeper: int) -> None:
    before = os.sched_getaffinity(sleeper)

    stay((), 0, sleeper)

    assert os.sched_getaffinity(sleeper) == before


def test_where_the_system_does_not_let_it_the_service_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbids(_pid: int, _processors: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", forbids)

    with capture_logs() as logs:
        stay(allowed(), 0)

    assert [line["problem"] for line in logs] == ["Operation not permitted"]
