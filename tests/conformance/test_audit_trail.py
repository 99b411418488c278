"""Every transaction, done or refused, leaves its audit message in our repository: valid, with the codes of the profile's tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conformance.conftest import Patient
from tests.support import messages as m
from tests.support import updates as u
from tests.support import v2, v3
from tests.support.audit import schema_faults
from tests.support.checked import CheckedMllpWire, CheckedSoapWire
from tests.support.trail import Record, Trail
from tests.support.wire import Reply

ROOT = Path(__file__).resolve().parents[2]
QUERY, RECORD, IMPORT, EXPORT = "110112", "110110", "110107", "110106"
SOURCE, DESTINATION = "110153", "110152"
REPOSITORY_PATH = "/xds/repository"
ACTION_51 = "urn:ihe:iti:2009:MultiPatientStoredQuery"
ACTION_61 = "urn:ihe:iti:2010:RegisterOnDemandDocumentEntry"


@dataclass
class Scene:
    """What a transaction is played with."""

    soap: CheckedSoapWire
    mllp: CheckedMllpWire
    patient: Patient
    mark: str = field(default_factory=m.fresh_oid)
    """Stands in the message, so that its record can be told from others."""

    @property
    def local(self) -> str:
        """The identifier at the hospital, as an audit message begins to show it."""
        return f"{self.patient.local_id}^^^"

    @property
    def fresh(self) -> str:
        """An identifier that no earlier message had."""
        return f"N{self.mark[-16:]}"


@dataclass(frozen=True)
class Play:
    """One exchange: how it is played, and what its record must say."""

    transaction: str
    name: str
    act: Callable[[Scene], object]
    event_id: str
    action: str
    outcome: str
    about: Callable[[Scene], str | tuple[str, ...]]
    """What objects of the record are called."""
    count: int = 1
    is_reversed: bool = False
    """A retrieval: the one who is asked is the source."""


def entry(scene: Scene, **changes: str | None) -> m.Entry:
    """An entry of the scene's patient."""
    return m.Entry(scene.patient.cx, **changes)  # type: ignore[arg-type]


def feed(scene: Scene, event: str = "A08", birth: str = "") -> str:
    """ITI-8."""
    pid = v2.pid(scene.fresh, name=f"{scene.patient.family}^{scene.patient.given}", birth=birth or scene.patient.birth)
    return scene.mllp.send(v2.admission(pid, event))


def feed_v3(scene: Scene, name: str, birth: str = "") -> v3.V3Reply:
    """ITI-44."""
    who = v3.person(scene.patient.family, scene.patient.given, birth=birth or scene.patient.birth)
    return v3.ask(scene.soap, v3.feed(v3.identifier(v3.HOSPITAL, scene.fresh), who, name=name))


def merge_v3(scene: Scene) -> v3.V3Reply:
    """ITI-44 merge of somebody with herself: refused."""
    own = v3.identifier(v3.HOSPITAL, scene.patient.local_id)
    return v3.ask(scene.soap, v3.feed(own, v3.person("A", "B"), name="PRPA_IN201304UV02", replaced=own))


def register(scene: Scene, **changes: str | None) -> Reply:
    """ITI-42."""
    return scene.soap.call(m.ACTION_42, m.submission(entry(scene, **changes), set_unique_id=scene.mark))


def provide(scene: Scene, **changes: str | None) -> Reply:
    """ITI-41."""
    one = entry(scene, **{"hash": None, "size": None, **changes})
    kind, data = m.provide_and_register(one, b"content", set_unique_id=scene.mark)
    return scene.soap.post(data, kind, REPOSITORY_PATH)


def retrieve(scene: Scene) -> Reply:
    """ITI-43 of a document that was provided just before."""
    kind, data = m.provide_and_register(entry(scene, unique_id=scene.mark, hash=None, size=None), b"content")
    assert scene.soap.post(data, kind, REPOSITORY_PATH).status_urn == "Success"
    return scene.soap.call(m.ACTION_43, m.retrieve((m.REPOSITORY, scene.mark)), REPOSITORY_PATH)


