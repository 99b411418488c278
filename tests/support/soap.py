"""Builders of SOAP messages, sinks in memory, a door that answers what it is told, and a reader of answers."""

from __future__ import annotations

import email
import email.policy
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path

from lxml import etree

from kernel.errors import HieError
from kernel.identifiers import EntryUuid
from kernel.peer import Peer
from kernel.xml import Element, parse_xml
from soap.exchange import (
    Answer,
    Attachment,
    BodySchema,
    Door,
    Exchange,
    Operation,
    PartHeaders,
    PartSink,
    SoapHooks,
    SoapRequest,
    SoapResponse,
)
from soap.settings import SoapSettings
from soap.spyne_door import SoapDoor

SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
XDSB = "urn:ihe:iti:xds-b:2007"
XOP = "http://www.w3.org/2004/08/xop/include"

ASK, ASK_ACTION = "{urn:test}Ask", "urn:test:Ask"
PROVIDE, PROVIDE_ACTION = f"{{{XDSB}}}Provide", "urn:test:Provide"
MESSAGE_ID = "urn:uuid:aaaaaaaa-0000-4000-8000-000000000001"
PEER = Peer("127.0.0.1", "http://127.0.0.1/anywhere")
PLAIN = "application/soap+xml; charset=UTF-8"

ASK_OPERATION = Operation("Ask", ASK_ACTION, f"{ASK_ACTION}Response", ASK, BodySchema.NONE, other_actions=("urn:test:AskOld",))
PROVIDE_OPERATION = Operation("Provide", PROVIDE_ACTION, f"{PROVIDE_ACTION}Response", PROVIDE, BodySchema.XDS, mtom=True)


class MemorySink:
    """A `PartSink` that keeps its bytes."""

    def __init__(self, headers: PartHeaders) -> None:
        self.headers = headers
        self.data = bytearray()
        self.is_closed = False
        self.is_aborted = False

    def write(self, data: bytes | memoryview, /) -> None:
        assert not self.is_closed
        self.data += data

    def close(self) -> Attachment:
        self.is_closed = True
        data = bytes(self.data)
        sha1, sha256 = hashlib.sha1(data).hexdigest(), hashlib.sha256(data).hexdigest()
        return Attachment(self.headers.content_id, self.headers.content_type, Path("nowhere"), len(data), sha1, sha256)

    def abort(self) -> None:
        self.is_aborted = True


class MemoryStage:
    """A `Stage`; remembers every sink in the order of opening."""

    def __init__(self) -> None:
        self.sinks: list[MemorySink] = []

    def __call__(self, headers: PartHeaders) -> PartSink:
        self.sinks.append(MemorySink(headers))
        return self.sinks[-1]

    @property
    def contents(self) -> list[bytes]:
        """The bytes of every document."""
        return [bytes(sink.data) for sink in self.sinks]

    @property
    def all_aborted(self) -> bool:
        """Whether nothing of what was opened remains."""
        return all(sink.is_aborted for sink in self.sinks)


@dataclass
class TellingDoor:
    """A door that calls `say` and remembers what it was asked and what it refused."""

    operation: Operation
    say: Callable[[Exchange], Answer] = lambda _: Answer((b"<done xmlns='urn:test'/>",))
    asked: list[Exchange] = field(default_factory=list)
    refused: list[HieError] = field(default_factory=list)

    def answer(self, exchange: Exchange) -> Answer:
        self.asked.append(exchange)
        return self.say(exchange)

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:
        self.refused.append(error)
        return Answer((f"<refused xmlns='urn:test' condition='{error.condition.name}'/>".encode(),))


class Served:
    """A `SoapDoor` with two operations, and everything a test may look at."""

    def __init__(
        self,
        *,
        schema: etree.XMLSchema | None = None,
        limits: SoapSettings | None = None,
        hooks: SoapHooks | None = None,
        stage: Callable[[PartHeaders], PartSink] | None = None,
    ) -> None:
        self.ask = TellingDoor(ASK_OPERATION)
        self.provide = TellingDoor(PROVIDE_OPERATION)
        self.stage = MemoryStage()
        self.bugs: list[BaseException] = []
        doors: Sequence[Door] = (self.ask, self.provide)
        self.door = SoapDoor(
            doors,
            lambda _: schema,
            lambda problem, _: self.bugs.append(problem),
            hooks,
            stage=stage or self.stage,
            limits=limits,
            new_uuid=_numbered(),
        )

    def post(self, body: bytes | Iterable[bytes], content_type: str = PLAIN, length: int | None = None) -> Reply:
        """One request and its answer."""
        chunks = (body,) if isinstance(body, bytes) else body
        return Reply.of(self.door.handle(SoapRequest(PEER, content_type, chunks, length)))


def _numbered() -> Callable[[], EntryUuid]:
    numbers = iter(range(10**9))
    return lambda: EntryUuid(f"urn:uuid:bbbbbbbb-0000-4000-8000-{next(numbers):012x}")


