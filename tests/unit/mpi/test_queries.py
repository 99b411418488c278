"""Cross-references and demographics searches."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atna.events import AuditedQuery
from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.demographics_query import (
    AddressCriterion,
    DemographicsPage,
    DemographicsQuery,
    NameCriterion,
    TelecomCriterion,
    WantedAuthority,
)
from kernel.errors import Condition, HieError, Rejected
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.patient_update import SentIdentifier
from kernel.times import Dtm
from mpi.audit import V2, V3
from mpi.settings import MpiSettings
from tests.conftest import MakeDatabase
from tests.support.audit import a_subject, schema_faults
from tests.support.clocks import TickingClock
from tests.support.patients import (
    ADMINISTRATOR,
    CLINIC,
    HOSPITAL,
    LAB,
    LENA,
    OTTO,
    XAD,
    PatientIndex,
    a_patient_index,
    an_affinity_domain,
    an_id,
    an_update,
    born,
    called,
    of_sex,
    shown,
)

NOBODY = AssigningAuthority("NOBODY", "2.999.77", "ISO")


def refusal(act: object) -> HieError:
    """The error that an act ends with."""
    assert callable(act)
    with pytest.raises(HieError) as caught:
        act()
    return caught.value


def sent(patient_id: PatientId, place: str = "QPD-3[1]") -> SentIdentifier:
    """An identifier in a question."""
    return SentIdentifier(patient_id, place, place)


def wanting(*authorities: AssigningAuthority) -> tuple[WantedAuthority, ...]:
    """Authorities asked for."""
    return tuple(WantedAuthority(a, f"QPD-8[{n}]") for n, a in enumerate(authorities, 1))


@pytest.fixture
def index(make_database: MakeDatabase) -> PatientIndex:
    """Lena in three sources, Otto in one."""
    index = a_patient_index(make_database)
    index.feed(an_update(an_id("1")))
    index.feed(an_update(an_id("9", CLINIC)))
    index.feed(an_update(an_id("L5", LAB)))
    index.feed(an_update(an_id("2"), demographics=OTTO))
    index.work()
    assert len(index.clusters()) == 2
    return index


# --- PIX -------------------------------------------------------------------------------------------------------------------


def test_all_corresponding_identifiers_are_given_and_never_the_one_asked_for(index: PatientIndex) -> None:
    found = index.pix(an_id("1"))

    assert found[0].authority == XAD
    assert found[1:] == [an_id("9", CLINIC), an_id("L5", LAB)]


def test_identifiers_of_the_wanted_authorities_are_given(index: PatientIndex) -> None:
    assert index.pix(an_id("1"), LAB, HOSPITAL) == [an_id("L5", LAB)]
    assert index.pix(an_id("2"), LAB) == []


def test_the_identifier_in_the_affinity_domain_leads_to_the_others(index: PatientIndex) -> None:
    assert index.pix(index.affinity_id(an_id("1"))) == [an_id("1"), an_id("9", CLINIC), an_id("L5", LAB)]


def test_an_authority_may_be_named_by_its_namespace_alone(index: PatientIndex) -> None:
    found = index.pix(PatientId("1", AssigningAuthority("HOSP_A")), AssigningAuthority("LAB"))

    assert found == [an_id("L5", LAB)]


def test_an_identifier_joined_to_another_says_what_the_person_goes_by_now(index: PatientIndex) -> None:
    index.feed(an_update(an_id("3"), demographics=replace(OTTO, birth=Dtm("19700101"))))
    given = index.affinity_id(an_id("3"))
    index.stewardship.link(index.record(an_id("2")).id, index.record(an_id("3")).id, ADMINISTRATOR)

    found = index.pix(given)

    assert found == [index.affinity_id(an_id("2")), an_id("2"), an_id("3")]


@pytest.mark.parametrize(
    ("asked", "wanted", "violations"),
    [
        (an_id("404"), (), [(Condition.IDENTIFIER_UNKNOWN, "QPD-3[1].1")]),
        (an_id("404", XAD), (), [(Condition.IDENTIFIER_UNKNOWN, "QPD-3[1].1")]),
        (an_id("1", NOBODY), (), [(Condition.AUTHORITY_UNKNOWN, "QPD-3[1].4")]),
        (an_id("1"), (LAB, NOBODY, AssigningAuthority("X")), [(Condition.AUTHORITY_UNKNOWN, f"QPD-4[{n}]") for n in (2, 3)]),
        (
            an_id("1", NOBODY),
            (NOBODY,),
            [(Condition.AUTHORITY_UNKNOWN, "QPD-3[1].4"), (Condition.AUTHORITY_UNKNOWN, "QPD-4[1]")],
        ),
    ],
)
def test_what_is_unknown_in_a_question_is_named(
    index: PatientIndex, asked: PatientId, wanted: tuple[AssigningAuthority, ...], violations: list[tuple[Condition, str]]
) -> None:
    error = refusal(lambda: index.pix(asked, *wanted))

    assert [(v.condition, v.where) for v in error.violations] == violations


def test_a_further_identifier_on_records_of_several_people_names_nobody(index: PatientIndex) -> None:
    index.feed(an_update(an_id("1"), an_id("77", CLINIC)))
    index.feed(an_update(an_id("2"), an_id("77", CLINIC), demographics=OTTO))

    error = refusal(lambda: index.pix(an_id("77", CLINIC)))

    assert error.condition is Condition.IDENTIFIER_DUPLICATE


def test_the_record_an_identifier_is_of_comes_before_records_that_mention_it(index: PatientIndex) -> None:
    index.feed(an_update(an_id("2"), an_id("9", CLINIC), demographics=OTTO))

    assert an_id("L5", LAB) in index.pix(an_id("9", CLINIC))


def test_questions_are_on_record_in_the_words_of_their_language(index: PatientIndex) -> None:
    index.pix(an_id("1"))
    v2 = index.audited()[-1]

    index.queries.refused(V3.search, a_subject(), AuditedQuery(b"<q/>", "1.2"), (), refusal(lambda: index.pix(an_id("404"))))

    assert b"ITI-9" in v2
    assert b"1^^^HOSP_A&amp;2.999.1.1&amp;ISO" in v2
    assert b"ITI-47" in index.audited()[-1]
    assert schema_faults(v2) == schema_faults(index.audited()[-1]) == []


# --- PDQ: what fits --------------------------------------------------------------------------------------------------------


FITTING: list[tuple[DemographicsQuery, list[str]]] = [
    (called(family="Rivera"), ["Rivera"]),
    (called(family="RIVERA"), ["Rivera"]),
    (called(family="Riv*"), ["Rivera"]),
    (called(family="Riv"), []),
    (called("Lena", family="Rivera"), ["Rivera"]),
    (called("Lena", "Maria"), ["Rivera"]),
    (called("Le*"), ["Rivera"]),
    (called("Maria"), []),
    (called(family="Müller"), ["Müller"]),
    (called(family="Muller"), ["Müller"]),
    (called(family="Mueller"), []),
    (called(family="Mueller", fuzzy=True), ["Müller"]),
    (called("Otto", family="Muler", fuzzy=True), ["Müller"]),
    (called(family="Riv", fuzzy=True), ["Rivera"]),
    (DemographicsQuery(birth=born("19840317")), ["Rivera"]),
    (DemographicsQuery(birth=born("1984")), ["Rivera"]),
    (DemographicsQuery(birth=born("198403")), ["Rivera"]),
    (DemographicsQuery(birth=born("19840318")), []),
    (DemographicsQuery(birth=born("19510101", "1951")), ["Müller"]),
    (DemographicsQuery(birth=born("1950", "1984")), ["Rivera", "Müller"]),
    (called(family="Rivera", birth=born("19510902")), []),
    (called(family="Rivera", sex=of_sex("F")), ["Rivera"]),
    (called(family="Rivera", sex=of_sex("M")), []),
    (DemographicsQuery(telecoms=(TelecomCriterion("w", "+1 (413) 555-0187"),)), ["Rivera"]),
    (DemographicsQuery(telecoms=(TelecomCriterion("w", "413 555 0188"),)), []),
    (DemographicsQuery(addresses=(AddressCriterion("w", Address(city="Springfield")),)), ["Rivera"]),
    (DemographicsQuery(addresses=(AddressCriterion("w", Address(postcode="506*")),)), ["Müller"]),
    (DemographicsQuery(addresses=(AddressCriterion("w", Address(("12 Elm Street",), "springfield")),)), ["Rivera"]),
    (DemographicsQuery(addresses=(AddressCriterion("w", Address(("13 Elm Street",), "Springfield")),)), []),
    (called(family="Rivera", addresses=(AddressCriterion("w", Address(city="Springfield")),)), ["Rivera"]),
    (called(family="Rivera", addresses=(AddressCriterion("w", Address(city="Köln")),)), []),
    (DemographicsQuery(identifiers=(sent(an_id("L5", LAB)),)), ["Rivera"]),
    (DemographicsQuery(identifiers=(sent(an_id("404", LAB)),)), []),
    (DemographicsQuery(identifiers=(sent(an_id("1", NOBODY)),)), []),
    (DemographicsQuery(identifiers=(sent(an_id("1")), sent(an_id("2")))), ["Rivera", "Müller"]),
    (DemographicsQuery(identifiers=(sent(an_id("1")), sent(an_id("2"))), every_identifier=True), []),
    (DemographicsQuery(identifiers=(sent(an_id("1")), sent(an_id("9", CLINIC))), every_identifier=True), ["Rivera"]),
    (called(family="Müller", identifiers=(sent(an_id("1")),)), []),
]


def test_a_person_is_found_by_what_is_asked_and_by_nothing_less(index: PatientIndex) -> None:
    found = [(query, shown(index.search(query))) for query, _ in FITTING]

    assert [case for case in found if case not in FITTING] == []


def test_a_person_is_shown_once_with_every_identifier(index: PatientIndex) -> None:
    (hit,) = index.search(called(family="Rivera")).hits

    assert [i.authority for i in hit.identifiers] == [XAD, HOSPITAL, CLINIC, LAB]
    assert hit.confidence == 100


def test_former_names_addresses_and_telephones_find_a_person(index: PatientIndex) -> None:
    moved = replace(
        LENA,
        names=(HumanName("Berger", ("Lena", "Maria"), use="L"), HumanName("Rivera", ("Lena",), use="M")),
        addresses=(Address(("1 New Road",), "Boston", "MA", "02101"),),
        telecoms=(Telecom("617-555-0133"),),
    )
    index.feed(an_update(an_id("L5", LAB), demographics=moved))

    for query in (
        called(family="Berger"),
        called(family="Rivera"),
        DemographicsQuery(addresses=(AddressCriterion("w", Address(city="Boston")),)),
        DemographicsQuery(addresses=(AddressCriterion("w", Address(city="Springfield")),)),
        DemographicsQuery(telecoms=(TelecomCriterion("w", "617 555 0133"),)),
        called(family="Berger", telecoms=(TelecomCriterion("w", "413 555 0187"),)),
    ):
        assert index.search(query).total == 1


def test_mother_and_account_can_be_asked_for(index: PatientIndex) -> None:
    child = Demographics(
        names=(HumanName("Rivera", ("Tim",)),), mother_name=HumanName("Costa", ("Ana",)), account=an_id("ACC1", LAB)
    )
    index.feed(an_update(an_id("3"), demographics=child))

    mother = (NameCriterion("w", "Costa"),)
    assert index.search(DemographicsQuery(mothers=mother)).total == 1
    assert index.search(called(family="Rivera", mothers=mother)).total == 1
    assert index.search(DemographicsQuery(accounts=(sent(an_id("ACC1", LAB)),))).total == 1
    assert index.search(DemographicsQuery(accounts=(sent(an_id("ACC2", LAB)),))).total == 0


def test_the_best_come_first_and_the_least_degree_is_kept(index: PatientIndex) -> None:
    index.feed(an_update(an_id("4"), demographics=replace(OTTO, names=(HumanName("Möller", ("Otto",)),), birth=Dtm("19330303"))))

    loose = index.search(called(family="Müller", fuzzy=True))
    strict = index.search(called(family="Müller", fuzzy=True, minimum_degree=95))

    assert shown(loose) == ["Müller", "Möller"]
    assert [h.confidence for h in loose.hits] == sorted((h.confidence or 0 for h in loose.hits), reverse=True)
    assert shown(strict) == ["Müller"]


# --- PDQ: wanted authorities ---------------------------------------------------------------------------------------------------


def test_only_identifiers_of_wanted_authorities_are_disclosed(index: PatientIndex) -> None:
    page = index.search(DemographicsQuery(birth=born("1950", "1990"), wanted=wanting(LAB)))

    assert [h.identifiers for h in page.hits] == [(an_id("L5", LAB),)]


def test_a_person_without_a_wanted_identifier_is_shown_as_lacking_it_where_the_language_says_so(index: PatientIndex) -> None:
    query = DemographicsQuery(birth=born("1950", "1990"), wanted=wanting(LAB, CLINIC))

    page = index.search(query, keep_lacking=True)

    assert [(h.identifiers, h.lacking) for h in page.hits] == [
        ((an_id("9", CLINIC), an_id("L5", LAB)), ()),
        ((), (LAB, CLINIC)),
    ]


def test_every_unknown_wanted_authority_is_named(index: PatientIndex) -> None:
    error = refusal(lambda: index.search(called(family="Rivera", wanted=wanting(NOBODY, LAB, AssigningAuthority("X")))))

    assert [(v.condition, v.where) for v in error.violations] == [
        (Condition.AUTHORITY_UNKNOWN, "QPD-8[1]"),
        (Condition.AUTHORITY_UNKNOWN, "QPD-8[3]"),
    ]


# --- PDQ: too much -----------------------------------------------------------------------------------------------------------


def crowd(index: PatientIndex, size: int) -> None:
    """Different people of one family name."""
    for n in range(size):
        person = Demographics(names=(HumanName("Crowd", (f"Given{chr(65 + n)}",)),), sex="F", birth=Dtm(f"19{50 + n}0101"))
        index.feed(an_update(an_id(f"C{n:02}"), demographics=person))


@pytest.mark.parametrize(
    "query",
    [
        called(family="C*"),
        DemographicsQuery(sex=of_sex("F")),
        DemographicsQuery(addresses=(AddressCriterion("w", Address(state="MA")),)),
    ],
)
def test_a_description_that_narrows_nothing_down_is_refused(index: PatientIndex, query: DemographicsQuery) -> None:
    assert refusal(lambda: index.search(query)).condition is Condition.TOO_MANY_RESULTS


def test_a_description_that_fits_too_many_is_refused(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database, settings=MpiSettings(hits=3))
    crowd(index, 4)

    error = refusal(lambda: index.search(called(family="Crowd")))

    assert (error.condition, error.violations[0].where) == (Condition.TOO_MANY_RESULTS, "QPD-3[1]")
    assert index.search(called(family="Crowd", birth=born("1950", "1952"))).total == 3


# --- PDQ: page by page -------------------------------------------------------------------------------------------------------


def pages(index: PatientIndex, size: int) -> list[DemographicsPage]:
    """Every page of a question for everybody called Crowd."""
    query = called(family="Crowd", limit=size)
    found = [index.search(query)]
    while found[-1].pointer:
        found.append(index.search(replace(query, continuation=found[-1].pointer)))
    return found


def test_an_answer_is_given_page_by_page_each_person_once(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    crowd(index, 5)

    found = pages(index, 2)

    assert [(len(p.hits), p.total, p.remaining) for p in found] == [(2, 5, 3), (2, 5, 1), (1, 5, 0)]
    assert len({h.identifiers for p in found for h in p.hits}) == 5


def test_a_page_can_be_asked_for_again(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    crowd(index, 5)
    query = called(family="Crowd", limit=2)
    first = index.search(query)

    once, twice = (index.search(replace(query, continuation=first.pointer)) for _ in range(2))

    assert once == twice


def test_new_patients_do_not_disturb_an_answer_that_goes_on(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    crowd(index, 3)
    query = called(family="Crowd", limit=2)
    first = index.search(query)

    index.feed(an_update(an_id("new"), demographics=Demographics(names=(HumanName("Crowd", ("Aaa",)),), sex="F")))
    second = index.search(replace(query, continuation=first.pointer))

    assert (second.total, second.remaining, len(second.hits)) == (3, 0, 1)


@pytest.mark.parametrize("pointer", ["nonsense", "nonsense.2", ".2", "", "{}.-1", "{}.x", "{}.9999999999"])
def test_an_unknown_pointer_is_refused(make_database: MakeDatabase, pointer: str) -> None:
    index = a_patient_index(make_database)
    crowd(index, 3)
    query = called(family="Crowd", limit=2)
    real = index.search(query).pointer.partition(".")[0]

    error = refusal(lambda: index.search(replace(query, continuation=pointer.format(real) or " ")))

    assert (error.condition, error.violations[0].where) == (Condition.CONTINUATION_UNKNOWN, "DSC-1")


def test_a_pointer_is_good_for_the_system_and_the_query_it_was_given_to(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    crowd(index, 3)
    query = called(family="Crowd", limit=2)
    following = replace(query, continuation=index.search(query).pointer)

    for act in (
        lambda: index.search(following, source="somebody|else"),
        lambda: index.search(replace(following, tag="another")),
    ):
        assert refusal(act).condition is Condition.CONTINUATION_UNKNOWN


def test_a_pointer_expires(make_database: MakeDatabase, clock: TickingClock) -> None:
    index = a_patient_index(make_database, settings=MpiSettings(continuation_seconds=60))
    crowd(index, 3)
    query = called(family="Crowd", limit=2)
    following = replace(query, continuation=index.search(query).pointer)

    for _ in range(60):
        clock()

    assert refusal(lambda: index.search(following)).condition is Condition.CONTINUATION_UNKNOWN


def test_a_system_has_so_many_open_answers_and_the_oldest_is_forgotten(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database, settings=MpiSettings(continuations=2))
    crowd(index, 3)
    queries = [called(family="Crowd", limit=2, tag=f"T{n}") for n in range(3)]
    first, second, third = (replace(q, continuation=index.search(q).pointer) for q in queries)

    assert refusal(lambda: index.search(first)).condition is Condition.CONTINUATION_UNKNOWN
    assert index.search(second).remaining == index.search(third).remaining == 0


def test_an_answer_that_was_cancelled_does_not_go_on(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    crowd(index, 3)
    subject = a_subject(source="C|PDQ")
    query = called(family="Crowd", limit=2)
    following = replace(query, continuation=index.search(query).pointer)

    assert index.queries.cancel("T1", subject)
    assert not index.queries.cancel("T1", subject)
    assert refusal(lambda: index.search(following)).condition is Condition.CONTINUATION_UNKNOWN


def test_pages_can_be_asked_for_by_the_query_alone(make_database: MakeDatabase) -> None:
    index = a_patient_index(make_database)
    crowd(index, 5)
    subject = a_subject(source="C|PDQ")
    index.search(called(family="Crowd", limit=2, tag="1.2^q"))

    second = index.queries.more("1.2^q", None, 2, subject, V3)
    third = index.queries.more("1.2^q", None, 2, subject, V3)
    again = index.queries.more("1.2^q", 2, 3, subject, V3)

    assert (len(second.page.hits), second.page.remaining, second.question) == (2, 1, b"<q/>")
    assert (len(third.page.hits), third.page.remaining) == (1, 0)
    assert again.page.hits[1:] == second.page.hits
    error = refusal(lambda: index.queries.more("other", None, 2, subject, V2))
    assert error.condition is Condition.CONTINUATION_UNKNOWN


@pytest.fixture
def narrow(make_database: MakeDatabase) -> PatientIndex:
    """An index in which `C|PDQ` sees the hospital alone; Lena is known to the hospital and the clinic, Otto to the clinic alone."""
    listed = [{"application": "PDQ", "facility": "C", "authorities": ["HOSP_A"]}]
    index = a_patient_index(make_database, affinity=an_affinity_domain(consumers=listed))
    index.feed(an_update(an_id("1"), an_id("9", CLINIC), demographics=LENA))
    index.feed(an_update(an_id("8", CLINIC), demographics=OTTO))
    return index


def test_an_answer_holds_no_identifier_that_the_consumer_may_not_see(narrow: PatientIndex) -> None:
    assert narrow.pix(an_id("1"), source="C|PDQ") == []
    assert {i.authority for i in narrow.pix(an_id("1"))} == {XAD, CLINIC}


@pytest.mark.parametrize("asked", [(an_id("9", CLINIC), ()), (an_id("1"), (CLINIC,))])
def test_an_authority_that_the_consumer_may_not_see_is_unknown_to_it(
    narrow: PatientIndex, asked: tuple[PatientId, tuple[AssigningAuthority, ...]]
) -> None:
    with pytest.raises(Rejected) as raised:
        narrow.pix(asked[0], *asked[1], source="C|PDQ")

    assert raised.value.condition is Condition.AUTHORITY_UNKNOWN


@pytest.mark.parametrize("keep_lacking", [True, False])
def test_a_search_shows_those_of_whom_the_consumer_may_see_something(narrow: PatientIndex, keep_lacking: bool) -> None:
    def ids(family: str, source: str) -> list[list[str]]:
        query = DemographicsQuery(names=(NameCriterion("", family),))
        page = narrow.search(query, source=source, keep_lacking=keep_lacking)
        return [[i.id for i in hit.identifiers] for hit in page.hits]

    assert ids("Rivera", "C|PDQ") == [["1"]]
    assert ids("Müller", "C|PDQ") == []
    assert len(ids("Müller", "D|PDQ")) == 1


def test_the_next_page_shows_no_more_than_the_first(narrow: PatientIndex) -> None:
    narrow.feed(an_update(an_id("3"), an_id("7", CLINIC), demographics=LENA))
    query = DemographicsQuery(names=(NameCriterion("", "Rivera"),), limit=1, tag="T")

    first = narrow.search(query, source="C|PDQ")
    second = narrow.search(replace(query, continuation=first.pointer), source="C|PDQ")

    assert sorted(i.id for page in (first, second) for hit in page.hits for i in hit.identifiers) == ["1", "3"]
