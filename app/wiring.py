"""Builds every service once and hands each its ports."""

from __future__ import annotations

import itertools
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path

import sqlalchemy as sa
import structlog
from sqlalchemy.engine.url import make_url

from access.claims import claims_of
from access.nodes import Nodes, transaction_of
from affinity.service import AffinityService
from app import contracts, migrations
from app.alarms import Alarms, reason_of
from app.changes import tell_changes
from app.fhir import Feed, FhirApp
from app.gateway import WsgiApp
from app.health import Check, Health, database_answers, folder_is_writable, measure_outboxes
from app.hl7_http import PATH, Hl7OverHttp
from app.http import HttpApp, Limits
from app.metrics import CERTIFICATE, DAMAGED, NODES_REFUSED, REQUESTS, counted_v2, rendered
from app.mllp import MllpLimits, MllpListener
from app.notifying import Messenger, Ourselves, messengers
from app.ports import LocalRegistry
from app.relay import FORWARD_AUDIT, HANDLE, PERIODIC, Consumer, Handler, Periodic
from app.replies import DELIVER, Replies
from app.settings import Settings, SettingsProblem
from app.spool import AuditSpool, Bounds, Policy
from app.syslog import SyslogAddresses, SyslogLimits, SyslogListener
from app.worker import Jobs
from arr.model import LOCAL
from arr.packing import carried, delivered
from arr.readers import Readers
from arr.retention import Retention
from arr.service import AuditService
from arr.settings import ArrSettings
from arr.signing import Trust, load_keys, signer_at
from arr.transactions.iti20_record_audit_event import RecordAuditEvent
from atna.feed import RemoteSink, drain
from atna.fhir_transport import FhirSink
from atna.message import AuditMessage
from atna.participants import AuditContext, this_process
from atna.syslog import Sender
from atna.system_events import (
    application_started,
    application_stopped,
    audit_recording,
    message_unreadable,
    node_authentication_failed,
)
from atna.transport import Address, DatagramSink, StreamSink
from console.audit import audit_pages
from console.identities import identity_pages
from console.reports import report_pages
from console.searches import Searches
from console.sessions import Lifetimes, Sessions
from console.store import Role
from console.web import Logins, make_console
from hl7v2.consumer import Parties
from hl7v2.dispatch import V2Dispatcher
from hl7v2.exchange import V2Door, V2Exchange
from kernel.database import Database
from kernel.errors import Condition, HieError, Refused, Unavailable, violation
from kernel.identifiers import Oid, new_entry_uuid
from kernel.outbox import Carriage
from kernel.peer import Peer
from kernel.times import system_clock
from kernel.tls import ClientTls, NodeRefused, ServerTls, TlsFiles, ends_of, explain, file_problems
from mpi.authorities import Authorities
from mpi.directory import MpiPatientDirectory
from mpi.importing.learning import Learning
from mpi.importing.linking import BatchLinking
from mpi.importing.relink_parts import CHANGE, COMPARE, PartWork
from mpi.importing.relinking import Relinking
from mpi.index import Index
from mpi.models import Models
from mpi.notices import Notices
from mpi.queries import MpiQueries
from mpi.service import MpiService
from mpi.source_links import SourceLinks
from mpi.source_moves import SourceMoves
from mpi.stewardship import Stewardship
from mpi.tasks import tasks
from mpi.transactions.doors import v2_doors, v3_doors
from mpi.transactions.exchanges import V3Context
from mpi.viewing import Viewing
from registry.code_sets import DomainCodeSets
from registry.leniency import complete_ids
from registry.service import RegistryService
from registry.transactions.iti18_stored_query import StoredQueryDoor
from registry.transactions.iti42_register_document_set import RegisterDocumentSet
from registry.transactions.iti51_multi_patient_query import MultiPatientStoredQuery
from registry.transactions.iti57_update_document_set import UpdateDocumentSet
from registry.transactions.iti61_register_on_demand import RegisterOnDemandDocumentEntry
from registry.transactions.iti62_remove_metadata import RemoveMetadata
from registry.transactions.iti92_restricted_update import RestrictedUpdateDocumentSet
from repository.keyring import Keyring
from repository.model import RepositoryContext
from repository.on_demand import OnDemandDocuments, OnDemandOptions
from repository.patient_summary import PatientSummary
from repository.ports import RegistryPort
from repository.receiving import DocumentRecipient
from repository.remote_registry import RemoteRegistry
from repository.removing import DocumentRemover
from repository.service import RepositoryService
from repository.storage import keyring_at, vault_at
from repository.transactions.iti41_provide_and_register import ProvideAndRegister
from repository.transactions.iti43_retrieve_document_set import RetrieveDocumentSet
from repository.transactions.iti86_remove_documents import RemoveDocuments
from repository.upkeep import Periods, Upkeep
from repository.vault import Content, Vault
from soap.exchange import BodySchema, Door, Exchange, Operation, SoapHooks, SoapResponse
from soap.spyne_door import SoapDoor
from soap.zeep_client import SoapClient

