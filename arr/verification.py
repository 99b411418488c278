"""Is the log what was recorded? Reads every record once, in order, and holds it against hashes, signatures and witnesses."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sqlalchemy.engine import Connection

from arr import seals, store
from arr.chain import BLOCK, START, Tree, canonical, chained, leaf_hash
from arr.intake import prepare
from arr.model import Received
from arr.packing import unpacked
from arr.seals import Act, Seal, root_of_blocks
from arr.signing import Keys, Note, SignedNote, is_signed

FAULT_LIMIT: Final = 1_000
"""Faults that are named; more are only counted."""
_DEEP_CHUNK: Final = 500
_64_BITS: Final = (1 << 64) - 1
_NO_END: Final = 1 << 62


class FaultKind(Enum):
    """What is not as it should be."""

    CHANGED = "the record is not what was recorded"
    MISSING = "records are missing"
    INSERTED = "a record stands where none was recorded"
    HEAD_WRONG = "the log does not end where its head says"
    HEAD_UNSIGNED = "no believed key has signed the head"
    CHECKPOINT_WRONG = "the records are not those a checkpoint was signed for"
    CHECKPOINT_UNSIGNED = "no believed key has signed the checkpoint"
    CHECKPOINT_MISSING = "a checkpoint that a witness was shown is gone"
    WITNESS_WRONG = "the log is not the one that was witnessed"
    BLOCKS_WRONG = "what proofs are made from does not fit the records"
    SEAL_UNSIGNED = "no believed key has signed the seal or tombstone of the segment"
    SEAL_WRONG = "the segment is not the one that was sealed or dropped"
    INDEX_WRONG = "what the record is found by is not what stands in it"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: at a record, or from a record to `until`."""

    kind: FaultKind
    sequence: int
    until: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found. `faults` are the first of `fault_count`; up to `signed_up_to` a good signature vouches."""

    records: int
    checkpoints: int
    signed_up_to: int
    root: bytes
    faults: tuple[Fault, ...]
    fault_count: int
    dropped: int = 0
    """Records that are gone by tombstones that hold."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return self.fault_count == 0


Progress = Callable[[int], None]
"""Told, now and then, how many records were read."""


