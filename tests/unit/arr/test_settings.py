"""What an operator may set for the audit record repository."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from arr.settings import ArrSettings


def test_without_a_word_there_is_a_checkpoint_every_thousand_records_and_no_witness() -> None:
    settings = ArrSettings()

    assert (settings.checkpoint_records, settings.witness_file, settings.key_file) == (1_000, None, None)


@pytest.mark.parametrize("values", [{"checkpoint_records": 0}, {"witness": "x"}])
def test_what_makes_no_sense_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ArrSettings.model_validate(values)


def test_every_setting_is_explained() -> None:
    assert all(field.description for field in ArrSettings.model_fields.values())
