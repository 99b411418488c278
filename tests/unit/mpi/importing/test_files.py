"""mpi.importing.files"""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.errors import Rejected
from mpi.importing.files import FIELD_LIMIT, ErrorFile, ImportFile, Row


def written(folder: Path, content: bytes) -> Path:
    """A file with this content."""
    path = folder / "x.csv"
    path.write_bytes(content)
    return path


def test_rows_come_in_blocks_with_their_lines_and_empty_lines_are_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path, b'\xef\xbb\xbfrecord_id,family\r\n1,Ng\r\n\r\n2,"Mc\nCoy"\r\n3,Xu\r\n')

    with ImportFile(path) as file:
        blocks = list(file.blocks(2))
        position = file.position

    assert [[(row.line, row.values) for row in block] for block in blocks] == [
        [(2, ["1", "Ng"]), (5, ["2", "Mc\nCoy"])],
        [(6, ["3", "Xu"])],
    ]
    assert position == path.stat().st_size


def test_bytes_that_are_no_utf8_do_not_stop_the_file(tmp_path: Path) -> None:
    with ImportFile(written(tmp_path, b"record_id,family\n1,M\xfcller\n2,Ng\n")) as file:
        ((first, second),) = file.blocks(10)

    assert first.values == ["1", "M\udcfcller"]
    assert second.values == ["2", "Ng"]


def test_what_is_no_csv_is_a_row_with_a_fault_and_the_file_goes_on(tmp_path: Path) -> None:
    content = b'record_id,family\n1,"Ng"x\n2,Xu\n3,' + b"a" * (FIELD_LIMIT + 1) + b"\n4,Wu\n"

    with ImportFile(written(tmp_path, content)) as file:
        (rows,) = file.blocks(10)

    assert [bool(row.fault) for row in rows] == [True, False, True, False]
    assert [row.values for row in rows if not row.fault] == [["2", "Xu"], ["4", "Wu"]]


@pytest.mark.parametrize("content", [b"", b"family\nNg\n", b'record_id,"x"y\n1,2\n'])
def test_a_header_that_cannot_be_used_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Rejected):
        ImportFile(written(tmp_path, content))


def test_an_error_file_is_made_when_the_first_bad_row_comes_and_holds_the_row_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("of another run")

    with ErrorFile(path, ["record_id", "family"]) as errors:
        assert not path.exists()
        errors.add(Row(7, ["1", 'N"g']), "because", taken=True)
        errors.add(Row(9, ["2", "M\udcfc"]), "no text", taken=False)

    assert path.read_bytes() == (b'line,taken,reason,record_id,family\r\n7,yes,because,1,"N""g"\r\n9,no,no text,2,M\xfc\r\n')
    assert errors.lines == 2
