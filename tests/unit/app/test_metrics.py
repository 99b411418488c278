"""app.metrics"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.metrics import MULTIPROCESS, REGISTRY, REQUESTS, counted_v2, rendered
from kernel.peer import Peer

ROOT = Path(__file__).resolve().parents[3]


def test_a_request_is_counted_by_door_and_outcome() -> None:
    REQUESTS.labels("Test", "answered").inc()
    REQUESTS.labels("Test", "answered").inc()

    assert b'hie_requests_total{door="Test",outcome="answered"} 2.0' in rendered(several_processes=False)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(b"MSH|^~\\&|\rMSA|AA|1\r", "answered"), (b"MSH|^~\\&|\rMSA|AE|1\r", "refused"), (b"", "refused")],
)
def test_a_message_is_counted_by_how_it_was_acknowledged(answer: bytes, outcome: str) -> None:
    labels = {"door": "HL7v2", "outcome": outcome}
    before = REGISTRY.get_sample_value("hie_requests_total", labels) or 0.0

    given = counted_v2(lambda _message, _peer: answer)(b"", Peer("127.0.0.1", "127.0.0.1:2575"))

    assert given == answer
    assert REGISTRY.get_sample_value("hie_requests_total", labels) == before + 1


def test_no_label_can_hold_more_than_a_door_an_outcome_or_a_box() -> None:
    families = REGISTRY.collect()
    labels = {name for family in families for sample in family.samples for name in sample.labels}

    assert labels <= {"door", "outcome", "box", "le", "target", "listener"}


def test_the_text_of_several_processes_adds_up(tmp_path: Path) -> None:
    count = "from app.metrics import REQUESTS; REQUESTS.labels('Test', 'answered').inc()"
    show = "import sys; from app.metrics import rendered; sys.stdout.buffer.write(rendered(several_processes=True))"
    environment = {**os.environ, MULTIPROCESS: str(tmp_path), "PYTHONPATH": str(ROOT)}

    for _ in range(2):
        subprocess.run([sys.executable, "-c", count], env=environment, check=True)
    text = subprocess.run([sys.executable, "-c", show], env=environment, check=True, capture_output=True).stdout

    assert b'hie_requests_total{door="Test",outcome="answered"} 2.0' in text
