"""A metadata update on its way into the registry: versions, statuses, associations, in one unit of work (ITI-57, ITI-92)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.engine import Connection

from ebrim.model import Association, DocumentEntry, EntryType, Submission
from kernel.database import Database, Work
from kernel.errors import Condition, Rejected, Unavailable, Violation, rejected, violation
from kernel.identifiers import NewUuid
from registry import filing, fragments
from registry.effects import Effects, effects_of
from registry.enforcing import Enforcing, strict
from registry.filing import ASSOCIATION_TYPE, Numbers
from registry.model import Changes, Key, Kind, Life, RegisteredObject, Row, key_of, uuid_of
from registry.placing import placed
from registry.ports import CodeSets, PatientDirectory
from registry.registering import PASSES, complete, copy_number, require_bounded, terms_of
from registry.rules.against_registry import Registered, patient_faults, set_unique_id_faults
from registry.rules.attributes import entry_faults, folder_faults, set_faults
from registry.rules.code_sets import code_set_faults
from registry.rules.structure import HAS_MEMBER, Contents, message_faults
from registry.rules.updates import (
    STATUS_UPDATE,
    SUBMIT,
    Operations,
    Versions,
    immutable_faults,
    read_operations,
    update_faults,
)
from registry.settings import RegistrySettings
from registry.store import RegistryStore, StoredAssociation
from registry.terms import Terms
from registry.view import RegistryView


class _InTheWay(Exception):
    """Somebody registered the same uniqueId a moment ago."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An update ready to be filed: as it was sent and as it will stand, its operations, rows and numbers."""

    contents: Contents
    operations: Operations
    placed: Submission
    uuids: Mapping[str, str]
    """From the ids of the message to entryUUIDs."""
    changes: Changes
    numbers: Numbers


