"""Candidate pairs of a batch: the same blocking rules as `blocking`, on whole columns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from mpi.linkage import blocking
from mpi.linkage.columns import Column, Columns

Keys = npt.NDArray[np.uint64]
Pairs = npt.NDArray[np.int64]
FAT_KEY = 64
"""A key under which more records stand says little; other rules find the pairs that matter."""
_FATTEST = {"names": 12, "names_initial": 16}
"""Rules that ask for little find namesakes; they are for rare names."""
_SLOTS = 4
_MULTIPLIER = np.uint64(blocking.MULTIPLIER)
_SHIFT = np.uint64(29)


def mix_columns(rule: str, *parts: Keys) -> Keys:
    """`blocking.mix` on columns, not yet signed; zero where a part is missing."""
    key = np.full(len(parts[0]), blocking.RULE_NUMBERS[rule], np.uint64)
    complete = np.ones(len(key), np.bool_)
    for part in parts:
        complete &= part != 0
        key *= _MULTIPLIER
        key ^= part
        key ^= key >> _SHIFT
    key *= _MULTIPLIER
    key[~complete] = 0
    return key


def _hashes(texts: Sequence[str]) -> Keys:
    part_hash = blocking.part_hash.__wrapped__
    return np.fromiter((part_hash(text) for text in texts), np.uint64, len(texts))


class _Parts:
    """The hashes of the parts of the rules, per record; each computed once per distinct value."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def of(self, column: Column, code: Callable[[str], str] = str) -> Keys:
        return _hashes([code(value) if value else "" for value in column.values])[column.codes]

    def families(self, code: Callable[[str], str]) -> list[Keys]:
        """One array per slot: present name, former names, parts of double names."""
        column = self._columns.families
        parts = [blocking.family_parts(value.split("|")) if value else () for value in column.values]
        slots = max(1, max(map(len, parts), default=1))
        return [
            _hashes([code(p[slot]) if slot < len(p) else "" for p in parts])[column.codes] for slot in range(min(slots, _SLOTS))
        ]

    def names(self) -> list[Keys]:
        """Hash of both names per slot of the family name, for the distinct pairs of names."""
        given, families = self._columns.given, self._columns.families
        both = given.codes.astype(np.int64) * len(families.values) + families.codes
        distinct, inverse = np.unique(both, return_inverse=True)
        found: list[Keys] = []
        parts = [blocking.family_parts(value.split("|")) if value else () for value in families.values]
        owners = [(given.values[k // len(families.values)], parts[k % len(families.values)]) for k in distinct.tolist()]
        names_code = blocking.names_code.__wrapped__
        for slot in range(min(_SLOTS, max(1, max(map(len, parts), default=1)))):
            texts = [names_code(g, p[slot]) if slot < len(p) else "" for g, p in owners]
            found.append(_hashes(texts)[inverse])
        return found


def rule_keys(columns: Columns) -> Iterator[tuple[str, list[Keys]]]:
    """For each rule the keys of all records; several arrays where a record may have several keys."""
    parts = _Parts(columns)
    starts = [parts.of(columns.given, blocking.given_start), parts.of(columns.middle, _middle_start)]
    birth = parts.of(columns.birth, blocking.birth_code)
    postcode = parts.of(columns.postcode)
    home = parts.of(columns.street, _home_code)
    year = parts.of(columns.birth, lambda text: text[:4])
    day = parts.of(columns.birth, lambda text: text[4:] if len(text) == 8 else "")
    yield "telephone", [mix_columns("telephone", parts.of(columns.phone))]
    yield "email", [mix_columns("email", parts.of(columns.email))]
    sounds = parts.families(blocking.family_code)
    mother = parts.of(columns.mother, blocking.family_code)
    yield "birth_family", [mix_columns("birth_family", birth, sound) for sound in (*sounds, mother)]
    yield "birth_given", [mix_columns("birth_given", birth, start) for start in starts]
    yield "birth_postcode", [mix_columns("birth_postcode", birth, postcode)]
    yield "birth_home", [mix_columns("birth_home", birth, home)]
    yield "home_given", [mix_columns("home_given", home, start) for start in starts]
    given = parts.of(columns.given, blocking.given_code)
    for rule, last in (
        ("family_given_year", year),
        ("family_given_postcode", postcode),
        ("family_given_city", parts.of(columns.city)),
    ):
        yield rule, [mix_columns(rule, sound, given, last) for sound in sounds]
    yield "given_year_postcode", [mix_columns("given_year_postcode", given, year, postcode)]
    yield "family_home_year", [mix_columns("family_home_year", sound, home, year) for sound in sounds]
    names = parts.names()
    yield "names", [mix_columns("names", name) for name in names]
    initial = parts.of(columns.middle, lambda text: text[:1])
    for rule, last in (("names_day", day), ("names_year", year), ("names_initial", initial)):
        yield rule, [mix_columns(rule, name, last) for name in names]


def _middle_start(middle: str) -> str:
    return blocking.given_start(middle.partition(" ")[0])


def _home_code(text: str) -> str:
    number, _, street = text.partition("|")
    return blocking.home_code(number, street)


def candidate_pairs(columns: Columns, rules: Collection[str] = blocking.RULES) -> Pairs:
    """All pairs of records that share a key of these rules, each once and in order, as `smaller * size + larger`."""
    found = [_pairs_of_rule(keys, columns.size, _FATTEST.get(rule, FAT_KEY)) for rule, keys in rule_keys(columns) if rule in rules]
    found += [_pairs_of_rule([_spread(column)], columns.size, FAT_KEY) for column in columns.identifiers.values()]
    found.append(_history_pairs(columns))
    pairs = np.concatenate(found)
    found.clear()
    pairs.sort()
    keep = np.ones(len(pairs), np.bool_)
    keep[1:] = pairs[1:] != pairs[:-1]
    result: Pairs = pairs[keep]
    return result


def keys_of(columns: Columns, source_ids: Sequence[str] = ()) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For the store: records by place and their `blocking_keys`, a row per key, in order of record.

    `source_ids` are the own identifiers of the records as `authority:id`, which columns do not hold.
    """
    found = [(keys, np.flatnonzero(keys)) for _, arrays in rule_keys(columns) for keys in arrays]
    for authority, column in columns.identifiers.items():
        texts = [f"{authority.removeprefix('=')}:{value}" if value else "" for value in column.values]
        keys = mix_columns("identifier", _hashes(texts))[column.codes]
        found.append((keys, np.flatnonzero(keys)))
    if source_ids:
        keys = mix_columns("identifier", _hashes(source_ids))
        found.append((keys, np.flatnonzero(keys)))
    more = [(index, key) for index, record in columns.history.items() for key in blocking.blocking_keys(record)]
    owners = np.concatenate([at for _, at in found] + [np.array([index for index, _ in more], np.int64)])
    signed = np.concatenate([keys[at].view(np.int64) for keys, at in found] + [np.array([key for _, key in more], np.int64)])
    order = np.lexsort((signed, owners))
    owners, signed = owners[order], signed[order]
    keep = np.ones(len(owners), np.bool_)
    keep[1:] = (owners[1:] != owners[:-1]) | (signed[1:] != signed[:-1])
    return owners[keep], signed[keep]


def _spread(column: Column) -> Keys:
    return column.codes.astype(np.uint64)


def _history_pairs(columns: Columns) -> Pairs:
    """Pairs that only a second address, telephone or alias brings together."""
    owners: dict[int, list[int]] = {}
    for index, record in columns.history.items():
        for key in blocking.blocking_keys(record):
            owners.setdefault(key, []).append(index)
    if not owners:
        return np.zeros(0, np.int64)
    wanted = np.fromiter(owners, np.int64, len(owners)).view(np.uint64)
    wanted.sort()
    pairs = [
        a * columns.size + b for members in owners.values() if len(members) <= FAT_KEY for a in members for b in members if a < b
    ]
    for _, arrays in rule_keys(columns):
        for keys in arrays:
            place = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
            for index in np.flatnonzero(wanted[place] == keys).tolist():
                for owner in owners[int(keys[index].view(np.int64))][:FAT_KEY]:
                    if owner != index:
                        pairs.append(min(owner, index) * columns.size + max(owner, index))
    return np.array(pairs, np.int64)


def _pairs_of_rule(arrays: Sequence[Keys], size: int, fattest: int) -> Pairs:
    keys = np.concatenate(arrays) if len(arrays) > 1 else arrays[0]
    owners = np.flatnonzero(keys).astype(np.int64)
    keys = keys[owners]
    owners %= size
    order = np.argsort(keys)
    keys, owners = keys[order], owners[order]
    keep = _run_lengths(keys) <= fattest
    keys, owners = keys[keep], owners[keep]
    found = []
    for distance in range(1, fattest):
        same = np.flatnonzero(keys[distance:] == keys[:-distance])
        if not len(same):
            break
        one, other = owners[same], owners[same + distance]
        apart = one != other
        one, other = one[apart], other[apart]
        found.append(np.minimum(one, other) * size + np.maximum(one, other))
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _run_lengths(keys: Keys) -> npt.NDArray[np.int64]:
    if not len(keys):
        return np.zeros(0, np.int64)
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    lengths = np.diff(np.append(starts, len(keys)))
    return np.repeat(lengths, lengths)
