"""Codes against the affinity domain's code sets."""

from __future__ import annotations

import pytest

from kernel.errors import Condition
from registry.rules.code_sets import code_set_faults
from tests.support.metadata import a_code, a_document_entry, a_folder, a_submission
from tests.support.registry import CodeBook


@pytest.mark.parametrize(
    ("attribute", "code"),
    [
        ("classCode", "History and Physical"),
        ("typeCode", "34108-1"),
        ("formatCode", "urn:ihe:iti:xds:2017:mimeTypeSufficient"),
        ("healthcareFacilityTypeCode", "Outpatient"),
        ("practiceSettingCode", "General Medicine"),
        ("confidentialityCode", "N"),
        ("eventCodeList", "CT"),
        ("mimeType", "text/plain"),
        ("contentTypeCode", "History and Physical"),
        ("folderCodeList", "Referrals"),
    ],
)
def test_a_code_that_its_set_refuses_is_an_error(attribute: str, code: str) -> None:
    submission = a_submission(a_document_entry(event_codes=(a_code("CT"),)), folders=(a_folder(),))

    faults = list(code_set_faults(submission, CodeBook(refused={(attribute, code)})))

    assert [(v.condition, v.is_error) for v in faults] == [(Condition.METADATA_INVALID, True)]
    assert faults[0].detail.startswith(f"{attribute}: {code}")


def test_codes_in_their_sets_are_let_pass() -> None:
    assert list(code_set_faults(a_submission(), CodeBook())) == []


def test_one_warning_tells_of_all_attributes_without_a_code_set() -> None:
    faults = list(code_set_faults(a_submission(), CodeBook(unregulated={"typeCode", "classCode"})))

    assert [v.is_error for v in faults] == [False]
    assert faults[0].detail.endswith("classCode, typeCode")
