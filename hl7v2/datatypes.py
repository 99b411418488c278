"""CX, XPN, XAD and XTN: identifiers, names, addresses and telephone numbers, to the kernel's values and back (HL7 2.5, 2.A)."""

from __future__ import annotations

from hl7v2.er7 import Er7Text, Repetition, Writer
from kernel.demographics import Address, HumanName, Telecom
from kernel.identifiers import AssigningAuthority, PatientId

INTERNET = "Internet"


def read_authority(cx: Repetition, component: int = 4) -> AssigningAuthority:
    """An HD as a component of another type: namespace, universal id, its type; any of them may be empty."""
    return AssigningAuthority(cx.get(component, 1).strip(), cx.get(component, 2).strip(), cx.get(component, 3).strip())


def read_cx(cx: Repetition) -> PatientId | None:
    """An identifier, its authority as sent; None without an id."""
    number = cx.get(1).strip()
    return PatientId(number, read_authority(cx), cx.get(5)) if number else None


def write_cx(writer: Writer, patient_id: PatientId) -> Er7Text:
    """An identifier with all three parts of its authority (ITI TF-2 appendix E.3)."""
    return writer.repetition(
        writer.text(patient_id.id),
        Er7Text(""),
        Er7Text(""),
        write_authority(writer, patient_id.authority),
        writer.text(patient_id.type_code),
    )


def write_authority(writer: Writer, authority: AssigningAuthority) -> Er7Text:
    """An HD as a component; the type of an OID is ISO where it was not said."""
    universal_id_type = authority.universal_id_type or ("ISO" if authority.oid else "")
    return writer.component(authority.namespace, authority.universal_id, universal_id_type if authority.universal_id else "")


def read_xpn(xpn: Repetition) -> HumanName:
    """A name; empty when it names nobody. A surname prefix that stands apart is put before the surname."""
    family, prefix = xpn.get(1), xpn.get(1, 2)
    if prefix and not family.startswith(prefix):
        family = f"{prefix} {family}"
    given = tuple(part for part in (xpn.get(2), xpn.get(3)) if part.strip())
    return HumanName(family.strip(), given, xpn.get(5), xpn.get(4), xpn.get(7))


def write_xpn(writer: Writer, name: HumanName) -> Er7Text:
    """A name; given names after the first go together into the third component."""
    first = name.given[0] if name.given else ""
    return writer.plain(name.family, first, " ".join(name.given[1:]), name.suffix, name.prefix, "", name.use)


def read_xad(xad: Repetition) -> Address:
    """An address. The street is its first part, or street name and number where a sender gives only these."""
    street = xad.get(1) or " ".join(filter(None, (xad.get(1, 2), xad.get(1, 3))))
    lines = (street, xad.get(2)) if xad.get(2) else (street,) if street else ()
    return Address(lines, xad.get(3), xad.get(4), xad.get(5), xad.get(6), xad.get(9), xad.get(7))


def write_xad(writer: Writer, address: Address) -> Er7Text:
    """An address; lines after the first go together into the second component."""
    street = address.lines[0] if address.lines else ""
    rest = ", ".join(address.lines[1:])
    return writer.plain(
        street, rest, address.city, address.state, address.postcode, address.country, address.use, "", address.county
    )


def is_empty_address(address: Address) -> bool:
    """Whether it is no place; a use alone is not."""
    return not (any(address.lines) or address.city or address.state or address.postcode or address.country or address.county)


def read_xtn(xtn: Repetition) -> Telecom | None:
    """A telephone number or an address on the Internet; None when there is neither.

    The formatted number (component 1, or 12) is taken as it stands; else one is composed of country, area, number and extension.
    """
    use, kind, email = xtn.get(2), xtn.get(3), xtn.get(4).strip()
    number = xtn.get(1).strip() or xtn.get(12).strip() or _composed(xtn)
    if email and (not number or kind.casefold() == INTERNET.casefold()):
        return Telecom(email, INTERNET, use)
    return Telecom(number, kind or "PH", use) if number else None


def _composed(xtn: Repetition) -> str:
    country, area, local, extension = (xtn.get(n).strip() for n in (5, 6, 7, 8))
    if not local:
        return ""
    # the format of the first component: [NN] [(999)]999-9999[X99999]
    return f"{f'+{country}' if country else ''}{f'({area})' if area else ''}{local}{f'X{extension}' if extension else ''}"


def write_xtn(writer: Writer, telecom: Telecom) -> Er7Text:
    """A number in the first component, an Internet address in the fourth."""
    if telecom.kind == INTERNET:
        return writer.plain("", telecom.use, INTERNET, telecom.value)
    return writer.plain(telecom.value, telecom.use, telecom.kind)
