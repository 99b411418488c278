"""What the OpenHIE community asks of a client registry, case by case, in messages of our own over MLLP.

Against a strict domain: two sources, each with an authority, and matching before the acknowledgement."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.checked import CheckedMllpWire
from tests.support.service import Service, running
from tests.support.v2 import Error, admission, code, errors, identifiers, message, pdq, pix, query_status
from tests.support.wire import field

CLINIC, HOSPITAL = "CR_CLINIC&2.999.60.1&ISO", "CR_HOSP&2.999.60.2&ISO"
XAD = "1.3.6.1.4.1.21367.2005.13.20.1000"
DOMAIN = {
    "HIE_MATCHING__MODE": "inline",
    "HIE_AFFINITY__AUTHORITIES": """[{namespace = "CR_CLINIC", oid = "2.999.60.1"}, {namespace = "CR_HOSP", oid = "2.999.60.2"},
        {namespace = "CR_NID", oid = "2.999.60.3"}]""",
    "HIE_AFFINITY__SOURCES": """[{application = "EMR", facility = "CLINIC", authorities = ["CR_CLINIC", "CR_NID"]},
        {application = "EMR", facility = "HOSPITAL", authorities = ["CR_HOSP"]}]""",
}
AT_CLINIC, AT_HOSPITAL = {"sender": "EMR|CLINIC"}, {"sender": "EMR|HOSPITAL"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The client registry of the cases."""
    with running(tmp_path_factory.mktemp("openhie") / "data", DOMAIN) as service:
        yield service


@pytest.fixture
def wire(service: Service) -> Iterator[CheckedMllpWire]:
    """A connection whose answers are checked by other libraries."""
    with CheckedMllpWire(service.mllp_port) as wire:
        yield wire


def person(ids: str, name: str, birth: str, rest: str = "F") -> str:
    """A PID segment; `rest` begins at PID-8."""
    return f"PID|||{ids}||{name}||{birth}|{rest}"


def fed(wire: CheckedMllpWire, ids: str, name: str, birth: str, rest: str = "F", event: str = "A04", **header: str) -> str:
    """The answer to an announcement, of the clinic unless said otherwise."""
    return wire.send(admission(person(ids, name, birth, rest), event, **{**AT_CLINIC, **header}))


def test_cr_01_an_identifier_of_an_unknown_authority_is_refused_and_nothing_is_kept(wire: CheckedMllpWire) -> None:
    answer = fed(wire, "CR01^^^NOBODY&2.999.66.6&ISO", "Ardent^Una", "19800101")

    assert (code(answer), errors(answer)) == ("AE", [Error("PID^1^3", "204")])
    assert query_status(wire.send(pdq("@PID.5.1.1^Ardent~@PID.7^19800101"))) == "NF"


@pytest.mark.parametrize("authority", ["CR_CLINIC", "&2.999.60.1&ISO", CLINIC])
def test_cr_02_an_authority_is_the_same_by_namespace_by_oid_and_by_both(wire: CheckedMllpWire, authority: str) -> None:
    local_id = f"CR02{len(authority)}"
    answer = fed(wire, f"{local_id}^^^{authority}", f"Bellamy{'abc'[len(authority) % 3]}^Iris", f"1971010{len(authority) % 9 + 1}")

    found = wire.send(pix(f"{local_id}^^^&2.999.60.1&ISO", f"^^^XAD&{XAD}&ISO"))

    assert code(answer) == "AA"
    assert query_status(found) == "OK"


def test_cr_03_a_source_may_not_speak_for_the_authority_of_another(wire: CheckedMllpWire) -> None:
    answer = fed(wire, f"CR03^^^{HOSPITAL}", "Caldera^Noor", "19690412")

    assert (code(answer), [e.code for e in errors(answer)]) == ("AE", ["204"])
    assert errors(wire.send(pix(f"CR03^^^{HOSPITAL}"))) == [Error("QPD^1^3^1^1", "204")]


@pytest.mark.parametrize(
    ("segments", "where"),
    [(("EVN|A04|20261122", "PV1||O"), "PID^1"), (("EVN|A04|20261122", "PID|||||Nobody^Nemo", "PV1||O"), "PID^1^3")],
)
def test_cr_04_a_message_without_patient_or_identifier_is_refused(
    wire: CheckedMllpWire, segments: tuple[str, ...], where: str
) -> None:
    answer = wire.send(message("ADT^A04", *segments, **AT_CLINIC))

    assert code(answer) == "AE"
    assert where in [e.where for e in errors(answer)]


@pytest.mark.parametrize("event", ["A01", "A04", "A05"])
def test_cr_05_a_patient_is_announced_by_each_event(wire: CheckedMllpWire, event: str) -> None:
    answer = fed(wire, f"CR05{event}^^^{CLINIC}", f"Dunmore{event.lower()}x^Pia", f"19{event[1:]}0723", event=event)

    assert code(answer) == "AA"
    assert identifiers(wire.send(pix(f"CR05{event}^^^{CLINIC}", f"^^^XAD&{XAD}&ISO")))[0].endswith(XAD)