def retrieve_partly(scene: Scene) -> Reply:
    """ITI-43 of one document that is there and one that is not."""
    retrieve(scene)
    wanted = m.retrieve((m.REPOSITORY, scene.mark), (m.REPOSITORY, f"{scene.mark}.1"))
    return scene.soap.call(m.ACTION_43, wanted, REPOSITORY_PATH)


def remove(scene: Scene, **changes: str) -> Reply:
    """ITI-86 of a document that was provided just before."""
    retrieve(scene)
    named = (changes.get("repository", m.REPOSITORY), scene.mark)
    return scene.soap.call("urn:ihe:iti:2017:RemoveDocuments", m.remove_documents(named), REPOSITORY_PATH)


def on_demand(scene: Scene, **changes: str) -> Reply:
    """ITI-61."""
    one = entry(scene, object_type="urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248", hash=None, size=None, **changes)
    body = m.submission(one, set_unique_id=scene.mark)
    return scene.soap.call(ACTION_61, body.replace(m.slot("creationTime", one.creation_time), ""))


def several(scene: Scene, *slots: str) -> Reply:
    """ITI-51."""
    asked = m.slot("$XDSDocumentEntryPatientId", f"('{scene.patient.cx}')")
    return scene.soap.call(ACTION_51, m.stored_query("urn:uuid:3d1bdb10-39a2-11de-89c2-2f44d94eaa9f", asked, *slots))


def update(scene: Scene, action: str, original: str = m.APPROVED) -> Reply:
    """ITI-57 or ITI-92: a new status of an entry that was registered just before; refused where it has not the original one."""
    _, uuid = u.Desk(scene.soap).entry(scene.patient.cx)
    new = u.DEPRECATED if original == m.APPROVED else m.APPROVED
    change = m.association(u.UPDATE_STATUS, "Set", uuid, m.slot("OriginalStatus", original), m.slot("NewStatus", new))
    return scene.soap.call(action, m.submit_objects([m.set_xml(scene.patient.cx, unique_id=scene.mark), change]))


def remove_metadata(scene: Scene, *, whole: bool = True) -> Reply:
    """ITI-62 of a submission that was made just before; refused where a part of it stays."""
    desk = u.Desk(scene.soap)
    _, scene.mark = desk.entry(scene.patient.cx)
    rest = (*desk.sets(scene.mark), *(str(a.get("id")) for a in desk.associations(scene.mark))) if whole else ()
    return scene.soap.call(u.ACTION_62, u.removal(scene.mark, *rest))


STATUS = m.slot("$XDSDocumentEntryStatus", f"('{m.APPROVED}')")
TAG, QUERY_ID = "TAG-", "query-"
BAD_DAY = "19841399"

