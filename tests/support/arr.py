"""An audit record repository on a test's database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from arr.model import Channel, Received
from arr.ports import PatientDirectory
from arr.retention import Retention
from arr.service import AuditService
from arr.settings import ArrSettings
from arr.signing import Signer, Trust
from kernel.database import Database
from tests.support.audit import CONTEXT, PATIENT, an_event
from tests.support.clocks import TickingClock

AT = 1_795_343_001_125
"""2026-11-22T10:23:21.125Z, in milliseconds."""
SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def a_service(
    database: Database,
    *,
    signer: Signer | None = SIGNER,
    witness: Path | None = None,
    every: int = 1_000,
    directory: PatientDirectory | None = None,
    segment: int = 262_144,
) -> AuditService:
    """The service, signing with the tests' key unless told otherwise."""
    return AuditService(
        database,
        clock=TickingClock(),
        context=CONTEXT,
        new_log_id=lambda: "log-1",
        settings=ArrSettings(witness_file=witness, checkpoint_records=every, segment_records=segment),
        trust=Trust(signer),
        directory=directory,
    )


def received(data: bytes, channel: Channel = Channel.LOCAL, at: int = AT, flaws: tuple[str, ...] = ()) -> Received:
    """A message as it came."""
    return Received(data, channel, at, "" if channel is Channel.LOCAL else "10.0.0.5", "", flaws)


def some_records(count: int, patient: str = PATIENT) -> list[Received]:
    """Messages that differ."""
    return [received(an_event(patient, user=f"user-{n}").to_xml(), at=AT + n) for n in range(count)]


def a_retention(
    database: Database,
    *,
    years: int | None = 5,
    segment: int = 1024,
    directory: PatientDirectory | None = None,
    signed: bool = True,
) -> Retention:
    """What seals and drops segments, with the tests' key; the clock stands in 2026."""
    settings = ArrSettings(segment_records=segment, retention_years=years)
    trust = Trust(SIGNER if signed else None)
    return Retention(database, clock=TickingClock(), context=CONTEXT, settings=settings, trust=trust, directory=directory)


def records_of(year: int, count: int, patient: str = PATIENT) -> list[Received]:
    """Messages of one patient that came in this year, a second between them."""
    start = int(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000)
    message = an_event(patient).to_xml()
    return [received(message, at=start + 1000 * n) for n in range(count)]
