"""Every (transaction, side, outcome): valid by the DICOM schema, and with what the ITI tables demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from access.subject import Subject
from atna import events, vocabulary
from atna.events import AuditedDocument, AuditedQuery, LinkChange
from atna.fhir import new_audit_event
from atna.fhir_reader import read_audit_event
from atna.message import AuditMessage, Outcome, ParticipantObject
from atna.participants import Side
from atna.reader import read
from atna.vocabulary import Action
from kernel.codes import Code
from tests.support.audit import CONTEXT, PATIENT, WHEN, a_subject, schema_faults

OTHER = "815^^^&1.2.3.4.5.2&ISO"
QUERY = AuditedQuery(b"MSH|^~\\&|", "TAG77")
STORED = AuditedQuery(b"<AdhocQueryRequest/>", "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d", "urn:oid:1.2.3")
TREATMENT = Code("TREATMENT", "2.16.840.1.113883.3.18.7.1", "Treatment")
OUTCOMES = [
    Outcome.SUCCESS,
    Outcome.MINOR.because("PATIENT_UNKNOWN"),
    Outcome.SERIOUS.because("METADATA_INVALID"),
    Outcome.MAJOR.because("BUSY"),
]

Built = tuple[AuditMessage, ...]
Build = Callable[[Subject, Outcome, Side], Built]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the tables: what a sender writes and what a receiver writes, as `event action` of each message."""

    name: str
    display: str
    build: Build
    sender: tuple[str, ...]
    receiver: tuple[str, ...]
    objects: tuple[tuple[int, int, str], ...]
    """Type, role and id type of each object."""
    is_retrieve: bool = False

    def expected(self, side: Side) -> tuple[str, ...]:
        return self.sender if side is Side.SENDER else self.receiver


PID = (1, 1, "2")
SET = (2, 20, "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd")


def _feed(event: events._Feed, action: Action) -> Build:
    return lambda who, outcome, side: (
        event(CONTEXT, who, when=WHEN, outcome=outcome, action=action, patient_ids=[PATIENT], side=side),
    )


def _merge(event: events._Merge) -> Build:
    return lambda who, outcome, side: event(CONTEXT, who, when=WHEN, outcome=outcome, subsumed=OTHER, survivor=PATIENT, side=side)


def _notification(event: events._Notification) -> Build:
    return lambda who, outcome, side: (event(CONTEXT, who, when=WHEN, outcome=outcome, patient_ids=[PATIENT], side=side),)


def _query(event: events._Query, query: AuditedQuery = QUERY) -> Build:
    return lambda who, outcome, side: (
        event(CONTEXT, who, when=WHEN, outcome=outcome, query=query, patient_ids=[PATIENT], side=side),
    )


def _submission(event: events._Submission) -> Build:
    return lambda who, outcome, side: (
        event(CONTEXT, who, when=WHEN, outcome=outcome, patient_id=PATIENT, submission_set_unique_id="1.2.3.4", side=side),
    )


def _multi(who: Subject, outcome: Outcome, side: Side) -> Built:
    return events.multi_patient_query(
        CONTEXT, who, when=WHEN, outcome=outcome, query=STORED, patient_ids=[PATIENT, OTHER], side=side
    )


def _retrieve(who: Subject, outcome: Outcome, side: Side) -> Built:
    return events.retrieve_document_set(
        CONTEXT, who, when=WHEN, outcome=outcome, documents=[AuditedDocument("1.2", "1.9", "urn:oid:1.2.3")], side=side
    )


def _remove_documents(who: Subject, outcome: Outcome, side: Side) -> Built:
    return events.remove_documents(CONTEXT, who, when=WHEN, outcome=outcome, documents=[AuditedDocument("1.2", "1.9")], side=side)


def _remove_metadata(who: Subject, outcome: Outcome, side: Side) -> Built:
    return (
        events.remove_metadata(
            CONTEXT, who, when=WHEN, outcome=outcome, object_ids=["urn:uuid:1"], patient_ids=[PATIENT], side=side
        ),
    )


def _link_change(who: Subject, outcome: Outcome, side: Side) -> Built:
    change = LinkChange("L1^^^&1.2&ISO", PATIENT, OTHER)
    return (
        events.link_change(CONTEXT, who, when=WHEN, outcome=outcome, change=change, submission_set_unique_id="1.2.3.4", side=side),
    )


def _q(name: str) -> tuple[int, int, str]:
    return (2, 24, name)


