"""How the XML of objects is kept."""

from __future__ import annotations

import dataclasses

import pytest
import zstandard

from ebrim.model import Association, AssociationType, Slot
from ebrim.writer import render
from kernel.errors import Condition, Unavailable
from kernel.identifiers import new_entry_uuid
from registry import fragments
from registry.model import key_of
from tests.support.metadata import a_code, a_document_entry, a_membership

UUIDS = [f"urn:uuid:{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "123"]


def test_what_is_packed_is_unpacked_unchanged() -> None:
    xml = render(a_document_entry(id=new_entry_uuid()))

    assert fragments.unpack(fragments.NEWEST, fragments.pack(xml)) == xml


def test_an_entry_takes_less_than_half_a_kilobyte() -> None:
    xml = render(a_document_entry(id=new_entry_uuid()))

    assert len(xml) > 5_000
    assert len(fragments.pack(xml)) < 500


def test_rows_without_a_dictionary_can_be_read() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, format=zstandard.FORMAT_ZSTD1_MAGICLESS, write_content_size=True)
    packed = zstandard.ZstdCompressor(compression_params=parameters).compress(b"<a/>")

    assert fragments.unpack(0, packed) == b"<a/>"


@pytest.mark.parametrize(("dictionary", "data"), [(fragments.NEWEST, b"rubbish"), (99, b"")])
def test_a_damaged_row_is_told_as_such(dictionary: int, data: bytes) -> None:
    with pytest.raises(Unavailable) as caught:
        fragments.unpack(dictionary, data)

    assert caught.value.condition is Condition.CONTENT_DAMAGED


def an_association(**changes: object) -> Association:
    """A HasMember with an Original status, between UUIDs."""
    whole = a_membership(source=UUIDS[1], target=UUIDS[2], id=UUIDS[0])
    return dataclasses.replace(whole, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "association",
    [
        an_association(),
        an_association(slots=(Slot("SubmissionSetStatus", ("Reference",)),)),
        an_association(slots=()),
        an_association(slots=(), type=AssociationType.RPLC.value),
    ],
)
def test_a_plain_association_is_written_from_its_columns_as_it_would_be_kept(association: Association) -> None:
    form = fragments.form_of(association)

    assert form != fragments.STORED
    assert fragments.plain_association(form, association.type, *map(key_of, UUIDS)) == render(association)


@pytest.mark.parametrize(
    "association",
    [
        an_association(documentation=(a_code(),)),
        an_association(version="2"),
        an_association(slots=(Slot("PreviousVersion", ("1",)),)),
    ],
)
def test_an_association_that_says_more_is_kept_as_xml(association: Association) -> None:
    assert fragments.form_of(association) == fragments.STORED
