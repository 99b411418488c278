"""app.changes"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app import changes
from app.changes import VALUE_LENGTH, described, tell_changes
from app.settings import Settings
from app.wiring import House
from arr.model import LOCAL, AuditSearch
from atna.message import AuditMessage
from tests.support.audit import a_subject
from tests.support.stores import a_house, some_settings

EHR = '{ name = "EHR", subject = "CN=ehr", may = ["ITI-18"] }'
EHR_MORE = '{ name = "EHR", subject = "CN=ehr", may = ["ITI-18", "ITI-43"] }'
LAB = '{ name = "Laboratory", subject = "CN=lab", may = ["*"] }'


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = a_house(tmp_path)
    yield made
    made.close()


def started(house: House, **settings: str) -> list[str]:
    """The names of the settings that a start with these finds changed."""
    return [name for name, _, _ in tell_changes(house.database, house.audit_context, some_settings(**settings))]


def on_record(house: House) -> list[AuditMessage]:
    house.forward_audit(LOCAL)
    page = house.arr.search(AuditSearch(events=("110129",)), a_subject())
    return [record.message for record in reversed(page.records) if record.message]


def test_the_first_start_has_nothing_to_compare_with(house: House) -> None:
    assert started(house) == []
    assert started(house) == []


def test_nodes_are_told_each_by_its_name(house: House) -> None:
    started(house, tls__nodes=f"[{EHR}]")

    found = started(house, tls__nodes=f"[{EHR_MORE}, {LAB}]")
    gone = started(house)

    assert found == ["tls.nodes[EHR]", "tls.nodes[Laboratory]"]
    assert gone == ["tls.nodes[EHR]", "tls.nodes[Laboratory]"]


def test_a_change_is_on_the_record_with_what_it_was_and_who_started(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "amy")
    started(house, tls__nodes=f"[{EHR}]")

    started(house, tls__nodes=f"[{EHR_MORE}]", audit__spool_messages="9")
    started(house, tls__nodes=f"[{EHR_MORE}]", audit__spool_messages="9")

    (event,) = on_record(house)
    spool, node = event.objects
    assert [who.user_id for who in event.participants if who.is_requestor] == ["amy"]
    assert (spool.id, spool.details) == ("urn:affinity:setting:audit.spool_messages", (("before", b"1000000"), ("after", b"9")))
    assert node.id == "urn:affinity:setting:tls.nodes[EHR]"
    assert [b"ITI-43" in value for _, value in node.details] == [False, True]


def test_sources_and_authorities_are_told_by_what_they_are(house: House) -> None:
    started(house)

    found = started(
        house,
        affinity__authorities='[{ namespace = "HOSP_X", oid = "2.999.77" }]',
        affinity__sources='[{ application = "ADT", facility = "X", authorities = ["HOSP_X"] }]',
    )

    assert {"affinity.authorities[HOSP_X]", "affinity.sources[X|ADT]"} <= set(found)


def test_a_great_many_changes_are_several_records(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "IN_ONE_RECORD", 2)
    started(house)

    started(house, mllp__threads="3", audit__spool_messages="9", http__threads="7")

    assert [len(event.objects) for event in on_record(house)] == [2, 1]


def test_a_secret_is_masked() -> None:
    told = described(some_settings(audit__targets='[{ name = "x", url = "https://arr.example.org/fhir" }]', database__url=URL))

    assert "hidden" not in str(told)
    assert told["database.url"] == "postgresql+psycopg://hie:***@database/hie"


URL = "postgresql+psycopg://hie:hidden@database/hie"


def test_long_values_are_told_apart(house: House) -> None:
    names = ", ".join(f'"2.999.{n}"' for n in range(VALUE_LENGTH))
    long = f'[{{ name = "EHR", subject = "CN=ehr", may = [{names}, "ITI-1"] }}]'
    started(house, tls__nodes=long)

    assert started(house, tls__nodes=long.replace("ITI-1", "ITI-2")) == ["tls.nodes[EHR]"]


def test_two_items_of_one_name_are_both_told_of() -> None:
    settings = some_settings(tls__nodes=f"[{EHR}, {EHR_MORE}]")

    assert [name for name in described(settings) if name.startswith("tls.nodes")] == ["tls.nodes[EHR]", "tls.nodes[EHR#2]"]


def test_every_setting_has_a_name_of_its_own() -> None:
    assert len(described(Settings())) > 50


def test_a_service_that_begins_tells_of_changes(house: House, tmp_path: Path) -> None:
    with ExitStack() as stack:
        house.begin(stack)
    other = House(some_settings(mllp__threads="3"), tmp_path)

    with ExitStack() as stack:
        other.begin(stack)

    assert [event.objects[0].id for event in on_record(house)] == ["urn:affinity:setting:mllp.threads"]
    other.close()