def test_cr_06_an_update_is_what_is_found_from_then_on_and_the_former_name_still_leads_there(wire: CheckedMllpWire) -> None:
    fed(wire, f"CR06^^^{CLINIC}", "Eastwick^Vera", "19550916", "F|||1 Old Row^^Oldham")

    updated = fed(wire, f"CR06^^^{CLINIC}", "Fairwater^Vera", "19550916", "F|||2 New Row^^Newham", event="A08")
    found = wire.send(pdq("@PID.5.1.1^Fairwater~@PID.7^19550916"))

    assert code(updated) == "AA"
    assert field(found, "PID", 5) == "Fairwater^Vera"
    assert field(found, "PID", 11).startswith("2 New Row^^Newham")


def test_cr_07_one_person_at_two_sources_is_cross_referenced(wire: CheckedMllpWire) -> None:
    said = ("Gallowhill^Ottilie^Ruth", "19331105", "F|||7 Mill Lane^^Harrow^^HA1 1AA^GB||^PRN^PH^^^20^5550147")
    fed(wire, f"CR07C^^^{CLINIC}", *said)
    fed(wire, f"CR07H^^^{HOSPITAL}", *said, **AT_HOSPITAL)

    found = wire.send(pix(f"CR07C^^^{CLINIC}", f"^^^{HOSPITAL}"))

    assert identifiers(found) == ["CR07H^2.999.60.2"]


@pytest.mark.parametrize(
    ("identifier", "wanted", "expected"),
    [
        (f"CR08^^^{CLINIC}", "", [Error("QPD^1^3^1^1", "204")]),
        ("CR08^^^NOBODY", "", [Error("QPD^1^3^1^4", "204")]),
        (f"CR05A04^^^{CLINIC}", "^^^NOBODY~^^^CR_HOSP~^^^NEMO", [Error("QPD^1^4^1", "204"), Error("QPD^1^4^3", "204")]),
    ],
    ids=["08 id", "09 its authority", "10 wanted authorities"],
)
def test_cr_08_to_10_what_is_unknown_in_a_question_is_named(
    wire: CheckedMllpWire, identifier: str, wanted: str, expected: list[Error]
) -> None:
    fed(wire, f"CR05A04^^^{CLINIC}", "Dunmorea04x^Pia", "19040723")

    answer = wire.send(pix(identifier, wanted))

    assert (code(answer), query_status(answer), errors(answer)) == ("AE", "AE", expected)


def test_cr_11_every_identifier_of_one_message_leads_to_every_other(wire: CheckedMllpWire) -> None:
    fed(wire, f"CR11^^^{CLINIC}~900-11^^^CR_NID&2.999.60.3&ISO", "Hawksmoor^Liv", "19870208")

    found = wire.send(pix("900-11^^^CR_NID", f"^^^{CLINIC}"))

    assert identifiers(found) == ["CR11^2.999.60.1"]


def test_cr_12_after_a_merge_the_survivor_answers_and_the_other_is_unknown(wire: CheckedMllpWire) -> None:
    fed(wire, f"CR12A^^^{CLINIC}", "Ironside^Maud", "19411224")
    fed(wire, f"CR12B^^^{CLINIC}~900-12^^^CR_NID", "Ironsyde^Maude", "19411225")

    merged = wire.send(
        message("ADT^A40", "EVN|A40|20261122", f"PID|||CR12A^^^{CLINIC}||Ironside^Maud", f"MRG|CR12B^^^{CLINIC}", **AT_CLINIC)
    )

    assert code(merged) == "AA"
    assert identifiers(wire.send(pix(f"CR12A^^^{CLINIC}", "^^^CR_NID"))) == ["900-12^2.999.60.3"]
    assert errors(wire.send(pix(f"CR12B^^^{CLINIC}"))) == [Error("QPD^1^3^1^1", "204")]


def test_cr_13_twins_are_two_people_and_their_mother_a_third_to_whom_they_lead(wire: CheckedMllpWire) -> None:
    mother = f"CR13M^^^{CLINIC}"
    fed(wire, mother, "Jessamine^Dora", "19900601")
    for order, given in ((1, "Ada"), (2, "Eda")):
        rest = "F" + "|" * 13 + mother + "|||Y|" + str(order)
        fed(wire, f"CR13{order}^^^{CLINIC}", f"Jessamine^{given}", "20261101", rest)

    found = wire.send(pdq("@PID.5.1.1^Jessamine~@PID.7^20261101"))

    twins = {field(found, "PID", 5, n): field(found, "PID", 25, n) for n in (1, 2)}
    assert twins == {"Jessamine^Ada": "1", "Jessamine^Eda": "2"}
    assert {field(found, "PID", 24, n) for n in (1, 2)} == {"Y"}
    assert all(field(found, "PID", 21, n).startswith("CR13M^^^") for n in (1, 2))
    assert query_status(wire.send(pdq("@PID.5.1.1^Jessamine~@PID.5.2^Dora~@PID.7^19900601"))) == "OK"


