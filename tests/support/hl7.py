"""HL7 v2 and v3 requests as plain text, written apart from the product's own writers."""

from __future__ import annotations

from datetime import UTC, datetime

from lxml import etree

from hl7v2.er7 import Message, parse
from hl7v2.exchange import V2Exchange
from hl7v3.messages import V3Exchange, v3_exchange
from kernel.identifiers import AssigningAuthority, Oid, PatientId
from kernel.peer import Peer

NOW = datetime(2026, 11, 22, 10, 15, 1, tzinfo=UTC)
PEER = Peer("192.0.2.7", "127.0.0.1:2575", request_id="r1")
HOSP = AssigningAuthority("HOSP", "2.999.1.1", "ISO")
LAB = AssigningAuthority("LAB", "2.999.1.2", "ISO")
DEVICE = Oid("2.999.9")
PID = "PID|||4711^^^HOSP&2.999.1.1&ISO||Rivera^Lena^M||19840317|F"
CX = "4711^^^HOSP&2.999.1.1&ISO"


def patient_id(number: str, authority: AssigningAuthority = HOSP) -> PatientId:
    """An identifier."""
    return PatientId(number, authority)


def msh(kind: str, version: str = "2.3.1", *, charset: str = "", control_id: str = "M1") -> str:
    """An MSH segment of a hospital."""
    return rf"MSH|^~\&|EHR|HOSP|MPI|HIE|20261122101500||{kind}|{control_id}|P|{version}||||||{charset}".rstrip("|")


def er7(*segments: str) -> bytes:
    """A message from its segments."""
    return "".join(f"{s}\r" for s in segments).encode()


def adt(event: str = "A04", *more: str, pid: str = PID, version: str = "2.3.1") -> bytes:
    """A feed of one patient."""
    return er7(msh(f"ADT^{event}", version), f"EVN|{event}|20261122101500", pid, "PV1||O", *more)


def pix(qpd3: str = CX, qpd4: str = "", rcp: str = "RCP|I") -> bytes:
    """An ITI-9 query."""
    qpd = f"QPD|IHE PIX Query|TAG77|{qpd3}|{qpd4}".rstrip("|")
    return er7(msh("QBP^Q23^QBP_Q21", "2.5", control_id="Q1"), qpd, *([rcp] if rcp else []))


def pdq(qpd3: str, qpd8: str = "", rcp: str = "RCP|I", *more: str, name: str = "IHE PDQ Query") -> bytes:
    """An ITI-21 query."""
    qpd = f"QPD|{name}|TAG78|{qpd3}|||||{qpd8}".rstrip("|")
    return er7(msh("QBP^Q22^QBP_Q21", "2.5", control_id="Q2"), qpd, *([rcp] if rcp else []), *more)


def v2_exchange(raw: bytes, *, lenient: bool = False) -> V2Exchange:
    """A request as a door gets it."""
    return V2Exchange(PEER, parse(raw, lenient=lenient), raw, NOW, "A1", lenient)


def lines(answer: bytes) -> list[str]:
    """The segments of an answer."""
    text = answer.decode()
    assert text.endswith("\r")
    return text[:-1].split("\r")


def segment(answer: bytes, name: str) -> str:
    """The only segment of that name in an answer."""
    (found,) = [line for line in lines(answer) if line.startswith(name)]
    return found


def read(answer: bytes) -> Message:
    """An answer, read."""
    return parse(answer)


HEAD = """<id root="2.999.7.1" extension="m-1"/><creationTime value="20261122101500"/>
<interactionId root="2.16.840.1.113883.1.6" extension="{0}"/><processingCode code="P"/><processingModeCode code="T"/>
<acceptAckCode code="AL"/>
<receiver typeCode="RCV"><device classCode="DEV" determinerCode="INSTANCE"><id root="2.999.9"/></device></receiver>
<sender typeCode="SND"><device classCode="DEV" determinerCode="INSTANCE"><id root="2.999.7"/></device></sender>"""
PERSON = """<name use="L"><given>Lena</given><family>Rivera</family></name>
<administrativeGenderCode code="F"/><birthTime value="19840317"/>"""
NAME_ASKED = """<livingSubjectName><value><family>Rivera</family></value><semanticsText/></livingSubjectName>"""


