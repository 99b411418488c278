"""Each stored query in both return types, at both metadata levels, with the entry-type filter where it has one (ITI-18, ITI-51)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from registry.queries.catalogue import CATALOGUE
from tests.conformance.conftest import NewPatient
from tests.support import messages as m
from tests.support.checked import CheckedSoapWire
from tests.support.queries import ACTION_51, ASKED, REFERENCES, Known
from tests.support.service import Service
from tests.support.updates import ACTION_57, APND, ON_DEMAND, Desk, folder_version, version
from tests.support.wire import Reply

STABLE = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
TYPE = "$XDSDocumentEntryType"
OBJECTS = tuple(f"{{{m.RIM}}}{name}" for name in ("ExtrinsicObject", "RegistryPackage", "Association", "ObjectRef"))


@dataclass(frozen=True)
class Scene(Known):
    """An entry of two versions in a folder of two, others beside it, all in one set; `former` are the first versions."""

    former: frozenset[str]


@pytest.fixture(scope="module")
def scene(service: Service, new_patient: NewPatient) -> Scene:
    """What there is to be found."""
    with CheckedSoapWire(service.http_port) as soap:
        desk, cx = Desk(soap), new_patient().cx
        entry, set_id, folder_id = m.Entry(cx, slots=dict(REFERENCES)), m.fresh_oid(), m.fresh_oid()
        made = m.Entry(cx, object_type=ON_DEMAND, hash=None, size=None, creation_time="", slots=dict(REFERENCES))
        desk.register(
            m.submission(made).replace(m.slot("creationTime", ""), ""), action="urn:ihe:iti:2010:RegisterOnDemandDocumentEntry"
        )
        on_demand, other = desk.uuid(made), m.Entry(cx)
        _, base = desk.entry(cx)
        filed = [m.association(m.HAS_MEMBER, "Folder", end, id=f"Filed{n}") for n, end in enumerate((entry.id, on_demand))]
        desk.register(
            m.submit_objects(
                [
                    m.entry_xml(entry),
                    m.set_xml(cx, unique_id=set_id),
                    m.folder_xml(cx, unique_id=folder_id),
                    m.member(entry.id),
                    m.entry_xml(other),
                    m.member(other.id),
                    m.association(APND, entry.id, base),
                    m.member(on_demand, "Reference"),
                    m.association(m.HAS_MEMBER, "Set", "Folder"),
                    *filed,
                    *(m.association(m.HAS_MEMBER, "Set", f"Filed{n}") for n in range(2)),
                    m.association("urn:ihe:iti:2010:AssociationType:IsSnapshotOf", entry.id, on_demand),
                ]
            )
        )
        first = desk.uuid(entry)
        desk.register(version(entry, first), action=ACTION_57)
        folder = str(desk.folders(folder_id)[0].get("id"))
        desk.register(folder_version(cx, folder_id, folder, title="Renamed"), action=ACTION_57)
        return Scene(cx, entry.unique_id, first, set_id, folder_id, folder, frozenset({first, folder}))


TYPED = frozenset(d.name for d in CATALOGUE.values() if TYPE in d.by_name)


def ask(soap: CheckedSoapWire, scene: Scene, name: str, level: str = "", types: str = "", return_type: str = "LeafClass") -> Reply:
    """A query that succeeds."""
    (definition,) = (d for d in CATALOGUE.values() if d.name == name)
    slots = ASKED[name](scene)
    slots += [m.slot("$MetadataLevel", level)] if level else []
    slots += [m.slot(TYPE, types)] if types else []
    action = ACTION_51 if definition.is_multi_patient else m.ACTION_18
    reply = soap.call(action, m.stored_query(definition.id.value, *slots, return_type=return_type))
    assert reply.status_urn == "Success", reply.errors
    return reply


def test_every_query_of_the_catalogue_is_asked_here() -> None:
    assert set(ASKED) == {definition.name for definition in CATALOGUE.values()}


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("level", ["1", "2"])
def test_both_return_types_find_the_same_objects_at_each_level(soap: CheckedSoapWire, scene: Scene, name: str, level: str) -> None:
    whole, short = (ask(soap, scene, name, level, return_type=kind) for kind in ("LeafClass", "ObjectRef"))

    assert whole.ids()
    assert sorted(whole.ids()) == sorted(short.ids())
    assert {child.tag for child in short.body.iter(*OBJECTS)} == {f"{{{m.RIM}}}ObjectRef"}
    assert f"{{{m.RIM}}}ObjectRef" not in {child.tag for child in whole.body.iter(*OBJECTS)}


@pytest.mark.parametrize("name", ASKED)
def test_the_first_level_is_the_default_and_shows_no_former_version(soap: CheckedSoapWire, scene: Scene, name: str) -> None:
    unsaid, first, second = (ask(soap, scene, name, level) for level in ("", "1", "2"))

    shown = {e.get("id") for e in first.body.iter(f"{{{m.RIM}}}ExtrinsicObject", f"{{{m.RIM}}}RegistryPackage")}
    assert sorted(unsaid.ids()) == sorted(first.ids())
    assert not shown & scene.former
    assert set(first.ids()) <= set(second.ids())


@pytest.mark.parametrize("name", sorted(TYPED))
def test_entries_of_a_type_are_found_where_it_is_asked_for_and_stable_ones_by_default(
    soap: CheckedSoapWire, scene: Scene, name: str
) -> None:
    def types(asked: str) -> set[str]:
        return {str(e.get("objectType")) for e in ask(soap, scene, name, types=asked).entries()}

    unsaid, stable = types(""), types(f"('{STABLE}')")
    on_demand, both = types(f"('{ON_DEMAND}')"), types(f"('{STABLE}','{ON_DEMAND}')")

    assert unsaid == stable <= {STABLE}
    assert on_demand <= {ON_DEMAND}
    assert stable | on_demand <= both
    assert both == {STABLE, ON_DEMAND}
