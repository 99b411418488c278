"""Somebody with every right on the database changes the audit log: it shows."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.engine import Connection

from arr import store
from arr.chain import BLOCK as BLOCK_SIZE
from arr.chain import START, Tree, canonical, chained, leaf_hash
from arr.packing import packed, unpacked
from arr.partitions import PARTED
from arr.signing import Note, Signer
from arr.tables import BLOCK, CHECKPOINT, GUARDED, HEAD, METADATA, RECORD, SEAL, TERM
from arr.verification import FaultKind, Report
from kernel.database import Database
from kernel.outbox import METADATA as OUTBOX
from tests.conftest import MakeDatabase
from tests.support.arr import a_retention, a_service, records_of, some_records
from tests.support.audit import a_subject
from tests.support.clocks import TickingClock

SIZE = 400
Tampering = Callable[[Connection, random.Random], None]


def _without_guards(connection: Connection) -> None:
    """What a superuser can do."""
    for table in GUARDED:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_guard ON {table}")
        else:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_update")
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_delete")
    if connection.dialect.name == "postgresql":
        for table in PARTED:
            connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {table}_strange PARTITION OF {table} DEFAULT")


def _row(connection: Connection, sequence: int) -> dict[str, object]:
    return dict(connection.execute(sa.select(RECORD).where(RECORD.c.sequence == sequence)).one()._mapping)


def _set(connection: Connection, number: int, /, **values: object) -> None:
    connection.execute(RECORD.update().where(RECORD.c.sequence == number).values(values))


def flip_a_bit(connection: Connection, chance: random.Random) -> None:
    sequence = chance.randint(1, SIZE)
    column = chance.choice(["data", "hash"])
    data = bytearray(_row(connection, sequence)[column])  # type: ignore[arg-type]
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    _set(connection, sequence, **{column: bytes(data)})


def change_the_origin(connection: Connection, chance: random.Random) -> None:
    sequence = chance.randint(1, SIZE)
    _set(connection, sequence, origin=str(_row(connection, sequence)["origin"]).replace("1", "2", 1))


def replace_the_message(connection: Connection, chance: random.Random) -> None:
    packing, data = packed(some_records(1, "999^^^&1.2.3&ISO")[0].data)
    _set(connection, chance.randint(1, SIZE), packing=packing, data=data)


def delete_one(connection: Connection, chance: random.Random) -> None:
    connection.execute(RECORD.delete().where(RECORD.c.sequence == chance.randint(1, SIZE)))


def delete_several(connection: Connection, chance: random.Random) -> None:
    first = chance.randint(1, SIZE - 10)
    connection.execute(RECORD.delete().where(RECORD.c.sequence.between(first, first + chance.randint(1, 9))))


def delete_one_and_close_the_gap(connection: Connection, chance: random.Random) -> None:
    gone = chance.randint(1, SIZE)
    connection.execute(RECORD.delete().where(RECORD.c.sequence == gone))
    for sequence in range(gone + 1, SIZE + 1):
        _set(connection, sequence, sequence=sequence - 1)


def insert_one(connection: Connection, chance: random.Random) -> None:
    row = _row(connection, chance.randint(1, SIZE))
    row["sequence"] = chance.choice([0, -5, SIZE + 1, SIZE + 2, 1 << 60])
    connection.execute(RECORD.insert().values(row))


def swap_two(connection: Connection, chance: random.Random) -> None:
    one, other = chance.sample(range(1, SIZE + 1), 2)
    _set(connection, one, sequence=-1)
    _set(connection, other, sequence=one)
    _set(connection, -1, sequence=other)


def swap_two_contents(connection: Connection, chance: random.Random) -> None:
    one, other = chance.sample(range(1, SIZE + 1), 2)
    first, second = _row(connection, one), _row(connection, other)
    for sequence, row in ((one, second), (other, first)):
        _set(connection, sequence, data=row["data"], origin=row["origin"])


def cut_the_tail(connection: Connection, chance: random.Random) -> None:
    connection.execute(RECORD.delete().where(RECORD.c.sequence > chance.randint(0, SIZE - 1)))


def cut_the_tail_and_set_the_head_back(connection: Connection, chance: random.Random) -> None:
    end = chance.randint(1, SIZE - 1)
    connection.execute(RECORD.delete().where(RECORD.c.sequence > end))
    connection.execute(CHECKPOINT.delete().where(CHECKPOINT.c.sequence > end))
    _write_head(connection, end)


def rewrite_the_tail_with_new_hashes(connection: Connection, chance: random.Random) -> None:
    first = chance.randint(1, SIZE)
    packing, data = packed(some_records(1, "999^^^&1.2.3&ISO")[0].data)
    _set(connection, first, packing=packing, data=data)
    previous = bytes(_row(connection, first - 1)["hash"]) if first > 1 else START  # type: ignore[arg-type]
    for sequence in range(first, SIZE + 1):
        row = _row(connection, sequence)
        content = canonical(str(row["origin"]), unpacked(int(row["packing"]), bytes(row["data"])))  # type: ignore[call-overload, arg-type]
        previous = chained(previous, sequence, leaf_hash(content))
        _set(connection, sequence, hash=previous)
    _write_head(connection, SIZE)


def drop_the_head(connection: Connection, chance: random.Random) -> None:
    connection.execute(HEAD.delete())


def _write_head(connection: Connection, end: int) -> None:
    """A head that fits the records, but for a signature by a key one does not have."""
    tree, last = Tree(), START
    for _, kept, origin, packing, data in store.records(connection):
        tree.add(leaf_hash(canonical(origin, unpacked(packing, data))))
        last = kept
    note = Note("log-1", end, tree.root, last, 1)
    connection.execute(HEAD.update().values(sequence=end, hash=last, tree=tree.packed(), note=note.text))


TAMPERINGS = [
    flip_a_bit,
    change_the_origin,
    replace_the_message,
    delete_one,
    delete_several,
    delete_one_and_close_the_gap,
    insert_one,
    swap_two,
    swap_two_contents,
    cut_the_tail,
    cut_the_tail_and_set_the_head_back,
    rewrite_the_tail_with_new_hashes,
    drop_the_head,
]


# on a log whose first segment was dropped (records 1 to 1024), whose second is sealed, and that goes on


def _seal_row(connection: Connection, first: int, act: str) -> dict[str, object]:
    statement = sa.select(SEAL).where(SEAL.c.first == first, SEAL.c.act == act)
    return dict(connection.execute(statement).one()._mapping)


def _set_seal(connection: Connection, number: int, act_is: str, /, **values: object) -> None:
    connection.execute(SEAL.update().where(SEAL.c.first == number, SEAL.c.act == act_is).values(values))


def _delete_records(connection: Connection, first: int, last: int) -> None:
    connection.execute(RECORD.delete().where(RECORD.c.sequence.between(first, last)))


def drop_without_a_tombstone(connection: Connection, chance: random.Random) -> None:
    _delete_records(connection, BLOCK_SIZE + 1, 2 * BLOCK_SIZE)


def drop_with_the_seal_as_tombstone(connection: Connection, chance: random.Random) -> None:
    row = _seal_row(connection, BLOCK_SIZE + 1, "sealed")
    connection.execute(SEAL.insert().values({**row, "act": "dropped"}))
    _delete_records(connection, BLOCK_SIZE + 1, 2 * BLOCK_SIZE)


def drop_with_a_forged_tombstone(connection: Connection, chance: random.Random) -> None:
    row = _seal_row(connection, BLOCK_SIZE + 1, "sealed")
    text = str(row["note"]).replace("\nsealed\n", "\ndropped\n")
    forged = {"note": text, "act": "dropped"}
    if chance.random() < 0.5:
        signed = Signer(Ed25519PrivateKey.generate()).sign(text)
        forged |= {"signature": signed.signature, "key_id": chance.choice([signed.key_id, row["key_id"]])}  # type: ignore[dict-item]
    connection.execute(SEAL.insert().values({**row, **forged}))
    _delete_records(connection, BLOCK_SIZE + 1, 2 * BLOCK_SIZE)


def drop_with_a_signed_head_as_tombstone(connection: Connection, chance: random.Random) -> None:
    row = connection.execute(sa.select(HEAD)).one()._asdict()
    signed = {name: row[name] for name in ("note", "signature", "key_id")}
    connection.execute(SEAL.insert().values(first=BLOCK_SIZE + 1, act="dropped", **signed))
    _delete_records(connection, BLOCK_SIZE + 1, 2 * BLOCK_SIZE)


def move_the_tombstone(connection: Connection, chance: random.Random) -> None:
    _set_seal(connection, 1, "dropped", first=BLOCK_SIZE + 1)
    _delete_records(connection, BLOCK_SIZE + 1, 2 * BLOCK_SIZE)


def remove_a_tombstone_or_its_seal(connection: Connection, chance: random.Random) -> None:
    connection.execute(SEAL.delete().where(SEAL.c.first == 1, SEAL.c.act == chance.choice(["dropped", "sealed"])))


def change_a_letter_of_what_was_signed(connection: Connection, chance: random.Random) -> None:
    first, act = chance.choice([(1, "dropped"), (1, "sealed"), (BLOCK_SIZE + 1, "sealed")])
    note = str(_seal_row(connection, first, act)["note"])
    at = chance.randrange(len(note))
    _set_seal(connection, first, act, note=note[:at] + chr(ord(note[at]) ^ 1) + note[at + 1 :])


def flip_a_bit_of_a_seals_signature(connection: Connection, chance: random.Random) -> None:
    first, act = chance.choice([(1, "dropped"), (1, "sealed"), (BLOCK_SIZE + 1, "sealed")])
    signature = bytearray(_seal_row(connection, first, act)["signature"])  # type: ignore[arg-type]
    signature[chance.randrange(64)] ^= 1 << chance.randrange(8)
    _set_seal(connection, first, act, signature=bytes(signature))


def change_the_root_of_a_dropped_block(connection: Connection, chance: random.Random) -> None:
    connection.execute(BLOCK.update().where(BLOCK.c.number == 0).values(root=chance.randbytes(32)))


def remove_the_root_of_a_dropped_block(connection: Connection, chance: random.Random) -> None:
    connection.execute(BLOCK.delete().where(BLOCK.c.number == 0))


def put_a_record_where_they_were_dropped(connection: Connection, chance: random.Random) -> None:
    row = _row(connection, chance.randint(BLOCK_SIZE + 1, SEALED_SIZE))
    connection.execute(RECORD.insert().values({**row, "sequence": chance.randint(1, BLOCK_SIZE)}))


def delete_the_first_after_what_was_dropped(connection: Connection, chance: random.Random) -> None:
    _delete_records(connection, BLOCK_SIZE + 1, BLOCK_SIZE + chance.randint(1, 9))


def flip_a_bit_in_a_sealed_segment(connection: Connection, chance: random.Random) -> None:
    sequence = chance.randint(BLOCK_SIZE + 1, 2 * BLOCK_SIZE)
    data = bytearray(_row(connection, sequence)["data"])  # type: ignore[arg-type]
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    _set(connection, sequence, data=bytes(data))


SEALED_SIZE = 2 * BLOCK_SIZE + 50
SEALED_TAMPERINGS = [
    drop_without_a_tombstone,
    drop_with_the_seal_as_tombstone,
    drop_with_a_forged_tombstone,
    drop_with_a_signed_head_as_tombstone,
    move_the_tombstone,
    remove_a_tombstone_or_its_seal,
    change_a_letter_of_what_was_signed,
    flip_a_bit_of_a_seals_signature,
    change_the_root_of_a_dropped_block,
    remove_the_root_of_a_dropped_block,
    put_a_record_where_they_were_dropped,
    delete_the_first_after_what_was_dropped,
    flip_a_bit_in_a_sealed_segment,
]


def _found(database: Database, tampering: Tampering, chance: random.Random) -> Report:
    """What verification says of a tampering that is then taken back."""
    verifier = a_service(database)
    from arr.verification import Verifier

    with database.engine.connect() as connection, connection.begin() as transaction:
        _without_guards(connection)
        tampering(connection, chance)
        report = Verifier(verifier._keys).run(connection)
        transaction.rollback()
    return report


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    made = make_database(METADATA)
    service = a_service(made, every=100)
    for start in range(0, SIZE, 50):
        service.record(some_records(SIZE)[start : start + 50])
    return made


def _sealed(made: Database, folder: Path) -> Database:
    service = a_service(made, every=100, segment=BLOCK_SIZE)
    service.record([*records_of(2010, BLOCK_SIZE), *records_of(2026, SEALED_SIZE - BLOCK_SIZE)])
    retention = a_retention(made)
    list(retention.seal(folder, a_subject()))
    assert [fate.segment.first for fate in retention.retain(folder, a_subject(), "old")] == [1]
    return made


@pytest.fixture
def sealed_database(make_database: MakeDatabase, tmp_path: Path) -> Database:
    return _sealed(make_database(METADATA), tmp_path)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("tampering", SEALED_TAMPERINGS, ids=lambda t: t.__name__)
def test_a_tampering_with_segments_is_found(sealed_database: Database, tampering: Tampering) -> None:
    seed = secrets.randbits(32)
    chance = random.Random(seed)

    for _ in range(8):
        assert not _found(sealed_database, tampering, chance).is_whole, f"seed {seed}"

    assert a_service(sealed_database).verify(None, deep=True).is_whole


def test_every_kind_of_tampering_with_segments_is_found(sealed_database: Database) -> None:
    seed = secrets.randbits(32)
    chance = random.Random(seed)

    missed = [t.__name__ for t in SEALED_TAMPERINGS if _found(sealed_database, t, chance).is_whole]

    assert missed == [], f"seed {seed}"


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda t: t.__name__)
def test_a_tampering_is_found_wherever_it_strikes(database: Database, tampering: Tampering) -> None:
    seed = secrets.randbits(32)
    chance = random.Random(seed)

    for _ in range(8):
        assert not _found(database, tampering, chance).is_whole, f"seed {seed}"

    assert a_service(database).verify(None, deep=True).is_whole


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_thousand_random_tamperings_are_all_found(make_database: MakeDatabase, tmp_path: Path) -> None:
    database = make_database(METADATA)
    a_service(database, every=100).record(some_records(SIZE))
    sealed = Database(f"sqlite:///{tmp_path / 'sealed.db'}", clock=TickingClock())
    for tables in (OUTBOX, METADATA):
        tables.create_all(sealed.engine)
    _sealed(sealed, tmp_path)
    seed = secrets.randbits(32)
    chance = random.Random(seed)

    missed = [t.__name__ for t in chance.choices(TAMPERINGS, k=750) if _found(database, t, chance).is_whole]
    missed += [t.__name__ for t in chance.choices(SEALED_TAMPERINGS, k=250) if _found(sealed, t, chance).is_whole]
    sealed.close()

    assert missed == [], f"seed {seed}"


def test_the_place_of_a_change_is_named(database: Database) -> None:
    with database.engine.begin() as connection:
        _without_guards(connection)
        replace_the_message(connection, random.Random(5))

    report = a_service(database).verify(None)

    assert [(f.kind, f.sequence) for f in report.faults] == [(FaultKind.CHANGED, random.Random(5).randint(1, SIZE))]


def test_missing_records_are_named_from_first_to_last(database: Database) -> None:
    with database.engine.begin() as connection:
        _without_guards(connection)
        connection.execute(RECORD.delete().where(RECORD.c.sequence.in_([1, 7, 8, 9, SIZE])))

    report = a_service(database).verify(None)

    assert [(f.kind, f.sequence, f.until) for f in report.faults] == [
        (FaultKind.MISSING, 1, 1),
        (FaultKind.MISSING, 7, 9),
        (FaultKind.MISSING, SIZE, SIZE),
    ]


def test_an_old_head_put_back_with_its_records_is_found_by_the_witness(make_database: MakeDatabase, tmp_path: Path) -> None:
    database = make_database(METADATA)
    witness = tmp_path / "witness"
    service = a_service(database, witness=witness)
    service.record(some_records(10))
    with database.engine.begin() as connection:
        old = connection.execute(sa.select(HEAD)).one()._asdict()
    service.record(some_records(5))
    service.checkpoint()

    with database.engine.begin() as connection:
        _without_guards(connection)
        connection.execute(RECORD.delete().where(RECORD.c.sequence > 10))
        connection.execute(TERM.delete().where(TERM.c.sequence > 10))
        connection.execute(CHECKPOINT.delete())
        connection.execute(HEAD.update().values(**old))

    assert a_service(database).verify(None, deep=True).is_whole  # without a witness nobody could know
    report = service.verify(None)
    assert FaultKind.WITNESS_WRONG in {fault.kind for fault in report.faults}


def test_a_tail_rewritten_and_signed_with_a_stolen_key_is_found_by_the_witness(make_database: MakeDatabase, tmp_path: Path) -> None:
    database = make_database(METADATA)
    witness = tmp_path / "witness"
    a_service(database, witness=witness).record(some_records(10))
    a_service(database, witness=witness).checkpoint()

    with database.engine.begin() as connection:
        _without_guards(connection)
        for table in (RECORD, TERM, CHECKPOINT, BLOCK, HEAD):
            connection.execute(table.delete())
    a_service(database).record(some_records(12, "999^^^&1.2.3&ISO"))

    report = a_service(database, witness=witness).verify(None)

    assert FaultKind.CHECKPOINT_WRONG in {fault.kind for fault in report.faults}


@pytest.mark.parametrize(
    "statement",
    [
        sa.update(RECORD).where(RECORD.c.sequence == 5).values(event_at=RECORD.c.event_at + 1),
        sa.update(RECORD).where(RECORD.c.sequence == 5).values(outcome=8),
        sa.update(RECORD).where(RECORD.c.sequence == 5).values(received_at=1),
        sa.delete(TERM).where(TERM.c.sequence == 5),
        sa.update(TERM).where(TERM.c.sequence == 5).values(event_at=TERM.c.event_at + 1),
        sa.insert(TERM).values(term=1, event_at=1, sequence=5),
        sa.insert(TERM).values(term=1, event_at=1, sequence=5_000_000_000),
    ],
)
def test_an_index_that_hides_a_record_is_found_by_a_deep_check(database: Database, statement: sa.UpdateBase) -> None:
    with database.engine.begin() as connection:
        _without_guards(connection)
        connection.execute(statement)

    report = a_service(database).verify(None, deep=True)

    assert [fault.kind for fault in report.faults] == [FaultKind.INDEX_WRONG]


def test_a_block_that_does_not_fit_the_records_is_found(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    a_service(database).record(some_records(1100))
    with database.engine.begin() as connection:
        _without_guards(connection)
        connection.execute(BLOCK.update().values(root=bytes(32)))

    report = a_service(database).verify(None)

    assert [fault.kind for fault in report.faults] == [FaultKind.BLOCKS_WRONG]


def test_a_thousand_and_more_faults_are_counted_but_not_all_named(make_database: MakeDatabase) -> None:
    database = make_database(METADATA)
    a_service(database).record(some_records(1100))
    with database.engine.begin() as connection:
        _without_guards(connection)
        connection.execute(RECORD.update().values(origin="x"))

    report = a_service(database).verify(None)

    assert (report.fault_count, len(report.faults)) == (1100, 1000)
