"""The columns of an import file: which are known, where they stand, and what a row says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.errors import Condition, Rejected, Violation, violation
from kernel.times import Dtm, parse_dtm

COLUMNS: Final = (
    "record_id",
    "source",
    "recorded_on",
    "given",
    "middle",
    "family",
    "suffix",
    "sex",
    "dob",
    "street",
    "city",
    "state",
    "postcode",
    "phone",
    "national_id",
    "birth_order",
    "email",
    "mother_family",
    "country",
    "alias_family",
    "alias_given",
)
"""The columns that are read; any may be absent but the first. A column `id:<OID>` is a further identifier of that authority."""
IDENTIFIER: Final = "id:"
NAME_LIMIT: Final = 255
"""Characters of an identifier or the name of an authority."""
TEXT_LIMIT: Final = 1000
"""Characters of any other value."""
_DATE: Final = re.compile(r"(\d{4})(?:-?(\d{2})(?:-?(\d{2}))?)?(?:[T ].*)?\Z", re.ASCII)
_SEXES: Final = frozenset(("F", "M", "O", "U"))


_EMPTY: Final = dict.fromkeys(COLUMNS, "")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the known columns stand in the rows of a file. `identifiers` are places and names of authorities."""

    width: int
    places: Mapping[str, int]
    identifiers: tuple[tuple[int, str], ...]
    unread: tuple[str, ...]

    def value(self, row: Sequence[str], name: str) -> str:
        """The value of a known column; empty where the file has none."""
        place = self.places.get(name)
        return "" if place is None else row[place].strip()

    def values(self, row: Sequence[str]) -> dict[str, str]:
        """The values of all known columns."""
        return _EMPTY | {name: row[place].strip() for name, place in self.places.items()}


@dataclass(frozen=True, slots=True)
class Said:
    """What a row says of a patient. `birth` is the date of birth as written, `doubts` name values that could not be taken."""

    demographics: Demographics
    birth: str
    recorded_at: int | None
    doubts: tuple[str, ...]


def layout_of(header: Sequence[str]) -> Layout:
    """The layout that a header describes. Raises `Rejected` when `record_id` is missing or a column stands there twice."""
    names = [name.strip() for name in header]
    places = {name: place for place, name in enumerate(names) if name in COLUMNS}
    identifiers = tuple((place, name[len(IDENTIFIER) :]) for place, name in enumerate(names) if name.startswith(IDENTIFIER))
    found: list[Violation] = []
    if "record_id" not in places:
        found.append(violation(Condition.FIELD_MISSING, "header", "a column record_id is needed"))
    read = [name for name in names if name in COLUMNS or name.startswith(IDENTIFIER)]
    found += [violation(Condition.FIELD_INVALID, name, "this column stands there twice") for name in _repeated(read)]
    if any(not name or len(name) > NAME_LIMIT for _, name in identifiers):
        found.append(violation(Condition.FIELD_INVALID, IDENTIFIER, "the OID of the authority follows the colon"))
    if found:
        raise Rejected(found)
    unread = tuple(name for name in names if name not in COLUMNS and not name.startswith(IDENTIFIER))
    return Layout(len(names), places, identifiers, unread)


def _repeated(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def fault_of(layout: Layout, row: Sequence[str]) -> str:
    """Why a row cannot be taken at all; empty when it can."""
    if len(row) != layout.width:
        return f"the row has {len(row)} values, the header {layout.width}"
    together = "".join(row)
    if "\x00" in together or not (together.isascii() or _is_text(together)):
        return "a value is not UTF-8 text"
    if not layout.value(row, "record_id"):
        return "record_id is empty"
    names = [layout.value(row, "record_id"), layout.value(row, "source"), *(row[place] for place, _ in layout.identifiers)]
    if max(map(len, names)) > NAME_LIMIT:
        return f"an identifier or the name of a source is longer than {NAME_LIMIT} characters"
    if max(map(len, row)) > TEXT_LIMIT:
        return f"a value is longer than {TEXT_LIMIT} characters"
    return ""


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # bytes that were no UTF-8 were read as lone surrogates
        return False
    return True


def said_by(layout: Layout, row: Sequence[str]) -> Said:
    """What a row says; a value that is none of its kind is left out and named in `doubts`."""
    text = layout.values(row)
    doubts: list[str] = []
    birth = _birth(text["dob"], doubts)
    sex = text["sex"].upper()
    if sex and sex not in _SEXES:
        doubts.append("sex is none of M, F, O, U and was left out")
        sex = ""
    order = _order(text["birth_order"], doubts)
    recorded_at = _recorded_at(text["recorded_on"], doubts)
    mother = text["mother_family"]
    demographics = Demographics(
        names=_names(text),
        sex=sex,
        birth=birth,
        addresses=_addresses(text),
        telecoms=_telecoms(text),
        mother_name=HumanName(mother) if mother else None,
        multiple_birth=True if order else None,
        birth_order=order,
        national_id=text["national_id"],
    )
    return Said(demographics, text["dob"], recorded_at, tuple(doubts))


def _names(text: Mapping[str, str]) -> tuple[HumanName, ...]:
    given = tuple(part for part in (text["given"], text["middle"]) if part)
    name = HumanName(text["family"], given, suffix=text["suffix"], use="L")
    alias = HumanName(text["alias_family"], (text["alias_given"],) if text["alias_given"] else (), use="A")
    return tuple(n for n in (name, alias) if not n.is_empty or n.suffix)


def _addresses(text: Mapping[str, str]) -> tuple[Address, ...]:
    lines = (text["street"],) if text["street"] else ()
    address = Address(lines, text["city"], text["state"], text["postcode"], text["country"], use="H")
    is_empty = not (lines or address.city or address.state or address.postcode or address.country)
    return () if is_empty else (address,)


def _telecoms(text: Mapping[str, str]) -> tuple[Telecom, ...]:
    phone = (Telecom(text["phone"], "PH", "PRN"),) if text["phone"] else ()
    email = (Telecom(text["email"], "Internet", "NET"),) if text["email"] else ()
    return (*phone, *email)


def _birth(text: str, doubts: list[str]) -> Dtm | None:
    """A date with the precision it was written in; of an impossible one the part that is possible."""
    if not text:
        return None
    match = _DATE.match(text)
    digits = "".join(part or "" for part in match.groups()) if match else ""
    for length in (len(digits), 6, 4):
        found = parse_dtm(digits[:length]) if digits else None
        if found is not None:
            if length < len(digits):
                doubts.append(f"dob is no day of the calendar; its first {length} digits were kept")
            return found
    doubts.append("dob is no date (YYYYMMDD or YYYY-MM-DD) and was left out")
    return None


def _order(text: str, doubts: list[str]) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdigit() and int(text) < 100:
        return int(text) or None
    doubts.append("birth_order is no number and was left out")
    return None


def _recorded_at(text: str, doubts: list[str]) -> int | None:
    """Milliseconds since 1970 of the beginning of the day."""
    if not text:
        return None
    match = _DATE.match(text)
    if match and match.group(3):
        try:
            day = datetime(int(match.group(1)), int(match.group(2)), int(match.group(3)), tzinfo=UTC)
            return int(day.timestamp() * 1000)
        except ValueError:
            pass
    doubts.append("recorded_on is no date and was left out")
    return None
