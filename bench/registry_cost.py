"""What an ITI-42 and an ITI-18 cost inside one process, step by step.

    python -m bench.registry_cost [sqlite|postgres] [--rounds N]

Prints CPU microseconds of this process and wall-clock microseconds for each step: medians, one request at a time. The database's
own CPU is not in the first figure. Ratios between the lines mean more than the lines.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from statistics import median
from typing import Final

import sqlalchemy as sa
from lxml import etree
from sqlalchemy.engine import Connection

from access.subject import Subject
from affinity.model import Meant, Standing
from atna.participants import AuditContext
from ebrim.model import EntryType, Identifier, Submission
from ebrim.query import OBJECT_REF, QuerySlot, StoredQuery, adhoc_query_request, read_query
from ebrim.reader import read_submission
from ebrim.responses import query_response
from ebrim.uuids import QueryId
from ebrim.writer import render, submit_objects_request
from kernel.codes import Code
from kernel.database import Database
from kernel.identifiers import PatientId, new_entry_uuid
from kernel.outbox import METADATA as OUTBOX
from kernel.peer import Peer
from kernel.times import system_clock
from kernel.xml import parse_xml
from registry import fragments
from registry.ports import Verdict
from registry.rules.structure import Contents
from registry.service import RegistryService
from registry.settings import RegistrySettings
from registry.tables import METADATA
from tests.support import postgres
from tests.support.metadata import PATIENT, a_document_entry, a_submission, a_submission_set

SUBJECT: Final = Subject(
    Peer("127.0.0.1", "http://127.0.0.1/xds/registry"), "127.0.0.1", "http://127.0.0.1/xds/registry", "urn:uuid:1"
)
INDEX: Final = sa.Table("bench_patients", sa.MetaData(), sa.Column("cx", sa.Text, primary_key=True), sa.Column("survivor", sa.Text))
_numbers = count(1)


class OneStatement:
    """A patient index that costs what the smallest one must: one statement."""

    def __init__(self, is_sqlite: bool) -> None:
        mark = ":cx" if is_sqlite else "%(cx)s"
        self._text = f"SELECT survivor FROM bench_patients WHERE cx = {mark}"

    def meant(self, patient_id: PatientId) -> Meant | None:  # noqa: ARG002
        return None

    def standing(self, patient_id: PatientId, connection: Connection | None = None) -> Standing:
        assert connection is not None
        connection.exec_driver_sql(self._text, {"cx": patient_id.cx}).scalar_one()
        return Standing(known=True, active=True, survivor=patient_id, all_ids=(patient_id,))


class OpenCodes:
    """Code sets that accept everything."""

    def accepts(self, attribute: str, code: Code) -> Verdict:
        return Verdict.ACCEPT if attribute and code else Verdict.REFUSE


def a_message(entries: int = 1, patient: str = PATIENT) -> Submission:
    """A submission nobody sent before."""
    number = next(_numbers)
    whose = (Identifier(patient),)
    made = [
        a_document_entry(id=f"D{n}", unique_ids=(Identifier(f"2.999.{number}.{n}"),), patient_ids=whose) for n in range(entries)
    ]
    own_set = a_submission_set(unique_ids=(Identifier(f"2.999.{number}"),), patient_ids=whose)
    return replace(a_submission(*made), submission_sets=(own_set,))


@contextmanager
def a_database(kind: str) -> Iterator[Database]:
    """An empty database with the tables of registry and outbox."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == "sqlite":
            yield _prepared(f"sqlite:///{Path(folder) / 'bench.db'}")
            return
        with postgres.cluster() as address:
            yield _prepared(f"{address}/postgres")


def _prepared(url: str) -> Database:
    database = Database(url, clock=system_clock)
    for metadata in (OUTBOX, METADATA, INDEX.metadata):
        metadata.create_all(database.engine)
    with database.begin() as work:
        work.connection.execute(INDEX.insert(), [{"cx": PATIENT, "survivor": PATIENT}, {"cx": _other(8), "survivor": _other(8)}])
    return database


def _other(number: int) -> str:
    return PATIENT.replace("P-1^", f"P-{number}^")


