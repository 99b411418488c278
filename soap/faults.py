"""SOAP 1.2 faults (part 1, 5.4) and those of WS-Addressing 1.0 (SOAP binding, 6.4): values, their XML and their HTTP status."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum

from kernel.errors import Condition, HieError, Refused, Unreadable, violation
from kernel.xml import escape

SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"

REASON_LIMIT = 2_000
"""Characters; a reason names what the sender sent, and that may be long."""

_NO_CHARACTER = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold, not even escaped (XML 1.0, 2.2)."""


class FaultCode(Enum):
    """The codes of SOAP 1.2 that we give."""

    SENDER = "Sender"
    RECEIVER = "Receiver"
    MUST_UNDERSTAND = "MustUnderstand"
    VERSION_MISMATCH = "VersionMismatch"


class SoapFault(Unreadable):
    """Answers a request that cannot be given to a door.

    `subcodes` are names in Clark notation, outer first; `detail` is XML ready to stand in env:Detail; `header_blocks` XML ready to
    stand in env:Header.
    """

    def __init__(
        self,
        code: FaultCode,
        reason: str,
        *,
        subcodes: Sequence[str] = (),
        detail: str = "",
        header_blocks: str = "",
        condition: Condition = Condition.MALFORMED,
        http_status: int = 0,
    ) -> None:
        super().__init__(violation(condition, "SOAP", reason))
        self.code = code
        self.reason = _NO_CHARACTER.sub("?", reason[:REASON_LIMIT])
        self.subcodes = tuple(subcodes)
        self.detail_xml = detail
        self.header_blocks = header_blocks
        # part 2, 7.5.2.2: 400 for the sender's faults, 500 for all others
        self.http_status = http_status or (400 if code is FaultCode.SENDER else 500)

    @property
    def action(self) -> str:
        """The wsa:Action of the fault's message."""
        return f"{WSA}/fault" if any(s.startswith(f"{{{WSA}}}") for s in self.subcodes) else f"{WSA}/soap/fault"

    @property
    def body(self) -> bytes:
        """The env:Fault element."""
        detail = f"<s:Detail>{self.detail_xml}</s:Detail>" if self.detail_xml else ""
        return (
            f'<s:Fault xmlns:s="{SOAP}"><s:Code><s:Value>s:{self.code.value}</s:Value>{_subcodes(self.subcodes)}</s:Code>'
            f'<s:Reason><s:Text xml:lang="en">{escape(self.reason)}</s:Text></s:Reason>{detail}</s:Fault>'
        ).encode()


def _subcodes(names: Sequence[str]) -> str:
    if not names:
        return ""
    namespace, _, name = names[0][1:].partition("}")
    return f'<s:Subcode><s:Value xmlns:q="{escape(namespace)}">q:{name}</s:Value>{_subcodes(names[1:])}</s:Subcode>'


def sender_fault(reason: str, condition: Condition = Condition.MALFORMED) -> SoapFault:
    """The request is wrong in a way no narrower fault names."""
    return SoapFault(FaultCode.SENDER, reason, condition=condition)


def unsupported_media_type(found: str) -> SoapFault:
    """The Content-Type is none that carries SOAP 1.2 (part 2, 7.5.2.2: status 415)."""
    reason = f"{found[:100]} is not read here; send application/soap+xml or multipart/related with an XOP package"
    return SoapFault(FaultCode.SENDER, reason, condition=Condition.MESSAGE_TYPE_UNSUPPORTED, http_status=415)


def version_mismatch(found: str) -> SoapFault:
    """The root is no SOAP 1.2 envelope (part 1, 5.4.7); the Upgrade header says what is served."""
    upgrade = f'<s:Upgrade xmlns:s="{SOAP}"><s:SupportedEnvelope qname="s:Envelope"/></s:Upgrade>'
    reason = f"a SOAP 1.2 envelope was expected, the root element is {found}"
    return SoapFault(FaultCode.VERSION_MISMATCH, reason, header_blocks=upgrade, condition=Condition.VERSION_UNSUPPORTED)


