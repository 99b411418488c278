"""A full disk, flipped bits and kills: no document is lost, none is half there, none is given out changed."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from ebrim.retrieve import DocumentRequest
from kernel.database import Database
from kernel.errors import Condition, Unavailable
from kernel.outbox import METADATA as OUTBOX
from repository.file_vault import FileVault
from repository.model import State
from repository.store import METADATA
from tests.support.clocks import TickingClock
from tests.support.metadata import REPOSITORY
from tests.support.repositories import SUBJECT, Repository, provided
from tests.support.vaults import LIMIT, FileHarm, a_file_vault, staged

FLIPS = 1_000
KILLS = 8
SEED = int(os.environ.get("HIE_TEST_SEED", "20261122"))


def a_repository(folder: Path, vault_at: Path | None = None) -> Repository:
    """A repository on SQLite."""
    folder.mkdir(exist_ok=True)
    clock = TickingClock()
    database = Database(f"sqlite:///{folder / 'db'}", clock=clock)
    for part in (OUTBOX, METADATA):
        part.create_all(database.engine)
    return Repository(database, a_file_vault(vault_at or folder / "vault")[0], clock=clock)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no right to mount a file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def used(place: Path) -> int:
    """Bytes in use of a file system."""
    found = os.statvfs(place)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def test_a_full_disk_is_told_while_the_document_arrives_and_room_comes_back(small_disk: Path) -> None:
    vault = FileVault(small_disk, document_bytes=LIMIT)
    before = used(small_disk)

    with pytest.raises(Unavailable) as caught:
        staged(vault, bytes(2 << 20))

    assert caught.value.condition is Condition.OUT_OF_RESOURCES
    assert used(small_disk) == before


def test_a_repository_on_a_full_disk_keeps_nothing_partial_and_goes_on_when_there_is_room(tmp_path: Path, small_disk: Path) -> None:
    repository = a_repository(tmp_path / "db", small_disk)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(700 << 10))

    with pytest.raises(Unavailable) as caught:
        repository.provide(provided(1), random.Random(1).randbytes(600 << 10))
    full = repository.documents()
    ballast.unlink()
    repository.vault.clear(before=TickingClock()().replace(year=2100))
    repository.provide(provided(1), random.Random(1).randbytes(600 << 10))

    assert caught.value.condition is Condition.OUT_OF_RESOURCES
    assert full == {}
    assert repository.states() == {"2.999.7.1.1": State.REGISTERED}
    repository.database.close()


def test_of_a_thousand_flipped_bits_every_one_is_found_on_reading_and_by_the_scrub_and_none_is_given_out(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    repository = a_repository(tmp_path)
    harm = FileHarm(tmp_path / "vault")
    sizes = [1, 100, 70_000, 300_000, 600_000]
    for number, size in enumerate(sizes, start=1):
        repository.provide(provided(number), chance.randbytes(size))
    contents = {unique_id: record.content for unique_id, record in repository.documents().items()}
    originals = {unique_id: harm.read(content) for unique_id, content in contents.items()}

    found_on_reading = found_by_scrub = 0
    for _ in range(FLIPS):
        unique_id = chance.choice(sorted(contents))
        data = bytearray(originals[unique_id])
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        harm.write(contents[unique_id], bytes(data))
        with pytest.raises(Unavailable):
            repository.vault.open(contents[unique_id])
        found_on_reading += 1
        if found_on_reading % 50 == 0:
            found_by_scrub += [d.unique_id for d in repository.upkeep.scrub()] == [unique_id]
            answer = repository.service.retrieve([DocumentRequest(REPOSITORY, unique_id)], SUBJECT)
            assert answer.documents == []
        harm.write(contents[unique_id], originals[unique_id])

    assert (found_on_reading, found_by_scrub) == (FLIPS, FLIPS // 50)
    assert list(repository.upkeep.scrub()) == []
    repository.database.close()


WRITER = """
    import hashlib, sys
    from pathlib import Path
    from tests.faults.test_documents import a_repository, content, provided

    repository = a_repository(Path(sys.argv[1]))
    for number in range(int(sys.argv[2]), 100_000):
        repository.provide(provided(number), content(number))
        print(number, flush=True)
"""


def content(number: int) -> bytes:
    """The bytes of document `number`: some small, some of several chunks."""
    return hashlib.sha256(str(number).encode()).digest() * (1 if number % 4 else 20_000)


def test_no_document_that_was_acknowledged_is_lost_to_a_kill(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    acknowledged: set[int] = set()
    first = 1
    for _ in range(KILLS):
        acknowledged |= killed_writer(tmp_path, first, after=chance.randrange(1, 12))
        first = max(acknowledged) + 2

    repository = a_repository(tmp_path)
    records = repository.documents()
    requests = [DocumentRequest(REPOSITORY, f"2.999.7.{number}.1") for number in sorted(acknowledged)]
    answer = repository.service.retrieve(requests, SUBJECT)
    given_out = {d.document_unique_id: b"".join(d.opened.chunks()) for d in answer.documents}

    assert len(acknowledged) >= KILLS
    assert answer.violations == []
    assert given_out == {f"2.999.7.{number}.1": content(number) for number in acknowledged}
    assert {records[f"2.999.7.{number}.1"].state for number in acknowledged} == {State.REGISTERED}
    # a row always has its bytes; bytes without a row are for the sweep
    assert list(repository.upkeep.scrub()) == []
    repository.database.close()


def killed_writer(folder: Path, first: int, after: int) -> set[int]:
    """Runs a process that provides documents, kills it when `after` were acknowledged; the numbers it acknowledged."""
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(WRITER), str(folder), str(first)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert process.stdout is not None
    acknowledged: set[int] = set()
    for line in process.stdout:
        acknowledged.add(int(line))
        if len(acknowledged) == after:
            process.send_signal(signal.SIGKILL)
    process.stdout.close()
    process.wait(timeout=10)
    assert acknowledged, "the writer ended before it was killed"
    return acknowledged
