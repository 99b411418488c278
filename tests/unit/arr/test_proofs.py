"""Merkle proofs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from arr.chain import Tree, leaf_hash
from arr.proofs import growth_path, has_grown, inclusion_path, root_by_inclusion, root_of

LEAVES = [leaf_hash(b"%d" % n) for n in range(130)]
ROOTS = [Tree.of(LEAVES[:size]).root for size in range(len(LEAVES) + 1)]
sizes = st.integers(1, len(LEAVES))


class Known:
    """Subtrees of the leaves above."""

    def root(self, level: int, number: int) -> bytes:
        return Tree.of(LEAVES[number << level : (number + 1) << level]).root


@given(size=sizes)
def test_the_root_over_a_range_is_that_of_the_tree(size: int) -> None:
    assert root_of(Known(), 0, size) == ROOTS[size]


@given(size=sizes, data=st.data())
def test_a_record_is_proved_to_be_in_the_log(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))

    path = inclusion_path(Known(), index, size)

    assert root_by_inclusion(LEAVES[index], index, size, path) == ROOTS[size]


@given(size=sizes, data=st.data())
def test_no_other_record_place_or_size_is_proved(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, 200))
    path = inclusion_path(Known(), index, size)

    assert root_by_inclusion(leaf_hash(b"forged"), index, size, path) != ROOTS[size]
    if other != index:
        assert root_by_inclusion(LEAVES[index], other, size, path) != ROOTS[size]
    if path:
        assert root_by_inclusion(LEAVES[index], index, size, path[:-1]) != ROOTS[size]
    assert root_by_inclusion(LEAVES[index], index, size, (*path, bytes(32))) is None
    assert root_by_inclusion(LEAVES[index], -1, size, path) is None


@given(data=st.data())
def test_a_log_is_proved_to_have_only_grown(data: st.DataObject) -> None:
    before, after = sorted((data.draw(sizes), data.draw(sizes)))

    path = growth_path(Known(), before, after)

    assert has_grown(before, ROOTS[before], after, ROOTS[after], path)


@given(data=st.data())
def test_a_log_that_was_rewritten_is_not_proved_to_have_grown(data: st.DataObject) -> None:
    before, after = sorted((data.draw(sizes), data.draw(sizes)))
    path = growth_path(Known(), before, after)
    forged = leaf_hash(b"forged")

    assert not has_grown(before, forged, after, ROOTS[after], path)
    assert not has_grown(before, ROOTS[before], after, forged, path)
    if before < after:
        assert not has_grown(before, ROOTS[before], after, ROOTS[after], path[:-1])
        assert not has_grown(before, ROOTS[before], after, ROOTS[after], (*path, forged))
        assert not has_grown(0, ROOTS[0], after, ROOTS[after], path)
        assert not has_grown(after, ROOTS[after], before, ROOTS[before], path)
