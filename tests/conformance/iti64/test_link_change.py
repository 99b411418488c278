"""ITI-64: a local patient and her documents go over to another patient of the affinity domain (ITI TF-2 3.64)."""

from __future__ import annotations

from dataclasses import dataclass

import hl7
import pytest

from tests.conformance.conftest import NewPatient, Patient
from tests.conformance.test_documents_follow_patients import Shelf, newest_act
from tests.support import messages as m
from tests.support.checked import CheckedMllpWire, CheckedSoapWire
from tests.support.command import hie
from tests.support.service import Service
from tests.support.v2 import code, errors, message, query_status
from tests.support.wire import field

HOSP_A = "&2.999.1.1&ISO"
XAD = f"&{m.XAD_OID}&ISO"


def change(local: str, current: str, previous: str, *, subsumed: str = "", control_id: str = "", version: str = "2.5") -> bytes:
    """An A43; identifiers in full, as it demands them."""
    ended = f"~{subsumed}" if subsumed else ""
    segments = ("EVN||20261122105000", f"PID|||{current}~{local}|| ", f"MRG|{previous}{ended}")
    sender = "2.999.64^^ISO|XAD"
    return message("ADT^A43^ADT_A43", *segments, version=version, sender=sender, control_id=control_id)


def local(patient: Patient | str) -> str:
    """The identifier of the hospital."""
    return f"{patient if isinstance(patient, str) else patient.local_id}^^^{HOSP_A}"


@dataclass
class Domain:
    """What a PIX manager of the affinity domain sees of it."""

    soap: CheckedSoapWire
    mllp: CheckedMllpWire
    data: str

    @property
    def shelf(self) -> Shelf:
        """The registry."""
        return Shelf(self.soap)

    def put(self, patient: Patient, source: Patient | str) -> set[str]:
        """A document in a folder, filed for one and submitted for another; gives what is new."""
        before = self.held(patient)
        self.shelf.put(patient.cx, local(source))
        return self.held(patient) - before

    def held(self, patient: Patient) -> set[str]:
        """Everything of a patient; it is shown with the id that was asked for."""
        found = self.shelf.everything(patient.cx)
        assert set(found) <= {patient.cx}
        return found.get(patient.cx, set())

    def undo(self) -> None:
        """Takes the newest act back."""
        done = hie("mpi", "undo", newest_act(self.data), "--data", self.data)
        assert done.code == 0, done.err


@pytest.fixture
def domain(soap: CheckedSoapWire, mllp: CheckedMllpWire, service: Service) -> Domain:
    """The running service."""
    return Domain(soap, mllp, str(service.data))


def test_what_was_submitted_for_the_local_patient_follows_and_goes_back_when_it_is_undone(
    domain: Domain, new_patient: NewPatient
) -> None:
    new, old = new_patient(), new_patient()
    kept, own, moved = domain.put(old, "elsewhere"), domain.put(new, new), domain.put(old, old)

    answer = domain.mllp.send(change(local(old), new.cx, old.cx))

    assert (code(answer), errors(answer)) == ("AA", [])
    assert domain.held(old) == kept
    assert domain.held(new) == own | moved
    assert field(domain.mllp.send(m.pix_query(old.local_id)), "PID", 3).count(new.affinity_id) == 1
    later_of_it, later_of_new, later_of_old = domain.put(new, old), domain.put(new, new), domain.put(old, "elsewhere")
    assert min(map(len, (later_of_it, later_of_new, later_of_old))) == 3

    domain.undo()

    assert domain.held(old) == kept | moved | later_of_it | later_of_old
    assert domain.held(new) == own | later_of_new

    answer = domain.mllp.send(change(local(old), new.cx, old.cx))

    assert code(answer) == "AA"
    assert domain.held(old) == kept | later_of_old
    assert domain.held(new) == own | later_of_new | moved | later_of_it


def test_documents_of_a_patient_whom_no_source_announced_move_as_well(domain: Domain, new_patient: NewPatient) -> None:
    new, old, unknown = new_patient(XAD), new_patient(XAD), f"{new_patient().local_id}U"
    kept, moved = domain.put(old, old), domain.put(old, unknown)

    assert code(domain.mllp.send(change(local(unknown), new.cx, old.cx))) == "AA"
    assert (domain.held(old), domain.held(new)) == (kept, moved)

    domain.undo()
    assert (domain.held(old), domain.held(new)) == (kept | moved, set())
    assert query_status(domain.mllp.send(m.pix_query(unknown))) == "AE"


def test_documents_of_a_subsumed_local_identifier_move_as_well(domain: Domain, new_patient: NewPatient) -> None:
    new, old, third = new_patient(), new_patient(), new_patient()
    moved, theirs = domain.put(old, old), domain.put(third, third)
    subsumed, kept = domain.put(old, third), domain.put(old, "elsewhere")

    answer = domain.mllp.send(change(local(old), new.cx, old.cx, subsumed=local(third)))

    assert code(answer) == "AA"
    # the person of an identifier that ended goes along, as with every merge
    assert (domain.held(new), domain.held(old)) == (moved | subsumed | theirs, kept)
    assert query_status(domain.mllp.send(m.pix_query(third.local_id))) == "AE"
    domain.undo()
    assert (domain.held(old), domain.held(third), domain.held(new)) == (moved | kept | subsumed, theirs, set())


