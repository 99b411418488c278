"""Builds every service once and hands each its ports."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property

import structlog

from affinity.service import AffinityService
from app import contracts
from app.ground import Ground
from app.metrics import DAMAGED
from app.notifying import Messenger, Ourselves, messengers
from app.ports import LocalRegistry
from app.settings import SettingsProblem
from arr.retention import Retention
from arr.service import AuditService
from arr.settings import ArrSettings
from arr.signing import Trust, load_keys, signer_at
from hl7v2.consumer import Parties
from kernel.identifiers import Oid, new_entry_uuid
from mpi.directory import MpiPatientDirectory
from mpi.importing.learning import Learning
from mpi.importing.linking import BatchLinking
from mpi.importing.relink_parts import PartWork
from mpi.importing.relinking import Relinking
from mpi.index import Index
from mpi.models import Models
from mpi.notices import Notices
from mpi.queries import MpiQueries
from mpi.service import MpiService
from mpi.stewardship import Stewardship
from registry.code_sets import DomainCodeSets
from registry.service import RegistryService
from repository.keyring import Keyring
from repository.model import RepositoryContext
from repository.on_demand import OnDemandDocuments, OnDemandOptions
from repository.patient_summary import PatientSummary
from repository.ports import RegistryPort
from repository.receiving import DocumentRecipient
from repository.remote_registry import RemoteRegistry
from repository.service import RepositoryService
from repository.storage import keyring_at, vault_at
from repository.upkeep import Periods, Upkeep
from repository.vault import Content, Vault
from soap.zeep_client import SoapClient

log = structlog.get_logger("wiring")


class Actors(Ground):
    """The services of one process, built on first use."""

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

    @property
    def _device(self) -> Oid:
        """Who we are in HL7 v3."""
        return Oid(self.settings.affinity.home_community_id.removeprefix("urn:oid:"))


def _tell_damage(content: Content) -> None:
    DAMAGED.inc()
    log.error("a stored document is not what was stored", sha256=content.sha256)
