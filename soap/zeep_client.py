"""SOAP towards others: zeep reads the contract and addresses the message; bodies and documents travel as they are.

zeep's own way of writing and reading bodies is not used: it knows no substitution groups, cannot send MTOM, and strips line ends
from documents it receives. This is the only module that imports it.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import requests
import zeep
from lxml import etree
from requests.adapters import HTTPAdapter
from zeep.wsa import WsAddressingPlugin

from kernel.errors import Condition, HieError, Refused, Rejected, Unavailable, Unreadable, violation
from kernel.identifiers import new_entry_uuid
from kernel.peer import Peer
from kernel.xml import Element, parse_xml
from soap.addressing import read_addressing
from soap.envelope import BODY, ENVELOPE, HEADER, read_envelope
from soap.exchange import ANONYMOUS, Addressing, Attachment, OutgoingPart, SoapRequest
from soap.faults import SOAP, WSA, SoapFault
from soap.intake import Intake
from soap.mtom import MtomEncoder
from soap.settings import SoapSettings
from soap.spool import Spool

CONNECTIONS = 16
"""Kept open to one endpoint."""

_CHUNK = 256 << 10
_SOAP_TYPES = ("application/soap+xml", "multipart/related", "text/xml", "application/xml")
_RETRY_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})

_log = logging.getLogger(__name__)
# at level DEBUG zeep writes whole messages
logging.getLogger("zeep").setLevel(logging.WARNING)


class SoapFaultReceived(Rejected):
    """The other end answered with a fault. `code` and `subcodes` are local names.

    `reason` is its text: it may quote our message, so it is for the caller's eyes and not for logs.
    """

    def __init__(self, condition: Condition, *, code: str, subcodes: tuple[str, ...], reason: str) -> None:
        names = "/".join((code, *subcodes))
        super().__init__(violation(condition, "answer", f"the other end answered with the fault {names}"))
        self.code = code
        self.subcodes = subcodes
        self.reason = reason

    @property
    def is_receiver(self) -> bool:
        """Whether the other end says that the fault is its own, so that a retry makes sense."""
        return self.code == "Receiver"


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """What an answer may cost: the limits of its envelope, bytes of all its documents, seconds until its last byte."""

    soap: SoapSettings = field(default_factory=SoapSettings)
    documents_bytes: int = 8 << 30
    seconds: float = 3600.0


DEFAULT_LIMITS = AnswerLimits()


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its body, in which each document is an xop:Include of `attachments`, and what it said about itself.

    `message_id` is that of our request. `warnings` are breaches of WS-Addressing that do no harm. The files of `attachments` belong
    to the caller; `discard` removes those that were not moved away.
    """

    body: Element
    message_id: str
    addressing: Addressing
    attachments: Mapping[str, Attachment] = field(default_factory=dict)
    is_mtom: bool = False
    warnings: tuple[str, ...] = ()

    def discard(self) -> None:
        """Removes the files of the documents."""
        for attachment in self.attachments.values():
            attachment.path.unlink(missing_ok=True)


