"""The house: every service with its doors, and the work that is done behind them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import cached_property, partial

import structlog

from access.claims import claims_of
from access.nodes import Nodes, transaction_of
from app import contracts
from app.actors import Actors
from app.alarms import Alarms, reason_of
from app.changes import tell_changes
from app.fhir import Feed, FhirApp
from app.gateway import WsgiApp
from app.ground import with_password
from app.health import Check, Health, database_answers, folder_is_writable, measure_outboxes
from app.hl7_http import PATH, Hl7OverHttp
from app.http import HttpApp, Limits
from app.metrics import NODES_REFUSED, counted_v2, rendered, requests_of
from app.mllp import MllpLimits, MllpListener
from app.relay import FORWARD_AUDIT, HANDLE, PERIODIC, Consumer, Handler, Periodic
from app.replies import DELIVER, Replies
from app.settings import SettingsProblem
from app.spool import AuditSpool, Bounds, Policy
from app.syslog import SyslogAddresses, SyslogLimits, SyslogListener
from app.worker import Jobs
from arr.readers import Readers
from arr.transactions.iti20_record_audit_event import RecordAuditEvent
from atna.feed import RemoteSink, drain
from atna.fhir_transport import FhirSink
from atna.message import AuditMessage
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
from hl7v2.dispatch import V2Dispatcher
from hl7v2.exchange import V2Door, V2Exchange
from kernel.errors import HieError, Refused
from kernel.identifiers import new_entry_uuid
from kernel.peer import Peer
from kernel.tls import NodeRefused
from mpi.authorities import Authorities
from mpi.importing.relink_parts import CHANGE, COMPARE
from mpi.source_links import SourceLinks
from mpi.source_moves import SourceMoves
from mpi.tasks import tasks
from mpi.transactions.doors import v2_doors, v3_doors
from mpi.transactions.exchanges import V3Context
from mpi.viewing import Viewing
from registry.leniency import complete_ids
from registry.transactions.iti18_stored_query import StoredQueryDoor
from registry.transactions.iti42_register_document_set import RegisterDocumentSet
from registry.transactions.iti51_multi_patient_query import MultiPatientStoredQuery
from registry.transactions.iti57_update_document_set import UpdateDocumentSet
from registry.transactions.iti61_register_on_demand import RegisterOnDemandDocumentEntry
from registry.transactions.iti62_remove_metadata import RemoveMetadata
from registry.transactions.iti92_restricted_update import RestrictedUpdateDocumentSet
from repository.removing import DocumentRemover
from repository.transactions.iti41_provide_and_register import ProvideAndRegister
from repository.transactions.iti43_retrieve_document_set import RetrieveDocumentSet
from repository.transactions.iti86_remove_documents import RemoveDocuments
from soap.exchange import BodySchema, Door, Exchange, Operation, SoapHooks, SoapResponse
from soap.spyne_door import SoapDoor

log = structlog.get_logger("wiring")


class House(Actors):
    """A process of the product: opens what is asked for, as its settings say."""

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
    def index_authorities(self) -> Authorities:
        """Who is lenient."""
        return Authorities(self.affinity)

    def _patient_doors_v3(self) -> tuple[Door, ...]:
        return v3_doors(self.mpi, self.mpi_queries, V3Context(self._device, self.clock, new_entry_uuid))


def address_of(listen: str) -> tuple[str, int] | None:
    """host:port as a pair; None for nothing."""
    host, _, port = listen.rpartition(":")
    return (host, int(port)) if port else None


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
    requests_of(response.operation or "none", response.outcome.value).inc()


def _log_bug(problem: BaseException, exchange: Exchange | None) -> None:
    log.error("bug", action=exchange.addressing.action if exchange else "", exc_info=problem)
