"""ITI-8: patients announced, updated and merged, refusals with table 0357 and their places (ITI TF-2 3.8), recorded messages."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.conformance.conftest import NewPatient, Patient
from tests.support import messages as m
from tests.support.checked import CheckedMllpWire
from tests.support.service import Service
from tests.support.shared import sample
from tests.support.v2 import AUTHORITY, Error, admission, birth_of, code, errors, message, pdq, pid, pix, query_status
from tests.support.wire import field


def fresh() -> str:
    """A local identifier that nobody has."""
    return f"F{uuid.uuid4().hex[:12]}"  # noqa: TID251 - a client's own


def family(number: str) -> str:
    """A family name that nobody else has, made of letters."""
    return "Z" + "".join(chr(ord("a") + int(d, 16)) for d in number[1:])


def known_as(mllp: CheckedMllpWire, local_id: str) -> str:
    """PID of the patient as a demographics query shows her."""
    answer = mllp.send(pdq(f"@PID.3.1^{local_id}~@PID.3.4.2^2.999.1.1~@PID.3.4.3^ISO"))
    return next((line for line in answer.split("\r") if line.startswith("PID|")), "")


# what is taken


@pytest.mark.parametrize("version", ["2.3.1", "2.5"])
@pytest.mark.parametrize("event", ["A01", "A04", "A05", "A08"])
def test_each_event_announces_a_patient(mllp: CheckedMllpWire, event: str, version: str) -> None:
    local_id = fresh()

    answer = mllp.send(admission(pid(local_id, name=f"{family(local_id)}^Lena"), event, version=version))

    assert (code(answer), errors(answer)) == ("AA", [])
    assert field(answer, "MSH", 9) == ("ACK" if version == "2.3.1" else f"ACK^{event}^ACK")
    assert field(answer, "MSH", 12) == version
    assert query_status(mllp.send(m.pix_query(local_id))) == "OK"


@pytest.mark.parametrize("kind", ["ADT^A04", "ADT^A04^ADT_A01"])
def test_the_structure_may_be_left_out(mllp: CheckedMllpWire, kind: str) -> None:
    local_id = fresh()

    answer = mllp.send(message(kind, "EVN|A04|20261122101500", pid(local_id, name=f"{family(local_id)}^A"), "PV1||O"))

    assert code(answer) == "AA"


def test_other_segments_are_passed_over(mllp: CheckedMllpWire) -> None:
    local_id = fresh()
    segments = [
        "EVN|A01|20261122101500",
        pid(local_id, name=f"{family(local_id)}^A"),
        "NK1|1|X^Y",
        "PV1||I",
        "OBX|1|ST|Z||1",
        "AL1|1",
    ]

    assert code(mllp.send(message("ADT^A01^ADT_A01", *segments))) == "AA"


def test_an_update_changes_what_it_holds_and_leaves_what_it_does_not(mllp: CheckedMllpWire) -> None:
    local_id = fresh()
    first = pid(local_id, name=f"{family(local_id)}^Lena", rest="F|||12 Elm St^^Springfield^^01101^US||^PRN^PH^^^413^5550100")
    mllp.send(admission(first))

    mllp.send(admission(f'PID|||{local_id}^^^{AUTHORITY}||{family(local_id)}^Helena||||||4 Oak Rd^^Shelby^^01102^US||""', "A08"))

    shown = known_as(mllp, local_id)
    assert "^Helena" in shown
    assert f"|{birth_of(local_id)}|F|" in shown
    assert "4 Oak Rd" in shown
    assert "5550100" not in shown


def test_a_patient_may_have_identifiers_of_several_authorities(mllp: CheckedMllpWire) -> None:
    local_id, other = fresh(), fresh()
    both = f"{local_id}^^^{AUTHORITY}~{other}^^^HOSP_B&2.999.1.2&ISO"

    mllp.send(admission(f"PID|||{both}||{family(local_id)}^A||19500101|M"))

    assert f"{other}^^^HOSP_B&2.999.1.2&ISO" in mllp.send(pix(f"{local_id}^^^{AUTHORITY}"))


@pytest.mark.parametrize(
    ("declared", "codec", "name"),
    [
        ("8859/1", "latin-1", "Größe^Zoë"),
        ("UNICODE UTF-8", "utf-8", "Иванова^Анна"),
        ("8859/2", "iso8859-2", "Żółć^Łucja"),
        ("", "ascii", "Plain^Ann"),
    ],
)
def test_names_are_read_in_the_character_set_that_is_declared(mllp: CheckedMllpWire, declared: str, codec: str, name: str) -> None:
    local_id = fresh()
    text = admission(pid(local_id, name=name), msh=f"||||||{declared}".rstrip("|")).decode().encode(codec)

    assert code(mllp.send(text)) == "AA"
    assert name in known_as_utf8(mllp, local_id)


def known_as_utf8(mllp: CheckedMllpWire, local_id: str) -> str:
    """The patient's PID, asked for in UTF-8."""
    parameters = f"@PID.3.1^{local_id}~@PID.3.4.2^2.999.1.1~@PID.3.4.3^ISO"
    answer = mllp.send(pdq(parameters, msh="||||||UNICODE UTF-8"))
    return next((line for line in answer.split("\r") if line.startswith("PID|")), "")


