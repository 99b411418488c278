"""app.verification"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.verification import verify_store
from app.wiring import House
from kernel.outbox import OUTBOX
from soap.exchange import SoapRequest
from tests.support import messages as m
from tests.support.audit import a_subject
from tests.support.soap import Reply
from tests.support.stores import PEER, a_house

SUBJECT = a_subject(source="operator", user="anna")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A store with one patient and one document."""
    made = a_house(tmp_path)
    patient = m.cx(_affinity_id(made))
    content_type, body = m.provide_and_register(m.Entry(patient, hash=None, size=None, repository=None), b"A letter.")
    answer = Reply.of(made.soap.handle(SoapRequest(PEER, content_type, (body,), len(body))))
    assert b"ResponseStatusType:Success" in answer.data
    yield made
    made.close()


def _affinity_id(house: House) -> str:
    house.v2(m.adt("1"), PEER)
    answer = house.v2(m.pix_query("1"), PEER).decode()
    return answer.partition("PID||")[2].lstrip("|").partition("^")[0]


def broken(house: House) -> list[str]:
    """The invariants that do not hold."""
    return [found.check for found in verify_store(house, SUBJECT) if found.state != "ok"]


def a_document(house: House) -> Path:
    """The file of the document."""
    (file,) = (path for path in (house.data / "documents").rglob("*") if path.is_file() and len(path.name) == 64)
    return file


def test_a_store_in_use_is_whole(house: House) -> None:
    assert broken(house) == []


def test_a_document_that_was_changed_on_the_disk_is_found(house: House) -> None:
    file = a_document(house)
    file.chmod(0o600)
    file.write_bytes(b"A lette!.")

    assert broken(house) == ["every document is what was stored"]


def test_a_document_that_is_gone_is_found(house: House) -> None:
    a_document(house).unlink()

    (found,) = (f for f in verify_store(house, SUBJECT) if f.state != "ok")

    assert found.check == "every document is what was stored"
    assert "missing" in found.detail


def test_work_that_was_given_up_is_found(house: House) -> None:
    with house.database.begin() as work:
        values = {"topic": "t", "key": "1", "told_at": 0, "due_at": 0, "tries": 12, "dead": True}
        work.connection.execute(OUTBOX.insert().values(values))

    assert broken(house) == ["no work was given up"]


def test_tables_of_another_release_are_found(house: House) -> None:
    with house.database.begin() as work:
        work.connection.execute(sa.text("UPDATE registry_version SET version_num = '0000'"))

    assert "tables are those of this release" in broken(house)