PLAYS = [
    Play("ITI-8", "a patient is announced", lambda s: feed(s, "A04"), RECORD, "C", "0", lambda s: s.fresh),
    Play("ITI-8", "a patient is updated", lambda s: feed(s), RECORD, "U", "0", lambda s: s.fresh),
    Play("ITI-8", "an announcement is refused", lambda s: feed(s, "A04", BAD_DAY), RECORD, "C", "8", lambda s: s.fresh),
    Play(
        "ITI-8",
        "a merge is refused",
        lambda s: s.mllp.send(m.merge(s.patient.local_id, "NOBODY")),
        RECORD,
        "U",
        "8",
        lambda s: s.local,
    ),
    Play("ITI-30", "a patient is announced", lambda s: feed(s, "A28"), RECORD, "C", "0", lambda s: s.fresh),
    Play("ITI-30", "an update is refused", lambda s: feed(s, "A31", BAD_DAY), RECORD, "U", "8", lambda s: s.fresh),
    Play("ITI-44", "a patient is announced", lambda s: feed_v3(s, "PRPA_IN201301UV02"), RECORD, "C", "0", lambda s: s.fresh),
    Play("ITI-44", "a patient is revised", lambda s: feed_v3(s, "PRPA_IN201302UV02"), RECORD, "U", "0", lambda s: s.fresh),
    Play(
        "ITI-44", "a revision is refused", lambda s: feed_v3(s, "PRPA_IN201302UV02", BAD_DAY), RECORD, "U", "8", lambda s: s.fresh
    ),
    Play("ITI-44", "a merge is refused", merge_v3, RECORD, "D", "8", lambda s: s.local),
    Play(
        "ITI-9",
        "identifiers are asked for",
        lambda s: s.mllp.send(v2.pix(f"{s.patient.local_id}^^^{v2.AUTHORITY}", tag=TAG + s.mark)),
        QUERY,
        "E",
        "0",
        lambda s: (s.local, TAG + s.mark),
    ),
    Play(
        "ITI-9",
        "identifiers in an unknown domain are asked for",
        lambda s: s.mllp.send(v2.pix(f"{s.patient.local_id}^^^{v2.AUTHORITY}", "^^^NOWHERE", tag=TAG + s.mark)),
        QUERY,
        "E",
        "8",
        lambda s: (s.local, TAG + s.mark),
    ),
    Play(
        "ITI-45",
        "identifiers are asked for",
        lambda s: v3.ask(s.soap, v3.pix(v3.HOSPITAL, s.patient.local_id)),
        QUERY,
        "E",
        "0",
        lambda s: s.local,
    ),
    Play(
        "ITI-45",
        "identifiers in an unknown domain are asked for",
        lambda s: v3.ask(s.soap, v3.pix(v3.HOSPITAL, s.patient.local_id, "2.999.66")),
        QUERY,
        "E",
        "8",
        lambda s: s.local,
    ),
    Play(
        "ITI-21",
        "patients are asked for",
        lambda s: s.mllp.send(v2.pdq(f"@PID.5.1.1^{s.patient.family}", tag=TAG + s.mark)),
        QUERY,
        "E",
        "0",
        lambda s: TAG + s.mark,
    ),
    Play(
        "ITI-21",
        "a question of nothing is refused",
        lambda s: s.mllp.send(v2.pdq("", tag=TAG + s.mark)),
        QUERY,
        "E",
        "8",
        lambda s: TAG + s.mark,
    ),
    Play(
        "ITI-47",
        "patients are asked for",
        lambda s: v3.ask(s.soap, v3.pdq(v3.named(s.patient.family), query_id=QUERY_ID + s.mark), path="/pdq"),
        QUERY,
        "E",
        "0",
        lambda s: QUERY_ID + s.mark,
    ),
    Play(
        "ITI-47",
        "a question of nothing is refused",
        lambda s: v3.ask(s.soap, v3.pdq("", query_id=QUERY_ID + s.mark), path="/pdq"),
        QUERY,
        "E",
        "8",
        lambda s: QUERY_ID + s.mark,
    ),
    Play("ITI-42", "entries are registered", lambda s: register(s), IMPORT, "C", "0", lambda s: s.mark),
    Play("ITI-42", "a registration is refused", lambda s: register(s, creation_time="x"), IMPORT, "C", "8", lambda s: s.mark),
    Play("ITI-41", "documents are provided", lambda s: provide(s), IMPORT, "C", "0", lambda s: s.mark),
    Play(
        "ITI-41",
        "a provision is refused by the registry",
        lambda s: provide(s, creation_time="x"),
        IMPORT,
        "C",
        "8",
        lambda s: s.mark,
    ),
    Play("ITI-41", "a provision is refused by us", lambda s: provide(s, size="9"), IMPORT, "C", "8", lambda s: s.mark),
    Play("ITI-61", "an on-demand entry is registered", lambda s: on_demand(s), IMPORT, "C", "0", lambda s: s.mark),
    Play("ITI-61", "an on-demand entry is refused", lambda s: on_demand(s, mime_type="x"), IMPORT, "C", "8", lambda s: s.mark),
    Play(
        "ITI-18",
        "documents are asked for",
        lambda s: s.soap.call(m.ACTION_18, m.find_documents(s.patient.cx)),
        QUERY,
        "E",
        "0",
        lambda s: s.patient.cx,
    ),
    Play(
        "ITI-18",
        "a wrong question is refused",
        lambda s: s.soap.call(m.ACTION_18, m.stored_query(f"urn:uuid:{s.mark}")),
        QUERY,
        "E",
        "8",
        lambda s: f"urn:uuid:{s.mark}",
    ),
    Play("ITI-57", "metadata are updated", lambda s: update(s, u.ACTION_57), IMPORT, "U", "0", lambda s: (s.mark, s.patient.cx)),
    Play("ITI-57", "an update is refused", lambda s: update(s, u.ACTION_57, u.DEPRECATED), IMPORT, "U", "8", lambda s: s.mark),
    Play("ITI-92", "metadata are updated", lambda s: update(s, u.ACTION_92), IMPORT, "U", "0", lambda s: (s.mark, s.patient.cx)),
    Play("ITI-92", "an update is refused", lambda s: update(s, u.ACTION_92, u.DEPRECATED), IMPORT, "U", "8", lambda s: s.mark),
    Play("ITI-62", "metadata are removed", lambda s: remove_metadata(s), RECORD, "D", "0", lambda s: (s.mark, s.patient.cx)),
    Play("ITI-62", "a removal is refused", lambda s: remove_metadata(s, whole=False), RECORD, "D", "8", lambda s: s.mark),
    Play("ITI-51", "documents are asked for", lambda s: several(s, STATUS), QUERY, "E", "0", lambda s: s.patient.cx),
    Play("ITI-51", "a wrong question is refused", lambda s: several(s), QUERY, "E", "8", lambda s: s.patient.cx),
    Play("ITI-43", "a document is retrieved", retrieve, EXPORT, "R", "0", lambda s: s.mark, is_reversed=True),
    Play("ITI-43", "a document is not there", retrieve_partly, EXPORT, "R", "8", lambda s: f"{s.mark}.1", is_reversed=True),
    Play("ITI-43", "another one is", retrieve_partly, EXPORT, "R", "0", lambda s: s.mark, count=2, is_reversed=True),
    Play("ITI-86", "a document is removed", lambda s: remove(s), RECORD, "D", "0", lambda s: (s.mark, s.patient.cx)),
    Play("ITI-86", "a removal elsewhere is refused", lambda s: remove(s, repository="2.999.8"), RECORD, "D", "8", lambda s: s.mark),
]


