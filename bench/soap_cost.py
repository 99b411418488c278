"""What a SOAP request costs before and after its transaction, as a ladder: parse, schema, spyne, write.

Run `python -m bench.soap_cost`. Times are the median of several rounds in microseconds of one thread; machines differ and are
shared, so the ratios to the bare parse are what to compare.
"""

from __future__ import annotations

import statistics
import timeit
from collections.abc import Callable, Sequence
from pathlib import Path

from lxml import etree

from kernel.errors import HieError
from kernel.identifiers import new_entry_uuid
from kernel.peer import Peer
from kernel.xml import Element, load_schema, parse_xml
from soap.addressing import answer_headers, read_addressing
from soap.envelope import envelope, read_envelope
from soap.exchange import Answer, BodySchema, Exchange, Operation, SoapRequest
from soap.spyne_door import SoapDoor

RIM, RS = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0", "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
LCM, QUERY = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0", "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
SUCCESS = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"
PEER = Peer("127.0.0.1", "http://127.0.0.1:8080/xds/registry")
SCHEMA = Path(__file__).resolve().parents[1] / "wsdl" / "xds.xsd"
ROUNDS, TIMES = 9, 300


class FixedDoor:
    """A transaction that costs nothing: always the same answer."""

    def __init__(self, operation: Operation, answer: bytes) -> None:
        self.operation = operation
        self._answer = Answer((answer,))

    def answer(self, exchange: Exchange) -> Answer:  # noqa: ARG002
        """The answer."""
        return self._answer

    def refuse(self, exchange: Exchange, error: HieError) -> Answer:  # noqa: ARG002
        """Never asked."""
        raise error


def operation(name: str, action: str, root: str) -> Operation:
    """One of ITI's 2007 actions."""
    request = f"urn:ihe:iti:2007:{action}"
    return Operation(name, request, f"{request}Response", root, BodySchema.XDS)


def entry(number: int, slots: int = 12) -> str:
    """A document entry of about 7.5 KB, as registries answer them."""
    values = "".join(
        f'<Slot name="slot{i}"><ValueList><Value>value {i} of entry {number}</Value></ValueList></Slot>' for i in range(slots)
    )
    codes = "".join(
        f'<Classification id="urn:uuid:{i:08x}-0000-4000-8000-{number:012x}" objectType="urn:x:Classification"'
        f' classificationScheme="urn:uuid:{i:08x}-1111-4000-8000-000000000000" classifiedObject="entry{number}"'
        f' nodeRepresentation="code{i}"><Slot name="codingScheme"><ValueList><Value>2.999.{i}</Value></ValueList></Slot>'
        f'<Name><LocalizedString xml:lang="en-us" charset="UTF-8" value="a code that reads like this"/></Name></Classification>'
        for i in range(9)
    )
    ids = "".join(
        f'<ExternalIdentifier id="urn:uuid:{i:08x}-2222-4000-8000-{number:012x}" registryObject="entry{number}"'
        f' identificationScheme="urn:uuid:{i:08x}-3333-4000-8000-000000000000" value="2.999.{number}.{i}">'
        f'<Name><LocalizedString value="XDSDocumentEntry.id{i}"/></Name></ExternalIdentifier>'
        for i in range(2)
    )
    return (
        f'<ExtrinsicObject xmlns="{RIM}" id="entry{number}" mimeType="text/xml"'
        f' objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1">{values}<Name><LocalizedString value="a title"/></Name>'
        f"{codes}{ids}</ExtrinsicObject>"
    )


def message(action: str, body: str) -> bytes:
    """A request."""
    headers = answer_headers(f"urn:ihe:iti:2007:{action}", new_entry_uuid(), "")
    return b"".join(envelope(headers + f"<a:To>{PEER.endpoint}</a:To>", (body.encode(),)))


def query_request(slots: int = 14) -> bytes:
    """An ITI-18 of about 2.5 KB."""
    parameters = "".join(
        f"<Slot name=\"$XDSDocumentEntryParameter{i}\"><ValueList><Value>('code{i}^^2.999.{i}','other{i}^^2.999.{i}')"
        "</Value></ValueList></Slot>"
        for i in range(slots)
    )
    return message(
        "RegistryStoredQuery",
        f'<q:AdhocQueryRequest xmlns:q="{QUERY}"><q:ResponseOption returnComposedObjects="true" returnType="LeafClass"/>'
        f'<AdhocQuery xmlns="{RIM}" id="urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d">{parameters}</AdhocQuery>'
        "</q:AdhocQueryRequest>",
    )


