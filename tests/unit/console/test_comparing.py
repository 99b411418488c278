"""Records side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.comparing import COLUMNS, Comparison, Standing, comparison, marked_lines
from kernel.demographics import Address, Demographics, Telecom
from kernel.times import Dtm
from mpi.linkage.weights import Explanation, Part
from mpi.model import GoldenRecord, Link, LinkKind, PatientRecord, Person, Review, ReviewReason, ReviewState
from mpi.viewing import PersonView, ReviewView
from tests.support.patients import CLINIC, HOSPITAL, LENA, OTTO, an_id


def a_record(number: int, person: int, demographics: Demographics = LENA) -> PatientRecord:
    """A record of somebody."""
    return PatientRecord(number, 1, f"A{number}", "A|ADT", person, demographics, updated_at=number)


def a_person(*records: PatientRecord) -> PersonView:
    """A person with these records."""
    person = records[0].person
    ids = {r.id: (an_id(r.local_id, HOSPITAL if r.person == 1 else CLINIC),) for r in records}
    links = tuple(Link(r.id, LinkKind.INITIAL) for r in records)
    return PersonView(Person(person, f"X{person}", records), links, GoldenRecord(LENA), tuple(i for (i,) in ids.values()), ids)


def a_view(ours: PersonView, theirs: PersonView, *parts: Part) -> ReviewView:
    """A review of the first record of one person against another person."""
    record = ours.person.members[0]
    review = Review(7, record.id, theirs.person.id, ReviewReason.MAYBE_SAME, "", 3.0, "", ReviewState.OPEN, 0)
    weight = sum(part.weight + part.frequency for part in parts)
    explanation = Explanation("m-1", "twin", parts, weight, (), 6.0, 0.0) if parts else None
    return ReviewView(review, record, ours, theirs, explanation, ours.person.affinity_id)


def compared(one: Demographics, other: Demographics, *parts: Part) -> Comparison:
    """Two lonely records."""
    return comparison(a_view(a_person(a_record(1, 1, one)), a_person(a_record(2, 2, other)), *parts))


def standing(table: Comparison) -> dict[str, Standing]:
    """How each row stands."""
    return {row.label: row.standing for row in table.rows}


def shown(text: str, *others: str) -> str:
    """A value with what is marked in brackets."""
    (line,) = marked_lines([text], others)
    return "".join(f"[{segment.text}]" if segment.differs else segment.text for segment in line)


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ("Rivera", "RIVERA", "Rivera"),
        ("Lindqvist", "Lindquist", "Lindq[v]ist"),
        ("Anna Maria", "Anna M", "Anna M[aria]"),
        ("Anna M", "Anna Maria", "Anna M"),
        ("Okafor-Lindqvist", "Lindqvist", "[Okafor]-Lindqvist"),
        ("207-555-0144", "(207) 555 0145", "207-555-014[4]"),
        ("1984-03-17", "1951-09-02", "[1984-03-17]"),
        ("Müller", "Muller", "M[ü]ller"),
        ("STRASSE", "Straße", "STRA[SS]E"),
    ],
)
def test_letters_that_differ_are_marked(own: str, other: str, expected: str) -> None:
    assert shown(own, other) == expected


def test_nothing_is_marked_where_the_other_side_says_nothing() -> None:
    assert shown("Rivera") == "Rivera"


def test_a_value_is_compared_with_the_one_most_like_it_and_no_two_with_one() -> None:
    own = ["7 Harbour Lane, Northfield", "12 Mill Road, Hartwell"]

    first, second = marked_lines(own, ["7 Harbor Lane, Northfield"])

    assert [segment.text for segment in first if segment.differs] == ["u"]
    assert [segment.differs for segment in second] == [True]


@given(own=st.lists(st.text(max_size=30), max_size=4), others=st.lists(st.text(max_size=30), max_size=4))
def test_marking_keeps_every_character(own: list[str], others: list[str]) -> None:
    lines = marked_lines(own, others)

    assert ["".join(segment.text for segment in line) for line in lines] == own


@given(values=st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=4, unique=True))
def test_what_is_the_same_is_never_marked(values: list[str]) -> None:
    lines = marked_lines(values, values)

    assert not any(segment.differs and any(map(str.isalnum, segment.text)) for line in lines for segment in line)


def test_rows_tell_how_the_values_stand() -> None:
    other = replace(LENA, sex="", birth=Dtm("19840318"), telecoms=(*LENA.telecoms, Telecom("413-555-9999")))

    found = standing(compared(LENA, other))

    assert found["Family name"] is Standing.SAME
    assert found["Date of birth"] is Standing.DIFFERS
    assert found["Sex"] is Standing.ONE_SIDED
    assert found["Telephone"] is Standing.OVERLAP


def test_what_nobody_says_has_no_row() -> None:
    assert "Mother" not in standing(compared(LENA, LENA))


def test_a_row_carries_the_words_and_weights_of_linkage() -> None:
    parts = (Part("given", "nickname", 3.0, -0.5), Part("middle", "initial", 1.0), Part("family", "missing", 0.0))

    rows = {row.label: row for row in compared(LENA, LENA, *parts).rows}

    assert rows["Given names"].words == "given: a short or pet form of the same name; middle: only an initial, and it fits"
    assert rows["Given names"].weight == 3.5
    assert rows["Family name"].weight is None
    assert rows["Family name"].words == "the same"


def test_the_record_asked_about_stands_first_and_sides_stay_together() -> None:
    ours = a_person(*(a_record(n, 1) for n in (1, 3)))
    theirs = a_person(*(a_record(n, 2) for n in (2, 4)))

    table = comparison(a_view(ours, theirs))

    assert [(c.side, c.record.id) for c in table.columns] == [(0, 1), (0, 3), (1, 4), (1, 2)]
    assert (table.width_of(0), table.width_of(1), table.left_out) == (2, 2, (0, 0))


def test_of_the_other_person_the_record_most_like_ours_comes_first_and_is_the_one_compared() -> None:
    alike, latest = a_record(2, 2, replace(LENA, telecoms=())), a_record(4, 2, OTTO)

    table = comparison(a_view(a_person(a_record(1, 1)), a_person(alike, latest)))

    assert [c.record.id for c in table.columns] == [1, 2, 4]
    assert standing(table)["Family name"] is Standing.SAME


def test_codes_are_marked_as_a_whole() -> None:
    (sex,) = (row for row in compared(LENA, replace(LENA, sex="M")).rows if row.label == "Sex")

    assert [[(s.text, s.differs) for s in line] for cell in sex.cells for line in cell] == [[("female", True)], [("male", True)]]


@pytest.mark.parametrize(("ours", "theirs"), [(1, 1), (1, 9), (9, 1), (9, 9), (2, 3)])
def test_there_is_room_for_both_sides_and_what_is_left_out_is_counted(ours: int, theirs: int) -> None:
    one = a_person(*(a_record(n, 1) for n in range(1, ours + 1)))
    other = a_person(*(a_record(n + 100, 2) for n in range(1, theirs + 1)))

    table = comparison(a_view(one, other))

    shown_ours, shown_theirs = table.width_of(0), table.width_of(1)
    assert shown_ours >= 1
    assert shown_theirs >= 1
    assert shown_ours + shown_theirs == min(COLUMNS, ours + theirs)
    assert table.left_out == (ours - shown_ours, theirs - shown_theirs)


def test_a_person_with_endless_addresses_is_cut_short() -> None:
    many = replace(LENA, addresses=tuple(Address((f"{n} Elm Street",)) for n in range(100)))

    rows = {row.label: row for row in compared(many, LENA).rows}

    assert len(rows["Address"].cells[0]) == 8
