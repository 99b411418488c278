"""ITI-22: patients by their demographics and visits (ITI TF-2 3.22), over visits that the feeds told of."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import hl7
import pytest
from hl7apy.parser import parse_segment

from tests.support import messages as m
from tests.support.checked import CheckedMllpWire
from tests.support.command import hie
from tests.support.service import Service
from tests.support.trail import Trail
from tests.support.v2 import AUTHORITY, Error, code, errors, message, pid, query_status
from tests.support.wire import field


def pdvq(parameters: str, domains: str = "", *, rcp: str = "RCP|I", dsc: str = "", tag: str = "VISITS", **header: str) -> bytes:
    """A QBP^ZV1."""
    segments = [f"QPD|IHE PDVQ Query|{tag}|{parameters}|||||{domains}".rstrip("|"), rcp, *([dsc] if dsc else [])]
    return message("QBP^ZV1^QBP_Q21", *segments, **{"version": "2.5", **header})


def pv1(**fields: str) -> str:
    """A PV1 by field numbers, f3="ICU^12"."""
    values = {int(name[1:]): value for name, value in {"f2": "I", **fields}.items()}
    return "|".join(["PV1", *(values.get(n, "") for n in range(1, max(values) + 1))])


def feed(local_id: str, name: str, visit: str, event: str = "A01") -> bytes:
    """A feed that tells of a visit."""
    return message(f"ADT^{event}", f"EVN|{event}|20261122101500", pid(local_id, name=name), visit)


@dataclass(frozen=True)
class Ward:
    """A ward of one's own: its name, the family name of its patients, and the first letters of their identifiers."""

    name: str
    family: str
    mark: str


@pytest.fixture(scope="module")
def ward(service: Service) -> Ward:
    """Five patients with visits, and one without."""
    mark = uuid.uuid4().hex[:10]  # noqa: TID251 - a client's own
    ward = Ward(f"W{mark}", "V" + "".join(chr(ord("a") + int(d, 16)) for d in mark), mark)
    with CheckedMllpWire(service.mllp_port) as mllp:
        for number, given in enumerate(("Ada", "Bela", "Cara", "Dora", "Emil")):
            doctor = f"D{number % 2}{mark}^Welby{'AB'[number % 2]}^Marcus~D9{mark}^Second^Opinion"
            visit = pv1(
                f3=f"{ward.name}^{100 + number}^A^HOSP&2.999.1.1&ISO",
                f7=doctor,
                f8=f"R{mark}^Refer^Rita",
                f9=f"C{mark}^Consult^Carl",
                f10="SUR" if number < 3 else "MED",
                f17=f"A{mark}^Admit^Alma",
                f19=f"VN{mark}{number}^^^{AUTHORITY}",
                f44="20261101083000",
                f51="V",
            )
            fed = mllp.send(feed(f"{mark}{number}", f"{ward.family}^{given}", visit))
            assert code(fed) == "AA", fed
        fed = mllp.send(feed(f"{mark}5", f"{ward.family}^Finn", "PV1||O"))
        assert code(fed) == "AA", fed
    return ward


def shown(answer: str) -> list[str]:
    """The given names in an answer, in order of the alphabet."""
    return sorted(line.split("|")[5].split("^")[1] for line in answer.split("\r") if line.startswith("PID|"))


ALL = ["Ada", "Bela", "Cara", "Dora", "Emil"]


@pytest.mark.parametrize(
    ("parameters", "given"),
    [
        ("@PV1.3.1^{ward}", ALL),
        ("@PV1.3^{ward}", ALL),
        ("@PV1.3.1^{start}*", ALL),
        ("@PV1.3.1^{ward}~@PV1.3.2^102", ["Cara"]),
        ("@PV1.3.1^{ward}~@PV1.3.4.2^2.999.1.1", ALL),
        ("@PV1.7.1^D1{mark}", ["Bela", "Dora"]),
        ("@PV1.7.1^D9{mark}", ALL),
        ("@PV1.7.2^WelbyA~@PV1.3.1^{ward}", ["Ada", "Cara", "Emil"]),
        ("@PV1.8.1^R{mark}", ALL),
        ("@PV1.9.1^C{mark}~@PV1.10^MED", ["Dora", "Emil"]),
        ("@PV1.10.1^SUR~@PV1.3.1^{ward}", ["Ada", "Bela", "Cara"]),
        ("@PV1.17.1^A{mark}~@PV1.17.3^Alma", ALL),
        ("@PV1.19.1^VN{mark}3", ["Dora"]),
        ("@PV1.2^I~@PV1.3.1^{ward}", ALL),
        ("@PV1.51^V~@PV1.3.1^{ward}", ALL),
        ("@PID.5.1.1^{family}", ALL),
        ("@PID.5.1.1^{family}~@PV1.10^MED", ["Dora", "Emil"]),
        ("@PID.5.2^Bela~@PV1.3.1^{ward}", ["Bela"]),
        ("@PID.3.1^{mark}4~@PID.3.4.1^HOSP_A~@PV1.10^MED", ["Emil"]),
        ("@PID.3.1^{mark}4~@PID.3.4.1^HOSP_A~@PV1.10^SUR", []),
        ("@PID.5.1.1^{family}~@PID.5.2^Finn", []),
        ("@PV1.19.1^NOTHING", []),
    ],
)
def test_all_that_is_asked_of_patient_and_visit_has_to_fit(
    mllp: CheckedMllpWire, ward: Ward, parameters: str, given: list[str]
) -> None:
    filled = parameters.format(ward=ward.name, start=ward.name[:9], mark=ward.mark, family=ward.family)

    answer = mllp.send(pdvq(filled))

    assert (code(answer), query_status(answer)) == ("AA", "OK" if given else "NF"), answer
    assert shown(answer) == given
    assert field(answer, "MSH", 9) == "RSP^ZV2^RSP_ZV2"