def must_understand(names: Sequence[str]) -> SoapFault:
    """Header blocks that must be understood and are not (part 1, 5.4.8), each named."""
    blocks = "".join(f'<s:NotUnderstood {_qname_attribute(name)} xmlns:s="{SOAP}"/>' for name in names)
    reason = f"header not understood: {', '.join(names)}"
    return SoapFault(FaultCode.MUST_UNDERSTAND, reason, header_blocks=blocks, condition=Condition.MESSAGE_TYPE_UNSUPPORTED)


def _qname_attribute(name: str) -> str:
    namespace, _, local = name.rpartition("}")
    if not namespace:
        return f'qname="{escape(local)}"'
    return f'qname="q:{escape(local)}" xmlns:q="{escape(namespace[1:])}"'


def action_not_supported(action: str, served: Sequence[str]) -> SoapFault:
    """The wsa:Action is none of ours; the reason names those that are."""
    reason = f"the action {action[:200]} is not served here; served are {', '.join(served)}"
    detail = f'<a:ProblemAction xmlns:a="{WSA}"><a:Action>{escape(action[:200])}</a:Action></a:ProblemAction>'
    return SoapFault(
        FaultCode.SENDER,
        reason,
        subcodes=(f"{{{WSA}}}ActionNotSupported",),
        detail=detail,
        condition=Condition.MESSAGE_TYPE_UNSUPPORTED,
    )


def header_required(name: str) -> SoapFault:
    """A WS-Addressing header is missing, `name` without its namespace."""
    return SoapFault(
        FaultCode.SENDER,
        f"the header wsa:{name} is required",
        subcodes=(f"{{{WSA}}}MessageAddressingHeaderRequired",),
        detail=_problem_header(name),
        condition=Condition.FIELD_MISSING,
    )


def invalid_header(name: str, subcode: str, reason: str) -> SoapFault:
    """A WS-Addressing header cannot be used; `subcode` says why, as InvalidCardinality or OnlyAnonymousAddressSupported."""
    return SoapFault(
        FaultCode.SENDER,
        reason,
        subcodes=(f"{{{WSA}}}InvalidAddressingHeader", f"{{{WSA}}}{subcode}"),
        detail=_problem_header(name),
        condition=Condition.FIELD_INVALID,
    )


def _problem_header(name: str) -> str:
    return f'<a:ProblemHeaderQName xmlns:a="{WSA}">a:{name}</a:ProblemHeaderQName>'


_OURS = frozenset(
    {
        Condition.INTERNAL,
        Condition.BUSY,
        Condition.OUT_OF_RESOURCES,
        Condition.REGISTRY_UNAVAILABLE,
        Condition.PEER_UNAVAILABLE,
        Condition.COMMUNITY_UNAVAILABLE,
        Condition.CONTENT_DAMAGED,
        Condition.REMOVAL_FAILED,
        Condition.RECORD_LOCKED,
    }
)

CODES: Mapping[Condition, FaultCode] = {
    condition: FaultCode.RECEIVER if condition in _OURS else FaultCode.SENDER for condition in Condition
}
"""Whose fault a condition is, where no door can answer it in its own language."""

SECURITY_SUBCODES: Mapping[Condition, str] = {
    Condition.NOT_AUTHENTICATED: f"{{{WSSE}}}FailedAuthentication",
    Condition.NOT_ALLOWED: f"{{{WSSE}}}InvalidSecurityToken",
}


def fault_of(error: HieError) -> SoapFault:
    """The fault that stands for an error. A refusal tells no more than its condition: the rest is for the audit record."""
    if isinstance(error, SoapFault):
        return error
    condition = error.condition
    if isinstance(error, Refused):
        subcode = SECURITY_SUBCODES.get(condition, f"{{{WSSE}}}FailedAuthentication")
        return SoapFault(FaultCode.SENDER, condition.value, subcodes=(subcode,), condition=condition)
    reason = "; ".join(f"{v.where}: {v.detail}" if v.where else v.detail for v in error.violations)
    return SoapFault(CODES[condition], reason or condition.value, condition=condition)


def internal_fault() -> SoapFault:
    """Something broke inside; nothing of it is told."""
    return SoapFault(FaultCode.RECEIVER, Condition.INTERNAL.value, condition=Condition.INTERNAL)
