"""A client of PIX and PDQ for any server: feed over MLLP (ITI-8), queries over MLLP (ITI-9, 21) or SOAP (ITI-45, 47)."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from app.client import service_at
from app.contracts import FOLDER
from app.mllp_client import MllpAddress, mllp_call
from hl7v2 import consumer as v2
from hl7v2.ack import ReceivedError, read_acknowledgement
from hl7v2.er7 import Message, parse
from hl7v2.mllp import END, START
from hl7v3 import consumer as v3
from kernel.demographics import Demographics
from kernel.demographics_query import DemographicsPage
from kernel.errors import Condition, Rejected, violation
from kernel.identifiers import AssigningAuthority, EntryUuid, NewUuid, Oid, PatientId, is_oid, oid_from_uuid
from kernel.times import Clock
from soap.zeep_client import SoapClient

PARTIES: Final = v2.Parties("HIE", "CLIENT", "AFFINITY", "AFFINITY")
SENDER: Final = oid_from_uuid(EntryUuid("urn:uuid:8f1f7c52-44a6-4b0e-8a44-6f0a2f1f3d10"))
"""The device the client is where no other is given."""
RECEIVER: Final = oid_from_uuid(EntryUuid("urn:uuid:0b1c2f9e-7a0d-4a4b-9a5e-2d1f60b7c8aa"))
"""The device at the other end where its OID is not known."""
_NOBODY: Final = Demographics()


@dataclass(frozen=True, slots=True)
class Fed:
    """The acknowledgement of one message: its MSH-10 as answered, MSA-1, and what the server found wrong or warned of."""

    control_id: str
    code: str
    errors: tuple[ReceivedError, ...]

    @property
    def is_accepted(self) -> bool:
        """Whether the message was taken."""
        return self.code in ("AA", "CA")


class PatientIndex(Protocol):
    """Answers questions about patients, in whichever language."""

    def pix(self, patient_id: PatientId, wanted: Sequence[AssigningAuthority] = ()) -> tuple[PatientId, ...]:
        """The identifiers of the same patient in the wanted authorities, or in all."""
        ...

    def pdq(
        self, known: Demographics, identifiers: Sequence[PatientId] = (), wanted: Sequence[AssigningAuthority] = ()
    ) -> DemographicsPage:
        """Who fits what is known."""
        ...


class V2Client:
    """HL7 v2 over MLLP. Every call raises `Unavailable` when the server does not answer, `Unreadable` when its answer is none."""

    def __init__(self, address: MllpAddress, *, clock: Clock, new_uuid: NewUuid, parties: v2.Parties = PARTIES) -> None:
        self._address = address
        self._clock = clock
        self._new_uuid = new_uuid
        self._parties = parties

    def feed(self, message: bytes) -> Fed:
        """ITI-8 (or any message that is acknowledged), as it stands but for line ends."""
        answer = self._exchange(_one_message(message))
        acknowledgement = read_acknowledgement(answer)
        return Fed(acknowledgement.control_id, acknowledgement.code, acknowledgement.errors)

    def pix(self, patient_id: PatientId, wanted: Sequence[AssigningAuthority] = ()) -> tuple[PatientId, ...]:
        """ITI-9. Raises `Rejected` with the server's errors, as for an identifier it does not know."""
        return v2.read_pix_answer(self._exchange(v2.pix_query(patient_id, wanted, self._envelope()).to_bytes()))

    def pdq(
        self, known: Demographics, identifiers: Sequence[PatientId] = (), wanted: Sequence[AssigningAuthority] = ()
    ) -> DemographicsPage:
        """ITI-21. Raises `Rejected` with the server's errors, and when nothing is asked for."""
        _require_something(known, identifiers)
        query = v2.pdq_query(known, identifiers, wanted, self._envelope())
        return v2.read_pdq_answer(self._exchange(query.to_bytes()))

    def _exchange(self, message: bytes) -> Message:
        return parse(mllp_call(self._address, message), lenient=True)

    def _envelope(self) -> v2.Envelope:
        return v2.Envelope(self._parties, self._clock(), self._new_uuid().replace("-", "")[-20:])


@dataclass(frozen=True, slots=True)
class V3Server:
    """A PIX manager and a PDQ supplier that speak HL7 v3, and how to reach them; `timeout` is in seconds."""

    pix: str
    pdq: str
    spool: Path
    timeout: float = 60.0
    tls: ssl.SSLContext | None = None
    sender: Oid = SENDER
    receiver: Oid = RECEIVER

    @classmethod
    def at(cls, url: str, spool: Path, *, timeout: float = 60.0, tls: ssl.SSLContext | None = None) -> V3Server:
        """A server of ours, by its address alone; an address with a path is that of one service of any make."""
        return cls(service_at(url, "/pix"), service_at(url, "/pdq"), spool, timeout, tls)


