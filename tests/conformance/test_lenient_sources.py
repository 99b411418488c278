"""Deviations that real senders have: accepted with a warning from those the domain names, refused from everybody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from lxml import etree

from app.wiring import House
from kernel.peer import Peer
from soap.exchange import SoapRequest
from tests.support import messages as m
from tests.support.checked import assert_valid
from tests.support.edits import ENTRY, MEMBER, SET, Edit, drop, edited, identifier_of, insert, put, remove, text, value_of
from tests.support.stores import a_house
from tests.support.updates import ON_DEMAND
from tests.support.wire import Reply

KNOWN, ANYBODY = "192.0.2.7", "192.0.2.8"
LENIENT = f'[{{name = "the clinic in the north", address = "{KNOWN}"}}, {{name = "by its OID", source_id = "2.999.5.77"}}]'
PATIENT_IDS = ENTRY + identifier_of("58a6f841-87b3-4a3e-92fd-a8ffeff98427")
SET_PATIENT = SET + identifier_of("6b5aea1a-874d-4603-a4bc-96a0a7b38446")
SET_SOURCE = SET + identifier_of("554ac39e-e3fe-47fe-b233-965d2a147832")
PATIENT = m.cx("L-1")


class Registry:
    """The registry of a house, asked from an address."""

    def __init__(self, house: House) -> None:
        self._house = house

    def call(self, action: str, body: str, address: str) -> Reply:
        """The answer, proven."""
        sent = m.envelope(action, body)
        request = SoapRequest(Peer(address, "http://127.0.0.1/xds/registry"), "application/soap+xml", [sent], len(sent))
        response = self._house.soap.handle(request)
        reply = Reply(response.status, dict(response.headers)["Content-Type"], b"".join(response.chunks))
        assert_valid(reply)
        return reply

    def entry(self, unique_id: str) -> etree._Element:
        """The one entry with a uniqueId."""
        named = m.slot("$XDSDocumentEntryUniqueId", f"('{unique_id}')")
        (found,) = self.call(m.ACTION_18, m.stored_query(m.GET_DOCUMENTS, named), ANYBODY).entries()
        return found


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A domain with two lenient sources and one patient."""
    house = a_house(tmp_path_factory.mktemp("lenient"), registry__lenient=LENIENT)
    announced = house.v2(m.adt("L-1", authority=f"XAD&{m.XAD_OID}&ISO"), Peer(ANYBODY, "127.0.0.1:2575"))
    assert b"MSA|AA" in announced
    yield Registry(house)
    house.close()


def both(*edits: Edit) -> Edit:
    """Several edits as one."""

    def edit(root: etree._Element) -> None:
        for one in edits:
            one(root)

    return edit


def values(name: str) -> Callable[[etree._Element], list[str]]:
    """The values of a slot of an entry."""
    return lambda entry: [str(v.text) for v in entry.xpath("." + value_of(name).replace("//", "/"), namespaces={"rim": m.RIM})]


def patient_of(entry: etree._Element) -> list[str]:
    """The patientId of an entry."""
    found = entry.xpath("." + identifier_of("58a6f841-87b3-4a3e-92fd-a8ffeff98427") + "/@value", namespaces={"rim": m.RIM})
    return [str(value) for value in found]