def test_the_same_message_again_has_the_same_answer_and_no_effect(mllp: CheckedMllpWire) -> None:
    local_id = fresh()
    text = admission(pid(local_id, name=f"{family(local_id)}^A"), control_id=f"R{local_id}")

    first, second = mllp.send(text), mllp.send(text)

    assert (code(first), code(second)) == ("AA", "AA")


def test_another_message_under_a_control_id_that_was_used_is_refused(mllp: CheckedMllpWire) -> None:
    local_id, other = fresh(), fresh()
    mllp.send(admission(pid(local_id, name=f"{family(local_id)}^A"), control_id=f"R{local_id}"))

    answer = mllp.send(admission(pid(other, name=f"{family(other)}^B"), control_id=f"R{local_id}", version="2.3.1"))

    assert [e.code for e in errors(answer)] == ["205"]
    assert query_status(mllp.send(m.pix_query(other))) == "AE"


# merges


def test_a_merge_leaves_the_survivor_alone(mllp: CheckedMllpWire, new_patient: NewPatient) -> None:
    stays, goes = new_patient(), new_patient()

    answer = mllp.send(m.merge(stays.local_id, goes.local_id))

    assert code(answer) == "AA", answer
    assert query_status(mllp.send(m.pix_query(stays.local_id))) == "OK"
    assert errors(mllp.send(pix(f"{goes.local_id}^^^{AUTHORITY}"))) == [Error("QPD^1^3^1^1", "204")]


@pytest.mark.parametrize("case", ["equal", "unknown survivor", "unknown subsumed", "subsumed twice", "survivor subsumed"])
def test_a_merge_that_makes_no_sense_is_refused(mllp: CheckedMllpWire, new_patient: NewPatient, case: str) -> None:
    one, other, third = new_patient().local_id, new_patient().local_id, new_patient().local_id
    if "subsumed" in case.split()[-1] or case == "subsumed twice":
        assert code(mllp.send(m.merge(one, other))) == "AA" or case == "unknown subsumed"
    pairs = {
        "equal": (one, one, "MRG^1^1"),
        "unknown survivor": (fresh(), one, "PID^1^3"),
        "unknown subsumed": (one, fresh(), "MRG^1^1"),
        "subsumed twice": (third, other, "MRG^1^1"),
        "survivor subsumed": (other, third, "PID^1^3"),
    }
    survivor, subsumed, where = pairs[case]

    answer = mllp.send(m.merge(survivor, subsumed))

    assert code(answer) == "AE"
    assert [(e.where, e.code) for e in errors(answer)] == [(where, "204")]


def test_identifiers_of_two_authorities_are_not_merged(mllp: CheckedMllpWire, patient: Patient) -> None:
    mllp.send(admission(pid(f"B{patient.local_id}", authority="HOSP_B&2.999.1.2&ISO", name=f"{patient.family}^{patient.given}")))
    merge = m.merge(patient.local_id, "X").replace(
        b"X^^^" + AUTHORITY.encode(), f"B{patient.local_id}^^^HOSP_B&2.999.1.2&ISO".encode()
    )

    answer = mllp.send(merge)

    assert (code(answer), [e.code for e in errors(answer)]) == ("AE", ["204"])


# what is refused

GOOD = pid("X", name="Refused^Always")
REFUSALS = {
    "no PID": (message("ADT^A04", "EVN|A04|20261122101500", "PV1||O"), "AE", [Error("PID^1", "100")]),
    "no PID-3": (admission("PID|||||Nobody^N"), "AE", [Error("PID^1^3", "101")]),
    "no id in PID-3": (admission(f"PID|||^^^{AUTHORITY}||Nobody^N"), "AE", [Error("PID^1^3", "101"), Error("PID^1^3", "101")]),
    "a birth date that is none": (admission(pid("X", birth="17.3.1984")), "AE", [Error("PID^1^7", "102")]),
    "no merge segment": (message("ADT^A40", "EVN|A40|20261122101500", GOOD), "AE", [Error("MRG^1", "100")]),
    "a type that is not served": (message("SIU^S12", GOOD), "AR", [Error("MSH^1^9", "200")]),
    "an event that is not served": (message("ADT^A60", GOOD), "AR", [Error("MSH^1^9", "201")]),
    "a structure of another event": (message("ADT^A04^ADT_A39", GOOD), "AR", [Error("MSH^1^9", "200")]),
    "no event": (message("ADT", GOOD), "AR", [Error("MSH^1^9", "101")]),
    "no type": (message("", GOOD), "AR", [Error("MSH^1^9", "101")]),
    "a version that is not served": (admission(GOOD, version="2.2"), "AR", [Error("MSH^1^12", "203")]),
    "no version": (admission(GOOD, version=""), "AR", [Error("MSH^1^12", "101")]),
    "a processing id that is none": (admission(GOOD).replace(b"|P|2.3.1", b"|X|2.3.1"), "AR", [Error("MSH^1^11", "202")]),
    "no control id": (admission(GOOD, control_id="X").replace(b"|X|P|", b"||P|"), "AR", [Error("MSH^1^10", "101")]),
    "several things": (
        admission("PID|||||Nobody^N||17.3.1984"),
        "AE",
        [Error("PID^1^3", "101"), Error("PID^1^7", "102")],
    ),
}


