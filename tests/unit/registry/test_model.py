"""Keys, statuses and changes."""

from __future__ import annotations

from ebrim.model import EntryType, Status
from registry.model import KIND_OF_TYPE, LIFE_OF_STATUS, Changes, Life, key_of, uuid_of
from registry.tables import FILED


def test_a_key_is_the_uuid_in_16_bytes() -> None:
    uuid = "urn:uuid:11111111-2222-4333-8444-555555555555"

    assert len(key_of(uuid)) == 16
    assert uuid_of(key_of(uuid)) == uuid


def test_every_status_and_type_of_the_profile_has_its_number() -> None:
    assert set(LIFE_OF_STATUS) == {s.value for s in Status}
    assert {life.status for life in Life} == set(LIFE_OF_STATUS)
    assert set(KIND_OF_TYPE) == {t.value for t in EntryType}


def test_changes_have_rows_for_every_table_a_submission_is_written_to() -> None:
    assert len(Changes().rows()) == len(FILED)
