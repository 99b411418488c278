"""Found rows as fragments of XML: stored bytes with their open places filled, nothing built anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ebrim.writer import finish
from registry import fragments
from registry.model import Life, uuid_of
from registry.queries.search import AssociationRow, Found

_STATUS: Final = {int(life): life.status for life in Life}


def whole(found: Found, shown: Mapping[int, str]) -> Iterator[bytes]:
    """Each object in full; `shown` is the patient id (CX) to show for the number of the one it was filed under."""
    for row in found.entries:
        yield finish(fragments.unpack(row.dictionary, row.xml), _STATUS[row.status], shown[row.patient])
    for row in found.submission_sets:
        yield finish(fragments.unpack(row.dictionary, row.xml), _STATUS[row.status], shown[row.patient])
    for row in found.folders:
        stored = fragments.unpack(row.dictionary, row.xml)
        yield finish(stored, _STATUS[row.status], shown[row.patient], updated=f"{row.updated:014}")
    for association in found.associations:
        yield finish(_association(association), _STATUS[association.status])


def references(found: Found) -> Iterator[bytes]:
    """An ObjectRef for each object."""
    keys = [*(row.uuid for row in found.objects()), *(row.uuid for row in found.associations)]
    return (f'<ObjectRef id="{uuid_of(key)}"/>'.encode() for key in keys)


def _association(row: AssociationRow) -> bytes:
    if row.xml is not None:
        return fragments.unpack(row.dictionary, row.xml)
    return fragments.plain_association(row.form, row.type, row.uuid, row.source, row.target)
