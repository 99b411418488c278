"""Merkle proofs (RFC 6962, 2.1): that a record is in a log of some size, and that a log has only grown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from arr.chain import node_hash


class Subtrees(Protocol):
    """Where the hashes of complete subtrees come from."""

    def root(self, level: int, number: int) -> bytes:
        """The root over the leaves from `number << level` to `(number + 1) << level`, the last not included."""


def root_of(subtrees: Subtrees, first: int, end: int) -> bytes:
    """The root over the leaves from `first` to `end`, which is not included."""
    count = end - first
    if count & (count - 1) == 0 and first % count == 0:
        return subtrees.root(count.bit_length() - 1, first // count)
    middle = first + _split(count)
    return node_hash(root_of(subtrees, first, middle), root_of(subtrees, middle, end))


def inclusion_path(subtrees: Subtrees, index: int, size: int) -> tuple[bytes, ...]:
    """What shows, from the leaf up, that leaf `index` (from 0) is in the tree of `size` leaves."""
    path: list[bytes] = []
    first, end = 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            path.append(root_of(subtrees, middle, end))
            end = middle
        else:
            path.append(root_of(subtrees, first, middle))
            first = middle
    return tuple(reversed(path))


def root_by_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that the path leads to; None when it is no path for this place in a tree of this size."""
    if not 0 <= index < size:
        return None
    # RFC 9162, 2.1.3.2
    at, last, root = index, size - 1, leaf
    for other in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            root = node_hash(other, root)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            root = node_hash(root, other)
        at, last = at >> 1, last >> 1
    return root if last == 0 else None


def growth_path(subtrees: Subtrees, before: int, after: int) -> tuple[bytes, ...]:
    """What shows that the tree of `after` leaves begins with that of `before`, which is not empty."""
    return tuple(_growth(subtrees, before, 0, after, is_whole=True))


def _growth(subtrees: Subtrees, before: int, first: int, end: int, *, is_whole: bool) -> list[bytes]:
    if before == end - first:
        return [] if is_whole else [root_of(subtrees, first, end)]
    middle = first + _split(end - first)
    if before <= middle - first:
        return [*_growth(subtrees, before, first, middle, is_whole=is_whole), root_of(subtrees, middle, end)]
    left = root_of(subtrees, first, middle)
    return [*_growth(subtrees, before - (middle - first), middle, end, is_whole=False), left]


def has_grown(before: int, old: bytes, after: int, new: bytes, path: Sequence[bytes]) -> bool:
    """Whether the path shows that the tree with root `new` begins with the one with root `old` (RFC 9162, 2.1.4.2)."""
    if before == after:
        return old == new and not path
    if not 0 < before < after or not path:
        return False
    hashes = [old, *path] if before & (before - 1) == 0 else list(path)
    at, last = before - 1, after - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = hashes[0]
    for other in hashes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = node_hash(other, first), node_hash(other, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, other)
        at, last = at >> 1, last >> 1
    return first == old and second == new and last == 0


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)
