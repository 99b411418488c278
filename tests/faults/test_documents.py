"""A full disk, flipped bits and kills: no document is lost, none is half there, none is given out changed."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ebrim.retrieve import DocumentRequest
from kernel.database import Database
from kernel.errors import Condition, Unavailable, violation
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


def a_repository(folder: Path, vault_at: Path | None = None, *, is_sealed: bool = False) -> Repository:
    """A repository on SQLite."""
    folder.mkdir(exist_ok=True)
    clock = TickingClock()
    database = Database(f"sqlite:///{folder / 'db'}", clock=clock)
    for part in (OUTBOX, METADATA):
        part.create_all(database.engine)
    return Repository(database, a_file_vault(vault_at or folder / "vault", is_sealed=is_sealed)[0], clock=clock)


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


@pytest.fixture
def fast_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: this is about the order of calls, not about the disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield Path(folder)


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


@pytest.mark.parametrize("is_sealed", [False, True], ids=["plain", "sealed"])
def test_of_a_thousand_flipped_bits_every_one_is_found_and_none_is_given_out(fast_path: Path, is_sealed: bool) -> None:
    chance = random.Random(SEED)
    repository = a_repository(fast_path, is_sealed=is_sealed)
    harm = FileHarm(fast_path / "vault")
    sizes = [1, 100, 20_000, 70_000, 300_000]
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
        found_by_scrub += [d.unique_id for d in repository.upkeep.scrub()] == [unique_id]
        if found_on_reading % 10 == 0:
            answer = repository.service.retrieve([DocumentRequest(REPOSITORY, unique_id)], SUBJECT)
            assert answer.documents == []
        harm.write(contents[unique_id], originals[unique_id])

    assert (found_on_reading, found_by_scrub) == (FLIPS, FLIPS)
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


def test_no_document_that_was_acknowledged_is_lost_to_a_kill(fast_path: Path) -> None:
    chance = random.Random(SEED)
    acknowledged: set[int] = set()
    first = 1
    for _ in range(KILLS):
        acknowledged |= killed_writer(fast_path, first, after=chance.randrange(1, 12))
        first = max(acknowledged) + 2

    repository = a_repository(fast_path)
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


class Seams:
    """Counts every call to the disk, the database and the registry, and makes one of them fail."""

    def __init__(self, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self.fails_at = 0
        self._fsync, self._replace = os.fsync, Path.replace
        monkeypatch.setattr(os, "fsync", self._flush)
        monkeypatch.setattr(Path, "replace", lambda path, target: self._rename(path, target))
        engine = repository.database.engine
        sa.event.listen(engine, "before_cursor_execute", lambda *_: self._database())
        sa.event.listen(engine, "commit", lambda _: self._database())
        repository.registry.before = repository.registry.after = self._registry

    @property
    def has_failed(self) -> bool:
        """Whether the call that was to fail has been made."""
        return 0 < self.fails_at <= self.calls

    def _fails(self) -> bool:
        self.calls += 1
        return self.calls == self.fails_at

    def _flush(self, descriptor: int) -> None:
        if self._fails():
            raise OSError(errno.EIO, "Input/output error")
        self._fsync(descriptor)

    def _rename(self, path: Path, target: Path) -> Path:
        if self._fails():
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._replace(path, target)

    def _database(self) -> None:
        if self._fails():
            raise sa.exc.OperationalError("statement", {}, sqlite3.OperationalError("disk I/O error"))

    def _registry(self) -> None:
        if self._fails():
            raise Unavailable(violation(Condition.REGISTRY_UNAVAILABLE, "registry", "away"))


def test_whichever_call_fails_the_sender_is_told_and_the_same_message_again_succeeds_once(
    fast_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails the first call, then the second, until a whole pass goes by in which nothing fails."""
    submission, contents = provided(1, documents=2), (b"abc", b"defg")
    for fails_at in range(1, 1_000):
        repository = a_repository(fast_path / str(fails_at))
        with monkeypatch.context() as patches:
            seams = Seams(repository, patches)
            seams.fails_at = fails_at
            try:
                repository.provide(submission, *contents)
                is_told = False
            except Unavailable:
                is_told = True
            was_last, seams.fails_at = not seams.has_failed, 0
            repository.provide(submission, *contents)

        assert is_told is not was_last, f"call {fails_at}"
        assert set(repository.states().values()) == {State.REGISTERED}, f"call {fails_at}"
        assert len(repository.registry.submissions) == 1, f"call {fails_at}"
        assert list(repository.upkeep.scrub()) == [], f"call {fails_at}"
        requests = [DocumentRequest(REPOSITORY, f"2.999.7.1.{n}") for n in (1, 2)]
        answer = repository.service.retrieve(requests, SUBJECT)
        assert [b"".join(d.opened.chunks()) for d in answer.documents] == list(contents), f"call {fails_at}"
        repository.database.close()
        if was_last:
            assert fails_at > 20
            return
    raise AssertionError("there was no end to it")