FOUR_PARTS = f"L-1^^^XAD&{m.XAD_OID}&ISO&NI"
UUID = "urn:uuid:ABCDEF01-0000-4000-8000-00000000000A"
DEVIATIONS: list[tuple[str, Edit, Callable[[etree._Element], list[str]], list[str]]] = [
    (
        "a CX whose authority has four parts",
        both(put(PATIENT_IDS, "value", FOUR_PARTS), put(SET_PATIENT, "value", FOUR_PARTS)),
        patient_of,
        [PATIENT],
    ),
    (
        "a sourcePatientId with a namespace",
        text(ENTRY + value_of("sourcePatientId"), "S-1^^^HOSP&2.999.5.1&ISO^PI"),
        values("sourcePatientId"),
        ["S-1^^^&2.999.5.1&ISO"],
    ),
    ("a locale as a language", text(ENTRY + value_of("languageCode"), "fr_HT"), values("languageCode"), ["fr-HT"]),
    (
        "a time with a zone",
        text(ENTRY + value_of("creationTime"), "2026-01-14T10:30:00.000+01:00"),
        values("creationTime"),
        ["20260114093000"],
    ),
    ("a slot of its own", insert(ENTRY, m.slot("colour", "red"), before="rim:Slot"), values("colour"), []),
    ("no SubmissionSetStatus", remove(MEMBER + "/rim:Slot"), patient_of, [PATIENT]),
    ("a short association type", put(MEMBER, "associationType", "HasMember"), patient_of, [PATIENT]),
    (
        "ids of parts left out",
        both(drop(ENTRY + "/rim:Classification", "id"), drop(ENTRY + "/rim:ExternalIdentifier", "registryObject")),
        patient_of,
        [PATIENT],
    ),
    (
        "an entryUUID in capitals",
        both(
            put(ENTRY, "id", UUID),
            put(ENTRY + "/rim:Classification", "classifiedObject", UUID),
            put(ENTRY + "/rim:ExternalIdentifier", "registryObject", UUID),
            put(MEMBER, "targetObject", UUID),
        ),
        lambda entry: [str(entry.get("id"))],
        [UUID.lower()],
    ),
]


@pytest.mark.parametrize(("edit", "found", "meant"), [d[1:] for d in DEVIATIONS], ids=[d[0] for d in DEVIATIONS])
def test_a_deviation_of_a_known_source_is_put_right_and_of_another_refused(
    registry: Registry, edit: Edit, found: Callable[[etree._Element], list[str]], meant: list[str]
) -> None:
    entry = m.Entry(PATIENT)
    body = edited(m.submission(entry), edit)

    refused = registry.call(m.ACTION_42, body, ANYBODY)
    taken = registry.call(m.ACTION_42, body, KNOWN)

    assert refused.status_urn != "Success"
    assert refused.refusals or refused.fault[0] == "Sender"
    assert taken.status_urn == "Success", taken.errors
    assert found(registry.entry(entry.unique_id)) == meant
    if not refused.fault[0]:  # what is put right before the schema is in the log alone
        assert any("the clinic in the north" in context for _, context in taken.warnings)


def test_slots_that_were_left_out_are_told_as_such(registry: Registry) -> None:
    body = edited(m.submission(m.Entry(PATIENT)), insert(ENTRY, m.slot("colour", "red"), before="rim:Slot"))

    reply = registry.call(m.ACTION_42, body, KNOWN)

    assert reply.status_urn == "Success"
    assert "XDSExtraMetadataNotSaved" in [code for code, _ in reply.warnings]


def test_a_source_is_known_by_the_oid_of_its_submission_sets(registry: Registry) -> None:
    edit = text(ENTRY + value_of("languageCode"), "fr_HT")

    replies = [
        registry.call(m.ACTION_42, edited(m.submission(m.Entry(PATIENT)), edit, put(SET_SOURCE, "value", source)), ANYBODY)
        for source in ("2.999.5.77", "2.999.5.78")
    ]

    assert [reply.status_urn for reply in replies] == ["Success", "Failure"]


def test_on_demand_entries_of_a_known_source_may_come_by_iti_42(registry: Registry) -> None:
    entry = m.Entry(PATIENT, object_type=ON_DEMAND, hash=None, size=None)
    body = edited(m.submission(entry), remove(ENTRY + "/rim:Slot[@name='creationTime']"))

    refused, taken = (registry.call(m.ACTION_42, body, address) for address in (ANYBODY, KNOWN))

    assert refused.status_urn == "Failure"
    assert taken.status_urn == "Success", taken.errors
    assert registry.entry(entry.unique_id).get("objectType") == ON_DEMAND


def test_a_symbolic_id_with_slashes_needs_no_leniency(registry: Registry) -> None:
    entry = m.Entry(PATIENT, id="b7/41/2026-01-14/2.999.1")

    reply = registry.call(m.ACTION_42, m.submission(entry), ANYBODY)

    assert reply.status_urn == "Success", reply.errors


def test_what_cannot_be_meant_in_one_way_only_is_refused_from_everybody(registry: Registry) -> None:
    twice = put(PATIENT_IDS, "value", "L-1^^^2.999.1&2.999.2&ISO")

    reply = registry.call(m.ACTION_42, edited(m.submission(m.Entry(PATIENT)), twice), KNOWN)

    assert reply.status_urn == "Failure"
