"""app.cli.received"""

from __future__ import annotations

import pytest

from soap.exchange import SoapRequest
from tests.support import messages as m
from tests.support.soap import PLAIN, Reply
from tests.support.stores import PEER, Store, a_house

LABELS = {"Set": "5003a9db-8d8d-49e6-bf0c-990e34ac7707", "entry": "ab9b591b-83ab-4d03-8f5d-f93b1fb92e85"}


def labelled(entry: m.Entry, set_unique_id: str) -> tuple[str, bytes]:
    """ITI-41 with limited metadata: no codes but the type, and the labels."""
    kind, data = m.provide_and_register(entry, b"A letter.", set_unique_id=set_unique_id)
    text = data.decode()
    for of, node in (("Set", LABELS["Set"]), (entry.id, LABELS["entry"])):
        label = f'<rim:Classification id="l-{of}" classifiedObject="{of}" classificationNode="urn:uuid:{node}"/>'
        end = "</rim:RegistryPackage>" if of == "Set" else "</rim:ExtrinsicObject>"
        first = text.index("<rim:ExternalIdentifier", text.index(f'id="{of}"'))
        text = text[:first] + label + text[first:]
        assert end in text
    cut = text.index('classificationScheme="urn:uuid:41a5887f')
    begin, end_at = text.rindex("<rim:Classification ", 0, cut), text.index("</rim:Classification>", cut)
    return kind, (text[:begin] + text[end_at + len("</rim:Classification>") :]).encode()


def post(store: Store, kind: str, data: bytes, **settings: str) -> str:
    house = a_house(store.data, **settings)
    answer = Reply.of(house.soap.handle(SoapRequest(PEER, kind, (data,), len(data)))).data.decode()
    house.close()
    return answer


def known(store: Store) -> str:
    return store.feed(m.adt("1"), m.pix_query("1"))[1].partition("PID||")[2].lstrip("|").partition("^")[0]


@pytest.fixture
def sent(store: Store) -> m.Entry:
    """An entry of a patient nobody here knows, received."""
    entry = m.Entry(m.cx("THEIRS", "2.999.5.1"), hash=None, size=None)
    answer = post(store, *labelled(entry, "2.999.55.1"), storage__limited_metadata="true")
    assert "ResponseStatusType:Success" in answer
    assert "DocumentQueued" in answer
    return entry


def test_what_was_received_is_listed_and_filed_for_a_patient_of_ours(store: Store, sent: m.Entry) -> None:
    patient = m.cx(known(store))

    (row,) = store.hie("received", "list", "--json").json
    done = store.hie("received", "file", row["submission_set"], "--patient", patient, "--json")
    left = store.hie("received", "list", "--json").json

    assert (row["submission_set"], row["documents"]) == ("2.999.55.1", ["Discharge letter"])
    assert (done.code, done.json["documents"]) == (0, [sent.unique_id]), done.err
    assert left == []
    found = post(store, PLAIN, m.envelope(m.ACTION_18, m.find_documents(patient)))
    assert sent.unique_id in found
    assert "A letter." in post(store, PLAIN, m.envelope(m.ACTION_43, m.retrieve((m.REPOSITORY, sent.unique_id))))


def test_until_then_nobody_is_given_it(store: Store, sent: m.Entry) -> None:
    answer = post(store, PLAIN, m.envelope(m.ACTION_43, m.retrieve((m.REPOSITORY, sent.unique_id))))

    assert "XDSDocumentUniqueIdError" in answer


def test_what_the_registry_refuses_stays_in_the_list(store: Store, sent: m.Entry) -> None:
    done = store.hie("received", "file", "2.999.55.1", "--patient", m.cx("NOBODY"))

    assert done.code == 1
    assert len(store.hie("received", "list", "--json").json) == 1


def test_where_it_is_not_configured_limited_metadata_are_refused(store: Store) -> None:
    answer = post(store, *labelled(m.Entry(m.cx(known(store)), hash=None, size=None), "2.999.55.2"))

    assert "ResponseStatusType:Failure" in answer
    assert "classCode" in answer
    assert store.hie("received", "list", "--json").json == []


def test_a_set_that_was_not_received_cannot_be_filed(store: Store) -> None:
    assert store.hie("received", "file", "2.999.404", "--patient", m.cx("1")).code == 1
