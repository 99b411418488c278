"""Found rows as XML."""

from __future__ import annotations

from ebrim.writer import render
from registry import fragments
from registry.model import Life, key_of
from registry.queries.answers import references, whole
from registry.queries.conditions import ObjectRow
from registry.queries.search import AssociationRow, Found
from tests.support.metadata import PATIENT, a_document_entry, a_folder

UUID = "urn:uuid:11111111-2222-4333-8444-555555555555"
HAS_MEMBER = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"


def a_row(xml: bytes, updated: int = 0, life: Life = Life.APPROVED) -> ObjectRow:
    """A row of patient 7."""
    return ObjectRow(key_of(UUID), 7, int(life), None, updated, fragments.NEWEST, fragments.pack(xml))


def test_the_open_places_of_an_object_are_filled() -> None:
    found = Found(
        entries=[a_row(render(a_document_entry(id=UUID)), life=Life.DEPRECATED)],
        folders=[a_row(render(a_folder(id=UUID)), updated=20260102030405)],
    )

    entry, folder = (text.decode() for text in whole(found, {7: PATIENT}))

    assert 'status="urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated"' in entry
    assert PATIENT.replace("&", "&amp;") in entry
    assert "<Value>20260102030405</Value>" in folder
    assert not set(entry + folder) & {"\x01", "\x02", "\x03"}


def test_a_plain_association_is_written_and_another_is_unpacked() -> None:
    key = key_of(UUID)
    plain = AssociationRow(key, key, key, 0, 1, HAS_MEMBER, fragments.NEWEST, None)
    kept = plain._replace(form=fragments.STORED, xml=fragments.pack(b'<Association id="x" status="\x01"/>'))

    first, second = (text.decode() for text in whole(Found(associations=[plain, kept]), {}))

    assert f'sourceObject="{UUID}"' in first
    assert second.startswith('<Association id="x" status="urn:')


def test_a_reference_is_the_entry_uuid() -> None:
    found = Found(entries=[ObjectRow(key_of(UUID), 7, 0, None, 0)])

    assert list(references(found)) == [f'<ObjectRef id="{UUID}"/>'.encode()]
