"""From what a source sent to what is compared: cleaned once, kept beside the record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

from kernel.demographics import Address, Demographics, HumanName
from kernel.identifiers import PatientId
from mpi.linkage.names import family_of, given_of, suffix_of
from mpi.linkage.places import Home, birth_of, city_of, email_of, identifier_of, phone_of, postcode_of, street_of

_T = TypeVar("_T")
ROW_VERSION = 1
"""Changes when the cleaning changes in a way that needs records to be cleaned anew."""
_ONE_PER_PERSON = frozenset({"NI", "SS", "NH", "HC", "MC", "MA", "PPN", "NPNO", "JHN", "BCT", "PN", "NNUSA"})
"""Identifier types (CX.5, table 0203) of which a person has one from an authority."""
_NATIONAL = "national"
_MOST_HISTORY = 8
"""More former names, addresses or telephones than this are not compared."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A record as it is compared. Empty means: not said. `given` and the first of `families` are the present name.

    Names are capitals without accents; `families` and `homes` hold the present one first, then former ones and aliases.
    `person_ids` are identifiers of which a person has one (`authority:id`), `local_ids` those of sources, `source_id` is the
    record's own. `flags` names the fields that held a placeholder.
    """

    given: str = ""
    middle: str = ""
    other_givens: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    suffix: str = ""
    birth: str = ""
    death: str = ""
    sex: str = ""
    person_ids: tuple[str, ...] = ()
    local_ids: tuple[str, ...] = ()
    source_id: str = ""
    homes: tuple[Home, ...] = ()
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    mother: str = ""
    mother_ids: tuple[str, ...] = ()
    order: int = 0
    flags: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The present family name."""
        return self.families[0] if self.families else ""

    @property
    def source(self) -> str:
        """The authority of the record's own identifier."""
        return self.source_id.partition(":")[0]

    @property
    def has_placeholder_name(self) -> bool:
        """Whether the given name was "baby", "unknown" or the like."""
        return "given" in self.flags

    def to_row(self) -> dict[str, object]:
        """A small JSON object; what is empty is left out."""
        row: dict[str, object] = {"v": ROW_VERSION}
        for name in _MEMBERS:
            value = getattr(self, name)
            if value:
                row[name] = [[h.number, h.street, h.unit, h.city, h.postcode] for h in value] if name == "homes" else value
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, object]) -> Prepared:
        """The inverse of `to_row`. Raises ValueError for a row of another cleaning: the record must be prepared anew."""
        if row.get("v") != ROW_VERSION:
            raise ValueError("row of another cleaning")
        texts = {name: str(row.get(name, "")) for name in _TEXTS}
        lists = {name: _strings(row.get(name)) for name in _LISTS}
        homes = tuple(Home(*_strings(home)) for home in _items(row.get("homes")))
        order = row.get("order", 0)
        return cls(**texts, **lists, homes=homes, order=order if isinstance(order, int) else 0)  # type: ignore[arg-type]


_MEMBERS = tuple(field.name for field in fields(Prepared))
_TEXTS = ("given", "middle", "suffix", "birth", "death", "sex", "source_id", "mother")
_LISTS = ("other_givens", "families", "person_ids", "local_ids", "phones", "emails", "mother_ids", "flags")


def _items(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()


def _strings(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in _items(value))


def prepare(demographics: Demographics, identifiers: Sequence[PatientId] = (), *, source: PatientId | None = None) -> Prepared:
    """Clean a record. `identifiers` are all it carries; `source` is its own, the first of them when not named."""
    own = source or (identifiers[0] if identifiers else None)
    names = _names(demographics.names)
    homes = _unique(home for home in map(home_of, demographics.addresses) if not home.is_empty)
    phones = _unique(phone_of(t.value) for t in demographics.telecoms if "@" not in t.value)
    emails = _unique(email_of(t.value) for t in demographics.telecoms if "@" in t.value)
    person_ids = _person_ids(demographics, identifiers)
    birth = birth_of(demographics.birth.digits[:8]) if demographics.birth else ""
    flags = [name for name, held in (("given", names.placeholder), ("birth", bool(demographics.birth) and not birth)) if held]
    if demographics.national_id and not identifier_of(demographics.national_id):
        flags.append("identifier")
    return Prepared(
        given=names.given,
        middle=names.middle,
        other_givens=names.others,
        families=names.families,
        suffix=names.suffix,
        birth=birth,
        death=birth_of(demographics.death.digits[:8]) if demographics.death else "",
        sex=demographics.sex if demographics.sex in ("F", "M") else "",
        person_ids=person_ids,
        local_ids=_unique(_local(i) for i in identifiers if i.type_code not in _ONE_PER_PERSON),
        source_id=_local(own) if own else "",
        homes=homes,
        phones=phones,
        emails=emails,
        mother=_mother(demographics.mother_name),
        mother_ids=_unique(_qualified(i) for i in demographics.mother_ids),
        order=demographics.birth_order or names.order,
        flags=tuple(flags),
    )


@dataclass(frozen=True, slots=True)
class _Names:
    given: str = ""
    middle: str = ""
    others: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    suffix: str = ""
    placeholder: bool = False
    order: int = 0


def _names(names: Sequence[HumanName]) -> _Names:
    present, *others = [name for name in names if not name.is_empty] or [HumanName()]
    given, middle, suffix, placeholder, order = given_of(" ".join(present.given))
    families, family_suffix = family_of(present.family)
    former = [family for name in others for family in family_of(name.family)[0]]
    alias_givens = (given_of(" ".join(name.given))[0] for name in others)
    return _Names(
        given,
        middle,
        tuple(name for name in _unique(alias_givens) if name != given),
        _unique((*families, *former)),
        suffix_of(present.suffix) or suffix or family_suffix,
        placeholder,
        order,
    )


def home_of(address: Address) -> Home:
    """A cleaned address."""
    number, street, unit = street_of(" ".join(address.lines))
    return Home(number, street, unit, city_of(address.city), postcode_of(address.postcode))


def _mother(name: HumanName | None) -> str:
    families = family_of(name.family)[0] if name else ()
    return families[0] if families else ""


def _person_ids(demographics: Demographics, identifiers: Sequence[PatientId]) -> tuple[str, ...]:
    national = identifier_of(demographics.national_id)
    typed = (_qualified(i) for i in identifiers if i.type_code in _ONE_PER_PERSON)
    return _unique((f"{_NATIONAL}:{national}" if national else "", *typed))


def _qualified(identifier: PatientId) -> str:
    value = identifier_of(identifier.id)
    return f"{_authority(identifier)}:{value}" if value else ""


def _local(identifier: PatientId) -> str:
    return f"{_authority(identifier)}:{identifier.id.strip()}"


def _authority(identifier: PatientId) -> str:
    return (identifier.authority.universal_id or identifier.authority.namespace).replace(":", "_")


def _unique(values: Iterable[_T]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys(filter(None, values)))[:_MOST_HISTORY]
