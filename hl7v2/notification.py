"""ITI-10: what a consumer is told of a patient's identifiers, ADT^A31 (ITI TF-2, 3.10.4.1)."""

from __future__ import annotations

from collections.abc import Sequence

from hl7v2.consumer import Envelope
from hl7v2.er7 import Writer
from hl7v2.header import OutgoingMessage
from hl7v2.patient import write_pid
from kernel.demographics import Demographics
from kernel.identifiers import PatientId
from kernel.times import dtm_of


def update_notification(identifiers: Sequence[PatientId], envelope: Envelope) -> OutgoingMessage:
    """ADT^A31: every identifier of one patient, and nothing else of her."""
    writer, parties = Writer(), envelope.parties
    now = f"{dtm_of(envelope.now)}+0000"
    msh: dict[int, str] = {
        3: writer.text(parties.application),
        4: writer.text(parties.facility),
        5: writer.text(parties.receiving_application),
        6: writer.text(parties.receiving_facility),
        7: now,
        9: writer.plain("ADT", "A31", "ADT_A05"),
        10: writer.text(envelope.control_id),
        11: "P",
        12: "2.5",
    }
    # 3.10.4.1.2.3: the name is one blank, the patient class that of no visit
    pid = write_pid(writer, tuple(identifiers), Demographics(), no_name=" ")
    return OutgoingMessage(msh, (writer.segment("EVN", {2: now}), pid, writer.segment("PV1", {2: "N"})))
