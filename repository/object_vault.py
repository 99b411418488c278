"""A vault in an object store that speaks S3. The only module that imports obstore."""

from __future__ import annotations

import os
import re
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from kernel.errors import Condition, Unavailable, violation
from repository.keyring import is_name
from repository.sealing import Sealer, sealed_size
from repository.vault import CHUNK, KEPT, Content, Held, Missing, Opened, Readable, checked, damaged, missing, no_room
from soap.exchange import Attachment, PartHeaders, PartSink
from soap.spool import Spool

if TYPE_CHECKING:
    from obstore import GetResult
    from obstore.store import ClientConfig, RetryConfig, S3Config

T = TypeVar("T")
_KEY: Final = re.compile(r"[0-9a-f]{64}\Z")
_PORTION: Final = 1_000
"""Keys listed at once."""
_PART: Final = 8 << 20
"""Bytes of one part of a large upload."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where the objects are: `endpoint` is empty for Amazon; without keys the machine's own credentials are used."""

    name: str
    prefix: str
    endpoint: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    secret_key: str = ""
    timeout: timedelta = timedelta(seconds=60)


class ObjectVault:
    """Documents at `<prefix>/ab/cd/<sha256>`; on their way in and out they lie in `staging`, a folder of this machine."""

    def __init__(self, bucket: Bucket, staging: Path, *, document_bytes: int, sealer: Sealer | None = None) -> None:
        self._staging = staging
        self._document_bytes = document_bytes
        self._sealer = sealer
        self._prefix = bucket.prefix.strip("/")
        self._store = _store(bucket)
        staging.mkdir(parents=True, exist_ok=True)

    def stage(self, headers: PartHeaders) -> PartSink:
        """A sink for a document that is about to arrive."""
        encoding = self._sealer.encoder() if self._sealer else None
        return Spool(self._staging, limit=self._document_bytes, encoding=encoding)(headers)

    def publish(self, staged: Attachment) -> Content:
        """Uploads a staged document, also where it is there already: that heals it and renews its time."""
        key = self._key(staged.sha256)
        _asked(lambda: obstore.put(self._store, key, staged.path, chunk_size=_PART, max_concurrency=4))
        staged.path.unlink(missing_ok=True)
        return Content(staged.sha256, staged.size)

    def open(self, content: Content) -> Opened:
        """A document to be sent, fetched once and checked. Raises `Unavailable` when its bytes are not those stored."""
        answer = _asked(lambda: obstore.get(self._store, self._key(content.sha256)))
        if content.size <= KEPT:
            data = _asked(lambda: bytes(answer.bytes()))
            return checked(content, lambda: self._document(BytesIO(data)))
        fetched = self._fetched(content, answer)
        return checked(content, lambda: self._document(fetched.read()))

    def _document(self, raw: Readable) -> Readable:
        return self._sealer.opened(raw) if self._sealer else raw

    def discard(self, sha256: str, *, unless_since: datetime) -> bool:
        """Removes a document's bytes, unless they were published since that instant."""
        key = self._key(sha256)
        try:
            if _asked(lambda: obstore.head(self._store, key))["last_modified"] >= unless_since:
                return False
        except Unavailable as problem:
            if problem.condition is Condition.CONTENT_DAMAGED:
                return False
            raise
        _asked(lambda: obstore.delete(self._store, key))
        return True

    def held(self) -> Iterator[Held]:
        """Every key the vault holds, in portions."""
        portions = _asked(lambda: obstore.list(self._store, self._prefix or None, chunk_size=_PORTION))
        while (portion := _asked(lambda: next(portions, None))) is not None:
            for found in portion:
                name = found["path"].rpartition("/")[2]
                if _KEY.match(name):  # the keys of sealed documents lie here as well
                    yield Held(name, found["last_modified"])

    def clear(self, *, before: datetime) -> int:
        """Removes staging files of requests that broke off before that instant."""
        return sum(_removed(file, before) for file in self._staging.iterdir())

    def _key(self, sha256: str) -> str:
        return f"{self._prefix}/{sha256[:2]}/{sha256[2:4]}/{sha256}".lstrip("/")

    def _fetched(self, content: Content, answer: GetResult) -> _Fetched:
        try:
            fetched = _Fetched(self._staging)
            fetched.take(_chunks(answer), sealed_size(content.size) if self._sealer else content.size)
        except OSError as problem:
            raise no_room(problem) from problem
        return fetched


