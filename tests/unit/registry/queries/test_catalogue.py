"""The catalogue holds what the framework lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebrim.uuids import QueryId
from registry.queries.catalogue import CATALOGUE, as_markdown
from registry.queries.parameters import Kind

NOT_SERVED = {QueryId.FETCH}  # ITI-63, a gateway's


def test_every_stored_query_of_the_registry_is_in_it() -> None:
    assert {d.id for d in CATALOGUE.values()} == set(QueryId) - NOT_SERVED


@pytest.mark.parametrize("query", list(CATALOGUE.values()), ids=lambda d: d.name)
def test_parameters_have_names_of_their_own_and_choices_among_them(query: object) -> None:
    definition = CATALOGUE[query.id.value]  # type: ignore[attr-defined]

    names = [p.name for p in definition.parameters]
    assert len(names) == len(set(names))
    assert {name for choice in definition.choices for name in choice.names} <= set(names)
    assert definition.patient == "" or definition.by_name[definition.patient].kind is Kind.PATIENT_ID


@pytest.mark.parametrize(
    ("query", "required"),
    [
        (QueryId.FIND_DOCUMENTS, {"$XDSDocumentEntryPatientId", "$XDSDocumentEntryStatus"}),
        (
            QueryId.FIND_DOCUMENTS_BY_REFERENCE_ID,
            {"$XDSDocumentEntryPatientId", "$XDSDocumentEntryStatus", "$XDSDocumentEntryReferenceIdList"},
        ),
        (QueryId.FIND_SUBMISSION_SETS, {"$XDSSubmissionSetPatientId", "$XDSSubmissionSetStatus"}),
        (QueryId.FIND_FOLDERS, {"$XDSFolderPatientId", "$XDSFolderStatus"}),
        (QueryId.GET_ALL, {"$patientId", "$XDSDocumentEntryStatus", "$XDSSubmissionSetStatus", "$XDSFolderStatus"}),
        (QueryId.GET_DOCUMENTS, set()),
        (QueryId.GET_ASSOCIATIONS, {"$uuid"}),
        (QueryId.GET_SUBMISSION_SETS, {"$uuid"}),
        (QueryId.GET_RELATED_DOCUMENTS, {"$AssociationTypes"}),
        (QueryId.FIND_DOCUMENTS_FOR_MULTIPLE_PATIENTS, {"$XDSDocumentEntryStatus"}),
        (QueryId.FIND_FOLDERS_FOR_MULTIPLE_PATIENTS, {"$XDSFolderStatus"}),
    ],
)
def test_the_required_parameters_are_those_of_the_framework(query: QueryId, required: set[str]) -> None:
    assert {p.name for p in CATALOGUE[query.value].parameters if p.is_required} == required


def test_parameters_joined_with_and_are_those_of_the_framework() -> None:
    anded = {p.name for d in CATALOGUE.values() for p in d.parameters if p.is_anded and not p.name.endswith("Exclude")}

    assert anded == {
        "$XDSDocumentEntryEventCodeList",
        "$XDSDocumentEntryConfidentialityCode",
        "$XDSDocumentEntryReferenceIdList",
        "$XDSFolderCodeList",
    }


def test_the_table_for_the_documentation_names_every_query_and_parameter() -> None:
    table = as_markdown()

    assert all(d.name in table and d.id.value in table for d in CATALOGUE.values())
    assert all(f"`{p.name}`" in table for d in CATALOGUE.values() for p in d.parameters)


def test_the_documentation_holds_the_table_as_it_is() -> None:
    text = (Path(__file__).parents[4] / "docs" / "queries.md").read_text()

    assert text.endswith(as_markdown())