class SoapClient:
    """Calls the operations of one contract at one endpoint. May be used by several threads.

    `wsdl` is a file or an address; `timeout` is in seconds, for connecting and for every wait on the connection; documents of
    answers go to `spool`. `away` is the condition of `Unavailable` when the other end cannot be reached or has trouble of its own.
    """

    def __init__(
        self,
        wsdl: str | Path,
        endpoint: str,
        *,
        timeout: float,
        spool: Path,
        tls: ssl.SSLContext | None = None,
        away: Condition = Condition.REGISTRY_UNAVAILABLE,
        limits: AnswerLimits = DEFAULT_LIMITS,
    ) -> None:
        self._endpoint = endpoint
        self._spool = spool
        self._away = away
        self._limits = limits
        self._line = _Line(timeout=timeout, tls=tls)
        self._operations = _contract(wsdl, self._line, away)

    @property
    def operations(self) -> tuple[str, ...]:
        """The names of the contract's operations."""
        return tuple(self._operations)

    def call(
        self,
        operation: str,
        body: Element | bytes,
        parts: Sequence[OutgoingPart] = (),
        *,
        mtom: bool = False,
        headers: Sequence[Element] = (),
    ) -> Reply:
        """Sends a body and reads the answer. With parts, or where `mtom` says so, it goes as multipart/related.

        `headers` are further header blocks, as a security token. Raises `Unavailable` when the other end cannot be reached or
        breaks off, `Refused` when it does not know us, `SoapFaultReceived`, and `Unreadable` when the answer is not one. A call
        that failed may have been carried out all the same.
        """
        contract = self._operations[operation]
        message = _Message(contract, self._endpoint, body, headers)
        kind, stream = message.packed(parts, multipart=mtom or bool(parts))
        try:
            with self._line.post(self._endpoint, stream, kind) as answer:
                return self._read(answer, message)
        except requests.RequestException as problem:
            raise Unavailable(violation(self._away, self._endpoint, _trouble(problem))) from None

    def close(self) -> None:
        """Closes the connections that were kept open."""
        self._line.close()

    def _read(self, answer: requests.Response, message: _Message) -> Reply:
        self._check_status(answer)
        chunks = self._line.body(answer, self._limits.seconds, self._away)
        request = SoapRequest(Peer("", self._endpoint), answer.headers["Content-Type"], chunks)
        spool = Spool(self._spool, limit=self._limits.documents_bytes)
        intake = Intake(request, stage=spool, limits=self._limits.soap, admit=_admit_anything)
        with ExitStack() as undo:
            undo.callback(intake.abort)
            try:
                intake.receive()
                assert intake.root is not None
                reply = self._reply(intake, intake.root, message)
            except SoapFault as problem:  # what a server would answer with; here it is about an answer
                raise Unreadable(violation(problem.condition, "answer", problem.detail)) from None
            undo.pop_all()
        return reply

    def _reply(self, intake: Intake, root: Element, message: _Message) -> Reply:
        envelope = read_envelope(root)
        if envelope.body.tag == f"{{{SOAP}}}Fault":
            raise _fault(envelope.body, self._away)
        if envelope.body.tag != message.answer_root:
            detail = f"the body is {str(envelope.body.tag)[:200]} where {message.answer_root} was expected"
            raise Unreadable(violation(Condition.MESSAGE_TYPE_UNSUPPORTED, "answer", detail))
        addressing, warnings = _addressing(envelope.headers, message)
        for text in warnings:
            _log.warning("answer of %s: %s", message.operation, text)
        return Reply(envelope.body, message.message_id, addressing, intake.attachments, intake.is_mtom, warnings)

    def _check_status(self, answer: requests.Response) -> None:
        status = answer.status_code
        if status in (401, 403):
            condition = Condition.NOT_AUTHENTICATED if status == 401 else Condition.NOT_ALLOWED
            raise Refused(violation(condition, self._endpoint, f"the other end answered with HTTP {status}"))
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind in _SOAP_TYPES and status in (200, 400, 500):
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise Unreadable(violation(Condition.MALFORMED, "answer", "its content is encoded, which was not asked for"))
            return
        detail = f"the other end answered with HTTP {status} and {kind[:100] or 'no content type'}"
        if status in _RETRY_STATUSES:
            raise Unavailable(violation(self._away, self._endpoint, detail))
        raise Unreadable(violation(Condition.MALFORMED, "answer", detail))


class _Message:
    """A request: its envelope, addressed by zeep from the contract."""

    def __init__(self, contract: Any, endpoint: str, body: Element | bytes, headers: Sequence[Element]) -> None:
        self.operation: str = contract.name
        self.message_id = str(new_entry_uuid())
        self.answer_root: str = contract.output.body.qname.text
        self.action: str = contract.soapaction or contract.abstract.wsa_action
        envelope = etree.Element(ENVELOPE, nsmap={"s": SOAP})
        header = etree.SubElement(envelope, HEADER)
        WsAddressingPlugin().egress(envelope, {}, contract, {"address": endpoint})
        self._complete_addressing(header)
        header.extend(headers)
        etree.SubElement(envelope, BODY).append(parse_xml(body) if isinstance(body, bytes) else body)
        self._text = etree.tostring(envelope, encoding="UTF-8", xml_declaration=False)

    def packed(self, parts: Sequence[OutgoingPart], *, multipart: bool) -> tuple[str, _Stream]:
        """The content type and the bytes, as multipart/related or as they are."""
        if not multipart:
            return f'application/soap+xml; charset=UTF-8; action="{self.action}"', _Stream(len(self._text), iter((self._text,)))
        encoder = MtomEncoder((self._text,), parts, boundary=new_entry_uuid().replace(":", "-"))
        return encoder.content_type, _Stream(encoder.content_length, encoder.chunks())

    def _complete_addressing(self, header: Element) -> None:
        # IHE asks for mustUnderstand on the action, and for a place to answer to (ITI TF-2 appendix V.3.2.2)
        for element in header.iter(f"{{{WSA}}}Action"):
            element.set(f"{{{SOAP}}}mustUnderstand", "1")
        for element in header.iter(f"{{{WSA}}}MessageID"):
            element.text = self.message_id
        reply_to = etree.SubElement(header, f"{{{WSA}}}ReplyTo")
        etree.SubElement(reply_to, f"{{{WSA}}}Address").text = ANONYMOUS


class _Stream:
    """Bytes to be sent: the length makes requests write Content-Length instead of chunks, which old SOAP servers cannot read."""

    def __init__(self, length: int, chunks: Iterator[bytes]) -> None:
        self._length = length
        self._chunks = chunks

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks


