"""hl7v2.patient"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hl7v2.er7 import Message, Segment, Writer, parse
from hl7v2.patient import read_link_change, read_merge, read_pair, read_update, write_pid
from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.errors import Condition, Rejected, Severity, Violation
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.patient_update import LinkChange, PatientUpdate
from kernel.times import Dtm
from tests.support.hl7 import HOSP, LAB, PID, adt, er7, msh, patient_id

FULL = (
    "PID|1||4711^^^HOSP&2.999.1.1&ISO^PI~L-09^^^LAB&2.999.1.2&ISO||Rivera^Lena^M^^Dr^^L~Lopez^Lena^^^^^M"
    "|Lopez^Ana|19840317|F||2106-3|12 Elm St^^Town^ST^01101^US^H||555^PRN^PH~^NET^Internet^l@example.org|556^WPN^PH"
    "|es|M|CAT|ACC1^^^HOSP&2.999.1.1&ISO|123-45-6789|DL99^ST|M-1^^^HOSP&2.999.1.1&ISO|H|Town Hospital|Y|2|US|||20200102|N"
)


def update(pid: str = PID, *more: str, lenient: bool = False) -> PatientUpdate:
    return read_update(parse(adt("A04", *more, pid=pid)), lenient=lenient)


def refusal(read: Callable[[Message], object], raw: bytes) -> tuple[Violation, ...]:
    with pytest.raises(Rejected) as refused:
        read(parse(raw))
    return refused.value.violations


def pid_with(number: int, text: str) -> str:
    fields = PID.split("|")
    fields += [""] * (number + 1 - len(fields))
    fields[number] = text
    return "|".join(fields)


def test_every_field_of_the_profile_is_read() -> None:
    found = update(FULL)

    assert found.patient_ids == (PatientId("4711", HOSP, "PI"), PatientId("L-09", LAB))
    assert found.demographics == Demographics(
        names=(HumanName("Rivera", ("Lena", "M"), "Dr", "", "L"), HumanName("Lopez", ("Lena",), use="M")),
        sex="F",
        birth=Dtm("19840317"),
        addresses=(Address(("12 Elm St",), "Town", "ST", "01101", "US", "", "H"),),
        telecoms=(Telecom("555", "PH", "PRN"), Telecom("l@example.org", "Internet", "NET"), Telecom("556", "PH", "WPN")),
        mother_name=HumanName("Lopez", ("Ana",)),
        mother_ids=(PatientId("M-1", HOSP),),
        multiple_birth=True,
        birth_order=2,
        deceased=False,
        death=Dtm("20200102"),
        account=PatientId("ACC1", HOSP),
        national_id="123-45-6789",
        driver_licence="DL99",
        marital_status="M",
        race="2106-3",
        religion="CAT",
        language="es",
        nationality="US",
        ethnicity="H",
        birth_place="Town Hospital",
    )
    assert found.warnings == ()


def test_identifiers_know_where_they_stood() -> None:
    found = update(pid_with(3, '""^^^HOSP~1^^^HOSP~~2^^^LAB'))

    assert [(i.patient_id.id, i.where, i.authority_where) for i in found.identifiers] == [
        ("1", "PID-3[2].1", "PID-3[2].4"),
        ("2", "PID-3[4].1", "PID-3[4].4"),
    ]


def test_an_identifier_sent_twice_is_one() -> None:
    assert len(update(pid_with(3, "1^^^HOSP~1^^^HOSP")).identifiers) == 1


def test_a_feed_says_when_it_was_recorded() -> None:
    assert update().recorded == Dtm("20261122101500")


def test_an_empty_field_is_not_spoken_of_and_keeps_what_is_stored() -> None:
    stored = Demographics(sex="M", marital_status="M", telecoms=(Telecom("1"),))

    assert update().applied_to(stored) == Demographics(
        names=(HumanName("Rivera", ("Lena", "M")),),
        sex="F",
        birth=Dtm("19840317"),
        marital_status="M",
        telecoms=(Telecom("1"),),
    )


@pytest.mark.parametrize(
    ("number", "part"),
    [(5, "names"), (6, "mother_name"), (7, "birth"), (8, "sex"), (11, "addresses"), (13, "home_telecoms"), (18, "account"),
     (19, "national_id"), (21, "mother_ids"), (24, "multiple_birth"), (25, "birth_order"), (29, "death"), (30, "deceased")],
)  # fmt: skip
def test_a_null_field_deletes_what_is_stored(number: int, part: str) -> None:
    found = update(pid_with(number, '""'))

    assert part in found.spoken
    assert not getattr(found.demographics, part.removeprefix("home_"))


def test_a_home_number_leaves_the_business_numbers_as_they_were() -> None:
    stored = Demographics(telecoms=(Telecom("1", "PH", "PRN"), Telecom("2", "PH", "WPN")))

    found = update(pid_with(13, "3^PRN^PH"))

    assert found.applied_to(stored).telecoms == (Telecom("3", "PH", "PRN"), Telecom("2", "PH", "WPN"))


@pytest.mark.parametrize(
    ("number", "text", "part"),
    [
        (5, "~^^^^^^S", "names"),
        (5, " ", "names"),
        (11, "^^^^^^H", "addresses"),
        (13, "^PRN^PH", "home_telecoms"),
        (6, "^^^^^^M", "mother_name"),
        (16, "^^HL70002", "marital_status"),
    ],
)
def test_a_field_that_holds_nothing_of_use_is_not_spoken_of(number: int, text: str, part: str) -> None:
    found = update(pid_with(number, text), lenient=True)

    assert part not in found.spoken


def test_the_mother_may_stand_in_nk1() -> None:
    mother = "NK1|1|Lopez^Ana|MTH^Mother" + "|" * 30 + "M-1^^^HOSP&2.999.1.1&ISO"

    found = update(PID, "NK1|1|Rivera^Jose|FTH", mother)

    assert found.demographics.mother_name == HumanName("Lopez", ("Ana",))
    assert found.demographics.mother_ids == (patient_id("M-1"),)
    assert {"mother_name", "mother_ids"} <= found.spoken


def test_pid_has_precedence_over_nk1_for_the_mother() -> None:
    found = update(pid_with(6, "Garcia"), "NK1|1|Lopez^Ana|MTH")

    assert found.demographics.mother_name == HumanName("Garcia")


@pytest.mark.parametrize("text", ["1984", "198403", "19840317", "198403171530", "19840317153012.123-0500", "19840317+0100"])
def test_a_birth_date_keeps_its_precision_and_zone(text: str) -> None:
    assert update(pid_with(7, text)).demographics.birth == Dtm(text)


@pytest.mark.parametrize(
    ("number", "text", "condition", "where"),
    [
        (7, "1984-03-17", Condition.FIELD_INVALID, "PID-7"),
        (7, "19840231", Condition.FIELD_INVALID, "PID-7"),
        (8, "X", Condition.VALUE_UNKNOWN, "PID-8"),
        (24, "maybe", Condition.VALUE_UNKNOWN, "PID-24"),
        (25, "-1", Condition.FIELD_INVALID, "PID-25"),
        (25, "100", Condition.FIELD_INVALID, "PID-25"),
        (25, "２", Condition.FIELD_INVALID, "PID-25"),
        (30, "J", Condition.VALUE_UNKNOWN, "PID-30"),
        (5, "", Condition.FIELD_MISSING, "PID-5"),
        (3, "^^^HOSP~1^^^HOSP", Condition.FIELD_MISSING, "PID-3[1].1"),
    ],
)
def test_a_bad_field_is_refused_with_its_place_and_tolerated_from_a_lenient_source(
    number: int, text: str, condition: Condition, where: str
) -> None:
    violations = refusal(read_update, adt(pid=pid_with(number, text)))
    tolerated = update(pid_with(number, text), lenient=True)

    assert [(v.condition, v.where) for v in violations] == [(condition, where)]
    assert [(v.condition, v.where, v.severity) for v in tolerated.warnings] == [(condition, where, Severity.WARNING)]


def test_a_tolerated_bad_field_is_not_spoken_of() -> None:
    assert not {"birth", "sex"} & update("PID|||1^^^HOSP||Rivera||unknown|X", lenient=True).spoken


def test_all_faults_are_told_at_once() -> None:
    violations = refusal(read_update, adt(pid="PID|||||Rivera||x|X"))

    assert {v.where for v in violations} == {"PID-3", "PID-7", "PID-8"}


def test_a_nonsense_date_of_death_is_passed_over() -> None:
    found = update(pid_with(29, "00010231"))

    assert found.demographics.death is None
    assert "death" not in found.spoken
    assert [v.where for v in found.warnings] == ["PID-29"]


def test_a_sex_in_small_letters_is_taken() -> None:
    assert update(pid_with(8, "f")).demographics.sex == "F"


def test_violations_hold_nothing_of_the_patient() -> None:
    violations = refusal(read_update, adt(pid="PID|||4711^^^HOSP||Rivera^Lena||17.3.1984|weiblich"))

    assert not any(word in v.detail for v in violations for word in ("1984", "weiblich", "Rivera", "4711"))


@pytest.mark.parametrize(
    ("segments", "where"),
    [((), "PID"), ((PID, PID), "PID[2]")],
)
def test_a_feed_has_one_pid(segments: tuple[str, ...], where: str) -> None:
    raw = er7(msh("ADT^A04"), "EVN|A04|2026", *segments, "PV1||O")

    assert where in {v.where for v in refusal(read_update, raw)}


def test_evn_is_required_but_of_a_lenient_source() -> None:
    raw = er7(msh("ADT^A04"), PID, "PV1||O")

    assert [v.where for v in refusal(read_update, raw)] == ["EVN"]
    assert [v.where for v in read_update(parse(raw), lenient=True).warnings] == ["EVN"]


def test_a_missing_pv1_is_a_warning() -> None:
    found = read_update(parse(er7(msh("ADT^A04"), "EVN|A04|2026", PID)))

    assert [(v.where, v.severity) for v in found.warnings] == [("PV1", Severity.WARNING)]


def test_an_endless_identifier_is_refused() -> None:
    violations = refusal(read_update, adt(pid=pid_with(3, "1" * 256 + "^^^HOSP~2^^^HOSP")))

    assert [v.where for v in violations] == ["PID-3[1].1"]


def test_a_merge_names_survivor_and_subsumed() -> None:
    merge = read_merge(parse(adt("A40", "MRG|4699^^^HOSP&2.999.1.1&ISO")))

    assert (merge.survivor.patient_id, merge.survivor.where) == (patient_id("4711"), "PID-3[1].1")
    assert (merge.subsumed.patient_id, merge.subsumed.where) == (patient_id("4699"), "MRG-1[1].1")


@pytest.mark.parametrize("mrg", ["L-1^^^LAB&2.999.1.2&ISO", "L-1^^^&2.999.1.2&ISO", "L-1^^^LAB"])
def test_the_survivor_is_the_identifier_of_the_same_authority_as_the_subsumed(mrg: str) -> None:
    pid = "PID|||4711^^^HOSP&2.999.1.1&ISO~L-2^^^LAB&2.999.1.2&ISO||Rivera"

    merge = read_merge(parse(adt("A40", f"MRG|{mrg}", pid=pid)))

    assert merge.survivor.patient_id == patient_id("L-2", LAB)


@pytest.mark.parametrize(
    ("more", "where"),
    [((), "MRG"), (("MRG|",), "MRG-1"), (("MRG|1^^^A~2^^^A",), "MRG-1[2]"), (("MRG|1^^^A", PID, "MRG|2^^^A"), "MRG[2]")],
)
def test_a_merge_has_one_pair(more: tuple[str, ...], where: str) -> None:
    assert where in {v.where for v in refusal(read_merge, adt("A40", *more))}


def test_a_merge_needs_no_name() -> None:
    assert read_merge(parse(adt("A40", "MRG|2^^^HOSP", pid="PID|||1^^^HOSP"))).update.spoken == frozenset()


def test_a_link_has_two_patients() -> None:
    raw = er7(msh("ADT^A24", "2.5"), "EVN||2026", "PID|||1^^^HOSP", "PV1||N", "PID|||2^^^LAB")

    first, second = read_pair(parse(raw))

    assert (first.patient_id.id, first.where) == ("1", "PID-3[1].1")
    assert (second.patient_id.id, second.where, second.authority_where) == ("2", "PID[2]-3[1].1", "PID[2]-3[1].4")


@pytest.mark.parametrize(("segments", "where"), [(("PID|||1",), "PID[2]"), (("PID|||1", "PID|||"), "PID[2]-3")])
def test_a_link_without_two_patients_is_refused(segments: tuple[str, ...], where: str) -> None:
    assert where in {v.where for v in refusal(read_pair, er7(msh("ADT^A24", "2.5"), *segments))}


def test_a_link_change_names_old_and_new_domain_identifier() -> None:
    raw = er7(
        msh("ADT^A43^ADT_A43", "2.5"),
        "EVN||2026",
        "PID|||NEW^^^&2.999.5&ISO~4711^^^&2.999.1.1&ISO|| ",
        "MRG|OLD^^^&2.999.5&ISO~4699^^^&2.999.1.1&ISO",
    )

    change = read_link_change(parse(raw))

    assert isinstance(change, LinkChange)
    ids = [i.patient_id.id for i in (change.current, change.local, change.previous)]
    assert ids == ["NEW", "4711", "OLD"]
    assert change.subsumed is not None
    assert change.subsumed.patient_id.id == "4699"


def test_a_link_change_without_local_identifier_is_refused() -> None:
    raw = er7(msh("ADT^A43^ADT_A43", "2.5"), "PID|||NEW^^^X", "MRG|OLD^^^X")

    assert "PID-3[2]" in {v.where for v in refusal(read_link_change, raw)}


def test_a_pid_is_written_as_it_is_read() -> None:
    found = update(FULL)

    text = write_pid(Writer(), found.patient_ids, found.demographics, set_id=1)

    # the state of the driver's licence is not kept
    assert text == FULL.replace("DL99^ST", "DL99")


def test_a_pid_without_name_has_what_the_profile_puts_there() -> None:
    writer = Writer()

    text = write_pid(writer, (PatientId("1", AssigningAuthority("A")),), Demographics(), no_name=writer.plain("x"))

    assert Segment("PID", tuple(text.split("|"))).raw(5) == "x"
