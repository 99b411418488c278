"""Every condition has a code, for a registry and for a repository."""

import re

import pytest

from ebrim.errors import TABLES, ErrorCodes, condition_of, error_code
from kernel.errors import Condition
from tests.support.shared import shared


@pytest.mark.parametrize("codes", ErrorCodes)
def test_every_condition_has_a_code(codes: ErrorCodes) -> None:
    assert set(TABLES[codes]) == set(Condition)


@pytest.mark.parametrize("codes", ErrorCodes)
def test_every_code_is_one_of_the_profile(codes: ErrorCodes) -> None:
    sheet = shared("reference", "xds_transactions.md").read_text(encoding="utf-8")
    known = set(re.findall(r"\b(?:XDS|Un|Local|References|Invalid|Document)\w+", sheet))

    assert set(TABLES[codes].values()) <= known


def test_a_registry_and_a_repository_have_their_own_word_for_bad_metadata() -> None:
    assert error_code(Condition.METADATA_INVALID, ErrorCodes.REGISTRY) == "XDSRegistryMetadataError"
    assert error_code(Condition.METADATA_INVALID, ErrorCodes.REPOSITORY) == "XDSRepositoryMetadataError"
    assert error_code(Condition.UNIQUE_ID_REPEATED, ErrorCodes.REPOSITORY) == "XDSRepositoryDuplicateUniqueIdInMessage"


@pytest.mark.parametrize("codes", ErrorCodes)
def test_a_code_read_back_is_answered_with_the_same_code(codes: ErrorCodes) -> None:
    for code in TABLES[codes].values():
        condition = condition_of(code)

        assert condition is not None
        assert error_code(condition, codes) == code


def test_a_code_with_a_urn_before_it_is_understood_and_a_foreign_one_is_not() -> None:
    assert condition_of("urn:oasis:names:tc:ebxml-regrep:ErrorType:XDSUnknownPatientId") is Condition.PATIENT_UNKNOWN
    assert condition_of("SomethingElse") is None
