"""Whatever is sent as an AuditEvent is taken or refused with its reason, and what is taken can be found, shown and verified."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from arr.intake import audit_xml, prepare
from arr.model import Channel, Received
from atna.fhir import new_audit_event
from atna.fhir_reader import read_audit_event
from atna.reader import read
from fhir_r4.json import written
from fhir_r4.reading import entries_of, read_resource
from kernel.errors import HieError
from tests.unit.atna.test_fhir import MESSAGE

JSON = Any
WHOLE: JSON = new_audit_event(MESSAGE)
TEXTS = ("", " ", "x", "\x00", "\ud800", "<&>", "^~&", "12", "9" * 50, "QUI=", "=", "http://x/" + "y" * 500, "urn:oid:1.2^3&4")
TIMES = ("2026-11-22T10:20:01Z", "0001-01-01T00:00:00+14:00")
ODD = st.sampled_from([*TEXTS, *TIMES, None, True, 0, -1.5, 10**30, [], {}, [[]], [{}], ["x"], {"x": 1}])


def places(value: JSON, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where something stands in a resource."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(inner, (*path, key))


PLACES = sorted(places(WHOLE), key=str)


def changed(edits: list[tuple[tuple[str | int, ...], JSON]]) -> JSON:
    """The resource with other values at some of its places; a place that an earlier edit took away is passed over."""
    resource = copy.deepcopy(WHOLE)
    for path, value in edits:
        target = resource
        for step in path[:-1]:
            try:
                target = target[step]
            except (KeyError, IndexError, TypeError):
                break
        else:
            if isinstance(target, dict) or (isinstance(target, list) and isinstance(path[-1], int) and path[-1] < len(target)):
                target[path[-1]] = value
    return resource


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(PLACES), ODD), max_size=4))
def test_an_odd_resource_is_taken_whole_or_refused(edits: list[tuple[tuple[str | int, ...], JSON]]) -> None:
    data = json.dumps(changed(edits)).encode()

    try:
        message = read_audit_event(read_resource(data, limit=1 << 20))
    except HieError:
        return

    received = Received(data, Channel.FHIR, 1_795_343_001_125, "10.0.0.5")
    prepared = prepare(received)
    assert prepared.summary.is_readable
    assert read(audit_xml(received)) == read(message.to_xml())


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,\\ 01eE.-tnu', max_size=40).map(str.encode))
def test_any_bytes_are_a_bundle_or_unreadable(data: bytes) -> None:
    for body in (data, b'{"entry":[' + data + b"]}", b'{"entry":[{"resource":' + data + b"}]}"):
        try:
            bundle, cuts = entries_of(body, limit=1_000, entries=5)
        except HieError:
            continue
        assert len(cuts) == len(bundle.get("entry", []))  # type: ignore[arg-type]
        assert all(not cut.text or written(json.loads(cut.text)) == written(cut.entry["resource"]) for cut in cuts)
