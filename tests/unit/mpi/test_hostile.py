"""What comes from outside is bounded, on both databases."""

from __future__ import annotations

import pytest

from kernel.demographics_query import DemographicsQuery, NameCriterion, WantedAuthority
from kernel.errors import Condition, HieError
from mpi.authorities import MOST
from tests.conftest import MakeDatabase
from tests.support.hl7 import adt, pdq, v3_feed
from tests.support.patients import LAB, OTTO, an_affinity_domain, an_id, an_update, called, wires

SOURCES = {
    "authorities": [{"namespace": "HOSP", "oid": "2.999.1.1"}],
    "sources": [
        {"application": "EHR", "facility": "HOSP", "authorities": ["HOSP"]},
        {"application": "2.999.7", "authorities": ["HOSP"]},
    ],
}
LONG = "x" * 20_000


def acknowledged(answer: list[str]) -> str:
    """MSA-1."""
    return next(line for line in answer if line.startswith("MSA")).split("|")[1]


@pytest.mark.parametrize(
    "raw",
    [
        adt(pid=r"PID|||47\X00\11^^^HOSP||Rivera^Lena"),
        adt(pid="PID|||47\x0011^^^HOSP||Rivera^Lena"),
        adt(pid=r"PID|||4711^^^HOSP||Riv\X00\era^Le\X00\na||19840317|F|||a\X00\^^b\X00\||1\X00\|||||acc\X00\ount"),
        adt(pid=f"PID|||4711^^^HOSP||{LONG}^{LONG}||||||{LONG}^^{LONG}||{LONG}|||||{LONG}"),
        adt(pid=f"PID|||{LONG}^^^HOSP||Rivera^Lena"),
        adt(pid=f"PID|||4711^^^{LONG}||Rivera^Lena"),
        adt(pid="PID|||" + "~".join(f"{n}^^^HOSP" for n in range(MOST + 1)) + "||Rivera^Lena"),
        adt(pid="PID|||4711^^^HOSP||" + "~".join(f"F{n}^G" for n in range(500))),
        adt(pid="PID|||4711^^^HOSP||\udcff^Lena".encode("utf-8", "surrogateescape").decode("latin-1")),
    ],
)
def test_a_message_is_taken_or_refused_by_name_and_never_breaks_anything(make_database: MakeDatabase, raw: bytes) -> None:
    doors = wires(make_database, affinity=an_affinity_domain(**SOURCES))

    answer = doors.v2(raw)
    doors.index.work()

    assert acknowledged(answer) in ("AA", "AE", "AR")
    assert not any("207" in line for line in answer if line.startswith("ERR"))
    assert acknowledged(doors.v2(adt().replace(b"|M1|", b"|M2|"))) == "AA"


def test_a_v3_message_id_may_be_as_long_as_it_likes(make_database: MakeDatabase) -> None:
    doors = wires(make_database, affinity=an_affinity_domain(**SOURCES))
    body = v3_feed()
    body.find("{*}id").set("extension", LONG)  # type: ignore[union-attr]  # there is one

    first, again = doors.v3(body), doors.v3(body)

    assert [a.find(".//{*}typeCode").get("code") for a in (first, again)] == ["CA", "CA"]  # type: ignore[union-attr]
    assert len(doors.index.audited()) == 1


def test_a_query_tag_may_be_as_long_as_it_likes(make_database: MakeDatabase) -> None:
    doors = wires(make_database)
    for number in ("1", "2"):
        doors.index.feed(an_update(an_id(number), demographics=OTTO))

    answer = doors.v2(pdq("@PID.7^1951", "", "RCP|I|1^RD").replace(b"TAG78", LONG.encode()))

    assert any(line.startswith("DSC|") for line in answer)


@pytest.mark.parametrize(
    "query",
    [
        DemographicsQuery(names=tuple(NameCriterion("w", f"F{n}") for n in range(MOST + 1))),
        called(family="Rivera", wanted=tuple(WantedAuthority(LAB, "w") for _ in range(MOST + 1))),
    ],
)
def test_a_question_has_so_many_parts(make_database: MakeDatabase, query: DemographicsQuery) -> None:
    index = wires(make_database).index

    with pytest.raises(HieError) as refused:
        index.search(query)

    assert refused.value.condition is Condition.FIELD_INVALID


def test_a_question_with_as_many_parts_as_may_be_is_answered(make_database: MakeDatabase) -> None:
    index = wires(make_database).index

    page = index.search(DemographicsQuery(names=tuple(NameCriterion("w", f"Fam{chr(65 + n % 26)}") for n in range(MOST))))

    assert page.total == 0
