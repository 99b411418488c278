"""registry.leniency"""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from ebrim.model import EntryType, Identifier, Slot
from kernel.errors import Condition, Rejected, violation, warning
from kernel.peer import Peer
from kernel.xml import parse_xml
from registry.leniency import Deviation, LenientSource, complete_ids, mended, telling
from tests.support import messages as m
from tests.support.metadata import a_document_entry, a_submission
from tests.support.registry import SUBJECT

SOURCE = LenientSource(name="north", address=SUBJECT.peer.address)
STABLE = EntryType.STABLE


@pytest.mark.parametrize(
    ("source", "is_meant"),
    [
        (LenientSource(name="a", address=SUBJECT.peer.address), True),
        (LenientSource(name="a", address="10.0.0.99"), False),
        (LenientSource(name="a", source_id="2.999.9.1"), True),
        (LenientSource(name="a", source_id="2.999.9.2"), False),
        (LenientSource(name="a", address="10.0.0.99", source_id="2.999.9.1"), False),
        (LenientSource(name="a", subject="CN=a"), False),
    ],
)
def test_everything_that_is_said_of_a_source_has_to_fit(source: LenientSource, is_meant: bool) -> None:
    sent = a_submission(a_document_entry(language_code=("fr_HT",)))

    found = mended(sent, STABLE, SUBJECT, [source])

    assert (found.submission != sent) is is_meant
    assert len(found.warnings) is int(is_meant)


def test_a_certificate_is_recognised_however_its_subject_is_spaced() -> None:
    source = LenientSource(name="a", subject="CN=ehr.north, O=Hospital")

    assert source.is_peer(Peer("10.0.0.1", "x", "cn=ehr.north,o=hospital"))
    assert not source.is_peer(Peer("10.0.0.1", "x", "CN=ehr.south,O=Hospital"))


def test_a_source_that_nothing_is_said_of_is_no_setting() -> None:
    with pytest.raises(ValidationError):
        LenientSource(name="a")


def test_only_what_is_listed_is_put_right() -> None:
    sent = a_submission(a_document_entry(language_code=("fr_HT",), creation_time=("2026-01-02",)))
    source = LenientSource(name="a", address=SUBJECT.peer.address, accept=(Deviation.TIME,))

    (entry,) = mended(sent, STABLE, SUBJECT, [source]).submission.entries

    assert (entry.language_code, entry.creation_time) == (("fr_HT",), ("20260102",))


def test_what_is_right_is_left_alone_without_a_word() -> None:
    sent = a_submission()

    with capture_logs() as logged:
        found = mended(sent, STABLE, SUBJECT, [SOURCE])

    assert (found.submission, found.type, found.warnings, logged) == (sent, STABLE, (), [])


def test_what_was_put_right_is_logged_by_its_name_alone() -> None:
    patient = (Identifier("Secret^^^XAD&2.999.1&ISO&NI"),)

    with capture_logs() as logged:
        mended(a_submission(a_document_entry(patient_ids=patient)), STABLE, SUBJECT, [SOURCE])

    assert [(line["source"], line["deviations"]) for line in logged] == [("north", ["patient-id"])]
    assert "Secret" not in str(logged)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("1^^^&2.999.1&ISO", "1^^^&2.999.1&ISO"),
        ("1^^^name&2.999.1&ISO&NI", "1^^^&2.999.1&ISO"),
        ("1^^^name&2.999.1&oid^PI", "1^^^&2.999.1&ISO"),
        ("1^^^2.999.1", "1^^^&2.999.1&ISO"),
        ("1^^^2.999.1&2.999.2&ISO", "1^^^2.999.1&2.999.2&ISO"),
        ("1^^^name", "1^^^name"),
        ("1^x^^&2.999.1&ISO&NI", "1^x^^&2.999.1&ISO&NI"),
        ("", ""),
    ],
)
def test_a_patient_id_is_read_where_one_authority_can_be_meant(sent: str, meant: str) -> None:
    entry = a_document_entry(source_patient_id=(sent,))

    (found,) = mended(a_submission(entry), STABLE, SUBJECT, [SOURCE]).submission.entries

    assert found.source_patient_id == (meant,)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("20260114", "20260114"),
        ("2026-01-14", "20260114"),
        ("20260114103000.5", "20260114103000"),
        ("2026-01-14T10:30:00Z", "20260114103000"),
        ("20260114103000+0100", "20260114093000"),
        ("2026-01-01T00:30-05:00", "202601010530"),
        ("20260114+0100", "20260114"),
        ("20269914103000+0100", "20269914103000+0100"),
        ("yesterday", "yesterday"),
    ],
)
def test_a_time_is_read_as_a_dtm_in_utc(sent: str, meant: str) -> None:
    (found,) = mended(a_submission(a_document_entry(creation_time=(sent,))), STABLE, SUBJECT, [SOURCE]).submission.entries

    assert found.creation_time == (meant,)


