"""ITI-46: what a consumer is told of a patient's identifiers, PRPA_IN201302UV02 (ITI TF-2, 3.46.4.1)."""

from __future__ import annotations

from collections.abc import Sequence

from hl7v3.consumer import ACCEPTED, Envelope, require_accepted
from hl7v3.datatypes import InstanceId
from hl7v3.elements import child, tag, value_of
from hl7v3.messages import INTERACTIONS, device, document, wrapper
from hl7v3.patient import write_subject
from kernel.demographics import Demographics
from kernel.identifiers import PatientId
from kernel.xml import Element

REVISED = "PRPA_IN201302UV02"


def update_notification(identifiers: Sequence[PatientId], envelope: Envelope) -> bytes:
    """PRPA_IN201302UV02: every identifier of one patient whose authority has an OID, and nothing else of her."""
    head = wrapper(
        REVISED,
        InstanceId(envelope.sender, envelope.message_id),
        envelope.now,
        accept="AL",
        processing_code="P",
        receiver=device(envelope.receiver),
        sender=device(envelope.sender),
    )
    code = tag("code", code=REVISED.replace("_IN", "_TE"), codeSystem=INTERACTIONS)
    subject = write_subject(identifiers, Demographics(), envelope.sender)
    return document(REVISED, head, tag("controlActProcess", code, subject, classCode="CACT", moodCode="EVN"))


def require_taken(body: Element) -> bool:
    """Whether a notification was taken; False when it may be later (CR, AR). Raises `Rejected` when it never will be (CE, AE)."""
    code = value_of(child(body, "acknowledgement", "typeCode"), "code")
    if code in ("CR", "AR"):
        return False
    if code not in ACCEPTED:
        require_accepted(body)
    return True
