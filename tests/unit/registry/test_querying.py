"""Questions: what is asked, of which transaction, and which of them are one statement."""

from __future__ import annotations

import pytest

from ebrim.query import QuerySlot, StoredQuery, quoted, quoted_list
from ebrim.uuids import QueryId
from kernel.errors import Condition, Rejected
from registry.querying import Querying, Question
from registry.settings import RegistrySettings
from registry.tables import METADATA
from registry.terms import Terms
from tests.conftest import MakeDatabase
from tests.support.metadata import PATIENT
from tests.support.registry import APPROVED, PatientBook

FIND = (
    QuerySlot("$XDSDocumentEntryPatientId", (quoted(PATIENT),)),
    QuerySlot("$XDSDocumentEntryStatus", (quoted_list([APPROVED]),)),
)


@pytest.fixture
def querying(make_database: MakeDatabase) -> Querying:
    return Querying(
        terms=Terms(make_database(METADATA), limit=100), directory=PatientBook(), settings=RegistrySettings(max_values=2)
    )


def read(querying: Querying, query_id: str, *slots: QuerySlot, return_type: str = "LeafClass", multi: bool = False) -> Question:
    """A query as the registry understands it."""
    return querying.read(StoredQuery(query_id, return_type, True, slots), multi_patient=multi)


def test_a_question_knows_its_patients_and_whether_it_is_one_statement(querying: Querying) -> None:
    found = read(querying, QueryId.FIND_DOCUMENTS.value, *FIND)
    got = read(querying, QueryId.GET_DOCUMENTS.value, QuerySlot("$XDSDocumentEntryUniqueId", ("('1.2')",)))

    assert (found.patient_ids, found.whole, found.is_one_statement) == ((PATIENT,), True, True)
    assert (got.patient_ids, got.is_one_statement) == ((), False)


def test_the_id_of_a_query_may_have_blanks_around_it_and_capitals(querying: Querying) -> None:
    sloppy = f" {QueryId.FIND_DOCUMENTS.value.replace('d4debf', 'D4DEBF')} "

    assert read(querying, sloppy, *FIND).definition.id is QueryId.FIND_DOCUMENTS


@pytest.mark.parametrize(
    ("query_id", "multi"),
    [
        ("urn:uuid:99999999-9999-4999-8999-999999999999", False),
        ("", False),
        (QueryId.FIND_DOCUMENTS.value, True),
        (QueryId.FIND_DOCUMENTS_FOR_MULTIPLE_PATIENTS.value, False),
        (QueryId.FETCH.value, False),
    ],
)
def test_a_query_that_this_transaction_does_not_have_is_unknown(querying: Querying, query_id: str, multi: bool) -> None:
    with pytest.raises(Rejected) as caught:
        read(querying, query_id, *FIND, multi=multi)

    assert caught.value.condition is Condition.QUERY_UNKNOWN


def test_values_over_the_limit_are_refused(querying: Querying) -> None:
    with pytest.raises(Rejected) as caught:
        read(querying, QueryId.GET_DOCUMENTS.value, QuerySlot("$XDSDocumentEntryUniqueId", ("('1.1','1.2','1.3')",)))

    assert caught.value.condition is Condition.PARAMETER_INVALID
