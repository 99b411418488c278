"""ITI-92: what a restricted update may change, and what it may not (Restricted Metadata Update, 3.92.4.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.conformance.conftest import NewPatient, Patient
from tests.support import messages as m
from tests.support.checked import CheckedSoapWire
from tests.support.edits import ENTRY, Edit, edited, insert, put, remove, slot_of, text, value_of
from tests.support.updates import (
    ACTION_92,
    APND,
    DEPRECATED,
    ON_DEMAND,
    Desk,
    Filed,
    folder_version,
    status_change,
    status_of,
    submitted,
    title_of,
    version,
    version_of,
)

OFFLINE = "urn:ihe:iti:2010:DocumentAvailability:Offline"


@pytest.fixture
def desk(soap: CheckedSoapWire) -> Desk:
    """Who reads what there is."""
    return Desk(soap)


def test_an_entry_has_a_new_version(desk: Desk, patient: Patient) -> None:
    entry, uuid = desk.entry(patient.cx)

    desk.register(version(replace(entry, title="Corrected"), uuid), put(ENTRY, "home", "urn:oid:2.999.4"), action=ACTION_92)

    assert [(version_of(e), title_of(e)) for e in desk.entries(entry.unique_id)] == [(1, "Discharge letter"), (2, "Corrected")]


def test_a_status_is_changed(desk: Desk, patient: Patient) -> None:
    entry, uuid = desk.entry(patient.cx)

    desk.register(status_change(patient.cx, uuid), action=ACTION_92)

    assert [status_of(e) for e in desk.entries(entry.unique_id)] == ["Deprecated"]


Wrong = Callable[[Filed, str], str]
"""A body, given an entry in a folder and an entry of another patient."""


def _version(*edits: Edit, **changes: str | None) -> Wrong:
    return lambda filed, _: edited(version(replace(filed.entry, **changes), filed.uuid), *edits)  # type: ignore[arg-type]


MISTAKES: list[tuple[str, Wrong, list[str]]] = [
    ("a version that is not the latest", lambda f, _: version(f.entry, f.uuid, previous="4"), ["XDSMetadataVersionError"]),
    ("another uniqueId", _version(unique_id="2.999.66.2"), ["XDSMetadataIdentifierError"]),
    (
        "another objectType",
        _version(put(ENTRY, "objectType", ON_DEMAND), remove(ENTRY + slot_of("creationTime")), hash=None, size=None),
        ["XDSObjectTypeError"],
    ),
    ("another hash", _version(hash="b" * 40), ["UnmodifiableMetadataError"]),
    ("another repository", _version(repository="2.999.3"), ["UnmodifiableMetadataError"]),
    (
        "another sourcePatientId",
        _version(text(ENTRY + value_of("sourcePatientId"), "X^^^&2.999.5.1&ISO")),
        ["UnmodifiableMetadataError"],
    ),
    (
        "another documentAvailability",
        _version(insert(ENTRY, m.slot("documentAvailability", OFFLINE), before="rim:Slot")),
        ["UnmodifiableMetadataError"],
    ),
    (
        "a status that it has not",
        lambda f, _: status_change(f.entry.patient, f.uuid, DEPRECATED, m.APPROVED),
        ["UnmodifiableMetadataError"],
    ),
    (
        "an association with another patient's entry",
        lambda f, foreign: submitted(f.entry.patient, APND, f.uuid, foreign),
        ["XDSPatientIDReconciliationError"],
    ),
    (
        "a folder",
        lambda f, _: folder_version(f.entry.patient, f.folder_unique_id, f.folder, title="Renamed"),
        ["XDSInvalidRequestException"],
    ),
]


@pytest.mark.parametrize(("body", "codes"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_what_a_restricted_update_may_not_change_is_named_and_nothing_is_changed(
    soap: CheckedSoapWire, desk: Desk, patient: Patient, new_patient: NewPatient, body: Wrong, codes: list[str]
) -> None:
    filed = desk.filed(patient.cx)
    (_, foreign) = desk.entry(new_patient().cx)

    reply = soap.call(ACTION_92, body(filed, foreign))

    assert reply.status_urn == "Failure"
    assert sorted({code for code, _ in reply.refusals}) == sorted(codes)
    assert [(version_of(e), status_of(e)) for e in desk.entries(filed.entry.unique_id)] == [(1, "Approved")]
    assert [version_of(f) for f in desk.folders(filed.folder_unique_id)] == [1]


def test_an_entry_is_not_moved_to_another_patient(
    soap: CheckedSoapWire, desk: Desk, patient: Patient, new_patient: NewPatient
) -> None:
    entry, uuid = desk.entry(patient.cx)

    reply = soap.call(ACTION_92, version(replace(entry, patient=new_patient().cx), uuid))

    assert [code for code, _ in reply.refusals] == ["XDSPatientIDReconciliationError"]
    assert desk.found(patient.cx) == {uuid}
