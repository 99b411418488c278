"""A client of another make: bare sockets and HTTP, nothing of the product."""

from __future__ import annotations

import email
import email.policy
import http.client
import socket
from dataclasses import dataclass
from email.message import EmailMessage
from types import TracebackType

from lxml import etree

from tests.support import messages as m

SOAP_TYPE = "application/soap+xml; charset=UTF-8"


@dataclass(frozen=True)
class Reply:
    """An HTTP answer: status, content type, and bytes."""

    status: int
    content_type: str
    data: bytes

    @property
    def root(self) -> etree._Element:
        """The SOAP envelope, of a plain or a multipart answer."""
        return etree.fromstring(self.parts()[0])  # noqa: TID251 - the test's own reading

    @property
    def body(self) -> etree._Element:
        """The first element of the SOAP body."""
        return self.root.find(f"{{{m.SOAP}}}Body")[0]

    @property
    def header(self) -> dict[str, str]:
        """The texts of the WS-Addressing headers."""
        return {etree.QName(h).localname: (h.text or "") for h in self.root.find(f"{{{m.SOAP}}}Header")}

    def parts(self) -> list[bytes]:
        """The root part and the others, as a mail library reads them."""
        if not self.content_type.startswith("multipart/"):
            return [self.data]
        return [part.get_payload(decode=True) for part in self._mail().iter_parts()]

    def parts_by_id(self) -> dict[str, bytes]:
        """The parts beside the root by their Content-ID, without its brackets."""
        if not self.content_type.startswith("multipart/"):
            return {}
        _, *others = self._mail().iter_parts()
        return {part["Content-ID"].strip("<>"): part.get_payload(decode=True) for part in others}

    def _mail(self) -> EmailMessage:
        head = f"MIME-Version: 1.0\r\nContent-Type: {self.content_type}\r\n\r\n".encode()
        message = email.message_from_bytes(head + self.data, policy=email.policy.HTTP)
        assert isinstance(message, EmailMessage)
        return message

    @property
    def status_urn(self) -> str:
        """The last word of the registry response's status, wherever it stands."""
        for element in self.body.iter():
            if element.get("status") and "ResponseStatusType" in element.get("status"):
                return element.get("status").rpartition(":")[2]
        return ""

    @property
    def errors(self) -> list[tuple[str, str]]:
        """Code and context of every RegistryError."""
        return [
            (e.get("errorCode"), e.get("codeContext"))
            for e in self.body.iter("{urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0}RegistryError")
        ]

    @property
    def codes(self) -> list[str]:
        """The error codes."""
        return [code for code, _ in self.errors]

    @property
    def refusals(self) -> list[tuple[str, str]]:
        """Code and context of every RegistryError that is no warning."""
        return self._told("Error")

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """Code and context of every RegistryError that is a warning."""
        return self._told("Warning")

    def _told(self, severity: str) -> list[tuple[str, str]]:
        return [
            (e.get("errorCode", ""), e.get("codeContext", ""))
            for e in self.body.iter("{urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0}RegistryError")
            if e.get("severity", "").endswith(f":{severity}")
        ]

    @property
    def fault(self) -> tuple[str, str]:
        """Code and reason of a SOAP fault."""
        ns = {"s": m.SOAP}
        return (
            self.root.findtext(".//s:Fault/s:Code/s:Value", "", ns).rpartition(":")[2],
            self.root.findtext(".//s:Fault/s:Reason/s:Text", "", ns),
        )

    def entries(self) -> list[etree._Element]:
        """The ExtrinsicObjects of a query's answer."""
        return list(self.body.iter(f"{{{m.RIM}}}ExtrinsicObject"))

    def ids(self) -> list[str]:
        """The ids of the objects of a query's answer, whole or referred to."""
        found = self.body.find(f"{{{m.RIM}}}RegistryObjectList")
        return [] if found is None else [child.get("id", "") for child in found]


def unique_id(entry: etree._Element) -> str:
    """The uniqueId of an ExtrinsicObject or RegistryPackage."""
    for identifier in entry.iter(f"{{{m.RIM}}}ExternalIdentifier"):
        name = identifier.find(f"{{{m.RIM}}}Name/{{{m.RIM}}}LocalizedString")
        if name is not None and name.get("value", "").endswith(".uniqueId"):
            return identifier.get("value", "")
    return ""


class SoapWire:
    """One kept HTTP connection."""

    def __init__(self, port: int, timeout: float = 30.0) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def post(self, data: bytes, content_type: str = SOAP_TYPE, path: str = "/xds/registry") -> Reply:
        """Sends a body and reads the whole answer."""
        self._connection.request("POST", path, data, {"Content-Type": content_type})
        answer = self._connection.getresponse()
        return Reply(answer.status, answer.getheader("Content-Type", ""), answer.read())

    def call(self, action: str, body: str, path: str = "/xds/registry") -> Reply:
        """Sends a plain SOAP message."""
        return self.post(m.envelope(action, body), path=path)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def __enter__(self) -> SoapWire:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class MllpWire:
    """One kept MLLP connection."""

    def __init__(self, port: int, timeout: float = 30.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._buffer = b""

    def send(self, message: bytes) -> str:
        """Sends a message in a frame and gives the answer without its frame."""
        self.send_raw(b"\x0b" + message + b"\x1c\r")
        return self.receive()

    def send_raw(self, data: bytes) -> None:
        """Sends bytes as they are."""
        self._socket.sendall(data)

    def half_close(self) -> None:
        """Says that nothing more will be sent."""
        self._socket.shutdown(socket.SHUT_WR)

    def receive(self) -> str:
        """The next framed message."""
        while b"\x1c\r" not in self._buffer:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("closed without an answer")
            self._buffer += data
        answer, _, self._buffer = self._buffer.partition(b"\x1c\r")
        return answer.lstrip(b"\x0b").decode("utf-8")

    def close(self) -> None:
        """Closes the connection."""
        self._socket.close()

    def __enter__(self) -> MllpWire:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def field(message: str, segment: str, number: int, occurrence: int = 1) -> str:
    """A field of a v2 message as text; empty when it is not there."""
    lines = [line for line in message.split("\r") if line.startswith(segment + "|")]
    if len(lines) < occurrence:
        return ""
    fields = lines[occurrence - 1].split("|")
    at = number - 1 if segment == "MSH" else number
    return fields[at] if len(fields) > at else ""