class V3Client:
    """HL7 v3 over SOAP. Every call raises `Unavailable` when the server does not answer and `SoapFaultReceived` for a fault."""

    def __init__(self, server: V3Server, *, clock: Clock, new_uuid: NewUuid) -> None:
        self._server = server
        self._clock = clock
        self._new_uuid = new_uuid
        self._pix = _soap(server, "pix.wsdl", server.pix)
        self._pdq = _soap(server, "pdq.wsdl", server.pdq)

    def pix(self, patient_id: PatientId, wanted: Sequence[AssigningAuthority] = ()) -> tuple[PatientId, ...]:
        """ITI-45. Raises `Rejected` with the server's errors, as for an identifier it does not know."""
        _require_oids([patient_id.authority, *wanted])
        reply = self._pix.call("PIXManager_PRPA_IN201309UV02", v3.pix_query(patient_id, wanted, self._envelope()))
        return v3.read_pix_answer(reply.body)

    def pdq(
        self, known: Demographics, identifiers: Sequence[PatientId] = (), wanted: Sequence[AssigningAuthority] = ()
    ) -> DemographicsPage:
        """ITI-47. Raises `Rejected` with the server's errors, and when nothing is asked for."""
        _require_something(known, identifiers)
        _require_oids([*(i.authority for i in identifiers), *wanted])
        query = v3.pdq_query(known, identifiers, wanted, self._envelope())
        return v3.read_pdq_answer(self._pdq.call("PDSupplier_PRPA_IN201305UV02", query).body)

    def close(self) -> None:
        """Closes the connections."""
        self._pix.close()
        self._pdq.close()

    def _envelope(self) -> v3.Envelope:
        return v3.Envelope(self._server.sender, self._server.receiver, self._clock(), self._new_uuid()[-36:])


def parse_patient(text: str) -> PatientId:
    """A patient's identifier as people write it: `id^^^&OID&ISO`, `id^^^NAME` or `id^^^NAME&OID&ISO`. Raises `Rejected`."""
    number, _, rest = text.partition("^^^")
    authority = parse_authority(rest.partition("^")[0]) if rest else None
    if not number.strip() or authority is None:
        detail = "an identifier is written id^^^&OID&ISO, or id^^^NAME for an authority that has a name"
        raise Rejected(violation(Condition.FIELD_INVALID, "patient", detail))
    return PatientId(number.strip(), authority)


def parse_authority(text: str) -> AssigningAuthority | None:
    """An assigning authority as people write it: an OID, a name, or `NAME&OID&ISO`; None for anything else."""
    parts = [part.strip() for part in text.split("&")]
    if len(parts) == 1 and parts[0]:
        return AssigningAuthority.of_oid(parts[0]) if is_oid(parts[0]) else AssigningAuthority(parts[0])
    if len(parts) in (2, 3) and any(parts[:2]):
        kind = parts[2] if len(parts) == 3 else ""
        return AssigningAuthority(parts[0], parts[1], kind or ("ISO" if is_oid(parts[1]) else ""))
    return None


def _soap(server: V3Server, contract: str, endpoint: str) -> SoapClient:
    return SoapClient(
        FOLDER / contract,
        endpoint,
        timeout=server.timeout,
        spool=server.spool,
        tls=server.tls,
        away=Condition.PEER_UNAVAILABLE,
    )


def _one_message(message: bytes) -> bytes:
    """A message from a file: out of its frame, if it has one, and each segment ended by CR."""
    bare = message.strip().removeprefix(START).removesuffix(END.strip()).strip()
    return bare.replace(b"\r\n", b"\r").replace(b"\n", b"\r") + b"\r"


def _require_something(known: Demographics, identifiers: Sequence[PatientId]) -> None:
    if known == _NOBODY and not identifiers:
        raise Rejected(violation(Condition.PARAMETER_MISSING, "query", "say at least one thing about the patient"))


def _require_oids(authorities: Sequence[AssigningAuthority]) -> None:
    if any(a.oid is None for a in authorities):
        raise Rejected(violation(Condition.PARAMETER_INVALID, "authority", "HL7 v3 names an authority by its OID"))
