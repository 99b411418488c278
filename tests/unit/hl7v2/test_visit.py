"""PV1 to a visit and back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hl7v2.er7 import Message, Writer, parse
from hl7v2.visit import REPETITIONS, TEXT, read_visit, write_pv1
from kernel.errors import Condition
from kernel.findings import Findings
from kernel.visit import FIELDS, Visit
from tests.support.hl7 import er7, msh


def with_pv1(*fields: str) -> Message:
    """An ADT message with such a PV1."""
    return parse(er7(msh("ADT^A01^ADT_A01", "2.3.1"), "|".join(("PV1", *fields))))


def read(*fields: str) -> Visit | None:
    """Without a finding."""
    findings = Findings(lenient=False)
    visit = read_visit(with_pv1(*fields), findings)
    assert findings.warnings() == ()
    return visit


def test_fields_are_read_with_all_their_parts() -> None:
    visit = read("1", "I", "WARD^12^A^HOSP&2.999.1.1&ISO", "", "", "", "D1^Welby^Marcus~D2")

    assert visit is not None
    assert visit.value(3, 4, 2) == "2.999.1.1"
    assert visit.values(7) == ("D1", "D2")
    assert visit.value(2) == "I"


def test_what_says_nothing_of_a_visit_is_none() -> None:
    assert read("1", "O") is None
    assert read() is None
    assert read_visit(parse(er7(msh("ADT^A01^ADT_A01", "2.3.1"))), Findings(lenient=False)) is None


def test_a_field_that_is_deleted_is_spoken_of() -> None:
    visit = read("", "I", '""')

    assert visit is not None
    assert visit.fields[3] == ()


def test_a_time_that_is_none_is_passed_over_with_a_warning() -> None:
    findings = Findings(lenient=False)

    visit = read_visit(with_pv1(*[""] * 2, "WARD", *[""] * 40, "yesterday"), findings)

    assert visit is not None
    assert 44 not in visit.fields
    assert [(w.condition, w.where) for w in findings.warnings()] == [(Condition.FIELD_INVALID, "PV1-44")]


def test_what_is_kept_is_bounded() -> None:
    visit = read("", "I", "W" * (TEXT + 50), "", "", "", "~".join(f"D{n}" for n in range(REPETITIONS + 5)))

    assert visit is not None
    assert len(visit.value(3)) == TEXT
    assert len(visit.fields[7]) == REPETITIONS


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(
    lambda t: t.strip() == t != '""'
)
fields = st.lists(
    st.lists(st.lists(texts, min_size=1, max_size=3).map(tuple), min_size=1, max_size=4).map(tuple), min_size=1, max_size=3
)


@given(st.dictionaries(st.sampled_from([n for n in FIELDS if n not in (44, 45)]), fields.map(tuple), min_size=1))
def test_what_is_written_is_read_again(values: dict[int, tuple[tuple[tuple[str, ...], ...], ...]]) -> None:
    visit = Visit({3: ((("WARD",),),), **values})
    line = write_pv1(Writer(), visit, set_id=1)

    again = read_visit(parse(er7(msh("ADT^A01^ADT_A01", "2.3.1") + "||||||UNICODE UTF-8", line)), Findings(lenient=False))

    assert again is not None
    assert {**again.fields, 2: None} == {**visit.fields, 2: None}


def test_a_class_that_nobody_said_is_unknown() -> None:
    assert write_pv1(Writer(), Visit({3: ((("WARD",),),)}), set_id=2) == "PV1|2|U|WARD"
