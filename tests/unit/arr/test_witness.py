"""The witness file."""

from __future__ import annotations

from pathlib import Path

from arr.signing import Note
from arr.witness import last_witnessed, read_witness, tell_witness
from tests.support.arr import SIGNER


def a_note(size: int) -> Note:
    return Note("log-1", size, bytes(32), bytes(32), 1)


def signed(*sizes: int) -> list:  # type: ignore[type-arg]
    return [SIGNER.sign(a_note(size).text) for size in sizes]


def test_a_witness_remembers_what_it_was_shown(tmp_path: Path) -> None:
    path = tmp_path / "witness"

    tell_witness(path, signed(1, 2))
    tell_witness(path, signed(3))

    assert list(read_witness(path)) == signed(1, 2, 3)
    assert last_witnessed(path) == 3


def test_a_witness_that_was_shown_nothing_has_no_file(tmp_path: Path) -> None:
    tell_witness(tmp_path / "witness", [])

    assert not (tmp_path / "witness").exists()
    assert read_witness(tmp_path / "witness") == ()
    assert last_witnessed(tmp_path / "witness") == 0


def test_a_line_that_a_crash_cut_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "witness"
    tell_witness(path, signed(1, 2))
    path.write_bytes(path.read_bytes()[:-20])

    tell_witness(path, signed(3))

    assert list(read_witness(path)) == signed(1, 3)


def test_the_last_size_is_found_in_a_long_file(tmp_path: Path) -> None:
    path = tmp_path / "witness"
    tell_witness(path, signed(*range(1, 200)))

    assert last_witnessed(path) == 199


def test_lines_that_are_no_checkpoints_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "witness"
    path.write_bytes(b'hello\n[1]\n{"note": 1, "signature": "", "key": ""}\n{"note": "x", "signature": "zz", "key": ""}\n\xff\n')

    assert read_witness(path) == ()
