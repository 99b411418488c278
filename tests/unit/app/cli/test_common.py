"""app.cli.common"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import pytest

from app.cli.common import AWAY, FAILED, house_of, lines_of, plain, report_error, show, show_one
from kernel.errors import Condition, Rejected, Unavailable, violation, warning
from tests.support.stores import Store


class Colour(Enum):
    """One value."""

    RED = "red"


@dataclass(frozen=True)
class Thing:
    """Two fields."""

    name: str
    digest: bytes


def test_rows_are_separated_by_tabs_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"name": "a", "many": ["x", "y"]}, {"name": "b", "many": None}], as_json=False)

    assert capsys.readouterr().out == "name\tmany\na\tx, y\nb\t\n"


def test_no_rows_leave_standard_output_empty(capsys: pytest.CaptureFixture[str]) -> None:
    show([], as_json=False)

    assert capsys.readouterr() == ("", "nothing found\n")


def test_no_rows_are_an_empty_array_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    show([], as_json=True)

    assert json.loads(capsys.readouterr().out) == []


def test_control_characters_of_other_peoples_data_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"title": "letter\x1b[2J\tof\nMüller"}], as_json=False)
    show_one({"title": "\x07bell"}, as_json=False)

    assert capsys.readouterr().out == "title\nletter?[2J?of?Müller\ntitle  ?bell\n"


def test_names_and_values_stand_in_columns(capsys: pytest.CaptureFixture[str]) -> None:
    show_one({"a": 1, "longer": Colour.RED}, as_json=False)

    assert capsys.readouterr().out == "a       1\nlonger  red\n"


def test_values_that_json_does_not_know_are_written_as_what_they_hold() -> None:
    text = json.dumps({"thing": Thing("x", b"\x00\xff"), "colour": Colour.RED, "path": Path("a/b")}, default=plain)

    assert json.loads(text) == {"thing": {"name": "x", "digest": "00ff"}, "colour": "red", "path": "a/b"}


def test_every_violation_is_told_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    problem = Rejected(
        (
            violation(Condition.FIELD_MISSING, "PID-3", "no identifier"),
            warning(Condition.METADATA_INVALID, "", "a title is missing"),
        )
    )

    code = report_error(problem)

    assert code == FAILED
    assert capsys.readouterr().err == (
        "error: PID-3: a required field is missing: no identifier\nwarning: the metadata break a rule: a title is missing\n"
    )


def test_somebody_who_is_away_has_an_exit_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    code = report_error(Unavailable(violation(Condition.PEER_UNAVAILABLE, "host:1", "nobody listens there")))

    assert code == AWAY
    assert "nobody listens there" in capsys.readouterr().err


def test_a_store_that_was_never_made_is_not_made_by_looking_into_it(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="BUSY") as refused, house_of(None, tmp_path / "data"):
        pass

    assert "hie db upgrade" in refused.value.detail


def test_a_store_that_is_up_to_date_is_opened(store: Store) -> None:
    with house_of(None, store.data) as house:
        assert house.behind() == ()


def test_lines_are_indented_below_their_heading(capsys: pytest.CaptureFixture[str]) -> None:
    lines_of("faults", ["one", "two"])

    assert capsys.readouterr().out == "faults\n  one\n  two\n"
