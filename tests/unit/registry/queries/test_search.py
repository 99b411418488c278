"""The steps of a query: limits and levels."""

from __future__ import annotations

import pytest

from ebrim.query import OBJECT_REF, quoted, quoted_list
from ebrim.uuids import QueryId
from kernel.errors import Condition, Rejected
from registry.tables import METADATA
from tests.conftest import MakeDatabase
from tests.support.metadata import PATIENT, a_submission
from tests.support.registry import APPROVED, Registry, a_registry

STATUSES = tuple((f"$XDS{kind}Status", quoted_list([APPROVED])) for kind in ("DocumentEntry", "SubmissionSet", "Folder"))
ALL = (("$patientId", quoted(PATIENT)), *STATUSES)


def a_small_registry(make_database: MakeDatabase, **limits: int) -> Registry:
    """A registry that gives out little, with one entry, one set and the membership."""
    registry = a_registry(make_database(METADATA), **limits)
    registry.register(a_submission())
    return registry


@pytest.mark.parametrize("limit", [1, 2])
def test_objects_of_all_kinds_count_together(make_database: MakeDatabase, limit: int) -> None:
    registry = a_small_registry(make_database, max_results=limit, max_references=limit)

    for return_type in ("LeafClass", OBJECT_REF):
        with pytest.raises(Rejected) as caught:
            registry.ask(QueryId.GET_ALL, *ALL, return_type=return_type)
        assert caught.value.condition is Condition.TOO_MANY_RESULTS


def test_an_answer_may_be_as_large_as_the_limit(make_database: MakeDatabase) -> None:
    registry = a_small_registry(make_database, max_results=3)

    held = registry.ask(QueryId.GET_ALL, *ALL).objects

    assert (len(held.entries), len(held.submission_sets), len(held.associations)) == (1, 1, 1)
