"""registry.queries.domain"""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from ebrim.uuids import QueryId
from registry.queries.catalogue import CATALOGUE
from registry.queries.domain import DomainQuery, extended

ID = "urn:uuid:11111111-2222-4333-8444-555555555555"


def test_a_query_of_the_domain_has_the_parameters_of_its_model_and_its_own() -> None:
    query = DomainQuery(
        id=ID,
        name="Letters",
        like="FindDocuments",
        parameters=("$XDSDocumentEntryTitle",),
        required=("$XDSDocumentEntryTypeCode", "$XDSDocumentEntryReferenceIdList"),
    )

    found = query.definition

    required = {p.name for p in found.parameters if p.is_required}
    assert (found.id.value, found.name, found.family) == (ID, "Letters", CATALOGUE[QueryId.FIND_DOCUMENTS.value].family)
    assert {"$XDSDocumentEntryTitle", "$XDSDocumentEntryClassCode"} <= found.by_name.keys()
    assert "$XDSDocumentEntryTitle" not in required
    assert {"$XDSDocumentEntryTypeCode", "$XDSDocumentEntryReferenceIdList", "$XDSDocumentEntryPatientId"} <= required


def test_the_profiles_own_queries_stay_what_they_are() -> None:
    found = extended([DomainQuery(id=ID, name="Letters", like="FindDocuments")])

    assert found.keys() - CATALOGUE.keys() == {ID}
    assert {id_: found[id_] for id_ in CATALOGUE} == dict(CATALOGUE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": QueryId.FIND_DOCUMENTS.value},
        {"id": "11111111-2222-4333-8444-555555555555"},
        {"like": "FindLetters"},
        {"parameters": ("$XDSFolderCodeList",)},
        {"required": ("$XDSDocumentEntryColour",)},
    ],
)
def test_what_cannot_be_asked_stops_the_start(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DomainQuery.model_validate({"id": ID, "name": "Letters", "like": "FindDocuments", **wrong})