def test_a_local_merge_alone_is_told_with_the_same_identifier_twice(domain: Domain, new_patient: NewPatient) -> None:
    one, other = new_patient(), new_patient()
    held, subsumed = domain.put(one, one), domain.put(other, other)

    answer = domain.mllp.send(change(local(one), one.cx, one.cx, subsumed=local(other)))

    assert code(answer) == "AA"
    assert domain.held(one) == held | subsumed


def test_the_acknowledgement_is_read_by_others_and_a_repetition_changes_nothing(domain: Domain, new_patient: NewPatient) -> None:
    new, old = new_patient(), new_patient()
    sent = change(local(old), new.cx, old.cx, control_id=f"X{new.local_id}"[:20])

    answers = [domain.mllp.send(sent) for _ in range(2)]

    for answer in answers:
        parsed = hl7.parse(answer)
        assert str(parsed.segment("MSH")[9]) == "ACK^A43^ACK"
        assert (str(parsed.segment("MSA")[1]), str(parsed.segment("MSA")[2])) == ("AA", f"X{new.local_id}"[:20])


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"current": f"NOBODY^^^{XAD}"}, ("PID^1^3^1^1", "204")),
        ({"local": f"NOBODY^^^{HOSP_A}"}, ("PID^1^3^2^1", "204")),
        ({"previous": f"NOBODY^^^{XAD}"}, ("MRG^1^1^1^1", "204")),
        ({"subsumed": f"NOBODY^^^{HOSP_A}"}, ("MRG^1^1^2^1", "204")),
        ({"current": f"X^^^{HOSP_A}"}, ("PID^1^3^1^4", "204")),
        ({"previous": f"X^^^{HOSP_A}"}, ("MRG^1^1^1^4", "204")),
        ({"local": f"X^^^{XAD}"}, ("PID^1^3^2^4", "204")),
        ({"previous": ""}, ("MRG^1^1", "101")),
        ({"local": ""}, ("PID^1^3^2", "101")),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else value[0],
)
def test_what_is_wrong_is_named_at_its_place(
    domain: Domain, new_patient: NewPatient, wrong: dict[str, str], expected: tuple[str, str]
) -> None:
    new, old = new_patient(), new_patient()
    right = {"local": local(old), "current": new.cx, "previous": old.cx}

    answer = domain.mllp.send(change(**(right | wrong)))

    assert (code(answer), [(e.where, e.code) for e in errors(answer)]) == ("AE", [expected])
    assert domain.held(new) == set()


def test_a_subsumed_identifier_and_the_same_patient_are_refused(domain: Domain, new_patient: NewPatient) -> None:
    new, old, gone = new_patient(XAD), new_patient(), new_patient(XAD)
    domain.mllp.send(m.merge(new.local_id, gone.local_id, authority=f"XAD{XAD}"))
    cases = (
        (change(local(old), gone.cx, old.cx), "PID^1^3^1^1"),
        (change(local(old), new.cx, gone.cx), "MRG^1^1^1^1"),
        (change(local(old), old.cx, old.cx), "MRG^1^1^1^1"),
        (change(local(old), old.cx, new.cx), "PID^1^3^2^1"),
    )

    answers = [domain.mllp.send(sent) for sent, _ in cases]

    assert [(code(a), [(e.where, e.code) for e in errors(a)]) for a in answers] == [("AE", [(place, "204")]) for _, place in cases]


def test_a_missing_segment_and_a_wrong_version_are_refused(domain: Domain, new_patient: NewPatient) -> None:
    new, old = new_patient(), new_patient()
    whole = change(local(old), new.cx, old.cx)

    without = domain.mllp.send(b"\r".join(line for line in whole.split(b"\r") if not line.startswith(b"MRG")))
    old_version = domain.mllp.send(change(local(old), new.cx, old.cx, version="2.2"))

    assert (code(without), [e.code for e in errors(without)]) == ("AE", ["100"])
    assert (code(old_version), [e.code for e in errors(old_version)]) == ("AR", ["203"])


def test_only_the_source_of_the_affinity_domain_may_say_it(narrow: Service) -> None:
    with CheckedMllpWire(narrow.mllp_port) as mllp:
        answer = mllp.send(change(local("1"), m.cx("2"), m.cx("3")).replace(b"|2.999.64^^ISO|XAD|", b"|ADT|A|"))

    assert (code(answer), {(e.where, e.code) for e in errors(answer)}) == ("AE", {("PID^1^3^1^4", "204"), ("MRG^1^1^1^4", "204")})
