"""What binds the records together: a hash chain, and a Merkle tree (RFC 6962, 2.1) that grows record by record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

START: Final = bytes(32)
"""The hash before the first record."""


def canonical(origin: str, data: bytes) -> bytes:
    """What a record vouches for: how the message came, and the bytes received."""
    return origin.encode() + b"\n" + data


def leaf_hash(content: bytes) -> bytes:
    """Of one record's canonical bytes."""
    return sha256(b"\0" + content).digest()


def chained(previous: bytes, sequence: int, leaf: bytes) -> bytes:
    """The hash of a record: over the hash of the one before, its own number and its content."""
    return sha256(previous + sequence.to_bytes(8, "big") + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Of two subtrees."""
    return sha256(b"\1" + left + right).digest()


BLOCK_LEVEL: Final = 10
BLOCK: Final = 1 << BLOCK_LEVEL
"""Leaves of a subtree whose root is kept, so that a proof reads one block and not the whole log."""


@dataclass(slots=True)
class Tree:
    """The roots of the complete subtrees of a growing tree, largest first: enough to add leaves and to tell the root.

    There is one subtree for each bit set in `size`. `blocks` are the roots of the blocks that were filled since the tree was made.
    """

    size: int = 0
    roots: list[bytes] = field(default_factory=list)
    blocks: list[bytes] = field(default_factory=list, compare=False)

    def add(self, leaf: bytes) -> None:
        """One more leaf."""
        roots = self.roots
        roots.append(leaf)
        self.size += 1
        filled, level = self.size, 0
        while not filled & 1:
            right = roots.pop()
            roots.append(node_hash(roots.pop(), right))
            filled >>= 1
            level += 1
            if level == BLOCK_LEVEL:
                self.blocks.append(roots[-1])

    def add_block(self, root: bytes) -> None:
        """The leaves of one more block, of which the root alone is known. Raises `ValueError` inside a block."""
        if self.size % BLOCK:
            raise ValueError("a block begins where a block ends")
        self.roots.append(root)
        self.blocks.append(root)
        self.size += BLOCK
        filled = self.size >> BLOCK_LEVEL
        while not filled & 1:
            right = self.roots.pop()
            self.roots.append(node_hash(self.roots.pop(), right))
            filled >>= 1

    @property
    def root(self) -> bytes:
        """The root over all leaves; that of no leaves is the hash of nothing."""
        if not self.roots:
            return sha256(b"").digest()
        root = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            root = node_hash(left, root)
        return root

    def packed(self) -> bytes:
        """The subtrees' roots one after the other."""
        return b"".join(self.roots)

    @classmethod
    def unpacked(cls, size: int, packed: bytes) -> Tree:
        """The tree again. Raises `ValueError` when size and roots do not fit."""
        if len(packed) != 32 * size.bit_count():
            raise ValueError("the tree's roots do not fit its size")
        return cls(size, [packed[i : i + 32] for i in range(0, len(packed), 32)])

    @classmethod
    def of(cls, leaves: Iterable[bytes]) -> Tree:
        """The tree over these leaves."""
        tree = cls()
        for leaf in leaves:
            tree.add(leaf)
        return tree
