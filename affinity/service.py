"""The affinity domain as a service: what it is at the moment, and how it is changed.

What the settings file says wins over the database. Each process remembers the domain and looks once in a while whether another
process changed it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

import structlog
from sqlalchemy.engine import Connection

from affinity import store
from affinity.code_files import CodeFile
from affinity.model import Authority, CodeSets, Consumer, Domain, DomainCode, Origin, Source
from affinity.settings import AffinitySettings, AuthoritySettings, ConsumerSettings, SourceSettings
from kernel.database import Database
from kernel.errors import Condition, rejected
from kernel.identifiers import AssigningAuthority, is_oid

NAME_LIMIT: Final = 255
"""Characters of a namespace or universal id that a feed may bring."""
REFRESH_SECONDS: Final = 1.0
"""For so long a process may not notice that another one changed the domain."""

log = structlog.get_logger("affinity")


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import changed: codes now in the file's code sets, and authorities that were new."""

    codes: int
    authorities: int


class AffinityService:
    """The domain, its authorities, sources and code sets."""

    def __init__(self, database: Database, settings: AffinitySettings, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`monotonic` gives seconds, for the question how old what is remembered is. Call `start` before anything else."""
        self.settings = settings
        self._database = database
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._domain: Domain | None = None
        self._version = -1
        self._looked_at = -REFRESH_SECONDS

    def start(self) -> tuple[str, ...]:
        """Writes what the settings file says into the database, once at the start of a process.

        Gives a sentence for everything in which the file won over what the database said.
        """
        with self._database.begin() as work:
            before = (store.authorities(work.connection), store.sources(work.connection))
            won = [*self._settle_authorities(work.connection), *self._settle_sources(work.connection)]
            if before != (store.authorities(work.connection), store.sources(work.connection)):
                store.raise_version(work.connection)
        for sentence in won:
            log.warning("the settings file wins over the database", what=sentence)
        self.forget()
        return tuple(won)

    def domain(self) -> Domain:
        """The domain as it is, at most a second old."""
        now = self._monotonic()
        domain = self._domain
        if domain is not None and now - self._looked_at < REFRESH_SECONDS:
            return domain
        with self._lock:
            if self._domain is not None and self._looked_at >= now:
                return self._domain  # another thread has looked meanwhile
            now = self._monotonic()
            return self._looked(now)

    def _looked(self, now: float) -> Domain:
        with self._database.read() as connection:
            version = store.version(connection)
            if self._domain is None or version != self._version:
                self._domain, self._version = self._read(connection), version
            self._looked_at = now
            return self._domain

    def find(self, sent: AssigningAuthority, *, lenient: bool = False) -> Authority | None:
        """Which authority is meant; before it is unknown, this process makes sure that it did not come a moment ago."""
        sent = _canonical(sent)
        return self.domain().find(sent, lenient=lenient) or self._fresh().find(sent, lenient=lenient)

    def authority(self, key: int) -> Authority:
        """The authority with this number. Raises `KeyError`."""
        found = self.domain().by_key(key) or self._fresh().by_key(key)
        if found is None:
            raise KeyError(key)
        return found

    def _fresh(self) -> Domain:
        self.forget()
        return self.domain()

    @property
    def codes(self) -> CodeSets:
        """The code sets."""
        return self.domain().codes

    def forget(self) -> None:
        """Looks anew the next time."""
        self._looked_at = -REFRESH_SECONDS

    def authority_of(self, sent: AssigningAuthority, *, lenient: bool = False) -> Authority | None:
        """The authority a feed names; None when it is not known.

        Where new ones are accepted, an unknown one is taken in, and one that was known by half of its names gains the other half.
        That is a unit of work of its own: call it outside of any other.
        """
        sent = _canonical(sent)
        known = self.find(sent, lenient=lenient)
        if not self.settings.accept_new_authorities or (known is not None and not _gains(known.authority, sent)):
            return known
        if max(len(sent.namespace), len(sent.universal_id)) > NAME_LIMIT or not (sent.namespace or sent.universal_id):
            return known
        return self._accept(sent) or known

    def _accept(self, sent: AssigningAuthority) -> Authority | None:
        with self._database.begin() as work:
            known = store.find_authority(work.connection, sent)
            if known is not None and not _agree(known.authority, sent):
                return None
            if known is not None and not _gains(known.authority, sent):
                return known
            if known is None:
                store.add_authority(work.connection, sent, Origin.FEED)
            else:
                store.set_authority(work.connection, known.key, _merged(known.authority, sent))
            store.raise_version(work.connection)
            found = store.find_authority(work.connection, sent)
        self.forget()
        log.info("assigning authority accepted from a feed", authority=str(sent))
        return found

    def put_authority(self, authority: AssigningAuthority, aliases: Iterable[str] = ()) -> Authority:
        """Adds an authority, or gives a known one fuller names and these aliases. Raises `Rejected`.

        A fuller authority is never overwritten by a poorer one, and what the settings file says is changed there.
        """
        names = tuple(dict.fromkeys(aliases))
        authority = _canonical(authority)
        with self._database.begin() as work:
            key = self._put_authority(work.connection, authority)
            others = (a for a in store.authorities(work.connection) if a.key != key)
            clash = next((name for a in others for name in a.names if name in names), "")
            if clash:
                raise rejected(Condition.IDENTIFIER_DUPLICATE, "aliases", f"another authority is called {clash}")
            store.set_aliases(work.connection, key, names)
            store.raise_version(work.connection)
        self.forget()
        found = self.domain().by_key(key)
        assert found is not None
        return found

    def put_source(self, source: Source) -> None:
        """Adds or replaces a source. Raises `Rejected` for one of the settings file or an unknown authority."""
        self._refuse_of_settings(source.application, source.facility)
        domain = self.domain()
        if not source.application or any(domain.by_key(key) is None for key in source.authorities):
            raise rejected(Condition.AUTHORITY_UNKNOWN, "source", "a source needs a name and authorities that are listed")
        with self._database.begin() as work:
            store.put_source(work.connection, replace(source, origin=Origin.DATABASE))
            store.raise_version(work.connection)
        self.forget()

    def drop_source(self, application: str, facility: str) -> None:
        """Takes a source off the list. Raises `Rejected` for one of the settings file."""
        self._refuse_of_settings(application, facility)
        with self._database.begin() as work:
            store.drop_source(work.connection, application, facility)
            store.raise_version(work.connection)
        self.forget()

    def put_codes(self, codes: Iterable[DomainCode]) -> None:
        """Adds codes, or replaces what is said of them."""
        with self._database.begin() as work:
            store.put_codes(work.connection, codes)
            store.raise_version(work.connection)
        self.forget()

    def import_codes(self, file: CodeFile, *, audit: Callable[[Imported], bytes] | None = None) -> Imported:
        """Replaces the code sets that the file speaks of; adds authorities that are new. `audit` makes the message of it."""
        with self._database.begin() as work:
            for attribute in {code.attribute for code in file.codes}:
                store.drop_codes(work.connection, attribute)
            store.put_codes(work.connection, file.codes)
            new = sum(_add_if_new(work.connection, authority) for authority in file.authorities)
            store.raise_version(work.connection)
            done = Imported(len(file.codes), new)
            if audit is not None:
                work.audit(audit(done))
        self.forget()
        log.info("codes imported", codes=len(file.codes), authorities=new)
        return done

    def _put_authority(self, connection: Connection, authority: AssigningAuthority) -> int:
        known = store.find_authority(connection, authority)
        if known is None:
            store.add_authority(connection, authority, Origin.DATABASE)
            known = store.find_authority(connection, authority)
            assert known is not None
        elif not _agree(known.authority, authority):
            raise rejected(Condition.IDENTIFIER_DUPLICATE, "authority", "an authority with this name has another universal id")
        elif _gains(known.authority, authority):
            store.set_authority(connection, known.key, _merged(known.authority, authority))
        if known.origin is Origin.SETTINGS:
            raise rejected(Condition.UPDATE_NOT_PERMITTED, "authority", "this authority is described in the settings file")
        return known.key

    def _refuse_of_settings(self, application: str, facility: str) -> None:
        if any((s.application, s.facility) == (application, facility) for s in self.settings.sources):
            raise rejected(Condition.UPDATE_NOT_PERMITTED, "source", "this source is described in the settings file")

    def _settle_authorities(self, connection: Connection) -> list[str]:
        won: list[str] = []
        keys: set[int] = set()
        for wanted in (self.settings.authority, *self.settings.authorities):
            keys.add(_settle_authority(connection, wanted, won))
        for authority in store.authorities(connection):
            if authority.origin is Origin.SETTINGS and authority.key not in keys:
                store.set_origin(connection, authority.key, Origin.DATABASE)
        return won

    def _settle_sources(self, connection: Connection) -> list[str]:
        kept = {(s.application, s.facility): s for s in store.sources(connection)}
        known = store.authorities(connection)
        won: list[str] = []
        for wanted in self.settings.sources:
            source = _source(wanted, known)
            before = kept.pop((source.application, source.facility), None)
            if before is not None and before.origin is not Origin.SETTINGS and replace(before, origin=Origin.SETTINGS) != source:
                won.append(f"source {source.name}")
            if before != source:
                store.put_source(connection, source)
        for gone in kept.values():
            if gone.origin is Origin.SETTINGS:
                store.drop_source(connection, gone.application, gone.facility)
        return won

    def _read(self, connection: Connection) -> Domain:
        authorities = store.authorities(connection)
        own = next(a for a in authorities if a.authority.universal_id == self.settings.authority.oid)
        consumers = tuple(_consumer(wanted, authorities) for wanted in self.settings.consumers)
        return Domain(own, authorities, store.sources(connection), store.codes(connection), consumers)


def _settle_authority(connection: Connection, wanted: AuthoritySettings, won: list[str]) -> int:
    """Sees to it that an authority of the file has its row, as the file describes it; gives its key."""
    authority = AssigningAuthority(wanted.namespace, wanted.oid, "ISO" if wanted.oid else "")
    rows = [a for a in store.authorities(connection) if _shares_name(a.authority, authority)]
    kept = next((a for a in rows if a.authority.universal_id == authority.universal_id), rows[0] if rows else None)
    for other in rows:
        if other is not kept or not _agree_on_id(other.authority, authority):
            # two authorities under one name: the name is the file's to give
            won.append(f"authority {other.authority} gives up its name")
            store.set_authority(connection, other.key, replace(other.authority, namespace=""))
    if kept is None or not _agree_on_id(kept.authority, authority):
        store.add_authority(connection, authority, Origin.SETTINGS)
        kept = store.find_authority(connection, authority)
        assert kept is not None
    elif kept.authority != _merged(authority, kept.authority):
        if kept.origin is not Origin.SETTINGS and not _agree(kept.authority, authority):
            won.append(f"authority {kept.authority} is {authority}")
        store.set_authority(connection, kept.key, _merged(authority, kept.authority))
    if kept.origin is not Origin.SETTINGS:
        store.set_origin(connection, kept.key, Origin.SETTINGS)
    if set(kept.aliases) != set(wanted.aliases):
        store.set_aliases(connection, kept.key, wanted.aliases)
    return kept.key


def _source(wanted: SourceSettings, known: Iterable[Authority]) -> Source:
    keys = {name: a.key for a in known for name in a.names}
    return Source(wanted.application, wanted.facility, tuple(keys[n] for n in wanted.authorities), wanted.lenient, Origin.SETTINGS)


def _consumer(wanted: ConsumerSettings, known: Iterable[Authority]) -> Consumer:
    keys = {name: a.key for a in known for name in a.names}
    seen = frozenset(keys[n] for n in wanted.authorities) if wanted.authorities else None
    return Consumer(wanted.application, wanted.facility, seen, wanted.notify)


def _add_if_new(connection: Connection, authority: AssigningAuthority) -> bool:
    return store.find_authority(connection, authority) is None and store.add_authority(connection, authority, Origin.DATABASE)


def _canonical(sent: AssigningAuthority) -> AssigningAuthority:
    return replace(sent, universal_id_type="ISO") if is_oid(sent.universal_id) and not sent.universal_id_type else sent


def _shares_name(one: AssigningAuthority, other: AssigningAuthority) -> bool:
    return bool(one.namespace and one.namespace == other.namespace) or bool(
        one.universal_id and one.universal_id == other.universal_id
    )


def _agree_on_id(one: AssigningAuthority, other: AssigningAuthority) -> bool:
    return not one.universal_id or not other.universal_id or one.universal_id == other.universal_id


def _agree(one: AssigningAuthority, other: AssigningAuthority) -> bool:
    """Whether the two can be one authority: what both say is the same."""
    return _agree_on_id(one, other) and (not one.namespace or not other.namespace or one.namespace == other.namespace)


def _gains(known: AssigningAuthority, said: AssigningAuthority) -> bool:
    """Whether the second says something that the first lacks."""
    return bool(said.namespace and not known.namespace) or bool(said.universal_id and not known.universal_id)


def _merged(first: AssigningAuthority, second: AssigningAuthority) -> AssigningAuthority:
    """The first, and from the second what the first lacks."""
    id_from = first if first.universal_id else second
    return AssigningAuthority(first.namespace or second.namespace, id_from.universal_id, id_from.universal_id_type)
