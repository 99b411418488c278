"""One stored query: its parameters read, its patients resolved, its objects found and shown (ITI-18, ITI-51)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy.engine import Connection

from affinity.model import Standing
from ebrim.query import LEAF_CLASS, OBJECT_REF, StoredQuery, parse_slot
from kernel.errors import Condition, Rejected, rejected, violation
from kernel.identifiers import parse_cx
from kernel.statements import Parameters
from registry.ports import PatientDirectory
from registry.queries import answers
from registry.queries.catalogue import CATALOGUE, Definition, Family
from registry.queries.domain import extended
from registry.queries.families import FAMILIES
from registry.queries.parameters import Arguments, read_arguments
from registry.queries.search import Found, Search
from registry.settings import RegistrySettings
from registry.terms import Terms

_OF_ONE_STATEMENT: Final = frozenset({Family.FIND_ENTRIES, Family.FIND_SETS, Family.FIND_FOLDERS})
_RETURN_TYPES: Final = (LEAF_CLASS, OBJECT_REF)
_PATIENT_PARAMETERS: Final = frozenset(definition.patient for definition in CATALOGUE.values() if definition.patient)


@dataclass(frozen=True, slots=True)
class Question:
    """A stored query whose parameters are right."""

    definition: Definition
    arguments: Arguments
    whole: bool

    @property
    def is_one_statement(self) -> bool:
        """Whether one statement finds everything, and nothing found can still make the answer a refusal but its number."""
        return self.definition.family in _OF_ONE_STATEMENT

    @property
    def is_broad(self) -> bool:
        """Whether it is about all patients."""
        return self.definition.is_multi_patient and not self.patient_ids

    @property
    def patient_ids(self) -> tuple[str, ...]:
        """The patient ids (CX) it asks for."""
        return self.arguments.values(self.definition.patient) if self.definition.patient else ()


class Querying:
    """Answers stored queries."""

    def __init__(self, *, terms: Terms, directory: PatientDirectory, settings: RegistrySettings) -> None:
        self._terms = terms
        self._directory = directory
        self._settings = settings
        self._catalogue = extended(settings.queries)

    def read(self, query: StoredQuery, *, multi_patient: bool) -> Question:
        """What is asked. Raises `Rejected` with everything that is wrong with it."""
        definition = self._catalogue.get(query.query_id.strip().lower())
        if definition is None or definition.is_multi_patient is not multi_patient:
            raise rejected(Condition.QUERY_UNKNOWN, "AdhocQuery", "no stored query of this transaction has this id")
        if query.return_type not in _RETURN_TYPES:
            raise rejected(Condition.PARAMETER_INVALID, "returnType", "neither LeafClass nor ObjectRef")
        arguments = read_arguments(query, definition.by_name, definition.choices, max_values=self._settings.max_values)
        return Question(definition, arguments, query.return_type == LEAF_CLASS)

    def patients_named(self, query: StoredQuery) -> tuple[str, ...]:
        """The patient ids (CX) that can be read in a query, also in one that is wrong: its refusal is on their record too."""
        slots = [slot for slot in query.slots if slot.name in _PATIENT_PARAMETERS]
        texts = (text.strip() for slot in slots for text in parse_slot(slot)[0].texts)
        return tuple(dict.fromkeys(text for text in texts if parse_cx(text)))[: self._settings.max_values]

    def answer_at_once(self, connection: Connection, question: Question, audit: Parameters | None) -> tuple[bytes, ...] | None:
        """The fragments of the answer by one statement, which also puts them on record when `audit` is given (PostgreSQL).

        None where that cannot be, or where nothing is found: then `answer` tells why. Raises `Rejected` when there are too many.
        """
        if not question.is_one_statement or len(question.patient_ids) != 1:
            return None
        patient_id = parse_cx(question.patient_ids[0])
        meant = self._directory.meant(patient_id) if patient_id else None
        if meant is None:
            return None
        search = self._search(connection, question)
        search.meant, search.audit = meant, audit
        found = FAMILIES[question.definition.family](search)
        if not search.has_found:
            return None
        if not question.whole:
            return tuple(answers.references(found))
        return tuple(answers.whole(found, {row.patient: row.survivor for row in found.objects()}))

    def answer(self, connection: Connection, question: Question) -> tuple[bytes, ...]:
        """The fragments of the answer. Raises `Rejected` when there are too many, or of several patients."""
        standings = self._standings(connection, question)
        patients = None
        if question.patient_ids:
            cxs = [known.cx for standing in standings.values() for known in standing.all_ids if standing.active]
            patients = self._terms.patients(connection, cxs)
            if not patients:
                return ()
        search = self._search(connection, question)
        search.patients = patients
        found = FAMILIES[question.definition.family](search)
        if found.size > search.limit:
            raise Rejected(violation(Condition.TOO_MANY_RESULTS, "", f"more than {search.limit} objects"))
        if not question.whole:
            return tuple(answers.references(found))
        return tuple(answers.whole(found, self._shown(connection, question, found, standings)))

    def _search(self, connection: Connection, question: Question) -> Search:
        limit = self._settings.max_results if question.whole else self._settings.max_references
        return Search(connection, question.definition, question.arguments, self._terms, limit, question.whole)

    def _standings(self, connection: Connection, question: Question) -> Mapping[str, Standing]:
        standings: dict[str, Standing] = {}
        for cx in question.patient_ids:
            patient_id = parse_cx(cx)
            assert patient_id is not None
            standing = self._directory.standing(patient_id, connection)
            if not standing.known and self._settings.unknown_patient_is_error:
                raise rejected(Condition.PATIENT_UNKNOWN, question.definition.patient, "the patient id is not known")
            standings[cx] = standing
        return standings

    def _shown(
        self, connection: Connection, question: Question, found: Found, standings: Mapping[str, Standing]
    ) -> Mapping[int, str]:
        """The patient id to show for each one that objects were filed under: that of the survivor."""
        numbers = {row.patient for row in found.objects()}
        if len(standings) == 1 and numbers:
            survivor = next(iter(standings.values())).survivor.cx
            return dict.fromkeys(numbers, survivor)
        shown = {number: self._survivor(connection, cx) for number, cx in self._terms.patient_ids(connection, numbers).items()}
        if len(set(shown.values())) > 1 and not question.definition.is_multi_patient:
            told = "the objects belong to several patients; ask for references"
            raise Rejected(violation(Condition.SEVERAL_PATIENTS, "", told))
        return shown

    def _survivor(self, connection: Connection, cx: str) -> str:
        patient_id = parse_cx(cx)
        return self._directory.standing(patient_id, connection).survivor.cx if patient_id else cx
