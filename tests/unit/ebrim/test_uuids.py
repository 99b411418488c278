"""Identifiers are well-formed and each names one thing."""

from ebrim import uuids
from kernel.identifiers import is_entry_uuid


def _schemes() -> list[str]:
    return [v for n, v in vars(uuids).items() if n.isupper() and isinstance(v, str) and v.startswith("urn:uuid:")]


def test_every_scheme_is_a_uuid_and_stands_once() -> None:
    schemes = _schemes()

    assert len(schemes) == 24
    assert len(set(schemes)) == len(schemes)
    assert all(map(is_entry_uuid, schemes))


def test_every_query_id_is_a_uuid_and_is_no_scheme() -> None:
    queries = [query.value for query in uuids.QueryId]

    assert all(map(is_entry_uuid, queries))
    assert not set(queries) & set(_schemes())


def test_the_empty_hash_is_that_of_no_bytes() -> None:
    import hashlib

    assert hashlib.sha1(b"").hexdigest() == uuids.EMPTY_SHA1
