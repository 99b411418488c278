"""The audit record of each use case, in the unit of work it belongs to."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from atna import events
from ebrim.model import Identifier, Submission
from ebrim.query import QuerySlot, StoredQuery, quoted, quoted_list
from ebrim.uuids import QueryId
from kernel.errors import Condition, Rejected, Unavailable, rejected
from kernel.outbox import AUDIT_OUTBOX
from registry.tables import METADATA
from tests.conftest import MakeDatabase
from tests.support.metadata import PATIENT, a_document_entry, a_submission, a_submission_set
from tests.support.registry import APPROVED, OTHER_PATIENT, SUBJECT, Registry, a_registry

FIND = StoredQuery(
    QueryId.FIND_DOCUMENTS.value,
    "LeafClass",
    True,
    (
        QuerySlot("$XDSDocumentEntryPatientId", (quoted(PATIENT),)),
        QuerySlot("$XDSDocumentEntryStatus", (quoted_list([APPROVED]),)),
    ),
    raw=b"<query/>",
)


@pytest.fixture
def registry(make_database: MakeDatabase) -> Registry:
    return a_registry(make_database(METADATA))


def records(registry: Registry) -> int:
    """How many audit messages wait."""
    with registry.database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(AUDIT_OUTBOX)).scalar_one()


def test_a_submission_and_a_query_leave_a_record_each(registry: Registry) -> None:
    registry.service.register(a_submission(), SUBJECT)
    registry.service.query(FIND, SUBJECT)

    assert records(registry) == 2


def test_a_refused_act_leaves_no_record_of_success(registry: Registry) -> None:
    with pytest.raises(Rejected):
        registry.service.register(a_submission(a_document_entry(hash=())), SUBJECT)
    with pytest.raises(Rejected):
        registry.service.query(StoredQuery("urn:uuid:x", "LeafClass", True), SUBJECT)

    assert records(registry) == 0


def test_refusals_are_recorded_also_when_nothing_could_be_read(registry: Registry) -> None:
    error = rejected(Condition.METADATA_INVALID, "", "wrong")

    registry.service.refuse_submission(events.register_document_set, None, SUBJECT, error)
    registry.service.refuse_query(None, SUBJECT, error)
    registry.service.refuse_multi_patient_query(None, SUBJECT, error)
    registry.service.refuse_removal(["not a uuid"], SUBJECT, error)

    assert records(registry) == 4


def test_a_refusal_that_cannot_be_recorded_is_answered_all_the_same(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise Unavailable(rejected(Condition.BUSY, "", "").violations)

    monkeypatch.setattr(registry.database, "begin", fails)

    registry.service.refuse_query(FIND, SUBJECT, rejected(Condition.BUSY, "", "busy"))


def test_no_answer_is_given_out_that_could_not_be_recorded(registry: Registry) -> None:
    registry.service.register(a_submission(), SUBJECT)
    with registry.database.begin() as work:
        work.connection.exec_driver_sql("DROP TABLE audit_outbox")

    with pytest.raises((Unavailable, sa.exc.ProgrammingError)):
        registry.service.query(FIND, SUBJECT)


AUTHOR = QuerySlot("$XDSDocumentEntryAuthorPerson", (quoted_list(["Nobody%"]),))


def asking(*more: QuerySlot, patient: str = PATIENT) -> StoredQuery:
    """FIND with something changed."""
    return replace(FIND, slots=(QuerySlot(FIND.slots[0].name, (quoted(patient),)), *FIND.slots[1:], *more))


def test_what_is_found_by_one_statement_is_on_record_once_and_nobody_else_is_asked(registry: Registry) -> None:
    registry.service.register(a_submission(), SUBJECT)
    asked = registry.patients.asked

    found = registry.service.query(FIND, SUBJECT)

    assert len(found) == 1
    assert PATIENT.replace("&", "&amp;").encode() in found[0]
    assert (records(registry), registry.patients.asked) == (2, asked)


@pytest.mark.parametrize(
    "query",
    [asking(patient=OTHER_PATIENT), asking(AUTHOR)],
    ids=["a patient without documents", "none of that author"],
)
def test_a_question_that_finds_nothing_is_on_record_once(registry: Registry, query: StoredQuery) -> None:
    registry.service.register(a_submission(), SUBJECT)

    assert registry.service.query(query, SUBJECT) == ()

    assert records(registry) == 2


def test_a_question_about_an_unknown_patient_is_no_success_on_the_record(make_database: MakeDatabase) -> None:
    registry = a_registry(make_database(METADATA), unknown_patient_is_error=True)
    stranger = asking(patient="404^^^&1.3.6.1.4.1.21367.2005.13.20.1000&ISO")

    with pytest.raises(Rejected) as refused:
        registry.service.query(stranger, SUBJECT)

    assert refused.value.condition is Condition.PATIENT_UNKNOWN
    assert records(registry) == 0


def test_a_question_that_finds_too_much_is_no_success_on_the_record(make_database: MakeDatabase) -> None:
    registry = a_registry(make_database(METADATA), max_results=1)
    two = [a_document_entry(id=f"D{n}", unique_ids=(Identifier(f"2.999.1.{n}"),)) for n in range(2)]
    registry.service.register(a_submission(*two), SUBJECT)

    with pytest.raises(Rejected) as refused:
        registry.service.query(FIND, SUBJECT)

    assert refused.value.condition is Condition.TOO_MANY_RESULTS
    assert records(registry) == 1


def test_where_the_index_is_elsewhere_the_answer_is_the_same(make_database: MakeDatabase) -> None:
    registry = a_registry(make_database(METADATA))
    registry.service.register(a_submission(), SUBJECT)
    registry.patients.known.add(OTHER_PATIENT)
    registry.patients.merged[PATIENT] = OTHER_PATIENT
    query, ended = asking(patient=OTHER_PATIENT), asking(patient=PATIENT)

    at_once = [registry.service.query(q, SUBJECT) for q in (query, ended)]
    registry.patients.is_in_the_database = False
    apart = [registry.service.query(q, SUBJECT) for q in (query, ended)]

    assert at_once == apart
    assert [len(found) for found in apart] == [1, 0]
    assert OTHER_PATIENT.replace("&", "&amp;").encode() in apart[0][0]
    assert records(registry) == 5


def numbered(number: int, entries: int = 1) -> Submission:
    """A submission like no other."""
    made = [a_document_entry(id=f"D{n}", unique_ids=(Identifier(f"2.999.{number}.{n}"),)) for n in range(entries)]
    return a_submission(*made, submission_sets=(replace(a_submission_set(), unique_ids=(Identifier(f"2.999.{number}"),)),))


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.parametrize(("entries", "asked"), [(3, 0), (6, 1)], ids=["few objects", "more objects"])
def test_a_submission_is_filed_by_the_statement_that_asks_whether_the_patient_is_active(
    make_database: MakeDatabase, entries: int, asked: int
) -> None:
    registry = a_registry(make_database(METADATA))
    registry.service.register(numbered(1), SUBJECT)
    before = registry.patients.asked

    registry.service.register(numbered(2, entries), SUBJECT)

    assert registry.patients.asked - before == asked
    assert records(registry) == 2
    assert len(registry.service.query(FIND, SUBJECT)) == 1 + entries


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_for_a_patient_who_was_merged_meanwhile_nothing_is_filed(make_database: MakeDatabase) -> None:
    registry = a_registry(make_database(METADATA))
    registry.service.register(numbered(1), SUBJECT)
    registry.patients.merged[PATIENT] = OTHER_PATIENT

    with pytest.raises(Rejected) as refused:
        registry.service.register(numbered(2, 2), SUBJECT)

    assert refused.value.condition is Condition.PATIENT_UNKNOWN
    assert records(registry) == 1
    assert len(registry.service.query(asking(patient=OTHER_PATIENT), SUBJECT)) == 1


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_question_over_all_patients_that_takes_too_long_is_told_to_ask_for_less(make_database: MakeDatabase) -> None:
    registry = a_registry(make_database(METADATA), broad_query_seconds=0.2)
    registry.register(a_submission())
    slots = (
        QuerySlot("$XDSDocumentEntryClassCode", (quoted_list(["History and Physical^^2.999.4.1"]),)),
        QuerySlot("$XDSDocumentEntryStatus", (quoted_list([APPROVED]),)),
    )
    broad = StoredQuery(QueryId.FIND_DOCUMENTS_FOR_MULTIPLE_PATIENTS.value, "LeafClass", True, slots, raw=b"<query/>")

    with registry.database.engine.begin() as other:
        other.exec_driver_sql("LOCK TABLE entry IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Rejected) as refused:
            registry.service.query_multiple_patients(broad, SUBJECT)

    assert refused.value.condition is Condition.TOO_MANY_RESULTS
    assert len(registry.service.query_multiple_patients(broad, SUBJECT)) == 1
