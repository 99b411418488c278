"""One submission on its way into the registry: judged, placed, filed, in one unit of work (ITI-42, ITI-61)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from ebrim.model import EntryType, Submission
from kernel.database import Database, Work
from kernel.errors import Condition, Rejected, Unavailable, Violation, violation
from kernel.identifiers import NewUuid
from registry import filing
from registry.effects import TYPES_NEEDED, effects_of
from registry.enforcing import Enforcing, strict
from registry.filing import ASSOCIATION_TYPE, Numbers
from registry.model import Changes, Kind, Row
from registry.placing import placed
from registry.ports import CodeSets, PatientDirectory
from registry.rules.against_registry import Registered, patient_faults, references, registry_faults, submitted_uuids
from registry.rules.attributes import entry_faults, folder_faults, set_faults
from registry.rules.code_sets import code_set_faults
from registry.rules.structure import Contents, structure_faults
from registry.settings import RegistrySettings
from registry.store import CHUNK, FEW, RegistryStore
from registry.terms import Terms
from registry.view import RegistryView

PASSES: Final = 10
"""How often a submission is looked at again because another one with the same uniqueId was faster."""


class _InTheWay(Exception):
    """Somebody was faster, or a rule was broken that is better explained with all others: look, and try again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A submission ready to be filed: as it was sent, as it will stand, its rows, and the numbers of its terms."""

    contents: Contents
    placed: Submission
    changes: Changes
    numbers: Numbers


class Registering:
    """Judges submissions and files them."""

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

    def register(
        self, submission: Submission, type_: EntryType, audit: bytes, enforcing: Enforcing = strict
    ) -> tuple[Violation, ...]:
        """Files a submission whose entries are of one type, with the audit message of its success; `enforcing` judges its codes.

        Gives the warnings. Raises `Rejected` with everything that is wrong, in which case nothing is stored.
        """
        require_bounded(submission, self._settings)
        contents = Contents.of(submission)
        found = tuple(self._judged(contents, type_, enforcing))
        if any(v.is_error for v in found):
            with self._database.read() as connection:
                raise Rejected((*found, *registry_faults(contents, self._registered(connection, contents))))
        plan = self._planned(contents)
        is_careful = bool(references(contents) or submitted_uuids(contents))
        for _ in range(PASSES):
            try:
                if is_careful or not self._filed_at_once(plan, audit):
                    self._file(plan, found, audit, is_careful=is_careful)
            except _InTheWay:
                is_careful = True
            else:
                return found
        raise Unavailable(violation(Condition.BUSY, "", "others register the same objects at the moment; try again"))

    def _judged(self, contents: Contents, type_: EntryType, enforcing: Enforcing = strict) -> Iterator[Violation]:
        """Every rule that needs no registry."""
        submission = contents.submission
        yield from structure_faults(contents, self._settings.association_types)
        for entry in submission.entries:
            yield from entry_faults(entry, type_, self._settings.extra_slots)
        for submission_set in submission.submission_sets:
            yield from set_faults(submission_set, self._settings.extra_slots)
        for folder in submission.folders:
            yield from folder_faults(folder, self._settings.extra_slots)
        yield from code_set_faults(submission, self._code_sets, enforcing)

    def _planned(self, contents: Contents) -> Plan:
        """Everything that can be done before the unit of work, so that it is short."""
        submission = placed(contents.submission, self._new_uuid)
        numbers = self._terms.interned(terms_of(submission))
        changes = Changes(
            entries=[filing.entry_row(entry, numbers) for entry in submission.entries],
            submission_sets=[filing.set_row(one, numbers) for one in submission.submission_sets],
            folders=[filing.folder_row(folder, numbers) for folder in submission.folders],
            associations=[filing.association_row(association, numbers) for association in submission.associations],
            reference_ids=[row for entry in submission.entries for row in filing.reference_rows(entry)],
        )
        return Plan(contents, submission, changes, numbers)

    def _filed_at_once(self, plan: Plan, audit: bytes) -> bool:
        """Files a submission that refers to nothing registered, in one statement; False when it has to go the long way."""
        cx = plan.placed.submission_sets[0].patient_id
        number = self._terms.remembered_patient(cx)
        sizes = [len(rows) for rows in plan.changes.rows()]
        if self._database.is_sqlite or number is None or max(sizes) > CHUNK:
            return False
        parameters = self._database.audit_parameters([audit])
        complete(plan.changes, number, filing.instant(int(str(parameters["told_at"]))))
        meant = self._view.meant(cx) if sum(sizes) <= FEW else None
        try:
            with self._database.glance() as connection:
                standing = None if meant else self._view.standing(connection, cx)
                if any(patient_faults(plan.contents, standing)):
                    raise _InTheWay
                if meant is None:
                    self._store.file_at_once(connection, plan.changes, parameters)
                elif not self._store.file_if_active(connection, plan.changes, parameters, meant):
                    raise _InTheWay
        except IntegrityError:
            raise _InTheWay from None
        return True

    def _file(self, plan: Plan, found: Sequence[Violation], audit: bytes, *, is_careful: bool) -> None:
        cx = plan.placed.submission_sets[0].patient_id

        def act(work: Work) -> int:
            if is_careful:
                registered = self._examined(work.connection, plan.contents, found)
            else:
                registered = Registered(self._view.standing(work.connection, cx))
                if any(patient_faults(plan.contents, registered.standing)):
                    raise _InTheWay
            number = self._terms.patient(work.connection, cx)
            self._write(work, plan, registered, number)
            work.audit(audit)
            return number

        self._terms.committed(cx, self._database.attempt(act))

    def _write(self, work: Work, plan: Plan, registered: Registered, patient: int) -> None:
        effects = effects_of(work.connection, self._store, plan.placed, registered.objects, plan.numbers, self._new_uuid)
        changes = plan.changes
        now = filing.instant(work.now)
        complete(changes, patient, now)
        for row in changes.entries:
            row["copy"] = copy_number(row, registered, Kind.ENTRY)
        added = [filing.association_row(association, plan.numbers) for association in effects.associations]
        whole = Changes(
            entries=changes.entries,
            submission_sets=changes.submission_sets,
            folders=changes.folders,
            associations=changes.associations + added,
            reference_ids=changes.reference_ids,
            deprecated=set(effects.deprecated),
        )
        if not self._store.file(work.connection, whole):
            raise _InTheWay
        self._store.touch_folders(work.connection, effects.grown_folders, now)

    def _registered(self, connection: Connection, contents: Contents, *, lock: bool = False) -> Registered:
        return self._view.registered(connection, contents, references(contents) | submitted_uuids(contents), lock=lock)

    def _examined(self, connection: Connection, contents: Contents, found: Sequence[Violation]) -> Registered:
        registered = self._registered(connection, contents, lock=True)
        faults = tuple(registry_faults(contents, registered))
        if faults:
            raise Rejected((*found, *faults))
        return registered


def require_bounded(submission: Submission, settings: RegistrySettings) -> None:
    """Raises `Rejected` for more objects than one submission may bring."""
    size = len(submission.entries) + len(submission.folders) + len(submission.associations)
    if size > settings.max_objects:
        raise Rejected(violation(Condition.TOO_LARGE, "", f"more than {settings.max_objects} objects in one submission"))


def terms_of(submission: Submission) -> Iterator[filing.Term]:
    """Everything of a submission that the tables hold as a number, and what its effects ask for."""
    for entry in submission.entries:
        yield from filing.terms_of_entry(entry)
    for submission_set in submission.submission_sets:
        yield from filing.terms_of_set(submission_set)
    for folder in submission.folders:
        yield from filing.terms_of_folder(folder)
    for association in submission.associations:
        yield ASSOCIATION_TYPE, association.type
    yield from TYPES_NEEDED


def complete(changes: Changes, patient: int, now: int) -> None:
    """What is known in the unit of work only."""
    for row in (*changes.entries, *changes.submission_sets, *changes.folders):
        row["patient"] = patient
    for row in changes.folders:
        row["last_update_time"] = now


def copy_number(row: Row, registered: Registered, kind: Kind) -> int:
    """The number of an entry or folder among those with its uniqueId."""
    known = registered.namesakes.get(str(row["unique_id"]), ())
    return max((obj.copy + 1 for obj in known if obj.kind is kind), default=0)
