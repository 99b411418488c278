"""What an operator may set for the index."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from mpi.settings import MatchingMode, MatchingSettings, MpiSettings


def test_matching_is_queued_unless_said_otherwise() -> None:
    assert MatchingSettings().mode is MatchingMode.QUEUED
    assert MatchingSettings.model_validate({"mode": "inline"}).mode is MatchingMode.INLINE


def test_rules_are_asked_only_where_they_decide() -> None:
    by_rules = MatchingSettings.model_validate({"policy": "deterministic", "rules": [["identifier:2.999.7", "birth"]]})

    assert MatchingSettings().in_rules is None
    assert by_rules.in_rules is not None
    assert [rule.text for rule in by_rules.in_rules.link] == ["identifier:2.999.7 + birth"]


@pytest.mark.parametrize(
    ("section", "wrong"),
    [
        (MatchingSettings, {"mode": "sometimes"}),
        (MatchingSettings, {"unknown": 1}),
        (MatchingSettings, {"fat_key": 0}),
        (MatchingSettings, {"policy": "by heart"}),
        (MatchingSettings, {"rules": [["shoe size"]]}),
        (MatchingSettings, {"rules": [["birth=roughly"]]}),
        (MatchingSettings, {"rules": [["birth:2.999.7"]]}),
        (MatchingSettings, {"ask_rules": [[]]}),
        (MpiSettings, {"hits": 0}),
        (MpiSettings, {"continuation_seconds": 1}),
        (MpiSettings, {"unknown": 1}),
    ],
)
def test_what_makes_no_sense_stops_the_start(section: type[BaseModel], wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        section.model_validate(wrong)
