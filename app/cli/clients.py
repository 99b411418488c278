"""A client that speaks the real transactions, to this service or to any other: feed, pix, pdq, submit, find, retrieve."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app.cli.common import FAILED, AsJson, show, show_one
from app.client import Server, Wanted, XdsClient
from app.client_documents import facts_in
from app.client_metadata import CLASS, DocumentFile, SubmissionMetadata
from app.client_patients import PatientIndex, V2Client, V3Client, V3Server, parse_authority, parse_patient
from app.mllp_client import MllpAddress
from kernel.codes import Code
from kernel.demographics import Address, Demographics, HumanName, Telecom
from kernel.demographics_query import DemographicsHit
from kernel.errors import Violation
from kernel.identifiers import AssigningAuthority, PatientId, new_entry_uuid
from kernel.times import parse_dtm, system_clock

Url = Annotated[
    str,
    typer.Option(
        "--url",
        help="Address of the SOAP services; with a path, that of the one service to be asked, of any make.",
        envvar="HIE_CLIENT_URL",
    ),
]
Mllp = Annotated[str, typer.Option("--mllp", help="host:port of the HL7 v2 service.", envvar="HIE_CLIENT_MLLP")]
Timeout = Annotated[float, typer.Option(help="Seconds to wait for an answer.")]
Ca = Annotated[Path | None, typer.Option("--ca", help="Authorities to trust (PEM): makes the connection TLS.")]
Certificate = Annotated[Path | None, typer.Option("--cert", help="Our certificate and key in one file (PEM).")]
Patient = Annotated[str, typer.Option("--patient", help="Patient id as id^^^&OID&ISO.")]
V3 = Annotated[bool, typer.Option("--v3", help="Ask in HL7 v3 over SOAP instead of HL7 v2 over MLLP.")]
Domains = Annotated[list[str] | None, typer.Option("--domain", help="Assigning authority wanted, as &OID&ISO or a namespace.")]
DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT_MLLP = "127.0.0.1:2575"


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (feed, pix, pdq, submit, find, retrieve):
        app.command()(command)


def client_tls(ca: Path | None, certificate: Path | None) -> ssl.SSLContext | None:
    """TLS for a client; None where nothing asks for it."""
    if ca is None and certificate is None:
        return None
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    if certificate is not None:
        context.load_cert_chain(certificate)
    return context


def _address(mllp: str, timeout: float, tls: ssl.SSLContext | None) -> MllpAddress:
    host, mark, port = mllp.rpartition(":")
    if not mark or not port.isdigit():
        raise typer.BadParameter("host:port is needed", param_hint="--mllp")
    return MllpAddress(host or "127.0.0.1", int(port), timeout, tls)


@contextmanager
def _index(v3: bool, url: str, mllp: str, timeout: float, tls: ssl.SSLContext | None) -> Iterator[PatientIndex]:
    if not v3:
        yield V2Client(_address(mllp, timeout, tls), clock=system_clock, new_uuid=new_entry_uuid)
        return
    with tempfile.TemporaryDirectory() as spool:
        client = V3Client(V3Server.at(url, Path(spool), timeout=timeout, tls=tls), clock=system_clock, new_uuid=new_entry_uuid)
        try:
            yield client
        finally:
            client.close()


@contextmanager
def xds_client(url: str, timeout: float, tls: ssl.SSLContext | None) -> Iterator[XdsClient]:
    """A client of a server with our paths, closed at the end."""
    with tempfile.TemporaryDirectory() as spool:
        client = XdsClient(Server.at(url, Path(spool), timeout=timeout, tls=tls), clock=system_clock, new_uuid=new_entry_uuid)
        try:
            yield client
        finally:
            client.close()


def _authorities(domains: list[str] | None) -> tuple[AssigningAuthority, ...]:
    found = []
    for text in domains or ():
        authority = parse_authority(text)
        if authority is None:
            raise typer.BadParameter(f"{text} names no authority", param_hint="--domain")
        found.append(authority)
    return tuple(found)


def feed(
    files: Annotated[list[Path], typer.Argument(help="Files with one HL7 v2 message each.", exists=True, dir_okay=False)],
    mllp: Mllp = DEFAULT_MLLP,
    timeout: Timeout = 30.0,
    ca: Ca = None,
    cert: Certificate = None,
    as_json: AsJson = False,
) -> None:
    """Announce patients (ITI-8): send HL7 v2 messages and show how they were acknowledged."""
    client = V2Client(_address(mllp, timeout, client_tls(ca, cert)), clock=system_clock, new_uuid=new_entry_uuid)
    answers = [(file, client.feed(file.read_bytes())) for file in files]
    show(
        (
            {
                "file": str(file),
                "message": fed.control_id,
                "answer": fed.code,
                "errors": [" ".join(filter(None, (e.place, e.code, e.text))) for e in fed.errors],
            }
            for file, fed in answers
        ),
        as_json=as_json,
    )
    if not all(fed.is_accepted for _, fed in answers):
        raise typer.Exit(FAILED)


def pix(
    patient: Annotated[str, typer.Argument(help="The identifier that is known, as id^^^namespace&OID&ISO.")],
    domain: Domains = None,
    v3: V3 = False,
    url: Url = DEFAULT_URL,
    mllp: Mllp = DEFAULT_MLLP,
    timeout: Timeout = 30.0,
    ca: Ca = None,
    cert: Certificate = None,
    as_json: AsJson = False,
) -> None:
    """Ask for the other identifiers of a patient (ITI-9, or ITI-45 with --v3)."""
    with _index(v3, url, mllp, timeout, client_tls(ca, cert)) as index:
        found = index.pix(parse_patient(patient), _authorities(domain))
    show(({"id": i.id, "authority": str(i.authority), "cx": i.cx} for i in found), as_json=as_json)


def pdq(
    family: Annotated[str, typer.Option(help="Family name; * at the end for any continuation.")] = "",
    given: Annotated[str, typer.Option(help="Given name; * at the end for any continuation.")] = "",
    birth: Annotated[str, typer.Option(help="Birth date, YYYYMMDD or a part of it.")] = "",
    sex: Annotated[str, typer.Option(help="F, M, O or U.")] = "",
    street: Annotated[str, typer.Option(help="Street and number.")] = "",
    city: Annotated[str, typer.Option(help="Town.")] = "",
    postcode: Annotated[str, typer.Option(help="Postal code.")] = "",
    phone: Annotated[str, typer.Option(help="Telephone number.")] = "",
    identifier: Annotated[list[str] | None, typer.Option("--id", help="An identifier, as id^^^namespace&OID&ISO.")] = None,
    domain: Domains = None,
    v3: V3 = False,
    url: Url = DEFAULT_URL,
    mllp: Mllp = DEFAULT_MLLP,
    timeout: Timeout = 30.0,
    ca: Ca = None,
    cert: Certificate = None,
    as_json: AsJson = False,
) -> None:
    """Find patients by demographics (ITI-21, or ITI-47 with --v3)."""
    born = parse_dtm(birth) if birth else None
    if birth and born is None:
        raise typer.BadParameter("YYYYMMDD or a part of it", param_hint="--birth")
    known = Demographics(
        names=(HumanName(family, (given,) if given else ()),) if family or given else (),
        sex=sex,
        birth=born,
        addresses=(Address((street,) if street else (), city, "", postcode),) if street or city or postcode else (),
        telecoms=(Telecom(phone),) if phone else (),
    )
    identifiers = [parse_patient(text) for text in identifier or ()]
    with _index(v3, url, mllp, timeout, client_tls(ca, cert)) as index:
        page = index.pdq(known, identifiers, _authorities(domain))
    show((_person_row(hit) for hit in page.hits), as_json=as_json)
    if page.remaining:
        typer.echo(f"{page.remaining} more; ask more narrowly", err=True)


def submit(
    files: Annotated[list[Path], typer.Argument(help="Documents.", exists=True, dir_okay=False)],
    patient: Annotated[str, typer.Option("--patient", help="Patient id as id^^^&OID&ISO; by default that of a CDA header.")] = "",
    title: Annotated[str, typer.Option(help="Title; by default what the document says, or the name of the file.")] = "",
    mime_type: Annotated[str, typer.Option(help="MIME type, where the file does not tell.")] = "",
    class_code: Annotated[str, typer.Option(help="Class code, as code^name^scheme.")] = "",
    type_code: Annotated[str, typer.Option(help="Type code, as code^name^scheme; by default what the document says.")] = "",
    format_code: Annotated[str, typer.Option(help="Format code, as code^name^scheme.")] = "",
    confidentiality: Annotated[str, typer.Option(help="Confidentiality code; by default what the document says.")] = "",
    language: Annotated[str, typer.Option(help="Language; by default what the document says, or en-US.")] = "",
    replaces: Annotated[str, typer.Option(help="entryUUID of the document that this one replaces.")] = "",
    url: Url = DEFAULT_URL,
    timeout: Timeout = 300.0,
    ca: Ca = None,
    cert: Certificate = None,
    as_json: AsJson = False,
) -> None:
    """Provide and register documents (ITI-41); a CDA header and a PDF's own metadata fill in what is not given."""
    documents = [DocumentFile(file, title=title, mime_type=mime_type) for file in files]
    metadata = SubmissionMetadata(
        class_code=parse_code(class_code, "--class-code") or CLASS,
        type_code=parse_code(type_code, "--type-code"),
        format_code=parse_code(format_code, "--format-code"),
        confidentiality_code=parse_code(confidentiality, "--confidentiality"),
        language=language,
        replaces=replaces,
    )
    whose = parse_patient(patient) if patient else _patient_of(files)
    with xds_client(url, timeout, client_tls(ca, cert)) as client:
        done = client.submit(documents, whose, metadata)
    say_warnings(done.warnings)
    show((asdict(document) for document in done.documents), as_json=as_json)


