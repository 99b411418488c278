"""What is written in HL7 v2 or v3 is read back, and no bytes break a reader."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from itertools import count

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from hl7v2.ack import acknowledged, refused
from hl7v2.answers import pix_answer, query_refused
from hl7v2.dispatch import V2Dispatcher
from hl7v2.er7 import NULL, Encoding, Segment, Writer, parse, unescape
from hl7v2.exchange import MessageKind, V2Exchange
from hl7v2.header import OutgoingMessage
from hl7v2.patient import read_demographics, read_update, write_pid
from hl7v2.query import read_pix_query
from hl7v3.patient import read_update as read_v3_update
from hl7v3.patient import write_subject
from hl7v3.query import read_continuation, read_pdq_query
from hl7v3.query import read_pix_query as read_v3_pix_query
from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.errors import HieError
from kernel.findings import Findings
from kernel.identifiers import AssigningAuthority, PatientId
from kernel.times import Dtm
from kernel.xml import parse_xml
from tests.support.hl7 import NOW, PEER, adt, pix, v3_feed, v3_pdq, v3_pix

encodings = st.permutations("|^~\\&#!$%*;:").map(lambda signs: Encoding(*signs[:5]))
anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
# what a reader trims, or takes for something else, is not expected back
words = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="\ufffe\uffff"), min_size=1, max_size=12
)
texts = words.filter(lambda w: w != NULL)
maybe = st.one_of(st.just(""), texts)
codes = st.text("ABCDEFGHabcdefgh0123456789-", min_size=1, max_size=6)
days = st.dates().map(lambda d: Dtm(d.strftime("%Y%m%d").rjust(8, "0")))
times = st.one_of(days, days.map(lambda d: Dtm(d.text[:6])), days.map(lambda d: Dtm(d.text[:4])))
oids = st.lists(st.integers(0, 9999), min_size=1, max_size=4).map(lambda arcs: "2.999." + ".".join(map(str, arcs)))
authorities = st.builds(lambda name, oid: AssigningAuthority(name, oid, "ISO"), maybe, oids)
patient_ids = st.builds(PatientId, texts, authorities)
name_uses = st.sampled_from(["L", "A", "S", "B", "T", "R", ""])
names = st.builds(HumanName, texts, st.lists(texts, max_size=2).map(tuple), prefix=maybe, suffix=maybe, use=name_uses)
addresses = st.builds(
    Address, st.lists(texts, min_size=1, max_size=2).map(tuple), texts, maybe, maybe, maybe, maybe,
    st.sampled_from(["H", "B", "C", "BA", "M", ""]),
)  # fmt: skip
numbers = st.text("0123456789()+-./", min_size=1, max_size=12).filter(lambda n: any(c.isdigit() for c in n))
telecoms = st.one_of(
    st.builds(Telecom, numbers, st.sampled_from(["PH", "FX"]), st.sampled_from(["PRN", "EMR", "VHN", "ASN", ""])),
    st.builds(Telecom, numbers, st.just("CP"), st.just("PRN")),
    st.builds(Telecom, codes.map(lambda c: f"{c}@example.org"), st.just("Internet"), st.sampled_from(["PRN", ""])),
)
patients = st.builds(
    Demographics,
    names=st.lists(names, min_size=1, max_size=3).map(tuple),
    sex=st.sampled_from(["F", "M", "O", "U", "N", ""]),
    birth=st.none() | times,
    addresses=st.lists(addresses, max_size=2).map(tuple),
    telecoms=st.lists(telecoms, max_size=3).map(tuple),
    mother_name=st.none() | names,
    mother_ids=st.lists(patient_ids, max_size=2, unique=True).map(tuple),
    multiple_birth=st.none() | st.booleans(),
    birth_order=st.none() | st.integers(1, 99),
    deceased=st.none() | st.booleans(),
    death=st.none() | times,
    marital_status=st.just("") | codes,
    race=st.just("") | codes,
    religion=st.just("") | codes,
    language=st.just("") | codes,
    nationality=st.just("") | codes,
    ethnicity=st.just("") | codes,
    birth_place=maybe,
)


@given(value=anything, encoding=encodings)
def test_a_value_is_read_back_whatever_it_holds_and_whatever_the_delimiters_are(value: str, encoding: Encoding) -> None:
    writer = Writer(encoding)

    assert unescape(writer.text(value), encoding) == value


@given(values=st.lists(st.lists(anything.filter(lambda v: v != NULL), max_size=3), max_size=3), encoding=encodings)
def test_repetitions_and_components_stay_apart(values: list[list[str]], encoding: Encoding) -> None:
    writer = Writer(encoding)
    text = writer.segment("ZZZ", {1: writer.repeated(*(writer.plain(*v) for v in values)), 2: "end"})

    segment = Segment("ZZZ", tuple(text.split(encoding.field)), encoding)

    assert segment.raw(2) == "end"
    assert [[r.get(n) for n in range(1, 4)] for r in segment.repetitions(1)] == [[*v, "", "", ""][:3] for v in values][
        : len(segment.repetitions(1))
    ]


@given(patient=patients, ids=st.lists(patient_ids, min_size=1, max_size=3, unique=True))
def test_a_patient_is_read_from_v2_as_it_was_written(patient: Demographics, ids: list[PatientId]) -> None:
    writer = Writer()
    pid = Segment("PID", tuple(write_pid(writer, tuple(ids), patient).split("|")))
    message = parse(adt())

    read, _ = read_demographics(message, pid, Findings(lenient=False))

    assert read == patient


@given(patient=patients, ids=st.lists(patient_ids, min_size=1, max_size=3, unique=True))
def test_a_patient_is_read_from_v3_as_it_was_written(patient: Demographics, ids: list[PatientId]) -> None:
    body = v3_feed()
    act = body[-1]
    act.replace(act[0], parse_xml(f'<x xmlns="urn:hl7-org:v3">{write_subject(ids, patient, "2.999.9")}</x>'.encode())[0])

    update = read_v3_update(body)

    mothers = tuple(by_root(mother) for mother in patient.mother_ids)
    assert update.demographics == replace(patient, mother_ids=mothers)
    assert set(update.patient_ids) | {i.patient_id for i in update.others} == {by_root(i) for i in ids}


def by_root(patient_id: PatientId) -> PatientId:
    """As v3 says it: the root alone tells whose identifier it is."""
    return replace(patient_id, authority=replace(patient_id.authority, namespace=""))


class Door:
    """Answers a feed and a query as the product's doors do."""

    handles: frozenset[MessageKind] = frozenset({("ADT", "A04"), ("QBP", "Q23")})

    def answer(self, exchange: V2Exchange) -> OutgoingMessage:
        if exchange.header.message_type == "ADT":
            read_update(exchange.message, lenient=exchange.lenient)
            return acknowledged(exchange)
        query = read_pix_query(exchange.message, lenient=exchange.lenient)
        return pix_answer(exchange, [query.identifier.patient_id])

    def refuse(self, exchange: V2Exchange, error: HieError) -> OutgoingMessage:
        return query_refused(exchange, error) if exchange.header.message_type == "QBP" else refused(exchange, error)