def test_the_visit_is_shown_after_its_patient_as_it_was_sent_and_is_read_by_others(mllp: CheckedMllpWire, ward: Ward) -> None:
    answer = mllp.send(pdvq(f"@PV1.19.1^VN{ward.mark}1"))

    parsed = hl7.parse(answer)
    names = [str(segment[0]) for segment in parsed]
    assert names == ["MSH", "MSA", "QAK", "QPD", "PID", "PV1", "QRI"]
    visit = parsed.segment("PV1")
    assert (str(visit[1]), str(visit[2]), str(visit[44])) == ("1", "I", "20261101083000")
    assert str(visit[3]) == f"{ward.name}^101^A^HOSP&2.999.1.1&ISO"
    assert [str(doctor[0]) for doctor in visit[7]] == [f"D1{ward.mark}", f"D9{ward.mark}"]
    line = next(line for line in answer.split("\r") if line.startswith("PV1|"))
    strict = parse_segment(line, version="2.5")
    assert strict.validate()
    assert strict.pv1_19.cx_1.to_er7() == f"VN{ward.mark}1"


def test_a_later_feed_of_the_visit_changes_what_it_says_and_nothing_else(mllp: CheckedMllpWire) -> None:
    mark = uuid.uuid4().hex[:10]  # noqa: TID251 - a client's own
    name, number = f"Moved^{mark}", f"N{mark}^^^{AUTHORITY}"
    mllp.send(feed(mark, name, pv1(f3=f"A{mark}^1", f7=f"D{mark}^Old", f10="SUR", f19=number)))

    mllp.send(feed(mark, name, pv1(f3=f"B{mark}^2", f7='""', f19=number, f45="20261105"), "A08"))

    assert query_status(mllp.send(pdvq(f"@PV1.3.1^A{mark}"))) == "NF"
    assert query_status(mllp.send(pdvq(f"@PV1.7.1^D{mark}"))) == "NF"
    answer = mllp.send(pdvq(f"@PV1.3.1^B{mark}"))
    assert [field(answer, "PV1", n) for n in (3, 7, 10, 45)] == [f"B{mark}^2", "", "SUR", "20261105"]
    mllp.send(feed(mark, name, "PV1||N", "A08"))
    assert query_status(mllp.send(pdvq(f"@PV1.3.1^B{mark}"))) == "OK"


def test_of_several_visits_the_latest_that_fits_is_shown(mllp: CheckedMllpWire) -> None:
    mark = uuid.uuid4().hex[:10]  # noqa: TID251 - a client's own
    for number, service in ((1, "SUR"), (2, "MED"), (3, "SUR")):
        visit = pv1(f3=f"L{mark}^{number}", f10=service, f19=f"N{mark}{number}^^^{AUTHORITY}")
        mllp.send(feed(mark, f"Often^{mark}", visit))

    found = [mllp.send(pdvq(f"@PV1.3.1^L{mark}{more}")) for more in ("", "~@PV1.10^MED", "~@PV1.10^SUR~@PV1.3.2^1")]

    assert [field(answer, "PV1", 3) for answer in found] == [f"L{mark}^{n}" for n in (3, 2, 1)]
    assert query_status(mllp.send(pdvq(f"@PV1.3.2^1~@PV1.10^MED~@PV1.19.1^N{mark}*"))) == "NF"


def test_visits_go_with_a_merge_and_back_when_it_is_undone(mllp: CheckedMllpWire, service: Service) -> None:
    mark = uuid.uuid4().hex[:10]  # noqa: TID251 - a client's own
    for letter in "AB":
        mllp.send(feed(f"{letter}{mark}", f"Merge{letter}^{mark}", pv1(f3=f"{letter}{mark}")))
    asked = pdvq(f"@PV1.3.1^B{mark}", f"^^^{AUTHORITY}")
    before = mllp.send(asked)

    mllp.send(m.merge(f"A{mark}", f"B{mark}"))

    merged = mllp.send(pdvq(f"@PV1.3.1^B{mark}", f"^^^{AUTHORITY}"))
    assert (field(before, "PID", 3).split("^")[0], field(merged, "PID", 3).split("^")[0]) == (f"B{mark}", f"A{mark}")
    acts = hie("mpi", "acts", "--json", "--data", str(service.data)).out
    act = acts.partition('"act": ')[2].partition(",")[0].strip(" }\n")
    assert hie("mpi", "undo", act, "--data", str(service.data)).code == 0
    after = mllp.send(pdvq(f"@PV1.3.1^B{mark}", f"^^^{AUTHORITY}"))
    assert field(after, "PID", 3) == field(before, "PID", 3)


