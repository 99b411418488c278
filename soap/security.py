"""The wsse:Security header of a request, found and bounded; what it says is read by those who may judge it."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from kernel.errors import Condition
from kernel.xml import Element
from soap.envelope import SECURITY
from soap.faults import sender_fault


def find_security(headers: Mapping[str, Element], *, limit: int) -> Element | None:
    """The raw header meant for us, None without one. Raises `SoapFault` when it is longer than `limit` bytes.

    There is one at most: `read_envelope` refuses two. Nothing in it has been verified.
    """
    header = headers.get(SECURITY)
    if header is not None and len(etree.tostring(header, with_tail=False)) > limit:
        raise sender_fault(f"the header wsse:Security is longer than {limit} bytes", Condition.TOO_LARGE)
    return header