def places(found: list[Error]) -> list[Error]:
    """The errors with their places cut to the field, which is as far as HL7 2.3.1 tells."""
    return [Error("^".join(e.where.split("^")[:3]), e.code) for e in found]


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("version", ["2.3.1", "2.5"])
def test_what_is_wrong_is_told_with_its_place(mllp: CheckedMllpWire, name: str, version: str) -> None:
    text, expected_code, expected = REFUSALS[name]
    if version == "2.5":
        text = text.replace(b"|P|2.3.1", b"|P|2.5").replace(b"|X|2.3.1", b"|X|2.5")

    answer = mllp.send(text)

    assert (code(answer), places(errors(answer))) == (expected_code, expected), answer


@pytest.fixture
def strict(narrow: Service) -> Iterator[CheckedMllpWire]:
    """A client of a domain that lists who may feed what."""
    with CheckedMllpWire(narrow.mllp_port) as wire:
        yield wire


@pytest.mark.parametrize(
    ("authority", "sender", "where"),
    [
        ("NOWHERE&2.999.66&ISO", "ADT|A", "PID^1^3^1^4"),
        ("HOSP_B&2.999.1.2&ISO", "ADT|A", "PID^1^3^1^4"),
        (AUTHORITY, "LAB|Z", "PID^1^3^1^4"),
        ("HOSP_A&2.999.66&ISO", "ADT|A", "PID^1^3^1^4"),
    ],
    ids=["unknown authority", "not this source's", "unknown source", "names that contradict"],
)
def test_who_may_not_feed_an_authority_is_told_so(strict: CheckedMllpWire, authority: str, sender: str, where: str) -> None:
    answer = strict.send(admission(pid("S-1", authority=authority), version="2.5", sender=sender))

    assert (code(answer), errors(answer)) == ("AE", [Error(where, "204")])


def test_a_source_with_one_authority_need_not_name_it(strict: CheckedMllpWire) -> None:
    answer = strict.send(admission("PID|||S-2||Solo^Sam||19700101|M"))

    assert code(answer) == "AA", answer
    assert query_status(strict.send(m.pix_query("S-2"))) == "OK"


# messages recorded elsewhere


@pytest.mark.parametrize("name", ["a01-de.hl7", "a01.hl7"])
def test_recorded_admissions_are_taken(mllp: CheckedMllpWire, name: str) -> None:
    assert code(mllp.send(sample("iti-8", name))) == "AA"


def test_a_recorded_admission_without_patient_is_refused(mllp: CheckedMllpWire) -> None:
    answer = mllp.send(sample("iti-8", "a01-no-pid-NEGATIVE.hl7"))

    assert (code(answer), errors(answer)) == ("AE", [Error("PID^1", "100")])


def test_a_recorded_frame_with_a_processing_id_of_its_own_is_refused_for_it(mllp: CheckedMllpWire) -> None:
    mllp.send_raw(sample("iti-8", "a01-mllp-framed.bin"))

    answer = mllp.receive()

    assert (code(answer), errors(answer)) == ("AR", [Error("MSH^1^11", "202")])


def test_a_recorded_frame_is_taken_once_its_processing_id_is_one(mllp: CheckedMllpWire) -> None:
    mllp.send_raw(sample("iti-8", "a01-mllp-framed.bin").replace(b"|1|2.3.1", b"|P|2.3.1"))

    assert code(mllp.receive()) == "AA"


def test_a_recorded_merge_of_patients_nobody_announced_is_refused(mllp: CheckedMllpWire) -> None:
    answer = mllp.send(sample("iti-8", "a40.hl7"))

    assert (code(answer), errors(answer)) == ("AE", [Error("PID^1^3", "204")])


def test_a_recorded_merge_is_carried_out_once_both_are_known(mllp: CheckedMllpWire) -> None:
    authority = "130&2.16.840.1.113883.3.37.4.1.1.2.1.1&ISO"
    for local_id, name in (("142025", "LENNON^JOHN"), ("704686", "LENON^JON")):
        fed = mllp.send(admission(pid(local_id, authority=authority, name=name, birth="19730811", rest="M"), sender="ICW_MPI|ICW"))
        assert code(fed) == "AA", fed

    answer = mllp.send(sample("iti-8", "a40.hl7").replace(b"00000000000396814", b"00000000000396815"))

    assert code(answer) == "AA", answer
    assert query_status(mllp.send(pix(f"142025^^^{authority}"))) == "OK"
    assert query_status(mllp.send(pix(f"704686^^^{authority}"))) == "AE"