_CERTIFICATE_SECONDS = 60.0
"""Between two looks at when our certificate ends."""

log = structlog.get_logger("wiring")


class House:
    """The services of one process, built on first use. Opens nothing but the database."""

    def __init__(self, settings: Settings, data: Path, *, is_demo: bool = False) -> None:
        self.settings = settings
        self.is_demo = is_demo
        self.data = data
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.clock = system_clock
        self.audit_targets = (
            *((LOCAL,) if settings.audit.local else ()),
            *(target.name for target in settings.audit.targets),
        )
        self.database = Database(
            database_url(settings, data),
            clock=self.clock,
            audit_targets=self.audit_targets,
            on_told=lambda: self._wake(),
            pool_size=settings.database.pool_size,
            prepare=settings.database.prepare,
            carriage=Carriage(carried, lambda message: delivered(message)[2]),
        )
        self._wake: Callable[[], None] = lambda: None
        self._forwarded: Callable[[str, int], None] = lambda _target, _count: None
        self._certificates_at = 0.0
        self._certificate_problems: tuple[str, ...] = ()
        site = settings.audit.enterprise_site or settings.affinity.authority.oid
        self.audit_context: AuditContext = this_process(settings.audit.source_id, site)

    def close(self) -> None:
        """Gives back what is open."""
        self.database.close()

    # tables

    def behind(self) -> tuple[str, ...]:
        """The packages whose tables are not those of this release. Raises `Unavailable`."""
        self._require_database()
        return migrations.behind(self.database.engine)

    def migrate(self) -> Iterator[str]:
        """Brings the tables up to this release; names each step. Raises `Unavailable`."""
        self._require_database()
        yield from migrations.upgrade(self.database.engine)

    def require_migrated(self) -> None:
        """Raises `Unavailable` when the tables are not those of this release."""
        late = self.behind()
        if late:
            advice = f"run `hie db upgrade` first ({', '.join(late)} behind)"
            raise Unavailable(violation(Condition.BUSY, "database", advice))

    def migrate_or_refuse(self) -> None:
        """The embedded database, and one that is empty, are brought up to date; another is never changed without being asked."""
        self._require_database()
        is_empty = not sa.inspect(self.database.engine).get_table_names()
        if self.database.is_sqlite or is_empty:
            for step in self.migrate():
                log.info("tables", step=step)
        self.require_migrated()

    def _require_database(self) -> None:
        database_answers(self.database)()

    # services

    @cached_property
    def affinity(self) -> AffinityService:
        """The affinity domain; what the settings say of it is brought into the database."""
        service = AffinityService(self.database, self.settings.affinity)
        for won in service.start():
            log.warning("the settings file wins over the database", what=won)
        return service

    @cached_property
    def index(self) -> Index:
        """What the patient index works with."""
        return Index(self.database, self.affinity, self.audit_context, self.settings.mpi, self.settings.matching)

    @cached_property
    def models(self) -> Models:
        """Models of record linkage."""
        return Models(self.database)

    @cached_property
    def mpi(self) -> MpiService:
        """Feeds, links, reviews."""
        return MpiService(self.index, model=self.models.in_force)

    @cached_property
    def batch(self) -> BatchLinking:
        """Linking and training on all records at once."""
        return BatchLinking(self.index, self.models, self.mpi.prepare_anew)

    @cached_property
    def stewardship(self) -> Stewardship:
        """Decisions of administrators."""
        return Stewardship(self.index, self.registry.dividing)

    @cached_property
    def relink_parts(self) -> PartWork:
        """What is done with the parts of linking the index anew."""
        return PartWork(self.index, self.models, self.mpi.prepare_anew)

    @cached_property
    def relinking(self) -> Relinking:
        """Linking the index anew."""
        return Relinking(self.index, self.models, self.batch, self.relink_parts)

    @cached_property
    def learning(self) -> Learning:
        """Trains the model of a young index."""
        return Learning(self.index, self.models, self.batch)

    @cached_property
    def mpi_queries(self) -> MpiQueries:
        """PIX and PDQ."""
        return MpiQueries(self.index)

    @cached_property
    def notices(self) -> Notices:
        """What consumers are to be told of identifiers."""
        return Notices(self.index)

    def messengers(self) -> tuple[Messenger, ...]:
        """A sender for each consumer that is told of changes."""
        mpi = self.settings.mpi
        us = Ourselves(Parties(mpi.application, mpi.facility), self._device, mpi.notify_seconds, self.data / "spool")
        return messengers(self.notices, self.affinity.domain().consumers, us, lambda: self.client_tls)

    @cached_property
    def registry(self) -> RegistryService:
        """The document registry."""
        return RegistryService(
            self.database,
            directory=MpiPatientDirectory(self.database, self.affinity),
            code_sets=DomainCodeSets(self.affinity, clock=self.clock),
            audit=self.audit_context,
            settings=self.settings.registry,
            clock=self.clock,
            new_uuid=new_entry_uuid,
        )

    @cached_property
    def repository(self) -> RepositoryService:
        """The document repository."""
        recipient = self.recipient if self.settings.storage.limited_metadata else None
        context = self._repository_context
        return RepositoryService(self.database, self.vault, self.registry_port, context, self.on_demand, recipient)

    @cached_property
    def recipient(self) -> DocumentRecipient:
        """Submissions that were sent with limited metadata."""
        return DocumentRecipient(self.database, self.vault, self.registry_port, self._repository_context)

    @cached_property
    def on_demand(self) -> OnDemandDocuments:
        """Documents that are made when they are asked for."""
        options = OnDemandOptions((PatientSummary(self.registry_port),), self.settings.storage.snapshots)
        return OnDemandDocuments(
            self.database, self.vault, self.registry_port, self._repository_context, options, new_uuid=new_entry_uuid
        )

    @cached_property
    def upkeep(self) -> Upkeep:
        """Sweeps and scrubs of the repository."""
        storage = self.settings.storage
        periods = Periods(timedelta(hours=storage.orphan_hours), timedelta(days=storage.replay_days))
        return Upkeep(self.database, self.vault, self.registry_port, self._repository_context, periods)

    @cached_property
    def vault(self) -> Vault:
        """Where documents are."""
        try:
            return vault_at(self.settings.storage, self.data, self.clock)
        except ValueError as problem:
            raise SettingsProblem(f"storage.key_file: {problem}") from None

    @cached_property
    def keyring(self) -> Keyring | None:
        """The keys of sealed documents; None where none is set."""
        try:
            return keyring_at(self.settings.storage, self.data, self.clock)
        except ValueError as problem:
            raise SettingsProblem(f"storage.key_file: {problem}") from None

    @cached_property
    def _repository_context(self) -> RepositoryContext:
        return RepositoryContext(
            self.settings.affinity.repository_unique_id,
            self.audit_context,
            self.clock,
            self.settings.storage.retrieve_documents,
            _tell_damage,
        )

    @cached_property
    def registry_port(self) -> RegistryPort:
        """The registry that the repository registers with, in this process or far away."""
        url = self.settings.storage.registry_url
        if not url:
            return LocalRegistry(self.registry)
        client = SoapClient(
            contracts.FOLDER / "registry.wsdl",
            url,
            timeout=self.settings.storage.registry_timeout_seconds,
            spool=self.data / "spool",
            tls=self.client_tls if url.startswith("https:") else None,
        )
        return RemoteRegistry(client, url, self.database, self._repository_context)

    @cached_property
    def arr(self) -> AuditService:
        """The audit record repository."""
        return AuditService(
            self.database,
            clock=self.clock,
            context=self.audit_context,
            new_log_id=lambda: new_entry_uuid().removeprefix("urn:uuid:"),
            settings=self._arr_settings,
            trust=self._audit_trust,
            directory=MpiPatientDirectory(self.database, self.affinity),
        )

    @cached_property
    def retention(self) -> Retention:
        """What is done to whole segments of the audit log."""
        return Retention(
            self.database,
            clock=self.clock,
            context=self.audit_context,
            settings=self._arr_settings,
            trust=self._audit_trust,
            directory=MpiPatientDirectory(self.database, self.affinity),
        )

    @cached_property
    def _audit_trust(self) -> Trust:
        """Who signs the audit log."""
        key = self.settings.arr.key_file or self.data / "audit-key.pem"
        trusted = self.settings.arr.trusted_keys_file
        return Trust(signer_at(key), load_keys(trusted.read_bytes()) if trusted else {})

    @property
    def _arr_settings(self) -> ArrSettings:
        """Without a witness nobody could notice an old head put back together with its records."""
        given = self.settings.arr
        return given if given.witness_file else given.model_copy(update={"witness_file": self.data / "audit-witness.jsonl"})

    # doors

    @cached_property
    def soap(self) -> SoapDoor:
        """Every SOAP transaction."""
        doors: list[Door] = [
            RegisterDocumentSet(self.registry),
            RegisterOnDemandDocumentEntry(self.registry),
            StoredQueryDoor(self.registry),
            MultiPatientStoredQuery(self.registry),
            UpdateDocumentSet(self.registry),
            RestrictedUpdateDocumentSet(self.registry),
            RemoveMetadata(self.registry),
            ProvideAndRegister(self.repository),
            RetrieveDocumentSet(self.repository),
            RemoveDocuments(DocumentRemover(self.database, self.vault, self._repository_context)),
            *self._patient_doors_v3(),
        ]
        unreadable = self.alarms.of("soap")
        hooks = SoapHooks(
            before=self._admit_soap(doors),
            after=_count_soap,
            defer=self.replies.keep,
            unread=lambda peer, error: unreadable(peer, reason_of(error)),
        )
        return SoapDoor(doors, contracts.body_schema, _log_bug, hooks, stage=self.vault.stage, limits=self.settings.soap)

    @cached_property
    def replies(self) -> Replies:
        """Answers that go to an address of the sender."""
        soap = self.settings.soap
        return Replies(
            self.database,
            tls=lambda: self.client_tls,
            seconds=soap.reply_seconds,
            days=soap.reply_days,
        )

    def http_app(self) -> HttpApp:
        """Every HTTP route."""
        over_http = Hl7OverHttp(counted_v2(self.v2), self.v2.too_long, limit=self.settings.mllp.message_bytes)
        return HttpApp(
            self.soap,
            mounts={"/console": self.console, PATH: over_http, "/fhir": self.fhir},
            health=self.health(),
            metrics=self._metrics,
            limits=Limits(self.settings.http.body_bytes, self.settings.http.bulk),
            unreadable=self.alarms.of("http"),
        )

    def mllp_listeners(self) -> tuple[MllpListener, ...]:
        """HL7 v2, plain and with TLS."""
        mllp = self.settings.mllp
        limits = MllpLimits(mllp.message_bytes, mllp.idle_seconds, mllp.frame_seconds, mllp.threads)
        listeners = []
        for listen, tls in ((mllp.listen, None), (mllp.listen_tls, self.server_tls)):
            if listen:
                host, _, port = listen.rpartition(":")
                listener = MllpListener(
                    counted_v2(self.v2),
                    host,
                    int(port),
                    limits=limits,
                    tls=tls() if tls else None,
                    too_long=self.v2.too_long,
                    refused=self.node_refused("mllp"),
                )
                listener.unreadable = self.alarms.of("mllp")
                listeners.append(listener)
        return tuple(listeners)

    @cached_property
    def v2(self) -> V2Dispatcher:
        """Every HL7 v2 transaction."""
        unreadable = self.alarms.of("hl7v2")
        numbers = itertools.count(int(self.clock().timestamp() * 1000) << 8)
        return V2Dispatcher(
            v2_doors(self.mpi, self.mpi_queries, SourceLinks(self.index), SourceMoves(self.index, self.registry.dividing)),
            clock=self.clock,
            new_control_id=lambda: f"{next(numbers):x}",
            leniency=lambda application, facility: self.index_authorities.is_lenient(f"{facility}|{application}"),
            admit=self._admit_v2,
            on_unreadable=lambda peer, _header, error: unreadable(peer, reason_of(error)),
        )

    @cached_property
    def console(self) -> WsgiApp:
        """The pages for people."""
        settings = self.settings.console
        lifetimes = Lifetimes(settings.link_seconds, settings.session_idle_seconds, settings.session_seconds)
        self.sessions = Sessions(self.database, self.clock, lifetimes)
        stewardship = self.stewardship
        return make_console(
            self.sessions,
            Logins(self.audit_context, self.clock, stewardship.give_all_back),
            identity_pages(Viewing(self.index, self.mpi.matcher), stewardship),
            audit_pages(self.arr, Searches(self.database)),
            report_pages(self.arr, Searches(self.database), self.settings.arr.report_font),
            is_demo=self.is_demo,
        )

    @cached_property
    def fhir(self) -> FhirApp:
        """The FHIR endpoint. Raises `SettingsProblem` when a reader's token cannot be used."""
        try:
            readers = Readers(self.nodes, self.settings.arr.readers)
        except (OSError, ValueError) as problem:
            raise SettingsProblem(f"arr.readers: {problem}") from None
        refused = self.node_refused("fhir")
        return FhirApp(
            self.arr, readers, Feed(self.clock, partial(_why_not, self.nodes, "ITI-20"), refused, self.alarms.of("fhir"))
        )

    def sign_in_link(self, name: str, role: Role, address: str = "") -> str:
        """A one-time link to the console for a person."""
        _ = self.console
        http = self.settings.http
        base = address or http.public_url or (f"http://{http.listen}" if http.listen else f"https://{http.listen_tls}")
        return f"{base.rstrip('/')}/console/sign-in?link={self.sessions.link(name, role)}"

    # work

    @property
    def broker_url(self) -> str:
        """The broker's address with its password."""
        return with_password(self.settings.broker.url, self.settings.broker.password_file)

    def on_told(self, wake: Callable[[], None]) -> None:
        """Who is woken when something was told."""
        self._wake = wake

    def on_forwarded(self, forwarded: Callable[[str, int], None]) -> None:
        """Who hears that an audit target was emptied by this process, and of how many messages."""
        self._forwarded = forwarded

    def jobs(self) -> Jobs:
        """What a worker does, by name."""
        handlers: Mapping[str, Handler] = {**tasks(self.mpi.matcher, self.notices), CHANGE: self.relink_parts.change}
        periodic = {job.name: job.act for job in self.periodic}
        consumer = Consumer(self.database, handlers, {DELIVER: self.replies.deliver, COMPARE: self.relink_parts.compare})

        def run_periodic(name: str) -> None:
            periodic[name]()

        return {HANDLE: consumer.handle, FORWARD_AUDIT: self.forward_audit, PERIODIC: run_periodic}

    def forward_audit(self, target: str) -> None:
        """Moves what waits for our own audit record repository."""
        self._forwarded(target, drain(self.database, target, self.arr))

    def remote_sinks(self) -> Mapping[str, RemoteSink]:
        """The audit record repositories of others; what waits for one that is no longer in the settings stays."""
        sender = Sender(self.audit_context.host, self.audit_context.source_id, self.audit_context.process_id)
        sinks: dict[str, RemoteSink] = {}
        for target in self.settings.audit.targets:
            scheme, _, place = target.url.partition("://")
            if scheme in ("http", "https"):
                tls = self.client_tls if scheme == "https" else None
                sinks[target.name] = FhirSink(target.url, monotonic=time.monotonic, tls=tls)
                continue
            host, _, port = place.rpartition(":")
            address = Address(host, int(port))
            if scheme == "syslog+udp":
                sinks[target.name] = DatagramSink(address, sender, monotonic=time.monotonic)
            else:
                tls = self.client_tls if scheme == "syslog+tls" else None
                sinks[target.name] = StreamSink(address, sender, monotonic=time.monotonic, tls=tls)
        return sinks

    @cached_property
    def periodic(self) -> Sequence[Periodic]:
        """What is done every so often."""
        return (
            Periodic("audit.checkpoint", 60, lambda: discarded(self.arr.checkpoint())),
            Periodic("repository.sweep", 3600, lambda: discarded(self.upkeep.sweep(contents=False))),
            Periodic("repository.sweep_contents", 86_400, lambda: discarded(self.upkeep.sweep())),
            Periodic("mpi.forget_receipts", 3600, lambda: discarded(self.mpi.forget_receipts())),
            Periodic("mpi.learn", 10, lambda: discarded(self.learning.learn())),
            Periodic("soap.forget_replies", 3600, lambda: discarded(self.replies.forget())),
            Periodic("audit.spool", 5, self.look_at_spool),
            Periodic("outbox.measure", 10, lambda: measure_outboxes(self.database, self.clock)),
        )

    # operations

    def health(self) -> Health:
        """What `/readyz` looks at."""
        checks: dict[str, Check] = {"database": database_answers(self.database)}
        if self.settings.storage.url.startswith("file:"):
            checks["documents"] = folder_is_writable(self.data)
        return Health(checks)

    def _metrics(self) -> bytes:
        measure_outboxes(self.database, self.clock)
        return rendered(several_processes=self.settings.http.processes > 1)

    def begin(self, stack: ExitStack) -> None:
        """Puts start and stop of the application on the record."""
        launcher = self.audit_context.process_id

        def tell(event: Callable[..., AuditMessage]) -> None:
            with self.database.begin() as work:
                work.audit(event(self.audit_context, when=self.clock(), launcher=launcher).to_xml())

        tell(application_started)
        tell_changes(self.database, self.audit_context, self.settings)
        stack.callback(tell, application_stopped)

    def syslog_listeners(self) -> tuple[SyslogListener, ...]:
        """Audit messages of others (ITI-20). The TLS address is opened only where there is a certificate."""
        syslog = self.settings.syslog
        tls = self.server_tls() if self.settings.tls.certificate is not None else None
        addresses = SyslogAddresses(
            udp=address_of(syslog.listen_udp),
            tcp=address_of(syslog.listen_tcp),
            tls=address_of(syslog.listen_tls) if tls else None,
        )
        if addresses == SyslogAddresses():
            return ()
        limits = SyslogLimits(message_bytes=syslog.message_bytes)
        door = RecordAuditEvent(self.arr, self.clock)
        refused, admits = self.node_refused("syslog"), partial(_why_not, self.nodes, "ITI-20")
        return (SyslogListener(door, addresses, limits=limits, tls=tls, refused=refused, admits=admits),)

    # secure nodes

    @cached_property
    def nodes(self) -> Nodes:
        """The registered nodes."""
        return Nodes(self.settings.tls.nodes)

    def node_refused(self, listener: str) -> NodeRefused:
        """What a listener tells of a node that was not let in: it is counted and put on the record."""

        def tell(peer: Peer, reason: str) -> None:
            NODES_REFUSED.labels(listener).inc()
            event = node_authentication_failed(self.audit_context, when=self.clock(), peer=peer, reason=reason)
            with self.database.begin() as work:
                work.audit(event.to_xml())

        return tell

    @cached_property
    def alarms(self) -> Alarms:
        """What nobody could read, on the record."""

        def tell(peer: Peer, reason: str, count: int) -> None:
            event = message_unreadable(self.audit_context, when=self.clock(), peer=peer, reason=reason, count=count)
            with self.database.begin() as work:
                work.audit(event.to_xml())

        return Alarms(tell, monotonic=time.monotonic)

    def _admit_soap(self, doors: Sequence[Door]) -> Callable[[Operation, Exchange], None]:
        transactions = {door.operation.name: transaction_of(door) for door in doors}
        lenient = self.settings.registry.lenient

        def admit(operation: Operation, exchange: Exchange) -> None:
            self.nodes.require(exchange.peer, transactions[operation.name], speaking_as=claims_of(exchange.body))
            self.spool.require_room()
            if lenient and operation.schema is BodySchema.XDS:
                complete_ids(exchange.body, exchange.peer, lenient)

        return admit

    def _admit_v2(self, exchange: V2Exchange, door: V2Door) -> None:
        self.nodes.require(exchange.peer, transaction_of(door), speaking_as=(exchange.header.source,))
        self.spool.require_room()

    @cached_property
    def spool(self) -> AuditSpool:
        """The bound on audit messages that wait for repositories of others."""
        audit = self.settings.audit

        def tell(target: str, is_stopped: bool, waiting: int) -> None:
            event = audit_recording(self.audit_context, when=self.clock(), target=target, is_stopped=is_stopped, waiting=waiting)
            with self.database.begin() as work:
                work.audit(event.to_xml())

        bounds = Bounds(audit.spool_messages, Policy(audit.spool_policy), audit.alarm_seconds)
        return AuditSpool(self.database, [target.name for target in audit.targets], bounds, clock=self.clock, tell=tell)

    def look_at_spool(self) -> None:
        """Counts what waits for repositories of others; while the database is away the last count stands."""
        with suppress(HieError):
            self.spool.look()

    def look_at_certificates(self) -> None:
        """Takes renewed files, and says what will soon be wrong with those in use."""
        files = self._tls_files()
        if files is None:
            return
        if self._server_tls.is_outdated:
            log.info("certificates renewed", file=str(files.certificate))
            self.reload_tls()
        elif time.monotonic() < self._certificates_at:
            return
        self._certificates_at = time.monotonic() + _CERTIFICATE_SECONDS
        ends, now = ends_of(files), self.clock()
        CERTIFICATE.set((ends - now).total_seconds() if ends else 0.0)
        problems = tuple(file_problems(files, now))
        for problem in problems if problems != self._certificate_problems else ():
            log.warning("certificate", problem=problem)
        self._certificate_problems = problems

    def server_tls(self) -> ssl.SSLContext:
        """What our TLS listeners use. Raises `SettingsProblem` where its files are not there or cannot be used."""
        return self._server_tls.context

    @cached_property
    def client_tls(self) -> ssl.SSLContext:
        """What we show and trust in every call to others, with the files as they are when it begins."""

        def tell(problem: Exception) -> None:
            log.error("certificates not taken", problem=explain(problem) if isinstance(problem, OSError) else str(problem))

        return ClientTls(self._tls_files(), trust=self.settings.tls.trust, on_problem=tell).context

    def reload_tls(self) -> None:
        """Reads certificates, authorities and revocation lists again; the old ones stay where the new cannot be used."""
        if self.settings.tls.certificate is None:
            return
        try:
            self._server_tls.reload()
        except (OSError, ValueError) as problem:
            log.error("certificates not taken", problem=explain(problem) if isinstance(problem, OSError) else str(problem))

    @cached_property
    def _server_tls(self) -> ServerTls:
        files = self._tls_files()
        if files is None:
            raise SettingsProblem("tls: a TLS listener needs tls.certificate and tls.key")
        try:
            return ServerTls(files, client_certificate=self.settings.tls.client_certificate)
        except (OSError, ValueError) as problem:
            raise SettingsProblem(f"tls: {files.certificate}: {problem}") from problem

    def _tls_files(self) -> TlsFiles | None:
        tls = self.settings.tls
        if tls.certificate is None or tls.key is None:
            return None
        return TlsFiles(tls.certificate, tls.key, tls.trust, tls.revoked)

    # doors of the patient index

    @cached_property
    def index_authorities(self) -> Authorities:
        """Who is lenient."""
        return Authorities(self.affinity)

    @property
    def _device(self) -> Oid:
        """Who we are in HL7 v3."""
        return Oid(self.settings.affinity.home_community_id.removeprefix("urn:oid:"))

    def _patient_doors_v3(self) -> tuple[Door, ...]:
        return v3_doors(self.mpi, self.mpi_queries, V3Context(self._device, self.clock, new_entry_uuid))


