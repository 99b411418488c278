"""The affinity domain as values: assigning authorities, sources, code sets, and the question "which one is meant?"."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum

import sqlalchemy as sa

from kernel.identifiers import AssigningAuthority, PatientId, is_oid


class Origin(Enum):
    """Who says that something belongs to the domain."""

    SETTINGS = "settings"
    DATABASE = "database"
    FEED = "feed"


@dataclass(frozen=True, slots=True)
class Authority:
    """An assigning authority of the domain. `key` is its number in the database, the same for ever."""

    key: int
    authority: AssigningAuthority
    aliases: tuple[str, ...] = ()
    origin: Origin = Origin.DATABASE

    @property
    def name(self) -> str:
        """What to call it: its namespace, else its universal id."""
        return self.authority.namespace or self.authority.universal_id

    @property
    def names(self) -> tuple[str, ...]:
        """Everything it is known by."""
        known = (self.authority.namespace, self.authority.universal_id, *self.aliases)
        return tuple(dict.fromkeys(name for name in known if name))


@dataclass(frozen=True, slots=True)
class Source:
    """A system that feeds identities: `authorities` are the keys of those it may feed, the first stands in where it names none."""

    application: str
    facility: str
    authorities: tuple[int, ...] = ()
    lenient: bool = False
    origin: Origin = Origin.DATABASE

    @property
    def name(self) -> str:
        """As `Subject.source` names it."""
        return f"{self.facility}|{self.application}"


@dataclass(frozen=True, slots=True)
class Consumer:
    """A system that asks: `authorities` are the keys of those it may see, None for all; `notify` is where it is told of changes."""

    application: str
    facility: str
    authorities: frozenset[int] | None = None
    notify: str = ""

    @property
    def name(self) -> str:
        """As `Subject.source` names it in HL7 v2, and what its notifications are queued under."""
        return f"{self.facility}|{self.application}"

    def may_see(self, authority: int) -> bool:
        """Whether identifiers of this authority are for it."""
        return self.authorities is None or authority in self.authorities


@dataclass(frozen=True, slots=True)
class Standing:
    """What a patient id of the affinity domain stands for at the moment.

    `active` is False for one that its source merged into another. `survivor` is the identifier the person goes by and her
    documents are shown with, `all_ids` every identifier of the same person, the survivor among them. An unknown one
    survives as itself, alone.
    """

    known: bool
    active: bool
    survivor: PatientId
    all_ids: tuple[PatientId, ...]


@dataclass(frozen=True, slots=True)
class Meant:
    """Who a patient id means, as a part of a statement: what `Standing` says of an active one."""

    select: sa.Select[tuple[str, bool]]
    """`cx`, and whether it is that of the `survivor`, of every identifier of the person; no row for an id that is not known or
    not active. The same object at every call, with parameters for what differs."""
    parameters: Mapping[str, object]


class CodeStanding(Enum):
    """What the domain says of a code."""

    KNOWN = "in the code set and valid"
    EXPIRED = "in the code set and not valid on that day"
    UNKNOWN = "not in the code set"
    UNREGULATED = "there is no code set for this attribute"


@dataclass(frozen=True, slots=True)
class DomainCode:
    """A code that an attribute may have: valid from `valid_from` up to and including `valid_to`; None is without limit."""

    attribute: str
    code: str
    scheme: str
    display: str = ""
    valid_from: date | None = None
    valid_to: date | None = None

    def is_valid(self, on: date) -> bool:
        """Whether it may be used that day."""
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)


@dataclass(frozen=True, slots=True)
class CodeSets:
    """Every code set of the domain, by attribute."""

    by_attribute: Mapping[str, Mapping[tuple[str, str], DomainCode]] = field(default_factory=dict)

    @classmethod
    def of(cls, codes: Iterable[DomainCode]) -> CodeSets:
        """From codes in any order."""
        found: dict[str, dict[tuple[str, str], DomainCode]] = {}
        for code in codes:
            found.setdefault(code.attribute, {})[code.code, code.scheme] = code
        return cls(found)

    @property
    def attributes(self) -> tuple[str, ...]:
        """Those that have a code set."""
        return tuple(sorted(self.by_attribute))

    def codes(self, attribute: str) -> tuple[DomainCode, ...]:
        """The codes of an attribute; none where it has no code set."""
        return tuple(self.by_attribute.get(attribute, {}).values())

    def standing(self, attribute: str, code: str, scheme: str, on: date) -> CodeStanding:
        """What the domain says of this code on that day."""
        codes = self.by_attribute.get(attribute)
        if not codes:
            return CodeStanding.UNREGULATED
        found = codes.get((code, scheme))
        if found is None:
            return CodeStanding.UNKNOWN
        return CodeStanding.KNOWN if found.is_valid(on) else CodeStanding.EXPIRED


@dataclass(frozen=True, slots=True)
class Domain:
    """The authorities and sources of the domain at one moment. `own` is the affinity domain's authority."""

    own: Authority
    authorities: tuple[Authority, ...]
    sources: tuple[Source, ...] = ()
    codes: CodeSets = field(default_factory=CodeSets)
    consumers: tuple[Consumer, ...] = ()
    _by_key: dict[int, Authority] = field(init=False, repr=False, compare=False)
    _by_universal_id: dict[str, Authority] = field(init=False, repr=False, compare=False)
    _by_name: dict[str, Authority] = field(init=False, repr=False, compare=False)
    _by_folded: dict[str, Authority] = field(init=False, repr=False, compare=False)
    _by_source: dict[tuple[str, str], Source] = field(init=False, repr=False, compare=False)
    _by_consumer: dict[tuple[str, str], Consumer] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Builds the ways in."""
        put = object.__setattr__
        put(self, "_by_key", {a.key: a for a in self.authorities})
        put(self, "_by_universal_id", _index(self.authorities, lambda a: (*filter(is_oid, a.aliases), a.authority.universal_id)))
        put(self, "_by_name", _index(self.authorities, lambda a: (*a.aliases, a.authority.namespace)))
        put(self, "_by_folded", _index(self.authorities, lambda a: [n.strip().casefold() for n in a.names]))
        put(self, "_by_source", {(s.application, s.facility): s for s in self.sources})
        put(self, "_by_consumer", {(c.application, c.facility): c for c in self.consumers})

    def by_key(self, key: int) -> Authority | None:
        """The authority with this number."""
        return self._by_key.get(key)

    def find(self, sent: AssigningAuthority, *, lenient: bool = False) -> Authority | None:
        """Which authority is meant; None when none is known or the parts name different ones (ITI TF-2 appendix E).

        The universal id decides; a namespace that belongs to another authority contradicts it, one that nobody has is let pass.
        `lenient` also takes a name in the place of the universal id, and names in other capitals.
        """
        universal, named = self._by_universal_id.get(sent.universal_id), self._by_name.get(sent.namespace)
        if universal is not None:
            is_contradicted = named not in (None, universal) or not _types_agree(universal.authority, sent)
            return universal if lenient or not is_contradicted else None
        if named is not None and not sent.universal_id:
            return named
        if not lenient:
            return None
        return self._find_leniently(sent, named)

    def _find_leniently(self, sent: AssigningAuthority, named: Authority | None) -> Authority | None:
        if is_oid(sent.universal_id):
            return None  # an OID that nobody has is another authority, whatever name stands beside it
        if named is not None:
            return named
        folded = (text.strip().casefold() for text in (sent.universal_id, sent.namespace) if text.strip())
        return next((self._by_folded[text] for text in folded if text in self._by_folded), None)

    def source(self, application: str, facility: str) -> Source | None:
        """The source with these names; one listed without a facility stands for all of its facilities."""
        return self._by_source.get((application, facility)) or self._by_source.get((application, ""))

    def source_named(self, name: str) -> Source | None:
        """The source as `Subject.source` names it: `facility|application` in HL7 v2, the application alone elsewhere."""
        facility, bar, application = name.rpartition("|")
        return self.source(application, facility if bar else "")

    def consumer_named(self, name: str) -> Consumer | None:
        """The consumer as `Subject.source` names it; one listed without a facility stands for all of its facilities."""
        facility, _, application = name.rpartition("|")
        return self._by_consumer.get((application, facility)) or self._by_consumer.get((application, ""))


def _index(authorities: Sequence[Authority], names: Callable[[Authority], Iterable[str]]) -> dict[str, Authority]:
    return {name: authority for authority in authorities for name in names(authority) if name}


def _types_agree(known: AssigningAuthority, sent: AssigningAuthority) -> bool:
    one, other = known.universal_id_type, sent.universal_id_type
    return one == other or not one or not other
