"""Requests whose answer was lost, sent again to the letter: nothing new comes of them, and the answer is one the profile allows.

ITI-41 is answered with the same success; the registry, whose sets are registered once, says that this one is, or that what was to
be removed is gone. Between the two anything may have happened to the same patient.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from app.wiring import House
from kernel.peer import Peer
from registry.tables import FILED
from repository.store import METADATA as REPOSITORY
from soap.exchange import SoapRequest
from tests.support import messages as m
from tests.support.stores import a_house
from tests.support.updates import ACTION_57, ACTION_61, ACTION_62, ACTION_92, ON_DEMAND, removal, status_change, version
from tests.support.wire import SOAP_TYPE, Reply

REPLAYS = int(os.environ.get("HIE_TEST_REPLAYS", "60"))
"""Requests that are sent twice; 10,000 were by hand."""
SEED = int(os.environ.get("HIE_TEST_SEED", "20261122"))
PATIENT = m.cx("R-1")
PEER = Peer("192.0.2.7", "http://127.0.0.1/xds/repository")
REGISTERED, GONE = ["XDSDuplicateUniqueIdInRegistry"], ["UnresolvedReferenceException"]
Request = tuple[bytes, str]


class Domain:
    """Everything behind the SOAP door, and what lies in its tables."""

    def __init__(self, house: House, chance: random.Random) -> None:
        self._house, self.chance = house, chance
        self.entries: list[tuple[m.Entry, str]] = []

    def send(self, request: Request) -> Reply:
        """The answer."""
        body, kind = request
        response = self._house.soap.handle(SoapRequest(PEER, kind, [body], len(body)))
        return Reply(response.status, dict(response.headers)["Content-Type"], b"".join(response.chunks))

    def rows(self) -> dict[str, int]:
        """How many rows each table of registry and repository has."""
        tables = (*FILED, *REPOSITORY.sorted_tables)
        with self._house.database.read() as connection:
            return {t.name: connection.execute(sa.select(sa.func.count()).select_from(t)).scalar_one() for t in tables}

    def uuid(self, entry: m.Entry) -> str:
        """The entryUUID of an entry."""
        named = m.slot("$XDSDocumentEntryUniqueId", f"('{entry.unique_id}')")
        (found,) = self.send(plain(m.ACTION_18, m.stored_query(m.GET_DOCUMENTS, named))).entries()
        return str(found.get("id"))

    def an_entry(self) -> tuple[m.Entry, str]:
        """A registered entry of the first version and Approved."""
        entry = m.Entry(PATIENT)
        assert self.send(plain(m.ACTION_42, m.submission(entry))).status_urn == "Success"
        return entry, self.uuid(entry)

    def everything(self, uuid_: str) -> list[str]:
        """An entry, its set and what joins them."""
        asked = m.stored_query(
            "urn:uuid:51224314-5390-4169-9b91-b1980040715a", m.slot("$uuid", f"('{uuid_}')"), return_type="ObjectRef"
        )
        return [uuid_, *self.send(plain(m.ACTION_18, asked)).ids()]


def plain(action: str, body: str) -> Request:
    """A message without attachments."""
    return m.envelope(action, body), SOAP_TYPE


def registration(_: Domain) -> tuple[Request, list[str]]:
    """ITI-42."""
    return plain(m.ACTION_42, m.submission(m.Entry(PATIENT), m.Entry(PATIENT))), REGISTERED


def replacement(domain: Domain) -> tuple[Request, list[str]]:
    """ITI-42 with RPLC: what it replaced is deprecated by then."""
    _, target = domain.an_entry()
    return plain(m.ACTION_42, m.submission(m.Entry(PATIENT), replaces=target)), [
        *REGISTERED,
        "XDSRegistryDeprecatedDocumentError",
    ]


def on_demand(_: Domain) -> tuple[Request, list[str]]:
    """ITI-61."""
    entry = m.Entry(PATIENT, object_type=ON_DEMAND, hash=None, size=None)
    return plain(ACTION_61, m.submission(entry).replace(m.slot("creationTime", entry.creation_time), "")), REGISTERED


def provision(domain: Domain) -> tuple[Request, list[str]]:
    """ITI-41."""
    kind, body = m.provide_and_register(m.Entry(PATIENT, hash=None, size=None), domain.chance.randbytes(64))
    return (body, kind), []


def new_version(domain: Domain) -> tuple[Request, list[str]]:
    """ITI-57 of a version."""
    entry, uuid_ = domain.an_entry()
    return plain(ACTION_57, version(entry, uuid_)), [*REGISTERED, "XDSMetadataVersionError"]


def new_status(domain: Domain) -> tuple[Request, list[str]]:
    """ITI-92 of a status."""
    _, uuid_ = domain.an_entry()
    return plain(ACTION_92, status_change(PATIENT, uuid_)), [*REGISTERED, "UnmodifiableMetadataError"]


def metadata_removal(domain: Domain) -> tuple[Request, list[str]]:
    """ITI-62."""
    _, uuid_ = domain.an_entry()
    return plain(ACTION_62, removal(*domain.everything(uuid_))), GONE


def document_removal(domain: Domain) -> tuple[Request, list[str]]:
    """ITI-86."""
    entry = m.Entry(PATIENT, hash=None, size=None)
    kind, body = m.provide_and_register(entry, domain.chance.randbytes(64))
    assert domain.send((body, kind)).status_urn == "Success"
    return plain("urn:ihe:iti:2017:RemoveDocuments", m.remove_documents((m.REPOSITORY, entry.unique_id))), [
        "XDSDocumentUniqueIdError"
    ]


MAKERS: tuple[Callable[[Domain], tuple[Request, list[str]]], ...] = (
    registration,
    replacement,
    on_demand,
    provision,
    provision,
    new_version,
    new_status,
    metadata_removal,
    document_removal,
)


@pytest.fixture
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Domain]:
    """A service on the embedded default, with one patient."""
    with closing(a_house(tmp_path_factory.mktemp("replays"), log__level="ERROR")) as house:
        sa.event.listen(house.database.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
        house.v2(m.adt("R-1", authority=f"XAD&{m.XAD_OID}&ISO"), Peer("192.0.2.7", "127.0.0.1:2575"))
        yield Domain(house, random.Random(SEED))


def test_a_request_that_is_sent_again_creates_nothing_new(domain: Domain) -> None:
    for number in range(REPLAYS):
        request, allowed = MAKERS[number % len(MAKERS)](domain)
        first = domain.send(request)
        assert first.status_urn == "Success", first.errors
        if domain.chance.random() < 0.3:
            domain.an_entry()
        before = domain.rows()

        again = domain.send(request)

        refused = {code for code, _ in again.refusals}
        assert domain.rows() == before
        assert (again.status_urn == "Success") is (not allowed)
        assert refused <= set(allowed)
        assert bool(refused) is bool(allowed)