def _same(*told: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return told, told


FEED, UPDATE, MERGE = _same("110110 C"), _same("110110 U"), _same("110110 D", "110110 U")
ASKED = _same("110112 E")
NOTIFIED = (("110110 R",), ("110110 U",))
SUBMITTED = (("110106 R",), ("110107 C",))
UPDATED = (("110106 U",), ("110107 U",))
REMOVED = _same("110110 D")

ROWS = [
    Row("ITI-8", "Patient Identity Feed", _feed(events.identity_feed, Action.CREATE), *FEED, (PID,)),
    Row("ITI-8", "Patient Identity Feed", _feed(events.identity_feed, Action.UPDATE), *UPDATE, (PID,)),
    Row("ITI-8", "Patient Identity Feed", _merge(events.identity_merge), *MERGE, (PID,)),
    Row("ITI-9", "PIX Query", _query(events.pix_query), *ASKED, (PID, _q("ITI-9"))),
    Row("ITI-10", "PIX Update Notification", _notification(events.update_notification), *NOTIFIED, (PID,)),
    Row("ITI-18", "Registry Stored Query", _query(events.stored_query, STORED), *ASKED, (PID, _q("ITI-18"))),
    Row("ITI-21", "Patient Demographics Query", _query(events.pdq), *ASKED, (PID, _q("ITI-21"))),
    Row("ITI-22", "Patient Demographics and Visit Query", _query(events.pdvq), *ASKED, (PID, _q("ITI-22"))),
    Row("ITI-30", "Patient Identity Management", _feed(events.identity_management, Action.CREATE), *FEED, (PID,)),
    Row("ITI-30", "Patient Identity Management", _feed(events.identity_management, Action.UPDATE), *UPDATE, (PID,)),
    Row("ITI-30", "Patient Identity Management", _merge(events.identity_management_merge), *MERGE, (PID,)),
    Row("ITI-41", "Provide and Register Document Set-b", _submission(events.provide_and_register), *SUBMITTED, (PID, SET)),
    Row("ITI-42", "Register Document Set-b", _submission(events.register_document_set), *SUBMITTED, (PID, SET)),
    Row("ITI-43", "Retrieve Document Set", _retrieve, ("110107 C",), ("110106 R",), ((2, 3, "9"),), is_retrieve=True),
    Row("ITI-44", "Patient Identity Feed", _feed(events.identity_feed_v3, Action.CREATE), *FEED, (PID,)),
    Row("ITI-44", "Patient Identity Feed", _feed(events.identity_feed_v3, Action.UPDATE), *UPDATE, (PID,)),
    Row("ITI-44", "Patient Identity Feed", _merge(events.identity_merge_v3), *MERGE, (PID,)),
    Row("ITI-45", "PIX Query", _query(events.pix_query_v3), *ASKED, (PID, _q("ITI-45"))),
    Row("ITI-46", "PIX Update Notification", _notification(events.update_notification_v3), *NOTIFIED, (PID,)),
    Row("ITI-47", "Patient Demographics Query", _query(events.pdq_v3), *ASKED, (PID, _q("ITI-47"))),
    Row("ITI-51", "Multi-Patient Stored Query", _multi, *_same("110112 E", "110112 E"), (PID, _q("ITI-51"))),
    Row("ITI-57", "Update Document Set", _submission(events.update_document_set), *UPDATED, (PID, SET)),
    Row("ITI-61", "Register On-Demand Document Entry", _submission(events.register_on_demand), *SUBMITTED, (PID, SET)),
    Row("ITI-62", "Remove Metadata", _remove_metadata, *REMOVED, (PID, (2, 3, "urn:ihe:iti:2017:ObjectRef"))),
    Row("ITI-64", "Notify XAD-PID Link Change", _link_change, *UPDATE, (PID, PID, PID, SET)),
    Row("ITI-86", "Remove Documents", _remove_documents, *REMOVED, ((2, 3, "9"),)),
    Row("ITI-92", "Restricted Update Document Set", _submission(events.restricted_update), *UPDATED, (PID, SET)),
]  # fmt: skip
CELLS = [
    pytest.param(row, side, outcome, id=f"{row.name} {' '.join(row.receiver)} {side.value} {outcome.indicator.name}")
    for row in ROWS
    for side in Side
    for outcome in OUTCOMES
]


def _who(user: str = "") -> Subject:
    return a_subject(user=user, purposes=(TREATMENT,) if user else (), certificate_subject="CN=ehr")


@pytest.mark.parametrize(("row", "side", "outcome"), CELLS)
def test_every_message_is_valid_by_the_schema(row: Row, side: Side, outcome: Outcome) -> None:
    for message in row.build(_who(user="jane"), outcome, side):
        assert schema_faults(message.to_xml()) == []


@pytest.mark.parametrize(("row", "side", "outcome"), CELLS)
def test_every_message_says_which_event_it_is_and_how_it_ended(row: Row, side: Side, outcome: Outcome) -> None:
    messages = row.build(_who(), outcome, side)

    assert tuple(f"{m.event.code} {m.action.value}" for m in messages) == row.expected(side)
    for message in messages:
        assert message.types == (Code(row.name, "IHE Transactions", row.display),)
        assert message.outcome == outcome
        assert message.source.id == "mpi-1"
        assert message.when == WHEN
        assert read(message.to_xml()) == message


@pytest.mark.parametrize(("row", "side", "outcome"), CELLS)
def test_every_message_names_both_ends_and_the_one_who_asks(row: Row, side: Side, outcome: Outcome) -> None:
    for message in row.build(_who(user="jane"), outcome, side):
        source, destination, person = message.participants

        assert (source.roles[0].code, destination.roles[0].code) == ("110153", "110152")
        sender, receiver = (destination, source) if row.is_retrieve else (source, destination)
        assert (sender.user_id, sender.is_requestor) == ("FAC|APP", True)
        assert (receiver.user_id, receiver.is_requestor) == ("HIE|HIEMPI", False)
        ours, theirs = (sender, receiver) if side is Side.SENDER else (receiver, sender)
        assert (ours.alternative_user_id, ours.network_id, ours.network_type) == ("4711", "mpi.example.org", 1)
        assert (theirs.alternative_user_id, theirs.network_id, theirs.network_type) == ("", "10.0.0.5", 2)
        assert theirs.user_name == "CN=ehr"
        assert (person.user_id, person.is_requestor) == ("jane", True)
        assert message.purposes == (TREATMENT,)


@pytest.mark.parametrize(("row", "side", "outcome"), CELLS)
def test_every_message_has_the_objects_the_table_demands(row: Row, side: Side, outcome: Outcome) -> None:
    for message in row.build(_who(), outcome, side):
        assert tuple((o.type_code, o.role, o.id_type.code) for o in message.objects) == row.objects


@pytest.mark.parametrize(("row", "side", "outcome"), CELLS)
def test_a_message_of_unknown_origin_is_valid_too(row: Row, side: Side, outcome: Outcome) -> None:
    nobody = a_subject(source="", receiver="", message_id="", address="")

    for message in row.build(nobody, outcome, side):
        assert schema_faults(message.to_xml()) == []
        assert all(p.user_id and p.network_id for p in message.participants)


@pytest.mark.parametrize(("row", "side", "outcome"), CELLS)
def test_every_message_says_the_same_as_fhir(row: Row, side: Side, outcome: Outcome) -> None:
    for message in row.build(_who(user="jane"), outcome, side):
        resource = new_audit_event(message)

        AuditEvent.model_validate(resource)
        assert without_spelling(read_audit_event(resource)) == without_spelling(message)


def without_spelling(message: AuditMessage) -> AuditMessage:
    """A CX may say its authority with or without a namespace's place."""
    return replace(message, objects=tuple(replace(o, id=o.id.replace("^^^&", "^^^")) for o in message.objects))


def test_every_transaction_that_has_a_code_has_a_row() -> None:
    coded = {value.name for value in vars(vocabulary).values() if isinstance(value, vocabulary.Transaction)}

    assert coded - {row.name for row in ROWS} == {"ITI-81", "ITI-82"}  # uses of the log: tests/unit/atna/test_system_events.py


def _details(what: ParticipantObject) -> dict[str, bytes]:
    return dict(what.details)


def test_a_feed_names_the_message_it_came_in() -> None:
    v2 = events.identity_feed(CONTEXT, _who(), when=WHEN, outcome=Outcome.SUCCESS, action=Action.CREATE, patient_ids=[PATIENT])
    v3 = events.identity_feed_v3(CONTEXT, _who(), when=WHEN, outcome=Outcome.SUCCESS, action=Action.CREATE, patient_ids=[PATIENT])

    assert _details(v2.objects[0]) == {"MSH-10": b"Q1"}
    assert _details(v3.objects[0]) == {"II": b"Q1"}


def test_a_merge_says_deleted_of_the_subsumed_and_updated_of_the_survivor() -> None:
    gone, stays = events.identity_merge(CONTEXT, _who(), when=WHEN, outcome=Outcome.SUCCESS, subsumed=OTHER, survivor=PATIENT)

    assert (gone.action, gone.objects[0].id) == (Action.DELETE, OTHER)
    assert (stays.action, stays.objects[0].id) == (Action.UPDATE, PATIENT)


def test_a_query_carries_the_question_as_sent() -> None:
    event = events.pix_query(CONTEXT, _who(), when=WHEN, outcome=Outcome.SUCCESS, query=QUERY)

    (asked,) = event.objects
    assert (asked.id, asked.query, _details(asked)) == ("TAG77", b"MSH|^~\\&|", {"MSH-10": b"Q1"})


def test_a_stored_query_names_its_encoding_and_community() -> None:
    event = events.stored_query(CONTEXT, _who(), when=WHEN, outcome=Outcome.SUCCESS, query=STORED)

    (asked,) = event.objects
    assert asked.id == STORED.id
    assert _details(asked) == {"QueryEncoding": b"UTF-8", "urn:ihe:iti:xca:2010:homeCommunityId": b"urn:oid:1.2.3"}


def test_a_query_over_the_limit_is_cut_and_says_how_long_it_was() -> None:
    long = AuditedQuery(b"x" * (events.QUERY_LIMIT + 1))

    event = events.pdq(CONTEXT, _who(), when=WHEN, outcome=Outcome.SUCCESS, query=long)

    asked = event.objects[0]
    assert len(asked.query or b"") == events.QUERY_LIMIT
    assert _details(asked)["originalLength"] == str(events.QUERY_LIMIT + 1).encode()


def test_a_patient_named_twice_stands_once_and_an_empty_one_not_at_all() -> None:
    event = events.pdq(CONTEXT, _who(), when=WHEN, outcome=Outcome.SUCCESS, query=QUERY, patient_ids=[PATIENT, PATIENT, "", OTHER])

    assert [o.id for o in event.objects if o.role == 1] == [PATIENT, OTHER]


def test_a_multi_patient_query_without_patients_leaves_one_event() -> None:
    (event,) = events.multi_patient_query(CONTEXT, _who(), when=WHEN, outcome=Outcome.SUCCESS, query=STORED)

    assert [o.role for o in event.objects] == [24]


def test_a_submission_that_could_not_be_read_has_no_objects() -> None:
    event = events.register_document_set(
        CONTEXT, _who(), when=WHEN, outcome=Outcome.SERIOUS, patient_id=None, submission_set_unique_id=None
    )

    assert event.objects == ()


def test_a_partial_retrieve_leaves_an_event_for_each_outcome() -> None:
    documents = [
        AuditedDocument("1.1", "1.9"),
        AuditedDocument("1.2", "1.9", outcome=Outcome.SERIOUS.because("DOCUMENT_UNKNOWN")),
        AuditedDocument("1.3", "1.9"),
    ]

    good, bad = events.retrieve_document_set(CONTEXT, _who(), when=WHEN, outcome=Outcome.SUCCESS, documents=documents)

    assert (good.outcome, [o.id for o in good.objects]) == (Outcome.SUCCESS, ["1.1", "1.3"])
    assert (bad.outcome, [o.id for o in bad.objects]) == (Outcome.SERIOUS.because("DOCUMENT_UNKNOWN"), ["1.2"])
    assert _details(bad.objects[0]) == {"Repository Unique Id": b"1.9"}


def test_a_retrieve_of_two_patients_leaves_an_event_for_each() -> None:
    documents = [AuditedDocument("1.1", "1.9", patient_id=PATIENT), AuditedDocument("1.2", "1.9", patient_id=OTHER)]

    found = events.retrieve_document_set(CONTEXT, _who(), when=WHEN, outcome=Outcome.SUCCESS, documents=documents)

    assert [[o.id for o in m.objects] for m in found] == [[PATIENT, "1.1"], [OTHER, "1.2"]]


def test_a_retrieve_that_names_no_document_leaves_an_event_all_the_same() -> None:
    (event,) = events.retrieve_document_set(CONTEXT, _who(), when=WHEN, outcome=Outcome.SERIOUS, documents=[])

    assert (event.outcome, event.objects) == (Outcome.SERIOUS, ())


def test_removals_mark_their_objects_as_erased() -> None:
    (documents,) = _remove_documents(_who(), Outcome.SUCCESS, Side.RECEIVER)
    (metadata,) = _remove_metadata(_who(), Outcome.SUCCESS, Side.RECEIVER)

    assert documents.objects[0].life_cycle == 15
    assert metadata.objects[1].life_cycle == 15


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (LinkChange("L", "N"), {b"localPatientId": None, b"newPatientId": None}),
        (LinkChange("L", "N", "P"), {b"localPatientId": None, b"newPatientId": 1, b"previousPatientId": 14}),
        (
            LinkChange("L", "N", "N", "S"),
            {b"localPatientId": 1, b"subsumedPatientId": 14, b"newPatientId": None, b"previousPatientId": None},
        ),
    ],
)
def test_a_link_change_says_what_became_of_each_identifier(change: LinkChange, expected: dict[bytes, int | None]) -> None:
    event = events.link_change(CONTEXT, _who(), when=WHEN, outcome=Outcome.SUCCESS, change=change)

    told = {_details(o)["urn:ihe:iti:xpid:2017:patientIdentifierType"]: o.life_cycle for o in event.objects}
    assert told == expected
    assert all(_details(o)["MSH-10"] == b"Q1" for o in event.objects)
