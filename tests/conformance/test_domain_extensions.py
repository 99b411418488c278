"""What an affinity domain adds by its settings: association types, slots, stored queries, how strictly its codes are enforced."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from affinity.code_files import read_codes
from kernel.peer import Peer
from tests.conformance.test_lenient_sources import Registry
from tests.support import messages as m
from tests.support.edits import ENTRY, edited, insert
from tests.support.stores import a_house
from tests.support.updates import ACTION_57, submitted
from tests.support.wire import Reply

ANYBODY, TRIAL = "192.0.2.8", "192.0.2.9"
PATIENT = m.cx("X-1")
TRANSLATES = "urn:example:AssociationType:Translates"
LETTERS = "urn:uuid:11111111-2222-4333-8444-555555555555"
QUERIES = f'[{{id = "{LETTERS}", name = "Letters", like = "FindDocuments", required = ["$XDSDocumentEntryTitle"]}}]'
CODES = """attribute,code,scheme,display,valid_from,valid_to
typeCode,34133-9,2.999.77.1,Summary,,
typeCode,OLD,2.999.77.1,No longer used,2001-01-01,2009-12-31
typeCode,NEW,2.999.77.1,Not yet used,2999-01-01,
classCode,DISCHARGE,2.999.77.1,Discharge,2001-01-01,2998-12-31
"""
RULES = f"""[
    {{address = "{TRIAL}", attributes = ["typeCode"], enforce = "off"}},
    {{source_id = "2.999.5.78", enforce = "warn"}},
]"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A domain with extensions, a few codes and one patient."""
    house = a_house(
        tmp_path_factory.mktemp("domain"),
        registry__association_types=f'["{TRANSLATES}"]',
        registry__extra_slots='["department"]',
        registry__queries=QUERIES,
        registry__codes=RULES.replace("\n", " "),
    )
    house.affinity.import_codes(read_codes(CODES.encode()))
    announced = house.v2(m.adt("X-1", authority=f"XAD&{m.XAD_OID}&ISO"), Peer(ANYBODY, "127.0.0.1:2575"))
    assert b"MSA|AA" in announced
    yield Registry(house)
    house.close()


def register(registry: Registry, entry: m.Entry, *, source: str = "2.999.5", address: str = ANYBODY, relates: str = "") -> Reply:
    """ITI-42."""
    objects = [m.entry_xml(entry), m.set_xml(PATIENT, source=source), m.member(entry.id)]
    if relates:
        objects.append(m.association(relates, entry.id, str(registry.entry(registered(registry)).get("id"))))
    return registry.call(m.ACTION_42, m.submit_objects(objects), address)


def registered(registry: Registry, **changes: str) -> str:
    """The uniqueId of an entry that was taken."""
    entry = m.Entry(PATIENT, **changes)  # type: ignore[arg-type]
    reply = register(registry, entry)
    assert reply.status_urn == "Success", reply.errors
    return entry.unique_id


def test_an_association_of_the_domain_is_registered_and_one_of_nobody_is_not(registry: Registry) -> None:
    taken = register(registry, m.Entry(PATIENT), relates=TRANSLATES)
    refused = register(registry, m.Entry(PATIENT), relates="urn:example:AssociationType:Likes")

    assert taken.status_urn == "Success", taken.errors
    assert [code for code, _ in refused.refusals] == ["XDSRegistryMetadataError"]


def test_an_association_of_the_domain_is_submitted_and_found(registry: Registry) -> None:
    one, other = (str(registry.entry(registered(registry)).get("id")) for _ in range(2))

    done = registry.call(ACTION_57, submitted(PATIENT, TRANSLATES, one, other), ANYBODY)

    related = m.stored_query(
        "urn:uuid:d90e5407-b356-4d91-a89f-873917b4b0e6",
        m.slot("$XDSDocumentEntryEntryUUID", f"'{one}'"),
        m.slot("$AssociationTypes", f"('{TRANSLATES}')"),
    )
    found = registry.call(m.ACTION_18, related, ANYBODY)
    assert done.status_urn == "Success", done.errors
    assert {one, other} <= set(found.ids())


def test_a_slot_of_the_domain_is_kept_and_returned(registry: Registry) -> None:
    entry = m.Entry(PATIENT)

    def sent(name: str) -> Reply:
        body = edited(m.submission(entry), insert(ENTRY, m.slot(name, "north"), before="rim:Slot"))
        return registry.call(m.ACTION_42, body, ANYBODY)

    refused, taken = sent("ward"), sent("department")

    slots = {slot.get("name") for slot in registry.entry(entry.unique_id).iter(f"{{{m.RIM}}}Slot")}
    assert refused.status_urn == "Failure"
    assert taken.status_urn == "Success", taken.errors
    assert "department" in slots


def test_a_query_of_the_domain_is_answered_like_its_model(registry: Registry) -> None:
    wanted = registered(registry, title="Letter to the ward")
    slots = (m.slot("$XDSDocumentEntryPatientId", f"'{PATIENT}'"), m.slot("$XDSDocumentEntryStatus", f"('{m.APPROVED}')"))
    title = m.slot("$XDSDocumentEntryTitle", "('Letter to %')")

    whole = registry.call(m.ACTION_18, m.stored_query(LETTERS, *slots, title), ANYBODY)
    lacking = registry.call(m.ACTION_18, m.stored_query(LETTERS, *slots), ANYBODY)

    assert whole.ids() == [registry.entry(wanted).get("id")]
    assert lacking.codes == ["XDSStoredQueryMissingParam"]


@pytest.mark.parametrize("code", ["OLD", "NEW", "UNHEARD"])
def test_a_code_is_enforced_on_its_day_and_per_source(registry: Registry, code: str) -> None:
    def sent(**where: str) -> Reply:
        return register(registry, m.Entry(PATIENT, type_code=code), **where)

    anybody, warned, unjudged = sent(), sent(source="2.999.5.78"), sent(address=TRIAL)

    assert [context.count("typeCode") for _, context in anybody.refusals] == [1]
    assert warned.status_urn == unjudged.status_urn == "Success"
    assert [context for _, context in warned.warnings if code in context]
    assert not [context for _, context in unjudged.warnings if code in context]


def test_what_is_off_for_one_attribute_is_enforced_for_the_others(registry: Registry) -> None:
    reply = register(registry, m.Entry(PATIENT, type_code="UNHEARD", class_code="UNHEARD"), address=TRIAL)

    ((code, context),) = reply.refusals
    assert code == "XDSRegistryMetadataError"
    assert "classCode" in context
