"""HL7 v3 messages of the conformance tests as plain text, and answers taken apart."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from tests.support.checked import CheckedSoapWire
from tests.support.v2 import birth_of
from tests.support.wire import Reply

V3 = "urn:hl7-org:v3"
HOSPITAL = "2.999.1.1"
DEVICE = "2.999.9.1"
_NS = {"v": V3}


@dataclass(frozen=True)
class Detail:
    """One acknowledgementDetail: its code and where it points, without the message's name before it."""

    code: str
    where: str


class V3Reply:
    """An answer in HL7 v3."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.body = reply.body

    def _attribute(self, path: str, name: str = "code") -> str:
        found = self.body.find(path, _NS)
        return "" if found is None else str(found.get(name, ""))

    @property
    def interaction(self) -> str:
        """The name of the message."""
        return str(self.body.tag).rpartition("}")[2]

    @property
    def code(self) -> str:
        """acknowledgement/typeCode."""
        return self._attribute("v:acknowledgement/v:typeCode")

    @property
    def target(self) -> tuple[str, str]:
        """Root and extension of the message that is answered."""
        path = "v:acknowledgement/v:targetMessage/v:id"
        return self._attribute(path, "root"), self._attribute(path, "extension")

    @property
    def query_code(self) -> str:
        """queryResponseCode."""
        return self._attribute("v:controlActProcess/v:queryAck/v:queryResponseCode")

    @property
    def quantities(self) -> tuple[str, str, str]:
        """Total, current and remaining."""
        base = "v:controlActProcess/v:queryAck/v:result{}Quantity"
        return tuple(self._attribute(base.format(n), "value") for n in ("Total", "Current", "Remaining"))  # type: ignore[return-value]

    @property
    def details(self) -> list[Detail]:
        """The errors; warnings left out."""
        return [
            Detail(
                str(d.find("v:code", _NS).get("code")),
                re.sub(r"^/\w+/", "", d.findtext("v:location", "", _NS)),
            )
            for d in self.body.findall("v:acknowledgement/v:acknowledgementDetail", _NS)
            if d.get("typeCode") == "E"
        ]

    def patients(self) -> list[dict[str, str]]:
        """Of each patient the identifiers by root."""
        found = []
        for patient in self.body.iter(f"{{{V3}}}patient"):
            ids = [*patient.findall("v:id", _NS), *patient.findall("v:patientPerson/v:asOtherIDs/v:id", _NS)]
            found.append({i.get("root"): i.get("extension") for i in ids if i.get("root")})
        return found

    def given(self) -> list[str]:
        """The first given name of each patient, in alphabetical order."""
        people = self.body.iter(f"{{{V3}}}patientPerson")
        return sorted(p.findtext("v:name/v:given", "", _NS) for p in people)


def ask(soap: CheckedSoapWire, text: str, *, suffix: str = "", path: str = "/pix") -> V3Reply:
    """Sends a message under the action of its name."""
    name = re.match(r"<(\w+)", text)[1]
    return V3Reply(soap.call(f"{V3}:{name}{suffix}", text, path))


def message(name: str, control_act: str, *, message_id: str = "", head: str = "", accept: str = "AL") -> str:
    """The transmission around a control act."""
    message_id = message_id or uuid.uuid4().hex  # noqa: TID251 - a client's own
    interaction = name.partition("_Cancel")[0]
    return (
        f'<{name} xmlns="{V3}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ITSVersion="XML_1.0">'
        f'<id root="2.999.9.99" extension="{message_id}"/><creationTime value="20261122101500"/>'
        f'<interactionId root="2.16.840.1.113883.1.6" extension="{interaction}"/><processingCode code="P"/>'
        f'<processingModeCode code="T"/><acceptAckCode code="{accept}"/>'
        '<receiver typeCode="RCV"><device classCode="DEV" determinerCode="INSTANCE"><id root="2.999.9.2"/></device></receiver>'
        f'<sender typeCode="SND"><device classCode="DEV" determinerCode="INSTANCE"><id root="{DEVICE}"/></device></sender>'
        f"{head}{control_act}</{name}>"
    )


def identifier(root: str, extension: str) -> str:
    """An II."""
    return f'<id root="{root}" extension="{extension}"/>'


def feed(patient_ids: str, person: str, *, name: str = "PRPA_IN201301UV02", replaced: str = "", **more: str) -> str:
    """ITI-44: `patient_ids` and `person` are XML; `replaced` the identifier that a merge subsumes."""
    merge = (
        '<replacementOf typeCode="RPLC"><priorRegistration classCode="REG" moodCode="EVN"><statusCode code="obsolete"/>'
        f'<subject1 typeCode="SBJ"><priorRegisteredRole classCode="PAT">{replaced}</priorRegisteredRole></subject1>'
        "</priorRegistration></replacementOf>"
    )
    return message(
        name,
        '<controlActProcess classCode="CACT" moodCode="EVN">'
        f'<code code="{name.replace("_IN", "_TE")}" codeSystem="2.16.840.1.113883.1.6"/>'
        '<subject typeCode="SUBJ"><registrationEvent classCode="REG" moodCode="EVN"><id nullFlavor="NA"/>'
        f'<statusCode code="active"/><subject1 typeCode="SBJ"><patient classCode="PAT">{patient_ids}'
        '<statusCode code="active"/><patientPerson classCode="PSN" determinerCode="INSTANCE">'
        f"{person}</patientPerson>"
        f'<providerOrganization classCode="ORG" determinerCode="INSTANCE"><id root="{HOSPITAL}"/>'
        '<contactParty classCode="CON"/></providerOrganization></patient></subject1>'
        f'<custodian typeCode="CST"><assignedEntity classCode="ASSIGNED"><id root="{HOSPITAL}"/></assignedEntity></custodian>'
        f"{merge if replaced else ''}</registrationEvent></subject></controlActProcess>",
        **more,
    )


def person(family: str, given: str, *, birth: str = "", sex: str = "F", more: str = "") -> str:
    """The contents of patientPerson. The birth date follows from the family name, so that strangers stay strangers."""
    return (
        f"<name><given>{given}</given><family>{family}</family></name>"
        f'<administrativeGenderCode code="{sex}" codeSystem="2.16.840.1.113883.5.1"/>'
        f'<birthTime value="{birth or birth_of(family)}"/>{more}'
    )


def query(name: str, parameters: str, *, before: str = "", query_id: str = "", **more: str) -> str:
    """A queryByParameter in its message; `before` stands before the parameters."""
    query_id = query_id or uuid.uuid4().hex  # noqa: TID251 - a client's own
    return message(
        name,
        f'<controlActProcess classCode="CACT" moodCode="EVN"><code code="{name.replace("_IN", "_TE")}" '
        'codeSystem="2.16.840.1.113883.1.6"/>'
        f'<authorOrPerformer typeCode="AUT"><assignedDevice classCode="ASSIGNED"><id root="{DEVICE}"/></assignedDevice>'
        f'</authorOrPerformer><queryByParameter><queryId root="2.999.9.98" extension="{query_id}"/><statusCode code="new"/>'
        f"{before}<parameterList>{parameters}</parameterList></queryByParameter></controlActProcess>",
        **more,
    )


def parameter(name: str, *values: str) -> str:
    """One parameter; `values` are its value elements."""
    return f"<{name}>{''.join(values)}<semanticsText>{name}</semanticsText></{name}>"


def pix(root: str, extension: str, *wanted: str, **more: str) -> str:
    """ITI-45."""
    sources = "".join(parameter("dataSource", f'<value root="{oid}"/>') for oid in wanted)
    asked = parameter("patientIdentifier", f'<value root="{root}" extension="{extension}"/>')
    return query("PRPA_IN201309UV02", sources + asked, before='<responsePriorityCode code="I"/>', **more)


def pdq(parameters: str, *wanted: str, quantity: str = "", degree: str = "", **more: str) -> str:
    """ITI-47."""
    before = '<responseModalityCode code="R"/><responsePriorityCode code="I"/>'
    if quantity:
        before += f'<initialQuantity value="{quantity}"/><initialQuantityCode code="RD"/>'
    if degree:
        value = f'<value xsi:type="INT" value="{degree}"/><semanticsText>x</semanticsText>'
        before += f"<matchCriterionList><minimumDegreeMatch>{value}</minimumDegreeMatch></matchCriterionList>"
    scopes = "".join(parameter("otherIDsScopingOrganization", f'<value root="{oid}"/>') for oid in wanted)
    return query("PRPA_IN201305UV02", parameters + scopes, before=before, **more)


def named(family: str = "", given: str = "") -> str:
    """The parameter livingSubjectName."""
    parts = (f"<given>{given}</given>" if given else "") + (f"<family>{family}</family>" if family else "")
    return parameter("livingSubjectName", f'<value xsi:type="PN">{parts}</value>')


def continuation(query_id: str, answered: str, *, status: str, quantity: str = "", name: str = "QUQI_IN000003UV01") -> str:
    """The next page, or the end, of an answer."""
    size = f'<continuationQuantity value="{quantity}"/>' if quantity else ""
    head = (
        '<acknowledgement><typeCode code="AA"/><targetMessage>'
        f'<id root="1.3.6.1.4.1.21367.2011.2.7" extension="{answered}"/></targetMessage></acknowledgement>'
    )
    return message(
        name,
        '<controlActProcess classCode="CACT" moodCode="EVN"><code code="PRPA_TE000003UV01" codeSystem="2.16.840.1.113883.1.6"/>'
        f'<queryContinuation><queryId root="2.999.9.98" extension="{query_id}"/>{size}<statusCode code="{status}"/>'
        "</queryContinuation></controlActProcess>",
        head=head,
    )
