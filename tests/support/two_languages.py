"""One question asked of the doors of an index in HL7 v2 and in HL7 v3, and what the asker learns, told alike."""

from __future__ import annotations

from hl7v2 import consumer as v2
from hl7v2.er7 import parse
from hl7v3 import consumer as v3
from kernel.demographics_query import DemographicsPage
from kernel.errors import Rejected
from kernel.identifiers import Oid
from kernel.xml import parse_xml
from tests.support.hl7 import NOW
from tests.support.patients import Wires

Answer = tuple[object, ...]
"""Of a cross-reference `("ids", {...})`, of a description the patients found, of either `("refused", ...)`."""


def in_v2(wires: Wires, question: object, number: int) -> Answer:
    """The answer over MLLP (ITI-9, ITI-21): a cross-reference is a tuple of identifier and wanted authorities, a description what
    `pdq_query` takes."""
    envelope = v2.Envelope(v2.Parties("PIX", "C"), NOW, f"Q{number}")
    try:
        if isinstance(question, tuple):
            message = parse("\r".join(wires.v2(v2.pix_query(*question, envelope).to_bytes())).encode() + b"\r")
            return ("ids", {(i.id, i.authority.universal_id) for i in v2.read_pix_answer(message)})
        assert isinstance(question, dict)
        message = parse("\r".join(wires.v2(v2.pdq_query(**question, envelope=envelope).to_bytes())).encode() + b"\r")
        return described(v2.read_pdq_answer(message))
    except Rejected as error:
        return refused(error)


def in_v3(wires: Wires, question: object, number: int) -> Answer:
    """The answer over SOAP (ITI-45, ITI-47)."""
    envelope = v3.Envelope(Oid("2.999.7"), Oid("2.999.9"), NOW, f"Q{number}")
    try:
        if isinstance(question, tuple):
            found = v3.read_pix_answer(wires.v3(parse_xml(v3.pix_query(*question, envelope))))
            return ("ids", {(i.id, i.authority.universal_id) for i in found})
        assert isinstance(question, dict)
        return described(v3.read_pdq_answer(wires.v3(parse_xml(v3.pdq_query(**question, envelope=envelope)))))
    except Rejected as error:
        return refused(error)


def described(page: DemographicsPage) -> Answer:
    """Everything a consumer learns of the patients found, in order; the identifiers first."""
    return tuple(
        (
            frozenset((i.id, i.authority.universal_id) for i in hit.identifiers),
            hit.demographics.names,
            hit.demographics.sex,
            hit.demographics.birth,
            tuple(a.city for a in hit.demographics.addresses),
            hit.confidence,
        )
        for hit in page.hits
        if hit.identifiers  # v3 also shows who lacks every identifier that was wanted
    )


def refused(error: Rejected) -> Answer:
    """A refusal: how many faults of which kind."""
    return ("refused", *sorted(v.condition.name for v in error.violations if v.is_error))
