"""kernel.demographics_query"""

from __future__ import annotations

import pytest

from kernel.demographics_query import BirthCriterion, DemographicsQuery, NameCriterion, SexCriterion, WantedAuthority
from kernel.identifiers import AssigningAuthority


@pytest.mark.parametrize(
    ("query", "is_empty"),
    [
        (DemographicsQuery(), True),
        (DemographicsQuery(wanted=(WantedAuthority(AssigningAuthority("A"), "x"),), limit=5, tag="t"), True),
        (DemographicsQuery(names=(NameCriterion("x", "Rivera"),)), False),
        (DemographicsQuery(sex=(SexCriterion("x", "F"),)), False),
        (DemographicsQuery(birth=(BirthCriterion("x"),)), False),
    ],
)
def test_a_query_is_empty_when_it_describes_nobody(query: DemographicsQuery, is_empty: bool) -> None:
    assert query.is_empty is is_empty
