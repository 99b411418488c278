"""The use cases of the audit record repository."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from arr.chain import canonical, leaf_hash
from arr.model import AuditSearch, Channel
from arr.proofs import has_grown, root_by_inclusion
from arr.service import AuditService
from arr.signing import Note, is_signed
from arr.tables import CHECKPOINT, HEAD, METADATA
from arr.terms import object_kind
from arr.witness import read_witness
from atna.message import AuditMessage, Indicator, Outcome
from atna.reader import read
from kernel.database import Database
from kernel.errors import Condition, Unavailable
from kernel.outbox import AUDIT_OUTBOX
from tests.conftest import MakeDatabase
from tests.support.arr import AT, SIGNER, a_service, received, some_records
from tests.support.audit import PATIENT, WHEN, a_subject, an_event

AUDITOR = a_subject(user="auditor", receiver="https://hie.example.org/console")
CAME = datetime.fromtimestamp(AT / 1000, UTC)
OTHER = "815^^^&1.2.3.4.5.2&ISO"


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    return make_database(METADATA)


@pytest.fixture
def service(database: Database) -> AuditService:
    return a_service(database)


def told(database: Database) -> list[AuditMessage]:
    with database.read() as connection:
        return [read(m) for m in connection.execute(sa.select(AUDIT_OUTBOX.c.message).order_by(AUDIT_OUTBOX.c.id)).scalars()]


def numbers(service: AuditService, wanted: AuditSearch) -> list[int]:
    return [record.sequence for record in service.search(wanted, AUDITOR, limit=100).records]


def test_what_was_recorded_is_shown_as_it_came(service: AuditService) -> None:
    message = received(an_event().to_xml() + b"\n", Channel.TLS, flaws=("NOT_COUNTED",))

    number = service.record([message])

    record = service.view(number, AUDITOR)
    assert record is not None
    assert record.received == message
    assert record.message == an_event()


def test_nothing_is_turned_away(service: AuditService) -> None:
    service.record([received(b"\x00\xff hello", Channel.UDP)])

    record = service.view(1, AUDITOR)
    assert record is not None
    assert (record.received.data, record.message, record.summary.is_readable) == (b"\x00\xff hello", None, False)


def test_records_of_one_call_are_numbered_in_order_and_calls_follow_each_other(service: AuditService) -> None:
    assert service.record(some_records(3)) == 3
    assert service.record(some_records(2)) == 5
    assert service.record([]) == 5


def test_a_record_that_does_not_exist_is_none(service: AuditService) -> None:
    assert service.view(1, AUDITOR) is None


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (AuditSearch(), [4, 3, 2, 1]),
        (AuditSearch(patients=(PATIENT,)), [3, 1]),
        (AuditSearch(patients=(PATIENT.replace("^^^&", "^^^HOSP&"),)), [3, 1]),
        (AuditSearch(patients=(PATIENT, OTHER)), [3, 2, 1]),
        (AuditSearch(users=("JANE",)), [2, 1]),
        (AuditSearch(users=("jane",), patients=(PATIENT,)), [1]),
        (AuditSearch(addresses=("10.0.0.5",)), [3, 2, 1]),
        (AuditSearch(objects=("urn:log",), users=("bob",)), [3]),
        (AuditSearch(events=("110101",)), [3, 2, 1]),
        (AuditSearch(events=("ITI-42",)), []),
        (AuditSearch(sources=("mpi-1",), patients=(OTHER,)), [2]),
        (AuditSearch(roles=("physician",)), []),
        (AuditSearch(purposes=("TREATMENT",)), []),
        (AuditSearch(outcomes=(Indicator.SUCCESS,)), [2, 1]),
        (AuditSearch(outcomes=(Indicator.SERIOUS, Indicator.MAJOR)), [3]),
        (AuditSearch(outcomes=(Indicator.SUCCESS, Indicator.SERIOUS), patients=(PATIENT,)), [3, 1]),
        (AuditSearch(since=WHEN + timedelta(seconds=1), until=WHEN + timedelta(seconds=2)), [2]),
        (AuditSearch(since=WHEN + timedelta(seconds=2), patients=(PATIENT,)), [3]),
        (AuditSearch(is_flawed=True), [4]),
        (AuditSearch(object_kinds=(object_kind(2, 13),), users=("bob",)), [3]),
        (AuditSearch(object_kinds=(object_kind(2, 24),)), []),
        (AuditSearch(alternatives=("4711",), patients=(OTHER,)), [2]),
        (AuditSearch(actions=("R",), users=("bob",)), [3]),
        (AuditSearch(actions=("C",)), []),
        (AuditSearch(text="security AUDIT"), [3, 2, 1]),
        (AuditSearch(text="out-of-order", outcomes=(Indicator.SERIOUS,)), [3]),
        (AuditSearch(text="security nonsense"), []),
        (AuditSearch(text="?"), []),
        (AuditSearch(received=(CAME, CAME + timedelta(milliseconds=1)), users=("bob",)), [3]),
        (AuditSearch(received=(CAME + timedelta(milliseconds=1), None)), []),
    ],
)
def test_a_search_finds_what_fits(service: AuditService, wanted: AuditSearch, expected: list[int]) -> None:
    failure = Outcome.SERIOUS.because("out-of-order")
    service.record(
        [
            received(an_event(PATIENT, user="jane", when=WHEN).to_xml()),
            received(an_event(OTHER, user="Jane", when=WHEN + timedelta(seconds=1)).to_xml()),
            received(an_event(PATIENT, user="bob", when=WHEN + timedelta(seconds=2), outcome=failure).to_xml()),
            received(b"unreadable", Channel.UDP),
        ]
    )

    assert numbers(service, wanted) == expected


class Family:
    """An index in which the two patients of these tests are one person."""

    def identifiers(self, patient: str) -> tuple[str, ...]:
        return (PATIENT, OTHER) if patient in (PATIENT, OTHER) else ()


def test_a_patient_is_found_by_every_identifier_of_hers(make_database: MakeDatabase) -> None:
    service = a_service(make_database(METADATA), directory=Family())
    service.record([received(an_event(patient).to_xml()) for patient in (PATIENT, OTHER, "8^^^&1.2.3&ISO")])

    assert [numbers(service, AuditSearch(patients=(p,))) for p in (PATIENT, OTHER, "8^^^&1.2.3&ISO")] == [[2, 1], [2, 1], [3]]
    assert [json.loads(line)["sequence"] for line in list(service.export(AuditSearch(patients=(OTHER,)), AUDITOR))[1:]] == [2, 1]


def test_pages_follow_each_other_without_gap_or_repeat(service: AuditService) -> None:
    service.record(some_records(7))

    found, before = [], None
    for _ in range(4):
        page = service.search(AuditSearch(patients=(PATIENT,)), AUDITOR, limit=2, before=before)
        found += [record.sequence for record in page.records]
        before = page.following
        if before is None:
            break

    assert found == [7, 6, 5, 4, 3, 2, 1]
    assert before is None


def test_every_use_is_itself_audited(service: AuditService, database: Database) -> None:
    service.record(some_records(1))

    service.search(AuditSearch(patients=(PATIENT,)), AUDITOR)
    service.view(1, AUDITOR)
    list(service.export(AuditSearch(), AUDITOR))
    service.verify(AUDITOR)

    events = told(database)
    assert [event.event.code for event in events] == ["110101"] * 4
    assert {event.participants[0].user_id for event in events} == {"auditor"}
    searched, viewed, exported, verified = events
    assert [o.query for o in searched.objects if o.query] == [b"patients=" + PATIENT.encode()]
    assert PATIENT in [o.id for o in searched.objects]
    assert viewed.objects[0].id == "urn:affinity:audit:1"
    assert exported.objects[1].query == b"export&"
    assert verified.objects[1].query == b"verify"


def test_what_the_service_does_for_itself_is_not_audited(service: AuditService, database: Database) -> None:
    service.record(some_records(2))
    service.checkpoint()
    service.verify(None)

    assert told(database) == []


def test_an_export_holds_the_signed_head_and_the_bytes_received(service: AuditService) -> None:
    message = received(an_event().to_xml(), Channel.TLS)
    service.record([message, *some_records(1100)])

    head, *lines = [json.loads(line) for line in service.export(AuditSearch(), AUDITOR)]

    assert Note.parse(head["note"]).size == 1101
    assert sorted(line["sequence"] for line in lines) == list(range(1, 1102))
    first = next(line for line in lines if line["sequence"] == 1)
    assert b64decode(first["data"]) == message.data
    assert first["origin"] == message.origin


def test_an_export_of_an_empty_log_is_empty(service: AuditService) -> None:
    assert list(service.export(AuditSearch(), AUDITOR)) == []


@pytest.mark.parametrize("sequence", [1, 1024, 1025, 2048, 2049, 2500])
def test_a_record_is_proved_against_the_signed_head(service: AuditService, sequence: int) -> None:
    service.record(some_records(2500))

    proof = service.prove(sequence, AUDITOR)

    assert proof is not None
    assert is_signed(proof.head, {SIGNER.key_id: SIGNER.public_key})
    head = Note.parse(proof.head.text)
    leaf = leaf_hash(canonical(proof.record.received.origin, proof.record.received.data))
    assert root_by_inclusion(leaf, sequence - 1, head.size, proof.path) == head.root


def test_the_log_is_proved_to_have_grown_from_what_a_witness_saw(database: Database, tmp_path: Path) -> None:
    service = a_service(database, witness=tmp_path / "witness")
    service.record(some_records(1500))
    service.checkpoint()
    service.record(some_records(1700))

    proof = service.prove_growth(1500, AUDITOR)

    assert proof is not None
    old, new = Note.parse(read_witness(tmp_path / "witness")[-1].text), Note.parse(proof.head.text)
    assert has_grown(old.size, old.root, new.size, new.root, proof.path)


def test_what_is_not_there_is_not_proved(service: AuditService) -> None:
    assert service.prove(1, AUDITOR) is None
    assert service.prove_growth(1, AUDITOR) is None
    service.record(some_records(2))
    assert service.prove(3, AUDITOR) is None
    assert service.prove_growth(3, AUDITOR) is None
    assert service.prove_growth(0, AUDITOR) is None


def test_a_checkpoint_is_kept_whenever_so_many_records_were_passed(database: Database) -> None:
    service = a_service(database, every=10)

    for _ in range(7):
        service.record(some_records(4))

    with database.read() as connection:
        kept = connection.execute(sa.select(CHECKPOINT.c.sequence).order_by(CHECKPOINT.c.sequence)).scalars().all()
    assert kept == [12, 20]


def test_a_checkpoint_on_time_keeps_the_head_once_and_shows_it_to_the_witness(database: Database, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    service = a_service(database, witness=witness, every=3)
    service.record(some_records(3))
    service.record(some_records(1))

    assert service.checkpoint() == 4
    assert service.checkpoint() == 4

    assert [Note.parse(signed.text).size for signed in read_witness(witness)] == [3, 4]


def test_an_empty_log_has_nothing_to_checkpoint(service: AuditService) -> None:
    assert service.checkpoint() == 0


def test_a_log_whose_head_is_damaged_takes_no_record(service: AuditService, database: Database) -> None:
    service.record(some_records(3))
    with database.engine.begin() as connection:
        connection.execute(HEAD.update().values(tree=b"x"))

    with pytest.raises(Unavailable) as raised:
        service.record(some_records(1))

    assert raised.value.condition is Condition.CONTENT_DAMAGED


def test_a_head_set_back_takes_no_record(service: AuditService, database: Database) -> None:
    service.record(some_records(1))
    with database.engine.begin() as connection:
        first = connection.execute(sa.select(HEAD)).one()._asdict()
    service.record(some_records(1))
    with database.engine.begin() as connection:
        connection.execute(HEAD.update().values(**first))

    with pytest.raises(Unavailable):
        service.record(some_records(1))


def test_records_appended_in_a_unit_that_fails_are_not_there(service: AuditService, database: Database) -> None:
    prepared = service.prepare([an_event().to_xml()])

    with pytest.raises(RuntimeError), database.begin() as work:
        service.append(work, prepared)
        raise RuntimeError

    assert numbers(service, AuditSearch()) == []
    assert service.verify(None).is_whole
