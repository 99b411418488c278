"""PRPA_IN201309UV02, PRPA_IN201305UV02 and QUQI_IN000003UV01 to questions (ITI TF-2, 3.45 and 3.47)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hl7v3.datatypes import InstanceId, read_address, read_authority, read_instance_id, read_name, read_sex, read_telecom
from hl7v3.elements import child, value_of
from hl7v3.places import Node, root_of
from kernel.demographics_query import (
    AddressCriterion,
    BirthCriterion,
    CrossReferenceQuery,
    DemographicsQuery,
    NameCriterion,
    SexCriterion,
    TelecomCriterion,
    WantedAuthority,
)
from kernel.errors import Condition
from kernel.findings import Findings
from kernel.identifiers import PatientId
from kernel.patient_update import SentIdentifier
from kernel.times import parse_dtm
from kernel.xml import Element

_SEARCHED = frozenset({"SRCH", "PHON", "SNDX"})
_SERVED = frozenset(
    {
        "id",
        "livingSubjectAdministrativeGender",
        "livingSubjectBirthTime",
        "livingSubjectId",
        "livingSubjectName",
        "mothersMaidenName",
        "otherIDsScopingOrganization",
        "patientAddress",
        "patientTelecom",
    }
)
_MAX_DEGREE = 100
_ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Continuation:
    """QUQI_IN000003UV01: the next page of a query, or its end. `tag` is the queryId as in `DemographicsQuery.tag`."""

    tag: str
    query_id: InstanceId
    answered: InstanceId
    start: int | None
    quantity: int | None
    is_cancel: bool


def read_pix_query(body: Element, *, lenient: bool = False) -> CrossReferenceQuery:
    """The question of PRPA_IN201309UV02. Raises `Rejected` with everything that is wrong."""
    findings = Findings(lenient=lenient)
    query, parameters = _parameters(body, findings)
    asked = [v for p in parameters.each("patientIdentifier") for v in p.each("value")]
    where = f"{parameters.path}/patientIdentifier/value"
    if len(asked) > 1:
        findings.error(Condition.PARAMETER_COUNT, where, "one identifier is expected")
    identifiers = tuple(_identifiers(asked[:1], findings))
    if not asked:
        findings.error(Condition.PARAMETER_MISSING, where, "the identifier is missing")
    wanted = tuple(_authorities([v for p in parameters.each("dataSource") for v in p.each("value")], findings))
    warnings = findings.warnings()
    return CrossReferenceQuery(identifiers[0], wanted, str(read_instance_id(child(query.element, "queryId"))), warnings)


def read_pdq_query(body: Element, *, lenient: bool = False) -> DemographicsQuery:
    """The question of PRPA_IN201305UV02. Raises `Rejected` with everything that is wrong."""
    findings = Findings(lenient=lenient)
    query, parameters = _parameters(body, findings)
    for element in parameters.element:
        name = str(element.tag).rpartition("}")[2]
        if name not in _SERVED:
            findings.error(Condition.PARAMETER_INVALID, f"{parameters.path}/{name}", "this parameter cannot be asked for")

    def values(name: str) -> list[Node]:
        return [v for p in parameters.each(name) for v in p.each("value")]

    asked = DemographicsQuery(
        identifiers=tuple(_identifiers(values("livingSubjectId"), findings)),
        names=tuple(_names(values("livingSubjectName"))),
        birth=tuple(_births(values("livingSubjectBirthTime"), findings)),
        sex=tuple(_sexes(values("livingSubjectAdministrativeGender"), findings)),
        addresses=tuple(_addresses(values("patientAddress"))),
        telecoms=tuple(_telecoms(values("patientTelecom"))),
        mothers=tuple(_names(values("mothersMaidenName"))),
        wanted=tuple(_authorities(values("otherIDsScopingOrganization"), findings)),
        minimum_degree=_minimum_degree(query, findings),
        limit=_quantity(query, "initialQuantity", findings),
        tag=str(read_instance_id(child(query.element, "queryId"))),
    )
    if asked.is_empty and not findings.has_error_at(parameters.path):
        findings.error(Condition.PARAMETER_MISSING, parameters.path, "nothing is asked for")
    warnings = findings.warnings()
    return replace(asked, warnings=warnings)


def read_continuation(body: Element) -> Continuation:
    """The next page, or the end of paging: `aborted`, or a continuation quantity of 0. Raises `Rejected`."""
    findings = Findings(lenient=False)
    node = root_of(body).one("controlActProcess", "queryContinuation")
    query_id = read_instance_id(child(node.element, "queryId")) if node else InstanceId()
    if node is None or not query_id.root:
        where = f"{root_of(body).path}/controlActProcess/queryContinuation/queryId"
        findings.error(Condition.PARAMETER_MISSING, where, "the query id is missing")
        findings.warnings()
        raise AssertionError("unreachable")
    quantity = _quantity(node, "continuationQuantity", findings, zero=True)
    start = _quantity(node, "startResultNumber", findings)
    findings.warnings()
    answered = read_instance_id(child(body, "acknowledgement", "targetMessage", "id"))
    is_cancel = quantity == 0 or value_of(child(node.element, "statusCode"), "code") == _ABORTED
    return Continuation(str(query_id), query_id, answered, start, quantity, is_cancel)


def query_element(body: Element) -> Element | None:
    """queryByParameter, which an answer repeats."""
    return child(body, "controlActProcess", "queryByParameter")


def query_tag(body: Element) -> str:
    """The id of the query that a message asks, goes on with or ends, as in `DemographicsQuery.tag`; empty where it has none."""
    for name in ("queryByParameter", "queryContinuation"):
        found = child(body, "controlActProcess", name, "queryId")
        if found is not None:
            return str(read_instance_id(found))
    return ""


def _parameters(body: Element, findings: Findings) -> tuple[Node, Node]:
    query = root_of(body).one("controlActProcess", "queryByParameter")
    parameters = query.one("parameterList") if query else None
    if query is None or parameters is None:
        where = f"{root_of(body).path}/controlActProcess/queryByParameter/parameterList"
        findings.error(Condition.PARAMETER_MISSING, where, "there is no parameter list")
        findings.warnings()
        raise AssertionError("unreachable")
    if not read_instance_id(child(query.element, "queryId")).root:
        findings.tolerated(Condition.FIELD_MISSING, f"{query.path}/queryId", "the query id is missing")
    if value_of(child(query.element, "responsePriorityCode"), "code") not in ("", "I"):
        findings.error(Condition.VALUE_UNKNOWN, f"{query.path}/responsePriorityCode/@code", "only immediate answers (I) are given")
    return query, parameters


def _identifiers(nodes: list[Node], findings: Findings) -> Iterator[SentIdentifier]:
    for node in nodes:
        root, extension = value_of(node.element, "root"), value_of(node.element, "extension")
        if root and extension:
            yield SentIdentifier(PatientId(extension, read_authority(node.element)), node.path, node.path)
        else:
            findings.error(Condition.PARAMETER_INVALID, node.path, "an identifier has a root and an extension")


def _authorities(nodes: list[Node], findings: Findings) -> Iterator[WantedAuthority]:
    for node in nodes:
        if value_of(node.element, "root"):
            yield WantedAuthority(read_authority(node.element), node.path)
        else:
            findings.error(Condition.PARAMETER_INVALID, node.path, "an assigning authority has a root")


def _names(nodes: list[Node]) -> Iterator[NameCriterion]:
    for node in nodes:
        name = read_name(node.element)
        fuzzy = not _SEARCHED.isdisjoint(value_of(node.element, "use").split())
        if name.family or name.given or name.prefix or name.suffix:
            yield NameCriterion(node.path, name.family, name.given, name.prefix, name.suffix, fuzzy)


def _births(nodes: list[Node], findings: Findings) -> Iterator[BirthCriterion]:
    for node in nodes:
        value = value_of(node.element)
        ends = [value, value] if value else [value_of(child(node.element, "low")), value_of(child(node.element, "high"))]
        low, high = (parse_dtm(text) if text else None for text in ends)
        if (bool(ends[0]), bool(ends[1])) != (low is not None, high is not None) or not any(ends):
            findings.error(Condition.PARAMETER_INVALID, node.path, "a time, or an interval with low or high, is expected")
        else:
            yield BirthCriterion(node.path, low, high)


def _sexes(nodes: list[Node], findings: Findings) -> Iterator[SexCriterion]:
    for node in nodes:
        sex = read_sex(node.element)
        if sex == "?":
            findings.error(Condition.VALUE_UNKNOWN, node.at("code"), "F, M or UN is expected")
        elif sex:
            yield SexCriterion(node.path, sex)


def _addresses(nodes: list[Node]) -> Iterator[AddressCriterion]:
    for node in nodes:
        address = read_address(node.element)
        if address is not None:
            yield AddressCriterion(node.path, address)


def _telecoms(nodes: list[Node]) -> Iterator[TelecomCriterion]:
    for node in nodes:
        telecom = read_telecom(node.element)
        if telecom is not None:
            yield TelecomCriterion(node.path, telecom.value)


def _minimum_degree(query: Node, findings: Findings) -> int | None:
    node = query.one("matchCriterionList", "minimumDegreeMatch", "value")
    text = value_of(node.element) if node else ""
    if node is None or not text:
        return None
    if text.isascii() and text.isdigit() and int(text[:9]) <= _MAX_DEGREE:
        return int(text[:9])
    findings.tolerated(Condition.PARAMETER_INVALID, node.at("value"), f"a number from 0 to {_MAX_DEGREE} is expected")
    return None


def _quantity(parent: Node, name: str, findings: Findings, *, zero: bool = False) -> int | None:
    node = parent.one(name)
    text = value_of(node.element) if node else ""
    if node is None or not text:
        return None
    if text.isascii() and text.isdigit() and len(text) < 10 and (zero or int(text) > 0):
        return int(text)
    findings.tolerated(Condition.PARAMETER_INVALID, node.at("value"), "a number is expected")
    return None