@pytest.fixture(scope="module")
def kilns(service: Service) -> None:
    """Five people of similar names."""
    people = (("Kilnworth^Ann", "19610101", "F"), ("Kilnworth^Bob", "19620202", "M"), ("Kilnsea^Cid", "19630303", "M"))
    with CheckedMllpWire(service.mllp_port) as wire:
        for number, said in enumerate((*people, ("Kilnsea^Dee", "19640404", "F"), ("Kilner^Eve", "19650505", "F")), 1):
            assert code(fed(wire, f"CR14{number}^^^{CLINIC}", *said)) == "AA"


@pytest.mark.usefixtures("kilns")
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("@PID.5.1.1^Kilnworth~@PID.5.2^Ann", {"CR141"}),
        ("@PID.5.1.1^Kiln*", {"CR141", "CR142", "CR143", "CR144", "CR145"}),
        ("@PID.5.1.1^Kilns*~@PID.8^M", {"CR143"}),
        ("@PID.3.1^CR144~@PID.3.4.1^CR_CLINIC", {"CR144"}),
        ("@PID.7^19650505", {"CR145"}),
        ("@PID.5.1.1^Kilnworth~@PID.7^19999999", None),
        ("@PID.5.1.1^Kilnstone", set()),
    ],
    ids=["14 exact", "15 wildcard", "15 wildcard and sex", "16 identifier", "17 birth", "17 no date", "17 nobody"],
)
def test_cr_14_to_17_a_description_finds_those_who_fit(wire: CheckedMllpWire, asked: str, expected: set[str] | None) -> None:
    answer = wire.send(pdq(asked, f"^^^{CLINIC}"))

    if expected is None:
        assert (code(answer), [e.code for e in errors(answer)]) == ("AE", ["102"])
        return
    found = {identifiers(answer, n)[0].partition("^")[0] for n in range(1, answer.count("\rPID|") + 1)}
    assert (code(answer), query_status(answer), found) == ("AA", "OK" if expected else "NF", expected)


@pytest.mark.usefixtures("kilns")
def test_cr_18_an_answer_is_given_page_by_page_without_repeating_or_leaving_out_anybody(wire: CheckedMllpWire) -> None:
    found: list[str] = []
    dsc, pages = "", 0
    while pages < 5:
        answer = wire.send(pdq("@PID.5.1.1^Kiln*", f"^^^{CLINIC}", rcp="RCP|I|2^RD", dsc=dsc, tag="CR18"))
        pages += 1
        found += [identifiers(answer, n)[0] for n in range(1, answer.count("\rPID|") + 1)]
        pointer = field(answer, "DSC", 1)
        if not pointer:
            break
        dsc = f"DSC|{pointer}|I"

    assert pages == 3
    assert len(found) == len(set(found)) == 5
    assert field(answer, "QAK", 6) == "0"


@pytest.mark.usefixtures("kilns")
def test_cr_18_a_question_that_was_taken_back_is_not_gone_on_with(wire: CheckedMllpWire) -> None:
    first = wire.send(pdq("@PID.5.1.1^Kiln*", rcp="RCP|I|2^RD", tag="CR18B"))

    cancelled = wire.send(message("QCN^J01^QCN_J01", "QID|CR18B|IHE PDQ Query", version="2.5"))
    again = wire.send(pdq("@PID.5.1.1^Kiln*", rcp="RCP|I|2^RD", dsc=f"DSC|{field(first, 'DSC', 1)}|I", tag="CR18B"))

    assert code(cancelled) == "AA"
    assert (code(again), errors(again)) == ("AE", [Error("DSC^1^1", "204")])


@pytest.mark.usefixtures("kilns")
@pytest.mark.parametrize(("threshold", "expected"), [("", {"CR141"}), ("50", {"CR141"}), ("100", set())])
def test_cr_15_a_name_that_is_only_alike_is_found_where_it_is_asked_for_and_says_how_well_it_fits(
    wire: CheckedMllpWire, threshold: str, expected: set[str]
) -> None:
    asked = "@PID.5.1.1^Kilnwurth~@PID.5.2^Anne"
    exact = wire.send(pdq(asked))

    alike = wire.send(pdq(asked, f"^^^{CLINIC}").replace(b"|||||^^^", f"|{threshold}|PHONETIC|||^^^".encode()))

    found = {identifiers(alike, n)[0].partition("^")[0] for n in range(1, alike.count("\rPID|") + 1)}
    assert query_status(exact) == "NF"
    assert found == expected
    assert not expected or 50 <= int(field(alike, "QRI", 1)) < 100