@pytest.mark.parametrize("play", PLAYS, ids=lambda p: f"{p.transaction}: {p.name}")
def test_it_is_on_record(soap: CheckedSoapWire, mllp: CheckedMllpWire, patient: Patient, trail: Trail, play: Play) -> None:
    scene, mark = Scene(soap, mllp, patient), trail.mark()

    play.act(scene)

    named = play.about(scene)
    about = (named,) if isinstance(named, str) else named

    def fits(record: Record) -> bool:
        facts = (record.event_id, record.action, record.outcome)
        return facts == (play.event_id, play.action, play.outcome) and all(
            any(name in found for found in record.object_ids) for name in about
        )

    records = trail.expect(mark, play.transaction, fits, play.count)
    for record in records:
        assert schema_faults(record.xml) == []
        assert set(record.roles) >= {SOURCE, DESTINATION}
        is_failure = play.outcome != "0"
        assert (record.event.findtext("EventOutcomeDescription") is not None) is is_failure
        requestors = [p for p in record.root.iter("ActiveParticipant") if p.get("UserIsRequestor") == "true"]
        assert [r.find("RoleIDCode").get("csd-code") for r in requestors] == [DESTINATION if play.is_reversed else SOURCE]


ELSEWHERE = {
    "ITI-10": "iti10/test_update_notification.py",  # we send it
    "ITI-46": "iti46/test_update_notification_v3.py",  # we send it
    "ITI-22": "iti22/test_pdvq.py",  # it needs a ward: test_it_is_on_record_answered_and_refused
    "ITI-20": "iti20/test_restful_feed.py",  # what is taken is a record itself
    "ITI-64": "test_audit_trail.py",  # it has objects of four kinds: test_a_move_is_on_record_with_what_each_identifier_is
    "ITI-81": "iti81/test_retrieve_audit_event.py",  # its readers need a token
    "ITI-82": "iti81/test_retrieve_audit_event.py",  # its readers need a token
}
"""Transactions whose records are looked at by other tests."""


