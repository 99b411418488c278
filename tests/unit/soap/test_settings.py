"""soap.settings"""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from soap.settings import SoapSettings


def test_every_setting_has_a_default_and_a_sentence() -> None:
    assert all(f.default is not None and f.description for f in SoapSettings.model_fields.values())


def test_a_misspelt_setting_is_refused() -> None:
    with pytest.raises(ValidationError):
        SoapSettings.model_validate({"envelope_byte": 1})


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError):
        SoapSettings().parts = 1