def test_an_answer_comes_in_pages_and_stops_when_it_is_cancelled(mllp: CheckedMllpWire, ward: Ward) -> None:
    question, pages = f"@PV1.3.1^{ward.name}", [""]
    pages = [mllp.send(pdvq(question, rcp="RCP|I|2^RD", tag="ZPAGES"))]
    while pointer := field(pages[-1], "DSC", 1):
        pages.append(mllp.send(pdvq(question, rcp="RCP|I|2^RD", tag="ZPAGES", dsc=f"DSC|{pointer}|I")))

    assert [len(shown(page)) for page in pages] == [2, 2, 1]
    assert sorted(name for page in pages for name in shown(page)) == ALL
    assert all(page.count("\rPV1|") == len(shown(page)) for page in pages)

    first = mllp.send(pdvq(question, rcp="RCP|I|2^RD", tag="ZSTOP"))
    stopped = mllp.send(message("QCN^J01^QCN_J01", "QID|ZSTOP|IHE PDVQ Query", version="2.5"))
    after = mllp.send(pdvq(question, rcp="RCP|I|2^RD", tag="ZSTOP", dsc=f"DSC|{field(first, 'DSC', 1)}|I"))
    assert (code(stopped), errors(after)) == ("AA", [Error("DSC^1^1", "204")])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (pdvq(""), [Error("QPD^1^3", "101")]),
        (pdvq("@PV1.99^1"), [Error("QPD^1^3^1^1", "102")]),
        (pdvq("@PV1.4^E"), [Error("QPD^1^3^1^1", "102")]),
        (pdvq("@PV1.x^1"), [Error("QPD^1^3^1^1", "102")]),
        (pdvq("@PV1.3.1^X", "^^^NOWHERE&2.999.66&ISO"), [Error("QPD^1^8^1", "204")]),
        (pdvq("@PV1.3.1^X", dsc="DSC|none.1|I"), [Error("DSC^1^1", "204")]),
    ],
    ids=["nothing", "no such field", "a field not asked for", "no field", "unknown domain", "unknown pointer"],
)
def test_a_broken_query_is_told_with_its_place(mllp: CheckedMllpWire, text: bytes, expected: list[Error]) -> None:
    answer = mllp.send(text)

    assert (code(answer), query_status(answer), errors(answer)) == ("AE", "AE", expected), answer
    assert field(answer, "MSH", 9) == "RSP^ZV2^RSP_ZV2"


def test_a_demographics_query_does_not_ask_for_visits(mllp: CheckedMllpWire, ward: Ward) -> None:
    answer = mllp.send(pdvq(f"@PV1.3.1^{ward.name}").replace(b"QBP^ZV1", b"QBP^Q22"))

    assert errors(answer)[0] == Error("QPD^1^3^1^1", "102")


@pytest.fixture
def strict(narrow: Service) -> Iterator[CheckedMllpWire]:
    """A client of a domain that gives out three patients at the most."""
    with CheckedMllpWire(narrow.mllp_port) as wire:
        yield wire


def test_a_visit_that_too_many_have_is_refused_and_narrowed_down(strict: CheckedMllpWire) -> None:
    for number in range(14):
        fed = strict.send(
            feed(f"CROWD-{number}", f"Crowd{chr(97 + number) * 4}^X", pv1(f3="CROWD", f19=f"CR{number}^^^{AUTHORITY}"))
        )
        assert code(fed) == "AA", fed

    crowd, one = strict.send(pdvq("@PV1.3.1^CROWD")), strict.send(pdvq("@PV1.3.1^CROWD~@PV1.19.1^CR7"))

    assert (code(crowd), [e.code for e in errors(crowd)]) == ("AE", ["207"])
    assert shown(one) == ["X"]


def test_it_is_on_record_answered_and_refused(mllp: CheckedMllpWire, ward: Ward, trail: Trail) -> None:
    mark = trail.mark()

    mllp.send(pdvq(f"@PV1.19.1^VN{ward.mark}0", tag=f"T0{ward.mark}"))
    mllp.send(pdvq("@PV1.99^1", tag=f"T1{ward.mark}"))

    for number, outcome in (("0", "0"), ("1", "8")):
        tag = f"T{number}{ward.mark}"
        (record,) = trail.expect(mark, "ITI-22", lambda r, tag=tag: tag in r.object_ids or tag in str(r.object_ids))  # type: ignore[misc]
        assert (record.action, record.outcome) == ("E", outcome)
