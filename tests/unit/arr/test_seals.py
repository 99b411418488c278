"""What is signed of a segment."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from arr import seals
from arr.chain import BLOCK, Tree
from arr.seals import Act, Seal, root_of_blocks
from arr.signing import SignedNote
from arr.tables import METADATA
from kernel.database import Database
from tests.conftest import MakeDatabase
from tests.support.arr import SIGNER, a_service, records_of

SEAL = Seal(
    log_id="log-1",
    act=Act.SEALED,
    first=1025,
    last=4096,
    before=b"b" * 32,
    begins=b"f" * 32,
    ends=b"e" * 32,
    root=b"r" * 32,
    since=1,
    until=2,
    made_at=3,
    who="an\nofficer",
    why='of "age"',
)


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    return make_database(METADATA)


def test_a_seal_is_read_as_it_was_written() -> None:
    assert Seal.parse(SEAL.text) == SEAL
    assert SEAL.count == 3072


@pytest.mark.parametrize(
    "text",
    [
        "",
        "affinity audit log x\n",
        SEAL.text + "\n",
        SEAL.text.replace("sealed", "stolen"),
        SEAL.text.replace("1025-4096", "1025-4095"),
        SEAL.text.replace("1025-4096", "1024-4096"),
        SEAL.text.replace("1025-4096", "5121-4096"),
        SEAL.text.replace("1025-4096", "1025"),
    ],
)
def test_what_is_no_seal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Seal.parse(text)


def test_a_tombstone_says_the_same_of_the_records_as_their_seal() -> None:
    tombstone = replace(SEAL, act=Act.DROPPED, made_at=9, who="other", why="other")

    assert tombstone.says_the_same_as(SEAL)
    assert not replace(tombstone, ends=bytes(32)).says_the_same_as(SEAL)


@pytest.mark.parametrize("blocks", [1, 2, 3, 5, 8])
def test_the_root_of_blocks_is_that_of_their_leaves(blocks: int) -> None:
    leaves = [n.to_bytes(32, "big") for n in range(blocks * BLOCK)]
    roots = [Tree.of(leaves[at : at + BLOCK]).root for at in range(0, len(leaves), BLOCK)]

    assert root_of_blocks(roots) == Tree.of(leaves).root


def test_what_was_signed_is_given_in_the_order_of_the_records(database: Database) -> None:
    with database.begin() as work:
        for seal in (SEAL, replace(SEAL, act=Act.DROPPED), replace(SEAL, first=1, last=1024)):
            seals.keep(work.connection, seal, SIGNER.sign(seal.text))

    with database.read() as connection:
        assert [(first, act) for first, act, _ in seals.kept(connection)] == [(1, "sealed"), (1025, "sealed"), (1025, "dropped")]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_what_a_believed_key_signed_and_stands_in_its_place_is_believed(database: Database) -> None:
    head = SIGNER.sign("affinity audit log x\n1\n\n\n1\n")
    moved, unsigned = replace(SEAL, first=2049), replace(SEAL, first=3073)
    with database.begin() as work:
        seals.keep(work.connection, SEAL, SIGNER.sign(SEAL.text))
        seals.keep(work.connection, replace(SEAL, act=Act.DROPPED), SIGNER.sign(SEAL.text))
        seals.keep(work.connection, moved, SIGNER.sign(SEAL.text))
        seals.keep(work.connection, unsigned, SignedNote(unsigned.text))
        seals.keep(work.connection, replace(SEAL, first=1), head)

    with database.read() as connection:
        assert seals.believed(connection, Act.SEALED, {SIGNER.key_id: SIGNER.public_key}) == [SEAL]
        assert seals.believed(connection, Act.DROPPED, {SIGNER.key_id: SIGNER.public_key}) == []


def test_segments_follow_each_other_and_the_last_one_is_not_full(database: Database) -> None:
    a_service(database, segment=1024).record(records_of(2000, 2500))

    with database.read() as connection:
        assert seals.ranges(connection, [], 2500, 1024) == [(1, 1024), (1025, 2048), (2049, 3072)]
        assert seals.received_between(connection, 1, 3000) is None


def test_dropping_takes_the_records_and_their_terms_and_leaves_the_guards(database: Database) -> None:
    a_service(database, segment=1024).record(records_of(2000, 1500))

    with database.begin() as work:
        seals.drop(work.connection, 1, 1024)

    with database.read() as connection:
        for table in ("arr_record", "arr_term"):
            assert connection.execute(sa.text(f"SELECT min(sequence) FROM {table}")).scalar_one() == 1025
        assert seals.is_owner(connection)
    with pytest.raises(sa.exc.DBAPIError, match="never changed"), database.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM arr_record"))