def register_request() -> bytes:
    """An ITI-42 of about 11 KB."""
    package = entry(2, 2).replace("ExtrinsicObject", "RegistryPackage").replace(' mimeType="text/xml"', "")
    return message(
        "RegisterDocumentSet-b",
        f'<l:SubmitObjectsRequest xmlns:l="{LCM}"><RegistryObjectList xmlns="{RIM}">{entry(1)}{package}'
        "</RegistryObjectList></l:SubmitObjectsRequest>",
    )


def query_answer() -> bytes:
    """Eight entries."""
    entries = "".join(map(entry, range(8)))
    return (
        f'<q:AdhocQueryResponse xmlns:q="{QUERY}" status="{SUCCESS}"><RegistryObjectList xmlns="{RIM}">{entries}'
        "</RegistryObjectList></q:AdhocQueryResponse>"
    ).encode()


def register_answer() -> bytes:
    """Success."""
    return f'<r:RegistryResponse xmlns:r="{RS}" status="{SUCCESS}"/>'.encode()


def microseconds(work: Callable[[], object]) -> float:
    """The median time of one call."""
    work()
    return statistics.median(timeit.repeat(work, number=TIMES, repeat=ROUNDS)) / TIMES * 1e6


def ladder(name: str, request: bytes, door: FixedDoor) -> Sequence[tuple[str, float]]:
    """Each step with everything before it."""
    schema = load_schema(SCHEMA)
    unchecked = SoapDoor([door], lambda _: None, _raise)
    checked = SoapDoor([door], lambda _: schema, _raise)

    def by_hand() -> bytes:
        found = read_envelope(parse_xml(request))
        addressing = read_addressing(found.headers)
        assert schema.validate(found.body), schema.error_log
        answer = door.answer(Exchange(PEER, addressing, found.body))
        headers = answer_headers(door.operation.answer_action, new_entry_uuid(), addressing.message_id)
        return b"".join(envelope(headers, answer.body))

    def served(through: SoapDoor) -> bytes:
        response = through.handle(SoapRequest(PEER, "application/soap+xml; charset=UTF-8", (request,), len(request)))
        assert response.status == 200
        return b"".join(response.chunks)

    body: Element = parse_xml(request)[1][0]
    print(f"\n{name}: {len(request)} bytes in, {len(served(checked))} out")
    return (
        ("bare parse", microseconds(lambda: etree.XML(request))),
        ("hardened parse", microseconds(lambda: parse_xml(request))),
        ("+ envelope, addressing", microseconds(lambda: read_addressing(read_envelope(parse_xml(request)).headers))),
        ("schema alone", microseconds(lambda: schema.validate(body))),
        ("by hand: parse, schema, write", microseconds(by_hand)),
        ("through spyne, no schema", microseconds(lambda: served(unchecked))),
        ("through spyne: everything", microseconds(lambda: served(checked))),
    )


def _raise(problem: BaseException, exchange: Exchange | None) -> None:  # noqa: ARG001
    raise problem


def main() -> None:
    """Prints the ladders."""
    query = FixedDoor(operation("ITI-18", "RegistryStoredQuery", f"{{{QUERY}}}AdhocQueryRequest"), query_answer())
    register = FixedDoor(operation("ITI-42", "RegisterDocumentSet-b", f"{{{LCM}}}SubmitObjectsRequest"), register_answer())
    for name, request, door in (("ITI-18", query_request(), query), ("ITI-42", register_request(), register)):
        steps = ladder(name, request, door)
        unit = steps[0][1]
        for step, cost in steps:
            print(f"  {step:32s} {cost:8.1f} us  {cost / unit:5.1f} x")
        by_hand, everything = steps[4][1], steps[6][1]
        print(f"  {'spyne and its protocol':32s} {everything - by_hand:8.1f} us  {(everything - by_hand) / unit:5.1f} x")


if __name__ == "__main__":
    main()