def measured(name: str, act: Callable[[], object], rounds: int) -> None:
    """Prints a line."""
    for _ in range(max(10, rounds // 10)):
        act()
    batch = max(1, rounds // 9)
    figures = []
    for _ in range(9):
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(batch):
            act()
        figures.append(((time.process_time() - cpu) / batch * 1e6, (time.perf_counter() - wall) / batch * 1e6))
    print(f"{name:44} {median(f[0] for f in figures):9.1f} {median(f[1] for f in figures):9.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", nargs="?", default="postgres", choices=("sqlite", "postgres"))
    parser.add_argument("--rounds", type=int, default=900)
    options = parser.parse_args()
    with a_database(options.kind) as database:
        try:
            _ladder(database, options.rounds)
        finally:
            database.close()


def _ladder(database: Database, rounds: int) -> None:
    audit = AuditContext("bench", "bench", "1", "localhost")
    service = RegistryService(
        database,
        directory=OneStatement(database.is_sqlite),
        code_sets=OpenCodes(),
        audit=audit,
        settings=RegistrySettings(),
        clock=system_clock,
        new_uuid=new_entry_uuid,
    )
    print(f"{'':44} {'CPU us':>9} {'wall us':>9}")
    _registering(service, rounds)
    for _ in range(8):
        service.register(a_message(1, _other(8)), SUBJECT)
    _querying(service, rounds)
    with database.begin() as work:
        measured("empty unit of work would be", lambda: work.connection.exec_driver_sql("SELECT 1"), rounds)


def _registering(service: RegistryService, rounds: int) -> None:
    steps = service._registering
    wire = submit_objects_request(a_message())
    tree = etree.fromstring(wire)  # noqa: TID251 - our own bytes
    measured(f"ITI-42: parse {len(wire)} B", lambda: parse_xml(wire), rounds)
    measured("ITI-42: read the model", lambda: read_submission(tree), rounds)
    contents = Contents.of(read_submission(tree))
    measured("ITI-42: rules of the message", lambda: list(steps._judged(contents, EntryType.STABLE)), rounds)
    steps._planned(contents)
    measured("ITI-42: place, render, compress, rows", lambda: steps._planned(contents), rounds)
    whole = replace(a_document_entry(), id=new_entry_uuid())
    xml = render(whole)
    measured(f"          render an entry ({len(xml)} B)", lambda: render(whole), rounds)
    measured(f"          compress it ({len(fragments.pack(xml))} B)", lambda: fragments.pack(xml), rounds)
    measured("ITI-42: build the audit message", lambda: _event(service, contents.submission), rounds)
    measured("ITI-42: service.register, 1 entry", lambda: service.register(a_message(), SUBJECT), rounds)
    measured("ITI-42: service.register, 10 entries", lambda: service.register(a_message(10), SUBJECT), rounds // 5)
    measured("          making up that submission (1)", a_message, rounds)


def _event(service: RegistryService, submission: Submission) -> bytes:
    from atna import events
    from atna.message import Outcome

    return service._submitted(events.register_document_set, submission, SUBJECT, Outcome.SUCCESS).to_xml()


def _querying(service: RegistryService, rounds: int) -> None:
    slots = (
        QuerySlot("$XDSDocumentEntryPatientId", (f"'{_other(8)}'",)),
        QuerySlot("$XDSDocumentEntryStatus", ("('urn:oasis:names:tc:ebxml-regrep:StatusType:Approved')",)),
    )
    wire = adhoc_query_request(QueryId.FIND_DOCUMENTS.value, slots)
    tree = etree.fromstring(wire)  # noqa: TID251 - our own bytes
    query = read_query(tree)
    measured(f"ITI-18: parse {len(wire)} B", lambda: parse_xml(wire), rounds)
    measured("ITI-18: read the query", lambda: read_query(tree), rounds)
    measured("ITI-18: read its parameters", lambda: service._querying.read(query, multi_patient=False), rounds)
    question = service._querying.read(query, multi_patient=False)
    with service._database.read() as connection:
        measured("ITI-18: find and show 8 entries", lambda: service._querying.answer(connection, question), rounds)
        size = sum(map(len, service._querying.answer(connection, question)))
    measured(f"ITI-18: service.query, 8 entries ({size >> 10} KB)", lambda: _asked(service, query), rounds)
    measured("ITI-18: service.query, 8 references", lambda: _asked(service, replace(query, return_type=OBJECT_REF)), rounds)


def _asked(service: RegistryService, query: StoredQuery) -> bytes:
    return b"".join(query_response(service.query(query, SUBJECT)))


if __name__ == "__main__":
    main()