def test_dropped_slots_are_told_as_such_and_those_with_a_urn_are_kept() -> None:
    entry = a_document_entry(slots=(Slot("colour", ("red",)), Slot("urn:example:colour", ("red",))))

    found = mended(a_submission(entry), STABLE, SUBJECT, [SOURCE])

    assert [slot.name for slot in found.submission.entries[0].slots] == ["urn:example:colour"]
    assert [w.condition for w in found.warnings] == [Condition.EXTRA_METADATA_DROPPED]


def test_stable_and_on_demand_entries_in_one_submission_stay_what_they_are() -> None:
    mixed = a_submission(a_document_entry(), a_document_entry(id="Document02", object_type=EntryType.ON_DEMAND.value))

    assert mended(mixed, STABLE, SUBJECT, [SOURCE]).type is STABLE


def test_a_refusal_tells_what_was_put_right_too() -> None:
    told, wrong = warning(Condition.METADATA_INVALID, "", "put right"), violation(Condition.HASH_DIFFERS, "", "wrong")

    with pytest.raises(Rejected) as caught, telling((told,)):
        raise Rejected(wrong)

    assert caught.value.violations == (told, wrong)


def test_ids_are_added_for_those_who_are_known_before_the_message_is_read() -> None:
    body = m.submission(m.Entry(m.cx("1"))).replace('classifiedObject="Set"', "").replace(' id="', ' lost="', 3)
    peer = Peer("10.0.0.7", "x")
    by_oid, by_address = LenientSource(name="a", source_id="2.999.5"), LenientSource(name="a", address="10.0.0.7")

    left, whole = parse_xml(body.encode()), parse_xml(body.encode())
    complete_ids(left, peer, [by_oid, replace_accept(by_address)])
    complete_ids(whole, peer, [by_address])

    parts = [e for e in whole.iter(f"{{{m.RIM}}}Classification") if e.get("id") is None or e.get("classifiedObject") is None]
    assert parts == []
    assert any(e.get("classifiedObject") is None for e in left.iter(f"{{{m.RIM}}}Classification"))


def replace_accept(source: LenientSource) -> LenientSource:
    """The same source, for whom nothing is put right but times."""
    return source.model_copy(update={"accept": (Deviation.TIME,)})


def test_parts_of_an_object_follow_its_id() -> None:
    upper = "urn:uuid:ABCDEF01-0000-4000-8000-00000000000A"
    codes = tuple(replace(code, classified_object=upper) for code in a_document_entry().class_codes)
    ids = (Identifier("2.999.7.1", "x", upper),)

    (found,) = mended(
        a_submission(a_document_entry(id=upper, class_codes=codes, unique_ids=ids)), STABLE, SUBJECT, [SOURCE]
    ).submission.entries

    assert {found.id, found.class_codes[0].classified_object, found.unique_ids[0].registry_object} == {upper.lower()}
