"""Which authority is meant, which source speaks, and what the domain says of a code."""

from __future__ import annotations

from datetime import date

import pytest

from affinity.model import Authority, CodeSets, CodeStanding, Domain, DomainCode, Source
from kernel.identifiers import AssigningAuthority

OWN = Authority(1, AssigningAuthority("XAD", "2.999.1", "ISO"))
HOSPITAL = Authority(2, AssigningAuthority("HOSP_A", "2.999.1.1", "ISO"), aliases=("HOSPITAL A", "2.999.7"))
PLAIN = Authority(3, AssigningAuthority("LAB"))
DOMAIN = Domain(
    OWN,
    (OWN, HOSPITAL, PLAIN),
    sources=(Source("ADT", "A", (2,)), Source("2.999.50", "", (3,), lenient=True)),
)


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (AssigningAuthority("HOSP_A"), HOSPITAL),
        (AssigningAuthority("", "2.999.1.1", "ISO"), HOSPITAL),
        (AssigningAuthority("HOSP_A", "2.999.1.1", "ISO"), HOSPITAL),
        (AssigningAuthority("HOSPITAL A"), HOSPITAL),
        (AssigningAuthority("", "2.999.7", "ISO"), HOSPITAL),
        (AssigningAuthority("", "2.999.1.1", ""), HOSPITAL),
        (AssigningAuthority("their own name for it", "2.999.1.1", "ISO"), HOSPITAL),
        (AssigningAuthority("LAB"), PLAIN),
    ],
)
def test_an_authority_is_found_by_any_of_its_forms(sent: AssigningAuthority, found: Authority) -> None:
    assert DOMAIN.find(sent) == found


@pytest.mark.parametrize(
    "sent",
    [
        AssigningAuthority("NOBODY"),
        AssigningAuthority("", "2.999.99", "ISO"),
        AssigningAuthority("LAB", "2.999.1.1", "ISO"),
        AssigningAuthority("HOSP_A", "2.999.99", "ISO"),
        AssigningAuthority("LAB", "2.999.99", "ISO"),
        AssigningAuthority("", "2.999.1.1", "DNS"),
        AssigningAuthority("hosp_a"),
        AssigningAuthority(),
    ],
)
def test_an_authority_is_unknown_when_nobody_has_its_names_or_they_contradict(sent: AssigningAuthority) -> None:
    assert DOMAIN.find(sent) is None


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (AssigningAuthority("HOSP_A", "HOSP_A", "PI"), HOSPITAL),
        (AssigningAuthority("", "hospital a ", "L"), HOSPITAL),
        (AssigningAuthority("hosp_a"), HOSPITAL),
        (AssigningAuthority("LAB", "2.999.1.1", "ISO"), HOSPITAL),
        (AssigningAuthority("LAB", "2.999.99", "ISO"), None),
        (AssigningAuthority("NOBODY", "nobody", "L"), None),
        (AssigningAuthority(), None),
    ],
)
def test_a_lenient_source_may_put_a_name_in_the_place_of_the_universal_id(
    sent: AssigningAuthority, found: Authority | None
) -> None:
    assert DOMAIN.find(sent, lenient=True) == found


def test_a_source_listed_without_a_facility_stands_for_all_of_them() -> None:
    assert DOMAIN.source("ADT", "A") == DOMAIN.sources[0]
    assert DOMAIN.source("ADT", "B") is None
    assert DOMAIN.source("2.999.50", "anywhere") == DOMAIN.sources[1]


def test_a_source_is_found_by_the_name_a_subject_has() -> None:
    assert DOMAIN.source_named("A|ADT") == DOMAIN.sources[0]
    assert DOMAIN.source_named("2.999.50") == DOMAIN.sources[1]
    assert DOMAIN.sources[0].name == "A|ADT"


def test_an_authority_is_called_by_its_namespace_or_else_its_universal_id() -> None:
    assert HOSPITAL.name == "HOSP_A"
    assert Authority(4, AssigningAuthority("", "2.999.4", "ISO")).name == "2.999.4"
    assert HOSPITAL.names == ("HOSP_A", "2.999.1.1", "HOSPITAL A", "2.999.7")
    assert DOMAIN.by_key(3) == PLAIN
    assert DOMAIN.by_key(9) is None


def test_a_code_is_judged_by_its_code_set_and_the_day() -> None:
    old = DomainCode("classCode", "OLD", "1.2.3", valid_from=date(2020, 1, 1), valid_to=date(2020, 12, 31))
    codes = CodeSets.of([old, DomainCode("classCode", "NEW", "1.2.3")])

    standing = {
        ("classCode", "NEW", "1.2.3", date(2026, 1, 1)): CodeStanding.KNOWN,
        ("classCode", "OLD", "1.2.3", date(2020, 12, 31)): CodeStanding.KNOWN,
        ("classCode", "OLD", "1.2.3", date(2021, 1, 1)): CodeStanding.EXPIRED,
        ("classCode", "OLD", "1.2.3", date(2019, 12, 31)): CodeStanding.EXPIRED,
        ("classCode", "NEW", "9.9", date(2026, 1, 1)): CodeStanding.UNKNOWN,
        ("typeCode", "NEW", "1.2.3", date(2026, 1, 1)): CodeStanding.UNREGULATED,
    }
    assert {question: codes.standing(*question) for question in standing} == standing
    assert codes.attributes == ("classCode",)
    assert codes.codes("classCode")[0] == old
    assert codes.codes("typeCode") == ()