def _patient_of(files: list[Path]) -> PatientId:
    """The one patient id that the documents themselves have."""
    found = {identifier.cx: identifier for file in files for identifier in facts_in(file).patient_ids}
    if len(found) != 1:
        told = f"the documents have {len(found)} patient ids where one is needed; say whose they are"
        raise typer.BadParameter(told, param_hint="--patient")
    return next(iter(found.values()))


def parse_code(text: str, option: str) -> Code | None:
    """code^name^scheme, the name may be empty; None for nothing."""
    if not text:
        return None
    code, _, rest = text.partition("^")
    name, mark, scheme = rest.partition("^")
    if not (code and mark and scheme):
        raise typer.BadParameter("code^name^scheme is needed", param_hint=option)
    return Code(code, scheme, name or code)  # a code is registered with a name


def find(
    patient: Patient,
    class_code: Annotated[list[str] | None, typer.Option(help="Class code, as code^^scheme.")] = None,
    type_code: Annotated[list[str] | None, typer.Option(help="Type code, as code^^scheme.")] = None,
    created_from: Annotated[str, typer.Option(help="Created at this time or later, YYYYMMDD or longer.")] = "",
    created_to: Annotated[str, typer.Option(help="Created before this time, YYYYMMDD or longer.")] = "",
    url: Url = DEFAULT_URL,
    timeout: Timeout = 60.0,
    ca: Ca = None,
    cert: Certificate = None,
    as_json: AsJson = False,
) -> None:
    """Find the documents of a patient (ITI-18, FindDocuments)."""
    wanted = Wanted(
        class_codes=tuple(class_code or ()), type_codes=tuple(type_code or ()), created_from=created_from, created_to=created_to
    )
    with xds_client(url, timeout, client_tls(ca, cert)) as client:
        found = client.find(parse_patient(patient), wanted)
    show((asdict(document) for document in found), as_json=as_json)