control_ids = count(1)
strict, lenient = (
    V2Dispatcher([Door()], clock=lambda: NOW, new_control_id=lambda: f"A{next(control_ids)}", leniency=lambda _a, _f, of=of: of)
    for of in (False, True)
)


@given(
    raw=st.sampled_from([adt(), adt(version="2.5"), pix()]),
    edits=st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=4), st.integers(0, 9)), max_size=6),
)
def test_every_message_however_damaged_gets_an_answer_that_can_be_read(raw: bytes, edits: list[tuple[int, bytes, int]]) -> None:
    for position, inserted, removed in edits:
        raw = raw[:position] + inserted + raw[position + removed :]

    for dispatch in (strict, lenient):
        answer = parse(dispatch(raw, PEER))

        assert answer.get("MSA-1") in ("AA", "AE", "AR")
        assert answer.get("MSH-10")


@given(raw=st.binary(max_size=200))
def test_any_bytes_get_an_answer(raw: bytes) -> None:
    assert parse(strict(raw, PEER)).get("MSA-1") == "AR"


@given(
    text=st.sampled_from([v3_feed(), v3_pix(), v3_pdq()]),
    edits=st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["drop", "double", "null", "clear", "rename"])), max_size=5),
)
def test_every_v3_message_however_damaged_is_read_or_refused(text: object, edits: list[tuple[int, str]]) -> None:
    body = parse_xml(etree.tostring(text))  # type: ignore[call-overload]  # an element
    for position, edit in edits:
        elements = [e for e in body.iter() if e.getparent() is not None]
        if not elements:
            break
        element = elements[position % len(elements)]
        parent = element.getparent()
        assert parent is not None
        if edit == "drop":
            parent.remove(element)
        elif edit == "double":
            parent.append(parse_xml(etree.tostring(element)))
        elif edit == "null":
            element.set("nullFlavor", "NA")
        elif edit == "clear":
            element.attrib.clear()
        else:
            element.tag = "{urn:other}x"

    for read in (read_v3_update, read_v3_pix_query, read_pdq_query, read_continuation):
        with contextlib.suppress(HieError):
            read(body)
