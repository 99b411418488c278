"""The golden record: what is best known of a person, chosen per attribute from the members and never edited in place.

Names, sex and birth go by what most members say, address and telephone by who spoke last; what only stands for something unknown,
or is an initial, never beats a full value. Every other name, address and telephone is kept behind the chosen one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from typing import Final, TypeVar

from kernel.demographics import Address, Demographics, HumanName
from kernel.times import Dtm
from mpi.linkage.names import tokens_of
from mpi.linkage.normalise import prepare
from mpi.model import GoldenRecord, PatientRecord

T = TypeVar("T")
_KEPT: Final = 8
"""Former values of an attribute that are shown."""
_LATEST: Final = frozenset({"account", "marital_status", "language", "religion"})
_SPECIAL: Final = frozenset({"names", "addresses", "telecoms", "mother_ids", "deceased", "death"})


def golden_record(members: Sequence[PatientRecord]) -> GoldenRecord:
    """The golden record of a person. Members that were merged into others count only where nobody else says anything."""
    active = [m for m in members if m.is_active] or list(members)
    ordered = sorted(active, key=lambda m: (-m.updated_at, m.id))
    reasons: dict[str, str] = {}
    values: dict[str, object] = {}
    for field in fields(Demographics):
        if field.name not in _SPECIAL:
            values[field.name], reasons[field.name] = _attribute(field.name, ordered)
    values["names"], reasons["names"] = _names(ordered)
    values["addresses"], reasons["addresses"] = _addresses(ordered)
    values["telecoms"] = _all(d.telecoms for d in _said(ordered))
    values["mother_ids"] = _all(d.mother_ids for d in _said(ordered))
    values["deceased"], values["death"] = _death(ordered)
    found = Demographics(**values)  # type: ignore[arg-type]  # each value is one that a member had in this very field
    default = Demographics()
    return GoldenRecord(found, {n: r for n, r in reasons.items() if getattr(found, n) != getattr(default, n)})


def _said(members: Iterable[PatientRecord]) -> list[Demographics]:
    return [m.demographics for m in members]


def _all(lists: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(value for values in lists for value in values))[:_KEPT]


def _attribute(name: str, members: Sequence[PatientRecord]) -> tuple[object, str]:
    """A value and why; `members` are the latest first."""
    said = [value for d in _said(members) if (value := getattr(d, name)) not in (None, "")]
    if not said:
        return getattr(Demographics(), name), ""
    if name == "birth":
        return _most(said, lambda d: len(d.digits) if isinstance(d, Dtm) else 0, _is_default_date)
    if name in _LATEST:
        return said[0], "the latest"
    return _most(said)


def _most(
    said: Sequence[T], fullness: Callable[[T], int] = lambda _: 0, is_poor: Callable[[T], bool] = lambda _: False
) -> tuple[T, str]:
    """The value most members give: full ones before poor ones, then by number, then the fuller, then the later."""
    ranked = {value: (is_poor(value), -said.count(value), -fullness(value), at) for at, value in reversed(tuple(enumerate(said)))}
    best = min(ranked, key=lambda value: ranked[value])
    if len(ranked) == 1:
        return best, "nobody says otherwise"
    if said.count(best) > 1:
        return best, f"{said.count(best)} of {len(said)} say so"
    return best, "the latest of those that know it"


def _is_default_date(birth: object) -> bool:
    """The first of January, or a date that stands for none."""
    return isinstance(birth, Dtm) and (birth.digits[4:8] == "0101" or not prepare(Demographics(birth=birth)).birth)


def _names(members: Sequence[PatientRecord]) -> tuple[tuple[HumanName, ...], str]:
    present = [name for d in _said(members) if (name := d.name) is not None]
    if not present:
        return (), ""
    keys = [_name_key(name) for name in present]
    key, reason = _most(keys, lambda k: len(" ".join(k[0] + k[1])), _is_poor_name)
    best = present[keys.index(key)]
    others = (name for d in _said(members) for name in d.names if not name.is_empty and name != best)
    return (best, *dict.fromkeys(others))[:_KEPT], reason


def _name_key(name: HumanName) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tokens_of(name.family), tokens_of(" ".join(name.given))


def _is_poor_name(key: tuple[tuple[str, ...], tuple[str, ...]]) -> bool:
    family, given = (" ".join(part) for part in key)
    prepared = prepare(Demographics(names=(HumanName(family, (given,)),)))
    return not prepared.families or len(prepared.given) < 2


def _addresses(members: Sequence[PatientRecord]) -> tuple[tuple[Address, ...], str]:
    found = _all(d.addresses for d in _said(members))
    best = next((a for a in found if a.city or a.postcode), None)
    if best is None:
        return found, "the latest"
    return (best, *(a for a in found if a != best)), "the latest that names a place"


def _death(members: Sequence[PatientRecord]) -> tuple[bool | None, Dtm | None]:
    """Dead is who anybody says is dead; alive who somebody says so and nobody the contrary."""
    said = _said(members)
    times = [d.death for d in said if d.death is not None]
    if times or any(d.deceased for d in said):
        return True, max(times, key=lambda t: len(t.digits)) if times else None
    return (False if any(d.deceased is False for d in said) else None), None