def database_url(settings: Settings, data: Path) -> str:
    """The database's address: a file below the data folder, or a server with its password."""
    url = settings.database.url
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
        return f"sqlite:///{(data / url.removeprefix('sqlite:///')).absolute()}"
    return with_password(url, settings.database.password_file)


def address_of(listen: str) -> tuple[str, int] | None:
    """host:port as a pair; None for nothing."""
    host, _, port = listen.rpartition(":")
    return (host, int(port)) if port else None


def with_password(url: str, file: Path | None) -> str:
    """An address with the password that a file holds. Raises `SettingsProblem` when it cannot be read."""
    if file is None:
        return url
    try:
        password = file.read_text(encoding="utf-8").strip()
    except OSError as problem:
        raise SettingsProblem(f"password_file: {file}: {problem.strerror}") from None
    return make_url(url).set(password=password).render_as_string(hide_password=False)


def _tell_damage(content: Content) -> None:
    DAMAGED.inc()
    log.error("a stored document is not what was stored", sha256=content.sha256)


def _why_not(nodes: Nodes, transaction: str, peer: Peer) -> str:
    """Why a node may not send; empty when it may."""
    try:
        nodes.require(peer, transaction)
    except Refused as problem:
        return problem.detail
    return ""


def discarded(_result: object) -> None:
    """A periodic job's result is for its own logs and metrics."""


def _count_soap(response: SoapResponse, _error: HieError | None) -> None:
    REQUESTS.labels(response.operation or "none", response.outcome.value).inc()


def _log_bug(problem: BaseException, exchange: Exchange | None) -> None:
    log.error("bug", action=exchange.addressing.action if exchange else "", exc_info=problem)
