"""II, PN, AD, TEL and TS: identifiers, names, addresses, telephone numbers and times, to the kernel's values and back."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote

from hl7v3.elements import child, children, fit, tag, text_of, texts, value_of
from kernel.demographics import Address, HumanName, Telecom
from kernel.identifiers import AssigningAuthority, PatientId, is_oid
from kernel.times import Dtm, parse_dtm
from kernel.xml import Element

INTERNET = "Internet"
_NAME_USES = {"L": "L", "S": "P", "A": "A", "T": "I", "I": "C", "R": "R"}
_NAME_USES_READ = {"L": "L", "P": "S", "A": "A", "I": "T", "C": "I", "R": "R"}
_BIRTH_NAMES = frozenset("BM")
_ADDRESS_USES = {"H": "H", "B": "WP", "O": "WP", "C": "TMP", "BA": "BAD", "M": "PST"}
_ADDRESS_USES_READ = {"H": "H", "HP": "H", "HV": "H", "WP": "B", "DIR": "B", "PUB": "B", "TMP": "C", "BAD": "BA", "PST": "M"}
_TELECOM_USES = {"PRN": "HP", "WPN": "WP", "VHN": "HV", "ASN": "AS", "EMR": "EC"}
_TELECOM_USES_READ = {
    "H": "PRN",
    "HP": "PRN",
    "HV": "VHN",
    "WP": "WPN",
    "DIR": "WPN",
    "PUB": "WPN",
    "AS": "ASN",
    "EC": "EMR",
}
_SCHEMES = {"tel": "PH", "fax": "FX", "mailto": INTERNET}
_SEXES = {"M": "M", "F": "F", "O": "UN", "A": "UN"}
_SEXES_READ = {"M": "M", "F": "F", "UN": "O"}
_NULL_SEXES = {"U": "UNK", "N": "NA"}
_NULL_SEXES_READ = {"UNK": "U", "NA": "N", "OTH": "O"}
_DAY = 8
SEX_SYSTEM = "2.16.840.1.113883.5.1"


@dataclass(frozen=True, slots=True)
class InstanceId:
    """An II that names a message, a query or a device; the extension may be empty."""

    root: str = ""
    extension: str = ""

    def __str__(self) -> str:
        """`root^extension`."""
        return f"{self.root}^{self.extension}"

    def element(self, name: str = "id") -> str:
        """As XML; null when there is no root."""
        if not self.root:
            return tag(name, nullFlavor="NI")
        return tag(name, root=self.root, extension=self.extension)


def read_instance_id(element: Element | None) -> InstanceId:
    """An II; empty when it is not there."""
    return InstanceId(value_of(element, "root"), value_of(element, "extension"))


def read_patient_id(element: Element, *, is_named: bool = False) -> PatientId | None:
    """An II of a patient: the root is the authority's OID. None when it is null or has no extension.

    `is_named` keeps the name beside the root, for people to read.
    """
    extension = value_of(element, "extension")
    return PatientId(extension, read_authority(element, is_named=is_named)) if extension else None


def read_authority(element: Element, *, is_named: bool = False) -> AssigningAuthority:
    """The authority an II belongs to: its root alone decides, the name beside it is a hint that may be anything.

    Without a root the name is what there is, for a message to be read at all.
    """
    root, name = value_of(element, "root"), value_of(element, "assigningAuthorityName")
    if root:
        return AssigningAuthority(name if is_named else "", root, "ISO")
    return AssigningAuthority(name)


def write_patient_id(patient_id: PatientId, name: str = "id") -> str:
    """An II; the namespace goes along as a hint."""
    authority = patient_id.authority
    return tag(name, root=authority.universal_id, extension=patient_id.id, assigningAuthorityName=authority.namespace)


def read_name(element: Element) -> HumanName:
    """A PN. Text without parts is taken for the family name."""
    family, given = " ".join(texts(children(element, "family"))), tuple(texts(children(element, "given")))
    prefix, suffix = " ".join(texts(children(element, "prefix"))), " ".join(texts(children(element, "suffix")))
    if not (family or given or prefix or suffix):
        family = text_of(element)
    return HumanName(family, given, prefix, suffix, _name_use(element))


def _name_use(element: Element) -> str:
    for use in value_of(element, "use").split():
        if use in _NAME_USES_READ:
            return _NAME_USES_READ[use]
    if any("BR" in value_of(f, "qualifier").split() for f in children(element, "family")):
        return "B"
    return ""


def write_name(name: HumanName, element: str = "name") -> str:
    """A PN; a name at birth carries the qualifier of one on its family name."""
    qualifier = "BR" if name.use in _BIRTH_NAMES else ""
    parts = (
        tag("prefix", fit(name.prefix)) if name.prefix else "",
        *(tag("given", fit(g)) for g in name.given if g),
        tag("family", fit(name.family), qualifier=qualifier) if name.family else "",
        tag("suffix", fit(name.suffix)) if name.suffix else "",
    )
    return tag(element, *parts, use=_NAME_USES.get(name.use, ""))


def read_address(element: Element) -> Address | None:
    """An AD; None when it holds nothing. A street given in parts becomes one line."""
    lines = [*texts(children(element, "streetAddressLine")), *texts(children(element, "deliveryAddressLine"))]
    street = [*texts(children(element, "streetName")), *texts(children(element, "houseNumber"))]
    if street:
        lines.append(" ".join(street))
    lines += [*texts(children(element, "additionalLocator")), *texts(children(element, "postBox"))]
    city, state, postcode, country, county = (
        text_of(child(element, name)) for name in ("city", "state", "postalCode", "country", "county")
    )
    if not (lines or city or state or postcode or country or county):
        return None
    uses = (_ADDRESS_USES_READ.get(u, "") for u in value_of(element, "use").split())
    return Address(tuple(lines), city, state, postcode, country, county, next(filter(None, uses), ""))


def write_address(address: Address) -> str:
    """An AD."""
    named = (
        ("city", address.city),
        ("state", address.state),
        ("postalCode", address.postcode),
        ("country", address.country),
        ("county", address.county),
    )
    lines = (tag("streetAddressLine", fit(line)) for line in address.lines if line)
    parts = (tag(name, fit(text)) for name, text in named if text)
    return tag("addr", *lines, *parts, use=_ADDRESS_USES.get(address.use, ""))


def read_telecom(element: Element) -> Telecom | None:
    """A TEL; None when it is null or empty."""
    value = value_of(element)
    scheme, colon, rest = value.partition(":")
    kind = _SCHEMES.get(scheme.lower(), "") if colon else ""
    number = unquote(rest if kind else value).strip()
    if not number:
        return None
    uses = value_of(element, "use").split()
    use = next((_TELECOM_USES_READ[u] for u in uses if u in _TELECOM_USES_READ), "")
    if kind in ("PH", "") and "MC" in uses:
        return Telecom(number, "CP", use or "PRN")
    if kind == "PH" and "PG" in uses:
        return Telecom(number, "BP", use)
    return Telecom(number, kind or (INTERNET if colon or "@" in number else "PH"), use)


def write_telecom(telecom: Telecom) -> str:
    """A TEL: tel, fax or mailto, or the address itself where it has a scheme."""
    value = quote(telecom.value, safe="+-.()@;=,*/:!$'~_&")
    if telecom.kind == "FX":
        value = f"fax:{value}"
    elif telecom.kind == INTERNET:
        value = value if "@" not in value else f"mailto:{value}"
    else:
        value = f"tel:{value}"
    use = _TELECOM_USES.get(telecom.use, "")
    if telecom.kind == "CP":
        use = "WP MC" if use == "WP" else "MC"
    elif telecom.kind == "BP":
        use = f"{use} PG".strip()
    return tag("telecom", value=value, use=use)


def read_sex(element: Element | None) -> str:
    """A code of table 0001; empty when there is none, and a question mark when the code is none of administrative gender."""
    if element is None:
        return ""
    flavor = element.get("nullFlavor")
    if flavor:
        return _NULL_SEXES_READ.get(flavor, "")
    code = value_of(element, "code")
    return _SEXES_READ.get(code, "?") if code else ""


def write_sex(sex: str) -> str:
    """administrativeGenderCode; nothing when it was not said."""
    if sex in _SEXES:
        return tag("administrativeGenderCode", code=_SEXES[sex], codeSystem=SEX_SYSTEM)
    return tag("administrativeGenderCode", nullFlavor=_NULL_SEXES[sex]) if sex in _NULL_SEXES else ""


def read_time(element: Element | None) -> Dtm | None:
    """A TS; None when it is null, absent or no time."""
    text = value_of(element)
    return parse_dtm(text) if text else None


def write_time(name: str, time: Dtm | None) -> str:
    """A TS at the precision it was sent with; the grammar of v3 has no zone on a day or less, and no fraction before seconds."""
    if time is None:
        return ""
    return tag(name, value=time.digits if len(time.digits) <= _DAY else time.text)


def is_writable(patient_id: PatientId) -> bool:
    """Whether an identifier can be told in v3 at all: its authority has an OID."""
    return is_oid(patient_id.authority.universal_id)