class Updating:
    """Judges updates and files them."""

    def __init__(
        self,
        database: Database,
        *,
        store: RegistryStore,
        terms: Terms,
        directory: PatientDirectory,
        code_sets: CodeSets,
        settings: RegistrySettings,
        new_uuid: NewUuid,
    ) -> None:
        self._database = database
        self._store = store
        self._terms = terms
        self._view = RegistryView(store, directory)
        self._code_sets = code_sets
        self._settings = settings
        self._new_uuid = new_uuid

    def update(
        self, submission: Submission, audit: bytes, enforcing: Enforcing = strict, *, is_restricted: bool
    ) -> tuple[Violation, ...]:
        """Files an update with the audit message of its success; `enforcing` judges its codes.

        Gives the warnings. Raises `Rejected` with everything that is wrong, in which case nothing is changed.
        """
        require_bounded(submission, self._settings)
        contents = Contents.of(submission)
        operations, malformed = read_operations(contents, self._settings.association_types, is_restricted=is_restricted)
        found = (*self._judged(contents, enforcing), *malformed)
        if any(v.is_error for v in found):
            with self._database.read() as connection:
                faults = self._examined(connection, contents, operations, is_restricted=is_restricted, lock=False)[2]
                raise Rejected((*found, *faults))
        plan = self._planned(contents, operations)
        for _ in range(PASSES):
            try:
                self._file(plan, found, audit, is_restricted=is_restricted)
            except _InTheWay:
                continue
            return found
        raise Unavailable(violation(Condition.BUSY, "", "others register the same objects at the moment; try again"))

    def _judged(self, contents: Contents, enforcing: Enforcing) -> Iterator[Violation]:
        """Every rule that needs no registry and is not about the operations."""
        submission = contents.submission
        yield from message_faults(submission)
        for entry in submission.entries:
            type_ = EntryType.ON_DEMAND if entry.is_on_demand else EntryType.STABLE
            yield from entry_faults(entry, type_, self._settings.extra_slots)
        for submission_set in submission.submission_sets:
            yield from set_faults(submission_set, self._settings.extra_slots)
        for folder in submission.folders:
            yield from folder_faults(folder, self._settings.extra_slots)
        yield from code_set_faults(submission, self._code_sets, enforcing)

    def _planned(self, contents: Contents, operations: Operations) -> Plan:
        sent = contents.submission
        done = placed(sent, self._new_uuid)
        uuids = {
            before.id: after.id
            for before, after in zip((*sent.objects(), *sent.associations), (*done.objects(), *done.associations), strict=True)
        }
        updates = {uuids[u.obj.id]: u for u in operations.versions}
        next_version = {uuid: str(update.previous + 1) for uuid, update in updates.items()}
        done = replace(
            done,
            entries=tuple(replace(e, logical_id=updates[e.id].obj.logical_id, version=next_version[e.id]) for e in done.entries),
            folders=tuple(replace(f, logical_id=updates[f.id].obj.logical_id, version=next_version[f.id]) for f in done.folders),
            # what only asks for a change is not itself registered
            associations=tuple(a for a in done.associations if a.type not in (STATUS_UPDATE, SUBMIT)),
        )
        numbers = self._terms.interned(terms_of(done))
        changes = Changes(
            entries=[filing.entry_row(entry, numbers) for entry in done.entries],
            submission_sets=[filing.set_row(one, numbers) for one in done.submission_sets],
            folders=[filing.folder_row(folder, numbers) for folder in done.folders],
            associations=[filing.association_row(association, numbers) for association in done.associations],
            reference_ids=[row for entry in done.entries for row in filing.reference_rows(entry)],
        )
        return Plan(contents, operations, done, uuids, changes, numbers)

    def _file(self, plan: Plan, found: Sequence[Violation], audit: bytes, *, is_restricted: bool) -> None:
        cx = plan.placed.submission_sets[0].patient_id

        def act(work: Work) -> int:
            registered, latest, faults = self._examined(
                work.connection, plan.contents, plan.operations, is_restricted=is_restricted, lock=True
            )
            if faults:
                raise Rejected((*found, *faults))
            number = self._terms.patient(work.connection, cx)
            self._write(work, plan, registered, latest, number)
            work.audit(audit)
            return number

        self._terms.committed(cx, self._database.attempt(act))

    def _examined(
        self, connection: Connection, contents: Contents, operations: Operations, *, is_restricted: bool, lock: bool
    ) -> tuple[Registered, Mapping[str, RegisteredObject], Sequence[Violation]]:
        """What the registry knows of the objects of an update, the latest versions, and what is wrong with it."""
        logical_keys = [key_of(uuid) for uuid in operations.logical_ids()]
        found = self._store.versions(connection, logical_keys, lock=lock) if logical_keys else {}
        latest: dict[str, RegisteredObject] = {uuid_of(key): obj for key, obj in found.items()}
        registered = self._view.registered(connection, contents, operations.targets(), lock=lock)
        joined = self._joined(connection, operations)
        faults = [*patient_faults(contents, registered.standing), *set_unique_id_faults(contents, registered)]
        faults += update_faults(contents, operations, registered, Versions(latest, joined), is_restricted=is_restricted)
        if not is_restricted and registered.standing is not None and registered.standing.known:
            faults += self._reconciliation_faults(connection, operations, registered, latest)
        if is_restricted:
            faults += self._immutable_faults(connection, operations, latest)
        return registered, latest, faults

    def _reconciliation_faults(
        self, connection: Connection, operations: Operations, registered: Registered, latest: Mapping[str, RegisteredObject]
    ) -> Iterator[Violation]:
        """What moves to another patient takes no association with it to an object that stays."""
        moved = {
            former.key: update.obj
            for update in operations.versions
            if (former := latest.get(update.obj.logical_id)) and not registered.is_of_patient(former, update.obj.patient_id)
        }
        carried = {latest[u.obj.logical_id].key for u in operations.versions if u.propagates and u.obj.logical_id in latest}
        stored = self._store.associations(connection, [key for key in moved if key in carried])
        others = self._store.objects(connection, {end for a in stored for end in (a.source, a.target)} - moved.keys())
        for association in stored:
            for key, end in ((association.source, association.target), (association.target, association.source)):
                obj, other = moved.get(key), others.get(end)
                if obj is None or other is None or other.kind is Kind.SUBMISSION_SET:
                    continue
                if not registered.is_of_patient(other, obj.patient_id):
                    told = f"association {uuid_of(association.uuid)} would join it to an object of another patient"
                    yield violation(Condition.UPDATE_PATIENT_CHANGED, obj.id, told)

    def _joined(self, connection: Connection, operations: Operations) -> frozenset[tuple[str, str]]:
        sources = [key_of(association.source) for association in operations.associations]
        stored = self._store.associations(connection, sources)
        return frozenset((uuid_of(a.source), uuid_of(a.target)) for a in stored)

    def _immutable_faults(
        self, connection: Connection, operations: Operations, latest: Mapping[str, RegisteredObject]
    ) -> Iterator[Violation]:
        for update in operations.versions:
            former = latest.get(update.obj.logical_id)
            if former is not None and former.kind is Kind.ENTRY and isinstance(update.obj, DocumentEntry):
                stored = self._store.entry_xml(connection, former.key)
                yield from immutable_faults(update.obj, fragments.read_entry_of(*stored))

    def _write(self, work: Work, plan: Plan, registered: Registered, latest: Mapping[str, RegisteredObject], patient: int) -> None:
        connection, now = work.connection, filing.instant(work.now)
        complete(plan.changes, patient, now)
        lives: dict[object, Life] = {key_of(plan.uuids[u.obj.id]): latest[u.obj.logical_id].life for u in plan.operations.versions}
        for kind, rows in ((Kind.ENTRY, plan.changes.entries), (Kind.FOLDER, plan.changes.folders)):
            for row in rows:
                row["copy"] = copy_number(row, registered, kind)
                row["status"] = int(lives[row["uuid"]])
        effects = self._effects(connection, plan, registered)
        copied = list(self._propagated(connection, plan, latest))
        changes = replace(
            plan.changes,
            associations=[*plan.changes.associations, *copied, *_rows(effects.associations, plan.numbers)],
            deprecated=set(effects.deprecated),
        )
        if not self._store.file(connection, changes):
            raise _InTheWay
        for update in plan.operations.versions:
            self._store.supersede(connection, latest[update.obj.logical_id])
        self._store.touch_folders(connection, effects.grown_folders, now)
        self._change_statuses(connection, plan, registered)

    def _effects(self, connection: Connection, plan: Plan, registered: Registered) -> Effects:
        """A submitted association works as one that comes with a submission: RPLC deprecates, HasMember makes a folder grow."""
        ids = {plan.uuids[a.id] for a in plan.operations.associations}
        submitted = tuple(a for a in plan.placed.associations if a.id in ids)
        ends = {end for a in submitted for end in (a.source, a.target)}
        known = {uuid: obj for uuid, obj in registered.objects.items() if uuid in ends}
        return effects_of(
            connection,
            self._store,
            Submission(submission_sets=plan.placed.submission_sets, associations=submitted),
            known,
            plan.numbers,
            self._new_uuid,
        )

    def _change_statuses(self, connection: Connection, plan: Plan, registered: Registered) -> None:
        for status in plan.operations.statuses:
            if not self._store.set_life(connection, registered.objects[status.association.target], status.new):
                told = "another operation of the submission changes the same object"
                raise rejected(Condition.UPDATE_INVALID, status.association.id, told)

    def _propagated(self, connection: Connection, plan: Plan, latest: Mapping[str, RegisteredObject]) -> Iterator[Row]:
        """Copies of the associations of the former versions: relationships, and the memberships of folders."""
        moved = {latest[u.obj.logical_id].key: key_of(plan.uuids[u.obj.id]) for u in plan.operations.versions if u.propagates}
        stored = self._store.associations(connection, list(moved))
        members = self._store.objects(connection, {a.source for a in stored if a.name == HAS_MEMBER})
        of_sets = {key for key, obj in members.items() if obj.kind is Kind.SUBMISSION_SET}
        set_id = plan.placed.submission_sets[0].id
        for association in stored:
            if association.name == HAS_MEMBER and association.source in of_sets:
                continue
            copy = self._moved(association, moved)
            numbers = {**plan.numbers, (ASSOCIATION_TYPE, association.name): association.type}
            yield filing.association_row(copy, numbers)
            if association.name == HAS_MEMBER:
                link = Association(id=self._new_uuid(), type=HAS_MEMBER, source=set_id, target=copy.id)
                yield filing.association_row(link, plan.numbers)

    def _moved(self, association: StoredAssociation, moved: Mapping[Key, Key]) -> Association:
        said = fragments.read_association_of(association.form, association.name, association.dictionary, association.xml)
        return replace(
            said,
            id=self._new_uuid(),
            source=uuid_of(moved.get(association.source, association.source)),
            target=uuid_of(moved.get(association.target, association.target)),
            logical_id="",
            version="",
            status="",
            sub_ids=(),
            documentation=tuple(replace(d, classification_id="", classified_object="") for d in said.documentation),
        )


def _rows(associations: Sequence[Association], numbers: Numbers) -> Iterator[Row]:
    return (filing.association_row(association, numbers) for association in associations)
