"""The header of an HL7 CDA R2 document, as far as metadata ask for it (IHE PCC TF-2 4.1 names the same places)."""

from __future__ import annotations

from collections.abc import Iterator

from content.facts import NOTHING, DocumentFacts, FactualAuthor, component, in_utc
from kernel.codes import Code
from kernel.identifiers import AssigningAuthority, PatientId, is_oid
from kernel.xml import Element

_V3 = "{urn:hl7-org:v3}"
ROOT = f"{_V3}ClinicalDocument"
_EXTENSION_LIMIT = 16
_PEOPLE = {"M": "M", "F": "F", "UN": "O"}
"""AdministrativeGender to HL7 table 0001."""


def facts_of_cda(document: Element) -> DocumentFacts:
    """What its header says. What it marks as unknown (nullFlavor) it does not say."""
    event = _find(document, "documentationOf/serviceEvent/effectiveTime")
    encounter = _find(document, "componentOf/encompassingEncounter")
    role = _find(document, "recordTarget/patientRole")
    start, stop = _period(event if event is not None else _find(encounter, "effectiveTime"))
    authenticator = _find(document, "legalAuthenticator/assignedEntity")
    confidentiality = _code(_find(document, "confidentialityCode"))
    return DocumentFacts(
        unique_id=_unique_id(_find(document, "id")),
        title=_text(_find(document, "title")),
        language=_attribute(_find(document, "languageCode"), "code"),
        mime_type="text/xml",
        creation_time=in_utc(_attribute(_find(document, "effectiveTime"), "value")),
        service_start=start,
        service_stop=stop,
        type_code=_code(_find(document, "code")),
        facility_code=_code(_find(encounter, "location/healthCareFacility/code")),
        confidentiality_codes=(confidentiality,) if confidentiality.code else (),
        patient_ids=tuple(_patient_ids(role)),
        patient_info=tuple(_patient_info(role)),
        authors=tuple(_authors(document)),
        legal_authenticator=_person(authenticator, "assignedPerson"),
    )


def _find(parent: Element | None, path: str) -> Element | None:
    """The first of a path that is not marked as unknown."""
    if parent is None:
        return None
    found = parent.find("/".join(f"{_V3}{step}" for step in path.split("/")))
    return None if found is None or found.get("nullFlavor") else found


def _all(parent: Element | None, name: str) -> Iterator[Element]:
    if parent is not None:
        yield from (e for e in parent.iterchildren(f"{_V3}{name}") if not e.get("nullFlavor"))


def _attribute(element: Element | None, name: str) -> str:
    return "" if element is None else element.get(name, "").strip()


def _text(element: Element | None) -> str:
    return "" if element is None else " ".join("".join(map(str, element.itertext())).split())


def _code(element: Element | None) -> Code:
    code, scheme = _attribute(element, "code"), _attribute(element, "codeSystem")
    return Code(code, scheme, _attribute(element, "displayName") or code) if code and scheme else NOTHING


def _unique_id(element: Element | None) -> str:
    """As a uniqueId, where it can be one (ITI TF-3 4.2.3.2.26)."""
    root, extension = _attribute(element, "root"), _attribute(element, "extension")
    if not is_oid(root) or len(extension) > _EXTENSION_LIMIT or "^" in extension:
        return ""
    return f"{root}^{extension}" if extension else root


def _period(element: Element | None) -> tuple[str, str]:
    if element is None:
        return "", ""
    point = in_utc(_attribute(element, "value"))
    low, high = (in_utc(_attribute(_find(element, name), "value")) for name in ("low", "high"))
    return low or point, high or point


def _patient_ids(role: Element | None) -> Iterator[PatientId]:
    for element in _all(role, "id"):
        root, extension = element.get("root", ""), element.get("extension", "")
        if is_oid(root) and extension and extension == component(extension):
            yield PatientId(extension, AssigningAuthority.of_oid(root))


def _patient_info(role: Element | None) -> Iterator[str]:
    """sourcePatientInfo (ITI TF-3 4.2.3.2.23)."""
    ids = "~".join(identifier.cx for identifier in _patient_ids(role))
    if ids:
        yield f"PID-3|{ids}"
    patient = _find(role, "patient")
    name = _find(patient, "name")
    family, given = _part(name, "family"), [component(_text(e)) for e in _all(name, "given")]
    if family:
        yield "PID-5|" + "^".join((family, *given[:1], " ".join(given[1:]))).rstrip("^")
    birth = in_utc(_attribute(_find(patient, "birthTime"), "value"))
    if birth:
        yield f"PID-7|{birth}"
    sex = _PEOPLE.get(_attribute(_find(patient, "administrativeGenderCode"), "code"))
    if sex:
        yield f"PID-8|{sex}"
    address = _find(role, "addr")
    parts = [_part(address, name) for name in ("streetAddressLine", "city", "state", "postalCode", "country")]
    if any(parts):
        street, city, state, postcode, country = parts
        yield f"PID-11|{street}^^{city}^{state}^{postcode}^{country}".rstrip("^")


def _part(parent: Element | None, name: str) -> str:
    return component(_text(_find(parent, name)))


def _authors(document: Element) -> Iterator[FactualAuthor]:
    """People and their organisations; a device is no author of metadata."""
    for author in _all(document, "author"):
        assigned = _find(author, "assignedAuthor")
        person = _person(assigned, "assignedPerson")
        if person:
            yield FactualAuthor(person, _institution(_find(assigned, "representedOrganization")))


def _person(entity: Element | None, role: str) -> str:
    """XCN: an id with its authority where there is one, a name where it has both parts."""
    found = next((i for i in _patient_ids(entity)), None)
    name = _find(entity, f"{role}/name")
    family, given = _part(name, "family"), _part(name, "given")
    if not (found or (family and given)):
        return ""
    further = " ".join(component(_text(e)) for e in list(_all(name, "given"))[1:])
    text = "^".join((found.id if found else "", family, given, further, _part(name, "suffix"), _part(name, "prefix")))
    return f"{text}^^^&{found.authority.universal_id}&ISO" if found else text.rstrip("^")


def _institution(organisation: Element | None) -> str:
    """XON: its name, and its id where that is an OID or has one."""
    name, identifier = _part(organisation, "name"), _find(organisation, "id")
    if not name:
        return ""
    root, extension = _attribute(identifier, "root"), component(_attribute(identifier, "extension"))
    if not is_oid(root):
        return name
    return f"{name}^^^^^&{root}&ISO^^^^{extension}" if extension else f"{name}^^^^^^^^^{root}"
