"""Two or more records side by side: aligned fields, and where they differ, letter by letter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum
from itertools import groupby
from typing import Final

from console.showing import address_line, day, full_name, short_id, telecom_line, visible
from console.wording import level_words
from kernel.demographics import Demographics, HumanName
from kernel.identifiers import PatientId
from mpi.linkage.weights import Part
from mpi.model import Link, LinkKind, PatientRecord
from mpi.viewing import PersonView, ReviewView

COLUMNS: Final = 5
"""Records that are shown side by side at the most."""
_LINES: Final = 8
"""Values of one field that are shown at the most."""
_ALIKE: Final = 0.6
"""Values less alike than this are marked as a whole."""
_SEXES: Final = {"F": "female", "M": "male", "O": "other", "U": "unknown", "A": "ambiguous", "N": "not applicable"}


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text, and whether the other side has something else there."""

    text: str
    differs: bool = False


Line = tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A record: whose it is (0: the side of the record asked about, 1: the other), its own identifier, and why it is there."""

    side: int
    record: PatientRecord
    own_id: PatientId | None
    link: Link


class Standing(Enum):
    """How the values of a row stand to each other: a sign that needs no colour, and the words for it."""

    SAME = ("=", "the same")
    OVERLAP = ("≈", "partly the same")
    DIFFERS = ("≠", "different")
    ONE_SIDED = ("–", "known of one side only")

    def __init__(self, sign: str, words: str) -> None:
        self.sign = sign
        self.words = words


@dataclass(frozen=True, slots=True)
class Row:
    """A field of all columns: the values, how they stand, what linkage says of it and how much it weighs (None: nothing)."""

    label: str
    cells: tuple[tuple[Line, ...], ...]
    standing: Standing
    words: str
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The table: columns, rows, and how many records of each side found no room."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    left_out: tuple[int, int]

    def width_of(self, side: int) -> int:
        """How many columns a side has."""
        return sum(column.side == side for column in self.columns)


@dataclass(frozen=True, slots=True)
class _Field:
    """A row to be: its label, its values from a record, and the parts of the explanation that are about it."""

    label: str
    values: Callable[[Demographics], Sequence[str]]
    parts: tuple[str, ...] = ()
    is_coded: bool = False
    """Whether its values are words for codes, of which no letters are compared."""


def _one(value: str) -> tuple[str, ...]:
    return (visible(value),) if value else ()


def _name(demographics: Demographics) -> HumanName:
    return demographics.name or HumanName()


def _other_names(d: Demographics) -> tuple[str, ...]:
    return tuple(full_name(name) for name in d.names if not name.is_empty and name != d.name)


def _birth_order(d: Demographics) -> tuple[str, ...]:
    if d.birth_order is not None:
        return (f"number {d.birth_order} of a multiple birth",)
    return ("multiple birth",) if d.multiple_birth else ()


def _death(d: Demographics) -> tuple[str, ...]:
    if d.death is not None:
        return _one(day(d.death))
    return ("dead",) if d.deceased else ()


def _telephones(d: Demographics) -> tuple[str, ...]:
    return tuple(telecom_line(t) for t in d.telecoms if "@" not in t.value)


def _emails(d: Demographics) -> tuple[str, ...]:
    return tuple(telecom_line(t) for t in d.telecoms if "@" in t.value)


_FIELDS: Final = (
    _Field("Family name", lambda d: _one(_name(d).family), ("family",)),
    _Field("Given names", lambda d: _one(" ".join(_name(d).given)), ("given", "middle")),
    _Field("Prefix", lambda d: _one(_name(d).prefix)),
    _Field("Suffix", lambda d: _one(_name(d).suffix), ("suffix",)),
    _Field("Other names", _other_names),
    _Field("Date of birth", lambda d: _one(day(d.birth)), ("birth",)),
    _Field("Multiple birth", _birth_order, ("order",)),
    _Field("Sex", lambda d: _one(_SEXES.get(d.sex, d.sex)), ("sex",), is_coded=True),
    _Field("Personal identifier", lambda d: _one(d.national_id), ("identifier",)),
    _Field("Address", lambda d: tuple(address_line(a) for a in d.addresses), ("place",)),
    _Field("Telephone", _telephones),
    _Field("E-mail", _emails, ("email",)),
    _Field("Mother", lambda d: _one(full_name(d.mother_name)), ("mother",)),
    _Field("Driver's licence", lambda d: _one(d.driver_licence)),
    _Field("Account", lambda d: (short_id(d.account),) if d.account else ()),
    _Field("Place of birth", lambda d: _one(d.birth_place)),
    _Field("Marital status", lambda d: _one(d.marital_status)),
    _Field("Language", lambda d: _one(d.language)),
    _Field("Nationality", lambda d: _one(d.nationality)),
    _Field("Died", _death),
)


def comparison(view: ReviewView) -> Comparison:
    """The record asked about first, then its person's other records, then those of the other person, the one most like it first.

    Agreement and marks are those of the record and that one; the other columns are marked against the record.
    """
    columns, left_out = _columns(view)
    parts = {part.field: part for part in view.explanation.parts} if view.explanation else {}
    rows = [_row(field, columns, parts) for field in _FIELDS]
    return Comparison(columns, tuple(row for row in rows if row is not None), left_out)


def _columns(view: ReviewView) -> tuple[tuple[Column, ...], tuple[int, int]]:
    mine = [m for m in view.ours.person.members if m.id == view.record.id] or [view.record]
    ours = [*mine, *_ordered(m for m in view.ours.person.members if m.id != view.record.id)]
    theirs = sorted(_ordered(view.theirs.person.members), key=lambda m: -_likeness(m, view.record))
    room = max(COLUMNS - min(len(theirs), COLUMNS - 2), 1)
    shown_ours = ours[:room]
    shown_theirs = theirs[: COLUMNS - len(shown_ours)]
    columns = (
        *(_column(0, record, view.ours) for record in shown_ours),
        *(_column(1, record, view.theirs) for record in shown_theirs),
    )
    return columns, (len(ours) - len(shown_ours), len(theirs) - len(shown_theirs))


def _ordered(members: Iterable[PatientRecord]) -> list[PatientRecord]:
    """Those that stand for themselves first, the latest first."""
    return sorted(members, key=lambda m: (not m.is_active, -m.updated_at, m.id))


def _likeness(one: PatientRecord, other: PatientRecord) -> float:
    """How much of what two records say is alike: for the order of columns, not for decisions."""
    pairs = [(field.values(one.demographics), field.values(other.demographics)) for field in _FIELDS]
    return sum(_matcher(_folded(" ".join(a)), _folded(" ".join(b))).ratio() for a, b in pairs if a and b)


def _column(side: int, record: PatientRecord, person: PersonView) -> Column:
    link = next((link for link in person.links if link.record == record.id), Link(record.id, LinkKind.INITIAL))
    return Column(side, record, next(iter(person.ids_of.get(record.id, ())), None), link)


def _row(field: _Field, columns: Sequence[Column], parts: Mapping[str, Part]) -> Row | None:
    values = [tuple(value for value in field.values(c.record.demographics) if value)[:_LINES] for c in columns]
    found = [parts[name] for name in field.parts if name in parts and parts[name].level != "missing"]
    if not any(values):
        return None
    against = next((n for n, column in enumerate(columns) if column.side == 1), 0)
    standing = _standing((values[0], values[against]))
    marked = _marked_codes if field.is_coded else marked_lines
    cells = tuple(marked(own, values[0] if n else values[against]) for n, own in enumerate(values))
    words = "; ".join(f"{_prefix(part, found)}{level_words(part.field, part.level)}" for part in found)
    weight = sum(part.weight + part.frequency for part in found) if found else None
    return Row(field.label, cells, standing, words or standing.words, weight)


def _prefix(part: Part, found: Sequence[Part]) -> str:
    """Where a row has more than one part, which of them."""
    return f"{part.field}: " if len(found) > 1 else ""


def _standing(values: Sequence[tuple[str, ...]]) -> Standing:
    known = [frozenset(map(_folded, lines)) for lines in values if lines]
    if len(known) < 2:
        return Standing.ONE_SIDED
    if len(set(known)) == 1:
        return Standing.SAME
    return Standing.OVERLAP if frozenset.intersection(*known) else Standing.DIFFERS


def marked_lines(own: Sequence[str], others: Sequence[str]) -> tuple[Line, ...]:
    """The values of one side, each marked where the value of the other side that is most like it differs.

    Only letters and digits count, whatever their case. A value without its like on the other side is marked as a whole, unless the
    other side says nothing at all.
    """
    if not others:
        return tuple((Segment(value),) for value in own)
    partners = _partners([_folded(value) for value in own], [_folded(other) for other in others])
    return tuple(_marked(value, others[n] if (n := partners.get(at)) is not None else None) for at, value in enumerate(own))


def _marked_codes(own: Sequence[str], others: Sequence[str]) -> tuple[Line, ...]:
    """Values that are the same or not."""
    return tuple((Segment(value, differs=bool(others) and value not in others),) for value in own)


def _partners(own: Sequence[str], others: Sequence[str]) -> dict[int, int]:
    """Which value of the other side belongs to which of ours: the most similar first, each once."""
    pairs = ((_matcher(a, b).ratio(), i, j) for i, a in enumerate(own) for j, b in enumerate(others))
    found: dict[int, int] = {}
    for ratio, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if ratio >= _ALIKE and i not in found and j not in found.values():
            found[i] = j
    return found


def _matcher(one: str, other: str) -> SequenceMatcher[str]:
    return SequenceMatcher(None, one, other, autojunk=False)


def _marked(value: str, other: str | None) -> Line:
    if other is None:
        return (Segment(value, differs=True),)
    flags = [False] * len(_folded(value))
    for kind, start, end, _, _ in _matcher(_folded(value), _folded(other)).get_opcodes():
        flags[start:end] = [kind != "equal"] * (end - start)
    for flag, run in list(_runs(flags)):
        if not flag and len(run) == 1 and run.start > 0 and run.stop < len(flags):
            flags[run.start] = True  # a letter alone between two differences agrees by chance
    spread = _spread(value, flags)
    return tuple(Segment(value[run.start : run.stop], flag) for flag, run in _runs(spread))


def _spread(value: str, flags: Sequence[bool]) -> list[bool]:
    """From letters and digits to all characters: what stands between two that differ is marked with them."""
    left = iter(flags)
    known = [next(left) if character.isalnum() else None for character in value]
    found: list[bool] = []
    for at, flag in enumerate(known):
        before = found[-1] if found else False
        after = next((later for later in known[at:] if later is not None), False)
        found.append(before and after if flag is None else flag)
    return found


def _runs(flags: Sequence[bool]) -> Iterator[tuple[bool, range]]:
    """Stretches of equal flags."""
    start = 0
    for flag, group in groupby(flags):
        end = start + len(list(group))
        yield flag, range(start, end)
        start = end


def _folded(text: str) -> str:
    """The letters and digits of a text without regard to case, one for one."""
    return "".join(lower if len(lower := c.lower()) == 1 else c for c in text if c.isalnum())