def v3(interaction: str, act: str) -> etree._Element:
    """A v3 message with this inside controlActProcess."""
    return etree.fromstring(  # noqa: TID251 - text of our own
        f'<{interaction} xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ITSVersion="XML_1.0">'
        f"{HEAD.format(interaction)}"
        f'<controlActProcess classCode="CACT" moodCode="EVN">{act}</controlActProcess></{interaction}>'
    )


def v3_feed(
    person: str = PERSON,
    ids: str = '<id root="2.999.1.1" extension="4711"/>',
    after: str = "",
    interaction: str = "PRPA_IN201301UV02",
) -> etree._Element:
    """An ITI-44 message of one patient."""
    return v3(
        interaction,
        f"""<subject typeCode="SUBJ"><registrationEvent classCode="REG" moodCode="EVN"><statusCode code="active"/>
        <subject1 typeCode="SBJ"><patient classCode="PAT">{ids}<statusCode code="active"/>
        <patientPerson classCode="PSN" determinerCode="INSTANCE">{person}</patientPerson>
        <providerOrganization classCode="ORG" determinerCode="INSTANCE"><id root="2.999.1.1"/><contactParty classCode="CON"/>
        </providerOrganization></patient></subject1>
        <custodian typeCode="CST"><assignedEntity classCode="ASSIGNED"><id root="2.999.7"/></assignedEntity></custodian>
        {after}</registrationEvent></subject>""",
    )


def v3_merge(subsumed: str = '<id root="2.999.1.1" extension="4699"/>', person: str = PERSON) -> etree._Element:
    """An ITI-44 merge."""
    return v3_feed(
        person,
        interaction="PRPA_IN201304UV02",
        after=f"""<replacementOf typeCode="RPLC"><priorRegistration classCode="REG" moodCode="EVN"><statusCode code="obsolete"/>
        <subject1 typeCode="SBJ"><priorRegisteredRole classCode="PAT">{subsumed}</priorRegisteredRole></subject1>
        </priorRegistration></replacementOf>""",
    )


def v3_query(interaction: str, parameters: str, before: str = "") -> etree._Element:
    """An ITI-45 or ITI-47 query; `before` stands before the list of parameters."""
    return v3(
        interaction,
        f"""<code code="{interaction.replace("_IN", "_TE")}" codeSystem="2.16.840.1.113883.1.6"/>
        <queryByParameter><queryId root="2.999.7.2" extension="q-1"/><statusCode code="new"/>{before}
        <parameterList>{parameters}</parameterList></queryByParameter>""",
    )


def v3_pix(identifier: str = '<value root="2.999.1.1" extension="4711"/>', sources: tuple[str, ...] = ()) -> etree._Element:
    """An ITI-45 query."""
    wanted = "".join(f'<dataSource><value root="{s}"/><semanticsText>DataSource.id</semanticsText></dataSource>' for s in sources)
    asked = f"<patientIdentifier>{identifier}<semanticsText>Patient.id</semanticsText></patientIdentifier>"
    return v3_query("PRPA_IN201309UV02", wanted + asked)


def v3_pdq(parameters: str = NAME_ASKED, before: str = "") -> etree._Element:
    """An ITI-47 query."""
    return v3_query("PRPA_IN201305UV02", parameters, before)


def v3_parameter(name: str, *values: str) -> str:
    """A parameter of an ITI-47 query."""
    return f"<{name}>{''.join(values)}<semanticsText/></{name}>"


def v3_request(body: etree._Element) -> V3Exchange:
    """A request as a door gets it."""
    return v3_exchange(body, now=NOW, answer_id="urn:uuid:0b6f0b6f-0000-4000-8000-000000000000", device=DEVICE)
