"""WS-Addressing 1.0: the headers of a request, and those of its answer."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence

from kernel.xml import Element, canonical, escape
from soap.exchange import ANONYMOUS, Addressing
from soap.faults import WSA, header_required, invalid_header

ADDRESS_LIMIT = 2_000
"""Characters of an action, a message id or an address."""
PARAMETERS_LIMIT = 8_000
"""Characters of the reference parameters of one endpoint."""

_ACTION, _MESSAGE_ID, _TO = (f"{{{WSA}}}{name}" for name in ("Action", "MessageID", "To"))
_REPLY_TO, _FAULT_TO, _RELATES_TO = (f"{{{WSA}}}{name}" for name in ("ReplyTo", "FaultTo", "RelatesTo"))
_REFERENCE_PARAMETERS, _IS_REFERENCE_PARAMETER = f"{{{WSA}}}ReferenceParameters", f"{{{WSA}}}IsReferenceParameter"
_SPACE = re.compile(r"\s")
_ADDRESS = f"{{{WSA}}}Address"


def read_addressing(headers: Mapping[str, Element]) -> Addressing:
    """The addressing of a request. Raises `SoapFault` without an action, or for a header that holds no address.

    MessageID may be absent, as some senders have it: then the answer relates to nothing.
    """
    action = _text(headers, _ACTION)
    if not action:
        raise header_required("Action")
    return Addressing(
        action=action,
        message_id=_text(headers, _MESSAGE_ID),
        to=_text(headers, _TO),
        reply_to=_endpoint(headers, _REPLY_TO) or ANONYMOUS,
        fault_to=_endpoint(headers, _FAULT_TO),
        relates_to=_text(headers, _RELATES_TO),
        reply_parameters=_parameters(headers, _REPLY_TO),
        fault_parameters=_parameters(headers, _FAULT_TO),
    )


def readable_message_id(headers: Mapping[str, Element]) -> str:
    """The message id to relate a fault to, empty where it is absent or itself at fault."""
    found = headers.get(_MESSAGE_ID)
    text = "" if found is None else (found.text or "").strip()
    return text if _is_address(text) else ""


def require_answerable(addressing: Addressing, allowed: Sequence[str]) -> None:
    """Raises `SoapFault` when an answer or a fault is to go to an address that is not allowed, or where it relates to nothing.

    `allowed` are addresses, or what addresses begin with where they end with a slash. Without any, answers go back on the same
    connection alone.
    """
    for name, address in (("ReplyTo", addressing.reply_to), ("FaultTo", addressing.fault_to)):
        if address in ("", ANONYMOUS):
            continue
        if not allowed:
            reason = f"answers go back on the same connection; wsa:{name} must be the anonymous address"
            raise invalid_header(name, "OnlyAnonymousAddressSupported", reason)
        if not any(is_covered(address, one) for one in allowed):
            raise invalid_header(name, "InvalidAddress", f"the address of wsa:{name} is none that answers are sent to")
        if not addressing.message_id:
            raise header_required("MessageID")


def is_covered(address: str, allowed: str) -> bool:
    """Whether an address is the allowed one, or below it where that ends with a slash."""
    if "/../" in f"{address}/" or "%" in address:
        return False  # what a server makes of it is not what stands there
    return address == allowed or (allowed.endswith("/") and address.startswith(allowed))


def answer_headers(action: str, message_id: str, relates_to: str, to: str = "", parameters: str = "") -> str:
    """The header blocks of an answer, with the prefixes of `soap.envelope.envelope`.

    `to` is the address it goes to, where that is not the connection, and `parameters` its reference parameters.
    """
    related = f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo>" if relates_to else ""
    sent = f"<a:To>{escape(to)}</a:To>" if to else ""
    head = f'<a:Action s:mustUnderstand="1">{escape(action)}</a:Action><a:MessageID>{escape(message_id)}</a:MessageID>'
    return f"{head}{sent}{related}{parameters}"


def _text(headers: Mapping[str, Element], name: str) -> str:
    block = headers.get(name)
    if block is None:
        return ""
    text = (block.text or "").strip()
    if len(block) or not _is_address(text):
        local = name.rpartition("}")[2]
        raise invalid_header(local, "InvalidAddress", f"the header wsa:{local} does not hold an IRI")
    return text


def _endpoint(headers: Mapping[str, Element], name: str) -> str:
    block = headers.get(name)
    if block is None:
        return ""
    addresses = list(block.iterchildren(_ADDRESS))
    text = (addresses[0].text or "").strip() if addresses else ""
    local = name.rpartition("}")[2]
    if len(addresses) != 1 or not text:
        raise invalid_header(local, "MissingAddressInEPR", f"the header wsa:{local} holds no wsa:Address")
    if not _is_address(text):
        raise invalid_header(local, "InvalidAddress", f"the header wsa:{local} does not hold an IRI")
    return text


def _parameters(headers: Mapping[str, Element], name: str) -> str:
    """The reference parameters of an endpoint, each a header block that says what it is (WS-Addressing core, 3.3)."""
    block = headers.get(name)
    found = block.find(_REFERENCE_PARAMETERS) if block is not None else None
    if found is None:
        return ""
    pieces = []
    for parameter in found.iterchildren("*"):
        sent = copy.deepcopy(parameter)
        sent.set(_IS_REFERENCE_PARAMETER, "true")
        pieces.append(canonical(sent).decode())
    text = "".join(pieces)
    if len(text) > PARAMETERS_LIMIT:
        local = name.rpartition("}")[2]
        reason = f"the header wsa:{local} holds more than {PARAMETERS_LIMIT} characters of reference parameters"
        raise invalid_header(local, "InvalidEPR", reason)
    return text


def _is_address(text: str) -> bool:
    return len(text) <= ADDRESS_LIMIT and _SPACE.search(text) is None
