"""Found rows as fragments of XML: stored bytes with their open places filled, nothing built anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ebrim.writer import finish
from registry import fragments
from registry.model import Life, uuid_of
from registry.queries.families import Found

_STATUS: Final = {int(life): life.status for life in Life}


def whole(found: Found, shown: Mapping[int, str]) -> Iterator[bytes]:
    """Each object in full; `shown` is the patient id (CX) to show for the number of the one it was filed under."""
    for row in found.entries:
        yield finish(fragments.unpack(row.dictionary, row.xml), _STATUS[row.status], shown[row.patient])
    for row in found.submission_sets:
        yield finish(fragments.unpack(row.dictionary, row.xml), _STATUS[row.status], shown[row.patient])
    for row in found.folders:
        stored = fragments.unpack(row.dictionary, row.xml)
        yield finish(stored, _STATUS[row.status], shown[row.patient], updated=f"{row.last_update_time:014}")
    for row in found.associations:
        yield finish(_association(row), _STATUS[row.status])


def references(found: Found) -> Iterator[bytes]:
    """An ObjectRef for each object."""
    for row in (*found.objects(), *found.associations):
        yield f'<ObjectRef id="{uuid_of(bytes(row.uuid))}"/>'.encode()


def _association(row: Any) -> bytes:
    if row.form == fragments.STORED:
        return fragments.unpack(row.dictionary, row.xml)
    return fragments.plain_association(row.form, row.type, bytes(row.uuid), bytes(row.source), bytes(row.target))
