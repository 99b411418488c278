"""Whether a person fits a demographics query, and how well. The store narrows down; this decides, the same for every language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from kernel.demographics import Address, Demographics, HumanName
from kernel.demographics_query import (
    AddressCriterion,
    BirthCriterion,
    DemographicsQuery,
    NameCriterion,
    TelecomCriterion,
)
from kernel.times import Dtm
from mpi.linkage.comparison import family_level, given_level
from mpi.linkage.levels import Family, Given
from mpi.linkage.names import family_of, given_of, tokens_of
from mpi.linkage.places import email_of, phone_of
from mpi.model import PatientRecord

T = TypeVar("T")

EXACT: Final = 100
PREFIX: Final = 95
"""The question ends in `*`, or names fewer given names than the record has."""
START: Final = 80
"""A search for what is alike also takes the beginning of a family name."""
LEAST_START: Final = 3
_FAMILY: Final = {Family.EXACT: 100, Family.VARIANT: 95, Family.CLOSE: 85, Family.SIMILAR: 70}
_GIVEN: Final = {Given.EXACT: 100, Given.VARIANT: 95, Given.NICKNAME: 90, Given.CLOSE: 85, Given.SIMILAR: 70, Given.INITIAL: 60}


def fold(text: str) -> str:
    """Plain capitals without accents, a blank between words: what is equal in this form is equal in a search."""
    return " ".join(tokens_of(text))


def confidence_of(members: Sequence[PatientRecord], query: DemographicsQuery) -> int | None:
    """0 to 100, None when the person does not fit. Names, birth and sex are asked of one record, the rest of any."""
    described = [_record_confidence(m.demographics, query) for m in members]
    best = max((c for c in described if c is not None), default=None)
    if best is None:
        return None
    said = [m.demographics for m in members]
    parts: list[int | None] = [
        _any(query.addresses, lambda c: any(_address(a, c) for d in said for a in d.addresses)),
        _any(query.telecoms, lambda c: any(_telecom(d, c) for d in said)),
        _any(query.accounts, lambda c: any(d.account and d.account.id == c.patient_id.id for d in said)),
        _best(query.mothers, (d.mother_name for d in said if d.mother_name is not None)),
    ]
    if any(part is None for part in parts):
        return None
    return min(best, *(part for part in parts if part is not None))


def _record_confidence(demographics: Demographics, query: DemographicsQuery) -> int | None:
    if query.sex and not any(c.sex == demographics.sex for c in query.sex):
        return None
    if query.birth and not any(_birth(demographics.birth, c) for c in query.birth):
        return None
    return _best(query.names, demographics.names)


def _any(criteria: Sequence[T], holds: Callable[[T], object]) -> int | None:
    return EXACT if not criteria or any(holds(c) for c in criteria) else None


def _best(criteria: Sequence[NameCriterion], names: Iterable[HumanName]) -> int | None:
    if not criteria:
        return EXACT
    known = tuple(names)
    found = [c for criterion in criteria for name in known if (c := name_confidence(name, criterion)) is not None]
    return max(found, default=None)


def name_confidence(name: HumanName, criterion: NameCriterion) -> int | None:
    """How well a name fits; None when it does not."""
    parts: list[int | None] = [_affix(name.prefix, criterion.prefix), _affix(name.suffix, criterion.suffix)]
    if criterion.family:
        parts.append((_family_alike if criterion.fuzzy else _text)(name.family, criterion.family))
    if any(criterion.given):
        parts.append((_given_alike if criterion.fuzzy else _given)(" ".join(name.given), criterion.given))
    if any(part is None for part in parts):
        return None
    return min(part for part in parts if part is not None)


def _affix(known: str, wanted: str) -> int | None:
    return EXACT if not wanted or fold(known) == fold(wanted) else None


def _text(known: str, wanted: str) -> int | None:
    """Equal when folded, or beginning so when the question ends in `*`."""
    have, want = fold(known), fold(wanted)
    if wanted.endswith("*"):
        return PREFIX if have.startswith(want) and have else None
    return EXACT if have == want and have else None


def _given(known: str, wanted: Sequence[str]) -> int | None:
    """The given names asked for are the first ones of the record, in this order."""
    have = tokens_of(known)
    want = [(token, text.endswith("*")) for text in wanted for token in tokens_of(text)]
    if len(want) > len(have) or not have:
        return None
    for one, (token, is_prefix) in zip(have, want, strict=False):
        if one != token and not (is_prefix and one.startswith(token)):
            return None
    is_exact = len(want) == len(have) and not any(is_prefix for _, is_prefix in want)
    return EXACT if is_exact else PREFIX


def _family_alike(known: str, wanted: str) -> int | None:
    have, want = family_of(known)[0], family_of(wanted.removesuffix("*"))[0]
    if not have or not want:
        return None
    is_start = len(want[0]) >= LEAST_START and have[0].startswith(want[0])
    if wanted.endswith("*"):
        return PREFIX if is_start else None
    if is_start and have[0] != want[0]:
        return START
    return max((_FAMILY.get(family_level(one, other), 0) for one in have for other in want), default=0) or None


def _given_alike(known: str, wanted: Sequence[str]) -> int | None:
    have, want = given_of(known)[0], given_of(" ".join(wanted).removesuffix("*"))[0]
    if not have or not want:
        return None
    if wanted[-1].endswith("*") and have.startswith(want):
        return PREFIX
    return _GIVEN.get(given_level(have, want))


def _birth(known: Dtm | None, criterion: BirthCriterion) -> bool:
    """Within the bounds, each taken to the precision it was sent with; hours count only where the record has them."""
    if known is None:
        return False
    low, high = criterion.low, criterion.high
    if low is not None and low == high and len(known.digits) < min(len(low.digits), 8):
        return False  # a year alone is not the day that was asked for
    return (low is None or _cut(known, low) >= _cut(low, known)) and (high is None or _cut(known, high) <= _cut(high, known))


def _cut(one: Dtm, other: Dtm) -> str:
    return one.digits[: len(other.digits)]


def _address(known: Address, criterion: AddressCriterion) -> bool:
    wanted = criterion.address
    street = " ".join(known.lines)
    if wanted.lines and not any(_text(text, " ".join(wanted.lines)) for text in (street, *known.lines)):
        return False
    if wanted.postcode and not _text(known.postcode.replace(" ", ""), wanted.postcode.replace(" ", "")):
        return False
    pairs = ((known.city, wanted.city), (known.state, wanted.state), (known.country, wanted.country), (known.county, wanted.county))
    return all(not want or _text(have, want) for have, want in pairs)


def contact_of(text: str) -> str:
    """The form in which telephone numbers and electronic addresses are compared."""
    if "@" in text:
        return email_of(text) or text.strip().lower()
    return phone_of(text) or "".join(c for c in text if c.isdigit())


def _telecom(demographics: Demographics, criterion: TelecomCriterion) -> bool:
    wanted = contact_of(criterion.value)
    return bool(wanted) and any(contact_of(t.value) == wanted for t in demographics.telecoms)