def served() -> set[str]:
    """The transactions that have a door, by the files of the actors' packages, but for those that are looked at elsewhere."""
    names = {path.name for path in ROOT.glob("*/transactions/iti*_*.py")}
    return {f"ITI-{int(name[3:].partition('_')[0])}" for name in names} - ELSEWHERE.keys()


def test_the_records_of_the_others_are_looked_at_where_it_is_said() -> None:
    for transaction, place in ELSEWHERE.items():
        text = (ROOT / "tests" / "conformance" / place).read_text()
        assert transaction in text, place
        assert "trail.expect(" in text, place


def test_every_transaction_with_a_door_is_played_done_and_refused() -> None:
    done = {play.transaction for play in PLAYS if play.outcome == "0"}
    refused = {play.transaction for play in PLAYS if play.outcome != "0"}

    assert done == refused == served()


def test_a_submission_by_the_repository_is_on_record_as_both_transactions(
    soap: CheckedSoapWire, mllp: CheckedMllpWire, patient: Patient, trail: Trail
) -> None:
    scene, mark = Scene(soap, mllp, patient), trail.mark()

    provide(scene)

    for transaction in ("ITI-41", "ITI-42"):
        (record,) = trail.expect(mark, transaction, lambda r: scene.mark in r.object_ids)
        assert patient.cx in record.object_ids


def test_a_merge_is_on_record_as_one_deleted_and_one_updated(
    mllp: CheckedMllpWire, new_patient: Callable[[], Patient], trail: Trail
) -> None:
    stays, goes = new_patient(), new_patient()
    mark = trail.mark()

    mllp.send(m.merge(stays.local_id, goes.local_id))

    gone = trail.expect(mark, "ITI-8", lambda r: r.action != "C" and any(goes.local_id in i for i in r.object_ids))
    kept = trail.expect(mark, "ITI-8", lambda r: r.action != "C" and any(stays.local_id in i for i in r.object_ids))
    assert [(r.action, r.outcome) for r in (*gone, *kept)] == [("D", "0"), ("U", "0")]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_move_is_on_record_with_what_each_identifier_is(
    mllp: CheckedMllpWire, new_patient: Callable[[], Patient], trail: Trail, is_known: bool
) -> None:
    new, old = new_patient(), new_patient()
    local = old.local_id if is_known else f"{old.local_id}X"
    sent = v2.message(
        "ADT^A43^ADT_A43",
        "EVN||20261122105000",
        f"PID|||{new.cx}~{local}^^^&2.999.1.1&ISO|| ",
        f"MRG|{old.cx}",
        version="2.5",
    )
    mark = trail.mark()

    mllp.send(sent)

    (record,) = trail.expect(mark, "ITI-64", lambda r: any(local in i for i in r.object_ids))
    assert (record.event_id, record.action, record.outcome) == (RECORD, "U", "0" if is_known else "8")
    assert schema_faults(record.xml) == []
    assert {new.cx.split("^")[0], old.cx.split("^")[0]} <= {i.split("^")[0] for i in record.object_ids}