def _removed(file: Path, before: datetime) -> bool:
    try:
        is_old = file.stat().st_mtime < before.timestamp()
        if is_old:
            file.unlink()
    except FileNotFoundError:
        return False  # whoever it belonged to was faster
    return is_old


class ObjectKeys:
    """Data keys as small objects below `<prefix>/keys`."""

    def __init__(self, bucket: Bucket) -> None:
        self._folder = f"{bucket.prefix.strip('/')}/keys".lstrip("/")
        self._store = _store(bucket)

    def names(self) -> Sequence[str]:
        """Every name. Raises `Unavailable`."""
        portions = _asked(lambda: obstore.list(self._store, self._folder))
        found: list[str] = []
        while (portion := _asked(lambda: next(portions, None))) is not None:
            found += [one["path"].rpartition("/")[2] for one in portion]
        return sorted(filter(is_name, found))

    def get(self, name: str) -> bytes | None:
        """What lies there; None for nothing. Raises `Unavailable`."""
        if not is_name(name):
            return None
        try:
            return _asked(lambda: bytes(obstore.get(self._store, f"{self._folder}/{name}").bytes()))
        except Missing:
            return None

    def put(self, name: str, data: bytes) -> None:
        """Puts it there. Raises `Unavailable`."""
        _asked(lambda: obstore.put(self._store, f"{self._folder}/{name}", data))


class _Fetched:
    """A file that goes with whoever still may read it. It is open only while it is read: an answer may hold a thousand."""

    def __init__(self, folder: Path) -> None:
        descriptor, name = tempfile.mkstemp(prefix="out-", dir=folder)
        self._path = Path(name)
        self._file = os.fdopen(descriptor, "wb")
        weakref.finalize(self, self._path.unlink, missing_ok=True)

    def take(self, chunks: Iterator[bytes], limit: int) -> None:
        """Writes the chunks. Raises `Unavailable` when they are more than `limit` bytes, `OSError` when there is no room."""
        with self._file as file:
            for chunk in chunks:
                limit -= len(chunk)
                if limit < 0:
                    raise damaged()
                file.write(chunk)

    def read(self) -> Readable:
        """The file from its beginning."""
        return FileIO(self._path)


def _store(bucket: Bucket) -> S3Store:
    config: S3Config = {"region": bucket.region, "virtual_hosted_style_request": not bucket.endpoint}
    if bucket.endpoint:
        config["endpoint"] = bucket.endpoint
    if bucket.access_key:
        config["access_key_id"] = bucket.access_key
        config["secret_access_key"] = bucket.secret_key
    client: ClientConfig = {
        "allow_http": bucket.endpoint.startswith("http://"),
        "timeout": bucket.timeout,
        "connect_timeout": timedelta(seconds=5),
    }
    retry: RetryConfig = {"max_retries": 3, "retry_timeout": bucket.timeout}
    return S3Store(bucket.name, config=config, client_options=client, retry_config=retry)


def _chunks(answer: GetResult) -> Iterator[bytes]:
    stream = iter(answer.stream(min_chunk_size=CHUNK))
    while (chunk := _asked(lambda: next(stream, None))) is not None:
        yield bytes(chunk)


def _asked(act: Callable[[], T]) -> T:
    """What the object store answers; its troubles in our words. The store's own sentence may hold keys and stays here."""
    try:
        return act()
    except (NotFoundError, FileNotFoundError) as problem:
        raise missing() from problem
    except (BaseError, OSError) as problem:
        raise Unavailable(violation(Condition.BUSY, "", "the object store does not answer; try again")) from problem