class _Line(zeep.Transport):  # type: ignore[misc]  # zeep is untyped
    """The connections: pooled, without proxies, cookies and redirects; bodies stream both ways."""

    def __init__(self, *, timeout: float, tls: ssl.SSLContext | None) -> None:
        session = requests.Session()
        session.trust_env = False
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.mount("https://", _TlsAdapter(tls or ssl.create_default_context()))
        session.mount("http://", HTTPAdapter(pool_maxsize=CONNECTIONS))
        super().__init__(timeout=timeout, operation_timeout=timeout, session=session)

    def post(self, address: str, stream: _Stream, content_type: str) -> requests.Response:
        """Sends and reads the head of the answer; the response closes its connection when it is left before its end."""
        answer: requests.Response = self.session.post(
            address,
            data=stream,
            headers={"Content-Type": content_type, "Accept-Encoding": "identity", "User-Agent": "affinity-hie"},
            timeout=self.operation_timeout,
            stream=True,
            allow_redirects=False,
        )
        return answer

    def body(self, answer: requests.Response, seconds: float, away: Condition) -> Iterator[bytes]:
        """The bytes of the answer. Raises `Unavailable` when they stop coming or take too long in all."""
        end = time.monotonic() + seconds
        try:
            for chunk in answer.iter_content(_CHUNK):
                yield chunk
                if time.monotonic() > end:
                    raise Unavailable(violation(away, "answer", f"it took longer than {seconds:.0f} seconds"))
        except requests.RequestException as problem:
            raise Unavailable(violation(away, "answer", _trouble(problem))) from None

    def close(self) -> None:
        """Closes the connections."""
        self.session.close()


class _TlsAdapter(HTTPAdapter):
    """TLS exactly as the given context says: requests would add the certificates of public authorities to those it trusts."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_maxsize=CONNECTIONS)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=self._context, **options)

    def cert_verify(self, *_: Any) -> None:
        """Nothing to add."""


def _contract(wsdl: str | Path, line: _Line, away: Condition) -> Mapping[str, Any]:
    """The operations of a contract, by name. A file is read once in a process."""
    if isinstance(wsdl, Path):
        return _file(wsdl)
    try:
        return _operations(wsdl, line)
    except requests.RequestException as problem:
        raise Unavailable(violation(away, "WSDL", _trouble(problem))) from None


@cache
def _file(path: Path) -> Mapping[str, Any]:
    return _operations(str(path), zeep.Transport())


def _operations(wsdl: str, transport: zeep.Transport) -> dict[str, Any]:
    try:
        found = zeep.Client(wsdl, transport=transport).wsdl.bindings.values()
    except (zeep.exceptions.Error, etree.XMLSyntaxError) as problem:
        detail = f"the contract cannot be read: {type(problem).__name__}"
        raise Unreadable(violation(Condition.MALFORMED, "WSDL", detail)) from problem
    bindings = [b for b in found if b.nsmap.get("soap-env") == SOAP]
    if not bindings:
        raise Unreadable(violation(Condition.VERSION_UNSUPPORTED, "WSDL", "the contract has no SOAP 1.2 binding"))
    return {name: operation for binding in bindings for name, operation in binding._operations.items()}


def _admit_anything(_: Element) -> None:
    return None


def _addressing(headers: Mapping[str, Element], message: _Message) -> tuple[Addressing, tuple[str, ...]]:
    try:
        addressing = read_addressing(headers)
    except HieError as problem:
        return Addressing("", ""), (problem.detail,)
    if addressing.relates_to != message.message_id:
        return addressing, ("wsa:RelatesTo is not the id of the request",)
    return addressing, ()


def _fault(fault: Element, away: Condition) -> SoapFaultReceived:
    names = {"s": SOAP}
    values = [_local(v.text) for v in fault.iterfind("s:Code//s:Value", names)]
    code = values[0] if values else ""
    reason = (fault.findtext("s:Reason/s:Text", namespaces=names) or "").strip()
    condition = away if code == "Receiver" else Condition.INTERNAL
    return SoapFaultReceived(condition, code=code, subcodes=tuple(values[1:]), reason=reason)


def _local(text: str | None) -> str:
    return (text or "").strip().rpartition(":")[2][:100]


def _trouble(problem: requests.RequestException) -> str:
    for kind, text in _TROUBLES.items():
        if isinstance(problem, kind):
            return text
    return "no connection, or it broke"


_TROUBLES: Mapping[type[requests.RequestException], str] = {
    requests.exceptions.SSLError: "no TLS connection could be made: certificate or protocol do not fit",
    requests.exceptions.ConnectTimeout: "no connection within the time limit",
    requests.exceptions.ReadTimeout: "no answer within the time limit",
    requests.exceptions.ChunkedEncodingError: "the connection ended before the answer was complete",
    requests.exceptions.HTTPError: "the other end refuses",
}
