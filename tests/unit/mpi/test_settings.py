"""What an operator may set for the index."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from mpi.settings import MatchingMode, MatchingSettings, MpiSettings


def test_matching_is_queued_unless_said_otherwise() -> None:
    assert MatchingSettings().mode is MatchingMode.QUEUED
    assert MatchingSettings.model_validate({"mode": "inline"}).mode is MatchingMode.INLINE


@pytest.mark.parametrize(
    ("section", "wrong"),
    [
        (MatchingSettings, {"mode": "sometimes"}),
        (MatchingSettings, {"unknown": 1}),
        (MatchingSettings, {"fat_key": 0}),
        (MpiSettings, {"hits": 0}),
        (MpiSettings, {"continuation_seconds": 1}),
        (MpiSettings, {"unknown": 1}),
    ],
)
def test_what_makes_no_sense_stops_the_start(section: type[BaseModel], wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        section.model_validate(wrong)
