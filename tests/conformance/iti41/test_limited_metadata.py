"""ITI-41 to a Document Recipient: limited metadata are received where that is configured, and given to nobody (XDR)."""

from __future__ import annotations

import pytest

from tests.support import messages as m
from tests.support.checked import CheckedSoapWire
from tests.support.service import Service
from tests.support.wire import Reply
from tests.unit.app.cli.test_received import labelled

PATH = "/xds/repository"


def send(service: Service, kind: str, data: bytes) -> Reply:
    """One request."""
    with CheckedSoapWire(service.http_port) as soap:
        return soap.post(data, kind, PATH)


@pytest.mark.parametrize("times", [1, 2])
def test_they_are_received_with_the_warning_that_they_wait(narrow: Service, times: int) -> None:
    entry = m.Entry(m.cx("THEIRS", "2.999.5.1"), hash=None, size=None)
    message = labelled(entry, m.fresh_oid())

    replies = [send(narrow, *message) for _ in range(times)]
    with CheckedSoapWire(narrow.http_port) as soap:
        retrieved = soap.call(m.ACTION_43, m.retrieve((m.REPOSITORY, entry.unique_id)), PATH)

    assert [(r.status_urn, r.refusals) for r in replies] == [("Success", [])] * times
    assert [code for code, _ in replies[-1].warnings] == ["DocumentQueued"]
    assert retrieved.codes == ["XDSDocumentUniqueIdError"]


def test_elsewhere_the_registry_says_what_they_lack(service: Service) -> None:
    reply = send(service, *labelled(m.Entry(m.cx("THEIRS", "2.999.5.1"), hash=None, size=None), m.fresh_oid()))

    assert reply.status_urn == "Failure"
    assert any("classCode" in context for _, context in reply.refusals)
