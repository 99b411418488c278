"""The hash chain and the Merkle tree."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arr.chain import START, Tree, canonical, chained, leaf_hash, node_hash


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1 read aloud: split at the largest power of two below the number of leaves."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(naive_root(leaves[:split]), naive_root(leaves[split:]))


@given(st.integers(min_value=0, max_value=200))
def test_the_growing_tree_has_the_root_of_the_definition(count: int) -> None:
    leaves = [leaf_hash(b"%d" % n) for n in range(count)]

    assert Tree.of(leaves).root == naive_root(leaves)


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_tree_goes_on_after_it_was_packed(first: int, more: int) -> None:
    leaves = [leaf_hash(b"%d" % n) for n in range(first + more)]
    tree = Tree.of(leaves[:first])

    again = Tree.unpacked(tree.size, tree.packed())
    for leaf in leaves[first:]:
        again.add(leaf)

    assert again.root == Tree.of(leaves).root


def test_roots_that_do_not_fit_the_size_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Tree.unpacked(3, bytes(32))


def test_a_leaf_can_never_be_taken_for_a_node() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")

    assert leaf_hash(left + right) != node_hash(left, right)


def test_the_hash_of_a_record_depends_on_everything_before_its_number_and_its_content() -> None:
    leaf = leaf_hash(canonical("[1]", b"x"))

    hashes = {
        chained(START, 1, leaf),
        chained(START, 2, leaf),
        chained(leaf, 1, leaf),
        chained(START, 1, leaf_hash(canonical("[2]", b"x"))),
        chained(START, 1, leaf_hash(canonical("[1]", b"y"))),
    }

    assert len(hashes) == 5


def test_the_hashes_are_those_of_the_first_release() -> None:
    leaf = leaf_hash(canonical('[1,"local","","",[]]', b"<AuditMessage/>"))

    assert chained(START, 1, leaf).hex() == "4c6c85af4d9f685d4fc43a5b2b82febd95fd01f1ec33ebfedf99e577e4f0738b"