@dataclass
class Reply:
    """An answer, taken apart by the standard library and lxml."""

    response: SoapResponse
    data: bytes
    root: Element
    parts: list[bytes]

    @classmethod
    def of(cls, response: SoapResponse) -> Reply:
        """Reads a response to its end."""
        data = b"".join(response.chunks)
        headers = dict(response.headers)
        assert len(data) == int(headers["Content-Length"])
        if not headers["Content-Type"].startswith("multipart/"):
            return cls(response, data, parse_xml(data), [])
        first, *others = read_multipart(headers["Content-Type"], data)
        return cls(response, data, parse_xml(first), others)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status

    @property
    def content_type(self) -> str:
        """The media type with its parameters."""
        return dict(self.response.headers)["Content-Type"]

    @property
    def is_mtom(self) -> bool:
        """Whether it came as multipart/related."""
        return self.content_type.startswith("multipart/related")

    def header(self, name: str) -> str | None:
        """The text of a WS-Addressing header."""
        return self.root.findtext(f"{{{SOAP}}}Header/{{{WSA}}}{name}")

    @property
    def body(self) -> Element:
        """The one element of the body."""
        (element,) = self.root.findall(f"{{{SOAP}}}Body/*")
        return element

    @property
    def code(self) -> str:
        """The fault's code without its prefix, empty when this is no fault."""
        return (self.body.findtext(f"{{{SOAP}}}Code/{{{SOAP}}}Value") or "").rpartition(":")[2]

    @property
    def subcodes(self) -> list[str]:
        """The fault's subcodes in Clark notation, outer first."""
        found = []
        for value in self.body.iterfind(f".//{{{SOAP}}}Subcode/{{{SOAP}}}Value"):
            prefix, _, name = (value.text or "").partition(":")
            found.append(f"{{{value.nsmap[prefix]}}}{name}")
        return found

    @property
    def reason(self) -> str:
        """The fault's text."""
        return self.body.findtext(f"{{{SOAP}}}Reason/{{{SOAP}}}Text") or ""


def read_multipart(content_type: str, data: bytes) -> list[bytes]:
    """The parts of a multipart body as the standard library reads them."""
    return [part.get_payload(decode=True) for part in read_messages(content_type, data)]  # type: ignore[misc]  # bytes


def read_messages(content_type: str, data: bytes) -> list[Message]:
    """The parts of a multipart body with their headers."""
    whole = f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\n\r\n".encode("latin-1") + data
    message = email.message_from_bytes(whole, policy=email.policy.HTTP)
    return list(message.iter_parts())


def an_envelope(
    body: str = '<Ask xmlns="urn:test"/>',
    *,
    action: str = ASK_ACTION,
    headers: str = "",
    message_id: str = MESSAGE_ID,
) -> bytes:
    """A request; `headers` are further header blocks and may use the prefixes s (SOAP) and a (WS-Addressing)."""
    blocks = f'<a:Action s:mustUnderstand="1">{action}</a:Action>' if action else ""
    blocks += f"<a:MessageID>{message_id}</a:MessageID>" if message_id else ""
    return (
        f'<s:Envelope xmlns:s="{SOAP}" xmlns:a="{WSA}"><s:Header>{blocks}{headers}</s:Header><s:Body>{body}</s:Body></s:Envelope>'
    ).encode()


def a_provision(*documents: str, action: str = PROVIDE_ACTION) -> bytes:
    """A request that carries documents: each is what stands inside a Document element."""
    inside = "".join(f'<x:Document id="d{n}">{text}</x:Document>' for n, text in enumerate(documents))
    return an_envelope(f'<x:Provide xmlns:x="{XDSB}">{inside}</x:Provide>', action=action)


def an_include(content_id: str) -> str:
    """An xop:Include of a part."""
    return f'<i:Include xmlns:i="{XOP}" href="cid:{content_id}"/>'


ROOT_HEADERS: Mapping[str, str] = {
    "Content-Type": 'application/xop+xml; charset=UTF-8; type="application/soap+xml"',
    "Content-Transfer-Encoding": "binary",
    "Content-ID": "<root@test>",
}


def a_part(content: bytes, **headers: str) -> tuple[Mapping[str, str], bytes]:
    """A part; header names are given with underscores."""
    return {name.replace("_", "-"): value for name, value in headers.items()}, content


def a_document(content_id: str, content: bytes) -> tuple[Mapping[str, str], bytes]:
    """A part that holds a document."""
    return a_part(content, Content_Type="text/plain", Content_Transfer_Encoding="binary", Content_ID=f"<{content_id}>")


def a_multipart(root: bytes, *parts: tuple[Mapping[str, str], bytes], boundary: str = "B-1") -> bytes:
    """The bytes of a multipart/related message with the envelope first."""
    return join_parts([(ROOT_HEADERS, root), *parts], boundary)


def join_parts(parts: Iterable[tuple[Mapping[str, str], bytes]], boundary: str) -> bytes:
    """Parts and delimiters."""
    whole = b""
    for headers, content in parts:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        whole += f"--{boundary}\r\n{lines}\r\n".encode("latin-1") + content + b"\r\n"
    return whole + f"--{boundary}--\r\n".encode("ascii")


def mtom_type(boundary: str = "B-1", start: str | None = "<root@test>") -> str:
    """The Content-Type of a multipart/related request."""
    named = f'; start="{start}"' if start is not None else ""
    return f'multipart/related; boundary="{boundary}"; type="application/xop+xml"{named}; start-info="application/soap+xml"'


def in_chunks(data: bytes, size: int) -> Iterator[bytes]:
    """Bytes as a socket might give them."""
    return (data[start : start + size] for start in range(0, len(data), size))