class Verifier:
    """One pass over a log; made anew for each."""

    def __init__(self, keys: Keys, witnessed: Iterable[SignedNote] = (), progress: Progress = lambda _: None) -> None:
        self._keys = keys
        self._witnessed = tuple(witnessed)
        self._progress = progress
        self._faults: list[Fault] = []
        self._count = 0
        self._signed_up_to = 0
        self._read = 0
        self._is_unbroken = True
        self._dropped = 0
        self._seals: list[Seal] = []
        self._gaps: dict[int, Seal] = {}

    def run(self, connection: Connection, *, deep: bool = False) -> Report:
        """Verifies what the connection sees; it should see one instant."""
        head = self._head(connection)
        notes = self._notes(connection, head)
        self._read_seals(connection, head)
        tree = self._walk(connection, head, notes)
        self._end(head, tree, notes)
        if self._is_unbroken and store.block_roots(connection, 0, len(tree.blocks) + 1) != tree.blocks:
            self._add(Fault(FaultKind.BLOCKS_WRONG, 0))
        if deep:
            # never more room than there are records, whatever numbers somebody has put into the database
            gone = [(gap.first, gap.last) for gap in self._gaps.values()]
            for fault in index_faults(connection, min(tree.size, 2 * (self._read + self._dropped)), gone):
                self._add(fault)
        faults = tuple(self._faults)
        return Report(self._read, len(notes), self._signed_up_to, tree.root, faults, self._count, self._dropped)

    def _add(self, fault: Fault) -> None:
        self._count += 1
        if len(self._faults) < FAULT_LIMIT:
            self._faults.append(fault)

    def _break(self, fault: Fault) -> None:
        """From here on the root over all records cannot be that of any signature."""
        self._add(fault)
        self._is_unbroken = False

    def _head(self, connection: Connection) -> store.Head | None:
        try:
            head = store.head(connection)
        except ValueError:
            self._add(Fault(FaultKind.HEAD_WRONG, 0))
            return None
        if head is not None and self._keys and not is_signed(head.note, self._keys):
            self._add(Fault(FaultKind.HEAD_UNSIGNED, head.sequence))
        return head

    def _notes(self, connection: Connection, head: store.Head | None) -> dict[int, list[Note]]:
        """What was signed or witnessed, by the size it was said of."""
        found: dict[int, list[Note]] = {}
        kept = [signed for _, signed in store.checkpoints(connection)]
        sizes = {note.size for note in map(_note, kept) if note}
        for signed, kind in [
            *((s, FaultKind.CHECKPOINT_UNSIGNED) for s in kept),
            *((s, FaultKind.WITNESS_WRONG) for s in self._witnessed),
        ]:
            note = _note(signed)
            if note is None or (self._keys and not is_signed(signed, self._keys)):
                self._add(Fault(kind, note.size if note else 0))
            elif head is not None and note.log_id != head.log_id:
                self._add(Fault(FaultKind.WITNESS_WRONG, note.size))
            else:
                found.setdefault(note.size, []).append(note)
                if kind is FaultKind.WITNESS_WRONG and note.size not in sizes:
                    self._add(Fault(FaultKind.CHECKPOINT_MISSING, note.size))
        return found

    def _read_seals(self, connection: Connection, head: store.Head | None) -> None:
        """Every seal, and by their first records those segments that were dropped."""
        found: dict[tuple[int, Act], Seal] = {}
        for first, name, signed in seals.kept(connection):
            seal = seals.parsed(signed)
            if seal is None or (self._keys and not is_signed(signed, self._keys)):
                self._add(Fault(FaultKind.SEAL_UNSIGNED, first, seal.last if seal else 0))
            elif (seal.first, seal.act.value) != (first, name) or (head is not None and seal.log_id != head.log_id):
                self._add(Fault(FaultKind.SEAL_WRONG, first, seal.last))
            else:
                found[first, seal.act] = seal
        self._seals = sorted((s for (_, act), s in found.items() if act is Act.SEALED), key=lambda s: s.first)
        expected = 1
        for seal in self._seals:  # one after the other, so that one that is gone shows
            if seal.first != expected:
                self._add(Fault(FaultKind.SEAL_WRONG, expected, seal.first - 1))
            expected = seal.last + 1
        for (first, act), seal in found.items():
            sealed = found.get((first, Act.SEALED))
            if act is Act.DROPPED and (sealed is None or not seal.says_the_same_as(sealed)):
                self._add(Fault(FaultKind.SEAL_WRONG, first, seal.last))
            elif act is Act.DROPPED:
                self._gaps[first] = seal

    def _walk(self, connection: Connection, head: store.Head | None, notes: Mapping[int, list[Note]]) -> Tree:
        marks = {at for seal in self._seals for at in (seal.first - 1, seal.first, seal.last)}
        hashes = {0: START}
        where, end = _Place(Tree(), START), head.sequence if head else _NO_END
        for sequence, kept, origin, packing, data in store.records(connection):
            is_next = sequence == where.tree.size + 1 and sequence not in self._gaps
            if sequence > end or not (is_next or self._step_over(connection, where, sequence, notes)):
                self._add(Fault(FaultKind.INSERTED, sequence))
                continue
            leaf = _leaf(origin, packing, data)
            if where.previous is not None and chained(where.previous, sequence, leaf) != kept:
                self._break(Fault(FaultKind.CHANGED, sequence))
            where.tree.add(leaf)
            where.previous = kept
            self._read += 1
            if sequence in marks:
                hashes[sequence] = kept
            if sequence in notes and self._is_unbroken:
                self._compare(notes[sequence], where.tree, kept)
            if not self._read % 10_000:
                self._progress(self._read)
        while (gap := self._gaps.get(where.tree.size + 1)) is not None:
            self._pass(connection, where, gap, notes)
        self._check_seals(where.tree, hashes)
        return where.tree

    def _step_over(self, connection: Connection, where: _Place, sequence: int, notes: Mapping[int, list[Note]]) -> bool:
        """Goes on to this record, over what was dropped and what is missing; not when no record can stand there."""
        if sequence <= where.tree.size or any(gap.first <= sequence <= gap.last for gap in self._gaps.values()):
            return False
        while (expected := where.tree.size + 1) < sequence:
            gap = self._gaps.get(expected)
            if gap is not None:
                self._pass(connection, where, gap, notes)
                continue
            stop = min((first for first in self._gaps if expected < first < sequence), default=sequence)
            self._break(Fault(FaultKind.MISSING, expected, stop - 1))
            where.tree, where.previous = _resumed(stop - 1), None
        return True

    def _pass(self, connection: Connection, where: _Place, gap: Seal, notes: Mapping[int, list[Note]]) -> None:
        """Over a segment that was dropped: its blocks lead to the root that was signed, and the chain goes on where it did."""
        roots = store.block_roots(connection, (gap.first - 1) // BLOCK, gap.count // BLOCK)
        is_linked = where.previous is None or where.previous == gap.before
        if is_linked and len(roots) == gap.count // BLOCK and root_of_blocks(roots) == gap.root and not where.tree.size % BLOCK:
            for root in roots:
                where.tree.add_block(root)
        else:
            self._break(Fault(FaultKind.SEAL_WRONG, gap.first, gap.last))
            where.tree = _resumed(gap.last)
        where.previous = gap.ends
        self._dropped += gap.count
        if gap.last in notes and self._is_unbroken:
            self._compare(notes[gap.last], where.tree, gap.ends)

    def _check_seals(self, tree: Tree, hashes: Mapping[int, bytes]) -> None:
        """The segments that are sealed and still there. Where something is missing the roots say nothing, the hashes still do."""
        for seal in self._seals:
            if seal.first in self._gaps:
                continue
            roots = tree.blocks[(seal.first - 1) // BLOCK : seal.last // BLOCK]
            before = hashes.get(seal.first - 1, seal.before)  # the record before may be dropped: then its tombstone is checked
            found = (before, hashes.get(seal.first), hashes.get(seal.last))
            is_same = found == (seal.before, seal.begins, seal.ends)
            if not is_same or (self._is_unbroken and root_of_blocks(roots) != seal.root):
                self._add(Fault(FaultKind.SEAL_WRONG, seal.first, seal.last))

    def _compare(self, notes: Iterable[Note], tree: Tree, last: bytes) -> None:
        for note in notes:
            if note.root != tree.root or note.chain != last:
                self._break(Fault(FaultKind.CHECKPOINT_WRONG, note.size))
            elif self._keys:
                self._signed_up_to = max(self._signed_up_to, note.size)

    def _end(self, head: store.Head | None, tree: Tree, notes: Mapping[int, list[Note]]) -> None:
        """Where the log ends, by its head and by everybody who saw it longer."""
        if head is None:
            if tree.size and not self._count:
                self._add(Fault(FaultKind.HEAD_WRONG, tree.size))
        elif tree.size < head.sequence:
            self._add(Fault(FaultKind.MISSING, tree.size + 1, head.sequence))
        elif self._is_unbroken and not _is_head_of(head, tree):
            self._add(Fault(FaultKind.HEAD_WRONG, head.sequence))
        elif not self._count and self._keys:
            self._signed_up_to = head.sequence
        longest = max(notes, default=0)
        if longest > max(tree.size, head.sequence if head else 0):
            self._add(Fault(FaultKind.WITNESS_WRONG, tree.size + 1, longest))


@dataclass(slots=True)
class _Place:
    """How far the walk has come: the tree so far and the hash before the next record, None after records that are missing."""

    tree: Tree
    previous: bytes | None


def _resumed(size: int) -> Tree:
    """A tree of this size whose records are lost: its root means nothing, but the numbers go on."""
    return Tree(size, [bytes(32)] * size.bit_count())


def _leaf(origin: str, packing: int, data: bytes) -> bytes:
    try:
        return leaf_hash(canonical(origin, unpacked(packing, data)))
    except (ValueError, TypeError, AttributeError):  # a damaged row may hold anything
        return bytes(32)


def _note(signed: SignedNote) -> Note | None:
    try:
        return Note.parse(signed.text)
    except ValueError:
        return None


def _is_head_of(head: store.Head, tree: Tree) -> bool:
    note = _note(head.note)
    return (
        note is not None
        and (note.size, note.root, note.chain, note.log_id) == (head.sequence, tree.root, head.hash, head.log_id)
        and head.tree.root == tree.root
    )


def index_faults(connection: Connection, size: int, gone: Sequence[tuple[int, int]] = ()) -> Iterator[Fault]:
    """Reads every message again and compares what the log is searched by: its columns and its terms.

    `gone` are the first and last numbers of records that were dropped, of which nothing may be left to be found.
    """
    mixed = array("Q", bytes(8 * (size + 1)))
    for sequence, term, event_at in store.all_terms(connection):
        if 0 < sequence <= size:
            mixed[sequence] ^= _mix(term, event_at)
        else:
            yield Fault(FaultKind.INDEX_WRONG, sequence)
    chunk: list[int] = []
    for sequence, *_ in store.records(connection, 0):
        if sequence <= size:
            chunk.append(sequence)
        if len(chunk) == _DEEP_CHUNK:
            yield from _index_faults(connection, chunk, mixed)
            chunk = []
    yield from _index_faults(connection, chunk, mixed)
    yield from (Fault(FaultKind.INDEX_WRONG, first, last) for first, last in gone if any(mixed[first : last + 1]))


def _index_faults(connection: Connection, sequences: list[int], mixed: array[int]) -> Iterator[Fault]:
    for sequence, row in store.rows(connection, sequences).items():
        try:
            fresh = prepare(Received.of_origin(row.origin, unpacked(row.packing, row.data)), in_full=True)
        except (ValueError, TypeError, AttributeError):
            continue  # told as a changed record
        for term in fresh.terms:
            mixed[sequence] ^= _mix(term, fresh.summary.event_at)
        if mixed[sequence] or store.summary_of(row) != fresh.summary or row.received_at != fresh.received_at:
            yield Fault(FaultKind.INDEX_WRONG, sequence)


def _mix(term: int, event_at: int) -> int:
    """One number for a row of the index, so that the rows of a record can be compared in any order."""
    mixed = ((term ^ (event_at * 0x9E3779B97F4A7C15)) & _64_BITS) * 0xBF58476D1CE4E5B9 & _64_BITS
    return (mixed ^ (mixed >> 29)) * 0x94D049BB133111EB & _64_BITS