def retrieve(
    unique_id: Annotated[str, typer.Argument(help="uniqueId of the document.")],
    out: Annotated[Path, typer.Option(help="File or folder to write to.")] = Path(),
    repository: Annotated[str, typer.Option(help="repositoryUniqueId; the registry is asked when it is not given.")] = "",
    url: Url = DEFAULT_URL,
    timeout: Timeout = 300.0,
    ca: Ca = None,
    cert: Certificate = None,
    as_json: AsJson = False,
) -> None:
    """Retrieve a document (ITI-43) and compare its hash with what was registered."""
    with xds_client(url, timeout, client_tls(ca, cert)) as client:
        got = client.retrieve(unique_id, out, repository_unique_id=repository)
    show_one(asdict(got), as_json=as_json)


def _person_row(hit: DemographicsHit) -> dict[str, object]:
    known = hit.demographics
    name = known.name or HumanName()
    place = known.addresses[0] if known.addresses else Address()
    return {
        "family": name.family,
        "given": " ".join(name.given),
        "birth": known.birth.text if known.birth else "",
        "sex": known.sex,
        "address": ", ".join(filter(None, (*place.lines, place.postcode, place.city))),
        "identifiers": [f"{i.id}^^^{i.authority}" for i in hit.identifiers],
        "confidence": hit.confidence,
    }


def say_warnings(warnings: tuple[Violation, ...]) -> None:
    """Says on standard error what a server warned of."""
    for found in warnings:
        typer.echo(f"warning: {f'{found.where}: ' if found.where else ''}{found.detail}", err=True)
