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


@pytest.mark.parametrize(
    "address", ["a.example", "ftp://a.example/x", "http://user:pass@a.example/x", "http://a.example", "http://a/x#y"]
)
def test_an_address_of_answers_is_one_of_http_with_a_path(address: str) -> None:
    with pytest.raises(ValidationError):
        SoapSettings(reply_to=(address,))

    assert SoapSettings(reply_to=("https://a.example:8443/in/",)).reply_to
